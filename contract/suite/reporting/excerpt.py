"""
An answer around the place that a finding points at, in a few lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from jobproof.contract.formats.headers import named_pairs
from jobproof.contract.formats.json_body import JsonBody, is_json_type, read_body
from jobproof.contract.formats.json_pointer import escape, resolve, walk
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.secrets.redaction import Redactor, is_masked
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.model.exchange import Exchange, Response

__all__ = ["excerpt"]

_MOST_LINES = 11
_COLUMNS = 78
_MOST_READ = 32 * 1024
"""A longer body isn't read once more for a few lines of it."""
_MOST_OF_A_VALUE = 2_000
_MOST_OF_A_TEXT = 4_096
_AROUND = 2
_LEVELS = 3
_CHILDREN = 5


class _Line(NamedTuple):
    text: str
    is_marked: bool = False


def excerpt(exchange: Exchange, pointer: str, redactor: Redactor) -> tuple[str, ...]:
    """
    The answer around `pointer`, without secrets and without what steers a terminal: lines that
    begin with `> ` at the place and with two blanks elsewhere. Empty where nothing came.

    Args:
        pointer: As `Remark.at` has it.
    """
    failure = exchange.failure
    answer = exchange.response if failure is None else failure.partial
    if answer is None:
        return ()
    wider = redactor.also(exchange.request.credentials)
    head = _Line(f"HTTP/{answer.http_version} {answer.code}", pointer == "code")
    name = pointer.removeprefix("header:")
    if name != pointer:
        lines = [head, *_header_lines(answer, name, wider)]
    else:
        lines = [head, *islice(_body_lines(answer, pointer, wider), _MOST_LINES - 1)]
    if failure is not None:
        size = len(answer.body or b"")
        lines.append(_Line(f"({failure.reason.value} after {size} bytes of the body)"))
    return tuple(
        f"{'> ' if line.is_marked else '  '}{_cut(legible(line.text)).rstrip()}" for line in lines
    )


def _cut(text: str) -> str:
    return shorten(text, _COLUMNS)


def _header_lines(answer: Response, name: str, redactor: Redactor) -> Iterator[_Line]:
    found = named_pairs(answer.headers, name)
    for sent, value in found[:_CHILDREN]:
        yield _Line(f"{redactor.text(sent)}: {redactor.header(sent, value)}", True)
    # What a recorder left out may have been there.
    if not found and answer.has_all_headers:
        yield _Line(f"(no {redactor.text(name)})", True)


def _body_lines(answer: Response, pointer: str, redactor: Redactor) -> Iterator[_Line]:
    if answer.body is None:
        return
    if not answer.body:
        yield _Line("(no body)", pointer == "body")
        return
    media_type = (answer.known_header("content-type") or "").partition(";")[0].strip().lower()
    is_json = is_json_type(media_type) or answer.body.lstrip()[:1] in (b"{", b"[")
    body = JsonBody(None, False)
    if is_json and len(answer.body) <= _MOST_READ:
        body = read_body(answer.body)
        if not body.readable:
            broken = tuple(_around_flaw(answer.body, redactor))
            if broken:
                yield from broken
                return
    # What two readers may read in two ways is shown as it came.
    if body.readable and (not body.flaws or pointer.startswith("/")):
        yield from _JsonView(redactor).lines(body.value, pointer)
    else:
        yield from _beginning(answer.body, redactor, is_marked=pointer == "body")


def _beginning(body: bytes, redactor: Redactor, *, is_marked: bool = False) -> Iterator[_Line]:
    # A character of several bytes may be cut in half, which is replaced like any other.
    text = body[: _MOST_OF_A_TEXT + 3].decode("utf-8", "replace")
    clean = redactor.text(shorten(text, _MOST_OF_A_TEXT))
    # A page is often one long line.
    lines = [legible(line) for line in clean.splitlines() if line.strip()]
    pieces = [line[at : at + _COLUMNS] for line in lines for at in range(0, len(line), _COLUMNS)]
    for index, piece in enumerate(pieces[:_CHILDREN]):
        yield _Line(piece, is_marked and index == 0)
    if pieces[_CHILDREN:] or len(body) > _MOST_OF_A_TEXT:
        yield _Line(f"… ({len(body)} bytes)")


