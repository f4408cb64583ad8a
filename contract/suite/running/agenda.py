"""
What is asked next, and when: questions in their order, and between them the polls of jobs that
haven't ended.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jobproof.contract.suite.planning.plan import PlannedRequest

__all__ = ["Agenda", "Poll"]


@dataclass(slots=True)
class Poll:
    """
    A job that is polled until it ends.

    Attributes:
        due: When it is asked for next, by the monotonic clock.
    """

    planned: PlannedRequest
    due: float


class Agenda:
    """
    Hands out one question at a time; safe for several threads.

    About a job that runs one question is under way at most, so that its answers have an order.
    """

    def __init__(
        self, plan: Iterable[PlannedRequest], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._left = list(plan)
        self._polls: dict[str, Poll] = {}
        self._followed = {one.job_id for one in self._left if one.follows}
        self._ended: dict[str, str | None] = {}
        self._asked_of_end: set[tuple[str, str | None]] = set()
        self._under_way: Counter[str] = Counter()
        self._shared: set[str] = set()
        self._was_poll = False
        self._monotonic = monotonic
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """
        How many questions are left that are known of.
        """
        with self._lock:
            return len(self._left) + len(self._polls)

    @property
    def followed(self) -> tuple[str, ...]:
        """
        The jobs that are polled now.
        """
        with self._lock:
            return tuple(self._polls)

    def take(self, *, side_by_side: bool = False) -> PlannedRequest | float | None:
        """
        The next question; or the seconds until there may be one; None once there is none left.

        Args:
            side_by_side: Whether a job that has ended, and changes no more, may be asked about
                while another question about it is under way.
        """
        with self._lock:
            self._shared = {*self._ended} if side_by_side else set()
            now = self._monotonic()
            polls = [p for job, p in self._polls.items() if job not in self._under_way]
            poll = min(polls, key=lambda one: one.due, default=None)
            is_due = poll is not None and poll.due <= now
            # By turns, so that many jobs that run don't keep the other questions waiting.
            question = None if is_due and not self._was_poll else self._next_question()
            if question is None and poll is not None and is_due:
                self._was_poll = True
                return self._begin(poll.planned)
            if question is None:
                question = self._next_question()
            if question is not None:
                self._left.remove(question)
                self._was_poll = False
                return self._begin(question)
            if poll is not None:
                return max(poll.due - now, 0.001)
            # What is left waits for an answer that somebody else is waiting for.
            return 0.01 if self._left and self._under_way else None

    def answered(self, planned: PlannedRequest) -> None:
        """
        The question has been dealt with.
        """
        with self._lock:
            self._under_way -= Counter(_jobs_of(planned))

    def follow(self, planned: PlannedRequest, after_s: float) -> None:
        """
        Have the job polled once more after so many seconds.
        """
        with self._lock:
            self._polls[planned.job_id] = Poll(planned, self._monotonic() + after_s)

    def ended(self, job_id: str, status: str | None) -> None:
        """
        The job has ended so; with None, it is followed no more, whatever becomes of it.
        """
        with self._lock:
            self._polls.pop(job_id, None)
            self._ended[job_id] = status

    def add_next(self, questions: Iterable[PlannedRequest]) -> None:
        """
        Put these before all others.
        """
        with self._lock:
            self._left[:0] = questions

    def hasten(self, is_hastened: Callable[[PlannedRequest], bool]) -> None:
        """
        Put some of the questions before all others.
        """
        with self._lock:
            self._left.sort(key=lambda one: not is_hastened(one))

    def drop(self, is_dropped: Callable[[PlannedRequest], bool]) -> int:
        """
        Take questions off; how many.
        """
        with self._lock:
            before = len(self._left)
            self._left = [one for one in self._left if not is_dropped(one)]
            return before - len(self._left)

    def _begin(self, planned: PlannedRequest) -> PlannedRequest:
        self._under_way.update(_jobs_of(planned))
        return planned

    def _next_question(self) -> PlannedRequest | None:
        for one in [*self._left]:
            if (_jobs_of(one) - self._shared) & self._under_way.keys():
                continue
            if one.after_end and one.job_id in self._followed:
                if one.job_id not in self._ended:
                    continue
                if one.each_end:
                    end = (one.name, self._ended[one.job_id])
                    if end in self._asked_of_end:
                        self._left.remove(one)
                        continue
                    self._asked_of_end.add(end)
            return one
        return None


def _jobs_of(planned: PlannedRequest) -> set[str]:
    beside = {planned.beside.job_id} if planned.beside is not None else set()
    return {planned.job_id, *beside}
