"""
What the signals SIGINT and SIGTERM mean while somebody waits for a run.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

__all__ = ["SignalWatch", "terminating_as_interruption"]

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class _Terminated(KeyboardInterrupt):
    """
    Ends pytest as Ctrl-C does.
    """

    signal = "SIGTERM"


@contextmanager
def terminating_as_interruption(when: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """
    Until it is left, SIGTERM ends what the main thread does as Ctrl-C would.

    Args:
        when: False where SIGTERM is to mean what it meant before.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        if when():
            raise _Terminated
        signal.signal(number, before or signal.SIG_DFL)
        os.kill(os.getpid(), number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


class SignalWatch:
    """
    Notes a signal, so that who waits can end in order; a second one ends the process at once.

    Elsewhere than in the main thread it leaves signals alone, and so it does with one that is
    ignored.

    Attributes:
        received: The name of the signal that came first, such as SIGINT.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _WATCHED:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            # None: it wasn't set from Python, and can't be put back.
            signal.signal(number, handler or signal.SIG_DFL)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        # Takes no lock: whoever it interrupts may hold it.
        if self.received is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received = signal.Signals(number).name
