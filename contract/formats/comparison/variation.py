"""
What an answer says that is not of the moment: without ids, times and counters, and without what
other answers of its kind show to vary.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache, reduce
from urllib.parse import quote

from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json

__all__ = ["ShownBody", "body_difference", "layout_of", "steady_text"]

_MOST_TEXT = 20_000
_MOST_LAYOUT = 4_000
_MOST_WORDS = 1_500
_MOST_ITEMS = 3
_MOST_DEPTH = 20
# A gap between two fixed words may hold a little more than was seen in it so far.
_SPARE_WORDS = 1
# What has fewer words is no sentence; such as have less in common are no variants of one.
_SENTENCE = 4
_LEAST_SHARE = 2 / 3

_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_CLOCK = r"[0-9]{1,2}:[0-9][0-9](?::[0-9][0-9](?:[.,][0-9]+)?)?(?:\s?[ap]m\b)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-][0-9][0-9]:?[0-9][0-9])\b)?"
_MOMENTS = re.compile(
    rf"\b[0-9]{{4}}-[0-9][0-9]-[0-9][0-9](?:[T ]{_CLOCK})?{_ZONE}"
    rf"|\b(?:{_DAY},?\s+)?[0-9]{{1,2}}[ /-]{_MONTH}[ /-][0-9]{{2,4}}(?:[ :T]{_CLOCK})?{_ZONE}"
    rf"|\b(?:{_DAY},?\s+)?{_MONTH}\s+[0-9]{{1,2}},?(?:\s+{_CLOCK})?\s+[0-9]{{4}}{_ZONE}"
    rf"|\b{_CLOCK}{_ZONE}"
    r"|\b[0-9]{1,4}([./])[0-9]{1,2}\1[0-9]{1,4}\b"
    r"|\b[0-9]+(?:\.[0-9]+)?\s?(?:ns|[uµ]s|ms|s|secs?|seconds?|mins?|minutes?|hours?)\b",
    re.IGNORECASE | re.ASCII,
)
_ADDRESS = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?\b", re.ASCII)
_TOKEN = re.compile(r"[\w.:+/=~-]{8,}", re.ASCII)
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]+")
_INNER_DIGIT = re.compile(r"[A-Za-z][0-9]+[A-Za-z]")
_JSON_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*+"|[^\s{}\[\],:"]+', re.DOTALL)
_WORDS = re.compile(r"[^\s<>]+")
_KEY_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

# Words of a key under which each answer has a value of its own.
_NAMES_ANSWER = frozenset({"id", "ids", "uuid", "trace", "traceparent", "span", "ray", "nonce"})
_NAMES_MOMENT = frozenset(
    {"at", "date", "duration", "elapsed", "expires", "latency", "ms", "sec", "seconds", "time"}
    | {"timestamp", "took", "uptime", "counter", "remaining", "seq", "sequence", "attempt"}
    | {"host", "hostname", "instance", "node", "pod", "region", "server", "worker", "zone"}
    | {"correlation", "request", "signature"}
)
_NAMES_CODE = frozenset({"code", "errno", "error", "kind", "reason", "status", "type"})


@dataclass(frozen=True, slots=True)
class ShownBody:
    """
    A body, and the id that was asked for, which it may give back.

    Attributes:
        media_type: In lower case, without parameters.
        is_json: Whether `value` is what the bytes say, as JSON.
    """

    asked_for: str | None
    media_type: str
    data: bytes
    is_json: bool = False
    value: Json = None


def body_difference(seen: ShownBody, others: Sequence[ShownBody]) -> tuple[Json, Json] | None:
    """
    What tells the body of `seen` from those of `others`, as others and as `seen` have it; None
    where nothing does.

    Args:
        others: Answers of one kind, one or more. What differs among them tells nothing; where
            there is one, neither does what may be an id or a time, nor a key that may come and go.
    """
    learned = len(others) > 1
    if seen.is_json and all(other.is_json for other in others):
        mine = _outline(seen.value, seen.asked_for, learned=learned)
        theirs = [_outline(other.value, other.asked_for, learned=learned) for other in others]
        return _outline_difference(mine, theirs)
    # A page beside JSON is another kind of body, whatever either says.
    types = {other.media_type for other in others}
    if seen.media_type not in types:
        return sorted(types)[0], seen.media_type
    mine_words = _words(seen, learned=learned)
    template = _Template([_words(other, learned=learned) for other in others])
    if template.fits(mine_words):
        return None
    return template.example, " ".join(mine_words)


def layout_of(seen: ShownBody) -> bytes | None:
    """
    The signs between the values of a JSON text, blanks included; None where it is none, or long.
    """
    if not seen.is_json or len(seen.data) > _MOST_LAYOUT:
        return None
    return _JSON_VALUE.sub(b"_", seen.data)


def steady_text(text: str, asked: str | None, *, learned: bool) -> str:
    """
    `text` without the id that was asked for, and without ids and moments.

    Args:
        learned: Whether other answers show what varies. If so, lone numbers stay: one may be
            a code.
    """
    text = text[:_MOST_TEXT]
    if asked:
        text = _echo_of(asked).sub("<id>", text)
    text = _ADDRESS.sub("<address>", text)
    # Ids before moments: in an id, digits beside hyphens may look like a date.
    text = _TOKEN.sub(lambda match: _steady_token(match[0], learned=learned), text)
    text = _MOMENTS.sub("<time>", text)
    return text if learned else _DIGITS.sub("#", text)


def _steady_token(token: str, *, learned: bool) -> str:
    if _MOMENTS.fullmatch(token):
        return "<time>"
    groups = _DIGITS.findall(token)
    # An error code such as NOT_FOUND_404 is a word: its digits stand together.
    if len(groups) > 1 or any(len(group) >= 8 for group in groups) or _ULID.fullmatch(token):
        return "<id>"
    if not learned and any(
        len(part) >= 8 and _INNER_DIGIT.search(part) for part in re.split(r"[^A-Za-z0-9]", token)
    ):
        return "<id>"
    return token


@lru_cache(maxsize=64)
def _echo_of(asked: str) -> re.Pattern[str]:
    spellings = {asked, quote(asked, safe=""), html.escape(asked), asked.replace("-", "")}
    longest_first = sorted(filter(None, spellings), key=len, reverse=True)
    choice = "|".join(map(re.escape, longest_first))
    # Not inside a word: an id of one digit stands in many numbers.
    return re.compile(rf"(?<![A-Za-z0-9])(?:{choice})(?![A-Za-z0-9])", re.IGNORECASE)


def _outline(value: Json, asked: str | None, *, learned: bool) -> dict[str, Json]:
    """
    Every place of `value`, and what stands there that isn't of the moment.
    """
    found: dict[str, Json] = {}

    def walk(at: str, key: str, item: Json, depth: int) -> None:
        if isinstance(item, dict) and depth < _MOST_DEPTH:
            found[at] = "object"
            for name, below in item.items():
                steady = steady_text(name, asked, learned=True)
                walk(f"{at}/{escape(steady)}", name, below, depth + 1)
        elif isinstance(item, list) and depth < _MOST_DEPTH:
            found[at] = f"list of {len(item)}"  # one that varies in length is no list to compare
            for index, below in enumerate(item[:_MOST_ITEMS]):
                walk(f"{at}/{index}", key, below, depth + 1)
        else:
            found[at] = _steady_value(item, key, asked, learned=learned)

    walk("", "", value, 0)
    return found


def _steady_value(value: Json, key: str, asked: str | None, *, learned: bool) -> Json:
    names = {word.lower() for word in _KEY_WORDS.findall(key)}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        text = steady_text(value, asked, learned=learned)
        if names & _NAMES_MOMENT or (names & _NAMES_ANSWER and not (learned and _is_prose(text))):
            return "text"
        return text
    if names & _NAMES_CODE and not names & (_NAMES_MOMENT | _NAMES_ANSWER):
        return value if isinstance(value, int | float) else "object"
    # Any other number may count requests or seconds.
    return "number" if isinstance(value, int | float) else type(value).__name__


def _is_prose(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z]+(?:[ _-][A-Za-z]+)+", text))


def _outline_difference(
    mine: Mapping[str, Json], theirs: Sequence[Mapping[str, Json]]
) -> tuple[Json, Json] | None:
    everywhere = {at for at in theirs[0] if all(at in other for other in theirs)}
    anywhere = {at for other in theirs for at in other}
    fixed = {at: theirs[0][at] for at in everywhere if len({repr(o[at]) for o in theirs}) == 1}
    varying = anywhere - fixed.keys()
    expected: dict[str, Json] = {}
    found: dict[str, Json] = {}
    for at in sorted({*fixed, *mine}):
        if any(above in varying for above in _places_above(at)):
            kind = _common_text([other.get(at) for other in theirs])
            if kind is not None and not kind.fits(_loose_words(mine.get(at))):
                expected[at], found[at] = kind.example, mine.get(at, "nothing")
            continue
        # Of one answer nobody knows which of its keys come every time.
        if len(theirs) == 1 and not (at in fixed and at in mine):
            continue
        # Only what they all agree on, or what none of them has, tells the two kinds apart.
        if at in fixed and (at not in mine or mine[at] != fixed[at]):
            expected[at] = fixed[at]
            found[at] = mine.get(at, "nothing")
        elif at not in anywhere:
            expected[at] = "nothing"
            found[at] = mine[at]
    return (expected, found) if found else None


def _common_text(values: Sequence[Json]) -> _Template | None:
    """
    What sentences that vary a little have in common; None where they vary more than that.
    """
    texts = [_loose_words(value) for value in values]
    if min(map(len, texts)) < _SENTENCE:
        return None
    template = _Template(texts)
    return template if template.share >= _LEAST_SHARE else None


def _loose_words(value: Json) -> list[str]:
    return _WORDS.findall(_DIGITS.sub("#", value))[:_MOST_WORDS] if isinstance(value, str) else []


def _places_above(at: str) -> Iterator[str]:
    while at:
        yield at
        at = at.rpartition("/")[0]


def _words(seen: ShownBody, *, learned: bool) -> list[str]:
    text = seen.data[:_MOST_TEXT].decode("utf-8", "replace")
    text = steady_text(text, seen.asked_for, learned=learned)
    return _WORDS.findall(text)[:_MOST_WORDS]


class _Template:
    """
    What texts of one kind have in common: words that stand in all of them, and gaps between.

    Attributes:
        example: One of the texts.
        share: How much of it stands in all of them, from 0 to 1.
    """

    def __init__(self, texts: Sequence[list[str]]) -> None:
        self.example = " ".join(texts[0])
        self._widest = 0
        self._parts = reduce(self._merge, texts[1:], list[str | None](texts[0]))
        fixed = sum(part is not None for part in self._parts)
        self.share = fixed / max(len(texts[0]), 1)

    def _merge(self, parts: list[str | None], text: list[str]) -> list[str | None]:
        if parts == text:
            return parts
        merged: list[str | None] = []
        at, in_text = 0, 0
        blocks = SequenceMatcher(None, parts, text).get_matching_blocks()
        for block in blocks:
            gap = parts[at : block.a]
            if gap or block.b > in_text:
                self._widest = max(self._widest, len(gap), block.b - in_text)
                merged.append(None)
            merged += parts[block.a : block.a + block.size]
            at, in_text = block.a + block.size, block.b + block.size
        return merged

    def fits(self, words: list[str]) -> bool:
        """
        Whether `words` may be another text of the kind.
        """
        # Every place that may have been reached: a pattern of `re` could go back and forth for
        # ever where a word stands often.
        reached = {0}
        for part in self._parts:
            if part is None:
                room = self._widest + _SPARE_WORDS
                reached = {
                    min(place + more, len(words)) for place in reached for more in range(room + 1)
                }
            else:
                reached = {p + 1 for p in reached if p < len(words) and words[p] == part}
            if not reached:
                return False
        return len(words) in reached
