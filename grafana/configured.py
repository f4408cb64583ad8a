"""
The daemon's configuration file as settings of dashboards and rules.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jobproof.grafana.settings import (
    FOLLOWED,
    DashboardSettings,
    DashboardTarget,
    settings_for,
    target_of,
)
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import TargetSettings

__all__ = ["configured_settings"]


class _Environment(Mapping[str, str]):
    """
    The environment with a stand-in for every variable that isn't set: rules are often written on
    a machine that has no token.
    """

    def __init__(self, real: Mapping[str, str]) -> None:
        self._real = real

    def __getitem__(self, name: str) -> str:
        # A URL, because ${...} may be one; with the name, because two tokens with one value
        # would be one key.
        return self._real.get(name) or f"http://{name.lower()}.test"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __iter__(self) -> Iterator[str]:
        return iter(self._real)

    def __len__(self) -> int:
        return len(self._real)


def configured_settings(path: Path) -> DashboardSettings:
    """
    The defaults with the targets of a configuration file.

    Raises:
        ConfigError: The daemon would refuse the file, too.
    """
    loaded = load_settings(path, environment=_Environment(os.environ), runs_elsewhere=True)
    return settings_for(tuple(_target(target) for target in loaded.targets))


def _target(target: TargetSettings) -> DashboardTarget:
    canaries = {canary.name: canary.interval_s for canary in target.canaries}
    if target.follow:
        canaries[FOLLOWED] = target.interval_s
    slowest = max([target.timeout_s, *(canary.timeout_s for canary in target.canaries)])
    return target_of(
        target.name,
        target.api,
        objective=target.availability,
        latency_s=target.latency_s,
        timeout_s=slowest,
        canaries=canaries,
    )
