"""
Which question is put again, and when: by a clock of the test's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from tests.contract.builders import NOW, answer, failure, trace

from jobproof.contract.model.exchange import Reason, Subject
from jobproof.contract.model.observation import Observation
from jobproof.contract.suite.running.pace import Patience
from jobproof.contract.suite.running.rate_limiter import RateLimiter


def seen(*words: Any, **more: Any) -> Observation:
    return trace(answer(*words, **more)).latest


UP = seen()
LOST = trace(failure(Reason.PROTOCOL)).latest
REFUSED = trace(failure(Reason.CONNECT)).latest
HUNG = trace(failure(Reason.TIMEOUT)).latest
DOWN = seen({"error": "restarting"}, 503)


class Waiting:
    """
    A patience whose looks find these answers, one after the other.
    """

    def __init__(self, *found: Observation, served: int = 1) -> None:
        self._found = iter(found)
        self.looked_at: list[float] = []
        self.stopped: list[str] = []
        self._now = 0.0
        self._limiter = RateLimiter(
            rate_per_minute=None, budget=None, monotonic=lambda: self._now, wait=self._wait
        )
        self.patience = Patience(
            self._limiter,
            interval_s=1.0,
            clock=lambda: NOW,
            ask_plainly=self._look,
            stop=self.stopped.append,
        )
        for _ in range(served):
            self.patience.note(UP)

    def _wait(self, seconds: float) -> None:
        self._now += seconds

    def _look(self) -> Observation:
        self._limiter.acquire()
        self.looked_at.append(self._now)
        return next(self._found)

    def is_lost(self, latest: Observation, outages: int = 0) -> bool:
        return self.patience.is_lost(latest, outages=outages)


@pytest.mark.parametrize("latest", [LOST, REFUSED, DOWN], ids=["closed", "refused", "503"])
def test_who_was_there_is_looked_for_until_it_is_back(latest: Observation) -> None:
    waiting = Waiting(latest, REFUSED, DOWN, UP)
    assert waiting.is_lost(latest)
    assert waiting.looked_at == [0.0, 0.5, 1.5, 3.5]
    assert (waiting.patience.outages, waiting.stopped) == (1, [])


def test_a_503_that_asks_for_no_wait_is_looked_at_like_one_that_says_nothing() -> None:
    waiting = Waiting(DOWN, UP)
    down = seen({"error": "restarting"}, 503, headers={"retry-after": "0"})
    assert not waiting.patience.is_put_off(down)
    assert waiting.is_lost(down)
    assert (waiting.looked_at, waiting.stopped) == ([0.0, 0.5], [])


def test_who_is_not_back_in_time_is_given_up_with_the_reason() -> None:
    waiting = Waiting(*[LOST] * 6)
    assert not waiting.is_lost(LOST)
    assert waiting.looked_at == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5]
    assert waiting.stopped == ["the endpoint stopped answering after 1 request"]


def test_all_outages_together_are_waited_for_half_a_minute() -> None:
    waiting = Waiting(*[*[DOWN] * 5, UP], *[DOWN] * 6)
    assert waiting.is_lost(DOWN)
    assert not waiting.is_lost(DOWN, outages=1)
    assert waiting.stopped == ["the endpoint went out of service (503) after 1 request"]
    assert waiting.looked_at[-1] < 30


def test_who_never_answered_is_not_waited_for() -> None:
    waiting = Waiting(served=0)
    assert not waiting.is_lost(REFUSED)
    assert waiting.looked_at == []


def test_what_hangs_is_not_looked_at_again() -> None:
    waiting = Waiting()
    assert not waiting.is_lost(HUNG)
    assert waiting.looked_at == []


@pytest.mark.parametrize(
    ("subject", "is_again"), [(Subject.KNOWN, True), (Subject.MALFORMED, False)]
)
def test_one_question_without_an_answer_is_no_outage(subject: Subject, is_again: bool) -> None:
    waiting = Waiting(UP)
    lost = trace(failure(Reason.PROTOCOL, subject=subject)).latest
    assert waiting.is_lost(lost) is is_again
    assert (waiting.looked_at, waiting.patience.outages) == ([0.0], 0)


def test_what_somebody_else_has_waited_for_is_asked_again_at_once() -> None:
    waiting = Waiting(DOWN, UP)
    assert waiting.is_lost(DOWN)
    assert waiting.is_lost(REFUSED, outages=0)
    assert len(waiting.looked_at) == 2


@pytest.mark.parametrize(
    ("code", "retry_after", "why"),
    [
        (429, "31536000", "429 with Retry-After: nothing more for 365d"),
        (503, "31536000", "503 with Retry-After: nothing more for 365d"),
        (503, "60", "out of service: 503 with Retry-After, 1m more"),
    ],
)
def test_an_ordinary_question_put_off_too_long_ends_the_run(
    code: int, retry_after: str, why: str
) -> None:
    waiting = Waiting()
    put_off = seen({"error": "later"}, code, headers={"retry-after": retry_after})
    assert not waiting.patience.is_put_off(put_off)
    assert waiting.stopped == [why]
    assert not waiting.is_lost(put_off)


def _codes(waiting: Waiting, answers: Iterable[Observation]) -> list[bool]:
    return [waiting.patience.is_put_off(one) for one in answers]


def test_429_after_429_has_an_end() -> None:
    waiting = Waiting()
    again = seen({"error": "slow down"}, 429, headers={"retry-after": "1"})
    assert _codes(waiting, [again] * 5) == [True] * 4 + [False]
    assert waiting.stopped == ["throttled: 429 again and again, however long it was left alone"]
    assert _codes(Waiting(), [*[again] * 4, UP, again]) == [True] * 4 + [False, True]
