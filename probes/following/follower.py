"""
Follows jobs: found by the sources, polled when the watch list says so, until they end.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from jobproof.contract.errors import JobproofError, PluginError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.contract.model.observation import Observation
from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.engine.judging import JudgedResult
from jobproof.probes.engine.prober import Clock
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.following.job_history import JobHistory
from jobproof.probes.following.source_poller import SourcePoller
from jobproof.probes.following.steady_clock import AnswerTime, SteadyClock
from jobproof.probes.following.tracker import UNKNOWN, JobObservation, Tracker, TrackerUpdate
from jobproof.probes.following.watch_list import FollowedJob, WatchList
from jobproof.probes.following.witnesses import Witnesses
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.result import FOLLOWED
from jobproof.probes.sources.source import FoundIds
from jobproof.probes.sparing_log import SparingLog

__all__ = ["FollowPlan", "JobFollower", "JobPoller"]

_LOG = logging.getLogger(__name__)
_STEP_S = 0.25
# Counting reads every followed job from the disk, so it isn't done at every step.
_COUNT_S = 5.0
_MOST_IN_FLIGHT = 32
# How long a source that raises, or a job that can't be written down, is left alone.
_HOLD_S = 60.0
# How long the jobs of a target that has left the configuration are kept.
_KEPT_S = 3_600.0
# An answer that hasn't come by then, although no request may take so long, got lost on its way.
_LOST_S = 900.0
_MOST_WORDS = 100


class JobPoller(Protocol):
    """
    Sends requests beside the grid, out of the key's budget:
    `jobproof.probes.engine.prober.Prober`.
    """

    def follow(self, target: str, job_id: str, refused: Callable[[], None]) -> None: ...

    def send_beside(
        self, target: str, request: Request, done: Callable[[Exchange | None], None]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class FollowPlan:
    """
    Targets whose jobs are ready to be followed.

    Attributes:
        alone: Those of which no job is known that must be there.
    """

    trackers: Mapping[str, Tracker]
    pollers: tuple[SourcePoller, ...]
    targets: tuple[str, ...]
    alone: frozenset[str]


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
        self._steady = SteadyClock(self._clock)
        self._witnesses = Witnesses()
        self._alone: frozenset[str] = frozenset()
        # On the monotonic clock: when a scout was last sent, and when what is kept is dropped.
        self._scouted: dict[str, float] = {}
        self._leaving: dict[str, float] = {}
        self._sparing = SparingLog(clock=self._clock.monotonic)
        self._counted = -math.inf
        self._unlisted: set[tuple[str, str]] = set()
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
            frozenset(
                target.name
                for target in known
                if all(canary.make.absence_is_right for canary in target.canaries)
            ),
        )

    def apply(self, plan: FollowPlan) -> dict[str, int]:
        """
        Follow as planned.

        Returns:
            How many jobs other targets have on the watch list: they are kept for an hour.
        """
        for name, tracker in plan.trackers.items():
            # What an earlier run wrote down by its clock is read by ours.
            longest_s = tracker.longest_gap_s
            self._watchlist.bound_times(name, now=self._steady.now(), longest_s=longest_s)
        self._trackers, self._pollers, self._alone = plan.trackers, plan.pollers, plan.alone
        self._witnesses.forget_other_targets(plan.targets)
        return self._keep_for_a_while(plan.targets)

    def now(self) -> float:
        """
        The time by which jobs are followed: Unix seconds that no setting of the clock moves.
        """
        return self._steady.now()

    def _keep_for_a_while(self, targets: Iterable[str]) -> dict[str, int]:
        configured, sizes = frozenset(targets), self._watchlist.sizes()
        with self._lock:
            back = [name for name in self._leaving if name in configured]
            gone = [name for name in sizes if name not in configured]
            fresh = [name for name in gone if name not in self._leaving]
            until = self._clock.monotonic() + _KEPT_S
            self._leaving = {name: self._leaving.get(name, until) for name in gone}
        for name in back:
            _LOG.info("target %s is back: its %d jobs are followed on", name, sizes.get(name, 0))
        for name in fresh:
            if sizes[name]:
                _LOG.warning(
                    "target %s isn't configured any longer: its %d followed jobs are kept for an "
                    "hour, then dropped",
                    *(name, sizes[name]),
                )
        return {name: sizes[name] for name in gone if sizes[name]}

    def _drop_left(self) -> None:
        now = self._clock.monotonic()
        with self._lock:
            due = [name for name, until in self._leaving.items() if now >= until]
            for name in due:
                size = self._watchlist.sizes().get(name, 0)
                self._watchlist.forget(name)
                del self._leaving[name]
                if size:
                    _LOG.warning("target %s left an hour ago: its %d jobs are dropped", name, size)

    def start(self) -> None:
        """
        Begin to poll.
        """
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """
        Whether it looks for what is due.
        """
        return self._thread.is_alive()

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
        Take in what a probe came to: one of a followed job, or of one that is known to be there.
        """
        target, request = judged.result.target, judged.request
        self._watch_known(judged)
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

    def _watch_known(self, judged: JudgedResult) -> None:
        target = judged.result.target
        before = self._witnesses.are_failing(target)
        self._witnesses.on_result(judged, now=self._steady.now())
        if target not in self._trackers or self._witnesses.are_failing(target) == before:
            return
        # An endpoint that fails every other time would fill the log.
        if self._sparing.before_now(f"{before} {target}") is None:
            return
        if before:
            _LOG.info("target %s: its jobs are found again, and followed on", target)
        else:
            outcome = judged.result.outcome.value
            _LOG.warning("target %s: followed jobs pause: known ones fail (%s)", target, outcome)

    def _advance(self, target: str, job_id: str, judged: JudgedResult) -> None:
        tracker = self._trackers.get(target)
        job = self._watchlist.get(target, job_id)
        if tracker is None or job is None:  # a reload dropped it while its answer was under way
            return
        exchange = judged.result.exchange
        now = self._steady.now()
        moment = self._steady.moment(exchange.ended_at) if exchange is not None else AnswerTime(now)
        seen = self._observation(job, judged, moment)
        asked_at = moment.at - (exchange.elapsed_s if exchange is not None else 0.0)
        self._metrics.job_polled(target, asked_at - job.next_poll_at)
        update = tracker.advance(job, seen)
        self._count(target, job_id, update)
        if seen.job_status is not None and update.job.job_status == UNKNOWN:
            self._say_unlisted(target, job_id, seen.job_status)
        if update.done:
            let_go = not tracker.is_terminal(update.job.job_status)
            self._watchlist.finish(target, job_id, now=moment.at, let_go=let_go)
            if let_go:
                why = "the endpoint knows it no longer" if update.gone else "it took too long"
                _LOG.warning(
                    "target %s: job %s is let go: %s; POST /jobs/%s/%s takes it back",
                    *(target, job_id, why, target, job_id),
                )
        else:
            moved = update.job.job_status != job.job_status
            # Only a new status is kept: the next daemon judges moves, and the disk is spared.
            observation = self._history.text(exchange) if moved and exchange is not None else None
            self._watchlist.update(update.job, observation=observation)

    def _observation(
        self, job: FollowedJob, judged: JudgedResult, moment: AnswerTime
    ) -> JobObservation:
        seen = _job_observation(judged.seen, moment, self._history.redactor)
        if not seen.missing:
            return seen
        since = job.first_seen_at if job.asked_at is None else job.asked_at
        others = self._witnesses.found_other(job.target, job.job_id, since=since)
        return replace(seen, others_found=others, is_alone=job.target in self._alone)

    def _say_unlisted(self, target: str, job_id: str, word: str) -> None:
        if (target, word) in self._unlisted or len(self._unlisted) >= _MOST_WORDS:
            return
        self._unlisted.add((target, word))
        _LOG.warning(
            "target %s: job %s has a status that the profile doesn't have, %.80r: if that is an "
            "end, add it to status.words; until then such jobs are followed for a week",
            *(target, job_id, word),
        )

    def _count(self, target: str, job_id: str, update: TrackerUpdate) -> None:
        if update.move is not None:
            self._metrics.job_moved(target, *update.move, is_gapped=update.is_gapped)
        if update.stay is not None:
            stay = update.stay
            self._metrics.job_waited(target, stay.job_status, stay.middle_s, job_id)
        if update.completion_s is not None and update.job.job_status is not None:
            status = update.job.job_status
            self._metrics.job_ended(target, status, update.completion_s, job_id)

    def step(self) -> None:
        """
        Look once at what is due, and have it asked for; the follower's own thread does so on and
        on.
        """
        for poller in self._pollers:
            self._safely(lambda poller=poller: self._poll_source(poller))  # type: ignore[misc]
        self._safely(self._poll_due)
        self._safely(self._drop_left)
        now = self._clock.monotonic()
        if now - self._counted >= _COUNT_S:
            self._counted = now
            self._safely(self._job_counts)

    def _run(self) -> None:
        while not self._stop.wait(_STEP_S):
            self.step()

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except PluginError:  # counted and said where it was called
            return
        except Exception as wrong:  # noqa: BLE001 -- logged; one bad source must not cost the others
            what = f"{type(wrong).__name__}: {wrong}"[:500]
            # A step that fails would say so four times a second.
            if self._sparing.before_now(what) is not None:
                is_plain = isinstance(wrong, JobproofError)
                _LOG.error(
                    "a step of following failed; it goes on: %s", what, exc_info=not is_plain
                )

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
        now = self._steady.now()
        # An id goes to disk and into URLs as it is: one with a secret in it is nobody's job.
        redactor = self._history.redactor
        for job_id in (one for one in found.ids if not redactor.holds_secret(one)):
            self._watchlist.add(poller.target, job_id, source=poller.name, now=now)

    def _poll_due(self) -> None:
        now, monotonic = self._steady.now(), self._clock.monotonic()
        for target, tracker in self._trackers.items():
            most = _MOST_IN_FLIGHT
            if self._witnesses.are_failing(target):
                # One goes ahead: the known job may be the one that is gone.
                if monotonic - self._scouted.get(target, -tracker.poll_s) < tracker.poll_s:
                    continue
                self._scouted[target] = monotonic
                most = 1
            with self._lock:
                busy = {
                    job_id
                    for (name, job_id), until in self._under_way.items()
                    if name == target and monotonic < until
                }
            room = most - len(busy)
            if room <= 0:
                continue
            # Busy jobs are still due on disk, so they are fetched on top and left out.
            due = self._watchlist.due(target, now=now, limit=most + len(busy))
            waiting = [job for job in due if job.job_id not in busy]
            # Jobs that fall due together, as after a restart, are asked for in a stream.
            for job in waiting[: min(room, max(4, len(waiting) // 4))]:
                with self._lock:
                    self._under_way[target, job.job_id] = monotonic + _LOST_S
                self._prober.follow(target, job.job_id, self._on_refusal(target, job.job_id))

    def _job_counts(self) -> None:
        now = self._steady.now()
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


def _job_observation(
    seen: Observation | None, moment: AnswerTime, redactor: Redactor
) -> JobObservation:
    if seen is None or seen.response is None:
        return JobObservation(moment.at)
    job = seen.job
    if job is None:
        return JobObservation(moment.at, missing=seen.is_not_found)
    # The word goes to disk, so a token in it must not.
    status = redactor.text(job.status) if isinstance(job.status, str) else None
    return JobObservation(
        moment.at,
        job_status=status,
        created_at=moment.steady(job.created_at),
        ended_at=moment.steady(max(job.later.values(), default=None)),
    )
