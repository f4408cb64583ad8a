"""
mitmproxy's flow files, read by mitmproxy's own library.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.digits import is_digits, read_digits
from jobproof.contract.formats.headers import HeaderPairs, header_value, header_values
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.model.exchange import Exchange, Request, Response
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.packing.content_coding import decoded
from jobproof.contract.recordings.recorded import (
    Attachments,
    Recorded,
    RecordedItem,
    Skipped,
    SkipReason,
)

__all__ = ["FLOW_BYTES", "read_flows"]

FLOW_BYTES = 32 * 1024 * 1024
"""The largest flow that is read, with both bodies; one that is larger is left out."""

_LONGEST_PREFIX = 12
_CHUNK = 1024 * 1024


class _Unreadable(Exception):
    """
    mitmproxy can't make a flow of it; in words.
    """


def read_flows(
    stream: BinaryIO,
    endpoint: EndpointFilter,
    attachments: Attachments,  # noqa: ARG001 -- a flow keeps nothing beside itself
) -> Iterator[RecordedItem]:
    """
    A `Reader`: each flow, in the file's order; older formats are migrated by the library.

    Raises:
        RecordingError: mitmproxy isn't there, or can read no flow, or the file ends within one.
    """
    _require_library()
    found, first = False, ""
    for number, content in enumerate(_frames(stream), start=1):
        where = f"flow {number}"
        try:
            item = _item(where, _flow(content), endpoint)
            found = True
        except _Unreadable as exc:
            item = Skipped(SkipReason.UNREADABLE, where, str(exc))
            first = first or f"{where} {exc}"
        yield item
    if not found:
        raise RecordingError(
            f"no flow can be read: {first}"
            if first
            else "the file is empty: record some traffic first"
        )


def _require_library() -> None:
    try:
        import mitmproxy.io  # noqa: F401
    except ImportError:
        raise RecordingError(
            "a flow file needs mitmproxy's library: on Python 3.12 or newer, run pip install "
            "'jobproof[mitmproxy]'; or save the flows as HAR: "
            "mitmdump --no-server --rfile FILE --set hardump=FILE.har"
        ) from None


def _frames(stream: BinaryIO) -> Iterator[bytes | None]:
    """
    The bytes of each flow, a tnetstring: length, colon, content, type; None of one too large.

    The library would trust the length, whatever it is, and can't go on behind a wrong flow.
    """
    number = 0
    while (sign := stream.read(1)) != b"":
        number += 1
        digits = ""
        while is_digits(sign.decode("latin-1")) and len(digits) < _LONGEST_PREFIX:
            digits += sign.decode("latin-1")
            sign = stream.read(1)
        size = read_digits(digits, most=10**_LONGEST_PREFIX)
        if sign != b":" or size is None:
            if sign == b"" and number > 1:
                raise RecordingError(f"flow {number}: the file ends in the middle of it")
            if number == 1:
                raise RecordingError("no flow file of mitmproxy: it doesn't begin with a flow")
            raise RecordingError(f"flow {number}: no flow stands there; is the file damaged?")
        size += 1  # its type stands behind it
        content = None
        if size <= FLOW_BYTES:
            content = stream.read(size)
            left = size - len(content)
        else:
            left = size
            while left and (skipped := stream.read(min(left, _CHUNK))):
                left -= len(skipped)
        if left:
            raise RecordingError(f"flow {number}: the file ends in the middle of it")
        yield None if content is None else f"{digits}:".encode("ascii") + content


def _flow(content: bytes | None) -> Any:
    from mitmproxy.io import FlowReader

    if content is None:
        raise _Unreadable(f"is larger than {FLOW_BYTES // 1024 // 1024} MiB")
    try:
        return next(iter(FlowReader(io.BytesIO(content)).stream()))
    except Exception as exc:  # noqa: BLE001 -- of foreign values the library raises anything
        # What it says of a version is for people; anything else quotes the flow itself.
        text = str(exc) if "format version" in str(exc) else "mitmproxy can't read it"
        raise _Unreadable(legible(shorten(Redactor().text(text), 200))) from None


def _item(where: str, flow: Any, endpoint: EndpointFilter) -> RecordedItem:
    if flow.type != "http":
        return Skipped(SkipReason.NOT_FETCHED, where, f"{flow.type}, not HTTP")
    try:
        url = flow.request.pretty_url
        address = endpoint.address_of(url)
        if address is None:
            return Skipped(SkipReason.OTHER_ADDRESS, where)
        request = Request(
            method=flow.request.method.upper(),
            url=url,
            headers=_headers(flow.request),
            job_id=address.job_id,
        )
        if flow.websocket is not None or _is_browsers_own(request):
            return Skipped(SkipReason.NOT_FETCHED, where)
        if flow.is_replay == "response":
            return Skipped(SkipReason.FROM_CACHE, where, "mitmproxy has answered")
        if flow.response is None:
            said = legible(shorten(Redactor().text(flow.error.msg), 200)) if flow.error else ""
            return Skipped(SkipReason.NO_ANSWER, where, said)
        return Recorded(_exchange(flow, request), address.base)
    except (AttributeError, TypeError, ValueError, OverflowError) as exc:
        # A file may hold values that no proxy has ever seen.
        raise _Unreadable(f"holds what no exchange does: {type(exc).__name__}") from None


def _exchange(flow: Any, request: Request) -> Exchange:
    started_at, ended_at = flow.request.timestamp_start, flow.response.timestamp_end
    if not _is_moment(started_at):
        raise ValueError("no start")
    is_timed = _is_moment(ended_at) and ended_at >= started_at
    peer = flow.server_conn.peername
    return Exchange(
        request=request,
        answer=_response(flow),
        started_at=started_at,
        elapsed_s=ended_at - started_at if is_timed else 0.0,
        remote_ip=str(peer[0]) if peer else None,
        is_timed=is_timed,
    )


def _response(flow: Any) -> Response:
    answered, headers = flow.response, _headers(flow.response)
    raw = answered.raw_content
    # With an error the rest never came; None is what a proxy that streams keeps.
    if raw is None or flow.error is not None:
        raw = body = None
    else:
        body = decoded(raw, ",".join(header_values(headers, "content-encoding")))
    version = answered.http_version.upper().removeprefix("HTTP/").removesuffix(".0")
    return Response(
        code=int(answered.status_code),
        headers=headers,
        body=body,
        raw=raw,
        http_version={"1": "1.0"}.get(version, version),
    )


def _headers(message: Any) -> HeaderPairs:
    # As our own client reads them; the library would leave half characters in the text.
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in message.headers.fields
    )


def _is_browsers_own(request: Request) -> bool:
    """
    Whether a browser has asked by itself, or for a page: not a client of the API.
    """
    if request.method == "OPTIONS":
        return header_value(request.headers, "access-control-request-method") is not None
    return header_value(request.headers, "sec-fetch-mode") == "navigate"


def _is_moment(value: Any) -> bool:
    # To Python, True is a number.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
