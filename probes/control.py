"""
The daemon, as far as its web pages may reach into it.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.probes.config.settings import MonitorSettings, TargetSettings
from jobproof.probes.daemon import Daemon
from jobproof.probes.following.tracker import JobCounts, Tracker
from jobproof.probes.reload_result import ReloadResult
from jobproof.probes.result import FOLLOWED, ProbeResult
from jobproof.probes.web.view_protocols import CanaryInfo, ProbeRefused, TargetInfo, statuses_of

__all__ = ["DaemonControl", "target_info"]


class DaemonControl:
    """
    `jobproof.probes.web.view_protocols.Control`, over a running daemon.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._shown: tuple[MonitorSettings, tuple[TargetInfo, ...]] | None = None

    def targets(self) -> Sequence[TargetInfo]:
        """
        The targets that are probed now.
        """
        settings, shown = self._daemon.settings, self._shown
        # Every `/probe` reads them; with thousands of targets making them anew is slow.
        if shown is None or shown[0] is not settings:
            shown = settings, tuple(target_info(target) for target in self._daemon.targets)
            self._shown = shown
        return shown[1]

    def job_counts(self, target: str) -> JobCounts | None:
        """
        The jobs of a target that are followed; None where none can be.
        """
        settings = self._target(target)
        if not settings.follow:
            return None
        jobs = self._daemon.watchlist.all(target)
        return Tracker.of(settings.api.profile).job_counts(jobs, now=self._daemon.following.now())

    def lag_in_intervals(self) -> float:
        """
        How far the schedule is behind its grid.
        """
        return self._daemon.prober.lag_in_intervals()

    def failures(self) -> tuple[str, ...]:
        """
        What can't mend itself.
        """
        return self._daemon.failures()

    def shortcomings(self) -> tuple[str, ...]:
        """
        What the daemon is behind with, or can't do now.
        """
        return self._daemon.shortcomings()

    def reload(self) -> ReloadResult:
        """
        Read the configuration again.
        """
        return self._daemon.reload()

    def probe(self, target: str, canary: str, *, timeout_s: float) -> ProbeResult:
        """
        Ask once, now, and judge.

        Raises:
            ProbeRefused: The key may not be used now.
            ConfigError: No such target or canary.
        """
        names = [one.name for one in self._target(target).canaries]
        if canary not in names:
            raise ConfigError(f"unknown canary {canary!r}. {did_you_mean(canary, names)}")
        judged = self._daemon.prober.probe_now(target, canary, timeout_s=timeout_s)
        if judged is None:
            raise ProbeRefused("the key's budget is spent, or it rests")
        return judged.result

    def follow(self, target: str, job_id: str) -> bool:
        """
        Follow a job; False if it is followed already, has ended, or the list is full.

        Raises:
            ValueError: It can't be an id.
            ConfigError: No such target.
        """
        return self._daemon.follow(target, job_id)

    def _target(self, name: str) -> TargetSettings:
        return self._daemon.settings.target(name)


def target_info(target: TargetSettings) -> TargetInfo:
    """
    A target as pages show it.
    """
    canaries = [CanaryInfo(c.name, c.interval_s, c.timeout_s) for c in target.canaries]
    if target.follow:
        canaries.append(CanaryInfo(FOLLOWED, None, target.timeout_s))
    return TargetInfo(
        name=target.name,
        api=target.api.name,
        title=target.api.profile.title,
        url=target.shown_url,
        canaries=tuple(canaries),
        latency_s=target.latency_s,
        statuses=statuses_of(target.api.profile),
        accepts_jobs=any(source.source == "pushed" for source in target.follow),
    )
