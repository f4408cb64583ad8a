"""
What a run didn't see it doesn't call kept: worlds in which little is to be seen, on real
sockets and by the real command, and what verdict, exit code, JUnit and report say of each.
"""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.contract.small_api import JOB, small_folder
from tests.right_server import DROPPED, TOKEN, Asked, RightServer, reply, served
from tests.servers import free_port
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract.model.exchange import Credential
from jobproof.contract.suite.planning.plan import build_plan
from jobproof.contract.suite.planning.target_options import target_from

Answer = Callable[[Asked], bytes | None]

ESSENTIAL = (
    "body_matches_schema",
    "job_id_is_echoed",
    "status_is_documented",
    "unknown_id_is_not_found",
)
NO_FOREIGN = "no job of somebody else's was given (--foreign-job)"
NO_JOB = "no answer held a job"
DONE = {"id": JOB, "status": "done"}


@dataclass(frozen=True)
class Outcome:
    """
    Attributes:
        states: What the report says of each check.
        whys: What was lacking, by the checks that weren't reached.
        nodes: What JUnit says of each node: passed, failed, or the reason of a skip.
    """

    code: int
    printed: str
    report: Mapping[str, Any]
    nodes: Mapping[str, str]
    states: Mapping[str, str] = field(init=False)
    whys: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        checks = self.report["checks"]
        object.__setattr__(self, "states", {c["id"]: c["state"] for c in checks})
        whys = {c["id"]: c["why"] for c in checks if c["why"] is not None}
        object.__setattr__(self, "whys", whys)

    @property
    def verdict(self) -> str:
        return str(self.report["verdict"])

    @property
    def missing(self) -> str:
        return "; ".join(self.report["reach"]["missing"])

    def kept(self) -> set[str]:
        return {check for check, state in self.states.items() if state == "kept"}


def world(
    folder: Path,
    odd: Answer = lambda _asked: None,
    *options: str,
    url: str | None = None,
    edit: Callable[[Any], object] = lambda _document: None,
    token: str = TOKEN,
    server: Mapping[str, Any] | None = None,
    **profile: Any,
) -> Outcome:
    """
    One run of the command against a server that answers as `odd` says, else rightly; whatever
    comes of it, its outputs agree.
    """
    small_folder(folder, security=[{"bearer": []}], **profile)
    place = folder / "openapi.json"
    document = json.loads(place.read_text("utf-8"))
    edit(document["paths"]["/jobs/{id}"]["get"]["responses"])
    place.write_text(json.dumps(document), "utf-8")
    right = RightServer(odd=odd, job=DONE, **(server or {}))
    with served(right) as there:
        outcome = run(folder, url or there, *options, token=token)
    agree(outcome)
    return outcome


def run(folder: Path, url: str, *options: str, token: str) -> Outcome:
    report, junit = folder / "report.json", folder / "junit.xml"
    done = run_to_end(
        *(*JOBPROOF, "test", "--api", str(folder), "--url", url, "--job", JOB),
        *("--effort", "quick", "--poll-interval", "0.01", "--timeout", "2"),
        *("--report", str(report), "--junit", str(junit), *options),
        folder=folder,
        env={**os.environ, "JOBPROOF_TOKEN": token},
    )
    assert "Traceback" not in done.stdout + done.stderr
    return Outcome(done.returncode, done.stdout, json.loads(report.read_text("utf-8")), read(junit))


def read(junit: Path) -> dict[str, str]:
    nodes = {}
    for case in ET.parse(junit).getroot().iter("testcase"):
        skipped = case.find("skipped")
        is_red = case.find("failure") is not None or case.find("error") is not None
        reason = "" if skipped is None else skipped.get("message", "")
        nodes[case.get("name", "")] = "failed" if is_red else reason or "passed"
    return nodes


