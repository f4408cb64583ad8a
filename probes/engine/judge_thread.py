"""
The thread that judges, off the timing path: what came back is queued here, judged in its
order, counted, and handed on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress

from jobproof.probes.engine.judging import JudgedResult, RawResult
from jobproof.probes.engine.target_state import TargetState
from jobproof.probes.export.metrics import Metrics

__all__ = ["JudgeThread", "signal_once"]

_LOG = logging.getLogger(__name__)
# Judging that can't keep up must show as missed slots, not as a process that grows.
_MOST_UNJUDGED = 10_000
_BATCH_S = 0.05
_Unjudged = tuple[TargetState, RawResult, Callable[[JudgedResult], None] | None]


class JudgeThread:
    """
    Judges every result in one thread, in order.

    Args:
        receive: Called with every judged probe, from that thread.
    """

    def __init__(self, metrics: Metrics, receive: Callable[[JudgedResult], None]) -> None:
        self._metrics = metrics
        self._receive = receive
        # A lock as a signal: see the schedule's in `prober`.
        self._flush = threading.Lock()
        self._flush.acquire()
        self._unjudged: queue.SimpleQueue[_Unjudged | None] = queue.SimpleQueue()
        self._stopping = False
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
        self._unjudged.put((state, raw, on_result))
        if on_result is not None:
            signal_once(self._flush)

    @property
    def is_full(self) -> bool:
        """
        Whether so much waits that nothing more should be asked.
        """
        return self._unjudged.qsize() > _MOST_UNJUDGED

    def stop(self, *, within_s: float) -> None:
        """
        Judge what is queued, in no batches any more, and end.
        """
        self._stopping = True
        self._unjudged.put(None)
        signal_once(self._flush)
        self._thread.join(within_s)

    def _run(self) -> None:
        while (item := self._unjudged.get()) is not None:
            self._deliver(item)
            if self._unjudged.empty() and not self._stopping:
                # Judged in batches: waking up for each one would cost the threads that
                # measure more than the few milliseconds that nobody waits for here.
                self._flush.acquire(timeout=_BATCH_S)

    def _deliver(self, item: _Unjudged) -> None:
        state, raw, on_result = item
        judged = state.judging(raw)
        try:
            if on_result is not None:
                on_result(judged)
                return
            self._metrics.observe(judged.result)
            state.on_result(judged)
            self._receive(judged)
        except Exception:  # noqa: BLE001 -- logged; the next result must not be lost too
            _LOG.exception("a result of target %s got lost on its way", state.target.name)


def signal_once(wakeup: threading.Lock) -> None:
    """
    Wake up whoever waits to acquire `wakeup`.
    """
    with suppress(RuntimeError):  # it is released already: two signals are one
        wakeup.release()
