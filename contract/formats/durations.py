"""
Durations as Prometheus writes them: 250ms, 30s, 5m, 1h30m.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

from jobproof.contract.formats.wording import shorten

__all__ = ["Duration", "parse_duration", "write_duration"]

_UNITS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_REMEDY = "write 250ms, 30s, 5m or 1h30m"
_LONGEST_S = 2**63 / 1e9
_PATTERN = re.compile(
    # Prometheus holds nanoseconds in an int64, so that no number of its has more digits.
    "".join(f"(?:([0-9]{{1,13}}){unit})?" for unit in _UNITS)
)


def parse_duration(text: str) -> float:
    """
    Seconds in `text`.

    Raises:
        ValueError: It isn't a Prometheus duration, largest unit first.
    """
    match = _PATTERN.fullmatch(text)
    # Each unit may be left out, so the pattern fits the empty text as well.
    if not text or match is None:
        raise ValueError(f"{shorten(repr(text), 60)} is no duration: {_REMEDY}")
    return float(
        sum(
            int(number) * size
            for number, size in zip(match.groups(), _UNITS.values(), strict=True)
            if number
        )
    )


def write_duration(seconds: float) -> str:
    """
    The shortest Prometheus duration of `seconds`, to the millisecond.
    """
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    text = ""
    for unit, size in _UNITS.items():
        if unit in "yw":
            continue
        count, left = divmod(left, round(size * 1000))
        text += f"{count}{unit}" if count else ""
    return text


def _duration(value: object) -> object:
    shown = shorten(repr(value), 60)
    if not isinstance(value, str | float):
        raise ValueError(f"{shown} has no unit: {_REMEDY}")
    # A number is a default in code, already in seconds.
    seconds = parse_duration(value) if isinstance(value, str) else value
    # A comparison with NaN is false, so this refuses it, too.
    if 0 <= seconds <= _LONGEST_S:
        return seconds
    if seconds > _LONGEST_S and math.isfinite(seconds):
        raise ValueError(f"{shown} is longer than the 292 years that a clock counts: {_REMEDY}")
    raise ValueError(f"{shown} is no duration: {_REMEDY}")


Duration = Annotated[float, BeforeValidator(_duration)]
"""Seconds, written as a Prometheus duration."""
