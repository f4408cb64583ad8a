"""
A question as it arrived, the answer to it, and how the answer goes over the wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from jobproof.contract.formats.headers import HeaderPairs, header_value, without_headers
from jobproof.contract.formats.json_value import Json

__all__ = ["JSON", "AnswerKind", "Caller", "MockAnswer", "MockRequest", "WireBehaviour", "encode"]

JSON = "application/json"


class Caller(StrEnum):
    """
    Who asks, as the token says.
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
    What the endpoint made of a question, before any fault.
    """

    JOB = "job"
    UNKNOWN = "unknown"
    """No such job, or another tenant's."""
    ANONYMOUS = "anonymous"
    METHOD = "method"
    OPTIONS = "options"
    LISTING = "listing"
    PATH = "path"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class MockRequest:
    """
    One request as it arrived.

    Attributes:
        target: The request target byte for byte (Latin-1), query included.
    """

    method: str
    target: str
    headers: HeaderPairs = ()

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
        if "://" in target.partition("?")[0][:12]:  # absolute form, as proxies are asked
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
    What the wire does to an answer; the defaults are honest.

    Attributes:
        delay_s: Seconds of silence before the first byte.
        silent: No byte ever comes.
        announced: `Content-Length` where it isn't the body's.
        chunked: Send the body in chunks.
        cut: Close after so many bytes of the body.
        hang_up: Close afterwards without having said so.
        bodyless: Announce the body and keep it: HEAD, 304.
    """

    delay_s: float = 0.0
    silent: bool = False
    announced: int | None = None
    chunked: bool = False
    cut: int | None = None
    hang_up: bool = False
    bodyless: bool = False


@dataclass(frozen=True, slots=True)
class MockAnswer:
    """
    What is said; framing headers (`Content-Length`, chunks) belong to the wire.
    """

    code: int
    headers: HeaderPairs = ()
    body: bytes = b""
    wire: WireBehaviour = WireBehaviour()

    def header(self, name: str) -> str | None:
        """
        The first value under `name` (any case), or None.
        """
        return header_value(self.headers, name)

    def with_header(self, name: str, value: str) -> MockAnswer:
        """
        The same answer with `name` set once.
        """
        return replace(self, headers=(*self.without(name).headers, (name, value)))

    def without(self, *names: str) -> MockAnswer:
        """
        The same answer without any of these.
        """
        return replace(self, headers=without_headers(self.headers, *names))

    def saying(self, code: int, body: bytes, content_type: str | None) -> MockAnswer:
        """
        Another code and body under the same general headers.
        """
        bare = self.without("content-type", "etag", "allow")
        answer = replace(bare, code=code, body=body)
        return answer.with_header("Content-Type", content_type) if content_type else answer

    def sent(self, **changes: Any) -> MockAnswer:
        """
        The same answer over another wire.
        """
        return replace(self, wire=replace(self.wire, **changes))


def encode(value: Json) -> bytes:
    """
    JSON as small as it gets, in UTF-8.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
