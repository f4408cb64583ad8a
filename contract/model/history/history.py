"""
One job's past, held in bounded memory however often the job is asked for.
"""

from __future__ import annotations

from bisect import bisect_right

from jobproof.contract.model.exchange import LONGEST_UNTIMED_S
from jobproof.contract.model.history.dealings import Dealings, later_dealings
from jobproof.contract.model.history.past import Past, later_past
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.promises.lifecycle import Lifecycle

__all__ = ["History"]

# Recordings write time in milliseconds: of two polls in a row, one may seem to overlap.
_CLOCK_GRAIN_S = 0.001
# In how many steps the time that may be asked for is kept where polls come denser.
_STEPS = 64
_NOTHING = Past()


class History:
    """
    Add what was seen, in about the order of time, and ask what was known at some moment.

    The past as of each of the latest sights is kept beside it, so that nothing is walked to find
    the one of a moment. What lies before all of these isn't known any more.

    Args:
        staleness_s: How far a replica may be behind, in seconds: moments as long ago can be
            asked for, however dense the polls are.
        recent: How many exchanges are kept as they are, for checks that look at them.
        window: How many of the latest sights are kept.
    """

    __slots__ = (
        "_ends",
        "_is_cut",
        "_late",
        "_lifecycle",
        "_most_recent",
        "_pasts",
        "_reach_s",
        "_window",
        "dealings",
        "recent",
        "staleness_s",
    )

    def __init__(
        self, lifecycle: Lifecycle, *, staleness_s: float = 0.0, recent: int = 0, window: int = 32
    ) -> None:
        self.dealings = Dealings()
        self.staleness_s = staleness_s
        self._lifecycle = lifecycle
        # No deque: a recording may be of a hundred thousand jobs, each seen once.
        self.recent: tuple[Observation, ...] = ()
        """The latest exchanges, in the order in which they were added."""
        self._most_recent = recent
        self._window = window
        # How long ago a moment may be for which the past is asked.
        self._reach_s = staleness_s
        # When each sight was over for certain, ascending, and the past from then on: its last is
        # that sight.
        self._ends: list[float] = []
        self._pasts: list[Past] = []
        self._is_cut = False
        self._late = 0

    @property
    def past(self) -> Past:
        """
        Of all sights.
        """
        return self._pasts[-1] if self._pasts else _NOTHING

    def before(self, moment: float) -> Past:
        """
        Of the sights that were over at `moment`, Unix seconds.
        """
        # Of two polls at once nobody knows which saw the later state, so one that overlaps is no
        # history.
        place = bisect_right(self._ends, moment + _CLOCK_GRAIN_S)
        return self._pasts[place - 1] if place else _NOTHING

    def between(self, after: float, until: float) -> tuple[Observation, ...]:
        """
        The sights that were over at `until` and not yet at `after`, oldest first; of dense ones
        some.
        """
        start = bisect_right(self._ends, after + _CLOCK_GRAIN_S)
        end = bisect_right(self._ends, until + _CLOCK_GRAIN_S)
        return tuple(past.last for past in self._pasts[start:end] if past.last is not None)

    def add(self, seen: Observation) -> None:
        """
        One more exchange about the job; of a question that was put otherwise nothing is kept,
        since what it shows needn't be what others see.
        """
        if seen.manner is not Manner.PLAIN or seen.exchange.request.may_choose:
            return
        if self._most_recent:
            self.recent = (*self.recent, seen)[-self._most_recent :]
        waits = seen.is_view and self._waits(seen)
        self.dealings = later_dealings(self.dealings, seen, waits=waits)
        if not seen.is_view:
            return
        if not seen.exchange.is_timed:
            # It is known to be over only long after the next ones began.
            self._reach_s = self.staleness_s + LONGEST_UNTIMED_S
        over_by = seen.exchange.over_by
        place = bisect_right(self._ends, over_by)
        if self._is_cut and place <= len(self._ends) - self._window and not self._starts_again():
            return
        place = min(place, len(self._ends))
        self._late = 0
        self._insert(place, over_by, seen)
        self._forget()

    def _waits(self, seen: Observation) -> bool:
        return seen.job is not None and self._lifecycle.waits_unbounded([str(seen.job.status)])

    def _starts_again(self) -> bool:
        """
        Whether the clock must have been set back: all that comes seems to be long over.
        """
        # A single one is a straggler, for whose place in the past nothing is left.
        self._late += 1
        if self._late <= self._window:
            return False
        self._ends.clear()
        self._pasts.clear()
        return True

    def _insert(self, place: int, over_by: float, seen: Observation) -> None:
        overtaken = [past.last for past in self._pasts[place:]]
        self._ends.insert(place, over_by)
        del self._pasts[place:]
        farthest = self.staleness_s > 0
        for view in (seen, *overtaken):
            if view is not None:
                past = later_past(self.past, view, self._lifecycle, farthest=farthest)
                self._pasts.append(past)

    def _forget(self) -> None:
        """
        Drop the pasts that nobody asks for: older than a replica may be, and denser than needed.
        """
        left = len(self._ends) - self._window - 1
        if left < 0:
            return
        if not self._reach_s:
            self._drop(0, left + 1)
            return
        # What was known a little earlier is still true, so some of the dense ones will do.
        if left and self._ends[left] - self._ends[left - 1] < self._reach_s / _STEPS:
            self._drop(left, left + 1)
            left -= 1
        # Twice as long: who asks now may have begun before the latest was over.
        horizon = self._ends[-1] - 2 * self._reach_s
        old = min(bisect_right(self._ends, horizon) - 1, left)
        if old > 0:
            self._drop(0, old)

    def _drop(self, start: int, end: int) -> None:
        del self._ends[start:end]
        del self._pasts[start:end]
        self._is_cut = True
