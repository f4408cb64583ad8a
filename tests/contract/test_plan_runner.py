"""
How a plan is carried out: what comes next depends on what was answered.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from tests.contract.builders import JOB, NOW, TOKEN, job, judge, trace
from tests.contract.virtual_time import VirtualTime

from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.verdict import Verdict, conclude
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.planning.plan import PlannedRequest, build_plan, request_of
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.plan_runner import PlanRunner
from jobproof.contract.suite.running.rate_limiter import BudgetSpent
from jobproof.contract.suite.running.run import Run

OTHERS = tuple(f"9d5c2a52-07a6-4ac4-8b1c-4e1d1cdd21d{number}" for number in range(3))
Reply = Callable[[PlannedRequest, int], Response | TransportFailure]


def _target(**values: Any) -> SuiteTarget:
    given = {"api": "krea", "url": "http://127.0.0.1:9", "job": [JOB], "token_env": "T", "seed": 5}
    return target_from({**given, "effort": "standard", **values}, environ={"T": TOKEN})


def _json(code: int, body: object, **headers: str) -> Response:
    shown = {
        "content-type": "application/json",
        **{n.replace("_", "-"): v for n, v in headers.items()},
    }
    return Response(code, tuple(shown.items()), json.dumps(body).encode())


def _in(status: str, job_id: str = JOB, **headers: str) -> Response:
    return _json(200, job(status, job_id=job_id), **headers)


class _Answering:
    """
    Answers by a function of the question and how often it was put about this id, from 1 on; each
    answer takes a hundredth of a second.
    """

    answer_s = 0.0

    def __init__(self, target: SuiteTarget, reply: Reply, *, taking_s: float = 0.01) -> None:
        self.target = target
        self.time = VirtualTime()
        self.asked: list[tuple[float, PlannedRequest]] = []
        self.stopped: str | None = None
        self.silences = 0
        self.is_spent = False
        self._reply = reply
        self._taking_s = taking_s
        self._counts: Counter[str] = Counter()

    @property
    def is_over(self) -> bool:
        return self.stopped is not None or self.is_spent

    @property
    def names(self) -> list[str]:
        return [planned.name for _, planned in self.asked]

    def times_of(self, name: str) -> list[float]:
        return [at for at, planned in self.asked if planned.name == name]

    def send(
        self, planned: PlannedRequest, *, fresh: bool = False
    ) -> tuple[Observation, tuple[Finding, ...]]:
        self.asked.append((self.time.now, planned))
        self.time.now += self._taking_s
        self._counts[planned.job_id] += 1
        answer = self._reply(planned, self._counts[planned.job_id])
        request = request_of(self.target, planned)
        exchange = Exchange(request, answer, NOW + self.time.now, self._taking_s)
        return self.target.api.observe(exchange), tuple(judge()(trace(exchange)))

    def send_at_once(
        self, planned: PlannedRequest, beside: PlannedRequest
    ) -> tuple[Observation, tuple[Finding, ...]]:
        answered = self.send(planned)
        self.send(beside)
        return answered

    def give_up(self, why: str) -> None:
        self.stopped = self.stopped or why

    def spend(self) -> None:
        self.is_spent = True

    def note_silence(self) -> None:
        self.silences += 1


def _carried_out(
    reply: Reply, target: SuiteTarget, plan: Sequence[PlannedRequest], *, taking_s: float = 0.01
) -> _Answering:
    asker = _Answering(target, reply, taking_s=taking_s)
    time = asker.time
    clock = lambda: NOW + time.now  # noqa: E731
    PlanRunner(asker, plan, clock=clock, monotonic=time, wait=time.wait).run()
    return asker


def _question(name: str, job_id: str = JOB, **more: Any) -> PlannedRequest:
    one = PlannedRequest("GET", job_id, Subject.KNOWN, Credential.OWNER, "", name)
    return replace(one, **more)


POLL = _question("poll", follows=True)
END = _question("end", after_end=True)


# -- polls ------------------------------------------------------------------------------------


def test_a_job_is_polled_to_its_end_and_then_asked_about() -> None:
    life = ("queued", "processing", "sampling", "completed")
    asker = _carried_out(
        lambda _, number: _in(life[min(number, 4) - 1]), _target(), [POLL, END, END]
    )
    assert asker.names == ["poll"] * 4 + ["end"] * 2


def test_polls_slow_down_where_nothing_happens_and_speed_up_where_something_does() -> None:
    life = ["queued"] * 6 + ["processing"] * 2 + ["completed"]
    target = replace(_target(poll_interval=1.0), watch_s=60.0)
    asker = _carried_out(lambda _, number: _in(life[number - 1]), target, [POLL])
    times = asker.times_of("poll")
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[:5] == sorted(gaps[:5])
    assert gaps[0] < 1.1
    assert gaps[4] > 3.0
    assert [round(gap, 1) for gap in gaps[6:]] == [1.0, 1.5]


def test_a_poll_waits_as_long_as_the_answer_asks_for() -> None:
    life = [_in("queued", retry_after="4"), _in("queued", retry_after="2.5"), _in("completed")]
    asker = _carried_out(lambda _, number: life[number - 1], _target(poll_interval=0.1), [POLL])
    first, second, third = asker.times_of("poll")
    assert second - first == pytest.approx(4.01)
    assert third - second == pytest.approx(2.51)


def test_questions_are_put_while_a_job_runs() -> None:
    plan = [POLL, *(_question(f"q{number}", OTHERS[0]) for number in range(3)), END]
    life = ["queued"] * 3 + ["completed"] * 2
    asker = _carried_out(
        lambda planned, number: _in(life[number - 1] if planned.job_id == JOB else "completed"),
        _target(poll_interval=5.0),
        plan,
    )
    assert asker.names[:4] == ["poll", "q0", "q1", "q2"]
    assert asker.names[-1] == "end"


@pytest.mark.parametrize(
    "answer",
    [
        _json(200, job(without=["status"])),
        _in("melting"),
        _json(200, [1, 2]),
        _json(404, {"error": "no such job"}),
        _json(500, {"error": "oops"}),
    ],
    ids=["no status", "unheard of", "no job", "not found", "crash"],
)
def test_what_can_t_become_right_is_polled_no_more(answer: Response) -> None:
    asker = _carried_out(lambda _planned, _number: answer, _target(), [POLL, END])
    assert asker.names == ["poll", "end"]


def test_a_job_that_never_ends_is_watched_for_its_time_and_once_at_its_end() -> None:
    target = replace(_target(poll_interval=1.0), watch_s=30.0)
    asker = _carried_out(lambda _planned, _number: _in("queued"), target, [POLL, END])
    times = asker.times_of("poll")
    assert times[-1] - times[0] == pytest.approx(30.0, abs=0.2)
    assert asker.names[-1] == "end"
    deadline = replace(_target(poll_interval=1.0), job_deadline_s=10.0)
    times = _carried_out(lambda _p, _n: _in("queued"), deadline, [POLL]).times_of("poll")
    assert times[-1] - times[0] == pytest.approx(10.0, abs=0.2)


def test_a_throttled_or_absent_job_is_asked_for_again_while_it_may_come() -> None:
    life = [_json(503, {"error": "busy"}), _json(429, {"error": "busy"}), _in("completed")]
    asker = _carried_out(lambda _, number: life[number - 1], _target(), [POLL])
    assert asker.names == ["poll"] * 3
    behind = [_json(404, {"error": "no such job"}), _in("completed")]
    asker = _carried_out(lambda _, number: behind[number - 1], _target(staleness="30s"), [POLL])
    assert asker.names == ["poll"] * 2


def test_one_question_that_is_asked_of_each_end_is_asked_once_of_each() -> None:
    target = _target(job=[JOB, *OTHERS])
    ends = dict(zip(OTHERS, ("completed", "completed", "failed"), strict=True))
    plan = [_question(f"poll {one}", one, follows=True) for one in ends]
    plan += [_question("again", one, after_end=True, each_end=True) for one in ends]
    asker = _carried_out(lambda planned, _: _in(ends[planned.job_id], planned.job_id), target, plan)
    asked = [planned.job_id for _, planned in asker.asked if planned.name == "again"]
    assert asked == [OTHERS[0], OTHERS[2]]


# -- silence, and who isn't let in --------------------------------------------------------------

LOST = TransportFailure(Reason.TIMEOUT, "no answer within 10 s")


def test_a_kind_of_question_that_hangs_twice_is_asked_no_more() -> None:
    odd = [_question(f"odd {n}", f"odd-{n}", subject=Subject.MALFORMED) for n in range(6)]
    plan = [odd[0], _question("known"), *odd[1:], _question("known again")]
    asker = _carried_out(
        lambda planned, _: LOST if planned.subject is Subject.MALFORMED else _in("completed"),
        _target(),
        plan,
    )
    # Whatever comes between the two.
    assert asker.names == ["odd 0", "known", "odd 1", "known again"]
    assert asker.silences == 2


def test_an_answer_between_two_lost_connections_is_a_sign_of_life() -> None:
    dropped = TransportFailure(Reason.PROTOCOL, "the connection was reset")
    plan = [_question(f"q{number}", f"id-{number}") for number in range(8)]
    asker = _carried_out(
        lambda planned, _: _in("completed") if int(planned.job_id[-1]) % 2 else dropped,
        _target(),
        plan,
    )
    assert len(asker.names) == len(plan)
    asker = _carried_out(lambda _planned, _number: dropped, _target(), plan)
    assert asker.names == ["q0", "q1"]


def test_a_job_that_doesn_t_answer_twice_is_polled_no_more() -> None:
    asker = _carried_out(lambda _planned, _number: LOST, _target(), [POLL])
    assert asker.names == ["poll"] * 2


@pytest.mark.parametrize("code", [401, 403])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_token_that_isn_t_accepted_ends_the_run_after_its_first_questions(
    code: int, jobs: int
) -> None:
    target = _target(job=[JOB, *OTHERS][:jobs])
    asker = _carried_out(lambda _p, _n: _json(code, {"error": "no"}), target, build_plan(target))
    told = f"the token isn't accepted: {code} for each job and for an unknown id"
    assert asker.stopped == told
    assert len(asker.asked) <= 10
    assert {planned.credential for _, planned in asker.asked[:2]} == {Credential.OWNER}


def test_a_token_that_opens_one_thing_is_accepted() -> None:
    target = _target()
    refused = _json(403, {"error": "not yours"})
    asker = _carried_out(
        lambda planned, _: (
            _json(404, {"error": "none"}) if planned.subject is Subject.MISSING else refused
        ),
        target,
        build_plan(target),
    )
    assert asker.stopped is None
    assert len(asker.asked) > 40


# -- time and number ----------------------------------------------------------------------------


def test_what_is_only_repeated_is_left_out_where_a_server_takes_long() -> None:
    repeats = [_question(f"repeat {number}", repeats=True) for number in range(9)]
    plan = [_question("first"), *repeats, _question("last")]
    names = _carried_out(lambda _p, _n: _in("completed"), _target(), plan, taking_s=10.0).names
    assert names == ["first", "repeat 0", "repeat 1", "last"]
    # A rate takes its time by itself.
    limited = _target(rate_limit="6/m")
    names = _carried_out(lambda _p, _n: _in("completed"), limited, plan, taking_s=10.0).names
    assert len(names) == len(plan)


def test_where_no_request_is_left_that_is_noted_and_nothing_more_asked() -> None:
    def spent(planned: PlannedRequest, _number: int) -> Response:
        if planned.name == "second":
            raise BudgetSpent
        return _in("completed")

    plan = [_question("first"), _question("second"), _question("third")]
    asker = _carried_out(spent, _target(), plan)
    assert asker.is_spent
    assert asker.names == ["first", "second"]


def test_where_answers_take_long_each_question_is_put_once_by_somebody() -> None:
    workers: set[int] = set()

    class Slow(_Answering):
        answer_s = 1.0
        lock = threading.Lock()
        meeting = threading.Barrier(2)

        def send(
            self, planned: PlannedRequest, *, fresh: bool = False
        ) -> tuple[Observation, tuple[Finding, ...]]:
            if planned.name in ("q0", "q1"):
                self.meeting.wait(60.0)  # both are under way at once
            with self.lock:
                workers.add(threading.get_ident())
                return super().send(planned, fresh=fresh)

    target = _target()
    plan = [_question(f"q{number}", f"id-{number}") for number in range(20)]
    asker = Slow(target, lambda _p, _n: _in("completed"))
    PlanRunner(asker, plan).run()
    assert sorted(asker.names) == sorted(one.name for one in plan)
    assert len(workers) > 1


# -- many manners at once -----------------------------------------------------------------------


class _Sending:
    """
    A right server, but for what `odd` answers.
    """

    def __init__(self, odd: Callable[[Request], Response | None]) -> None:
        self.odd = odd
        self.sent: list[Request] = []

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        self.sent.append(request)
        return Exchange(request, self._answer(request), NOW + len(self.sent), deadline_s / 1000)

    def _answer(self, request: Request) -> Response:
        if request.credential is not Credential.OWNER:
            return _json(401, {"error": "no token"}, www_authenticate="Bearer")
        if request.method == "OPTIONS":
            return Response(204, (("allow", "GET, HEAD, OPTIONS"),))
        if request.method not in ("GET", "HEAD"):
            return _json(405, {"error": "no"}, allow="GET, HEAD, OPTIONS")
        odd = self.odd(request)
        is_job = (request.job_id or "").lower() == JOB
        right = _in("completed") if is_job else _json(404, {"error": "none"})
        answer = odd or right
        return replace(answer, body=b"") if request.method == "HEAD" else answer


def _ran(odd: Callable[[Request], Response | None]) -> tuple[Run, list[Manner], Verdict]:
    sending = _Sending(odd)
    run = Run(_target(), load_checks(), sending, clock=lambda: NOW, wait=lambda _s: None)
    run.execute()
    known = [one.manner for one in sending.sent if one.subject is Subject.KNOWN]
    return run, known, conclude(run.findings, missing=run.coverage.missing(), strict=False)


def _parts(manner: Manner) -> list[Manner]:
    return [Manner(value) for value in manner.spec.combines]


def test_of_a_right_server_no_part_is_asked() -> None:
    _run, asked, verdict = _ran(lambda _request: None)
    assert verdict is Verdict.KEPT
    assert Manner.OTHER_CLIENT in asked
    assert not set(_parts(Manner.OTHER_CLIENT)) & set(asked)


def test_of_a_question_that_is_answered_otherwise_each_part_is_asked_and_the_finding_names_it() -> (
    None
):
    gone = _json(404, {"error": "none"})
    run, asked, verdict = _ran(lambda request: gone if request.header("Cookie") else None)
    assert verdict is Verdict.BROKEN
    place = asked.index(Manner.OTHER_CLIENT)
    parts = _parts(Manner.OTHER_CLIENT)
    assert asked[place + 1 : place + 1 + len(parts)] == parts
    found = [f for f in run.findings if f.check == "job_is_the_same_however_asked"]
    assert [f.kind for f in found] == [Kind.VIOLATION]
    assert found[0].exchange.request.manner is Manner.COOKIE
    assert found[0].message == "asked with a cookie that nobody set, the job is answered with 404"


def test_of_a_question_that_is_declined_each_part_is_asked_and_nothing_is_wrong() -> None:
    refused = _json(403, {"error": "no robots"})
    run, asked, verdict = _ran(lambda request: refused if request.header("Cookie") else None)
    assert verdict is Verdict.KEPT
    assert set(_parts(Manner.OTHER_CLIENT)) <= set(asked)
    assert [f for f in run.findings if f.kind is Kind.VIOLATION] == []


def test_behind_one_that_is_declined_another_part_s_fault_is_found() -> None:
    refused, gone = _json(403, {"error": "no robots"}), _json(404, {"error": "none"})

    def odd(request: Request) -> Response | None:
        if request.header("Cookie"):
            return refused
        return gone if request.header("Accept-Language") else None

    run, _asked, verdict = _ran(odd)
    assert verdict is Verdict.BROKEN
    (found,) = [f for f in run.findings if f.check == "job_is_the_same_however_asked"]
    assert found.exchange.request.manner is Manner.LANGUAGE
