"""
When to ask: a grid per target and canary that no slow answer can bend.

A closed loop waits for an answer before it asks again, and so asks least while the
endpoint is worst. Here every slot of the grid is either started, on time and beside
whatever is still under way, or counted as missed with the reason. Pure: no I/O, no
clock of its own.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from jobproof.probes.engine.rate_budget import Keys
from jobproof.probes.result import WhyMissed

__all__ = ["Lane", "Missed", "Schedule", "Slot", "Turn", "phase_s"]


@dataclass(frozen=True, slots=True)
class Lane:
    """
    One grid: a canary of a target.

    Attributes:
        key: The API key whose budget it spends.
    """

    target: str
    canary: str
    key: str
    interval_s: float
    timeout_s: float

    @property
    def most_in_flight(self) -> int:
        """
        How many probes overlap when every one takes its whole time-out, and one more.
        """
        return math.ceil(self.timeout_s / self.interval_s) + 1

    @property
    def grace_s(self) -> float:
        """
        How late a slot may still be started. Small beside the interval, so that catching
        up is never a burst; not so small that a busy moment costs a slot.
        """
        return min(1.0, max(0.25, self.interval_s / 10))


@dataclass(frozen=True, slots=True)
class Slot:
    """
    A probe to start now.

    Attributes:
        intended: The point of the grid, on the schedule's clock.
        deadline: When it must have ended, on the same clock.
    """

    lane: Lane
    intended: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Missed:
    """
    Slots that passed without a probe.
    """

    lane: Lane
    why: WhyMissed
    count: int = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """
    What one look at the clock comes to.
    """

    starts: tuple[Slot, ...]
    missed: tuple[Missed, ...]


class _Row:
    """
    A lane at one point of its grid; what follows from the lane is worked out once.
    """

    __slots__ = ("_first", "_step", "grace_s", "lane", "most_in_flight", "next")

    def __init__(self, lane: Lane, first: float) -> None:
        self._first = self.next = first
        self._step = 0
        self.become(lane)

    def become(self, lane: Lane) -> None:
        """
        Go on as a lane of the same interval.
        """
        self.lane = lane
        self.grace_s = lane.grace_s
        self.most_in_flight = lane.most_in_flight

    def go_on(self, steps: int = 1) -> None:
        # Multiplied, not added up: a thousand additions would drift off the grid.
        self._step += steps
        self.next = self._first + self._step * self.lane.interval_s


class Schedule:
    """
    Every lane's grid.

    The grid is pinned to absolute time once, when a lane comes in, so a restart keeps
    the phase; from then on only the monotonic clock counts, so a wall clock that jumps
    moves nothing.

    Args:
        wall_offset_s: Wall clock minus the schedule's clock.
        seed: Daemons that watch the same targets for each other get different ones,
            and ask in turn.
    """

    def __init__(self, keys: Keys, *, wall_offset_s: float, seed: str = "") -> None:
        self._keys = keys
        self._wall_offset_s = wall_offset_s
        self._seed = seed
        self._rows: dict[tuple[str, str], _Row] = {}
        # Apart from the rows: probes of a lane that goes and comes back are still under way.
        self._under_way: dict[tuple[str, str], int] = {}
        self._queue: list[tuple[float, tuple[str, str]]] = []
        self._stopped = False

    def configure(self, lanes: Iterable[Lane], now: float) -> None:
        """
        Take new lanes over; a lane that stays as it was keeps its next slot.
        """
        fresh: dict[tuple[str, str], _Row] = {}
        for lane in lanes:
            name = (lane.target, lane.canary)
            old = self._rows.get(name)
            if old is not None and old.lane.interval_s == lane.interval_s:
                old.become(lane)
                fresh[name] = old
            else:
                fresh[name] = _Row(lane, self._first(lane, now))
        self._rows = fresh
        self._queue = [(row.next, name) for name, row in fresh.items()]
        heapq.heapify(self._queue)

    def advance(self, now: float) -> Turn:
        """
        Everything whose time has come by `now`: to be started, or missed and why.
        """
        starts: list[Slot] = []
        missed: list[Missed] = []
        while self._queue and self._queue[0][0] <= now:
            _, name = heapq.heappop(self._queue)
            row = self._rows[name]
            late = self._skip_late(row, now)
            if late:
                missed.append(Missed(row.lane, self._why_late(), late))
            while row.next <= now:
                under_way = self._under_way.get(name, 0)
                why = self._why_not(row, under_way)
                if why is None:
                    self._under_way[name] = under_way + 1
                    starts.append(Slot(row.lane, row.next, now + row.lane.timeout_s))
                else:
                    missed.append(Missed(row.lane, why))
                row.go_on()
            heapq.heappush(self._queue, (row.next, name))
        if len(starts) > 1:
            starts.sort(key=lambda slot: slot.intended)
        return Turn(tuple(starts), tuple(missed))

    def ended(self, lane: Lane) -> None:
        """
        A probe of this lane is over; a lane that is gone by now is no mistake.
        """
        name = (lane.target, lane.canary)
        left = self._under_way.pop(name, 0) - 1
        if left > 0:
            self._under_way[name] = left

    def stop(self) -> None:
        """
        Start nothing more; slots are missed by shutdown from now on.
        """
        self._stopped = True

    @property
    def next_at(self) -> float | None:
        """
        When `advance` will next have something to say.
        """
        return self._queue[0][0] if self._queue else None

    def lag_in_intervals(self, now: float) -> float:
        """
        How far behind the grid the worst lane is; more than 1 means that nobody advances.
        """
        if not self._queue:
            return 0.0
        next_at, name = self._queue[0]
        # Below a second the interval says nothing about health: a busy moment is longer.
        return max(0.0, now - next_at) / max(1.0, self._rows[name].lane.interval_s)

    def _first(self, lane: Lane, now: float) -> float:
        wall = now + self._wall_offset_s
        phase = phase_s(lane, self._seed)
        steps = math.ceil((wall - phase) / lane.interval_s)
        return max(now, phase + steps * lane.interval_s - self._wall_offset_s)

    def _skip_late(self, row: _Row, now: float) -> int:
        behind_s = now - row.grace_s - row.next
        if behind_s <= 0:
            return 0
        skipped = math.ceil(behind_s / row.lane.interval_s)
        row.go_on(skipped)
        return skipped

    def _why_late(self) -> WhyMissed:
        return WhyMissed.SHUTDOWN if self._stopped else WhyMissed.LATE

    def _why_not(self, row: _Row, under_way: int) -> WhyMissed | None:
        if self._stopped:
            return WhyMissed.SHUTDOWN
        key = row.lane.key
        if under_way >= row.most_in_flight:
            # While the server asks for rest, that is the reason.
            resting = self._keys.refuse(key, row.next) == "backoff"
            return WhyMissed.BACKOFF if resting else WhyMissed.OVERLAP
        refusal = self._keys.take(key, row.next)
        return WhyMissed(refusal) if refusal is not None else None


def phase_s(lane: Lane, seed: str = "") -> float:
    """
    Where in its interval a lane asks: the same after every restart, apart for each lane.
    """
    text = f"{seed}\0{lane.target}\0{lane.canary}".encode()
    share = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2**64
    return share * lane.interval_s
