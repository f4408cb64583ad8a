"""
What is said while a run goes on: a line in place on a terminal, a line a minute in a pipe.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TextIO

from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.suite.planning.forecast import Forecast, in_time

__all__ = ["Progress"]

_EVERY_S = 60.0
"""In a pipe."""
_REDRAWN_S = 0.1
_LONG_WAIT_S = 30.0
"""A wait that a reader of a log should be told of at once."""
_ENOUGH = 5
"""So many requests have to be sent before their pace says when the others will be."""
_LONGEST_NOTICE = 120
_WIPE = "\r\x1b[K"


class Progress:
    """
    Tells how far a run has come; safe for several threads. A stream that can't be written to
    any more is left alone: a run doesn't end because nobody listens.

    Args:
        stream: Standard error, past whatever captures it; None for silence.
        findings: How many findings break the contract so far.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self,
        stream: TextIO | None,
        forecast: Forecast,
        *,
        findings: Callable[[], int] = lambda: 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.findings = findings
        self._stream = stream
        self._forecast = forecast
        self._monotonic = monotonic
        self._in_place = stream is not None and stream.isatty()
        self._columns = _columns_of(stream) - 1
        self._lock = threading.Lock()
        self._began = self._said_at = monotonic()
        self._sent = 0
        self._notice = self._waiting = ""
        self._is_drawn = False
        self._is_over = False

    def say(self, line: str) -> None:
        """
        Write a line that stays.
        """
        with self._lock:
            self._wipe()
            self._write(f"{line}\n")

    def __call__(self, sent: int) -> None:
        """
        So many requests were sent, and the latest of them is judged.
        """
        self._sent = max(self._sent, sent)
        self._waiting = ""
        self._show(_REDRAWN_S if self._in_place else _EVERY_S)
        # Whoever is still at it says so again.
        self._notice = ""

    def notice(self, text: str, wait_s: float = 0.0) -> None:
        """
        Say what the run is at, until the next answer.

        Args:
            wait_s: For how long nothing is sent; 0 where something is.
        """
        clean = legible(shorten(text, _LONGEST_NOTICE))
        if wait_s:
            self._waiting = f"waiting {in_time(wait_s)}: {clean}"
        else:
            self._notice = clean
        is_news = self._in_place or wait_s >= _LONG_WAIT_S
        self._show(0.0 if is_news else _EVERY_S)

    def pause(self) -> None:
        """
        Wipe the line until there is more to say.
        """
        with self._lock:
            self._wipe()

    def close(self) -> None:
        """
        Wipe the line; nothing is said any more.
        """
        with self._lock:
            self._is_over = True
            self._wipe()

    def _show(self, after_s: float) -> None:
        if self._stream is None:
            return
        with self._lock:
            now = self._monotonic()
            if self._is_over or now - self._said_at < after_s:
                return
            self._said_at = now
        # Not under the lock: whoever counts the findings may hold one of its own.
        self._draw(self._line(now, self.findings()))

    def _draw(self, line: str) -> None:
        with self._lock:
            if self._is_over:
                return
            if self._in_place:
                self._is_drawn = True
                self._write(f"{_WIPE}{shorten(line, self._columns)}")
            else:
                self._write(f"jobproof: {line}\n")

    def _line(self, now: float, found: int) -> str:
        sent, expected = self._sent, self._forecast.requests
        findings = "1 finding" if found == 1 else f"{found} findings"
        about = f" of about {expected}" if sent < expected else ""
        parts = [f"{sent}{about} requests", findings]
        left_s = self._left_s(now)
        if left_s is not None:
            parts.append(f"{in_time(left_s)} left")
        parts += [said for said in (self._waiting, self._notice) if said]
        return ", ".join(parts)

    def _left_s(self, now: float) -> float | None:
        """
        Seconds until the rest is sent; None where nothing tells.
        """
        rest = self._forecast.requests - self._sent
        if rest <= 0:
            return None
        rate = self._forecast.rate_per_minute
        if rate is not None:
            # What was waited for beside, such as a job that runs, needn't come again.
            return rest * 60.0 / rate
        return (now - self._began) / self._sent * rest if self._sent >= _ENOUGH else None

    def _wipe(self) -> None:
        if self._is_drawn:
            self._is_drawn = False
            self._write(_WIPE)

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None


def _columns_of(stream: TextIO | None) -> int:
    """
    How wide the terminal is: a longer line would take a second one, which nobody wipes.
    """
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream is not None else 80
    except (OSError, ValueError):
        return 80
