"""
Media types and ranges of them, as documents and headers write them (RFC 9110, 8.3 and 12.5.1).
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["specificity"]

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;]*)')


def specificity(pattern: str, media_type: str) -> int:
    """
    How closely `pattern`, a type or a range, fits `media_type`; 0 where it doesn't cover it.

    A parameter that only one of the two has, or that differs, doesn't keep them apart: a document
    says `charset=utf-8` and means JSON. It only makes a pattern that has the same one fit better.
    """
    (kind, ours), asked = _read(pattern), _plain(media_type)
    if kind == asked:
        theirs = _parameters(media_type) if ours else {}
        same = sum(1 for item in ours.items() if item in theirs.items())
        return 1000 + (100 + same if same == len(ours) else 0)
    if not asked and kind != "*/*":
        return 0
    main, _, sub = kind.partition("/")
    asked_main, _, asked_sub = asked.partition("/")
    if main == "*":
        return 1 if sub in ("*", "") else 0
    if main != asked_main or not sub.startswith("*"):
        return 0
    # `application/*+json`: every type of that suffix, and narrower than all of `application`.
    return 10 if sub == "*" else 100 if asked_sub.endswith(sub[1:]) else 0


@lru_cache(maxsize=256)
def _read(pattern: str) -> tuple[str, dict[str, str]]:
    # A document has few patterns, and each answer is compared with them.
    return _plain(pattern), _parameters(pattern)


def _plain(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _parameters(text: str) -> dict[str, str]:
    return {
        name.lower(): (value[1:-1] if value.startswith('"') else value).lower()
        for name, value in _PARAMETER.findall(text)
    }