def agree(outcome: Outcome) -> None:
    """
    Exit code, last lines, JUnit and report say the same.
    """
    report, nodes = outcome.report, outcome.nodes
    assert outcome.code == report["exit_code"]
    assert {"kept": 0, "broken": 1, "inconclusive": 3}[outcome.verdict] == outcome.code
    (line,) = re.findall(r"^verdict: (\w+)", outcome.printed, re.MULTILINE)
    assert line == outcome.verdict
    for check, state in outcome.states.items():
        said = nodes[f"test_promise[{check}]"]
        expected = {"broken": "failed", "not_reached": outcome.whys.get(check)}
        assert said == expected.get(state, "passed"), check
        if state == "kept":
            assert report["reach"]["checks"][check]["answers"] > 0, check
    assert (outcome.verdict == "broken") == ("broken" in outcome.states.values())
    is_short = nodes["test_run_reaches_the_contract"] == "failed"
    assert is_short == bool(report["reach"]["missing"])
    assert (outcome.verdict == "kept") == ("failed" not in nodes.values())
    counted = {
        word: int(number)
        for number, word in re.findall(r"(\d+) (passed|failed|skipped)", outcome.printed)
    }
    verdicts = [said if said in ("passed", "failed") else "skipped" for said in nodes.values()]
    assert counted == {word: verdicts.count(word) for word in set(verdicts)}
    # Each lack is told once, and each check that wasn't reached belongs to one.
    shown = "no answer showed what they speak of"
    lacks = {shown if c["lack"] == "not_shown" else c["why"] for c in report["checks"] if c["lack"]}
    lines = [text for text in outcome.printed.splitlines() if text.startswith("not reached: ")]
    assert len(lines) == len(lacks)
    assert all(any(line.startswith(f"not reached: {lack}: ") for line in lines) for lack in lacks)


def after(how_many: int, answer: bytes) -> Answer:
    """
    Answers rightly so many times, then so.
    """
    asked = count()
    return lambda _asked: answer if next(asked) >= how_many else None


def for_job(answer: bytes | Callable[[], bytes]) -> Answer:
    """
    The job alone is answered so, whoever asks by GET or HEAD.
    """

    def instead(asked: Asked) -> bytes | None:
        if not asked.is_for_the_job or asked.method not in ("GET", "HEAD"):
            return None
        return answer if isinstance(answer, bytes) else answer()

    return instead


def json_reply(body: object, code: int = 200) -> bytes:
    return reply(code, json.dumps(body).encode())


# -- a right server: what wasn't given is named once, and the verdict stands ------------------


def test_inputs_that_weren_t_given_are_named_once_and_leave_the_verdict(tmp_path: Path) -> None:
    seen = world(tmp_path)
    assert (seen.verdict, seen.code, seen.missing) == ("kept", 0, "")
    foreign = {"foreign_job_is_hidden", "foreign_job_looks_unknown"}
    assert {check for check, why in seen.whys.items() if why == NO_FOREIGN} == foreign
    assert seen.printed.count("--foreign-job") == 1
    assert set(ESSENTIAL) <= seen.kept()


def test_what_the_answers_never_held_isn_t_kept(tmp_path: Path) -> None:
    seen = world(tmp_path)
    assert seen.whys["throttling_says_when"] == "no answer was a 429"
    assert seen.whys["not_modified_means_unchanged"].startswith("no answer was a 304")
    assert seen.whys["links_use_safe_schemes"] == "no job had a link"
    assert seen.whys["status_moves_forward"] == "no job was seen again before its end"
    assert seen.whys["creation_time_is_past"] == "no job said when it was created"
    assert seen.whys["entity_tag_changes_with_body"] == "no job was seen twice with an entity tag"
    assert {"terminal_status_is_final", "ended_job_is_frozen"} <= seen.kept()


def test_reach_is_a_matrix_for_each_check(tmp_path: Path) -> None:
    checks = world(tmp_path).report["reach"]["checks"]
    outsiders = checks["token_is_required"]
    answers = outsiders["answers"]
    assert answers >= 3
    assert outsiders["codes"] == {"401": answers}
    assert set(outsiders["subjects"]) >= {"known", "missing"}
    assert sum(outsiders["subjects"].values()) == answers
    assert outsiders["credentials"] == {"none": answers}
    assert sum(outsiders["methods"].values()) == answers
    assert outsiders["statuses"] == {}
    final = checks["terminal_status_is_final"]
    assert final["answers"] > 0
    assert final["statuses"] == {"done": final["answers"]}
    assert checks["foreign_job_is_hidden"]["answers"] == 0


