"""
One run for all workers of pytest-xdist: a folder in which they agree on who makes it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from signal import SIGINT

from jobproof.contract.errors import JobproofError
from jobproof.contract.formats.text_file import read_text, write_text
from jobproof.contract.suite.session.told import Told

__all__ = ["PROCESS_DIED", "SharedRun"]

PROCESS_DIED = "the process that made the run has died"

_LOOK_S = 0.05
_PATIENCE_S = 3.0
"""How long a run that is interrupted from outside may take to tell of itself."""


class SharedRun:
    """
    Whoever claims the run first makes it; the others wait until it is told. A lock that ends with
    its process stands for "is being made", so nobody waits for the dead, and nobody begins anew.

    Args:
        folder: One that nobody else may read.
    """

    def __init__(self, folder: Path) -> None:
        self._begun = folder / "begun"
        self._place = folder / "told.json"
        self._lock = folder / "lock"
        self._held: int | None = None

    @property
    def has_begun(self) -> bool:
        """
        Whether somebody makes the run, or has made it.
        """
        return self._begun.exists()

    def claim(self) -> bool:
        """
        Wait until nobody is making the run; whether it is this process's to make.
        """
        held = self._take(fcntl.LOCK_EX)
        if held is None or self.has_begun:
            self._release(held)
            return False
        write_text(str(os.getpid()), self._begun, JobproofError)
        self._held = held
        return True

    def publish(self, told: Told) -> None:
        """
        Let the others know, if the run was this process's to make; those that wait go on.
        """
        if self._held is None:
            return
        write_text(json.dumps(told.as_json()), self._place, JobproofError)
        self._release(self._held)
        self._held = None

    def told(self) -> Told | None:
        """
        What the run has come to, if it has been told.
        """
        if not self._place.exists():
            return None
        return Told.from_json(json.loads(read_text(self._place, JobproofError)))

    def end(self, signal: int = SIGINT) -> bool:
        """
        Have a run that is under way interrupted, and wait for it; whether one was ever begun.
        """
        if self._place.exists() or not self.has_begun:
            return self.has_begun
        held = self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        if held is None:
            os.kill(int(read_text(self._begun, JobproofError)), signal)
        until = time.monotonic() + _PATIENCE_S
        while held is None and time.monotonic() < until:
            time.sleep(_LOOK_S)
            held = self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._release(held)
        return True

    def _take(self, how: int) -> int | None:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _release(self, descriptor: int | None) -> None:
        if descriptor is not None:
            os.close(descriptor)
