"""
Which spellings of an id in a path name the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from urllib.parse import unquote
from uuid import UUID

__all__ = ["Spelling", "spelling_of"]

_FORMAT_SUFFIX = re.compile(r"\.[A-Za-z]{2,5}$")


class Spelling(StrEnum):
    """
    How an id that was asked for and one that was found belong together.
    """

    EQUAL = "equal"
    """By a standard (RFC 3986 6.2.2), or in the eyes of most routers: dots, slashes, encoding."""
    LENIENT = "lenient"
    """For a reader that takes more than it has to."""
    OTHER = "other"
    """They are two ids."""


def spelling_of(asked: str, found: str, *, as_sent: bool) -> Spelling:
    """
    What `asked` is to `found`.

    Args:
        as_sent: `asked` stood in the URL as it is, and wasn't percent-encoded for it.
    """
    if asked == found or (as_sent and _tidied(unquote(asked)) == found):
        return Spelling.EQUAL
    return Spelling.LENIENT if found in _readings(asked, found) else Spelling.OTHER


def _tidied(path: str) -> str:
    """
    `path` without dot segments and empty ones.
    """
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/".join(kept)


def _readings(asked: str, found: str) -> Iterator[str]:
    yield asked.strip()
    yield _FORMAT_SUFFIX.sub("", asked)  # as Rails reads it
    yield asked.partition(";")[0]  # matrix parameters, as Spring reads them
    yield _tidied(unquote(asked))
    yield asked.rpartition(",")[2]  # of a list, which may be looked at no farther than its head
    if asked.lower() == found.lower():
        yield found
    with suppress(ValueError):
        if UUID(asked) == UUID(found):
            yield found
    with suppress(ValueError):
        # A long number takes time that grows with its square, and none has more digits.
        if len(asked) <= 64 and int(asked) == int(found):
            yield found
