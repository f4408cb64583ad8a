"""
A request as it arrived, the answer to it, and how the answer goes over the wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from jobproof.contract.formats.headers import HeaderPairs, header_value, without_headers
from jobproof.contract.formats.json_value import Json

__all__ = [
    "JSON_MEDIA_TYPE",
    "AnswerKind",
    "Caller",
    "MockAnswer",
    "MockRequest",
    "WireBehaviour",
    "encode_json",
]

JSON_MEDIA_TYPE = "application/json"


class Caller(StrEnum):
    """
    Whose request it is, as the token says.
    """

    OWNER = "owner"
    OTHER = "other"
    NONE = "none"
    INVALID = "invalid"

    @property
    def known(self) -> bool:
        """
        Whether the token belongs to a tenant.
        """
        return self in (Caller.OWNER, Caller.OTHER)


class AnswerKind(StrEnum):
    """
    What the correct endpoint answers, before any fault; named as in the script's `pages`.
    """

    JOB = "job"
    UNKNOWN = "unknown"
    """No such job, or another tenant's."""
    ANONYMOUS = "anonymous"
    """No token, or a wrong one."""
    METHOD = "method"
    """The path exists, the method doesn't."""
    OPTIONS = "options"
    LISTING = "listing"
    PATH = "path"
    """No such path."""
    REQUEST = "request"
    """The listing's parameters can't be understood."""


@dataclass(frozen=True, slots=True)
class MockRequest:
    """
    One request as it arrived.

    Attributes:
        target: The request target byte for byte (Latin-1), query included.
        connection: The number of the connection that it came by; 0 where nobody counts them.
        turn: Which request of that connection it is; 1 for the first.
    """

    method: str
    target: str
    headers: HeaderPairs = ()
    connection: int = 0
    turn: int = 1

    def header(self, name: str) -> str | None:
        """
        The first value under `name` (any case), or None.
        """
        return header_value(self.headers, name)

    @property
    def path(self) -> str:
        """
        The raw path: still percent-encoded, without the query.
        """
        target = self.target
        # RFC 9112 3.2.2: a server must take the absolute form, which clients send to proxies.
        # Looked for near the start only: an id may hold "://" itself.
        if "://" in target.partition("?")[0][:12]:
            target = "/" + target.partition("://")[2].partition("/")[2]
        return target.partition("?")[0].partition("#")[0]

    @property
    def query(self) -> str:
        """
        The raw query, without its question mark.
        """
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class WireBehaviour:
    """
    How an answer is sent; by the defaults, correctly.

    Attributes:
        delay_s: Seconds of silence before the first byte.
        silent: No byte ever comes.
        declared_length: Bytes in `Content-Length`; None for those of the body.
        chunked: Send the body in chunks.
        truncated_at: Send so many bytes of the body, then close; None for all.
        unannounced_close: Close afterwards without `Connection: close` in the head.
        omit_body: Send the head of an answer with this body, and no body: HEAD.
        before: Bytes in front of the status line: interim answers.
        behind: Bytes after the answer's end.
        length_too: Send the length beside the chunks.
    """

    delay_s: float = 0.0
    silent: bool = False
    declared_length: int | None = None
    chunked: bool = False
    truncated_at: int | None = None
    unannounced_close: bool = False
    omit_body: bool = False
    before: bytes = b""
    behind: bytes = b""
    length_too: bool = False


@dataclass(frozen=True, slots=True)
class MockAnswer:
    """
    What is answered; `Content-Length` and chunks are added where it is sent.

    Attributes:
        is_settled: It is sent like this whatever the request's condition.
    """

    code: int
    headers: HeaderPairs = ()
    body: bytes = b""
    wire: WireBehaviour = WireBehaviour()
    is_settled: bool = False

    def header(self, name: str) -> str | None:
        """
        The first value under `name` (any case), or None.
        """
        return header_value(self.headers, name)

    def with_header(self, name: str, value: str) -> MockAnswer:
        """
        The same answer with `name` set once.
        """
        return replace(self, headers=(*self.without_header(name).headers, (name, value)))

    def without_header(self, *names: str) -> MockAnswer:
        """
        The same answer without any of these.
        """
        return replace(self, headers=without_headers(self.headers, *names))

    def with_content(self, code: int, body: bytes, content_type: str | None) -> MockAnswer:
        """
        Another code and body under the same general headers.
        """
        # These three speak about the old body and the old code; the others about the server.
        bare = self.without_header("content-type", "etag", "allow")
        answer = replace(bare, code=code, body=body)
        return answer.with_header("Content-Type", content_type) if content_type else answer

    def with_json(self, code: int, value: Json) -> MockAnswer:
        """
        Another code and JSON body under the same general headers.
        """
        return self.with_content(code, encode_json(value), JSON_MEDIA_TYPE)

    def with_wire(self, **changes: Any) -> MockAnswer:
        """
        The same answer, sent with these attributes of `WireBehaviour` changed.
        """
        return replace(self, wire=replace(self.wire, **changes))


def encode_json(value: Json) -> bytes:
    """
    JSON as small as it gets, in UTF-8.
    """
    # NaN and Infinity pass on purpose: RFC 8259 has neither, and a fault writes one.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
