"""
The schedule on a virtual clock: an hour passes in a millisecond.
"""

from __future__ import annotations

import heapq
import math
import random
import threading
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.threads import at_once

from jobproof.probes.engine.rate_budget import BudgetLimits, RateBudgets
from jobproof.probes.engine.schedule import DueProbes, PeriodicProbe, Schedule, Slot, phase_s
from jobproof.probes.result import MissReason

UNLIMITED = BudgetLimits(math.inf)


def keys(**limits: BudgetLimits) -> RateBudgets:
    return RateBudgets(limits or {"k": UNLIMITED}, random.Random(1))


def probe(interval_s: float = 5.0, timeout_s: float = 10.0, canary: str = "known") -> PeriodicProbe:
    return PeriodicProbe("t", canary, "k", interval_s, timeout_s)


def run_outage(timeout_s: float) -> tuple[int, int]:
    """
    300 s of 5 s probes; what is asked in the 60 s from 100 s on is never answered.
    """
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(timeout_s=timeout_s)], 0.0)
    ends: list[tuple[float, int, Slot, bool]] = []
    asked = failed = 0
    while (at := schedule.next_at) is not None and at < 300.0:
        while ends and ends[0][0] <= at:
            schedule.ended(heapq.heappop(ends)[2].probe)
        turn = schedule.advance(at)
        failed += len(turn.missed)
        asked += len(turn.missed)
        for slot in turn.starts:
            hangs = 100.0 <= at < 160.0
            asked, failed = asked + 1, failed + hangs
            heapq.heappush(ends, (at + (timeout_s if hangs else 0.05), asked, slot, hangs))
    return asked, failed


@pytest.mark.parametrize("timeout_s", [5.0, 10.0, 30.0])
def test_a_known_outage_is_measured_at_its_true_size(timeout_s: float) -> None:
    asked, failed = run_outage(timeout_s)
    assert asked == 60
    assert failed / asked == pytest.approx(0.200, abs=0.01)


def test_a_restart_keeps_the_phase() -> None:
    first = Schedule(keys(), wall_offset_s=1_000_000.0)
    first.configure([probe()], 3.0)
    again = Schedule(keys(), wall_offset_s=1_000_100.7)
    again.configure([probe()], 12.0)
    assert first.next_at is not None
    assert again.next_at is not None
    wall_times = first.next_at + 1_000_000.0, again.next_at + 1_000_100.7
    assert (wall_times[1] - wall_times[0]) / 5.0 == pytest.approx(
        round((wall_times[1] - wall_times[0]) / 5.0), abs=1e-6
    )


def test_daemons_with_different_seeds_ask_at_different_times() -> None:
    assert phase_s(probe(), "a") != phase_s(probe(), "b")


def test_canaries_of_one_target_don_t_ask_at_once() -> None:
    phases = [phase_s(probe(canary=name)) for name in ("known", "missing", "malformed")]
    assert len({round(phase, 3) for phase in phases}) == 3


def test_a_hang_overlaps_up_to_the_cap_and_the_rest_is_counted() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(1.0, 3.0)], 0.0)
    started = 0
    missed: Counter[MissReason] = Counter()
    for _ in range(10):
        turn = schedule.advance(schedule.next_at or 0.0)
        started += len(turn.starts)
        missed.update({miss.why: miss.count for miss in turn.missed})
    assert started == 4
    assert missed == {MissReason.OVERLAP: 6}


def fill(schedule: Schedule) -> list[Slot]:
    """
    Start probes that don't end until the cap holds the next one back.
    """
    slots: list[Slot] = []
    while (at := schedule.next_at) is not None and (turn := schedule.advance(at)).starts:
        slots += turn.starts
    return slots


def test_each_end_makes_room_for_one() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(1.0, 3.0)], 0.0)
    slots = fill(schedule)
    assert len(slots) == 4
    schedule.ended(slots[0].probe)
    assert len(fill(schedule)) == 1


def test_probes_of_a_lane_that_goes_and_comes_back_still_count() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(1.0, 3.0)], 0.0)
    slots = fill(schedule)
    now = slots[-1].intended
    schedule.configure([], now)
    schedule.configure([probe(2.0, 6.0)], now)
    assert fill(schedule) == []
    for slot in slots[:2]:
        schedule.ended(slot.probe)
    assert len(fill(schedule)) == 2


