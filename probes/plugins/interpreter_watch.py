"""
Has another process watch this one, which can't help itself where one thread lets no other run.
"""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import mmap
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

from jobproof.contract.formats.wording import legible
from jobproof.probes.plugins import held_interpreter
from jobproof.probes.plugins.held_interpreter import BEAT_BYTES, PAGE_BYTES, SLOT_BYTES, SLOTS

__all__ = ["InterpreterWatch"]

_LOG = logging.getLogger(__name__)
_LIMIT_S = 10.0
_BEAT_S = 0.25
# By whose number the process ends: libc's own `_exit` is the handler, since no handler in Python
# would run, and it is handed the number of the signal. 4 is what the exit code is to be.
_END = 4


class InterpreterWatch:
    """
    While it is entered, the process ends with 4 and a line in its log if no thread gets a turn.

    It is told what is being called, so that the line can name it. Where no other process can be
    started it does nothing but say so.

    Args:
        limit_s: How long nothing else may run.
        style: `text` or `json`, as the log is.
    """

    def __init__(self, *, limit_s: float = _LIMIT_S, style: str = "text") -> None:
        self._limit_s = limit_s
        self._style = style
        self._lock = threading.Lock()
        self._free = list(range(SLOTS))
        self._done = threading.Event()
        self._beat = 0
        with TemporaryFile() as file:
            file.truncate(PAGE_BYTES)
            self._page = mmap.mmap(file.fileno(), PAGE_BYTES)
            self._file = os.dup(file.fileno())
        self._watcher: subprocess.Popen[bytes] | None = None
        self._beating = threading.Thread(target=self._keep_beating, name="beat", daemon=True)

    def __enter__(self) -> Self:
        if not hasattr(signal, "SIGUSR1"):
            return self
        try:
            faulthandler.register(signal.SIGUSR1, file=sys.__stderr__ or 2, all_threads=True)
            libc = ctypes.CDLL(None)
            # Given as it is, and not through Python, which would have to get its turn first.
            libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
            libc.signal.restype = ctypes.c_void_p
            libc.signal(_END, ctypes.cast(libc._exit, ctypes.c_void_p))
            command = [sys.executable, "-P", "-I", "-S", str(Path(held_interpreter.__file__))]
            numbers = (os.getpid(), int(signal.SIGUSR1), _END, self._limit_s)
            self._watcher = subprocess.Popen(  # noqa: S603 -- ourselves
                [*command, *map(str, numbers), self._style],
                stdin=subprocess.PIPE,
                stdout=self._file,
                # What ends the daemon at a terminal isn't meant for it.
                start_new_session=True,
            )
        except (OSError, AttributeError, ValueError) as exc:
            _LOG.warning("nobody watches whether the interpreter is held: %s", exc)
            return self
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._watcher is not None and self._watcher.stdin is not None:
            self._beating.join(1.0)
            with suppress(OSError):
                self._watcher.stdin.close()
            try:
                self._watcher.wait(2.0)
            except subprocess.TimeoutExpired:
                self._watcher.kill()
                self._watcher.wait()
        os.close(self._file)

    def enter(self, label: str) -> int:
        """
        Write down what is going to be called.

        Returns:
            A number, for `leave`.
        """
        with self._lock:
            if not self._free:
                return -1
            number = self._free.pop()
        at = BEAT_BYTES + number * SLOT_BYTES
        # Whoever reads it writes it to the log as it is: nothing of ours runs any more by then.
        shown = legible(label).encode()[: SLOT_BYTES - 1]
        self._page[at : at + SLOT_BYTES] = shown.ljust(SLOT_BYTES, b"\0")
        return number

    def leave(self, number: int) -> None:
        """
        It has come back.
        """
        if number < 0:
            return
        self._page[BEAT_BYTES + number * SLOT_BYTES] = 0
        with self._lock:
            self._free.append(number)

    def _keep_beating(self) -> None:
        while not self._done.wait(_BEAT_S):
            self._beat += 1
            self._page[:BEAT_BYTES] = self._beat.to_bytes(BEAT_BYTES, "little")
