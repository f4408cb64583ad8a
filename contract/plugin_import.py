"""
Imports of code that isn't ours, which may never end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, TypeVar

from jobproof.contract.errors import PluginError

__all__ = ["ImportHungError", "import_limit_s", "imported"]

Value = TypeVar("Value")
_LIMIT_S = 30.0
_VARIABLE = "JOBPROOF_PLUGIN_IMPORT_TIMEOUT"
_GRACE_S = 5.0
_FAILED = 4


class ImportHungError(Exception):
    """
    An import that hadn't ended in time.
    """

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"its import hasn't ended after {limit_s:g} s; uninstall or mend it, "
            f"or allow more by {_VARIABLE}"
        )


def import_limit_s() -> float:
    """
    How long one import may take, in seconds.

    Raises:
        PluginError: The variable is set, and is no number of seconds.
    """
    said = os.environ.get(_VARIABLE, "")
    if not said:
        return _LIMIT_S
    try:
        limit_s = float(said)
    except ValueError:
        limit_s = 0.0
    if not 0 < limit_s <= threading.TIMEOUT_MAX:
        raise PluginError(f"{_VARIABLE} is {said[:40]!r}, and no number of seconds above 0")
    return limit_s


def imported(load: Callable[[], Value], name: str) -> Value:
    """
    What `load` returns, which runs somebody's import.

    In the main thread the import stays where it is: others may hold locks of modules that it
    needs, or it may want to be there. It is interrupted as a person would do it; where that
    doesn't help either, the process ends with 4 and a line on standard error.

    Args:
        name: Of what is imported, for that line.

    Raises:
        ImportHungError: It takes too long.
        PluginError: As with `import_limit_s`.
        BaseException: Whatever `load` raises.
    """
    limit_s = import_limit_s()
    if threading.current_thread() is not threading.main_thread():
        return _imported_aside(load, limit_s)
    limit = _Limit(limit_s, name)
    try:
        with limit:
            return load()
    except KeyboardInterrupt:
        if limit.is_over:
            raise ImportHungError(limit_s) from None
        raise  # a person's


class _Limit:
    """
    Interrupts the main thread once the time is over, and ends the process some time later.
    """

    def __init__(self, limit_s: float, name: str) -> None:
        self.is_over = False
        self._name = name
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._has_ended = threading.Event()
        self._usual: Any = None

    def __enter__(self) -> None:
        # Whoever has taken the signal for something else, or ignores it, would take ours as well.
        self._usual = signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._watch, name="import limit", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._has_ended.set()
        # The import may have set its own. None wasn't set by Python, and can't be by it again.
        if self._usual is not None and signal.getsignal(signal.SIGINT) == self._interrupt:
            signal.signal(signal.SIGINT, self._usual)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.is_over:
            raise KeyboardInterrupt
        if callable(self._usual):
            self._usual(number, frame)

    def _watch(self) -> None:
        if self._has_ended.wait(self._limit_s):
            return
        with self._lock:
            if self._has_ended.is_set():
                return
            self.is_over = True
            _interrupt()
        if not self._has_ended.wait(_GRACE_S):
            line = f"jobproof: {self._name}: {ImportHungError(self._limit_s)}\n"
            os.write(getattr(sys.__stderr__, "fileno", lambda: 2)(), line.encode())
            os._exit(_FAILED)


def _interrupt() -> None:
    # By itself a signal that another thread raises doesn't wake the main one out of a sleep.
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _imported_aside(load: Callable[[], Value], limit_s: float) -> Value:
    came: SimpleQueue[tuple[Value | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            came.put((load(), None))
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            came.put((None, error))

    threading.Thread(target=run, name="import", daemon=True).start()
    try:
        value, error = came.get(timeout=limit_s)
    except Empty:
        raise ImportHungError(limit_s) from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