def test_an_hour_of_standstill_is_counted_and_not_caught_up() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(5.0)], 0.0)
    first = schedule.next_at
    assert first is not None
    turn = schedule.advance(first + 3600.0)
    assert sum(miss.count for miss in turn.missed if miss.why is MissReason.LATE) == 720
    assert len(turn.starts) == 1


def test_the_budget_is_shared_and_what_it_refuses_is_counted() -> None:
    schedule = Schedule(keys(k=BudgetLimits(12.0)), wall_offset_s=0.0)
    schedule.configure([probe(5.0, 1.0), probe(10.0, 1.0, "missing")], 0.0)
    starts = 0
    budget = 0
    while (at := schedule.next_at) is not None and at <= 60.0:
        turn = schedule.advance(at)
        starts += len(turn.starts)
        budget += sum(m.count for m in turn.missed if m.why is MissReason.BUDGET)
        for slot in turn.starts:
            schedule.ended(slot.probe)
    assert starts == 12
    assert budget == 6


def test_a_budget_that_fits_exactly_refuses_nothing() -> None:
    schedule = Schedule(keys(k=BudgetLimits(12.0)), wall_offset_s=0.0)
    schedule.configure([probe(5.0, 1.0)], 0.0)
    while (at := schedule.next_at) is not None and at <= 3600.0:
        turn = schedule.advance(at + 0.01)
        assert not turn.missed
        for slot in turn.starts:
            schedule.ended(slot.probe)


def test_a_reload_keeps_the_next_slot_of_a_lane_that_stays() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe()], 0.0)
    before = schedule.next_at
    schedule.configure([probe(timeout_s=20.0)], 0.5)
    assert schedule.next_at == before


def test_lag_says_that_nobody_advances() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(5.0)], 0.0)
    assert schedule.next_at is not None
    assert schedule.lag_in_intervals(schedule.next_at) == 0.0
    assert schedule.lag_in_intervals(schedule.next_at + 11.0) == pytest.approx(2.2)


def test_how_late_it_is_can_be_read_while_it_advances() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    lags: set[float] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            lags.add(schedule.lag_in_intervals(0.0))

    def advance() -> None:
        for turn in range(2_000):
            schedule.configure([probe(1.0)] if turn % 2 else [], float(turn))
            schedule.advance(turn + 1.0)
        done.set()

    assert at_once(read, read, advance) == []
    # Nothing is late before its first slot.
    assert lags <= {0.0}


INTERVALS = st.sampled_from([0.01, 0.25, 1.0, 5.0, 30.0])
TIMEOUTS = st.sampled_from([0.5, 1.0, 10.0, 30.0])
NAMES = ("known", "missing", "malformed")


