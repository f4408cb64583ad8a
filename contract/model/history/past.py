"""
What the plain sights of one job add up to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.model.observation import Observation
from jobproof.contract.model.promises.lifecycle import Lifecycle

__all__ = ["Past", "later_past"]

# A server may show a new tag, or a new word, at each sight.
_MOST_TAGS = 16
_MOST_UNKNOWN_WORDS = 4


@dataclass(frozen=True, slots=True)
class Past:
    """
    The job as it was plainly shown to those who may see it, up to some moment; of sights that
    overlap, the one that was over later is the later one.

    Attributes:
        first: The first sight; None where there is none.
        last: The last one.
        last_ended: The last one that showed the job ended.
        last_known: The last one that showed a documented status; where a replica may be behind,
            the last of the farthest status.
        waiting: The last one that showed the job where it may wait without end.
        working: The first one since then; None where the last one is that.
        first_of: The first sight of each status: of all that are documented, and a few others.
        last_of: The last sight of each of them.
        tags: The last sight with each entity tag, the newest tag last; of many the newest 16.
    """

    first: Observation | None = None
    last: Observation | None = None
    last_ended: Observation | None = None
    last_known: Observation | None = None
    waiting: Observation | None = None
    working: Observation | None = None
    first_of: Mapping[str, Observation] = field(default_factory=dict)
    last_of: Mapping[str, Observation] = field(default_factory=dict)
    tags: Mapping[str, Observation] = field(default_factory=dict)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """
        All that is held, in no order and with repetitions: who goes through them has the same past.
        """
        single = (self.first, self.last, self.last_ended, self.last_known)
        held = (*single, self.waiting, self.working)
        maps = (*self.first_of.values(), *self.last_of.values(), *self.tags.values())
        return (*(one for one in held if one is not None), *maps)


def later_past(past: Past, seen: Observation, lifecycle: Lifecycle, *, farthest: bool) -> Past:
    """
    The past with one more sight, which was over after all the others.

    Args:
        farthest: Whether a replica may be behind, so that a step back is no news.
    """
    status = seen.job.status if seen.job is not None else None
    known = past.last_known
    if lifecycle.knows(status) and not (farthest and _is_behind(known, status, lifecycle)):
        known = seen
    waits = lifecycle.waits_unbounded((str(status),))
    first_of, last_of = past.first_of, past.last_of
    if isinstance(status, str) and (status in first_of or _has_room(first_of, status, lifecycle)):
        if status not in first_of:
            first_of = {**first_of, status: seen}
        last_of = {**last_of, status: seen} if past.first is not None else first_of
    return Past(
        past.first or seen,
        seen,
        seen if lifecycle.is_terminal(status) else past.last_ended,
        known,
        seen if waits else past.waiting,
        None if waits else past.working or seen,
        first_of,
        last_of,
        _with_tag(past.tags, seen),
    )


def _is_behind(known: Observation | None, status: object, lifecycle: Lifecycle) -> bool:
    if known is None or known.job is None:
        return False
    step = lifecycle.step(str(known.job.status), str(status))
    return step is not None and step.verdict != "legal"


def _has_room(first_of: Mapping[str, Observation], status: str, lifecycle: Lifecycle) -> bool:
    if lifecycle.knows(status):
        return True
    return sum(not lifecycle.knows(word) for word in first_of) < _MOST_UNKNOWN_WORDS


def _with_tag(tags: Mapping[str, Observation], seen: Observation) -> Mapping[str, Observation]:
    tag = seen.response.known_header("etag") if seen.response is not None else None
    if tag is None:
        return tags
    kept = {other: view for other, view in tags.items() if other != tag}
    kept[tag] = seen
    if len(kept) > _MOST_TAGS:
        del kept[next(iter(kept))]
    return kept
