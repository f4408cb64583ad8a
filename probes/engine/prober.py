"""
A due slot becomes a question, an answer, a verdict, and a result that everyone is told.

One thread keeps the schedule and owns it alone; one thread per probe under way asks;
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
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.exchange import Exchange, Request, Subject
from jobproof.contract.plugins import set_up
from jobproof.probes.canaries.canary import Ask, Canary, Surroundings
from jobproof.probes.canaries.request import build_request
from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.engine.judging import Asked, Judged, Judging
from jobproof.probes.engine.rate_budget import KeyLimits, Keys, parse_retry_after
from jobproof.probes.engine.schedule import Lane, Schedule, Slot
from jobproof.probes.engine.worker_pool import Crew
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.result import FOLLOWED, WhyMissed

__all__ = ["Asker", "ClientSettings", "Clock", "Plan", "Prober", "Watch", "user_agent"]

Recollect = Callable[[str, str], Iterable[Exchange]]

_LOG = logging.getLogger(__name__)
_MOST_THREADS = 1_024
_PUBLISH_S = 0.5
_MOST_UNJUDGED = 10_000
_BATCH_S = 0.05


class Asker(Protocol):
    """
    The part of `jobproof.contract.client.curl.Client` that is used here; threads share it.
    """

    def send(self, request: Request, *, deadline_s: float) -> Exchange: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """
    What tells one client from another.
    """

    ca_file: Path | None = None
    body_limit: int = 1_048_576


@dataclass(frozen=True, slots=True)
class Clock:
    """
    The two clocks of the daemon: one to measure with, one to tell people the time.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Watch:
    """
    A target while it is being watched: its canaries, and what was seen of its jobs.
    """

    def __init__(
        self,
        target: TargetSettings,
        judge: Judge,
        rng: random.Random,
        recollect: Recollect = lambda _target, _job_id: (),
    ) -> None:
        self.target = target
        self.judging = Judging(
            target.api, judge, target.token, lambda job_id: recollect(target.name, job_id)
        )
        self.client = ClientSettings(target.ca_file, target.api.profile.body.limit)
        self._turn = threading.Lock()
        names = frozenset(canary.name for canary in target.canaries)
        around = Surroundings(target.api, rng, _known_ids(target), names)
        self._canaries: dict[str, Canary] = {
            canary.name: set_up(
                "jobproof.canaries", canary.name, canary.make, canary.options, around
            )
            for canary in target.canaries
        }

    def lanes(self) -> Iterable[Lane]:
        """
        The grids that its canaries are asked on.
        """
        target = self.target
        for canary in target.canaries:
            yield Lane(target.name, canary.name, target.key, canary.interval_s, canary.timeout_s)

    def question(self, canary: str) -> Ask:
        """
        What this canary asks next.
        """
        with self._turn:
            return self._canaries[canary].ask()

    def turns(self, canary: str) -> int:
        """
        How many questions this canary needs for one round.
        """
        return self._canaries[canary].turns

    def request(self, ask: Ask) -> Request:
        """
        The question as it goes over the wire.
        """
        target = self.target
        return build_request(target.api, target.url, ask, target.token, user_agent=user_agent())

    def learn(self, judged: Judged) -> None:
        """
        Tell the canary what came of its question.
        """
        exchange, canary = judged.result.exchange, self._canaries.get(judged.result.canary)
        if exchange is None or canary is None or exchange.request.job_id is None:
            return
        request = exchange.request
        ask = Ask(exchange.request.job_id, request.subject, request.credential)
        with self._turn:
            news = canary.saw(ask, judged.result.outcome)
        if news is not None:
            _LOG.warning("target %s: %s", self.target.name, news)


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Targets ready to be watched.
    """

    watches: Mapping[str, Watch]
    clients: Mapping[ClientSettings, Asker]


@dataclass(frozen=True, slots=True)
class _Errand:
    """
    A request on its way; `lane` is None for a followed job, which has no grid.

    With `answered` it is no probe: the answer goes there and isn't judged. With
    `private` it is one for a single asker: judged, and told to nobody else.
    """

    watch: Watch
    canary: str
    request: Request
    intended: float
    timeout_s: float
    lane: Lane | None
    answered: Callable[[Exchange | None], None] | None = None
    private: Callable[[Judged], None] | None = None


@dataclass(frozen=True, slots=True)
class _Done:
    errand: _Errand
    started: float
    exchange: Exchange | None


_Unjudged = tuple[Watch, Asked, Callable[[Judged], None] | None]


class Prober:
    """
    Asks on time, judges every answer, and tells the receivers.

    Args:
        make_client: Called once for each kind of client that is needed.
        receive: Called with every judged probe, from one thread, in order.
        rng: For ids that nobody has, and for spreading out.
        recollect: What an earlier run saw of a followed job of a target, oldest first.
        seed: Tells daemons apart that watch the same targets for each other.
    """

    def __init__(
        self,
        *,
        make_client: Callable[[ClientSettings], Asker],
        judge: Judge,
        metrics: Metrics,
        receive: Callable[[Judged], None],
        rng: random.Random,
        recollect: Recollect = lambda _target, _job_id: (),
        clock: Clock | None = None,
        seed: str = "",
    ) -> None:
        self._recollect = recollect
        self.clock = clock or Clock()
        self._make_client = make_client
        self._judge = judge
        self._metrics = metrics
        self._receive = receive
        self._rng = rng
        offset = self.clock.wall() - self.clock.monotonic()
        self._keys = Keys({}, rng)
        self._schedule = Schedule(self._keys, wall_offset_s=offset, seed=seed)
        self._crew: Crew[_Errand] = Crew(self._run, most=_MOST_THREADS)
        self._clients: dict[ClientSettings, Asker] = {}
        self._watches: Mapping[str, Watch] = {}
        self._inbox: deque[Callable[[float], None] | _Done] = deque()
        # A lock as a bell: an Event's wait() costs ten times as much, at every slot.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._hurry = threading.Lock()
        self._hurry.acquire()
        self._unjudged: queue.SimpleQueue[_Unjudged | None] = queue.SimpleQueue()
        self._in_flight = 0
        self._stopping = False
        self._stop_by = math.inf
        self._scheduling = threading.Thread(target=self._keep_time, name="schedule", daemon=True)
        self._judging = threading.Thread(target=self._judge_all, name="judge", daemon=True)

    # -- from any thread ----------------------------------------------------------------

    def start(self) -> None:
        """
        Begin to ask.
        """
        self._judging.start()
        self._scheduling.start()

    def plan(self, targets: Iterable[TargetSettings]) -> Plan:
        """
        Make all that these targets need, and change nothing yet.

        A target that hasn't changed is planned as the watch it has.

        Raises:
            ConfigError: A certificate file holds no certificate.
        """
        watches: dict[str, Watch] = {}
        for target in targets:
            old = self._watches.get(target.name)
            same = old is not None and old.target == target
            watches[target.name] = (
                old
                if old is not None and same
                else Watch(target, self._judge, self._rng, self._recollect)
            )
        needed = {watch.client for watch in watches.values()}
        clients = {kind: self._clients.get(kind) or self._make_client(kind) for kind in needed}
        return Plan(watches, clients)

    def take_over(self, plan: Plan) -> None:
        """
        Watch what was planned from now on; returns when the schedule has changed over.
        """
        taken = threading.Event()

        def change(now: float) -> None:
            # Errands under way may still need an old client, so none is dropped here.
            self._clients = {**self._clients, **plan.clients}
            self._watches = plan.watches
            self._keys.configure(_limits(plan.watches.values()))
            lanes = (lane for watch in plan.watches.values() for lane in watch.lanes())
            self._schedule.configure(lanes, now)
            taken.set()

        if not self._scheduling.is_alive():
            change(self.clock.monotonic())
            return
        self._tell(change)
        taken.wait(5.0)

    def follow(self, target: str, job_id: str, refused: Callable[[], None]) -> None:
        """
        Ask for a followed job at once, if the key's budget has room.

        Args:
            refused: Called if it has none now; ask again later.
        """

        def start(now: float) -> None:
            watch = self._watches.get(target)
            request = watch.request(Ask(job_id, Subject.KNOWN)) if watch is not None else None
            if not self._start_beside(watch, request, None, now):
                refused()

        self._tell(start)

    def look(self, target: str, request: Request, done: Callable[[Exchange | None], None]) -> None:
        """
        Send a request that is no probe, out of the same budget; it isn't judged.

        Args:
            done: Called with the answer from another thread; with None where the
                budget had no room or the request could not be sent.
        """

        def start(now: float) -> None:
            if not self._start_beside(self._watches.get(target), request, done, now):
                done(None)

        self._tell(start)

    def ask_now(self, target: str, canary: str, *, timeout_s: float) -> Judged | None:
        """
        One question of a canary beside its grid, out of the same budget; it counts
        nowhere, since whoever asks for it counts it.

        Returns:
            What it came to; None where the key may not be used now.

        Raises:
            KeyError: No such target or canary.
        """
        watch = self._watches[target]
        request = watch.request(watch.question(canary))
        came: queue.SimpleQueue[Judged | None] = queue.SimpleQueue()

        def start(now: float) -> None:
            errand = _Errand(watch, canary, request, now, timeout_s, None, private=came.put)
            if (
                self._stopping
                or self._keys.take(watch.target.key, now, beside=True) is not None
                or not self._hand(errand)
            ):
                came.put(None)

        self._tell(start)
        try:
            return came.get(timeout=timeout_s + 5.0)
        except queue.Empty:
            return None

    def watch(self, target: str) -> Watch | None:
        """
        A target that is being watched now.
        """
        return self._watches.get(target)

    def lag_in_intervals(self) -> float:
        """
        How far the schedule is behind its grid; above 2 the daemon isn't ready.
        """
        return self._schedule.lag_in_intervals(self.clock.monotonic())

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

        self._tell(end)
        self._scheduling.join(within_s + 5.0)
        self._crew.close()
        self._unjudged.put(None)
        self._judging.join(10.0)
        return self._in_flight == 0

    # -- the thread that keeps time -----------------------------------------------------

    def _tell(self, message: Callable[[float], None]) -> None:
        self._inbox.append(message)
        _ring(self._bell)

    def _keep_time(self) -> None:
        published = -math.inf
        while True:
            now = self.clock.monotonic()
            self._read_inbox(now)
            if self._stopping and (self._in_flight == 0 or now >= self._stop_by):
                self._publish(now)
                return
            turn = self._schedule.advance(now)
            for slot in turn.starts:
                self._start(slot)
            for missed in turn.missed:
                self._metrics.slot_missed(missed.lane.target, missed.why, missed.count)
            if now - published >= _PUBLISH_S:
                self._publish(now)
                published = now
            self._sleep()

    def _sleep(self) -> None:
        next_at = self._schedule.next_at
        longest = 0.02 if self._stopping else _PUBLISH_S
        until = self.clock.monotonic() + longest if next_at is None else next_at
        wait_s = min(longest, until - self.clock.monotonic())
        if wait_s > 0:
            self._bell.acquire(timeout=wait_s)

    def _read_inbox(self, now: float) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            if isinstance(message, _Done):
                self._end(message, now)
            else:
                message(now)

    def _start(self, slot: Slot) -> None:
        lane = slot.lane
        watch = self._watches[lane.target]
        try:
            request = watch.request(watch.question(lane.canary))
        except Exception as exc:  # noqa: BLE001 -- a canary's crash is a result, and seen as one
            self._schedule.ended(lane)
            error = f"canary {lane.canary} failed: {type(exc).__name__}: {exc}"
            self._fail(watch, lane.canary, slot.intended, error)
            return
        errand = _Errand(watch, lane.canary, request, slot.intended, lane.timeout_s, lane)
        if not self._hand(errand):
            self._schedule.ended(lane)
            self._metrics.slot_missed(lane.target, WhyMissed.OVERLAP)

    def _start_beside(
        self,
        watch: Watch | None,
        request: Request | None,
        done: Callable[[Exchange | None], None] | None,
        now: float,
    ) -> bool:
        if watch is None or request is None or self._stopping:
            return False
        settings = watch.target
        if self._keys.take(settings.key, now, beside=True) is not None:
            return False
        errand = _Errand(watch, FOLLOWED, request, now, settings.timeout_s, None, answered=done)
        return self._hand(errand)

    def _hand(self, errand: _Errand) -> bool:
        if self._unjudged.qsize() > _MOST_UNJUDGED or not self._crew.hand(errand):
            return False
        self._in_flight += 1
        return True

    def _end(self, done: _Done, now: float) -> None:
        self._in_flight -= 1
        errand, exchange = done.errand, done.exchange
        if errand.lane is not None:
            self._schedule.ended(errand.lane)
        response = exchange.response if exchange is not None else None
        if response is None:
            return
        key = errand.watch.target.key
        retry_after = response.header("retry-after")
        if response.code == 429 or (response.code == 503 and retry_after is not None):
            wait_s = parse_retry_after(retry_after, now_unix=self.clock.wall())
            self._keys.refused_by_server(key, started=done.started, now=now, retry_after_s=wait_s)
        else:
            self._keys.answered(key, started=done.started)

    def _publish(self, now: float) -> None:
        self._metrics.in_flight(self._in_flight)
        wall = self.clock.wall()
        for name, watch in self._watches.items():
            key = watch.target.key
            rest_s = self._keys.rest_s(key, now)
            self._metrics.budget(
                name,
                used_ratio=self._keys.used_ratio(key, now),
                backoff_until=wall + rest_s if rest_s > 0 else 0.0,
            )

    # -- the threads that ask -----------------------------------------------------------

    def _run(self, errand: _Errand) -> None:
        started, exchange, error = self.clock.monotonic(), None, None
        try:
            client = self._clients[errand.watch.client]
            exchange = client.send(errand.request, deadline_s=errand.timeout_s)
        except Exception as exc:  # noqa: BLE001 -- becomes the outcome `internal`
            error = f"asking failed: {type(exc).__name__}: {exc}"
        ended = self.clock.monotonic()
        self._inbox.append(_Done(errand, started, exchange))
        if self._stopping:
            _ring(self._bell)
        if errand.answered is not None:
            errand.answered(exchange)
            return
        asked = self._asked(errand, started, ended, exchange, error)
        self._unjudged.put((errand.watch, asked, errand.private))
        if errand.private is not None:
            _ring(self._hurry)

    def _asked(
        self,
        errand: _Errand,
        started: float,
        ended: float,
        exchange: Exchange | None,
        error: str | None,
    ) -> Asked:
        lag_s = max(0.0, started - errand.intended)
        token = errand.watch.target.token
        if exchange is not None:
            intended_at, elapsed_s = exchange.started_at - lag_s, exchange.elapsed_s
        else:
            intended_at = self.clock.wall() - (ended - errand.intended)
            elapsed_s = ended - started
        if error is not None and token is not None:
            error = token.redact(error)
        name = errand.watch.target.name
        job_id = errand.request.job_id
        return Asked(name, errand.canary, intended_at, lag_s, elapsed_s, exchange, error, job_id)

    def _fail(self, watch: Watch, canary: str, intended: float, error: str) -> None:
        lag_s = max(0.0, self.clock.monotonic() - intended)
        asked = Asked(watch.target.name, canary, self.clock.wall() - lag_s, lag_s, 0.0, None, error)
        self._unjudged.put((watch, asked, None))

    # -- the thread that judges ---------------------------------------------------------

    def _judge_all(self) -> None:
        while (item := self._unjudged.get()) is not None:
            self._tell_all(item)
            if self._unjudged.empty() and not self._stopping:
                # Judged in batches: waking up for each one would cost the threads that
                # measure more than the few milliseconds that nobody waits for here.
                self._hurry.acquire(timeout=_BATCH_S)

    def _tell_all(self, item: _Unjudged) -> None:
        watch, asked, private = item
        judged = watch.judging(asked)
        try:
            if private is not None:
                private(judged)
                return
            self._metrics.observe(judged.result)
            watch.learn(judged)
            self._receive(judged)
        except Exception:  # noqa: BLE001 -- logged; the next result must not be lost too
            _LOG.exception("a result of target %s got lost on its way", watch.target.name)


def _ring(bell: threading.Lock) -> None:
    with suppress(RuntimeError):  # it is ringing already
        bell.release()


def user_agent() -> str:
    """
    Who we say we are, so that an endpoint's owner can tell probes from customers.
    """
    return _USER_AGENT


_USER_AGENT = f"jobproof/{version('jobproof')}"


def _known_ids(target: TargetSettings) -> tuple[str, ...]:
    for canary in target.canaries:
        if canary.name == "known":
            return tuple(getattr(canary.options, "ids", ()))
    return ()


def _limits(watches: Iterable[Watch]) -> dict[str, KeyLimits]:
    limits: dict[str, KeyLimits] = {}
    for watch in watches:
        target = watch.target
        reserved = sum(60.0 / canary.interval_s for canary in target.canaries)
        known = limits.get(target.key, KeyLimits(math.inf))
        limits[target.key] = KeyLimits(
            min(known.per_minute, target.requests_per_minute),
            known.reserved_per_minute + reserved,
        )
    return limits
