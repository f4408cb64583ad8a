"""
Follows jobs: found by the sources, polled when the watch list says so, until they end.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from jobproof.contract.errors import PluginError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Credential, Exchange, Request
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.request import request_headers, request_query
from jobproof.contract.plugins import set_up
from jobproof.probes.config.settings import SourceSettings, TargetSettings
from jobproof.probes.engine.judging import JudgedResult
from jobproof.probes.engine.prober import Clock
from jobproof.probes.engine.target_state import user_agent
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.following.job_history import JobHistory
from jobproof.probes.following.tracker import JobObservation, Tracker, TrackerUpdate
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.plugins.plugin_calls import PluginCalls, PluginKind
from jobproof.probes.result import FOLLOWED
from jobproof.probes.sources.source import FoundIds, Source, SourceContext, is_job_id

__all__ = ["FollowPlan", "JobFollower", "JobPoller", "SourcePoller"]

_LOG = logging.getLogger(__name__)
_STEP_S = 0.25
# Counting reads every followed job from the disk, so it isn't done at every step.
_COUNT_S = 5.0
_MOST_IN_FLIGHT = 32
# How long a source that raises, or a job that can't be written down, is left alone.
_HOLD_S = 60.0
# As many as a watch list holds of one target.
_MOST_FOUND = 10_000


class JobPoller(Protocol):
    """
    Sends requests beside the grid, out of the key's budget:
    `jobproof.probes.engine.prober.Prober`.
    """

    def follow(self, target: str, job_id: str, refused: Callable[[], None]) -> None: ...

    def send_beside(
        self, target: str, request: Request, done: Callable[[Exchange | None], None]
    ) -> None: ...


class SourcePoller:
    """
    Polls one source for one target.

    Attributes:
        made_for: The settings it was made of; a reload keeps it while they are the same.
        next_at: When the source is due, on the monotonic clock; `inf` while a request of
            its is under way.
    """

    def __init__(
        self,
        target: TargetSettings,
        settings: SourceSettings,
        folder: Path,
        plugins: PluginCalls | None = None,
    ) -> None:
        self.target = target.name
        self.name = settings.source
        self.made_for = (target, settings)
        self.next_at = 0.0
        self._problem: str | None = None
        headers = request_headers(
            target.api, Credential.OWNER, target.token, user_agent=user_agent()
        )
        query = request_query(target.api, Credential.OWNER, target.token)
        context = SourceContext(target.name, target.api, target.url, headers, folder, query)
        self.source: Source = set_up(
            "jobproof.sources", settings.source, settings.make, settings.options, context
        )
        calls = plugins or PluginCalls()
        self._guarded = calls.guard(PluginKind.SOURCE, settings.source, self.source)

    @property
    def is_off(self) -> bool:
        """
        Whether it is asked nothing more until a reload.
        """
        return self._guarded.off is not None

    def interval_s(self) -> float:
        """
        Seconds to its next turn; no fewer than a step of following takes.
        """
        return self._guarded.call(lambda: max(_STEP_S, float(self.source.interval_s)))

    def next_request(self) -> Request | None:
        """
        What it wants asked.
        """
        return self._guarded.call(self.source.next_request)

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        """
        What it finds in an answer: ids that can be asked for, and no more than can be followed.
        """
        return self._guarded.call(lambda: _bounded(self.source.on_answer(exchange)))

    def reschedule(self, now: float) -> None:
        """
        The source is due again one interval from now.
        """
        self.next_at = now + self.interval_s()

    def log_problem(self, found: FoundIds) -> None:
        """
        Log a problem once, and its end.
        """
        if found.problem is not None and found.problem != self._problem:
            _LOG.warning("target %s: source %s: %s", self.target, self.name, found.problem)
        elif found.problem is None and self._problem is not None:
            _LOG.info("target %s: source %s works again", self.target, self.name)
        self._problem = found.problem


@dataclass(frozen=True, slots=True)
class FollowPlan:
    """
    Targets whose jobs are ready to be followed.
    """

    trackers: Mapping[str, Tracker]
    pollers: tuple[SourcePoller, ...]
    targets: tuple[str, ...]


class JobFollower:
    """
    Polls every job on the watch list at the cadence that the vendor's profile names.

    Safe to call from any thread.
    """

    def __init__(
        self,
        watchlist: WatchList,
        metrics: Metrics,
        prober: JobPoller,
        clock: Clock | None = None,
        history: JobHistory | None = None,
        plugins: PluginCalls | None = None,
    ) -> None:
        self._plugins = plugins or PluginCalls(metrics)
        self._watchlist = watchlist
        self._history = history or JobHistory(watchlist)
        self._metrics = metrics
        self._prober = prober
        self._clock = clock or Clock()
        self._trackers: Mapping[str, Tracker] = {}
        self._pollers: tuple[SourcePoller, ...] = ()
        self._under_way: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def plan(self, targets: Iterable[TargetSettings], folder: Path) -> FollowPlan:
        """
        Make all that following these targets' jobs needs, and change nothing yet.

        Args:
            folder: Where relative paths of sources start.

        Raises:
            ConfigError: A source can't do what it is told for this API.
        """
        known = tuple(targets)
        old = {poller.made_for: poller for poller in self._pollers}
        return FollowPlan(
            {t.name: Tracker.of(t.api.profile) for t in known if t.follow},
            tuple(
                old.get((target, source)) or SourcePoller(target, source, folder, self._plugins)
                for target in known
                for source in target.follow
            ),
            tuple(target.name for target in known),
        )

    def apply(self, plan: FollowPlan) -> None:
        """
        Follow as planned; what other targets had on the watch list is dropped.
        """
        self._trackers, self._pollers = plan.trackers, plan.pollers
        self._watchlist.forget_other_targets(plan.targets)

    def start(self) -> None:
        """
        Begin to poll.
        """
        self._thread.start()

    def stop(self) -> None:
        """
        Poll nothing more.
        """
        self._stop.set()
        # Not alive where it was never started: joining it then would raise.
        if self._thread.is_alive():
            self._thread.join(5.0)

    def on_result(self, judged: JudgedResult) -> None:
        """
        Take in what a probe of a followed job came to.
        """
        target, request = judged.result.target, judged.request
        if judged.result.canary != FOLLOWED or request is None or request.job_id is None:
            return
        job_id = request.job_id
        held_s = _HOLD_S
        try:
            self._advance(target, job_id, judged)
            held_s = 0.0
        finally:
            # What couldn't be written down would be due again at once, and for ever.
            self._release(target, job_id, held_s=held_s)

    def _advance(self, target: str, job_id: str, judged: JudgedResult) -> None:
        tracker = self._trackers.get(target)
        job = self._watchlist.get(target, job_id)
        if tracker is None or job is None:  # a reload dropped it while its answer was under way
            return
        exchange = judged.result.exchange
        at = exchange.ended_at if exchange is not None else self._clock.wall()
        seen = _job_observation(judged.seen, at, self._history.redactor)
        update = tracker.advance(job, seen)
        self._count(target, job_id, update)
        if update.done:
            self._watchlist.finish(target, job_id, now=at)
            if not tracker.is_terminal(update.job.job_status):
                why = "the endpoint knows it no longer" if update.gone else "it took too long"
                _LOG.warning("target %s: job %s is let go: %s", target, job_id, why)
        else:
            moved = update.job.job_status != job.job_status
            # Only a new status is kept: the next daemon judges moves, and the disk is spared.
            observation = self._history.text(exchange) if moved and exchange is not None else None
            self._watchlist.update(update.job, observation=observation)

    def _count(self, target: str, job_id: str, update: TrackerUpdate) -> None:
        if update.move is not None:
            self._metrics.job_moved(target, *update.move)
        if update.stay is not None:
            stay = update.stay
            self._metrics.job_waited(target, stay.job_status, stay.middle_s, job_id)
        if update.completion_s is not None and update.job.job_status is not None:
            status = update.job.job_status
            self._metrics.job_ended(target, status, update.completion_s, job_id)

    def _run(self) -> None:
        counted = -_COUNT_S
        while not self._stop.wait(_STEP_S):
            for poller in self._pollers:
                self._safely(lambda poller=poller: self._poll_source(poller))  # type: ignore[misc]
            self._safely(self._poll_due)
            now = self._clock.monotonic()
            if now - counted >= _COUNT_S:
                counted = now
                self._safely(self._job_counts)

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except PluginError:  # counted and said where it was called
            return
        except Exception:  # noqa: BLE001 -- logged; one bad source must not cost the others
            _LOG.exception("a step of following failed; it goes on")

    def _poll_source(self, poller: SourcePoller) -> None:
        now = self._clock.monotonic()
        if now < poller.next_at or poller.is_off:
            return
        # A source that raises is left alone for a while: this is set before it is called.
        poller.next_at = now + _HOLD_S
        poller.next_at = now + max(poller.interval_s(), _HOLD_S)
        request = poller.next_request()
        if request is None:
            self._add_found(poller, poller.on_answer(None))
            poller.reschedule(now)
        else:
            # Not again before this one is answered: a source has one request at a time.
            poller.next_at = float("inf")
            self._prober.send_beside(poller.target, request, self._on_answer(poller))

    def _on_answer(self, poller: SourcePoller) -> Callable[[Exchange | None], None]:
        def answered(exchange: Exchange | None) -> None:
            try:
                if exchange is not None:
                    self._safely(lambda: self._add_found(poller, poller.on_answer(exchange)))
            finally:
                poller.next_at = self._clock.monotonic() + _HOLD_S
                self._safely(lambda: poller.reschedule(self._clock.monotonic()))

        return answered

    def _add_found(self, poller: SourcePoller, found: FoundIds) -> None:
        poller.log_problem(found)
        now = self._clock.wall()
        # An id goes to disk and into URLs as it is: one with a secret in it is nobody's job.
        redactor = self._history.redactor
        for job_id in (one for one in found.ids if not redactor.holds_secret(one)):
            self._watchlist.add(poller.target, job_id, source=poller.name, now=now)

    def _poll_due(self) -> None:
        now = self._clock.wall()
        for target in self._trackers:
            with self._lock:
                monotonic = self._clock.monotonic()
                busy = {
                    job_id
                    for (name, job_id), until in self._under_way.items()
                    if name == target and monotonic < until
                }
            room = _MOST_IN_FLIGHT - len(busy)
            if room <= 0:
                continue
            # Busy jobs are still due on disk, so they are fetched on top and left out.
            due = self._watchlist.due(target, now=now, limit=_MOST_IN_FLIGHT + len(busy))
            waiting = [job for job in due if job.job_id not in busy]
            # Jobs that fall due together, as after a restart, are asked for in a stream.
            for job in waiting[: min(room, max(4, len(waiting) // 4))]:
                with self._lock:
                    self._under_way[target, job.job_id] = float("inf")
                self._prober.follow(target, job.job_id, self._on_refusal(target, job.job_id))

    def _job_counts(self) -> None:
        now = self._clock.wall()
        for target, tracker in self._trackers.items():
            job_counts = tracker.job_counts(self._watchlist.all(target), now=now)
            self._metrics.jobs_followed(
                target,
                job_counts.by_status,
                stuck=job_counts.stuck,
                oldest_pending_s=job_counts.oldest_pending_s,
            )

    def _on_refusal(self, target: str, job_id: str) -> Callable[[], None]:
        # Left on the watch list as it is: still due, so it is tried again at the next step.
        return lambda: self._release(target, job_id)

    def _release(self, target: str, job_id: str, *, held_s: float = 0.0) -> None:
        with self._lock:
            if held_s:
                self._under_way[target, job_id] = self._clock.monotonic() + held_s
            else:
                self._under_way.pop((target, job_id), None)


def _bounded(found: FoundIds) -> FoundIds:
    ids = tuple(islice(found.ids, _MOST_FOUND + 1))
    good = tuple(one for one in ids[:_MOST_FOUND] if is_job_id(one))
    problem = found.problem
    if len(ids) > _MOST_FOUND:
        problem = problem or f"it found more than {_MOST_FOUND:,} ids; the first are taken"
    elif len(good) < len(ids):
        problem = problem or f"{len(ids) - len(good)} of what it found can't be ids"
    return FoundIds(good, problem)


def _job_observation(seen: Observation | None, at: float, redactor: Redactor) -> JobObservation:
    if seen is None or seen.response is None:
        return JobObservation(at)
    job = seen.job
    if job is None:
        return JobObservation(at, missing=seen.is_not_found)
    # The word goes to disk, so a token in it must not.
    status = redactor.text(job.status) if isinstance(job.status, str) else None
    ended = max(job.later.values(), default=None)
    return JobObservation(at, job_status=status, created_at=job.created_at, ended_at=ended)
