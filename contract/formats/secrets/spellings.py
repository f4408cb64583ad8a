"""
Where a secret stands in a text, in whatever spelling: escaped, quoted, encoded, cut off.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html.entities import html5
from typing import NamedTuple
from urllib.parse import quote, quote_plus

__all__ = ["SHORTEST_SECRET", "SecretFinder"]

SHORTEST_SECRET = 6
"""
A shorter secret may be any word or number, and masking it would blot out every text: it is
looked for nowhere, and only the header that carries it is masked.
"""

# Three rounds undo the escapes of an escaped text in an escaped text; no more, so that an
# answer can't choose how often it is read.
_ROUNDS = 3
_NAMED = {
    name.removesuffix(";"): sign
    for name, sign in html5.items()
    if name.endswith(";") and len(sign) == 1 and " " <= sign < "\x7f"
}
_PRINTABLE_HEX = "(?:[2-6][0-9A-Fa-f]|7[0-9A-Ea-e])"
_PRINTABLE_DECIMAL = "(?:3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6])"
# Each way of escaping begins with a sign of its own, so that the rest of a text is skipped fast;
# `++` gives nothing back: a million backslashes are read once. What spells no sign that a secret
# can hold is no escape, else `&amp;AA;` would be one, and the `&` in it be missed.
_ESCAPE = re.compile(
    rf"%(?:25)*(?P<percent>{_PRINTABLE_HEX})"
    # A backslash that spells no sign escapes the one behind it; NULs are the half of UTF-16.
    rf"|\\\\*+(?:(?:u00|x|U0{{6}})(?P<backslash>{_PRINTABLE_HEX})"
    rf"|u\{{0{{0,4}}(?P<braced>{_PRINTABLE_HEX})\}}|u0000)?"
    rf"|&(?:amp;)*(?:#[xX]0{{0,6}}(?P<hex>{_PRINTABLE_HEX})(?![0-9A-Fa-f]);?"
    rf"|#0{{0,6}}(?P<decimal>{_PRINTABLE_DECIMAL})(?![0-9]);?|(?P<name>{'|'.join(sorted(_NAMED))});)"
    r"|\0\0*"
    # Our own messages point at a key that an answer chose by a JSON Pointer.
    r"|~(?P<pointer>[01])"
)
# What a backslash begins that spells a sign; a text in another alphabet has thousands that do not.
_SPELLED = re.compile(
    rf"\\(?:(?:u00|x|U0{{6}}){_PRINTABLE_HEX}|u\{{0{{0,4}}{_PRINTABLE_HEX}\}}|u0000)"
)
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
# Half an escape, and how a text shows that the rest of it is missing.
_CUT = re.compile(
    r"(?:%[0-9A-Fa-f]?|&#?\w{0,5}|\\*[uxU]\{?[0-9A-Fa-f]{0,7}|\\+)?(?:\.\.\.|…|â\x80¦|\Z)"
)


class _Spelling(NamedTuple):
    """
    Base64 as it is written; the rest in small letters, for it may come in any case.
    """

    text: str
    is_base64: bool = False


class SecretFinder:
    """
    Finds some secrets in any text, in one pass over it and one over what it decodes to.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {spelling for secret in secrets for spelling in _spellings(secret)}
        beginnings: dict[str, list[_Spelling]] = defaultdict(list)
        for spelling in sorted(found, key=lambda one: len(one.text), reverse=True):
            beginnings[_small(spelling.text[:SHORTEST_SECRET])].append(spelling)
        self._beginnings: Mapping[str, list[_Spelling]] = beginnings
        self._beginning = re.compile(_any_of(beginnings)) if beginnings else None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """
        Start and end of every secret in `text`, in order and apart from each other.
        """
        if self._beginning is None:
            return []
        spans = list(self._plain_spans(text))
        decoded = _decode(text)
        if decoded is text and not spans:
            return []
        if decoded is not text and self._beginning.search(_small(decoded)):
            # Where each sign came from is worked out for the few texts that seem to hold one.
            rounds = list(_rounds(text))
            shown = _fold(rounds[-1].text if rounds else text)
            spans.extend(_in_source(rounds, *span) for span in self._plain_spans(shown))
        return _apart(text, spans)

    def _plain_spans(self, text: str) -> Iterator[tuple[int, int]]:
        assert self._beginning is not None
        at, small = 0, _small(text)
        while (found := self._beginning.search(small, at)) is not None:
            start = found.start()
            span = self._span(text, small, start, self._beginnings[found.group()])
            if span is not None:
                yield span
            at = span[1] if span is not None else start + 1

    def _span(
        self, text: str, small: str, start: int, spellings: Iterable[_Spelling]
    ) -> tuple[int, int] | None:
        for spelling in spellings:
            if (text if spelling.is_base64 else small).startswith(spelling.text, start):
                end = start + len(spelling.text)
                return _with_padding(text, start, end) if spelling.is_base64 else (start, end)
        for spelling in spellings:
            # Whoever cut the text before it came here may have cut the secret.
            source = text if spelling.is_base64 else small
            shown = _in_common(spelling.text, source, start)
            if shown and _CUT.match(text, start + shown):
                return start, start + shown
        return None


