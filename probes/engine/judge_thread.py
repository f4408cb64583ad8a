"""
The thread that judges, off the timing path: what came back is queued here, judged in its
order, counted, and handed on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from jobproof.contract.formats.wording import described
from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.judging.limited_calls import FailureReason, PluginKind
from jobproof.probes.engine.judge_queue import Backlog, JudgeQueue
from jobproof.probes.engine.judging import JudgedResult, RawResult, unjudged
from jobproof.probes.engine.target_state import TargetState
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.result import SMALL_BYTES, held_bytes

__all__ = ["JudgeThread", "signal_once"]

_LOG = logging.getLogger(__name__)
_BATCH_S = 0.05


@dataclass(frozen=True, slots=True)
class _Unjudged:
    state: TargetState
    raw: RawResult
    on_result: Callable[[JudgedResult], None] | None = None


class JudgeThread:
    """
    Judges every result in one thread: those of a target in order, the targets in turn.

    Args:
        receive: Called with every judged probe, from that thread.
        plugins: Is told of checks that fail.
        queue: What waits for it.
    """

    def __init__(
        self,
        metrics: Metrics,
        receive: Callable[[JudgedResult], None],
        plugins: PluginCalls,
        queue: JudgeQueue[_Unjudged] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._metrics = metrics
        self._receive = receive
        self._plugins = plugins
        # A lock as a signal: see the schedule's in `prober`.
        self._flush = threading.Lock()
        self._flush.acquire()
        self._monotonic = monotonic or plugins.monotonic
        self._queue: JudgeQueue[_Unjudged] = queue or JudgeQueue(monotonic=self._monotonic)
        self._stopping = False
        self._given_up = False
        self._current: _Unjudged | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="judge", daemon=True)

    def start(self) -> None:
        """
        Begin to judge.
        """
        self._thread.start()

    def put(
        self,
        state: TargetState,
        raw: RawResult,
        on_result: Callable[[JudgedResult], None] | None = None,
    ) -> None:
        """
        Judge this in its turn; from any thread.

        Args:
            on_result: Gets the result, and nobody else does; it is in a hurry.
        """
        item = _Unjudged(state, raw, on_result)
        if not self._queue.put(state.target.name, item, SMALL_BYTES + held_bytes(raw.exchange)):
            # Its answer is let go, and the probe is counted all the same.
            why = "not judged: as much waits to be judged already as may"
            small = replace(item, raw=replace(raw, exchange=None, error=why))
            self._queue.put(state.target.name, small, SMALL_BYTES, must=True)
        if on_result is not None:
            signal_once(self._flush)

    def is_full(self, target: str) -> bool:
        """
        Whether so much of that target waits that nothing more should be asked.
        """
        return self._queue.is_full(target)

    def backlog(self) -> dict[str, Backlog]:
        """
        What waits, by target.
        """
        return self._queue.backlog()

    @property
    def is_alive(self) -> bool:
        """
        False once it has started and ended.
        """
        return self._thread.is_alive() or self._thread.ident is None

    @property
    def stuck_s(self) -> float:
        """
        For how long it has been at one answer.
        """
        since = self._busy_since
        return max(0.0, self._monotonic() - since) if since is not None else 0.0

    def stop(self, *, within_s: float) -> None:
        """
        Judge what is queued, in no batches any more, and end. What can't be judged in time is
        counted: it was asked.
        """
        self._stopping = True
        self._queue.end()
        signal_once(self._flush)
        if self._thread.ident is not None:
            self._thread.join(within_s)
        current, self._given_up = self._current, True
        left = [*([current] if current is not None else ()), *self._queue.drain()]
        for item in left:
            self._metrics.observe(unjudged(item.raw, "not judged: the daemon was ending").result)
        for target, count in Counter(item.state.target.name for item in left).items():
            _LOG.warning("target %s: %d answers are counted, and weren't judged", target, count)

    def _run(self) -> None:
        while (item := self._queue.take()) is not None and not self._given_up:
            self._busy_since, self._current = self._monotonic(), item
            began = time.thread_time()
            # Whatever a receiver raises, even what ends threads: the next result must not be
            # lost too.
            try:
                self._deliver(item)
            except BaseException as exc:  # noqa: BLE001 -- logged; the next one is judged
                _LOG.exception("a result of %s got lost on its way", item.state.target.name)
                # Neither counted yet, nor by `stop`, nor somebody's who counts it himself.
                if self._current is not None and item.on_result is None and not self._given_up:
                    why = f"judging failed: {described(exc)}"
                    self._metrics.observe(unjudged(item.raw, why).result)
            self._busy_since = self._current = None
            self._queue.charge(item.state.target.name, time.thread_time() - began)
            if self._queue.is_empty and not self._stopping:
                # Judged in batches: waking up for each one would cost the threads that
                # measure more than the few milliseconds that nobody waits for here.
                self._flush.acquire(timeout=_BATCH_S)

    def _deliver(self, item: _Unjudged) -> None:
        judged = item.state.judging(item.raw)
        if self._given_up:  # counted by `stop`, which didn't wait for it any longer
            return
        self._note_crashes(judged)
        if item.on_result is not None:
            item.on_result(judged)
            return
        self._metrics.observe(judged.result, judged.checks)
        self._current = None  # from here on it is counted
        item.state.on_result(judged)
        self._receive(judged)

    def _note_crashes(self, judged: JudgedResult) -> None:
        for finding in judged.result.findings:
            if finding.check == CRASHED:
                hung = finding.found == FailureReason.HUNG
                why = FailureReason.HUNG if hung else FailureReason.RAISED
                self._plugins.failed(PluginKind.CHECK, finding.pointer, why, finding.message)


def signal_once(wakeup: threading.Lock) -> None:
    """
    Wake up whoever waits to acquire `wakeup`.
    """
    with suppress(RuntimeError):  # it is released already: two signals are one
        wakeup.release()