def test_a_throttled_answer_is_a_look_at_what_it_says(tmp_path: Path) -> None:
    once = count()
    throttled = reply(429, b"{}", "Retry-After: 1")
    seen = world(tmp_path, for_job(lambda: throttled if next(once) == 2 else json_reply(DONE)))
    assert seen.verdict == "kept"
    assert seen.states["throttling_says_when"] == "kept"


# -- worlds in which nothing can be said -------------------------------------------------------

PAGE = reply(403, b"<html><title>Attention</title></html>", kind="text/html")


def test_a_page_that_refuses_every_request_keeps_nothing(tmp_path: Path) -> None:
    tickets = count()

    def page(_asked: Asked) -> bytes:
        body = b"<html><title>Attention</title>ray %d</html>" % next(tickets)
        return reply(403, body, kind="text/html")

    seen = world(tmp_path, page)
    assert seen.verdict == "inconclusive"
    assert seen.kept() == set()
    assert all(check in seen.missing for check in ESSENTIAL)


def test_a_page_that_comes_half_way_keeps_what_was_seen_before(tmp_path: Path) -> None:
    # The first sequence is asked alone: an unknown id, by its owner and by strangers.
    seen = world(tmp_path, after(4, PAGE))
    assert seen.verdict != "kept"
    assert seen.states["unknown_id_is_not_found"] == "kept"
    for check in ("malformed_id_is_refused", "altered_id_finds_nothing"):
        assert seen.states[check] == "not_reached"


def test_what_an_intermediary_answers_is_asked_and_is_no_look(tmp_path: Path) -> None:
    marked = reply(403, b"<html></html>", "cf-mitigated: challenge", kind="text/html")
    others = after(4, marked)
    seen = world(tmp_path, lambda asked: marked if asked.is_for_the_job else others(asked))
    assert seen.verdict == "inconclusive"
    assert seen.states["unknown_id_is_not_found"] == "kept"
    assert seen.whys["job_id_is_echoed"] == NO_JOB
    # Which of the odd ids were under way when the run stopped, nobody can tell.
    why = seen.whys["malformed_id_is_refused"]
    assert why in ("no answer of the API itself came", "no hostile id was asked for")
    assert seen.states["endpoint_is_available"] == "not_reached"


def test_a_server_that_is_dropped_says_so_and_keeps_what_was_seen(tmp_path: Path) -> None:
    seen = world(tmp_path, after(12, DROPPED))
    assert seen.verdict == "inconclusive"
    assert "the endpoint stopped answering after 12 requests" in seen.missing
    assert "stopped answering after 12 requests" in seen.printed
    assert seen.states["unknown_id_is_not_found"] == "kept"
    assert seen.states["endpoint_is_available"] == "not_reached"
    assert seen.states["altered_id_finds_nothing"] == "not_reached"


def test_what_there_was_one_of_is_told_as_one(tmp_path: Path) -> None:
    assert "stopped answering after 1 request;" in world(tmp_path, after(1, DROPPED)).missing
    assert "1 body of a known job was validated" in world(tmp_path, after(3, DROPPED)).missing


def test_a_server_that_dislikes_the_last_requests_alone_is_still_there(tmp_path: Path) -> None:
    seen = world(tmp_path, lambda asked: DROPPED if asked.method in ("TRACE", "QUERY") else None)
    assert "stopped answering" not in seen.printed
    assert seen.verdict == "kept"


def test_nobody_there_keeps_nothing(tmp_path: Path) -> None:
    seen = world(tmp_path, url=f"http://127.0.0.1:{free_port()}")
    assert seen.verdict == "inconclusive"
    assert set(seen.states.values()) == {"not_reached"}


def test_a_token_that_isn_t_let_in_shows_no_job(tmp_path: Path) -> None:
    seen = world(tmp_path, token="a-token-that-nobody-has")
    assert seen.verdict == "inconclusive"
    assert not set(ESSENTIAL[1:]) & seen.kept()
    assert "the token isn't accepted" in seen.report["why"]