class _Round:
    """
    A text with its escapes undone once, and where each sign of it came from.
    """

    def __init__(self, text: str) -> None:
        parts: list[str] = []
        self._ends: list[int] = [0]
        self._sources: list[tuple[int, int]] = [(0, 0)]
        length = at = 0
        for match in _ESCAPE.finditer(text):
            sign = _sign(match.group())
            parts += text[at : match.start()], sign
            length += match.start() - at + len(sign)
            at = match.end()
            self._ends.append(length)
            self._sources.append((match.start() if sign else at, at))
        self.text = "".join((*parts, text[at:]))

    def source_start(self, index: int) -> int:
        """
        Where the sign at `index` begins in the source.
        """
        before = bisect_right(self._ends, index) - 1
        if self._is_escaped(before + 1, index):
            return self._sources[before + 1][0]
        return self._sources[before][1] + index - self._ends[before]

    def source_end(self, index: int) -> int:
        """
        Where the sign before `index` ends in the source.
        """
        escape = bisect_right(self._ends, index - 1)
        if self._is_escaped(escape, index - 1):
            return self._sources[escape][1]
        return self.source_start(index - 1) + 1

    def _is_escaped(self, escape: int, index: int) -> bool:
        """
        Whether the sign at `index` is what that escape, by its number, stands for.
        """
        if escape >= len(self._ends) or self._ends[escape] != index + 1:
            return False
        start, end = self._sources[escape]
        return start < end  # else it stands for none


def _in_source(rounds: Sequence[_Round], start: int, end: int) -> tuple[int, int]:
    for one in reversed(rounds):
        start, end = one.source_start(start), one.source_end(end)
    return start, end


def _rounds(text: str) -> Iterator[_Round]:
    for _ in range(_ROUNDS):
        one = _Round(text)
        if one.text == text:
            return
        text = one.text
        yield one


def _spellings(secret: str) -> Iterator[_Spelling]:
    """
    What to look for: other spellings decode to one of these.
    """
    content = secret.encode()
    texts = {_small(text) for text in (secret, _decode(secret), content.hex())}
    yield from (_Spelling(text) for text in texts if len(text) >= SHORTEST_SECRET)
    if len(secret) < SHORTEST_SECRET:
        return
    quoted = quote(secret, safe="")
    escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
    inside = {secret, escaped, escaped.replace("/", "\\/"), quoted, quote(secret)}
    inside |= {secret.lower(), secret.upper()}
    inside |= {quote_plus(secret), re.sub("%..", lambda code: code.group().lower(), quoted)}
    for text in {part for whole in inside for part in _in_base64(whole.encode())}:
        for alphabet in (text, text.replace("+", "-").replace("/", "_")):
            yield _Spelling(alphabet, is_base64=True)
            yield _Spelling(_fold(alphabet), is_base64=True)