def _around_flaw(body: bytes, redactor: Redactor) -> Iterator[_Line]:
    """
    The line at which a JSON reader gives up, and a caret below the place.
    """
    # Masked as a whole, then read: the place has to be one in what is shown.
    text = redactor.text(body.decode("utf-8", "replace"))
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        at = exc.pos
    except (RecursionError, ValueError):
        return
    else:
        return
    # A mask that stands outside of quotes is no JSON either, and no fault of the answer's.
    if is_masked(text[at : at + 3]):
        return
    start = max(text.rfind("\n", 0, at) + 1, at - _COLUMNS // 2)
    end = text.find("\n", at)
    before = legible(text[start:at])
    before = before if start == 0 or text[start - 1] == "\n" else f"…{before}"
    yield _Line(before + text[at : end if end >= 0 else at + _COLUMNS], True)
    yield _Line(f"{' ' * len(before)}^")


class _JsonView:
    """
    A value as pretty-printed JSON, of which only what is near the place is written.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def lines(self, value: Json, pointer: str) -> Iterator[_Line]:
        """
        The place, what stands beside it, and the way to it.
        """
        steps = walk(pointer) if pointer.startswith("/") else ()
        way: list[tuple[Json, str]] = []
        place = value
        for step in steps:
            is_there, inner = resolve(place, f"/{escape(step)}")
            if not is_there:
                break  # what is missing is marked where it should be
            way.append((place, step))
            place = inner
        shown = way[-_LEVELS:]
        if len(way) > len(shown):
            yield _Line("…")
        for depth, (container, step) in enumerate(shown):
            indent = "  " * depth
            if depth == 0:
                yield _Line(f"{indent}{_opened(container)}")
            if depth < len(shown) - 1:
                yield _Line(f"{indent}  {self._key(container, step)}{_opened(shown[depth + 1][0])}")
            else:
                yield from self._siblings(container, step, place, f"{indent}  ")
        if not shown:
            yield from self._opened_lines(place, "", "", is_marked=bool(steps) or pointer == "body")

    def _siblings(self, container: Json, step: str, place: Json, indent: str) -> Iterator[_Line]:
        """
        The place among its neighbours.
        """
        items = list(_items(container))
        index = next(index for index, (key, _) in enumerate(items) if key == step)
        first = max(0, index - _AROUND)
        if first:
            yield _Line(f"{indent}…")
        for key, item in items[first:index]:
            yield _Line(f"{indent}{self._key(container, key)}{self._in_line(item)},")
        key_text = self._key(container, step)
        if isinstance(place, dict | list) and place:
            yield from self._opened_lines(place, indent, key_text, is_marked=True)
            return
        rest = items[index + 1 :]
        yield _Line(f"{indent}{key_text}{self._in_line(place)}{',' if rest else ''}", True)
        yield from self._children(container, rest, _AROUND, indent)

    def _opened_lines(
        self, place: Json, indent: str, key_text: str, *, is_marked: bool
    ) -> Iterator[_Line]:
        if not (isinstance(place, dict | list) and place):
            yield _Line(f"{indent}{key_text}{self._in_line(place)}", is_marked)
            return
        yield _Line(f"{indent}{key_text}{_opened(place)}", is_marked)
        yield from self._children(place, list(_items(place)), _CHILDREN, f"{indent}  ")

    def _children(
        self, container: Json, items: list[tuple[str, Json]], most: int, indent: str
    ) -> Iterator[_Line]:
        """
        The first of what comes next, and that there is more, or the end.
        """
        last = len(items) - 1
        for index, (key, item) in enumerate(items[:most]):
            comma = "," if index < last else ""
            yield _Line(f"{indent}{self._key(container, key)}{self._in_line(item)}{comma}")
        if items[most:]:
            yield _Line(f"{indent}… {len(items) - most} more")
        else:
            yield _Line(f"{indent[2:]}{'}' if isinstance(container, dict) else ']'}")

    def _key(self, container: Json, key: str) -> str:
        return f"{self._text(key)}: " if isinstance(container, dict) else ""

    def _in_line(self, value: Json) -> str:
        if isinstance(value, dict):
            return "{…}" if value else "{}"
        if isinstance(value, list):
            return "[…]" if value else "[]"
        if isinstance(value, str):
            return self._text(value)
        return self._redactor.text(json.dumps(value))

    def _text(self, text: str) -> str:
        # Masked before the quotes, which spell a secret anew, and before the cut to a line.
        clean = self._redactor.text(shorten(text, _MOST_OF_A_VALUE))
        return json.dumps(shorten(clean, _COLUMNS), ensure_ascii=False)


def _opened(container: Json) -> str:
    return "{" if isinstance(container, dict) else "["


def _items(container: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(container, Mapping):
        yield from container.items()
    elif isinstance(container, list):
        yield from ((str(index), item) for index, item in enumerate(container))