def test_out_of_service_keeps_nothing(tmp_path: Path) -> None:
    busy = json_reply({"error": "maintenance"}, 503)
    seen = world(tmp_path, lambda _asked: busy, "--job-deadline", "1")
    assert seen.verdict == "inconclusive"
    assert seen.kept() == set()


@pytest.mark.parametrize("code", [429, 503])
def test_an_unknown_id_that_is_never_answered_for_what_it_is(tmp_path: Path, code: int) -> None:
    def busy(asked: Asked) -> bytes | None:
        is_right = asked.headers.get("authorization") == f"Bearer {TOKEN}"
        return json_reply({"error": "busy"}, code) if is_right and b" 404 " in asked.right else None

    # Who names no time is left alone for longer each time: from little on it isn't long.
    seen = world(tmp_path, busy, "--budget", "40", "--poll-interval", "0.001")
    assert seen.verdict == "inconclusive"
    assert "unknown_id_is_not_found never looked at an answer: " in seen.missing
    assert seen.states["job_id_is_echoed"] == "kept"


def test_no_unknown_id_within_the_budget_is_no_look(tmp_path: Path) -> None:
    seen = world(tmp_path, lambda _asked: None, "--budget", "1")
    assert seen.verdict == "inconclusive"
    assert seen.states["unknown_id_is_not_found"] == "not_reached"
    assert seen.states["job_id_is_echoed"] == "kept"


# -- answers that can't be held to anything ----------------------------------------------------


def _schema(schema: object) -> Callable[[Any], object]:
    content = {} if schema is None else {"schema": schema}
    return lambda responses: responses.update(
        {"200": {"description": "", "content": {"application/json": content}}}
    )


OPEN = {
    "missing": None,
    "empty": {},
    "true": True,
    "only prose": {"title": "Job", "description": "A job.", "x-order": 1},
    "open object": {"properties": {}, "additionalProperties": True},
    "joined": {"allOf": [{}, {"description": "anything"}]},
}


@pytest.mark.parametrize("schema", OPEN.values(), ids=OPEN)
def test_an_answer_without_a_schema_isn_t_validated(tmp_path: Path, schema: object) -> None:
    seen = world(tmp_path, edit=_schema(schema))
    assert seen.verdict == "inconclusive"
    assert seen.report["reach"]["validated_bodies"] == 0
    assert "no schema for the body of a job was found in openapi.json" in seen.missing
    assert seen.states["job_id_is_echoed"] == "kept"


def test_an_answer_without_content_in_the_document_isn_t_validated(tmp_path: Path) -> None:
    seen = world(tmp_path, edit=lambda r: r.update({"200": {"description": ""}}))
    assert (seen.verdict, seen.report["reach"]["validated_bodies"]) == ("inconclusive", 0)


def test_any_object_is_a_schema(tmp_path: Path) -> None:
    seen = world(tmp_path, edit=_schema({"type": "object"}))
    assert seen.verdict == "kept"
    assert seen.report["reach"]["validated_bodies"] >= 3


def test_another_json_each_time_is_nobodys_job(tmp_path: Path) -> None:
    number = count()
    odd = for_job(lambda: json_reply({f"k{next(number)}": "something else"}))
    seen = world(tmp_path, odd, edit=_schema({"type": "object"}))
    assert seen.verdict in ("inconclusive", "broken")
    for check in ("job_id_is_echoed", "status_is_documented", "terminal_status_is_final"):
        assert seen.states[check] in ("not_reached", "broken")
        assert seen.states[check] != "kept"


def test_a_status_that_is_looked_for_where_it_isn_t_is_never_kept(tmp_path: Path) -> None:
    promise = {"basis": "documented", "source": "the document"}
    status = {
        "at": "/state",
        "words": {
            "queued": {"phase": "pending", "rank": 0},
            "done": {"phase": "succeeded", "rank": 1},
        },
        "terminal": promise,
        "backward": promise,
        **promise,
    }
    seen = world(tmp_path, edit=_schema({"type": "object"}), status=status)
    assert seen.code != 0
    assert "kept" not in {
        seen.states[check]
        for check in ("status_is_documented", "terminal_status_is_final", "ended_job_is_frozen")
    }
    assert seen.states["job_id_is_echoed"] == "kept"