def _in_base64(content: bytes) -> Iterator[str]:
    """
    What stands for `content` in the base64 of anything that holds it, by its place in three.
    """
    for before in range(3):
        bits = 8 * before, 8 * (before + len(content))
        encoded = base64.b64encode(b"\0" * before + content).decode()
        yield encoded[-(-bits[0] // 6) : bits[1] // 6]


def _decode(text: str) -> str:
    """
    `text` with its escapes undone; the same object where there is none.
    """
    decoded = text
    for _ in range(_ROUNDS):
        before = decoded
        if "\\" in decoded and not _SPELLED.search(decoded):
            decoded = decoded.replace("\\", "")  # most texts have no others, and this is quick
        if _is_marked(decoded):
            decoded = _ESCAPE.sub(_replacement, decoded)
        if decoded == before:
            break
    folded = _fold(decoded)
    return text if folded == text else folded


def _is_marked(text: str) -> bool:
    # Sign by sign it is quicker than a pattern.
    return "%" in text or "\\" in text or "&" in text or "\0" in text or "~" in text


def _fold(text: str) -> str:
    # In a form a blank is written +, and nothing tells the one from the other.
    return text.replace("+", " ")


def _small(text: str) -> str:
    """
    `text` in small letters, each at its place.
    """
    small = text.lower()
    # The one letter that is written as two.
    return small if len(small) == len(text) else text.replace("\u0130", "i").lower()


def _replacement(match: re.Match[str]) -> str:
    return _sign(match.group())


@lru_cache(maxsize=4096)
def _sign(escape: str) -> str:
    """
    The sign that an escape stands for.
    """
    match = _ESCAPE.fullmatch(escape)
    assert match is not None
    kind = match.lastgroup
    if kind is None:
        return ""
    written = match[kind]
    if kind == "pointer":
        return "~/"[int(written)]
    if kind == "name":
        return _NAMED[written]
    return chr(int(written, 10 if kind == "decimal" else 16))


def _in_common(word: str, text: str, start: int) -> int:
    """
    How many signs of `word` stand in `text` from `start` on; 0 where they are too few to tell.
    """
    if not text.startswith(word[:SHORTEST_SECRET], start):
        return 0
    some, most = min(SHORTEST_SECRET, len(word)), len(word)
    while some < most:
        middle = (some + most + 1) // 2
        if text.startswith(word[:middle], start):
            some = middle
        else:
            most = middle - 1
    return some


def _with_padding(text: str, start: int, end: int) -> tuple[int, int]:
    """
    The span with the signs at its edges that hold a few bits of the secret, too.
    """
    start -= text[start - 1 : start] in _BASE64 if start else 0
    end += text[end : end + 1] in _BASE64
    while text[end : end + 1] == "=":
        end += 1
    return start, end


def _apart(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """
    The spans in order, those that touch as one, each with the backslashes that escape it.
    """
    apart: list[tuple[int, int]] = []
    for span in sorted(spans):
        last = apart[-1][1] if apart else 0
        start, end = max(last, span[0]), span[1]
        while start > last and text[start - 1] == "\\":
            start -= 1
        if apart and start == last:
            apart[-1] = apart[-1][0], max(last, end)
        else:
            apart.append((start, end))
    return apart


def _any_of(words: Iterable[str]) -> str:
    """
    A pattern of the words that reads no sign twice, however many they are.
    """
    tails: dict[str, set[str]] = defaultdict(set)
    for word in words:
        tails[word[:1]].add(word[1:])
    parts = [re.escape(first) + _tail_of(frozenset(rest)) for first, rest in sorted(tails.items())]
    return "|".join(parts)


def _tail_of(tails: frozenset[str]) -> str:
    if len(tails) == 1:
        return re.escape(next(iter(tails)))
    return f"(?:{_any_of(tails)})"
