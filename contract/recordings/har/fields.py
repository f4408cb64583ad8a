"""
What stands in a HAR entry, asked for its type first: null stands where an object should, too.
"""

from __future__ import annotations

from math import isfinite

from jobproof.contract.formats.digits import read_decimal
from jobproof.contract.formats.headers import HeaderPairs, header_value
from jobproof.contract.formats.json_value import Json, JsonDocument

__all__ = ["declared_length", "header_pairs", "member", "number", "text"]

_LARGEST = 1e12


def member(of: Json, name: str) -> JsonDocument:
    """
    The object under `name`; an empty one where there is none.
    """
    found = of.get(name) if isinstance(of, dict) else None
    return found if isinstance(found, dict) else {}


def text(value: Json) -> str:
    """
    The text, without halves of signs that nothing can write; "" where it is none.
    """
    if not isinstance(value, str) or value.isascii():
        return value if isinstance(value, str) else ""
    return value.encode("utf-8", "replace").decode("utf-8")


def number(value: Json) -> float | None:
    """
    The number, also one that is written as text; None where nobody counts with it.
    """
    if isinstance(value, str):
        value = read_decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # An integer beyond any double is compared without being turned into one.
    return float(value) if -_LARGEST < value < _LARGEST and isfinite(value) else None


def header_pairs(headers: Json) -> tuple[HeaderPairs, bool]:
    """
    Name and value pairs without those of HTTP/2's own, and whether all could be read.
    """
    found: list[tuple[str, str]] = []
    is_whole = True
    for name, value in _named(headers):
        if not isinstance(name, str) or not name or isinstance(value, bool | dict):
            is_whole = False
        elif not name.startswith(":"):
            values = value if isinstance(value, list) else [value]
            lines = [line for one in values for line in _lines(one)]
            is_whole = is_whole and bool(lines)
            found += ((text(name), line) for line in lines)
    return tuple(found), is_whole


def declared_length(headers: HeaderPairs) -> float | None:
    """
    What `Content-Length` says.
    """
    return number(header_value(headers, "content-length"))


def _named(headers: Json) -> list[tuple[Json, Json]]:
    if isinstance(headers, dict):
        return list(headers.items())
    if not isinstance(headers, list):
        return []
    return [
        (one.get("name"), one.get("value")) if isinstance(one, dict) else (None, None)
        for one in headers
    ]


def _lines(value: Json) -> list[str]:
    """
    A recorder's value of several lines is a header that was sent several times.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)] if number(value) is not None else []
    if not isinstance(value, str):
        return []
    return [line.strip() for line in text(value).splitlines() if line.strip()] or [""]
