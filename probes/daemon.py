"""
Everything that runs together: probes, followed jobs, sinks, evidence; and its reload.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from jobproof.contract.errors import JobproofError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible
from jobproof.contract.judging.judge import Judge
from jobproof.contract.judging.limited_calls import CallMarks, LimitedCalls, PluginKind, is_foreign
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.plugins import set_up
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import MonitorSettings, SinkSettings, TargetSettings
from jobproof.probes.engine.judging import JudgedResult
from jobproof.probes.engine.prober import (
    SCHEDULE_HAS_ENDED,
    Clock,
    HttpClient,
    ProbePlan,
    Prober,
    ScheduleError,
)
from jobproof.probes.engine.shard import Shard
from jobproof.probes.engine.target_labels import labels_of
from jobproof.probes.engine.target_state import ClientSettings
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.export.prometheus import Registry
from jobproof.probes.following.follower import FollowPlan, JobFollower
from jobproof.probes.following.job_history import JobHistory
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.plugins.sink_thread import SinkThread
from jobproof.probes.reload_result import ReloadResult, difference, unexpected_problem
from jobproof.probes.result import ProbeOutcome, ProbeResult
from jobproof.probes.sparing_log import SparingLog

__all__ = ["Daemon", "EvidenceWriter", "ResultListener"]

Value = TypeVar("Value")

_LOG = logging.getLogger(__name__)
_LONGEST_PROBLEM = 1_000
_LOOK_S = 0.5
_SINK_CLOSE_S = 2.0
# An answer is judged in milliseconds, and a plug-in's check is left after two seconds.
_CHECK_LIMIT_S = 2.0
_STUCK_S = 30.0
_DEAD_S = 120.0


class EvidenceWriter(Protocol):
    """
    Stores evidence: `jobproof.probes.evidence.store.EvidenceStore`.
    """

    def keep(
        self, result: ProbeResult, history: Sequence[Exchange] = (), *, staleness_s: float = 0.0
    ) -> str | None: ...


class ResultListener(Protocol):
    """
    Is handed every result, for people to look at:
    `jobproof.probes.web.recent_results.RecentResults`.
    """

    def record(self, result: ProbeResult) -> None: ...

    def count_failed(self, target: str, canary: str, count: int) -> None: ...

    def forget_other_targets(self, names: Iterable[str]) -> None: ...


class Daemon:
    """
    Runs one configuration at a time.

    Args:
        settings: The configuration to begin with.
        shard: Only this part of the targets is probed.
        seed: Daemons that watch the same targets for each other get different ones.
        marks: Is told which plug-in is being called, for whoever looks from outside.
    """

    def __init__(
        self,
        settings: MonitorSettings,
        *,
        make_client: Callable[[ClientSettings], HttpClient],
        checks: Sequence[Check],
        watchlist: WatchList,
        registry: Registry,
        redactor: Redactor,
        rng: random.Random,
        evidence: EvidenceWriter | None = None,
        results: ResultListener | None = None,
        shard: Shard | None = None,
        clock: Clock | None = None,
        seed: str = "",
        marks: CallMarks | None = None,
    ) -> None:
        self.registry = registry
        self.redactor = redactor
        self.clock = clock or Clock()
        self.watchlist = watchlist
        self.evidence = evidence
        self.results = results
        self._shard = shard or Shard()
        self._checks = tuple(check.id for check in checks)
        self._foreign = tuple(check.id for check in checks if is_foreign(check.run))
        self._reloading = threading.Lock()
        self._sinks: dict[SinkSettings, SinkThread] = {}
        self._writing = threading.Lock()
        self._last_kept: dict[tuple[str, str], int] = {}
        self._sparing = SparingLog(clock=self.clock.monotonic)
        self._has_started = self._is_stopping = False
        self.settings = settings
        self.metrics = Metrics(registry, redactor=redactor)
        history = JobHistory(watchlist, redactor)
        self._calls = LimitedCalls(marks)
        self._plugins = PluginCalls(self.metrics, self._calls, monotonic=self.clock.monotonic)
        self._judge = Judge(checks, limit_s=_CHECK_LIMIT_S, calls=self._calls)
        self._looking = threading.Thread(target=self._look, name="look", daemon=True)
        self._ended = threading.Event()
        self.prober = Prober(
            make_client=make_client,
            judge=self._judge,
            metrics=self.metrics,
            receive=self._receive,
            count_failed=results.count_failed if results is not None else lambda *_: None,
            rng=rng,
            load_history=history.of,
            clock=self.clock,
            seed=seed,
            plugins=self._plugins,
        )
        self.following = JobFollower(
            watchlist, self.metrics, self.prober, self.clock, history, self._plugins
        )
        self._apply(settings, self._open_sinks(settings), self._plan(settings))

    @property
    def targets(self) -> tuple[TargetSettings, ...]:
        """
        The targets that this daemon probes: its shard of those configured.
        """
        return tuple(t for t in self.settings.targets if self._shard.owns(t.name))

    def start(self) -> None:
        """
        Begin to probe.
        """
        self.prober.start()
        self.following.start()
        self._looking.start()
        self._has_started = True

    def stop(self, *, within_s: float) -> bool:
        """
        Start nothing more, let what is under way end, write everything to disk.

        Returns:
            Whether every probe ended in time.
        """
        self._is_stopping = True
        # Following first: it would hand the prober new requests. The watch list last, since
        # results that are still being judged are written to it.
        self.following.stop()
        ended = self.prober.stop(within_s=within_s)
        self._close_sinks(self._sinks.values())
        self.watchlist.close()
        self._ended.set()
        if self._looking.ident is not None:
            self._looking.join(_LOOK_S * 2)
        self._calls.close()
        return ended

    def failures(self) -> tuple[str, ...]:
        """
        What can't mend itself: one line for each thread that has died or will not come back.
        """
        if self._is_stopping:
            return ()
        if not self._has_started:
            return ("it has not started yet",)
        prober, judging = self.prober, self.prober.judging
        found = []
        if not prober.is_scheduling:
            found.append("the schedule has ended")
        if not self.following.is_alive:
            found.append("following has ended")
        if not judging.is_alive:
            found.append("judging has ended")
        elif judging.stuck_s > _DEAD_S:
            found.append(f"judging has been at one answer for {judging.stuck_s:.0f} s")
        return tuple(found)

    def shortcomings(self) -> tuple[str, ...]:
        """
        What it is behind with, or can't do now: one line each.
        """
        judging = self.prober.judging
        found = []
        if judging.stuck_s > _STUCK_S:
            found.append(f"judging has been at one answer for {judging.stuck_s:.0f} s")
        for target, waiting in judging.backlog().items():
            if waiting.oldest_s > _STUCK_S or judging.is_full(target):
                found.append(
                    f"target {target}: {waiting.size_bytes:,} bytes of answers wait to be judged, "
                    f"the oldest for {waiting.oldest_s:.0f} s"
                )
        found += [
            f"sink {sink.name} hangs: its write of a result hasn't ended for {sink.stuck_s:.0f} s"
            for sink in tuple(self._sinks.values())
            if sink.stuck_s
        ]
        return tuple(found)

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_S):
            backlog = self.prober.judging.backlog()
            self.metrics.judge_backlog(
                {target: (one.size_bytes, one.oldest_s) for target, one in backlog.items()}
            )
            for sink in tuple(self._sinks.values()):
                sink.look()

    @property
    def longest_timeout_s(self) -> float:
        """
        How long a probe that has started may still take.
        """
        return max((c.timeout_s for t in self.targets for c in t.canaries), default=0.0)

    def follow(self, target: str, job_id: str) -> bool:
        """
        Follow a job from now on, or again, if it was let go before its end; False if it is
        followed already, or can't be.

        Raises:
            ConfigError: The target isn't configured.
            ValueError: The id is empty or too long, or holds a secret.
        """
        if self.redactor.holds_secret(job_id):
            raise ValueError("a job id that holds a secret isn't followed")
        self.settings.target(target)
        now = self.following.now()
        return self.watchlist.add(target, job_id, source="pushed", now=now, take_back=True)

    def reload(self) -> ReloadResult:
        """
        Read the file again; take it over whole, or leave everything as it is.
        """
        with self._reloading:
            opened: dict[SinkSettings, SinkThread] = {}
            # Everything that can be refused happens before the first change.
            if not self.prober.is_scheduling:
                return self._refused(SCHEDULE_HAS_ENDED)
            try:
                fresh = load_settings(self.settings.path)
                plan = self._plan(fresh)
                opened = self._open_sinks(fresh)
            except JobproofError as exc:
                return self._refused(str(exc))
            # A plug-in's constructor may do anything, and the next reload must find us well.
            except BaseException as exc:  # noqa: BLE001 -- said in one line
                return self._refused(unexpected_problem(self.settings.path, exc))
            report = difference(self.settings, fresh)
            try:
                kept = self._take_over(fresh, opened, plan)
            except ScheduleError as exc:
                return self._refused(str(exc))
            except BaseException as exc:  # noqa: BLE001 -- said in one line
                return self._refused(unexpected_problem(self.settings.path, exc))
            # What was off for hanging has another chance, as has what was changed.
            self._judge.revive()
            self._plugins.revive()
            _LOG.info(
                "reloaded: %d added, %d removed, %d changed, %d as before",
                *(len(report.added), len(report.removed), len(report.changed), report.unchanged),
            )
            return replace(report, kept=kept)

    def _refused(self, problem: str) -> ReloadResult:
        self.metrics.reloaded(taken=False, at=self.clock.wall())
        error = legible(" ".join(self.redactor.text(problem).split())[:_LONGEST_PROBLEM])
        _LOG.error("reload refused, the old configuration stays: %s", error)
        return ReloadResult(error)

    def _take_over(
        self,
        fresh: MonitorSettings,
        sinks: dict[SinkSettings, SinkThread],
        plan: tuple[ProbePlan, FollowPlan],
    ) -> Mapping[str, int]:
        old, old_sinks = self.settings, self._sinks
        try:
            return self._apply(fresh, sinks, plan)
        except BaseException:
            # Half of each would be neither.
            try:
                self._apply(old, self._sinks, self._plan(old))
            finally:
                if self._sinks is old_sinks:
                    self._close_sinks(sink for key, sink in sinks.items() if key not in old_sinks)
            raise

    def _plan(self, settings: MonitorSettings) -> tuple[ProbePlan, FollowPlan]:
        ours = [target for target in settings.targets if self._shard.owns(target.name)]
        folder = settings.path.resolve().parent
        return self.prober.plan(ours), self.following.plan(ours, folder)

    def _apply(
        self,
        settings: MonitorSettings,
        sinks: dict[SinkSettings, SinkThread],
        plan: tuple[ProbePlan, FollowPlan],
    ) -> Mapping[str, int]:
        # Secrets first: nothing about a new target may be said before its token is masked.
        self.redactor.add(settings.secrets)
        self.settings = settings
        self.metrics.configure([labels_of(target) for target in self.targets], self._checks)
        self.metrics.configure_plugins(self._plugin_names(settings))
        probing, following = plan
        self.prober.apply(probing)
        kept = self.following.apply(following)
        if self.results is not None:
            self.results.forget_other_targets(target.name for target in self.targets)
        # No result may be on its way to a sink that is closed then.
        with self._writing:
            gone = [sink for key, sink in self._sinks.items() if key not in sinks]
            self._sinks = sinks
            self._last_kept.clear()
        self._close_sinks(gone)
        self.metrics.reloaded(taken=True, at=self.clock.wall())
        return kept

    def _plugin_names(self, settings: MonitorSettings) -> dict[str, tuple[str, ...]]:
        ours = self.targets
        return {
            PluginKind.CHECK: self._foreign,
            PluginKind.CANARY: tuple(canary.name for one in ours for canary in one.canaries),
            PluginKind.SOURCE: tuple(source.source for one in ours for source in one.follow),
            PluginKind.SINK: tuple(sink.sink for sink in settings.sinks),
        }

    def _open_sinks(self, settings: MonitorSettings) -> dict[SinkSettings, SinkThread]:
        opened: dict[SinkSettings, SinkThread] = {}
        try:
            for wanted in settings.sinks:
                # A sink whose options stay the same stays open: its file isn't cut in two.
                opened[wanted] = self._sinks.get(wanted) or SinkThread(
                    wanted.sink,
                    set_up("jobproof.sinks", wanted.sink, wanted.make, wanted.options),
                    self._plugins,
                    self.metrics,
                )
        except BaseException:
            self._close_sinks(sink for key, sink in opened.items() if key not in self._sinks)
            raise
        return opened

    def _close_sinks(self, sinks: Iterable[SinkThread]) -> None:
        for sink in sinks:
            sink.close(within_s=_SINK_CLOSE_S)

    def _receive(self, judged: JudgedResult) -> None:
        result = judged.result
        if _LOG.isEnabledFor(logging.DEBUG):
            _LOG.debug("%s", _sentence(result))
        if result.outcome is ProbeOutcome.INTERNAL:
            self._say_internal(result)
        with self._writing:
            for receive in (self._keep_evidence, self._show, self.following.on_result):
                self._safely(receive, judged)
            sinks = tuple(self._sinks.values())
            clean = result.redacted(self.redactor) if sinks else result
            for sink in sinks:
                sink.write(clean)

    def _say_internal(self, result: ProbeResult) -> None:
        unsaid = self._sparing.before_now(f"{result.target} {result.canary}")
        if unsaid is not None:
            more = f" ({unsaid} more since the last line)" if unsaid else ""
            _LOG.error(
                "target %s: %s: our own mistake, outcome internal: %s%s",
                *(result.target, result.canary, result.error or "no cause is known", more),
            )

    def _safely(self, receive: Callable[[Value], object], value: Value) -> None:
        try:
            receive(value)
        except Exception as wrong:  # noqa: BLE001 -- logged; the other receivers must get it too
            what = f"{type(wrong).__name__}: {wrong}"[:500]
            # A disk that is full says so at every result.
            if self._sparing.before_now(what) is not None:
                is_plain = isinstance(wrong, JobproofError | OSError)
                _LOG.error("a receiver of results failed: %s", what, exc_info=not is_plain)

    def _keep_evidence(self, judged: JudgedResult) -> None:
        if self.evidence is not None and self._is_worth_keeping(judged.result):
            before = [seen.exchange for seen in (*judged.baselines, *judged.earlier)]
            self.evidence.keep(judged.result, before, staleness_s=judged.staleness_s)

    def _show(self, judged: JudgedResult) -> None:
        if self.results is not None:
            self.results.record(judged.result)

    def _is_worth_keeping(self, result: ProbeResult) -> bool:
        """
        Whether it isn't plainly right, or is the canary's first right answer of a second.

        A fast canary would otherwise have the evidence of its successes written, by the
        hundredth, many times a second.
        """
        if result.findings or not result.outcome.success:
            return True
        key, second = (result.target, result.canary), int(result.intended_at)
        if self._last_kept.get(key) == second:
            return False
        self._last_kept[key] = second
        return True


def _sentence(result: ProbeResult) -> str:
    exchange = result.exchange
    answer = exchange.response if exchange is not None else None
    failure = exchange.failure if exchange is not None else None
    what = answer.code if answer else failure.detail if failure else result.error
    asked = exchange.request.url if exchange is not None else "nothing"
    return (
        f"target {result.target}: {result.canary} asked {asked}: {result.outcome.value} "
        f"({what}) in {result.duration_s:.3f} s"
    )
