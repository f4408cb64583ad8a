"""
What the web pages need of the daemon, as protocols; they import nothing of its engine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jobproof.contract.model.profile import Phase, Profile
from jobproof.probes.evidence.entry import Evidence
from jobproof.probes.export.prometheus import Exposition
from jobproof.probes.following.tracker import JobCounts
from jobproof.probes.result import ProbeResult
from jobproof.probes.web.recent_results import CanaryView, LastAnswer, RecentFinding

__all__ = [
    "CanaryInfo",
    "DaemonView",
    "EvidenceReader",
    "MetricsView",
    "ProbeRefused",
    "RecentResultsView",
    "ReloadReport",
    "StatusInfo",
    "TargetInfo",
    "statuses_of",
]


@dataclass(frozen=True, slots=True)
class StatusInfo:
    """
    A job status as pages show it.
    """

    phase: Phase
    colour: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class CanaryInfo:
    """
    A canary as it is configured; `interval_s` is None for jobs that are followed.
    """

    name: str
    interval_s: float | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """
    A target as it is configured.

    Attributes:
        title: The API's own name.
        url: As outputs may show it.
        latency_s: The objective, drawn as a line.
        statuses: The profile's job statuses, in the order of a job's life.
        accepts_jobs: Whether jobs may be pushed for it.
    """

    name: str
    api: str
    title: str
    url: str
    canaries: tuple[CanaryInfo, ...]
    latency_s: float | None = None
    statuses: Mapping[str, StatusInfo] = field(default_factory=dict)
    accepts_jobs: bool = False


class ProbeRefused(Exception):
    """
    A probe can't be made now: the key's request budget is spent, or a Retry-After holds it back.
    """


class ReloadReport(Protocol):
    """
    The result of a reload; `error` is None if the new configuration is in force.

    `kept` says how many jobs are followed of each target that is configured no longer.
    """

    @property
    def error(self) -> str | None: ...

    @property
    def kept(self) -> Mapping[str, int]: ...


class DaemonView(Protocol):
    """
    What the pages may read of the daemon and have it do. Called from several threads.
    """

    def targets(self) -> Sequence[TargetInfo]:
        """
        The targets that are probed now.
        """

    def job_counts(self, target: str) -> JobCounts | None:
        """
        The jobs of a target that are followed; None where none can be.
        """

    def lag_in_intervals(self) -> float:
        """
        How late the schedule is, in intervals of the canary that is latest.
        """

    def failures(self) -> tuple[str, ...]:
        """
        What doesn't run, one line each: not yet, or not again before the daemon is started anew.
        """

    def shortcomings(self) -> tuple[str, ...]:
        """
        What the daemon is behind with, or can't do now, one line each.
        """

    def reload(self) -> ReloadReport:
        """
        Read the configuration again.
        """

    def probe(self, target: str, canary: str, *, timeout_s: float) -> ProbeResult:
        """
        Probe once, now, and judge the answer.

        Raises:
            ProbeRefused: The key may not be used now.
        """

    def follow(self, target: str, job_id: str) -> bool:
        """
        Follow a job; False if it is followed already, has ended, or the list is full.

        Raises:
            ValueError: It can't be a job id.
        """


class RecentResultsView(Protocol):
    """
    What pages read of `jobproof.probes.web.recent_results.RecentResults`.
    """

    def canary(self, target: str, canary: str) -> CanaryView | None: ...

    def last(self, target: str, canary: str) -> LastAnswer | None: ...

    def jobs(self, target: str) -> Mapping[str, int]: ...

    def findings(self) -> tuple[RecentFinding, ...]: ...


class EvidenceReader(Protocol):
    """
    What pages read of `jobproof.probes.evidence.store.EvidenceStore`.
    """

    def get(self, evidence_id: str) -> Evidence | None: ...

    def har(self, evidence_id: str) -> bytes | None: ...

    def latest_for(self, fingerprint: str) -> str | None: ...


class MetricsView(Protocol):
    """
    Answers a scrape: `jobproof.probes.export.prometheus.expose`, bound to a registry.
    """

    def __call__(
        self, *, accept: str, accept_encoding: str, names: Collection[str]
    ) -> Exposition: ...


def statuses_of(profile: Profile) -> dict[str, StatusInfo]:
    """
    The profile's job statuses as pages show them, by word.
    """
    return {
        word: StatusInfo(status.phase, status.colour, status.meaning)
        for word, status in profile.status.words.items()
    }
