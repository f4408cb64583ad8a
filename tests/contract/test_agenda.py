"""
What is asked next: questions in their order, and the polls of jobs that run between them.
"""

from __future__ import annotations

from dataclasses import replace

from tests.contract.virtual_time import VirtualTime

from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.suite.planning.plan import PlannedRequest
from jobproof.contract.suite.running.agenda import Agenda


def _question(job_id: str, name: str = "", **more: object) -> PlannedRequest:
    one = PlannedRequest("GET", job_id, Subject.KNOWN, Credential.OWNER, "", name or job_id)
    return replace(one, **more)  # type: ignore[arg-type]


def _poll(job_id: str) -> PlannedRequest:
    return _question(job_id, f"{job_id} polled", follows=True)


def _end(job_id: str, name: str = "", **more: object) -> PlannedRequest:
    return _question(job_id, name or f"{job_id} ended", after_end=True, **more)


def _agenda(*plan: PlannedRequest, time: VirtualTime | None = None) -> Agenda:
    return Agenda(plan, monotonic=time or VirtualTime())


def _taken(agenda: Agenda) -> str:
    """
    The name of the question that comes next, which is answered at once.
    """
    one = agenda.take()
    assert isinstance(one, PlannedRequest)
    agenda.answered(one)
    return one.name


def test_questions_come_in_their_order_and_end() -> None:
    agenda = _agenda(_question("a"), _question("b"), _question("c"))
    assert agenda.left == 3
    assert [_taken(agenda) for _ in range(3)] == ["a", "b", "c"]
    assert agenda.take() is None
    assert agenda.left == 0


def test_a_poll_comes_when_it_is_due_and_questions_fill_the_time() -> None:
    time = VirtualTime()
    agenda = _agenda(_poll("a"), _question("b"), _question("c"), time=time)
    polled = agenda.take()
    assert isinstance(polled, PlannedRequest)
    agenda.follow(polled, 5.0)
    agenda.answered(polled)
    assert agenda.followed == ("a",)
    assert _taken(agenda) == "b"
    time.wait(5.0)
    assert _taken(agenda) == "a polled"


def test_what_is_due_and_what_is_left_take_turns() -> None:
    time = VirtualTime()
    agenda = _agenda(*[_question(f"q{number}") for number in range(3)], time=time)
    for job_id in ("a", "b"):
        agenda.follow(_poll(job_id), 0.0)
    order = [_taken(agenda) for _ in range(6)]
    # Jobs that run, however many, keep no question waiting for long.
    assert order[1::2] == ["q0", "q1", "q2"]
    assert set(order[0::2]) <= {"a polled", "b polled"}


def test_the_poll_that_is_due_first_comes_first() -> None:
    time = VirtualTime()
    agenda = _agenda(time=time)
    agenda.follow(_poll("a"), 3.0)
    agenda.follow(_poll("b"), 1.0)
    assert agenda.take() == 1.0
    time.wait(4.0)
    assert _taken(agenda) == "b polled"
    agenda.ended("b", "completed")
    assert _taken(agenda) == "a polled"


def test_where_nothing_but_polls_is_left_it_says_how_long_to_wait() -> None:
    time = VirtualTime()
    agenda = _agenda(time=time)
    agenda.follow(_poll("a"), 7.0)
    assert agenda.take() == 7.0
    agenda.ended("a", "completed")
    assert agenda.take() is None


def test_what_is_asked_of_an_ended_job_waits_for_its_end() -> None:
    agenda = _agenda(_poll("a"), _end("a"), _question("b"))
    assert _taken(agenda) == "a polled"
    agenda.follow(_poll("a"), 9.0)
    assert _taken(agenda) == "b"
    assert agenda.take() == 9.0
    agenda.ended("a", "completed")
    assert _taken(agenda) == "a ended"


def test_a_job_that_is_followed_no_more_is_asked_about_as_it_is() -> None:
    agenda = _agenda(_poll("a"), _end("a"))
    assert _taken(agenda) == "a polled"
    agenda.ended("a", None)
    assert _taken(agenda) == "a ended"


def test_of_a_job_that_nobody_follows_no_end_is_waited_for() -> None:
    assert _taken(_agenda(_end("a"))) == "a ended"


def test_of_jobs_that_ended_alike_one_is_asked_about() -> None:
    jobs = ("a", "b", "c", "d")
    plan = [_poll(job_id) for job_id in jobs]
    plan += [_end(job_id, "again", each_end=True) for job_id in jobs]
    plan += [_end(job_id, "head", each_end=True) for job_id in jobs]
    agenda = _agenda(*plan)
    for _ in jobs:
        _taken(agenda)
    for job_id, status in zip(jobs, ("completed", "failed", "completed", None), strict=True):
        agenda.ended(job_id, status)
    asked = []
    while isinstance(one := agenda.take(), PlannedRequest):
        asked.append((one.name, one.job_id))
        agenda.answered(one)
    assert asked == [(name, job_id) for name in ("again", "head") for job_id in ("a", "b", "d")]
    assert agenda.left == 0


def test_about_a_job_one_question_is_under_way_at_most() -> None:
    agenda = _agenda(_question("a", "first"), _question("a", "second"), _question("b"))
    first = agenda.take()
    assert isinstance(first, PlannedRequest)
    assert _taken(agenda) == "b"
    wait_s = agenda.take()
    assert isinstance(wait_s, float)
    assert wait_s > 0.0
    agenda.answered(first)
    assert _taken(agenda) == "second"


def test_a_job_that_is_asked_about_is_not_polled_beside_it() -> None:
    time = VirtualTime()
    agenda = _agenda(_question("a", "question"), time=time)
    agenda.follow(_poll("a"), 9.0)
    question = agenda.take()
    assert isinstance(question, PlannedRequest)
    time.wait(10.0)
    assert agenda.take() is None
    agenda.answered(question)
    assert _taken(agenda) == "a polled"


def test_of_two_at_once_neither_overlaps_with_what_else_is_asked_of_it() -> None:
    pair = _question("a", "pair", beside=_question("b"))
    agenda = _agenda(pair, _question("b", "b by itself"), _question("c"))
    taken = agenda.take()
    assert isinstance(taken, PlannedRequest)
    assert _taken(agenda) == "c"
    assert isinstance(agenda.take(), float)
    agenda.answered(taken)
    assert _taken(agenda) == "b by itself"
    agenda = _agenda(_question("b", "b by itself"), pair)
    assert isinstance(agenda.take(), PlannedRequest)
    assert isinstance(agenda.take(), float)


def test_what_is_put_first_comes_before_all_others_in_its_order() -> None:
    agenda = _agenda(_question("a"), _question("b"))
    assert _taken(agenda) == "a"
    agenda.add_next([_question("c"), _question("d")])
    assert [_taken(agenda) for _ in range(3)] == ["c", "d", "b"]


def test_what_is_dropped_is_not_asked() -> None:
    agenda = _agenda(_question("a"), _question("b"), _question("c"))
    assert agenda.drop(lambda one: one.job_id != "b") == 2
    assert _taken(agenda) == "b"
    assert agenda.take() is None
