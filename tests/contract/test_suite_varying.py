"""
A whole run against servers whose answers vary, and are right, or vary and are wrong all the same.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest
from tests.contract.builders import JOB, NOW, TOKEN, job

from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.finding import Drift, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.suite.planning.plan import build_plan
from jobproof.contract.suite.planning.target import Effort, SuiteTarget
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.reporting.outcome import outcome_of_run
from jobproof.contract.suite.reporting.report import build_report
from jobproof.contract.suite.running.run import Run

FOREIGN = "9a3f0d52-6a4e-4d0b-8f52-2c1f7a9be001"


class _Server:
    """
    Answers as documented, a tenth of a second apart by a clock of its own.
    """

    def __init__(self) -> None:
        self.now = NOW
        self.asked: list[Request] = []
        self.counts: Counter[str] = Counter()

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        assert deadline_s > 0
        self.now += 0.1
        self.asked.append(request)
        code, headers, body = self._answer(request)
        data = json.dumps(body).encode() if body is not None else b""
        shown = {"content-type": "application/json", "content-length": str(len(data)), **headers}
        answer = Response(
            code,
            tuple((name, text) for name, text in shown.items() if text),
            b"" if request.method == "HEAD" else data,
        )
        return Exchange(request, replace(answer, raw=answer.body), self.now, 0.01)

    def _answer(self, request: Request) -> tuple[int, dict[str, str], Any]:
        if request.credential is not Credential.OWNER:
            return 401, {"www-authenticate": "Bearer"}, {"error": "no token"}
        if request.method == "OPTIONS":
            return 204, {"allow": "GET, HEAD, OPTIONS", "content-length": ""}, None
        if request.method not in ("GET", "HEAD"):
            return 405, {"allow": "GET, HEAD, OPTIONS"}, {"error": "no such method"}
        if (request.job_id or "").lower() != JOB:
            return self.not_found(request)
        self.counts[request.method] += 1
        return self.job(request)

    def not_found(self, request: Request) -> tuple[int, dict[str, str], Any]:
        return 404, {}, {"error": "Job not found"}

    def job(self, request: Request) -> tuple[int, dict[str, str], Any]:
        return 200, {}, job()


def _run(server: _Server, **options: Any) -> Run:
    target = target_from(
        {
            "api": default_api(),
            "url": "http://127.0.0.1:9",
            "job": [JOB],
            "foreign_job": [FOREIGN],
            "token_env": "T",
            "effort": "quick",
            **options,
        },
        environ={"T": TOKEN},
    )
    # One after the other, so that the clock is everybody's.
    one_by_one = replace(target, rate_per_minute=1e9)
    run = Run(one_by_one, load_checks(), server, wait=lambda _seconds: None)
    run.execute()
    return run


def _broken(run: Run) -> set[str]:
    return {f.check for f in run.findings if f.kind is Kind.VIOLATION}


def test_the_plain_server_is_kept() -> None:
    assert _broken(_run(_Server())) == set()


class _NotFoundVaries(_Server):
    def not_found(self, request: Request) -> tuple[int, dict[str, str], Any]:
        self.counts["asked"] += 1
        n = self.counts["asked"]
        headers = {"x-request-id": f"r{n}", "traceparent": f"00-{n:032x}-{n:016x}-01"}
        if n % 2:
            headers["x-cache"] = "MISS"
        body = {"error": f"Job {request.job_id} not found (question {n})", "at": int(self.now)}
        return 404, headers, body


class _ForeignLeaks(_NotFoundVaries):
    def not_found(self, request: Request) -> tuple[int, dict[str, str], Any]:
        code, headers, body = super().not_found(request)
        if request.subject is Subject.FOREIGN:
            body["error"] = f"Job {request.job_id} belongs to another user"
        return code, headers, body


def test_a_404_that_varies_is_kept_and_a_leak_in_it_is_found() -> None:
    assert _broken(_run(_NotFoundVaries())) == set()
    assert _broken(_run(_ForeignLeaks())) == {"foreign_job_looks_unknown"}


def test_two_ids_that_nobody_has_are_asked_for_before_a_foreign_job() -> None:
    server = _Server()
    _run(server)
    subjects = [request.subject for request in server.asked]
    before = server.asked[: subjects.index(Subject.FOREIGN)]
    owners = [r for r in before if r.credential is Credential.OWNER and r.method == "GET"]
    ids = [r.job_id for r in owners if r.subject is Subject.MISSING]
    # One of them once more: what two answers about one id differ in tells nothing, either.
    assert (len(ids), len(set(ids))) == (3, 2)


class _NotFoundVariesById(_Server):
    """
    What it says of an id is the same each time, and another thing of most others.
    """

    def not_found(self, request: Request) -> tuple[int, dict[str, str], Any]:
        shard = crc32((request.job_id or "").encode()) % 97
        return 404, {"x-shard": str(shard)}, {"error": f"no such job in shard {shard}"}


@pytest.mark.parametrize("effort", list(Effort))
def test_a_404_that_varies_by_id_is_kept(effort: Effort) -> None:
    assert _broken(_run(_NotFoundVariesById(), effort=effort.value, seed=1)) == set()


def test_without_a_foreign_job_few_such_ids_will_do() -> None:
    api = find_api(default_api())
    target = SuiteTarget(api, "http://127.0.0.1:9", None, "T", (JOB,), effort=Effort.QUICK)
    plan = [planned for planned in build_plan(target) if planned.method == "GET"]
    assert len({p.job_id for p in plan if p.subject is Subject.MISSING}) == 1


class _BodyVaries(_Server):
    def job(self, request: Request) -> tuple[int, dict[str, str], Any]:
        self.counts["sights"] += 1
        n = self.counts["sights"]
        return 200, {"etag": f'"{n}"'}, job(views="x" * n)


def test_a_body_that_varies_is_kept_head_included() -> None:
    assert _broken(_run(_BodyVaries())) == set()


class _TooSlow(_Server):
    """
    Says 408 to these questions for the job, by their number.
    """

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.numbers = numbers

    def job(self, request: Request) -> tuple[int, dict[str, str], Any]:
        if request.method == "GET" and self.counts["GET"] in self.numbers:
            return 408, {}, {"error": "asked too slowly"}
        return super().job(request)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_408_is_asked_again_at_once(number: int) -> None:
    server = _TooSlow(number)
    assert "head_matches_get" not in _broken(_run(server))
    polls = [r for r in server.asked if r.job_id == JOB and r.method == "GET"]
    repeated = [r for r in polls if r.credential is Credential.OWNER][number - 1 : number + 1]
    assert repeated[0] == repeated[1]


def test_a_408_is_asked_again_once_only() -> None:
    usual = _Server()
    _run(usual)
    server = _TooSlow(2, 3)
    _run(server)
    plain, again = (
        [one for one in asked if one.subject is Subject.KNOWN and one.manner is Manner.PLAIN]
        for asked in (usual.asked, server.asked)
    )
    assert len(again) == len(plain) + 1


class _Replicas(_Server):
    """
    The job ends at once; every third answer comes from a replica that is behind.
    """

    def __init__(self, behind_s: float) -> None:
        super().__init__()
        self.behind_s = behind_s
        self.ended_at: float | None = None

    def job(self, request: Request) -> tuple[int, dict[str, str], Any]:
        if self.ended_at is None:
            self.ended_at = self.now
        is_behind = self.counts["GET"] % 3 == 2 and self.now - self.ended_at < self.behind_s
        return 200, {}, job("processing") if is_behind else job()


@pytest.mark.parametrize(
    ("behind_s", "staleness", "broken"),
    [(0.0, None, False), (1.0, None, True), (1.0, "1s", False), (9.0, "1s", True)],
)
def test_a_replica_may_be_behind_by_so_much_and_no_more(
    behind_s: float, staleness: str | None, broken: bool
) -> None:
    run = _run(_Replicas(behind_s), staleness=staleness, effort="standard")
    # By which question it is seen first depends on what is asked when.
    told = {"terminal_status_is_final", "job_is_the_same_however_asked"}
    assert bool(told & _broken(run)) is broken
    report = build_report(run, outcome_of_run(run, generated=False), started_at=0.0, duration_s=1.0)
    if not broken and staleness:
        assert Drift.STALE_ANSWER in {f.drift for f in run.findings}
        told = report["reach"]["staleness"]
        assert told["tolerated_s"] == 1.0
        assert 0 < told["observed_s"] < 1.0
    assert ("staleness" in report["reach"]) is (staleness is not None)


class _NotYetKnown(_Server):
    def job(self, request: Request) -> tuple[int, dict[str, str], Any]:
        if self.counts["GET"] < 5:
            return self.not_found(request)
        return super().job(request)


@pytest.mark.parametrize(("staleness", "broken"), [(None, True), ("30s", False)])
def test_a_job_that_a_replica_doesnt_know_yet_is_asked_for_until_it_must(
    staleness: str | None, broken: bool
) -> None:
    run = _run(_NotYetKnown(), staleness=staleness)
    assert ("known_job_is_found" in _broken(run)) is broken
    assert bool(run.coverage.validated) is True
