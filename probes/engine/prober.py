"""
A due slot becomes a request, an answer, a judged result, and a call to the receiver.

One thread runs the schedule and owns it alone; one thread per request under way sends it;
one thread judges, off the timing path. They hand values to each other through queues.
"""

from __future__ import annotations

import logging
import math
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from jobproof.contract.errors import JobproofError, PluginError
from jobproof.contract.formats.wording import described
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.exchange import Exchange, Request, Subject
from jobproof.probes.canaries.canary import CanaryRequest
from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.engine.judge_thread import JudgeThread, signal_once
from jobproof.probes.engine.judging import JudgedResult, RawResult
from jobproof.probes.engine.rate_budget import BudgetLimits, RateBudgets, outage_s
from jobproof.probes.engine.schedule import MissedSlots, PeriodicProbe, Schedule, Slot
from jobproof.probes.engine.target_state import ClientSettings, HistoryLoader, TargetState
from jobproof.probes.engine.worker_pool import WorkerPool
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.result import FOLLOWED, MissReason

__all__ = [
    "SCHEDULE_HAS_ENDED",
    "Clock",
    "HttpClient",
    "ProbePlan",
    "Prober",
    "ScheduleError",
]

_LOG = logging.getLogger(__name__)
_MOST_THREADS = 1_024
_PUBLISH_S = 0.5
# Where the machine is busy it takes its time, and is no less in force for that.
_LONGEST_CHANGE_S = 30.0
SCHEDULE_HAS_ENDED = "the schedule has ended, and nothing is probed: restart it"


class ScheduleError(JobproofError):
    """
    The schedule doesn't do what it is told.
    """


