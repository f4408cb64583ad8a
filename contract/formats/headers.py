"""
Header fields as name and value pairs, looked up by name in any letter case (RFC 9110 5.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from sys import intern

__all__ = [
    "HeaderPairs",
    "first_pairs",
    "first_values",
    "header_names",
    "header_value",
    "header_values",
    "named_pairs",
    "repeated_names",
    "without_headers",
]

HeaderPairs = tuple[tuple[str, str], ...]
"""In the order in which they are sent; a name may stand there more than once."""


def header_value(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """
    The first value under `name`, or None.
    """
    key = name.lower()
    for sent, value in headers:
        if sent.lower() == key:
            return value
    return None


def first_values(headers: HeaderPairs) -> dict[str, str]:
    """
    The first value under each name, the names in lower case.
    """
    # A monitor keeps thousands of answers, all with the same few names.
    return {intern(sent.lower()): value for sent, value in reversed(headers)}


def first_pairs(headers: Iterable[tuple[str, str]]) -> HeaderPairs:
    """
    The first pair under each name as it stands there, in order.
    """
    found: dict[str, tuple[str, str]] = {}
    for sent, value in headers:
        found.setdefault(sent.lower(), (sent, value))
    return tuple(found.values())


def header_values(headers: Iterable[tuple[str, str]], name: str) -> tuple[str, ...]:
    """
    All values under `name`, in order.
    """
    key = name.lower()
    return tuple(value for sent, value in headers if sent.lower() == key)


def named_pairs(headers: Iterable[tuple[str, str]], name: str) -> HeaderPairs:
    """
    The pairs under `name` as they were sent, in order.
    """
    key = name.lower()
    return tuple((sent, value) for sent, value in headers if sent.lower() == key)


def header_names(headers: Iterable[tuple[str, str]]) -> frozenset[str]:
    """
    All names, in lower case.
    """
    return frozenset(sent.lower() for sent, _ in headers)


def repeated_names(headers: Iterable[tuple[str, str]]) -> frozenset[str]:
    """
    The names that stand there more than once, in lower case.
    """
    sent = Counter(name.lower() for name, _ in headers)
    return frozenset(name for name, count in sent.items() if count > 1)


def without_headers(headers: Iterable[tuple[str, str]], *names: str) -> HeaderPairs:
    """
    The pairs under none of these names.
    """
    keys = {name.lower() for name in names}
    return tuple(pair for pair in headers if pair[0].lower() not in keys)
