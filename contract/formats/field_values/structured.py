"""
Values that have parts of their own: challenges, links, orders to caches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.formats.digits import is_digits
from jobproof.contract.formats.field_values.grammar import PARAMETER, QUOTED, TOKEN, list_items

__all__ = ["Challenge", "read_challenges", "read_links", "wrong_directive"]

_PARAMETER = re.compile(PARAMETER)
_CHALLENGE = re.compile(rf"(?P<scheme>{TOKEN})(?: ++(?P<rest>.++))?+", re.DOTALL)
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]++=*+")
_TARGET = re.compile(r"[ \t,]*+<(?P<target>[^<>\x00-\x20\x22\x7f]*+)>")
_LINK_PARAMETER = re.compile(
    rf"[ \t]*+;[ \t]*+(?:(?P<name>{TOKEN})(?:[ \t]*+=[ \t]*+(?:{TOKEN}|{QUOTED}))?+)?+"
)
_NO_MORE = re.compile(r"[ \t,]*+\Z")
_LINK_END = re.compile(r"[ \t]*+(?:,|\Z)")
_DIRECTIVE = re.compile(rf"(?P<name>{TOKEN})(?:=(?P<argument>{TOKEN}|{QUOTED}))?+")
_PLAIN = r"(?:(?:s-maxage|max-age)=[0-9]++|(?!s-maxage|max-age|stale-)[a-z-]++)"
_PLAIN_DIRECTIVES = re.compile(rf"{_PLAIN}(?:, ?{_PLAIN})*+")
# RFC 9111 5.2.2 and RFC 5861: these count seconds, and count them without quotes.
_COUNTS = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})


@dataclass(frozen=True, slots=True)
class Challenge:
    """
    Attributes:
        scheme: In lower case.
        parameters: Their names in lower case; values as they stand.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_challenges(value: str) -> list[Challenge] | None:
    """
    The challenges of one `WWW-Authenticate`; None where it isn't made of such (RFC 9110 11.6.1).
    """
    found: list[tuple[str, dict[str, str]]] = []
    for item in list_items(value) or ():
        if _PARAMETER.fullmatch(item):
            # A comma stands between challenges as well as between the parts of one.
            if not found:
                return None
            if not _add(found[-1][1], item):
                return None
            continue
        challenge = _CHALLENGE.fullmatch(item)
        if challenge is None:
            return None
        rest = (challenge["rest"] or "").strip(" \t")
        found.append((challenge["scheme"].lower(), {}))
        if _PARAMETER.fullmatch(rest):
            _add(found[-1][1], rest)
        elif rest and not _TOKEN68.fullmatch(rest):
            return None
    return [Challenge(*one) for one in found] or None


def read_links(value: str) -> list[tuple[str, frozenset[str]]] | None:
    """
    Target and names of parameters of each link in a `Link`; None where it isn't made of such
    (RFC 8288 3).
    """
    found = []
    at = 0
    while not _NO_MORE.match(value, at):
        target = _TARGET.match(value, at)
        if target is None:
            return None
        at, names = target.end(), set()
        while (parameter := _LINK_PARAMETER.match(value, at)) is not None:
            at = parameter.end()
            names.add((parameter["name"] or "").lower())
        end = _LINK_END.match(value, at)
        if end is None:
            return None
        at = end.end()
        found.append((target["target"], frozenset(names)))
    return found


def wrong_directive(value: str) -> str | None:
    """
    The first part of a `Cache-Control` that is no directive, or counts seconds and isn't a number
    of them (RFC 9111 5.2); None where all are right.
    """
    if _PLAIN_DIRECTIVES.fullmatch(value) is not None:
        return None  # nearly all are, and this is quick
    items = list_items(value)
    if items is None:
        return value
    for item in items:
        directive = _DIRECTIVE.fullmatch(item)
        if directive is None:
            return item
        if directive["name"].lower() in _COUNTS and not is_digits(directive["argument"] or ""):
            return item
    return None


def _add(parameters: dict[str, str], text: str) -> bool:
    """
    Whether it isn't there yet: each stands once in a challenge (RFC 9110 11.2).
    """
    name, _, value = text.partition("=")
    key = name.strip(" \t").lower()
    is_new = key not in parameters
    parameters[key] = value.strip(" \t")
    return is_new