class HttpClient(Protocol):
    """
    The part of `jobproof.contract.client.curl.Client` that is used here; threads share it.
    """

    def send(self, request: Request, *, deadline_s: float) -> Exchange: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Clock:
    """
    The two clocks of the daemon: one to measure with, one to tell people the time.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """
    Targets ready to be probed.
    """

    states: Mapping[str, TargetState]
    clients: Mapping[ClientSettings, HttpClient]


@dataclass(frozen=True, slots=True)
class _ProbeTask:
    """
    A request on its way.

    Attributes:
        request: None where the canary is yet to be asked for it: it may take its time, which
            is the thread's that sends, and not the schedule's.
        intended: When it was due, on the monotonic clock.
        probe: Whose slot it fills; None for a request beside the grid.
        on_answer: Makes it no probe: the answer goes there and isn't judged.
        on_result: Makes it a probe for one caller: judged, and handed to nobody else.
    """

    state: TargetState
    canary: str
    request: Request | None
    intended: float
    timeout_s: float
    probe: PeriodicProbe | None
    on_answer: Callable[[Exchange | None], None] | None = None
    on_result: Callable[[JudgedResult], None] | None = None


@dataclass(frozen=True, slots=True)
class _ProbeDone:
    task: _ProbeTask
    started: float
    exchange: Exchange | None


class Prober:
    """
    Sends requests on time, judges every answer, and hands on the results.

    Args:
        make_client: Called once for each kind of client that is needed.
        receive: Called with every judged probe, from one thread, in order.
        count_failed: Called with target, canary and the number of slots that count as failed
            without a probe, from the schedule's thread.
        rng: For ids that nobody has, and for spreading out.
        load_history: What an earlier run saw of a followed job of a target, oldest first.
        seed: Tells daemons apart that watch the same targets for each other.
    """

    def __init__(
        self,
        *,
        make_client: Callable[[ClientSettings], HttpClient],
        judge: Judge,
        metrics: Metrics,
        receive: Callable[[JudgedResult], None],
        rng: random.Random,
        count_failed: Callable[[str, str, int], None] = lambda _target, _canary, _count: None,
        load_history: HistoryLoader = lambda _target, _job_id: (),
        clock: Clock | None = None,
        seed: str = "",
        plugins: PluginCalls | None = None,
    ) -> None:
        self._load_history = load_history
        self._count_failed = count_failed
        self.clock = clock or Clock()
        self._make_client = make_client
        self._judge = judge
        self._metrics = metrics
        self._rng = rng
        offset = self.clock.wall() - self.clock.monotonic()
        self._keys = RateBudgets({}, rng)
        self._schedule = Schedule(self._keys, wall_offset_s=offset, seed=seed)
        self._pool: WorkerPool[_ProbeTask] = WorkerPool(self._run_task, most=_MOST_THREADS)
        self._clients: dict[ClientSettings, HttpClient] = {}
        self._states: Mapping[str, TargetState] = {}
        # Until when requests that nobody measures with are kept from a target, by its name.
        self._out_of_service: dict[str, float] = {}
        self._inbox: deque[Callable[[float], None] | _ProbeDone] = deque()
        # A lock as a signal, released to wake the thread up: an Event's wait() costs ten
        # times as much, at every slot.
        self._wakeup = threading.Lock()
        self._wakeup.acquire()
        self._in_flight = 0
        self._stopping = False
        self._stop_by = math.inf
        self._scheduling = threading.Thread(target=self._run_schedule, name="schedule", daemon=True)
        self._plugins = plugins or PluginCalls(metrics)
        self.judging = JudgeThread(metrics, receive, self._plugins)

    # -- from any thread ----------------------------------------------------------------

    def start(self) -> None:
        """
        Begin to probe.
        """
        self.judging.start()
        self._scheduling.start()

    def plan(self, targets: Iterable[TargetSettings]) -> ProbePlan:
        """
        Make all that these targets need, and change nothing yet.

        A target that hasn't changed keeps its state: its history and its canaries.

        Raises:
            ConfigError: A certificate file holds no certificate.
        """
        states: dict[str, TargetState] = {}
        for target in targets:
            old = self._states.get(target.name)
            same = old is not None and old.target == target
            states[target.name] = (
                old
                if old is not None and same
                else TargetState(target, self._judge, self._rng, self._load_history, self._plugins)
            )
        needed = {state.client for state in states.values()}
        clients = {kind: self._clients.get(kind) or self._make_client(kind) for kind in needed}
        return ProbePlan(states, clients)

    def apply(self, plan: ProbePlan) -> None:
        """
        Probe what was planned from now on; returns when the schedule has changed over.

        Raises:
            ScheduleError: Nobody runs the schedule any more, or it doesn't change over in time.
        """
        taken = threading.Event()

        def change(now: float) -> None:
            # Tasks under way may still need an old client, so none is dropped here.
            self._clients = {**self._clients, **plan.clients}
            changed = {n for n, state in plan.states.items() if self._states.get(n) is not state}
            self._states = plan.states
            self._keys.configure(_limits(plan.states.values()))
            probes = (probe for state in plan.states.values() for probe in state.probes())
            self._schedule.configure(probes, now)
            self._schedule.forget_outages(changed)
            for name in changed:
                self._out_of_service.pop(name, None)
            taken.set()

        # Before the start nobody reads the inbox, and the first plan must be in force at once.
        if self._scheduling.ident is None:
            change(self.clock.monotonic())
            return
        if not self._scheduling.is_alive():
            raise ScheduleError(SCHEDULE_HAS_ENDED)
        self._post(change)
        if not taken.wait(_LONGEST_CHANGE_S):
            raise ScheduleError(
                f"the schedule hasn't changed over within {_LONGEST_CHANGE_S:.0f} s: try again, or "
                "restart it"
            )

    def follow(self, target: str, job_id: str, refused: Callable[[], None]) -> None:
        """
        Ask for a followed job at once, if the key's budget has room.

        Args:
            refused: Called if it has none now; ask again later.
        """

        def start(now: float) -> None:
            state = self._states.get(target)
            request = (
                state.request(CanaryRequest(job_id, Subject.KNOWN)) if state is not None else None
            )
            if not self._start_beside(state, request, None, now):
                refused()

        self._post(start)

    def send_beside(
        self, target: str, request: Request, done: Callable[[Exchange | None], None]
    ) -> None:
        """
        Send a request that is no probe beside the grid, out of the key's budget.

        The answer isn't judged.

        Args:
            done: Called with the answer from another thread; with None where the
                budget had no room or the request could not be sent.
        """

        def start(now: float) -> None:
            if not self._start_beside(self._states.get(target), request, done, now):
                done(None)

        self._post(start)

    def probe_now(self, target: str, canary: str, *, timeout_s: float) -> JudgedResult | None:
        """
        One request of a canary beside its grid, out of the key's budget; it counts in no
        metric, since the caller counts it.

        Returns:
            What it came to; None where the key may not be used now.

        Raises:
            KeyError: No such target or canary.
        """
        state = self._states[target]
        request = state.request(state.next_request(canary))
        results: queue.SimpleQueue[JudgedResult | None] = queue.SimpleQueue()

        def start(now: float) -> None:
            task = _ProbeTask(state, canary, request, now, timeout_s, None, on_result=results.put)
            if (
                self._stopping
                or self._keys.take(state.target.key, now, beside=True) is not None
                or not self._hand(task)
            ):
                results.put(None)

        self._post(start)
        try:
            # Longer than the request may take: it is judged in its turn, after others.
            return results.get(timeout=timeout_s + 5.0)
        except queue.Empty:
            return None

    def state(self, target: str) -> TargetState | None:
        """
        A target that is being probed now.
        """
        return self._states.get(target)

    def lag_in_intervals(self) -> float:
        """
        How far the schedule is behind its grid; above 2 the daemon isn't ready.
        """
        return self._schedule.lag_in_intervals(self.clock.monotonic())

    @property
    def is_scheduling(self) -> bool:
        """
        False where the schedule's thread has ended though nobody stopped it.
        """
        return self._stopping or self._scheduling.is_alive() or self._scheduling.ident is None

    @property
    def in_flight(self) -> int:
        """
        Probes that have started and not ended.
        """
        return self._in_flight

    def stop(self, *, within_s: float) -> bool:
        """
        Start nothing more, let what is under way end, and judge it.

        Returns:
            Whether all of it ended in time.
        """
        self._stop_by = self.clock.monotonic() + within_s

        def end(_now: float) -> None:
            self._schedule.stop()
            self._stopping = True

        self._post(end)
        self._scheduling.join(within_s + 5.0)
        self._pool.close()
        # Behind the last result: everything that was asked is judged before the thread ends.
        self.judging.stop(within_s=10.0)
        return self._in_flight == 0

    # -- the thread of the schedule -----------------------------------------------------

    def _post(self, message: Callable[[float], None]) -> None:
        self._inbox.append(message)
        signal_once(self._wakeup)

    def _run_schedule(self) -> None:
        published = -math.inf
        while True:
            now = self.clock.monotonic()
            self._read_inbox(now)
            if self._stopping and (self._in_flight == 0 or now >= self._stop_by):
                self._publish(now)
                return
            due = self._schedule.advance(now)
            for slot in due.starts:
                self._start(slot)
            for missed in due.missed:
                self._miss(missed)
            if now - published >= _PUBLISH_S:
                self._publish(now)
                published = now
            self._sleep()

    def _miss(self, missed: MissedSlots) -> None:
        target, why, count = missed.probe.target, missed.why, missed.count
        self._metrics.slot_missed(target, why, count)
        if why is MissReason.BACKOFF:
            self._metrics.slots_failed(target, missed.probe.canary, count)
            self._count_failed(target, missed.probe.canary, count)

    def _sleep(self) -> None:
        next_at = self._schedule.next_at
        # At the end it waits for tasks, not for slots, so it looks more often.
        longest = 0.02 if self._stopping else _PUBLISH_S
        until = self.clock.monotonic() + longest if next_at is None else next_at
        wait_s = min(longest, until - self.clock.monotonic())
        if wait_s > 0:
            self._wakeup.acquire(timeout=wait_s)

    def _read_inbox(self, now: float) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            if isinstance(message, _ProbeDone):
                self._end(message, now)
            else:
                message(now)

    def _start(self, slot: Slot) -> None:
        probe = slot.probe
        state = self._states[probe.target]
        task = _ProbeTask(state, probe.canary, None, slot.intended, probe.timeout_s, probe)
        if not self._hand(task):
            self._schedule.ended(probe)
            self._metrics.slot_missed(probe.target, MissReason.OVERLAP)

    def _start_beside(
        self,
        state: TargetState | None,
        request: Request | None,
        done: Callable[[Exchange | None], None] | None,
        now: float,
    ) -> bool:
        if state is None or request is None or self._stopping:
            return False
        settings = state.target
        if done is not None and now < self._out_of_service.get(settings.name, -math.inf):
            return False
        if self._keys.take(settings.key, now, beside=True) is not None:
            return False
        # A followed job's probe is no slot of a grid: it is due now, and never late.
        task = _ProbeTask(state, FOLLOWED, request, now, settings.timeout_s, None, on_answer=done)
        return self._hand(task)

    def _hand(self, task: _ProbeTask) -> bool:
        if self.judging.is_full(task.state.target.name) or not self._pool.hand(task):
            return False
        self._in_flight += 1
        return True

    def _end(self, done: _ProbeDone, now: float) -> None:
        self._in_flight -= 1
        task, exchange = done.task, done.exchange
        if task.probe is not None:
            self._schedule.ended(task.probe)
        wall = self.clock.wall()
        response = exchange.response if exchange is not None else None
        rest_s = outage_s(response, now_unix=wall) if response is not None else 0.0
        self._take_outage(task, started=done.started, now=now, rest_s=rest_s)
        if response is not None:  # a failure on the way says nothing about the key
            self._keys.take_answer(
                task.state.target.key, response, started=done.started, now=now, now_unix=wall
            )

    def _take_outage(self, task: _ProbeTask, *, started: float, now: float, rest_s: float) -> None:
        """
        Let an answer that says for how long the target is out of service, or one that doesn't,
        change how it is asked, where the target is still the one that was asked.
        """
        name = task.state.target.name
        if self._states.get(name) is not task.state:
            return
        if task.probe is not None:
            # Of this canary alone: another one's question may well be answered.
            if rest_s > 0:
                self._schedule.out_of_service(task.probe, now=now, until=now + rest_s)
            else:
                self._schedule.in_service(task.probe, started=started)
        elif task.on_answer is not None:
            # A list of jobs measures nothing, so it waits for as long as it is told to. Followed
            # jobs and `probe_now` have a cadence of their own, and each answer is real.
            self._out_of_service[name] = now + rest_s

    def _publish(self, now: float) -> None:
        self._metrics.in_flight(self._in_flight)
        wall = self.clock.wall()
        outages = self._schedule.rests_until()
        for name, state in self._states.items():
            key = state.target.key
            rest_s = max(self._keys.rest_s(key, now), outages.get(name, now) - now)
            self._metrics.budget(
                name,
                used_ratio=self._keys.used_ratio(key, now),
                backoff_until=wall + rest_s if rest_s > 0 else 0.0,
            )

    # -- the threads that send requests -----------------------------------------------------------

    def _run_task(self, task: _ProbeTask) -> None:
        request, error = self._request_of(task)
        started, exchange = self.clock.monotonic(), None
        try:
            if request is not None:
                client = self._clients[task.state.client]
                exchange = client.send(request, deadline_s=task.timeout_s)
        except Exception as exc:  # noqa: BLE001 -- becomes the outcome `internal`
            error = f"asking failed: {described(exc)}"
        ended = self.clock.monotonic()
        # The schedule learns of it when it wakes up next; it is in a hurry only at the end.
        self._inbox.append(_ProbeDone(task, started, exchange))
        if self._stopping:
            signal_once(self._wakeup)
        if task.on_answer is not None:
            task.on_answer(exchange)
            return
        asked = task if task.request is not None else replace(task, request=request)
        raw = self._raw_result(asked, started, ended, exchange, error)
        self.judging.put(task.state, raw, task.on_result)

    def _request_of(self, task: _ProbeTask) -> tuple[Request | None, str | None]:
        if task.request is not None:
            return task.request, None
        state, canary = task.state, task.canary
        try:
            return state.request(state.next_request(canary)), None
        except PluginError as exc:
            return None, str(exc)
        except Exception as exc:  # noqa: BLE001 -- a canary's crash is a result, and seen as one
            return None, f"canary {canary} failed: {described(exc)}"

    def _raw_result(
        self,
        task: _ProbeTask,
        started: float,
        ended: float,
        exchange: Exchange | None,
        error: str | None,
    ) -> RawResult:
        lag_s = max(0.0, started - task.intended)
        # The exchange's own times are nearer to the wire than those of this thread, which
        # may have waited for its turn on the processor.
        if exchange is not None:
            intended_at, elapsed_s = exchange.started_at - lag_s, exchange.elapsed_s
        else:
            intended_at = self.clock.wall() - (ended - task.intended)
            elapsed_s = ended - started
        if error is not None:
            error = task.state.target.redactor.text(error)
        name, canary, request = task.state.target.name, task.canary, task.request
        return RawResult(name, canary, request, intended_at, lag_s, elapsed_s, exchange, error)


def _limits(states: Iterable[TargetState]) -> dict[str, BudgetLimits]:
    limits: dict[str, BudgetLimits] = {}
    for state in states:
        target = state.target
        # Targets that share a key share its budget: the smallest wins, the canaries add up.
        reserved = sum(60.0 / canary.interval_s for canary in target.canaries)
        known = limits.get(target.key, BudgetLimits(math.inf))
        limits[target.key] = BudgetLimits(
            min(known.per_minute, target.requests_per_minute),
            known.reserved_per_minute + reserved,
        )
    return limits
