"""
A configuration that can be run, as values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.reaching.token_keeper import TokenKeeper
from jobproof.probes.canaries.canary import Canary, CanaryOptions

__all__ = ["CanarySettings", "MonitorSettings", "SinkSettings", "SourceSettings", "TargetSettings"]


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """
    One canary of a target, with every default filled in.
    """

    name: str
    make: type[Canary] = field(repr=False)
    interval_s: float
    timeout_s: float
    options: CanaryOptions


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """
    Where ids of jobs to follow come from; `options` is what the source's class takes.
    """

    source: str
    make: type[Any] = field(repr=False)
    options: Any


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """
    Where results go besides the metrics.
    """

    sink: str
    make: type[Any] = field(repr=False)
    options: Any


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """
    One endpoint to be watched.

    Attributes:
        url: As `read_base_url` normalises it: what is asked.
        shown_url: What outputs show: `url`, or what the file writes where that has a `${...}`.
        key: Names the API key without telling it; targets with one key share a budget.
        requests_per_minute: Of the key, over all canaries; `inf` for unlimited.
        api_digest: Of everything the API's data files say.
        words: Which way leads there, and what a line that asks again says beside the request.
        tokens: Where the token comes from, if it isn't the same for ever; then `token` may only
            stand for it.
        staleness_s: By which a replica may be behind.
    """

    name: str
    api: Api = field(compare=False, repr=False)
    api_digest: str
    url: str
    shown_url: str
    token: Secret | None
    token_env: str | None
    key: str
    timeout_s: float
    interval_s: float
    requests_per_minute: float
    availability: float
    latency_s: float
    canaries: tuple[CanarySettings, ...]
    follow: tuple[SourceSettings, ...] = ()
    words: ShellWords = ShellWords()
    tokens: TokenKeeper | None = None
    staleness_s: float = 0.0

    @property
    def redactor(self) -> Redactor:
        """
        Masks its token, and other secrets of its requests.
        """
        return Redactor(self.secrets)

    @property
    def secrets(self) -> tuple[str, ...]:
        """
        What no output about it may show.
        """
        known = self.tokens.secrets if self.tokens is not None else ()
        renewed = (one for secret in known for one in self.api.secrets_with(secret))
        return (*self.api.secrets_with(self.token), *self.route.secrets, *renewed)

    @property
    def route(self) -> Route:
        """
        Which way leads there.
        """
        return self.words.route

    @property
    def edges_s(self) -> tuple[float, ...]:
        """
        Thresholds and time-outs, which must be edges of the latency histogram.

        A probe that timed out ends a little after its time-out, lag included: the edge
        just beyond keeps a quantile from being read as the next bucket's far end.
        """
        limits = {self.timeout_s, *(canary.timeout_s for canary in self.canaries)}
        return (self.latency_s, *limits, *(round(limit * 1.1, 3) for limit in limits))


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """
    A configuration that can be run.

    Attributes:
        digest: SHA-256 of the file's bytes.
        secrets: Everything that no output may show.
    """

    path: Path
    digest: str
    targets: tuple[TargetSettings, ...]
    sinks: tuple[SinkSettings, ...] = ()
    secrets: tuple[Secret, ...] = ()

    @property
    def redactor(self) -> Redactor:
        """
        Masks them.
        """
        return Redactor(self.secrets)

    def target(self, name: str) -> TargetSettings:
        """
        The target of that name.

        Raises:
            ConfigError: There is none.
        """
        for target in self.targets:
            if target.name == name:
                return target
        known = [target.name for target in self.targets]
        raise ConfigError(f"unknown target {name!r}. {did_you_mean(name, known)}")
