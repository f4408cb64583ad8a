"""
What is registered in the entry-point groups, ours and anybody's, found and not loaded yet.

Entry-point groups: `jobproof.apis`, `jobproof.checks`, `jobproof.canaries`,
`jobproof.sources`, `jobproof.sinks`, `jobproof.commands`. `JOBPROOF_NO_PLUGINS=1`
leaves only what jobproof itself brings.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from jobproof.contract.errors import PluginError
from jobproof.contract.formats.wording import described
from jobproof.contract.plugin_import import ImportHungError, imported

__all__ = ["Plugin", "plugins"]

Value = TypeVar("Value")
_OWN_DISTRIBUTION = "jobproof"


@dataclass(frozen=True, slots=True)
class Plugin:
    """
    One entry point that was found, not loaded yet.

    Attributes:
        provider: Distribution and version, for messages.
        is_own: Whether jobproof itself brings it.
    """

    name: str
    group: str
    provider: str
    entry: EntryPoint
    is_own: bool

    def load(self) -> Any:
        """
        The object behind the entry point.

        Raises:
            PluginError: It can't be imported, or not in time.
        """
        try:
            return self.run(self.entry.load)
        except (KeyboardInterrupt, PluginError):  # a person's, and what says it all already
            raise
        # Importing a plug-in runs its code, which may raise anything: a SystemExit would end the
        # process with the plug-in's own code, and 0 would pass for a run that went well.
        except BaseException as exc:
            raise self.error(f"can't be loaded: {described(exc)}") from exc

    def run(self, load: Callable[[], Value]) -> Value:
        """
        What `load` returns, which may run the plug-in's import.

        Raises:
            PluginError: It doesn't come to an end.
            BaseException: Whatever `load` raises.
        """
        if self.is_own:
            return load()
        try:
            return imported(load, f"plug-in {self.name!r} ({self.provider})")
        except ImportHungError as exc:
            raise self.error(str(exc)) from None

    def error(self, message: str) -> PluginError:
        """
        An error that names the plug-in and who brings it.
        """
        return PluginError(f"plug-in {self.name!r} ({self.provider}): {message}")


def plugins(group: str) -> tuple[Plugin, ...]:
    """
    Everything registered in `group`, by name; ours first.

    Raises:
        PluginError: Two distributions claim one name.
    """
    only_own = os.environ.get("JOBPROOF_NO_PLUGINS", "") not in ("", "0")
    found: dict[str, Plugin] = {}
    # Ours first, so that of two with one name the plug-in is told to rename.
    for plugin in sorted(_found(group), key=lambda p: (not p.is_own, p.name)):
        if only_own and not plugin.is_own:
            continue
        other = found.get(plugin.name)
        # One object under one name, listed twice, is no clash.
        if other is not None and other.entry.value != plugin.entry.value:
            raise plugin.error(
                f"the name is taken in {group} by {other.provider}; rename one of them"
            )
        found.setdefault(plugin.name, plugin)
    return tuple(found.values())


def _found(group: str) -> Iterator[Plugin]:
    # A look at a distribution's name parses its metadata with the whole README in it.
    told: dict[int, tuple[str, bool]] = {}
    for entry in entry_points(group=group):
        distribution = entry.dist
        key = id(distribution)
        if key not in told:
            name = distribution.name if distribution else ""
            label = f"{name} {distribution.version}" if distribution else "unknown"
            told[key] = (label, name == _OWN_DISTRIBUTION)
        label, is_own = told[key]
        yield Plugin(entry.name, group, label, entry, is_own)
