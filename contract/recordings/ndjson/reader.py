"""
A file of exchanges, one JSON object a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from typing import BinaryIO

from jobproof.contract.errors import NoRecordingError
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.formats.wording import told
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.ndjson.entry import (
    NoAnswer,
    Unreadable,
    read_exchange,
    request_url,
)
from jobproof.contract.recordings.ndjson.writer import FORMAT
from jobproof.contract.recordings.recorded import (
    Attachments,
    Recorded,
    RecordedItem,
    Skipped,
    SkipReason,
)

__all__ = ["LINE_BYTES", "read_ndjson"]

LINE_BYTES = 16 * 1024 * 1024
"""The longest line that is read; one that is longer is left out, and those after it aren't."""

_RESULT_KEYS = frozenset({"at", "target", "canary", "outcome"})
_MOST_FOREIGN = 1000
_UNREADABLE = SkipReason.UNREADABLE


class _Foreign:
    """
    The lines before the first exchange: until there is one, the file may be none of ours.
    """

    def __init__(self) -> None:
        self._items: list[Skipped] = []
        self._more = 0

    def add(self, item: Skipped) -> None:
        # A log may have millions of them.
        if len(self._items) < _MOST_FOREIGN:
            self._items.append(item)
        else:
            self._more += 1

    def items(self) -> Iterator[Skipped]:
        yield from self._items
        # As many as there were: which of them they are is told of the first few.
        yield from repeat(self._items[-1], self._more) if self._more else ()


class _NoExchange(Exception):
    """
    The line is none of the schema's; in words.
    """


def read_ndjson(
    stream: BinaryIO,
    endpoint: EndpointFilter,
    attachments: Attachments,  # noqa: ARG001 -- a line keeps nothing beside itself
) -> Iterator[RecordedItem]:
    """
    A `Reader`: each line that isn't blank, in the file's order.

    Raises:
        NoRecordingError: Not one line is an exchange.
    """
    found, first, foreign = False, "", _Foreign()
    for number, line in _lines(stream):
        where = f"line {number}"
        try:
            item: RecordedItem = _item(where, _object(line), endpoint)
        except _NoExchange as exc:
            item = Skipped(_UNREADABLE, where, str(exc))
            if not found:
                first = first or f"{where}: {exc}"
                foreign.add(item)
                continue
        if not found:
            found = True
            yield from foreign.items()
        yield item
    if not found:
        raise NoRecordingError(
            f"no line is an exchange: {first}"
            if first
            else "the file is empty: record some traffic first"
        )


def _item(where: str, line: JsonObject, endpoint: EndpointFilter) -> RecordedItem:
    url = request_url(line)
    address = None if url is None else endpoint.address_of(url)
    if url is not None and address is None:
        return Skipped(SkipReason.OTHER_ADDRESS, where)
    try:
        exchange = read_exchange(line)
    except NoAnswer as exc:
        return Skipped(SkipReason.NO_ANSWER, where, str(exc))
    except Unreadable as exc:
        return Skipped(_UNREADABLE, where, str(exc))
    assert address is not None  # a request without a URL is unreadable
    if exchange.request.job_id is None:
        asked = replace(exchange.request, job_id=address.job_id)
        exchange = replace(exchange, request=asked)
    return Recorded(exchange, address.base)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES:
            # Never in memory as a whole.
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(LINE_BYTES)
        if line.strip():
            yield number, line


def _object(line: bytes) -> JsonObject:
    if len(line) > LINE_BYTES:
        raise _NoExchange(f"longer than {LINE_BYTES // 1024 // 1024} MiB")
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise _NoExchange("not UTF-8") from None
    except RecursionError:
        raise _NoExchange("not JSON: nested too deep to read") from None
    except ValueError:
        cut = not line.endswith(b"\n")
        raise _NoExchange("cut off in the middle" if cut else "not JSON") from None
    if not isinstance(value, dict):
        raise _NoExchange("no JSON object")
    mark = value.get("format")
    if mark == FORMAT:
        return value
    if mark is None and value.keys() >= _RESULT_KEYS:
        raise _NoExchange("a result without its exchange, as the jsonl sink once wrote them")
    raise _NoExchange(f'{_said(mark)}, not "format": "{FORMAT}"')


def _said(mark: Json) -> str:
    return "it has no format" if mark is None else f"its format is {told(mark)}"


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")