def test_a_body_that_is_no_json_holds_no_job(tmp_path: Path) -> None:
    seen = world(tmp_path, for_job(reply(200, b"It works!", kind="application/json")))
    assert seen.verdict == "broken"
    assert seen.states["body_is_json"] == "broken"
    assert seen.whys["job_id_is_echoed"] == NO_JOB


def test_in_a_body_that_isn_t_utf8_nobody_looks_for_json(tmp_path: Path) -> None:
    seen = world(tmp_path, lambda asked: reply(200, b'{"id": "\xff"}'))
    assert seen.states["body_is_utf8"] == "broken"
    assert seen.whys["body_is_json"] == "no body was UTF-8"


def test_a_redirect_doesn_t_say_whether_there_is_such_a_job(tmp_path: Path) -> None:
    def log_in(asked: Asked) -> bytes:
        return reply(302, b"", f"Location: /login?next={asked.path}", kind=None)

    seen = world(tmp_path, log_in)
    assert seen.states["no_redirect"] == "broken"
    assert seen.states["unknown_id_is_not_found"] == "not_reached"


def test_204_shows_no_job(tmp_path: Path) -> None:
    seen = world(tmp_path, for_job(reply(204, b"", kind=None)))
    assert seen.verdict != "kept"
    assert seen.states["job_id_is_echoed"] == "not_reached"


# -- what is broken stays broken --------------------------------------------------------------


def test_a_broken_promise_is_told_although_little_was_reached(tmp_path: Path) -> None:
    seen = world(tmp_path, lambda _asked: json_reply({"error": "oops"}, 500))
    assert (seen.verdict, seen.code) == ("broken", 1)
    assert seen.states["no_server_error"] == "broken"
    assert not set(ESSENTIAL) & seen.kept()


def test_no_finding_that_breaks_hides_behind_one_that_warns(tmp_path: Path) -> None:
    # With a blank before it the id is taken leniently; without its end it must find nothing.
    def lenient(asked: Asked) -> bytes | None:
        is_near = asked.path.endswith((JOB[:-1], f"%20{JOB}"))
        return json_reply(DONE) if is_near and asked.method == "GET" else None

    seen = world(tmp_path, lenient, "--effort", "standard")
    assert seen.verdict == "broken"
    found = [f for f in seen.report["findings"] if f["check"] == "altered_id_finds_nothing"]
    assert [f["breaks"] for f in found] == [True]


def test_what_only_chance_breaks_is_red_under_its_own_name_as_well(tmp_path: Path) -> None:
    polls = count()
    small_folder(tmp_path, security=[{"bearer": []}])
    values = {"api": str(tmp_path), "url": "http://127.0.0.1:9", "job": [JOB], "token_env": "T"}
    plan = build_plan(target_from(values, environ={"T": TOKEN}))
    asked_for = [one for planned in plan for one in (planned, planned.beside) if one is not None]
    of_the_owner = [one for one in asked_for if one.credential is Credential.OWNER]
    planned_polls = sum(
        one.method == "GET" and one.job_id.lower().endswith(JOB) for one in of_the_owner
    )

    def now_and_then(asked: Asked) -> bytes | None:
        # Beyond the polls of the plan, and the parts of a question that this server declines.
        if not asked.is_for_the_job or asked.method != "GET" or next(polls) < planned_polls + 4:
            return None
        return json_reply({**DONE, "id": "0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"})

    seen = world(tmp_path, now_and_then, "--effort", "standard")
    assert seen.verdict == "broken"
    assert seen.states["job_id_is_echoed"] == "broken"
    first = {
        f["first_seen_by"] for f in seen.report["findings"] if f["check"] == "job_id_is_echoed"
    }
    assert "plan" not in first


def test_a_document_that_asks_for_no_token_needs_no_stranger(tmp_path: Path) -> None:
    small_folder(tmp_path, security=[])
    with served(RightServer(job=DONE, needs_token=False)) as url:
        seen = run(tmp_path, url, token="")
    agree(seen)
    assert (seen.verdict, seen.missing) == ("kept", "")
    assert seen.whys["token_is_required"].startswith("the document asks for no token")
