"""
The suite's plan against the mock: every fault is found for the right reason, no correct
server is called broken, and known jobs are never touched by more than a look.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from importlib.resources import files
from typing import Any

import pytest
from tests.contract.cited import sources_that_are_not_there
from tests.tools import few_of

from jobproof.contract.client.curl import Client
from jobproof.contract.mock import MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.model.exchange import Exchange, Request, Response
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import Verdict, conclude
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.reporting.outcome import outcome_of_run
from jobproof.contract.suite.reporting.report import build_report
from jobproof.contract.suite.running.run import Run

API = find_api(default_api())
OTHER_API = find_api("openai-batch")
CHECKS = load_checks()
NOW = 1_790_000_000.0
SCHEMA = files("jobproof.contract.suite.reporting") / "report.schema.json"


@contextmanager
def carried_out(api: Any = API, **options: Any) -> Iterator[tuple[Run, MockServer]]:
    values = options.pop("values", {})
    # Lives that go by the clock take seconds; those that go by polls show the same.
    patient = options.pop("patient", True)
    most = options.pop("most", None)
    with MockServer(api, **options) as server, Client(exact_framing=True) as client:
        target = target_from(
            {
                "api": str(api.folder),
                "url": server.url,
                "job": [j.id for j in server.jobs if patient or j.life != "timed"][:most],
                "foreign_job": [job.id for job in server.foreign_jobs],
                "token_env": "T",
                "timeout": 4.0,
                "poll_interval": 0.05,
                **values,
            },
            environ={"T": server.token},
        )
        run = Run(target, CHECKS, client)
        run.execute()
        yield run, server


def violations(run: Run) -> set[str]:
    return {f.check for f in run.findings if f.kind is Kind.VIOLATION and f.accepted is None}


def verdict(run: Run, *, strict: bool = False) -> Verdict:
    return conclude(run.findings, missing=run.coverage.missing(), strict=strict)


# By what is drawn and by walks others are found: tests/contract/test_generated_cases.py.
_FORESEEN = {name: fault for name, fault in FAULTS.items() if fault.letter != "D"}


@pytest.mark.ladder
@pytest.mark.parametrize(
    "name", few_of((n for n, f in _FORESEEN.items() if f.applies(API)), one_in=6)
)
def test_a_fault_is_found_for_the_right_reason(name: str) -> None:
    fault = FAULTS[name]
    # Each answer of these takes seconds: the short plan is telling enough, or its start.
    short = {
        "slow": {"values": {"effort": "quick", "budget": 4}, "most": 1},
        "hang": {"values": {"effort": "quick"}, "most": 3},
    }
    few = short.get(name, {})
    with carried_out(faults=(name,), patient=False, **few) as (run, _):
        assert set(fault.promises) & violations(run)
        assert sources_that_are_not_there(API, run.findings) == []
        if fault.definite:
            assert verdict(run) is Verdict.BROKEN


@pytest.mark.ladder
@pytest.mark.parametrize(
    "name", few_of((n for n, v in VARIANTS.items() if v.applies(API)), one_in=3)
)
def test_a_correct_server_is_never_called_broken(name: str) -> None:
    with carried_out(variants=(name,), patient=False) as (run, _):
        assert violations(run) == set()
        assert verdict(run, strict=True) is not Verdict.BROKEN
        if verdict(run) is Verdict.INCONCLUSIVE:
            assert run.coverage.codes["503"] > 0


@pytest.mark.ladder
@pytest.mark.parametrize(
    "name",
    few_of(
        (n for n, f in _FORESEEN.items() if f.applies(OTHER_API) and f.definite and n != "hang"),
        one_in=12,
    ),
)
def test_another_api_is_held_to_its_contract_by_the_same_checks(name: str) -> None:
    with carried_out(OTHER_API, faults=(name,), patient=False) as (run, _):
        assert verdict(run) is Verdict.BROKEN
        assert set(FAULTS[name].promises) & violations(run)


@pytest.mark.parametrize("api", [API, OTHER_API], ids=lambda api: api.name)
def test_the_correct_mock_is_kept_and_every_status_is_seen(api: Any) -> None:
    with carried_out(api) as (run, _):
        assert violations(run) == set()
        assert verdict(run, strict=True) is Verdict.KEPT
        assert {s for s, n in run.coverage.statuses.items() if n} == set(api.lifecycle.statuses)
        assert run.coverage.validated >= 30


def test_known_jobs_see_safe_methods_only_by_the_servers_own_log() -> None:
    with carried_out() as (run, server):
        jobs = {job.id for job in (*server.jobs, *server.foreign_jobs)}
        methods = {entry.method for entry in server.log if entry.job_id in jobs}
        assert methods == {"GET", "HEAD", "OPTIONS"}
        assert {"POST", "DELETE"} <= {entry.method for entry in server.log}
        assert run.requests == len(server.log)


def test_the_budget_is_never_overdrawn_and_too_little_reach_is_inconclusive() -> None:
    with carried_out(values={"budget": 3}) as (run, server):
        assert len(server.log) == 3
        assert run.stopped == "the budget of 3 requests is spent"
        assert verdict(run) is Verdict.INCONCLUSIVE


def test_a_wrong_token_is_inconclusive_not_broken() -> None:
    with MockServer(API) as server, Client(exact_framing=True) as client:
        target = target_from(
            {
                "api": str(API.folder),
                "url": server.url,
                "job": [server.jobs[0].id],
                "token_env": "T",
            },
            environ={"T": "a-token-that-nobody-has"},
        )
        run = Run(target, CHECKS, client)
        run.execute()
        assert violations(run) == set()
        assert verdict(run) is Verdict.INCONCLUSIVE
        report = build_report(
            run, outcome_of_run(run, generated=False), started_at=0.0, duration_s=1.0
        )
        assert "the token isn't accepted" in report["why"]


def test_a_job_deadline_turns_a_slow_job_into_a_finding() -> None:
    values = {"job_deadline": 0.2, "poll_interval": 0.1}
    # One that is new: others are late by the document, too, which is the same news.
    with carried_out(values=values, faults=("never_ends",), most=1) as (run, _):
        late = [f for f in run.findings if "deadline" in f.source]
        assert late
        assert {f.check for f in late} == {"job_ends_in_time"}


def test_the_report_keeps_its_own_schema_and_holds_no_token() -> None:
    import json

    import jsonschema_rs

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    with carried_out(faults=("id_of_another_job",)) as (run, server):
        report = build_report(
            run, outcome_of_run(run, generated=False), started_at=0.0, duration_s=1.0
        )
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(report)
        assert report["verdict"] == "broken"
        assert report["exit_code"] == 1
        text = json.dumps(report)
        assert server.token not in text
        assert server.other_token not in text
        broken = [f for f in report["findings"] if f["breaks"]]
        assert [f["check"] for f in broken] == ["job_id_is_echoed"]
        assert broken[0]["evidence"]["curl"].startswith("curl -sS -i --path-as-is ")


def test_gaps_come_with_an_overlay_that_documents_them() -> None:
    with carried_out() as (run, _):
        report = build_report(
            run, outcome_of_run(run, generated=False), started_at=0.0, duration_s=1.0
        )
        gaps = [f for f in report["findings"] if f["kind"] == "gap"]
        assert [f["found"] for f in gaps] == [401]
        overlay = report["overlay"]
        assert overlay["overlay"] == "1.0.0"
        assert list(overlay["actions"][0]["update"]) == ["401"]


class _Throttling:
    """
    Carries nothing: each request is answered by a 429 with this header.
    """

    def __init__(self, retry_after: str) -> None:
        self._headers = (("Retry-After", retry_after), ("Content-Type", "application/json"))
        self.asked = 0

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        self.asked += 1
        return Exchange(request, Response(429, self._headers, b"{}", b"{}"), NOW, deadline_s / 100)


def _throttled(retry_after: str) -> tuple[Run, _Throttling, list[float]]:
    target = target_from(
        {
            "api": str(API.folder),
            "url": "http://127.0.0.1:9",
            "job": ["4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"],
            "token_env": "T",
            "effort": "quick",
            "budget": 10,
        },
        environ={"T": "tok-12345678"},
    )
    sender, waits = _Throttling(retry_after), list[float]()
    run = Run(target, CHECKS, sender, clock=lambda: NOW, wait=waits.append)
    run.execute()
    assert verdict(run) is Verdict.INCONCLUSIVE
    told = {f.check for f in run.findings if f.kind is Kind.VIOLATION}
    is_broken = retry_after in _BROKEN
    assert ("retry_after_is_well_formed" in told) is is_broken
    return run, sender, waits


_BROKEN = ("\u00b2", "\u0663", "0.493", "0, 0 0 0", "-1")
_YEAR = str(365 * 86_400)


@pytest.mark.parametrize("retry_after", ["\u00b2", "\u0663", "0, 0 0 0", "0", "-1"])
def test_who_names_no_time_is_waited_for_until_the_budget_is_spent(retry_after: str) -> None:
    run, sender, waits = _throttled(retry_after)
    assert sender.asked == 10
    assert run.stopped == "the budget of 10 requests is spent"
    # Longer each time; a little less is left of each by the time that somebody waits.
    assert len(waits) == 9
    assert waits == sorted(waits)


@pytest.mark.parametrize(("retry_after", "wait_s"), [("0.493", 0.493), ("1", 1.0), ("90", 90.0)])
def test_who_names_a_time_again_and_again_is_given_up_soon(retry_after: str, wait_s: float) -> None:
    run, sender, waits = _throttled(retry_after)
    assert sender.asked == 5
    assert run.stopped == "throttled: 429 again and again, however long it was left alone"
    assert [pytest.approx(wait_s, rel=0.1)] * 4 == waits[:4]


@pytest.mark.parametrize(
    ("retry_after", "told"),
    [(_YEAR, "365d"), ("9" * 5_000, ""), (formatdate(NOW + 86_400, usegmt=True), "1d")],
    ids=["a year", "for ever", "tomorrow"],
)
def test_who_asks_for_longer_than_a_run_can_wait_ends_it_at_once(
    retry_after: str, told: str
) -> None:
    run, sender, waits = _throttled(retry_after)
    assert sender.asked == 1
    assert waits == []
    assert (run.stopped or "").startswith(f"429 with Retry-After: nothing more for {told}")
