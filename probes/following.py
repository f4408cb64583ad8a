"""
Jobs on their way: asked for when the watch list says so, until they end.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping

from contract.trace import Observation
from probes.config import TargetSettings
from probes.judging import Judged
from probes.metrics import Metrics
from probes.prober import Clock
from probes.tracker import Progress, Sighting, Tracker
from probes.watchlist import Watchlist

__all__ = ["Ask", "Following"]

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.25
_COUNT_S = 5.0
_MOST_AT_ONCE = 32

Ask = Callable[[str, str, Callable[[], None]], None]
"""Ask for a job of a target; the last argument is called if that can't be done now."""


class Following:
    """
    Keeps asking for every job on the watch list at the vendor's cadence.

    Safe to call from any thread.
    """

    def __init__(
        self, watchlist: Watchlist, metrics: Metrics, ask: Ask, clock: Clock | None = None
    ) -> None:
        self._watchlist = watchlist
        self._metrics = metrics
        self._ask = ask
        self._clock = clock or Clock()
        self._trackers: Mapping[str, Tracker] = {}
        self._under_way: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def configure(self, targets: Iterable[TargetSettings]) -> None:
        """
        Follow jobs of these targets; what others had on the watch list is dropped.
        """
        wanted = {target.name: target for target in targets}
        self._trackers = {
            name: Tracker.of(target.api.profile) for name, target in wanted.items() if target.follow
        }
        self._watchlist.forget_other_targets(wanted)

    def start(self) -> None:
        """
        Begin to ask.
        """
        self._thread.start()

    def stop(self) -> None:
        """
        Ask for nothing more.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def saw(self, judged: Judged) -> None:
        """
        Take in what a probe of a followed job came to.
        """
        result, exchange = judged.result, judged.result.exchange
        if result.canary != "followed":
            return
        job_id = exchange.request.job_id if exchange is not None else None
        if job_id is None:
            self._forget_target(result.target)
            return
        try:
            self._advance(result.target, job_id, judged)
        finally:
            self._over(result.target, job_id)

    def _advance(self, target: str, job_id: str, judged: Judged) -> None:
        tracker = self._trackers.get(target)
        job = self._watchlist.get(target, job_id)
        if tracker is None or job is None:
            return
        exchange = judged.result.exchange
        at = exchange.ended_at if exchange is not None else self._clock.wall()
        seen = _sighting(judged.seen, at)
        progress = tracker.advance(job, seen)
        self._count(target, job_id, progress)
        if progress.done:
            self._watchlist.finish(target, job_id, now=at)
            if not tracker.is_terminal(progress.job.job_status):
                why = "the endpoint knows it no longer" if progress.gone else "it took too long"
                _LOG.warning("target %s: job %s is let go: %s", target, job_id, why)
        else:
            self._watchlist.update(progress.job)

    def _count(self, target: str, job_id: str, progress: Progress) -> None:
        if progress.move is not None:
            self._metrics.job_moved(target, *progress.move)
        if progress.stay is not None:
            stay = progress.stay
            self._metrics.job_waited(target, stay.job_status, stay.middle_s, job_id)
        if progress.completion_s is not None and progress.job.job_status is not None:
            status = progress.job.job_status
            self._metrics.job_ended(target, status, progress.completion_s, job_id)

    def _run(self) -> None:
        counted = 0.0
        while not self._stop.wait(_LOOK_S):
            try:
                self._ask_due()
                now = self._clock.monotonic()
                if now - counted >= _COUNT_S:
                    counted = now
                    self._census()
            except Exception:
                _LOG.exception("following stumbled; it goes on")

    def _ask_due(self) -> None:
        now = self._clock.wall()
        for target in self._trackers:
            with self._lock:
                busy = {job_id for name, job_id in self._under_way if name == target}
            room = _MOST_AT_ONCE - len(busy)
            if room <= 0:
                continue
            due = self._watchlist.due(target, now=now, limit=_MOST_AT_ONCE + len(busy))
            for job in [job for job in due if job.job_id not in busy][:room]:
                with self._lock:
                    self._under_way.add((target, job.job_id))
                self._ask(target, job.job_id, self._on_refusal(target, job.job_id))

    def _census(self) -> None:
        now = self._clock.wall()
        for target, tracker in self._trackers.items():
            census = tracker.census(self._watchlist.all(target), now=now)
            self._metrics.jobs_followed(
                target,
                census.by_status,
                stuck=census.stuck,
                oldest_pending_s=census.oldest_pending_s,
            )

    def _on_refusal(self, target: str, job_id: str) -> Callable[[], None]:
        return lambda: self._over(target, job_id)

    def _over(self, target: str, job_id: str) -> None:
        with self._lock:
            self._under_way.discard((target, job_id))

    def _forget_target(self, target: str) -> None:
        # Our own failure came back without an exchange: which job it was isn't known.
        with self._lock:
            self._under_way = {item for item in self._under_way if item[0] != target}


def _sighting(seen: Observation | None, at: float) -> Sighting:
    if seen is None or seen.response is None:
        return Sighting(at)
    job = seen.job
    if job is None:
        return Sighting(at, missing=seen.code == 404)
    status = job.status if isinstance(job.status, str) else None
    ended = max(job.later.values(), default=None)
    return Sighting(at, job_status=status, created_at=job.created_at, ended_at=ended)
