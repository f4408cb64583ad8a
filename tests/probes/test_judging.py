"""
From exchange to result: history, comparison, and our own failures.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest
from tests.contract.builders import replay
from tests.steps import steps_of

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.judging.judge import CRASHED, Judge
from jobproof.contract.model.check import Facet, check
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.finding import Basis, Drift, Kind, Remark, violation
from jobproof.contract.model.history.history import History
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.profile import ExpectedCode
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import find_api, load_checks
from jobproof.probes.engine.judging import RawResult, ResponseHistory, ResultJudge
from jobproof.probes.logs import set_up_logs
from jobproof.probes.result import ProbeOutcome

API = find_api("krea")
TOKEN = "sk-topsecret-0123456789"
ID = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
NOW = 1_700_000_100.0
JSON = (("Content-Type", "application/json"),)


def exchange(
    status: str = "queued",
    *,
    code: int = 200,
    at: float = NOW,
    subject: Subject = Subject.KNOWN,
    body: bytes | None = None,
) -> Exchange:
    request = Request("GET", f"http://h/jobs/{ID}", (), ID, subject, Credential.OWNER)
    job = {"job_id": ID, "status": status, "created_at": "2023-11-14T22:13:20.000Z"}
    if code == 404:
        job = {"error": "Job not found"}
    content = json.dumps(job).encode() if body is None else body
    return Exchange(request, Response(code, JSON, content, content), at, 0.1)


def asked(seen: Exchange | None, error: str | None = None) -> RawResult:
    request = seen.request if seen is not None else None
    return RawResult("t", "known", request, NOW, 0.5, 0.1, seen, error)


def judging(*checks: object) -> ResultJudge:
    chosen = checks or load_checks()
    return ResultJudge(API, Judge(chosen), Secret(TOKEN))  # type: ignore[arg-type]


def test_duration_counts_from_the_intended_start() -> None:
    result = judging()(asked(exchange())).result
    assert result.duration_s == pytest.approx(0.6)
    assert result.job_status == "queued"


def test_an_illegal_move_is_seen_in_the_history() -> None:
    court = judging()
    assert court(asked(exchange("completed", at=NOW))).result.findings is not None
    moved = court(asked(exchange("queued", at=NOW + 5))).result
    assert "terminal_status_is_final" in {finding.check for finding in moved.findings}
    assert moved.outcome is ProbeOutcome.VIOLATION


def test_what_came_before_travels_with_the_verdict() -> None:
    court = judging()
    court(asked(exchange("queued", at=NOW)))
    judged = court(asked(exchange("processing", at=NOW + 5)))
    assert [seen.exchange.started_at for seen in judged.earlier] == [NOW]


def _no_history() -> History:
    return History(API.lifecycle)


def _known(history: ResponseHistory, job_id: str) -> tuple[Observation, ...]:
    return Trace.after(history.of(job_id), API, API.observe(exchange(at=NOW + 1_000))).known


def test_a_long_wait_is_remembered_by_its_first_and_last_sight() -> None:
    history = ResponseHistory(_no_history)
    for second in range(100):
        status = "queued" if second < 60 else "processing"
        history.add(ID, API.observe(exchange(status, at=NOW + second)))
    times = [seen.exchange.started_at - NOW for seen in _known(history, ID)]
    assert times == [0.0, 59.0, 60.0, 99.0]


def test_history_is_bounded_in_jobs_sights_and_bytes() -> None:
    history = ResponseHistory(_no_history, jobs=3)
    for number in range(10):
        history.add(str(number), API.observe(exchange()))
    assert [str(number) in history for number in range(10)] == [False] * 7 + [True] * 3
    for turn in range(100):
        history.add("9", API.observe(exchange(("queued", "processing")[turn % 2])))
    assert len(_known(history, "9")) <= 16
    history.add("9", API.observe(exchange(body=b" " * 70_000)))
    kept = _known(history, "9")
    assert all(len(seen.response.body) < 70_000 for seen in kept if seen.response)


def test_our_own_failure_is_internal_and_hides_the_token() -> None:
    result = judging()(asked(None, "asking failed")).result
    assert (result.outcome, result.error) == (ProbeOutcome.INTERNAL, "asking failed")

    court = judging()
    object.__setattr__(court, "api", None)
    broken = court(asked(exchange())).result
    assert broken.outcome is ProbeOutcome.INTERNAL
    assert broken.error is not None
    assert broken.error.startswith("judging failed: AttributeError")


@check(basis=Basis.DOCUMENTED, source="test", about=Facet.RESPONSE)
def falls_over(trace: Trace) -> Iterator[Remark]:
    """
    Never holds.
    """
    raise KeyError(trace.latest.code)
    yield violation("body")


def test_a_check_that_crashes_is_a_violation_never_a_success() -> None:
    result = judging(falls_over)(asked(exchange())).result
    assert result.outcome is ProbeOutcome.VIOLATION
    assert [(f.check, f.pointer) for f in result.findings] == [(CRASHED, "falls_over")]


@pytest.mark.parametrize(("basis", "ends"), [("rfc", "violation"), ("inferred", "ok")])
def test_what_is_merely_inferred_makes_no_probe_a_failure(basis: str, ends: str) -> None:
    @check(basis=Basis(basis), source="test", about=Facet.RESPONSE)
    def never_holds(_: Trace) -> Iterator[Remark]:
        """
        Never holds.
        """
        yield violation("body", "as always", expected=1, found=2)

    result = judging(never_holds)(asked(exchange())).result
    assert [finding.check for finding in result.findings] == ["never_holds"]
    assert result.outcome is ProbeOutcome(ends)


def test_an_outage_doesn_t_spoil_the_comparison() -> None:
    court = judging()
    court(asked(exchange(code=404, subject=Subject.MISSING)))
    court(asked(exchange(code=503, subject=Subject.MISSING)))
    court(asked(exchange(code=429, subject=Subject.MISSING)))
    court(asked(exchange(code=408, subject=Subject.MISSING)))
    foreign = court(asked(exchange(code=404, subject=Subject.FOREIGN))).result
    assert foreign.outcome is ProbeOutcome.OK


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        *((code, "server_error") for code in (500, 501, 503, 599)),
        *((code, "redirect") for code in (300, 302, 399)),
        *((code, "auth") for code in (401, 403)),
        *((code, "unexpected_code") for code in (201, 204, 299, 400, 402, 405, 408, 409, 430, 499)),
        (404, "not_found"),
        (429, "rate_limited"),
        (200, "ok"),
    ],
)
def test_each_code_has_an_outcome_for_a_job_of_ones_own(code: int, outcome: str) -> None:
    assert judging(falls_silent)(asked(exchange(code=code))).result.outcome.value == outcome


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        *((code, "violation") for code in (200, 201, 299)),
        (404, "ok"),
        (408, "unexpected_code"),
        (429, "rate_limited"),
        (500, "server_error"),
        (403, "auth"),
        (302, "redirect"),
    ],
)
def test_each_code_has_an_outcome_for_somebody_elses_job(code: int, outcome: str) -> None:
    seen = exchange(code=code, subject=Subject.FOREIGN)
    assert judging(falls_silent)(asked(seen)).result.outcome.value == outcome


@check(basis=Basis.DOCUMENTED, source="test", about=Facet.RESPONSE)
def falls_silent(trace: Trace) -> Iterator[Remark]:
    """
    Always holds.
    """
    yield from ()


def test_what_denies_an_unknown_id_is_remembered_and_what_puts_off_is_not() -> None:
    kept = []
    codes = (200, 302, 399, 400, 404, 407, 408, 409, 410, 424, 425, 426, 429, 430, 499, 500, 503)
    for code in codes:
        court = judging(counts_baselines)
        court(asked(exchange(code=code, subject=Subject.MISSING)))
        result = court(asked(exchange(code=404, subject=Subject.FOREIGN))).result
        kept += [code for finding in result.findings if finding.found == 1]
    assert kept == [400, 404, 407, 409, 410, 424, 426, 430, 499]


@pytest.fixture
def own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, threading.excepthook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    threading.excepthook = hook


@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("style", ["text", "json"])
def test_logs_mask_secrets_in_messages_values_and_tracebacks(style: str) -> None:
    stream = StringIO()
    set_up_logs(Redactor([Secret(TOKEN)]), style=style, level="debug", stream=stream)
    log = logging.getLogger("probes.test")
    log.debug("asked with %s", TOKEN)
    log.info("%r", {"authorization": f"Bearer {TOKEN}"}, extra={"header": TOKEN})
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        log.exception("it failed")
    text = stream.getvalue()
    assert TOKEN not in text
    assert text.count("***") >= 3
    assert "Traceback" in text
    if style == "json":
        assert [json.loads(line)["level"] for line in text.splitlines()] == [
            *("debug", "info", "error")
        ]


def test_a_secret_that_was_replaced_stays_masked() -> None:
    redactor = Redactor([Secret("the-old-token")])
    redactor.add([Secret("the-new-token")])
    assert redactor.text("the-old-token the-new-token") == "*** ***"


def test_an_answer_that_comes_again_is_read_as_if_it_were_new() -> None:
    court = judging()
    answers = [
        exchange("queued"),
        exchange("queued", at=NOW + 5),
        exchange("processing", at=NOW + 10),
        exchange(code=404, at=NOW + 15),
        exchange(code=404, at=NOW + 20, subject=Subject.MISSING),
        exchange(code=404, at=NOW + 25, subject=Subject.MISSING),
        exchange(code=404, at=NOW + 30, subject=Subject.FOREIGN),
        exchange(at=NOW + 35, body=b"{"),
        exchange(at=NOW + 40, body=b"{"),
    ]
    for answer in answers:
        judged = court(asked(answer))
        assert judged.seen is not None
        fresh = API.observe(answer)
        assert replace(judged.seen, body=None) == replace(fresh, body=None)
        assert (judged.seen.body is None) == (fresh.body is None)
        if fresh.body is not None and judged.seen.body is not None:
            assert judged.seen.body.value == fresh.body.value


def _denied(number: int, subject: Subject = Subject.MISSING, **more: object) -> RawResult:
    body = {"error": "Job not found", "ref": "kqxzvwrt"[number:], "time": NOW + number, **more}
    denied = exchange(code=404, at=NOW + number, subject=subject, body=json.dumps(body).encode())
    return asked(denied)


def test_what_varies_between_unknown_ids_is_no_oracle_for_a_foreign_job() -> None:
    court = judging()
    for number in range(3):
        court(_denied(number))
    foreign = court(_denied(3, Subject.FOREIGN)).result
    assert [f.check for f in foreign.findings if f.kind is Kind.VIOLATION] == []
    leak = court(_denied(4, Subject.FOREIGN, error="It belongs to another user")).result
    assert "foreign_job_looks_unknown" in {f.check for f in leak.findings}


def test_the_last_few_unknown_ids_alone_are_kept() -> None:
    court = judging(counts_baselines)
    for number in range(20):
        court(_denied(number))
    result = court(_denied(20, Subject.FOREIGN)).result
    assert [f.found for f in result.findings] == [5]


@check(basis=Basis.DOCUMENTED, source="test", about=Facet.RESPONSE)
def counts_baselines(trace: Trace) -> Iterator[Remark]:
    """
    Says how many answers to unknown ids there are.
    """
    if trace.latest.subject is Subject.FOREIGN:
        yield violation("body", found=len(trace.baselines))


@pytest.mark.parametrize(("staleness_s", "outcome"), [(10.0, "ok"), (1.0, "violation")])
def test_a_replica_may_be_behind_as_far_as_the_target_says(
    staleness_s: float, outcome: str
) -> None:
    court = replace(judging(), staleness_s=staleness_s)
    court(asked(exchange("processing", at=NOW)))
    behind = court(asked(exchange("queued", at=NOW + 5))).result
    undone = court(asked(exchange("backlogged", at=NOW + 6))).result
    drifts = {f.drift for f in (*behind.findings, *undone.findings)}
    assert undone.outcome == outcome
    assert (Drift.STALE_ANSWER in drifts) is (outcome == "ok")


PAGE = (("Content-Type", "text/html"), ("CF-Mitigated", "challenge"))
CREDENTIALS = (Credential.OWNER, Credential.NONE, Credential.INVALID)


def _answered(
    code: int, subject: Subject, credential: Credential, headers: tuple[tuple[str, str], ...]
) -> Exchange:
    request = Request("GET", f"http://h/jobs/{ID}", (), ID, subject, credential)
    return Exchange(request, Response(code, headers, b"<html>"), NOW, 0.1)


@pytest.mark.parametrize("subject", [Subject.KNOWN, Subject.MISSING, Subject.MALFORMED])
@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 511, 520, 599])
@pytest.mark.parametrize("expected", [False, True])
def test_every_5xx_is_a_failed_probe_whoever_asks(
    subject: Subject, credential: Credential, code: int, expected: bool
) -> None:
    court = judging()
    if expected:
        asked_by = [subject.value, credential.value]
        words = {"code": code, "asked": asked_by, "description": "down", "basis": "rfc"}
        expected_codes = [ExpectedCode.model_validate({**words, "source": "RFC 9110 15.6.4"})]
        profile = API.profile.model_copy(update={"expected": tuple(expected_codes)})
        court = ResultJudge(replace(API, profile=profile), Judge(load_checks()), Secret(TOKEN))
    headers = (("Content-Type", "text/html"), ("Retry-After", "5"))
    seen = _answered(code, subject, credential, headers)
    assert court(asked(seen)).result.outcome is ProbeOutcome.SERVER_ERROR


@pytest.mark.parametrize("subject", [Subject.KNOWN, Subject.MISSING, Subject.MALFORMED])
@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("code", [200, 302, 401, 403, 404, 429, 503])
def test_a_challenge_is_no_success_and_no_refusal_of_the_token(
    subject: Subject, credential: Credential, code: int
) -> None:
    result = judging()(asked(_answered(code, subject, credential, PAGE))).result
    unexpected = ProbeOutcome.SERVER_ERROR if code == 503 else ProbeOutcome.UNEXPECTED_CODE
    assert result.outcome is unexpected
    assert [finding.check for finding in result.findings] == ["endpoint_is_available"]


def test_a_challenge_is_nothing_that_later_answers_are_compared_with() -> None:
    court = judging()
    court(asked(exchange("queued")))
    court(asked(_answered(404, Subject.MISSING, Credential.OWNER, PAGE)))
    court(asked(_answered(403, Subject.KNOWN, Credential.OWNER, PAGE)))
    judged = court(asked(exchange("processing", at=NOW + 60)))
    assert [seen.code for seen in judged.earlier] == [200]
    assert judged.result.outcome is ProbeOutcome.OK


def test_a_week_of_polls_costs_no_more_a_poll_than_the_first_hour() -> None:
    court, steps = judging(), []
    court.staleness_s = 30.0
    for number in range(1_600):
        raw = asked(exchange("queued", at=NOW + 5 * number))
        if number in (100, 1_590):
            steps.append(steps_of(lambda raw=raw: court(raw).earlier))  # type: ignore[misc]
        else:
            court(raw)
    assert steps[1] <= steps[0] * 1.05
    # What is written beside each finding is no more, either.
    last = court(asked(exchange("completed", at=NOW + 10_000)))
    assert len(last.earlier) < 8
    again = court(asked(exchange("queued", at=NOW + 10_060)))
    assert [seen.exchange.started_at for seen in again.earlier][-1] == NOW + 10_000


def test_evidence_of_a_long_life_says_what_was_said_live() -> None:
    court, life = judging(), ["queued"] * 30 + ["completed"] * 30 + ["failed"] * 30 + ["queued"]
    for number, status in enumerate(life):
        judged = court(asked(exchange(status, at=NOW + 60 * number)))
    assert judged.seen is not None
    again = replay(
        Judge(load_checks()), Trace.of(API, [judged.seen]), [*judged.earlier, judged.seen]
    )
    live = {(f.check, f.pointer, f.message) for f in judged.result.findings}
    assert "terminal_status_is_final" in {check for check, _, _ in live}
    assert live == {
        (f.check, f.pointer, f.message) for f in again if f.exchange is judged.seen.exchange
    }


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        *((code, 1) for code in (400, 404, 410, 499)),
        *((code, 0) for code in (200, 302, 399, 401, 403, 408, 425, 429, 500, 503)),
    ],
)
def test_a_denial_alone_is_what_a_foreign_jobs_answer_is_compared_with(
    code: int, kept: int
) -> None:
    court = judging(counts_baselines)
    court(asked(exchange(code=code, subject=Subject.MISSING)))
    result = court(asked(exchange(code=404, subject=Subject.FOREIGN))).result
    assert [f.found for f in result.findings] == [kept]


def _refusals(court: ResultJudge, *answers: tuple[int, Subject]) -> list[set[tuple[str, str]]]:
    """
    What each of these answers is blamed for: the check and how sure it is.
    """
    return [
        {
            (one.check, one.kind.value)
            for one in court(
                asked(exchange(code=code, at=NOW + number, subject=subject))
            ).result.findings
            if one.pointer == "code" and one.kind is not Kind.GAP
        }
        for number, (code, subject) in enumerate(answers)
    ]


BLAMED = {"token_keeps_working", "code_is_documented", "foreign_job_looks_unknown"}
KNOWN, MISSING, FOREIGN = Subject.KNOWN, Subject.MISSING, Subject.FOREIGN


def test_a_token_that_is_refused_from_now_on_is_not_held_against_the_endpoint() -> None:
    good = [(404, MISSING), (200, KNOWN), (404, FOREIGN)]
    bad = [(401, KNOWN), (401, MISSING), (401, FOREIGN)] * 4
    found = _refusals(judging(), *good, *bad)
    said = {name for one in found for name, _ in one}
    assert {"token_keeps_working", "foreign_job_looks_unknown"} <= said
    assert {kind for one in found for name, kind in one if name in BLAMED} == {"inconclusive"}


def test_a_token_that_is_refused_now_and_then_is() -> None:
    answers = [(200, KNOWN), (401, KNOWN), (200, KNOWN), (401, KNOWN), (401, KNOWN)]
    kinds = [dict(one).get("token_keeps_working") for one in _refusals(judging(), *answers)]
    assert kinds == [None, "inconclusive", None, "violation", "inconclusive"]


def test_a_foreign_job_refused_while_ones_own_is_shown_is_told_from_an_unknown_one() -> None:
    answers = [(404, MISSING), (200, KNOWN), (401, FOREIGN), (200, KNOWN), (401, FOREIGN)]
    kinds = [dict(one).get("foreign_job_looks_unknown") for one in _refusals(judging(), *answers)]
    assert kinds == [None, None, "inconclusive", None, "violation"]
    # 403 is no word about the token: whoever may not see a job has been let in.
    (*_, forbidden) = _refusals(judging(), (404, MISSING), (403, FOREIGN))
    assert ("foreign_job_looks_unknown", "violation") in forbidden


def test_a_new_token_makes_nothing_of_what_was_said_to_the_old_one() -> None:
    court = judging()
    found = _refusals(court, (404, MISSING), (200, KNOWN), (401, KNOWN))
    court.token = Secret("sk-another-one-0123456789")
    found += _refusals(court, (200, KNOWN), (404, MISSING), (404, FOREIGN), (401, KNOWN))
    assert "violation" not in {kind for one in found for _, kind in one}


def test_a_server_that_denies_unknown_ids_before_it_reads_the_token_proves_nothing() -> None:
    answers = [(404, MISSING), (200, KNOWN), *[(401, KNOWN), (404, MISSING)] * 3]
    kinds = {kind for one in _refusals(judging(), *answers) for _, kind in one}
    assert kinds == {"inconclusive"}


def test_what_a_refused_token_is_told_of_unknown_ids_is_no_measure_for_others() -> None:
    refused = [(401, MISSING)] * 6
    found = _refusals(judging(), (404, MISSING), *refused, (200, KNOWN), (404, FOREIGN))
    assert found[-1] == set()
