"""
Calls of canaries, sources and sinks: each within a limit, and its failure told.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from weakref import WeakSet

from jobproof.contract.errors import PluginError
from jobproof.contract.formats.wording import described
from jobproof.contract.judging.limited_calls import (
    CallFailedError,
    FailureReason,
    LimitedCalls,
    PluginKind,
    is_foreign,
)

__all__ = ["GuardedPlugin", "PluginCalls"]

Value = TypeVar("Value")
_LOG = logging.getLogger(__name__)
_LIMIT_S = 3.0


class FailureCounter(Protocol):
    """
    Counts failures: `jobproof.probes.export.metrics.Metrics`.
    """

    def plugin_failed(self, kind: str, name: str, why: str) -> None: ...


class PluginCalls:
    """
    Makes the calls of plug-ins, counts what fails, and says it once.

    Args:
        calls: The threads in which code runs that isn't ours.
        limit_s: How long one call may take.
    """

    def __init__(
        self,
        counter: FailureCounter | None = None,
        calls: LimitedCalls | None = None,
        *,
        limit_s: float = _LIMIT_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.calls = calls or LimitedCalls()
        self.limit_s = limit_s
        self.monotonic = monotonic
        self._counter = counter
        self._told: set[tuple[str, str, str, int]] = set()
        self._guarded: WeakSet[GuardedPlugin] = WeakSet()

    def guard(self, kind: PluginKind, name: str, plugin: object) -> GuardedPlugin:
        """
        One plug-in, whose calls are made here.
        """
        # What our own canaries do is a choice; our own sources read files, which may hang too.
        inline = kind is PluginKind.CANARY and not is_foreign(type(plugin))
        guarded = GuardedPlugin(self, kind, name, inline=inline)
        self._guarded.add(guarded)
        return guarded

    def failed(
        self, kind: PluginKind, name: str, why: FailureReason, what: str, *, of: object = None
    ) -> None:
        """
        Count a failure, and log the first of its sort.

        Args:
            of: Which of those that bear this name it is.
        """
        if self._counter is not None:
            self._counter.plugin_failed(kind, name, why)
        key = (kind, name, why, id(of))
        if key not in self._told:
            self._told.add(key)
            _LOG.error("%s %s: %s", kind.value, name, what)

    def worked(self, kind: PluginKind, name: str, why: FailureReason, *, of: object = None) -> None:
        """
        Note the end of such failures; the next is said again.
        """
        key = (kind, name, why, id(of))
        if key in self._told:
            self._told.discard(key)
            _LOG.info("%s %s works again", kind.value, name)

    def revive(self) -> None:
        """
        Call all that were off again, and say anew what fails.
        """
        self._told.clear()
        for guarded in tuple(self._guarded):
            guarded.off = None


class GuardedPlugin:
    """
    One canary or source; its calls are made one at a time.

    Attributes:
        off: Why it is called no longer; None while it is.
    """

    def __init__(self, calls: PluginCalls, kind: PluginKind, name: str, *, inline: bool) -> None:
        self.off: str | None = None
        self._plugins = calls
        self._kind = kind
        self._name = name
        self._inline = inline
        self._turn = threading.Lock()

    def call(self, function: Callable[[], Value]) -> Value:
        """
        What `function` returns.

        Raises:
            PluginError: It hung, now or earlier, or raised anything.
        """
        # A call ends in any case, so nobody waits here for long.
        with self._turn:
            if self.off is not None:
                raise PluginError(
                    f"{self._kind.value} {self._name} is off until a reload: {self.off}"
                )
            try:
                if self._inline:
                    return function()
                label = f"{self._kind.value} {self._name}"
                return self._plugins.calls.call(
                    function, limit_s=self._plugins.limit_s, label=label
                )
            except CallFailedError as exc:
                if exc.why is FailureReason.HUNG:
                    self.off = str(exc)
                    self._failed(exc.why, f"it hangs: {exc}; it is off until a reload")
                else:
                    self._failed(exc.why, f"it failed: {exc}")
                raise PluginError(f"{self._kind.value} {self._name} failed: {exc}") from None
            except Exception as exc:
                what = described(exc)
                self._failed(FailureReason.RAISED, f"it failed: {what}")
                raise PluginError(f"{self._kind.value} {self._name} failed: {what}") from exc

    def _failed(self, why: FailureReason, what: str) -> None:
        self._plugins.failed(self._kind, self._name, why, what)
