"""
A sink in a thread of its own: what it does, or doesn't, holds up nobody else.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from jobproof.contract.errors import JobproofError
from jobproof.contract.formats.wording import described
from jobproof.contract.judging.limited_calls import FailureReason, PluginKind
from jobproof.probes.export.sink import Sink
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.result import ProbeResult

__all__ = ["SinkThread"]

_LOG = logging.getLogger(__name__)
_MOST_RESULTS = 1_000
_MOST_BYTES = 16 * 1024 * 1024
_STUCK_S = 3.0


class SinkCounter(Protocol):
    """
    Counts what a sink didn't take, or couldn't write: `jobproof.probes.export.metrics.Metrics`.
    """

    def sink_dropped(self, sink: str, count: int = 1) -> None: ...

    def write_failed(self, store: str) -> None: ...


class SinkThread:
    """
    Hands results to a sink in their order, and lets go what it can't take in time.

    Args:
        most_results: How many may wait; `most_bytes` is what their bodies may take together.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        plugins: PluginCalls,
        counter: SinkCounter,
        *,
        most_results: int = _MOST_RESULTS,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self.name = name
        self._sink = sink
        self._plugins = plugins
        self._counter = counter
        self._most_results = most_results
        self._most_bytes = most_bytes
        self._waiting: deque[tuple[ProbeResult, int]] = deque()
        self._bytes = 0
        self._busy_since: float | None = None
        self._told_at: float | None = None
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"sink-{name}", daemon=True)
        self._thread.start()

    def write(self, result: ProbeResult) -> None:
        """
        Have it written; where too many wait already, it is let go and counted.
        """
        size = result.size_bytes
        with self._changed:
            full = len(self._waiting) >= self._most_results or (
                self._waiting and self._bytes + size > self._most_bytes
            )
            if not full and not self._closing:
                self._waiting.append((result, size))
                self._bytes += size
                self._changed.notify()
                return
        self._counter.sink_dropped(self.name)

    @property
    def stuck_s(self) -> float:
        """
        For how long it has been at one result, if that is too long; else 0.
        """
        since = self._busy_since
        spent_s = self._plugins.monotonic() - since if since is not None else 0.0
        return spent_s if spent_s >= _STUCK_S else 0.0

    def look(self) -> None:
        """
        Say so, and count it, if the sink hangs; called now and then.
        """
        if not self.stuck_s:
            return
        if self._told_at != self._busy_since:
            self._told_at = self._busy_since
            what = f"it hangs: no end of a write within {_STUCK_S:g} s; what comes now is dropped"
            self._plugins.failed(PluginKind.SINK, self.name, FailureReason.HUNG, what, of=self)

    def close(self, *, within_s: float) -> None:
        """
        Have written what waits, and the sink closed; what takes longer is let go.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(within_s)
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            self._counter.sink_dropped(self.name, left)
        if self._thread.is_alive():
            _LOG.warning("sink %s didn't end in time; %d results are dropped", self.name, left)

    def _run(self) -> None:
        while (result := self._next()) is not None:
            self._call(lambda result=result: self._sink.write(result))  # type: ignore[misc]
        self._call(self._sink.close)

    def _next(self) -> ProbeResult | None:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            if not self._waiting:
                return None
            result, size = self._waiting.popleft()
            self._bytes -= size
            return result

    def _call(self, step: Callable[[], object]) -> None:
        self._busy_since = self._plugins.monotonic()
        try:
            with self._plugins.calls.marked(f"sink {self.name}"):
                step()
        # Whatever ends processes, it is the sink's own doing, and this thread is its own.
        except BaseException as exc:  # noqa: BLE001 -- counted and said
            if isinstance(exc, OSError | JobproofError):
                self._counter.write_failed("sinks")
            what = f"it failed: {described(exc)}"
            self._plugins.failed(PluginKind.SINK, self.name, FailureReason.RAISED, what, of=self)
        else:
            for why in FailureReason:
                self._plugins.worked(PluginKind.SINK, self.name, why, of=self)
        finally:
            self._busy_since = None
