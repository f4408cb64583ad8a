"""
What all earlier exchanges about one job add up to, those without a sight of it included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.model.exchange import Credential, Reason
from jobproof.contract.model.observation import Observation

__all__ = ["Dealings", "Gets", "is_of_the_moment", "later_dealings"]

# How many answers of one state another answer is compared with.
_MOST_ALIKE = 8


@dataclass(frozen=True, slots=True)
class Gets:
    """
    The GETs by one right.

    Attributes:
        first_at: When the first of them began, Unix seconds.
        last: The last one that was answered, with no condition; None where none was.
        alike: Such answers of one code and status up to now, newest first: the newest few. Those
            that tell of the moment alone are passed over.
        alike_since: When the first of these began, Unix seconds.
    """

    first_at: float
    last: Observation | None = None
    alike: tuple[Observation, ...] = ()
    alike_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Dealings:
    """
    Facts of all exchanges about a job, in the order in which they were learned; each fact is
    the first exchange that shows it.

    Attributes:
        asked_since: When the earliest of them began, Unix seconds; None where there is none.
        answered: One with a whole answer.
        timed_out: One, of somebody who may see the job, that had no answer in time.
        accepted: One that was answered with 200 to the job's owner.
        shown: Such a one that was a GET.
        in_service: By right: one with a whole answer that isn't 503.
        gets: By right: the GETs.
    """

    asked_since: float | None = None
    answered: Observation | None = None
    timed_out: Observation | None = None
    accepted: Observation | None = None
    shown: Observation | None = None
    in_service: Mapping[Credential, Observation] = field(default_factory=dict)
    gets: Mapping[Credential, Gets] = field(default_factory=dict)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """
        All that is held, in no order and with repetitions; of GETs alike the last alone.
        """
        single = (self.answered, self.timed_out, self.accepted, self.shown)
        held = (*single, *self.in_service.values(), *(gets.last for gets in self.gets.values()))
        return tuple(one for one in held if one is not None)


def later_dealings(known: Dealings, seen: Observation) -> Dealings:
    """
    The same with one more exchange.
    """
    who, started_at, answered = seen.credential, seen.exchange.started_at, seen.response is not None
    accepted = seen.code == 200 and who is Credential.OWNER
    is_get = seen.method == "GET"
    in_service, gets = known.in_service, known.gets
    if answered and seen.code != 503 and who not in in_service:
        in_service = {**in_service, who: seen}
    if is_get:
        gets = {**gets, who: _with_get(gets.get(who) or Gets(started_at), seen)}
    since = known.asked_since
    return Dealings(
        started_at if since is None else min(since, started_at),
        known.answered or (seen if answered else None),
        known.timed_out or (seen if _has_timed_out(seen) else None),
        known.accepted or (seen if accepted else None),
        known.shown or (seen if accepted and is_get else None),
        in_service,
        gets,
    )


def is_of_the_moment(code: int) -> bool:
    """
    Whether an answer of that code tells of the moment, and not of what was asked for.
    """
    return code in (408, 425, 429) or (code >= 500 and code != 501)


def _with_get(gets: Gets, seen: Observation) -> Gets:
    started_at = seen.exchange.started_at
    first_at = min(gets.first_at, started_at)
    # A conditional GET may have got a 304, whose headers are others.
    if seen.response is None or seen.exchange.request.header("if-none-match"):
        return Gets(first_at, gets.last, gets.alike, gets.alike_since)
    if is_of_the_moment(seen.code):
        return Gets(first_at, seen, gets.alike, gets.alike_since)
    if gets.alike and _state(gets.alike[0]) == _state(seen):
        return Gets(first_at, seen, (seen, *gets.alike[: _MOST_ALIKE - 1]), gets.alike_since)
    return Gets(first_at, seen, (seen,), started_at)


def _state(seen: Observation) -> tuple[int, str]:
    return seen.code, repr(seen.job.status) if seen.job is not None else ""


def _has_timed_out(seen: Observation) -> bool:
    failure = seen.exchange.failure
    return failure is not None and failure.reason is Reason.TIMEOUT and seen.authorised
