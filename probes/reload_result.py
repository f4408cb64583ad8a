"""
What a reload came to: what differs, or why it was refused.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jobproof.probes.config.settings import MonitorSettings

__all__ = ["ReloadResult", "difference", "unexpected_problem"]


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """
    What a reload came to.

    Attributes:
        error: Why the configuration was refused; None if it was taken over.
        kept: How many jobs are followed of each target that is configured no longer: they are
            kept for an hour, in which it may come back.
    """

    error: str | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)

    @property
    def taken(self) -> bool:
        """
        Whether the new configuration is the one that runs now.
        """
        return self.error is None


def difference(old: MonitorSettings, new: MonitorSettings) -> ReloadResult:
    before = {target.name: target for target in old.targets}
    after = {target.name: target for target in new.targets}
    both = before.keys() & after.keys()
    changed = sorted(name for name in both if before[name] != after[name])
    return ReloadResult(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(changed),
        unchanged=len(both) - len(changed),
    )


def unexpected_problem(path: Path, wrong: BaseException) -> str:
    """
    One line about a mistake that isn't the configuration's, with its place in the code.
    """
    places = traceback.extract_tb(wrong.__traceback__, limit=-1)
    at = f" (at {Path(places[0].filename).name}:{places[0].lineno})" if places else ""
    said = str(wrong)[:300]
    return f"{path}:1: can't be taken over: {type(wrong).__name__}: {said}{at}"
