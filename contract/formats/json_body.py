"""
Bytes read as JSON, strictly, with every oddity named instead of forgiven.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.formats.wording import shorten

__all__ = ["Flaw", "JsonBody", "is_json_type", "read_body"]

# Up to here a double holds every integer, so readers agree on it (RFC 8259 6).
_LARGEST_EXACT = 2**53
_MOST_LEVELS = 100
"""RFC 8259 9 lets a reader set a limit; whoever walks a body may count on this one."""
_MOST_CONTAINERS = 50_000
_MOST_ALIKE = 10
_WORD = re.compile(r"[\w.~+/=-]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Flaw(StrEnum):
    """
    What two JSON readers may disagree about.
    """

    NOT_UTF8 = "not_utf8"
    BYTE_ORDER_MARK = "byte_order_mark"
    NOT_JSON = "not_json"
    DUPLICATE_KEY = "duplicate_key"
    NOT_FINITE = "not_finite"
    INEXACT_NUMBER = "inexact_number"
    LONE_SURROGATE = "lone_surrogate"


@dataclass(frozen=True, slots=True)
class JsonBody:
    """
    A body as a JSON value.

    Attributes:
        value: The value, read as far as it can be; None where `readable` is False.
        readable: Whether a JSON reader got a value out of it at all.
        flaws: What is odd, and one line on each.
    """

    value: Json
    readable: bool
    flaws: tuple[tuple[Flaw, str], ...] = ()

    @property
    def whole_value(self) -> Json:
        """
        The value with a sign in place of each half of a character, which no validator can take.
        """
        if self.flaw(Flaw.LONE_SURROGATE) is None:
            return self.value
        text = json.dumps(self.value, ensure_ascii=False)
        return cast("Json", json.loads(_SURROGATE.sub("\ufffd", text)))

    def flaw(self, kind: Flaw) -> str | None:
        """
        The line on this flaw, or None where the body hasn't got it.
        """
        for flaw, detail in self.flaws:
            if flaw is kind:
                return detail
        return None


def is_json_type(media_type: str) -> bool:
    """
    Whether a body of this type, in lower case and without parameters, is one JSON value:
    NDJSON and JSON text sequences are several.
    """
    # RFC 8259 11, RFC 6839 3.1; `text/json` was never registered, and frameworks write it.
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def read_body(data: bytes) -> JsonBody:
    """
    Read `data` as one JSON text; never raises.
    """
    flaws: list[tuple[Flaw, str]] = []
    text = _decode(data, flaws)
    if text is None:
        return JsonBody(None, False, tuple(flaws))
    # Nearly every body is plain, and one reader serves for all of these.
    if not flaws and "\\u" not in text and text.count("[") + text.count("{") <= _MOST_LEVELS:
        plain = _read_plain(text)
        if plain is not None:
            return plain
    # No brackets in texts are as many as that; and a body of so many parts takes seconds to read.
    if text.count("[") + text.count("{") > _MOST_CONTAINERS:
        flaws.append((Flaw.NOT_JSON, f"more than {_MOST_CONTAINERS:,} lists and objects"))
        return JsonBody(None, False, tuple(flaws))
    collector = _FlawCollector(flaws)
    try:
        value = json.loads(
            text,
            object_pairs_hook=collector.pairs,
            parse_constant=collector.constant,
            parse_int=collector.integer,
            parse_float=collector.float,
        )
    except RecursionError:
        flaws.append((Flaw.NOT_JSON, "nested too deep to read"))
        return JsonBody(None, False, tuple(flaws))
    except ValueError as exc:
        flaws.append((Flaw.NOT_JSON, _explain(exc, text)))
        return JsonBody(None, False, tuple(flaws))
    # Counting brackets is cheap; only a body with enough of them is walked.
    if text.count("[") + text.count("{") > _MOST_LEVELS and _depth(value) > _MOST_LEVELS:
        flaws.append((Flaw.NOT_JSON, f"nested deeper than {_MOST_LEVELS} levels"))
        return JsonBody(None, False, tuple(flaws))
    # UTF-8 can't encode half a pair, so only an escape can bring one.
    if "\\u" in text and (found := _SURROGATE.search(json.dumps(value, ensure_ascii=False))):
        flaws.append((Flaw.LONE_SURROGATE, f"half a character: {found.group()!a}"))
    return JsonBody(value, True, tuple(flaws))


class _FlawCollector:
    """
    Hooks of one reading; the flaws go into the list given.
    """

    __slots__ = ("_counts", "_flaws")

    def __init__(self, flaws: list[tuple[Flaw, str]]) -> None:
        self._flaws = flaws
        self._counts: Counter[Flaw] = Counter()

    def _add(self, flaw: Flaw, detail: str) -> None:
        # A few of a sort tell what is wrong; whoever wants one looks through all of them.
        self._counts[flaw] += 1
        if self._counts[flaw] <= _MOST_ALIKE:
            self._flaws.append((flaw, detail))

    def pairs(self, pairs: list[tuple[str, Json]]) -> JsonObject:
        # As with most readers, the last of two equal keys counts.
        out = dict(pairs)
        if len(out) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    self._add(Flaw.DUPLICATE_KEY, f"key {shorten(key, 100)!r} stands there twice")
                seen.add(key)
        return out

    def constant(self, word: str) -> float:
        self._add(Flaw.NOT_FINITE, f"{word} is no JSON number")
        return _bounded(float(word.replace("Infinity", "inf")))

    def integer(self, digits: str) -> int | float:
        # int() of thousands of digits is slow on purpose; nobody means such a number.
        if len(digits) > 400:
            self._add(Flaw.INEXACT_NUMBER, f"an integer of {len(digits)} digits")
            return _bounded(-math.inf if digits.startswith("-") else math.inf)
        value = int(digits)
        if not -_LARGEST_EXACT <= value <= _LARGEST_EXACT:
            self._add(Flaw.INEXACT_NUMBER, f"{digits} is beyond 2^53")
        return value

    def float(self, digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            self._add(Flaw.INEXACT_NUMBER, f"{digits} overflows a double")
        return _bounded(value)


def _plain_pairs(pairs: list[tuple[str, Json]]) -> JsonObject:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key stands there twice")
    return out


def _plain_integer(digits: str) -> int:
    # As many digits as 2^53 has, of which fewer are always exact.
    if len(digits) > len(str(_LARGEST_EXACT)) or abs(int(digits)) > _LARGEST_EXACT:
        raise ValueError("an integer beyond 2^53")
    return int(digits)


def _plain_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number beyond any double")
    return value


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


# Gives up at the first flaw, so it has no state, and is made once.
_PLAIN_READER = json.JSONDecoder(
    object_pairs_hook=_plain_pairs,
    parse_constant=_no_constant,
    parse_int=_plain_integer,
    parse_float=_plain_float,
)


def _read_plain(text: str) -> JsonBody | None:
    """
    A body without any flaw; None of one that has some.
    """
    try:
        return JsonBody(_PLAIN_READER.decode(text), True)
    except ValueError:
        return None


def _bounded(value: float) -> float:
    # Infinity is no JSON: whoever validates or reports it would take it for null.
    return math.copysign(sys.float_info.max, value) if math.isinf(value) else value


def _decode(data: bytes, flaws: list[tuple[Flaw, str]]) -> str | None:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        flaws.append((Flaw.NOT_UTF8, "UTF-16"))
        return None
    if data.startswith(codecs.BOM_UTF8):
        flaws.append((Flaw.BYTE_ORDER_MARK, "starts with EF BB BF"))
        data = data[3:]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        flaws.append((Flaw.NOT_UTF8, f"byte {data[exc.start]:#04x} at offset {exc.start}"))
        return None


def _depth(value: Json) -> int:
    # Level by level: recursion would fail on the very bodies that this is meant to find.
    level, depth = [value], 0
    while level := [v for v in level if isinstance(v, dict | list)]:
        depth += 1
        level = [x for v in level for x in (v.values() if isinstance(v, dict) else v)]
    return depth


def _explain(exc: ValueError, text: str) -> str:
    if not text.strip():
        return "the body is empty"
    if not isinstance(exc, json.JSONDecodeError):
        return str(exc)
    before = text[max(0, exc.pos - 15) : exc.pos]
    if exc.pos > 15:
        # The end of a secret is none to a redactor; its beginning is one before such a mark.
        before = _WORD.sub("...", before, count=1)
    near = before + shorten(text[exc.pos : exc.pos + 80], 18)
    return f"{exc.msg} at offset {exc.pos}, near {near!r}"
