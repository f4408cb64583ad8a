"""
Durations as Prometheus writes them: 250ms, 30s, 5m, 1h30m.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["Duration", "parse_duration", "write_duration"]

_UNITS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
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
        raise ValueError(f"{text!r} is no duration: write 250ms, 30s, 5m or 1h30m")
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
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, float):  # a default in code, already in seconds
        return value
    raise ValueError(f"{value!r} has no unit: write 250ms, 30s, 5m or 1h30m")


Duration = Annotated[float, BeforeValidator(_duration)]
"""Seconds, written as a Prometheus duration."""
