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
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from jobproof.probes.engine.outage_rest import OutageRest
from jobproof.probes.engine.rate_budget import RateBudgets
from jobproof.probes.result import MissReason

__all__ = ["DueProbes", "MissedSlots", "PeriodicProbe", "Schedule", "Slot", "phase_s"]


@dataclass(frozen=True, slots=True)
class PeriodicProbe:
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
    """

    probe: PeriodicProbe
    intended: float


@dataclass(frozen=True, slots=True)
class MissedSlots:
    """
    Slots that passed without a probe.
    """

    probe: PeriodicProbe
    why: MissReason
    count: int = 1


@dataclass(frozen=True, slots=True)
class DueProbes:
    """
    What one look at the clock comes to.
    """

    starts: tuple[Slot, ...]
    missed: tuple[MissedSlots, ...]


class _Row:
    """
    A probe at one point of its grid; what follows from the probe is worked out once.
    """

    __slots__ = ("_first", "_step", "grace_s", "most_in_flight", "next", "probe", "rest")

    def __init__(self, probe: PeriodicProbe, first: float) -> None:
        self._first = self.next = first
        self._step = 0
        self.rest = OutageRest()
        self.replace_probe(probe)

    def replace_probe(self, probe: PeriodicProbe) -> None:
        """
        Go on as a probe of the same interval.
        """
        self.probe = probe
        # Copied from properties: they are read at every slot, and don't change.
        self.grace_s = probe.grace_s
        self.most_in_flight = probe.most_in_flight

    def advance_by(self, steps: int) -> None:
        """
        Move `next` so many intervals on.
        """
        # Multiplied, not added up: a thousand additions would drift off the grid.
        self._step += steps
        self.next = self._first + self._step * self.probe.interval_s


class Schedule:
    """
    Every probe's grid.

    The grid is pinned to absolute time once, when a probe comes in, so a restart keeps
    the phase; from then on only the monotonic clock counts, so a wall clock that jumps
    moves nothing.

    Args:
        wall_offset_s: Wall clock minus the schedule's clock.
        seed: Daemons that watch the same targets for each other get different ones,
            and ask in turn.
    """

    def __init__(self, keys: RateBudgets, *, wall_offset_s: float, seed: str = "") -> None:
        self._keys = keys
        self._wall_offset_s = wall_offset_s
        self._seed = seed
        self._rows: dict[tuple[str, str], _Row] = {}
        # Apart from the rows: a grid may go and come back while its requests are under way.
        self._under_way: dict[tuple[str, str], int] = {}
        self._queue: list[tuple[float, tuple[str, str]]] = []
        self._head = (math.inf, 1.0)
        self._stopped = False

    def configure(self, probes: Iterable[PeriodicProbe], now: float) -> None:
        """
        Take new probes over; a probe that stays as it was keeps its next slot.
        """
        fresh: dict[tuple[str, str], _Row] = {}
        for probe in probes:
            name = (probe.target, probe.canary)
            old = self._rows.get(name)
            if old is not None and old.probe.interval_s == probe.interval_s:
                old.replace_probe(probe)
                fresh[name] = old
            else:
                fresh[name] = _Row(probe, self._first(probe, now))
        self._rows = fresh
        self._queue = [(row.next, name) for name, row in fresh.items()]
        heapq.heapify(self._queue)
        self._publish_head()

    def advance(self, now: float) -> DueProbes:
        """
        Everything whose time has come by `now`: to be started, or missed and why.
        """
        starts: list[Slot] = []
        missed: list[MissedSlots] = []
        while self._queue and self._queue[0][0] <= now:
            _, name = heapq.heappop(self._queue)
            row = self._rows[name]
            # Late slots go first: a process that was stopped for a day has a great many,
            # which are counted in one step and never sent in a burst.
            late = self._skip_late(row, now)
            if late:
                row.rest.lost_sight()
                missed.append(MissedSlots(row.probe, self._why_late(), late))
            while row.next <= now:
                under_way = self._under_way.get(name, 0)
                why = self._why_not(row, under_way)
                if why is None:
                    row.rest.asked()
                    self._under_way[name] = under_way + 1
                    starts.append(Slot(row.probe, row.next))
                else:
                    missed.append(MissedSlots(row.probe, why))
                row.advance_by(1)
            heapq.heappush(self._queue, (row.next, name))
        self._publish_head()
        # Each grid was emptied at a time, so a fast one's slots stand before a slow one's.
        if len(starts) > 1:
            starts.sort(key=lambda slot: slot.intended)
        return DueProbes(tuple(starts), tuple(missed))

    def ended(self, probe: PeriodicProbe) -> None:
        """
        A request of this probe is over; that the probe is gone by now is no mistake.
        """
        name = (probe.target, probe.canary)
        left = self._under_way.pop(name, 0) - 1
        if left > 0:
            self._under_way[name] = left

    def out_of_service(self, probe: PeriodicProbe, *, now: float, until: float) -> None:
        """
        A request of this probe was answered with 503 and a time to come back.
        """
        row = self._rows.get((probe.target, probe.canary))
        if row is not None:
            row.rest.begin(now=now, until=until)

    def in_service(self, probe: PeriodicProbe, *, started: float) -> None:
        """
        A request of this probe, sent at `started`, came to anything else.
        """
        row = self._rows.get((probe.target, probe.canary))
        if row is not None:
            row.rest.end(started=started)

    def forget_outages(self, targets: Container[str]) -> None:
        """
        What these targets answered says nothing about where they lead now.
        """
        for (target, _), row in self._rows.items():
            if target in targets:
                row.rest.end()

    def rests_until(self) -> Mapping[str, float]:
        """
        When the last of a target's grids is asked as usual again, if nothing is answered before;
        only targets that have said so.
        """
        ends: dict[str, float] = {}
        for (target, _), row in self._rows.items():
            if row.rest.until > ends.get(target, -math.inf):
                ends[target] = row.rest.until
        return ends

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
        How far behind the grid the worst probe is; more than 1 means that nobody advances.
        From any thread.
        """
        # The queue is its thread's alone, and half changed at times.
        next_at, interval_s = self._head
        # Below a second the interval says nothing about health: a busy moment is longer.
        return max(0.0, now - next_at) / max(1.0, interval_s)

    def _publish_head(self) -> None:
        # One tuple: who reads it sees both, or both of before.
        if self._queue:
            next_at, name = self._queue[0]
            self._head = (next_at, self._rows[name].probe.interval_s)
        else:
            self._head = (math.inf, 1.0)

    def _first(self, probe: PeriodicProbe, now: float) -> float:
        wall = now + self._wall_offset_s
        phase = phase_s(probe, self._seed)
        steps = math.ceil((wall - phase) / probe.interval_s)
        # `max`: wall seconds are large numbers, whose rounding may lead before `now`.
        return max(now, phase + steps * probe.interval_s - self._wall_offset_s)

    def _skip_late(self, row: _Row, now: float) -> int:
        behind_s = now - row.grace_s - row.next
        if behind_s <= 0:
            return 0
        skipped = math.ceil(behind_s / row.probe.interval_s)
        row.advance_by(skipped)
        return skipped

    def _why_late(self) -> MissReason:
        return MissReason.SHUTDOWN if self._stopped else MissReason.LATE

    def _why_not(self, row: _Row, under_way: int) -> MissReason | None:
        if self._stopped:
            return MissReason.SHUTDOWN
        key = row.probe.key
        if self._keys.is_throttled(key, row.next):
            # Nobody can look, so nothing is said, not even that an outage lasts.
            row.rest.lost_sight()
            return MissReason.THROTTLED
        if row.rest.skips(row.next):
            return MissReason.BACKOFF
        if under_way >= row.most_in_flight:
            return MissReason.OVERLAP
        return self._keys.take(key, row.next)


def phase_s(probe: PeriodicProbe, seed: str = "") -> float:
    """
    Where in its interval a probe asks: the same after every restart, apart for each probe.
    """
    text = f"{seed}\0{probe.target}\0{probe.canary}".encode()
    share = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2**64
    return share * probe.interval_s
