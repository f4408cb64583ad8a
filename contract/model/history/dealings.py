"""
What all earlier exchanges about one job add up to, those without a sight of it included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.model.exchange import Credential, NotRecorded, Reason
from jobproof.contract.model.observation import Observation

__all__ = ["Dealings", "Gets", "is_of_the_moment", "later_dealings"]

# How many answers of one state another answer is compared with.
_MOST_ALIKE = 8


@dataclass(frozen=True, slots=True)
class Gets:
    """
    The GETs by one right.

    Attributes:
        first: The one that began first.
        last: The last one that was answered, with no condition; None where none was.
        alike: Such answers of one code and status up to now, newest first, at most 8. Those that
            tell of the moment alone are passed over.
        since: The first of these, which may be long ago; None where there is none.
    """

    first: Observation
    last: Observation | None = None
    alike: tuple[Observation, ...] = ()
    since: Observation | None = None


@dataclass(frozen=True, slots=True)
class Dealings:
    """
    Facts of all exchanges about a job; each is the first exchange that showed it.

    Attributes:
        first: The one that began first; None where there is none.
        answered: A GET, of somebody who may see the job, with a whole answer; who is refused for
            want of a token learns nothing of it.
        timed_out: One, of somebody who may see the job, that had no answer in time.
        accepted: One that was answered with 200 to the job's owner.
        shown: Such a one that was a GET.
        in_service: By right: one with a whole answer that isn't 503.
        gets: By right: the GETs.
        unseen: The last 200 to a GET, of somebody who may see the job, whose body wasn't recorded.
        waiting: A sight of the job where it may wait without end, though it may not be over yet.
        not_modified: The last 304 to a GET of the job's owner.
    """

    first: Observation | None = None
    answered: Observation | None = None
    timed_out: Observation | None = None
    accepted: Observation | None = None
    shown: Observation | None = None
    in_service: Mapping[Credential, Observation] = field(default_factory=dict)
    gets: Mapping[Credential, Gets] = field(default_factory=dict)
    unseen: Observation | None = None
    waiting: Observation | None = None
    not_modified: Observation | None = None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """
        All that is held, in no order and with repetitions; of GETs alike the first and the last.
        """
        single = (self.first, self.answered, self.timed_out, self.accepted, self.shown)
        held = [self.unseen, self.waiting, self.not_modified, *single, *self.in_service.values()]
        for gets in self.gets.values():
            held += (gets.first, gets.last, gets.since, *gets.alike[:1])
        return tuple(one for one in held if one is not None)


def later_dealings(known: Dealings, seen: Observation, *, waits: bool) -> Dealings:
    """
    The same with one more exchange.

    Args:
        waits: It is a sight of the job where it may wait without end.
    """
    who, answered, is_get = seen.credential, seen.response is not None, seen.method == "GET"
    accepted = seen.code == 200 and who is Credential.OWNER
    in_service, gets = known.in_service, known.gets
    if answered and seen.code != 503 and who not in in_service:
        in_service = {**in_service, who: seen}
    if is_get:
        gets = {**gets, who: _with_get(gets.get(who) or Gets(seen), seen)}
    return Dealings(
        _earlier(known.first or seen, seen),
        known.answered or (seen if answered and is_get and seen.authorised else None),
        known.timed_out or (seen if _has_timed_out(seen) else None),
        known.accepted or (seen if accepted else None),
        known.shown or (seen if accepted and is_get else None),
        in_service,
        gets,
        seen if _is_unseen(seen) else known.unseen,
        known.waiting or (seen if waits else None),
        seen if seen.code == 304 and is_get and who is Credential.OWNER else known.not_modified,
    )


def is_of_the_moment(code: int) -> bool:
    """
    Whether an answer of that code tells of the moment, and not of what was asked for.
    """
    return code in (408, 425, 429) or (code >= 500 and code != 501)


def _with_get(gets: Gets, seen: Observation) -> Gets:
    first = _earlier(gets.first, seen)
    # A conditional GET may have got a 304, whose headers are others.
    if seen.response is None or _may_be_conditional(seen):
        return Gets(first, gets.last, gets.alike, gets.since)
    if is_of_the_moment(seen.code):
        return Gets(first, seen, gets.alike, gets.since)
    # One without its body is passed over, too: what is known of the state is in those before.
    if _is_unseen(seen) and gets.alike and gets.alike[0].code == seen.code:
        return Gets(first, seen, gets.alike, gets.since)
    if gets.alike and _state(gets.alike[0]) == _state(seen):
        return Gets(first, seen, (seen, *gets.alike[: _MOST_ALIKE - 1]), gets.since)
    return Gets(first, seen, (seen,), seen)


def _is_unseen(seen: Observation) -> bool:
    """
    Whether it may have shown the job, in a body that a recorder left out.
    """
    if seen.response is None or seen.response.body is not None:
        return False
    return seen.code == 200 and seen.method == "GET" and seen.authorised


def _may_be_conditional(seen: Observation) -> bool:
    try:
        return bool(seen.exchange.request.header("if-none-match"))
    except NotRecorded:
        return seen.code == 304  # any other answer is as whole as one without a condition


def _earlier(one: Observation, other: Observation) -> Observation:
    return other if other.exchange.started_at < one.exchange.started_at else one


def _state(seen: Observation) -> tuple[int, str]:
    return seen.code, repr(seen.job.status) if seen.job is not None else ""


def _has_timed_out(seen: Observation) -> bool:
    failure = seen.exchange.failure
    return failure is not None and failure.reason is Reason.TIMEOUT and seen.authorised
