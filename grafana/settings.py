"""
What dashboards and rules are made for: targets, their SLOs, their status words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from jobproof.contract.formats.durations import Duration
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.formats.yaml_file import read_yaml
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Phase, Profile
from jobproof.contract.plugins import find_api
from jobproof.probes.export.families import UNKNOWN_STATUS, status_label

__all__ = [
    "FOLLOWED",
    "BurnRate",
    "DashboardSettings",
    "DashboardTarget",
    "StatusStyle",
    "default_settings",
    "settings_for",
    "target_of",
]

FOLLOWED = "followed"
"""The canary of followed jobs, as the daemon's label names it."""

DEFAULTS = Path(__file__).with_name("defaults.yaml")


@dataclass(frozen=True, slots=True)
class StatusStyle:
    """
    A job status: its word, its phase, and its colour on every panel.
    """

    word: str
    phase: Phase
    colour: str


@dataclass(frozen=True, slots=True)
class DashboardTarget:
    """
    One target and what is promised for it.

    Attributes:
        objective: Share of probes that must be right, and of those that must be fast.
        latency_s: What "fast" means; an edge of the duration histogram.
        canaries: Seconds between probes, by canary.
        documented: HTTP codes of the API's document, as regular expressions.
        limits_s: Documented limits of a job's life.
        not_found: HTTP codes by which the API says that there is no such job.
    """

    name: str
    api: str
    objective: float
    latency_s: float
    timeout_s: float
    canaries: Mapping[str, float]
    statuses: tuple[StatusStyle, ...]
    documented: tuple[str, ...]
    limits_s: tuple[float, ...] = ()
    not_found: tuple[str, ...] = ()


class BurnRate(StrictModel):
    """
    One pair of windows that must both burn faster than `factor` allows.
    """

    long: str
    short: str
    factor: float
    hold: str = Field(alias="for")
    severity: Literal["critical", "warning"]


class _TargetDefaults(StrictModel):
    name: str
    api: str
    interval: Duration
    timeout: Duration
    availability: float
    latency: Duration


class _Defaults(StrictModel):
    targets: tuple[_TargetDefaults, ...]
    not_the_endpoint: tuple[str, ...]
    period: str
    burn_rates: tuple[BurnRate, ...]
    minimum_failures: int
    scrape_job: str
    scrape_interval: str
    grafana_url: str
    runbook_url: str


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """
    Everything that dashboards and rules are made from.
    """

    targets: tuple[DashboardTarget, ...]
    not_the_endpoint: tuple[str, ...]
    period: str
    burn_rates: tuple[BurnRate, ...]
    minimum_failures: int
    scrape_job: str
    scrape_interval: str
    grafana_url: str
    runbook_url: str
    statuses: tuple[StatusStyle, ...] = field(init=False)

    def __post_init__(self) -> None:
        # Several APIs may share a word; a panel over all targets can give it one colour only.
        words: dict[str, StatusStyle] = {}
        for target in self.targets:
            for status in target.statuses:
                words.setdefault(status.word, status)
        object.__setattr__(self, "statuses", tuple(words.values()))

    @property
    def words(self) -> tuple[str, ...]:
        """
        All status words in the order of a job's life, then the label value of every other one.
        """
        return (*(status.word for status in self.statuses), UNKNOWN_STATUS)

    @property
    def terminal(self) -> tuple[str, ...]:
        """
        Words that end a job's life.
        """
        return tuple(s.word for s in self.statuses if s.phase.terminal)

    @property
    def pending(self) -> tuple[str, ...]:
        """
        Words of jobs that aren't over.
        """
        return tuple(s.word for s in self.statuses if not s.phase.terminal)

    @property
    def succeeded(self) -> tuple[str, ...]:
        """
        Words of jobs that came to what they were made for.
        """
        return tuple(s.word for s in self.statuses if s.phase is Phase.SUCCEEDED)

    @property
    def objective(self) -> float:
        """
        The lowest objective: a threshold on a shared panel never blames a target wrongly.
        """
        return min(target.objective for target in self.targets)

    @property
    def latency_s(self) -> float:
        """
        The slowest promise, for the same reason.
        """
        return max(target.latency_s for target in self.targets)

    @property
    def documented_codes(self) -> tuple[str, ...]:
        """
        Codes that at least one API documents.
        """
        return tuple(sorted({code for target in self.targets for code in target.documented}))

    @property
    def not_found_codes(self) -> tuple[str, ...]:
        """
        Codes by which at least one API says that there is no such job.
        """
        return tuple(sorted({code for target in self.targets for code in target.not_found}))

    @property
    def limits_s(self) -> tuple[float, ...]:
        """
        All documented limits of a job's life.
        """
        return tuple(sorted({limit for target in self.targets for limit in target.limits_s}))


def default_settings() -> DashboardSettings:
    """
    What the committed files are made for.
    """
    return _settings(_defaults(), None)


def settings_for(targets: tuple[DashboardTarget, ...]) -> DashboardSettings:
    """
    The defaults with somebody's own targets.
    """
    return _settings(_defaults(), targets)


def target_of(
    name: str,
    api: Api,
    *,
    objective: float,
    latency_s: float,
    timeout_s: float,
    canaries: Mapping[str, float],
) -> DashboardTarget:
    """
    A target, with what its API's data says about it.
    """
    return DashboardTarget(
        name=name,
        api=api.name,
        objective=objective,
        latency_s=latency_s,
        timeout_s=timeout_s,
        canaries=dict(canaries),
        statuses=_statuses(api.profile),
        documented=_documented(api.operation.responses),
        limits_s=tuple(sorted(limit.after for limit in api.profile.status.limits)),
        not_found=tuple(map(str, api.profile.not_found.codes)),
    )


def _defaults() -> _Defaults:
    return read_yaml(DEFAULTS).parse(_Defaults)


def _settings(
    defaults: _Defaults, targets: tuple[DashboardTarget, ...] | None
) -> DashboardSettings:
    if targets is None:
        targets = tuple(_default_target(target) for target in defaults.targets)
    return DashboardSettings(
        targets=targets,
        not_the_endpoint=defaults.not_the_endpoint,
        period=defaults.period,
        burn_rates=defaults.burn_rates,
        minimum_failures=defaults.minimum_failures,
        scrape_job=defaults.scrape_job,
        scrape_interval=defaults.scrape_interval,
        grafana_url=defaults.grafana_url,
        runbook_url=defaults.runbook_url,
    )


def _default_target(target: _TargetDefaults) -> DashboardTarget:
    return target_of(
        target.name,
        find_api(target.api),
        objective=target.availability,
        latency_s=target.latency,
        timeout_s=target.timeout,
        canaries={
            "known": target.interval,
            "missing": target.interval,
            FOLLOWED: target.interval,
            "malformed": 300.0,
            "anonymous": 300.0,
            "foreign": 300.0,
        },
    )


def _documented(codes: Iterable[str]) -> tuple[str, ...]:
    # A `default` response documents every code there is.
    if "default" in codes:
        return (".+",)
    return tuple(sorted(code.upper().replace("X", ".") for code in codes))


def _statuses(profile: Profile) -> tuple[StatusStyle, ...]:
    return tuple(
        StatusStyle(status_label(word), status.phase, status.colour)
        for word, status in profile.status.words.items()
    )
