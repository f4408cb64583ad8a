"""
Points in time as somebody writes them: two that differ may be one, written with other precision.
"""

from __future__ import annotations

import re

from jobproof.contract.formats.json_value import Json

__all__ = ["is_same_moment", "precision_of"]

_FRACTION = re.compile(r"[.,]([0-9]{1,30})")
# Databases round to some milliseconds; a dropped or rounded fraction makes up to a second.
_FINE_S = 0.01
_COARSE_S = 1.0
_MILLISECONDS = 3


def precision_of(*texts: Json) -> float:
    """
    In seconds, up to which times written like these may differ and be the same.
    """
    return _FINE_S if all(_digits(text) >= _MILLISECONDS for text in texts) else _COARSE_S


def is_same_moment(text: Json, moment: float, other_text: Json, other: float) -> bool:
    """
    Whether two written times, `moment` and `other` in Unix seconds, may be one.
    """
    return abs(moment - other) < precision_of(text, other_text)


def _digits(text: Json) -> int:
    # Zeros at the end are no digits: a database without fractions writes .000 for them.
    found = _FRACTION.search(text) if isinstance(text, str) else None
    return len(found.group(1).rstrip("0")) if found else 0
