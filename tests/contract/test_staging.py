"""
A right server behind what stands before an API that is live: what a run says of it, and how many
requests that costs by the server's own count.

A window of a rate limit, a restart and a job take seconds here; JOBPROOF_STAGING_WINDOW_S=60
(`tox -e staging`) has them take as long as they do in the world.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.edited_api import edited, put_key
from tests.staging import (
    Ask,
    Challenge,
    Drop,
    Forbid,
    Front,
    Hang,
    Hindrance,
    Lag,
    Latency,
    Limit,
    LineEnd,
    Restart,
    reply,
    retry_in_date,
    retry_in_fraction,
    retry_in_seconds,
)
from tests.tools import JOBPROOF, run_to_end
from tests.wire import Certificates

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.mock import MockServer
from jobproof.contract.model.api import Api
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.reporting.outcome import outcome_of_run
from jobproof.contract.suite.reporting.report import build_report
from jobproof.contract.suite.running.run import Run

API = find_api(default_api())
CHECKS = load_checks()
WINDOW_S = float(os.environ.get("JOBPROOF_STAGING_WINDOW_S", "2"))
JOB_S = 3 * WINDOW_S
YEAR_S = 365 * 24 * 3600
AWAY = b'{"error": "restarting"}'
FEW = 6
"""So many requests are a handful."""
_AWAY_LOOKS = 8
"""How often a server that is away is looked for, two questions at once included."""


@dataclass
class Undergone:
    """
    What a run left behind, and what the server has seen of it.
    """

    report: JsonDocument
    front: Front
    planned: int

    @property
    def said(self) -> tuple[str, int]:
        return self.report["verdict"], self.report["exit_code"]

    @property
    def why(self) -> str:
        return str(self.report["why"])

    @property
    def broken(self) -> set[str]:
        return {f["check"] for f in self.report["findings"] if f["breaks"]}


def ran(
    *worlds: Hindrance,
    api: Api = API,
    lives: tuple[str, ...] = ("old-image",),
    forbidden: int | None = None,
    pace: float = 1.0,
    watch_s: float = 8.0,
    **values: Any,
) -> Undergone:
    """
    A whole plan in this process, over sockets.

    Args:
        lives: Whose jobs are asked for.
        forbidden: By which code the owner's token is refused.
        pace: What part of a wait is waited.
    """
    with MockServer(api) as mock:
        gate = () if forbidden is None else (Forbid(mock.token, forbidden),)
        with Front(mock, *worlds, *gate) as front, Client(exact_framing=True) as client:
            target = target_from(
                {
                    "api": str(api.folder),
                    "url": front.url,
                    "job": [job.id for job in mock.jobs if job.life in lives],
                    "token_env": "T",
                    "effort": "quick",
                    "poll_interval": 0.05,
                    "seed": 7,
                    **values,
                },
                environ={"T": mock.token},
            )
            target = replace(target, watch_s=watch_s)
            run = Run(target, CHECKS, client, wait=lambda seconds: time.sleep(seconds * pace))
            run.execute()
            outcome = outcome_of_run(run, generated=False)
            report = build_report(run, outcome, started_at=0.0, duration_s=1.0)
            assert run.requests == front.requests or 0 in front.codes
            return Undergone(report, front, len(run._plan))


@pytest.fixture(scope="module")
def undisturbed() -> Undergone:
    ended = ran()
    assert ended.said == ("kept", 0), ended.why
    return ended


def test_the_front_alone_changes_nothing(undisturbed: Undergone) -> None:
    assert not undisturbed.report["findings"] or not undisturbed.broken
    assert undisturbed.front.requests == sum(undisturbed.front.codes.values())
    assert undisturbed.front.codes[200] > 3


# -- who isn't let in -------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 20])
def test_a_challenge_ends_the_run_after_a_handful(after: int) -> None:
    ended = ran(Challenge(after))
    assert ended.said == ("inconclusive", 3)
    assert "answers that weren't the API's own" in ended.why
    assert after < ended.front.requests <= after + FEW


@pytest.mark.parametrize("code", [401, 403])
def test_a_token_that_isn_t_accepted_ends_the_run_at_the_first_questions(code: int) -> None:
    ended = ran(forbidden=code)
    assert ended.said == ("inconclusive", 3)
    assert ended.why.startswith(f"the token isn't accepted: {code} for each job")
    assert ended.front.requests <= FEW


# -- who is away ------------------------------------------------------------------------------


def test_nobody_is_waited_for_who_was_never_there() -> None:
    ended = ran(Drop())
    assert ended.said == ("inconclusive", 3)
    assert ended.why.startswith("no request was answered")
    assert ended.front.requests <= FEW


def test_a_server_that_answers_no_more_is_looked_for_and_then_given_up() -> None:
    ended = ran(Drop(20), pace=0.1)
    assert ended.said == ("inconclusive", 3)
    assert ended.why.startswith("the endpoint stopped answering after 19 requests")
    # A connection that was used before is closed for many a reason: libcurl dials once more.
    assert 20 < ended.front.requests <= 19 + _AWAY_LOOKS + 1


def test_a_server_that_stays_out_of_service_is_given_up_too() -> None:
    ended = ran(Restart(20, seconds=YEAR_S, how=reply(503, AWAY)), pace=0.1)
    assert ended.said == ("inconclusive", 3)
    assert ended.why.startswith("the endpoint went out of service (503) after 19 requests")
    assert 20 < ended.front.requests <= 19 + _AWAY_LOOKS


@pytest.mark.parametrize("at", [1, 20])
def test_what_hangs_twice_is_given_up(at: int) -> None:
    ended = ran(Hang(at), timeout=0.5)
    assert ended.said == ("inconclusive", 3)
    expected = "no request was answered" if at == 1 else "the endpoint stopped answering after 19"
    assert ended.why.startswith(expected)
    assert ended.front.requests <= at + FEW


RESTART_S = min(WINDOW_S / 2, 5.0)
RESTARTS: dict[str, Callable[[], bytes | LineEnd]] = {
    "closed": lambda: LineEnd.CLOSE,
    "refused": lambda: LineEnd.GONE,
    "503": lambda: reply(503, AWAY),
    "503-page": lambda: reply(503, b"<html>restarting</html>", kind="text/html"),
    "503-seconds": lambda: reply(503, AWAY, f"Retry-After: {retry_in_seconds(RESTART_S)}"),
    "503-date": lambda: reply(503, AWAY, f"Retry-After: {retry_in_date(RESTART_S)}"),
}


@pytest.mark.parametrize("how", RESTARTS)
def test_a_restart_is_waited_for_and_no_question_lost(how: str, undisturbed: Undergone) -> None:
    ended = ran(Restart(20, seconds=RESTART_S, how=RESTARTS[how]()))
    assert ended.said == ("kept", 0), ended.why
    codes, right = ended.front.codes, undisturbed.front.codes
    # All that is answered by a server at peace has been answered, and nothing in excess but looks.
    assert all(codes[code] >= count for code, count in right.items())
    assert ended.front.requests <= undisturbed.front.requests + _AWAY_LOOKS + 1
    assert 1 <= codes[503] + codes[0] <= _AWAY_LOOKS + 1


def test_a_restart_is_waited_for_by_all_who_ask_side_by_side(undisturbed: Undergone) -> None:
    ended = ran(Latency(0.08), Restart(20, seconds=1.0, how=LineEnd.GONE))
    assert ended.said == ("kept", 0), ended.why
    codes, right = ended.front.codes, undisturbed.front.codes
    assert all(codes[code] >= count for code, count in right.items())


def test_one_question_that_nobody_answers_is_no_outage(undisturbed: Undergone) -> None:
    class NoDelete(Hindrance):
        def before(self, ask: Ask) -> LineEnd | None:
            return LineEnd.CLOSE if ask.method == "DELETE" else None

    ended = ran(NoDelete())
    assert ended.said == ("kept", 0), ended.why
    asked = Counter(ask.method for ask in undisturbed.front.asked)
    assert ended.front.codes[0] <= 2 * asked["DELETE"]


# -- who asks to be left alone ----------------------------------------------------------------


@pytest.mark.parametrize("say", [retry_in_seconds, retry_in_date, retry_in_fraction, None])
@pytest.mark.parametrize(("most", "effort"), [(12, "quick"), (60, "standard")])
def test_what_a_limit_puts_off_is_asked_again(
    most: int, effort: str, say: Callable[[float], str] | None
) -> None:
    calm = ran(effort=effort)
    ended = ran(Limit(most, window_s=WINDOW_S, say=say), effort=effort)
    assert ended.said == ("kept", 0), (ended.why, ended.broken)
    throttled = ended.front.codes.pop(429)
    assert throttled
    assert ended.front.requests <= calm.front.requests + throttled
    # After 25 s nothing is repeated any more, however much time a limit has taken.
    if calm.front.requests / most * WINDOW_S < 25:
        assert ended.front.codes == calm.front.codes
    assert ended.front.codes.keys() == calm.front.codes.keys()
    if say is not None:
        # Who says when is asked then and not before: no question comes in vain again and again.
        assert throttled < calm.front.requests


@pytest.mark.parametrize("code", [429, 503])
def test_whoever_wants_a_year_gets_it_at_once(code: int) -> None:
    ended = ran(Restart(20, seconds=YEAR_S, how=reply(code, AWAY, f"Retry-After: {YEAR_S}")))
    assert ended.said == ("inconclusive", 3)
    assert f"{code} with Retry-After: nothing more for 365d" in ended.why
    # On a busy machine answers are slow, and eight questions are put side by side.
    assert ended.front.requests <= 20 + FEW + 2 * 8


@pytest.mark.parametrize(
    "value", ["\u00b2", "\xff", "soon", "", "0", "-1", "1e3", "nan", "1, 2", "Thu, 32 Foo 2026"]
)
def test_no_retry_after_is_too_odd_for_a_run(value: str) -> None:
    ended = ran(Limit(20, window_s=0.5, say=lambda _left_s: value))
    assert ended.said[0] in ("kept", "broken")
    assert ended.broken <= {"retry_after_is_well_formed"}
    assert ended.front.codes[429]
    assert ended.front.requests >= ended.planned + ended.front.codes[429]


# -- who is slow ------------------------------------------------------------------------------


def test_slow_answers_are_waited_for_side_by_side(undisturbed: Undergone) -> None:
    ended = ran(Latency(0.08), timeout=30)
    assert ended.said == ("kept", 0), ended.why
    assert ended.front.requests == undisturbed.front.requests
    assert 2 < ended.front.most_at_once <= 8


def long_job(folder: Path) -> Api:
    """
    The API, with a job that takes its time.
    """
    return edited(folder, mock=put_key("lives.timed.stages.3.after", f"{JOB_S:g}s"))


class SaysWhen(Hindrance):
    """
    A job that runs says when to look again.
    """

    def after(self, ask: Ask, answer: bytes) -> bytes:
        is_running = answer.startswith(b"HTTP/1.1 200") and b"processing" in answer
        if ask.method != "GET" or not is_running:
            return answer
        return answer.replace(b"\r\n", b"\r\nRetry-After: 1\r\n", 1)


def test_a_job_that_runs_long_is_polled_less_and_less(tmp_path: Path) -> None:
    ended = ran(api=long_job(tmp_path), lives=("timed",), watch_s=WINDOW_S * 10)
    assert ended.said == ("kept", 0), (ended.why, ended.broken)
    assert ended.report["reach"]["job_statuses"]["completed"]
    # By the interval alone it were one each 0.05 s; at eight times the interval it is one in 0.4 s.
    polls = ended.front.shown["processing"]
    assert 3 <= polls <= 10 + JOB_S / 0.4


def test_a_job_that_says_when_to_look_again_is_left_alone_until_then(tmp_path: Path) -> None:
    api = long_job(tmp_path)
    ended = ran(SaysWhen(), api=api, lives=("timed",), watch_s=WINDOW_S * 10)
    assert ended.said == ("kept", 0), (ended.why, ended.broken)
    # What is asked of the job besides polls shows it running, too.
    own = ended.front.shown["processing"]
    assert 2 <= own <= 4 + JOB_S


# -- who is behind ----------------------------------------------------------------------------


BEHIND = ("image", "timed")
_STEPS_BACK = {
    *("terminal_status_is_final", "end_time_is_stable", "status_moves_forward"),
    "ended_job_is_frozen",
    "job_is_the_same_however_asked",
}


def test_a_replica_that_may_be_behind_breaks_nothing() -> None:
    ended = ran(Lag(0.5), lives=BEHIND, staleness="60s")
    assert ended.said == ("kept", 0), (ended.why, ended.broken)
    assert ended.report["reach"]["staleness"]["observed_s"] > 0
    assert ended.report["notes"] == list(API.notes)


def test_a_replica_of_which_nobody_has_spoken_is_named() -> None:
    ended = ran(Lag(0.5), lives=BEHIND)
    # By what is written an end is an end; whether that was a replica nobody can tell from here.
    assert ended.broken <= _STEPS_BACK
    (note,) = set(ended.report["notes"]) - set(API.notes)
    assert "if replicas may be behind, say so with --staleness" in note
    (seconds,) = re.findall(r"--staleness (\d+s)$", note)
    assert ran(Lag(0.5), lives=BEHIND, staleness=seconds).said == ("kept", 0)


# -- the command itself -----------------------------------------------------------------------


@dataclass
class Printed:
    """
    What `jobproof test` printed, and came to.
    """

    code: int
    output: str
    errors: str
    report: JsonDocument

    @property
    def verdict(self) -> str:
        (line,) = [one for one in self.output.splitlines() if one.startswith("verdict: ")]
        return line

    @property
    def forecast(self) -> int:
        """
        How many requests the first line has promised.
        """
        found = re.search(r"about (\d+) requests", self.errors)
        assert found is not None, self.errors
        return int(found[1])


def command(
    folder: Path, front: Front, mock: MockServer, *options: str, trusted: Path | None = None
) -> Printed:
    job = next(job.id for job in mock.jobs if job.life == "old-image")
    done = run_to_end(
        *(*JOBPROOF, "test", "--url", front.url, "--job", job, "--token-env", "T", "--seed", "7"),
        *("--report", "report.json", *options),
        folder=folder,
        env={**os.environ, "T": mock.token, "SSL_CERT_FILE": str(trusted or "")},
    )
    assert "Traceback" not in done.stdout + done.stderr
    report = json.loads((folder / "report.json").read_text("utf-8"))
    return Printed(done.returncode, done.stdout, done.stderr, report)


def test_a_quick_run_of_one_ended_job_is_over_within_six_minutes_at_twelve(tmp_path: Path) -> None:
    with MockServer(API) as mock, Front(mock) as front:
        printed = command(tmp_path, front, mock, "--effort", "quick")
    assert printed.code == 0, printed.output
    assert front.requests == printed.report["requests"] <= 6 * 12
    # A question that is answered oddly is put in parts.
    assert printed.forecast <= front.requests <= printed.forecast + 3


def test_the_command_says_why_it_stopped(tmp_path: Path) -> None:
    with MockServer(API) as mock, Front(mock, Challenge(10)) as front:
        printed = command(tmp_path, front, mock, "--effort", "quick")
    assert printed.code == 3
    assert printed.verdict.startswith("verdict: inconclusive: answers that weren't the API's own")
    assert front.requests == printed.report["requests"] <= 10 + FEW


def test_the_command_sits_out_a_restart_in_the_middle_of_generated_cases(tmp_path: Path) -> None:
    restart = Restart(110, seconds=1.0, how=LineEnd.GONE)
    with MockServer(API) as mock, Front(mock, restart) as front:
        printed = command(tmp_path, front, mock, "--effort", "standard")
    assert printed.code == 0, printed.output
    assert front.codes[0]


def test_the_command_keeps_to_a_limit_in_all_that_it_asks(tmp_path: Path) -> None:
    with MockServer(API) as mock, Front(mock) as calm:
        command(tmp_path, calm, mock)
    with MockServer(API) as mock, Front(mock, Limit(60, window_s=WINDOW_S)) as front:
        printed = command(tmp_path, front, mock)
    assert printed.code == 0, printed.output
    assert front.codes[429]
    assert front.requests == printed.report["requests"] <= calm.requests + 2 * front.codes[429]


def test_a_certificate_of_ones_own_authority_is_trusted_by_name(tmp_path: Path) -> None:
    own = Certificates.new()
    with MockServer(API) as mock, Front(mock, tls=own.good()) as front:
        printed = command(tmp_path, front, mock, "--effort", "quick")
        assert printed.code == 3
        assert "(--ca-file FILE.pem names certificates to trust)" in printed.verdict
        assert front.requests == 0
        trusted = own.bundle(tmp_path)
        printed = command(tmp_path, front, mock, "--effort", "quick", trusted=trusted)
    assert printed.code == 0, printed.output
    assert front.requests == printed.report["requests"]