class ScheduleMachine(RuleBasedStateMachine):
    """
    A prober that hangs, is refused, is reloaded, stands still and is stopped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.keys = keys(k=BudgetLimits(600.0))
        self.schedule = Schedule(self.keys, wall_offset_s=1.7e9)
        self.probes: dict[str, PeriodicProbe] = {}
        self.since: dict[str, float] = {}
        self.counted: Counter[str] = Counter()
        self.running: list[tuple[float, int, Slot]] = []
        self.serial = 0
        self.stopped = False
        self.answer_s = 0.05
        self.overrun_s = 0.0

    @rule(name=st.sampled_from(NAMES), interval_s=INTERVALS, timeout_s=TIMEOUTS)
    def reload_with(self, name: str, interval_s: float, timeout_s: float) -> None:
        self.settle()
        fresh = PeriodicProbe("t", name, "k", interval_s, timeout_s)
        old = self.probes.get(name)
        self.probes[name] = fresh
        if old is None or old.interval_s != interval_s:
            self.since[name], self.counted[name] = self.now, 0
        self.schedule.configure(self.probes.values(), self.now)

    @rule(name=st.sampled_from(NAMES))
    def reload_without(self, name: str) -> None:
        self.settle()
        self.probes.pop(name, None)
        self.since.pop(name, None)
        self.counted.pop(name, None)
        self.schedule.configure(self.probes.values(), self.now)

    @rule(answer_s=st.sampled_from([0.001, 0.05, 0.4, math.inf]))
    def server_answers_after(self, answer_s: float) -> None:
        self.answer_s = answer_s

    @rule(overrun_s=st.sampled_from([0.0, 40.0]))
    def client_keeps_its_deadline_or_not(self, overrun_s: float) -> None:
        self.overrun_s = overrun_s

    @rule(dt=st.floats(0.001, 20.0))
    def time_passes(self, dt: float) -> None:
        end = self.now + dt
        while (at := self.schedule.next_at) is not None and at <= end:
            self.now = max(self.now, at)
            self.settle()
        self.now = end
        self.settle()

    @rule(dt=st.sampled_from([0.3, 7.0, 3600.0, 86_400.0]))
    def everything_stands_still(self, dt: float) -> None:
        self.now += dt
        self.settle()

    @rule(retry_after_s=st.sampled_from([None, 0.0, 1.0, 60.0, 1e9]))
    def server_refuses(self, retry_after_s: float | None) -> None:
        until = self.keys.refused_by_server(
            "k", started=self.now, now=self.now, retry_after_s=retry_after_s
        )
        assert self.now < until <= self.now + 300.0

    @rule(name=st.sampled_from(NAMES), rest_s=st.sampled_from([1.0, 60.0, 300.0]))
    def server_says_that_it_is_out_of_service(self, name: str, rest_s: float) -> None:
        if name in self.probes:
            until = self.now + rest_s
            for _ in range(12):
                self.schedule.out_of_service(self.probes[name], now=self.now, until=until)

    @rule(name=st.sampled_from(NAMES))
    def server_is_back(self, name: str) -> None:
        if name in self.probes:
            self.schedule.in_service(self.probes[name], started=self.now)

    @rule()
    def stop(self) -> None:
        self.schedule.stop()
        self.stopped = True

    def settle(self) -> None:
        while self.running and self.running[0][0] <= self.now:
            self.schedule.ended(heapq.heappop(self.running)[2].probe)
        turn = self.schedule.advance(self.now)
        burst: Counter[str] = Counter()
        for miss in turn.missed:
            self.counted[miss.probe.canary] += miss.count
            assert miss.count > 0
        for slot in turn.starts:
            assert not self.stopped
            assert slot.intended <= self.now <= slot.intended + slot.probe.grace_s
            self.counted[slot.probe.canary] += 1
            burst[slot.probe.canary] += 1
            self.serial += 1
            ends = self.now + min(self.answer_s, slot.probe.timeout_s + self.overrun_s)
            heapq.heappush(self.running, (ends, self.serial, slot))
            # A reload may lower the cap under what runs already, but then nothing starts.
            name = slot.probe.canary
            under_way = sum(one.probe.canary == name for _, _, one in self.running)
            assert under_way <= slot.probe.most_in_flight
        for name, count in burst.items():
            here = self.probes[name]
            assert count <= here.grace_s / here.interval_s + 1 + 1e-6

    @invariant()
    def every_slot_is_started_or_missed(self) -> None:
        self.settle()
        for name, here in self.probes.items():
            phase = phase_s(here)

            def point(at: float, phase: float = phase, here: PeriodicProbe = here) -> float:
                return (at + 1.7e9 - phase) / here.interval_s

            since, now = point(self.since[name]), point(self.now)
            slots = math.floor(now) - math.ceil(since) + 1
            near_an_edge = min(abs(now - round(now)), abs(since - round(since))) < 1e-3
            assert abs(slots - self.counted[name]) <= near_an_edge

    @invariant()
    def the_grid_goes_on(self) -> None:
        at = self.schedule.next_at
        if not self.probes:
            assert at is None
            return
        assert at is not None
        widest = max(here.interval_s for here in self.probes.values())
        assert self.now < at <= self.now + widest + 1e-6


ScheduleMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSchedule = ScheduleMachine.TestCase


def test_lanes_that_share_a_key_share_its_rest() -> None:
    pool = keys()
    schedule = Schedule(pool, wall_offset_s=0.0)
    schedule.configure([probe(1.0), replace(probe(1.0), canary="missing")], 0.0)
    pool.refused_by_server("k", started=0.0, now=0.0, retry_after_s=30.0)
    turns = [schedule.advance(schedule.next_at or 0.0) for _ in range(2)]
    assert not any(turn.starts for turn in turns)
    missed = [miss for turn in turns for miss in turn.missed]
    assert {miss.probe.canary for miss in missed} == {"known", "missing"}
    assert {miss.why for miss in missed} == {MissReason.THROTTLED}


@pytest.mark.parametrize(
    ("interval_s", "timeout_s", "grace_s", "most"),
    [(1.0, 1.0, 0.25, 2), (5.0, 10.0, 0.5, 3), (5.0, 10.1, 0.5, 4), (60.0, 10.0, 1.0, 2)],
)
def test_what_a_probe_may_overlap_and_be_late_follows_from_its_interval(
    interval_s: float, timeout_s: float, grace_s: float, most: int
) -> None:
    one = probe(interval_s, timeout_s)
    assert (one.grace_s, one.most_in_flight) == (grace_s, most)


def test_a_phase_lies_within_the_interval_and_anywhere_in_it() -> None:
    phases = [phase_s(probe(8.0, canary=str(number))) for number in range(200)]
    assert 0.0 <= min(phases) < 0.5
    assert 7.5 < max(phases) < 8.0


def test_slots_of_several_grids_are_started_in_the_order_of_time() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure(
        [probe(interval, canary=str(interval)) for interval in (0.1, 0.07, 0.2)], 0.0
    )
    starts = [slot.intended for slot in schedule.advance(0.24).starts]
    assert len(starts) > 4
    assert starts == sorted(starts)


def test_a_schedule_of_nothing_is_never_late() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    assert schedule.next_at is None
    assert schedule.lag_in_intervals(99.0) == 0.0
    assert schedule.advance(99.0) == DueProbes((), ())


@pytest.mark.parametrize(("interval_s", "lag"), [(0.5, 3.0), (1.0, 3.0), (4.0, 0.75)])
def test_lag_is_told_in_intervals_of_a_second_at_least(interval_s: float, lag: float) -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(interval_s)], 0.0)
    assert schedule.next_at is not None
    assert schedule.lag_in_intervals(schedule.next_at + 3.0) == pytest.approx(lag)
    assert schedule.lag_in_intervals(schedule.next_at - 3.0) == 0.0


def test_a_slot_is_started_within_its_grace_and_missed_after_it() -> None:
    for late_s, started in ((0.49, 1), (0.51, 0)):
        schedule = Schedule(keys(), wall_offset_s=0.0)
        schedule.configure([probe(5.0)], 0.0)
        assert schedule.next_at is not None
        first = schedule.next_at
        turn = schedule.advance(first + late_s)
        assert [slot.intended for slot in turn.starts] == [first] * started
        assert [(m.why, m.count) for m in turn.missed] == [(MissReason.LATE, 1)] * (1 - started)
        assert schedule.next_at == pytest.approx(first + 5.0)


def test_after_a_stop_slots_are_missed_for_it_whether_late_or_not() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    schedule.configure([probe(5.0)], 0.0)
    schedule.stop()
    assert schedule.next_at is not None
    turn = schedule.advance(schedule.next_at + 10.0)
    assert not turn.starts
    assert [(m.why, m.count) for m in turn.missed] == [
        (MissReason.SHUTDOWN, 2),
        (MissReason.SHUTDOWN, 1),
    ]


def test_a_slot_that_has_no_room_while_the_key_rests_is_missed_for_the_rest() -> None:
    budgets = keys()
    schedule = Schedule(budgets, wall_offset_s=0.0)
    schedule.configure([probe(5.0, 5.0)], 0.0)
    assert schedule.next_at is not None
    first = schedule.next_at
    assert [len(schedule.advance(first + 5 * n).starts) for n in range(2)] == [1, 1]
    assert [m.why for m in schedule.advance(first + 10).missed] == [MissReason.OVERLAP]
    budgets.refused_by_server("k", started=first, now=first + 11, retry_after_s=30.0)
    assert [m.why for m in schedule.advance(first + 15).missed] == [MissReason.THROTTLED]


def test_a_first_slot_is_never_in_the_past_and_a_slot_that_is_due_now_is_started() -> None:
    schedule = Schedule(keys(), wall_offset_s=0.0)
    one = probe(5.0)
    for now in (phase_s(one), phase_s(one) + 1e-9, phase_s(one) + 2.0):
        schedule.configure([], now)
        schedule.configure([one], now)
        assert schedule.next_at is not None
        assert now <= schedule.next_at < now + 5.0
    assert len(schedule.advance(schedule.next_at).starts) == 1
