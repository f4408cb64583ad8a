"""
A HAR file, entry by entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.har.entry import read_har_entry, redactor_of
from jobproof.contract.recordings.har.entry_stream import har_entries
from jobproof.contract.recordings.har.fields import member, text
from jobproof.contract.recordings.har.live import read_live
from jobproof.contract.recordings.har.recorders import is_own, skip_reason
from jobproof.contract.recordings.recorded import (
    Attachments,
    Recorded,
    RecordedItem,
    Skipped,
    SkipReason,
)

__all__ = ["read_har"]

_URL = re.compile(rb'"url"\s*+:\s*+"([^"\\]*+)"')
_LONGEST_DETAIL = 200


def read_har(
    stream: BinaryIO, endpoint: EndpointFilter, attachments: Attachments
) -> Iterator[RecordedItem]:
    """
    What each entry of a HAR file says, in the file's order.

    Raises:
        RecordingError: It is no HAR, holds no entry, or ends in the middle.
    """
    for index, written in enumerate(har_entries(stream)):
        yield _item(written, endpoint, attachments, f"log.entries[{index}]")


def _item(
    written: bytes, endpoint: EndpointFilter, attachments: Attachments, where: str
) -> RecordedItem:
    try:
        entry: Json = json.loads(written)
    except (ValueError, RecursionError) as exc:
        urls = [url.decode("utf-8", "replace") for url in _URL.findall(written)]
        if urls and not any(map(endpoint.address_of, urls)):
            return Skipped(SkipReason.OTHER_ADDRESS, where)
        why = "nested too deep to read" if isinstance(exc, RecursionError) else f"{exc}"
        return _unreadable(where, f"is no JSON: {why}")
    if not isinstance(entry, dict):
        return _unreadable(where, "is no HAR entry")
    try:
        found = _recorded(entry, endpoint, attachments)
    except RecordingError as exc:
        return _unreadable(where, redactor_of(entry, endpoint.api).text(str(exc)))
    return Skipped(found, where) if isinstance(found, SkipReason) else found


def _recorded(
    entry: JsonDocument, endpoint: EndpointFilter, attachments: Attachments
) -> Recorded | SkipReason:
    url = text(member(entry, "request").get("url"))
    if not url:
        raise RecordingError("request.url is missing")
    address = endpoint.address_of(url)
    # Of our own, the id may be one that no address holds: it was asked for to be refused.
    is_told = is_own(entry) and isinstance(member(entry, "_jobproof").get("job_id"), str)
    if address is None and not is_told:
        return SkipReason.OTHER_ADDRESS
    reason = None if is_own(entry) else skip_reason(entry)
    if reason is not None:
        return reason
    exchange = read_har_entry(entry, attachments)
    if address is None:
        return Recorded(exchange, "/".join(exchange.request.url.split("/")[:3]), read_live(entry))
    if exchange.request.job_id is None:
        asked = replace(exchange.request, job_id=address.job_id)
        exchange = replace(exchange, request=asked)
    return Recorded(exchange, address.base, read_live(entry))


def _unreadable(where: str, why: str) -> Skipped:
    return Skipped(SkipReason.UNREADABLE, where, legible(shorten(why, _LONGEST_DETAIL)))
