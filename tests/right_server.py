"""
A small job server that is right: one job, one token, plain answers; tests change one thing
about it, in its document or in its answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.servers import QuietHandler, http_server

__all__ = ["DROPPED", "JOB", "TOKEN", "Asked", "RightServer", "reply", "served"]

JOB = "5f0c3f5e-8a53-4c0e-9b0e-2f6a1c7d9e11"
TOKEN = "secret-token-1"
ENDED: Mapping[str, Any] = {"id": JOB, "status": "done", "created_at": "2026-01-02T03:04:05Z"}
DROPPED = b"no answer: the connection ends"
_ALLOWED = "GET, HEAD, OPTIONS"


@dataclass(frozen=True)
class Asked:
    """
    A request as it came.

    Attributes:
        of_its_kind: How many of this method there were for this path, this one included.
        right: How the server would answer.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    of_its_kind: int
    right: bytes

    @property
    def is_for_the_job(self) -> bool:
        """
        Whether the token's owner asks for the job.
        """
        authorised = self.headers.get("authorization") == f"Bearer {TOKEN}"
        return authorised and self.path.lower().endswith(JOB)


def reply(
    code: int, body: bytes = b"", *headers: str, kind: str | None = "application/json"
) -> bytes:
    """
    An answer as bytes, its length stated; without a reason phrase.
    """
    lines = [f"HTTP/1.1 {code} ", *([f"Content-Type: {kind}"] if kind else []), *headers]
    if code not in (204, 304):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


@dataclass(frozen=True)
class RightServer:
    """
    What it says; everything has the value that the base document describes.

    Attributes:
        base: What stands before the path.
        error: The body of a refusal: JSON, or a text as it is.
        needs_query: Without this in its query a request is a bad one.
        needs_header: The same of a header's name.
        odd: Answers in the server's place; None leaves it to the server, `DROPPED` is none.
    """

    base: str = ""
    path: str = "/jobs/{id}"
    job: Mapping[str, Any] = field(default_factory=lambda: dict(ENDED))
    job_kind: str = "application/json"
    error: Any = field(default_factory=lambda: {"error": "no such job"})
    error_kind: str = "application/json"
    needs_token: bool = True
    needs_query: str = ""
    needs_header: str = ""
    odd: Callable[[Asked], bytes | None] = lambda _asked: None

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> bytes:
        """
        The right answer to a request.
        """
        if self.needs_token and headers.get("authorization") != f"Bearer {TOKEN}":
            return self._refusal(401, "WWW-Authenticate: Bearer")
        if self.needs_query not in query:
            return self._refusal(400)
        if self.needs_header and self.needs_header.lower() not in headers:
            return self._refusal(400)
        if method == "OPTIONS":
            return reply(204, b"", f"Allow: {_ALLOWED}", kind=None)
        if method not in ("GET", "HEAD"):
            return self._refusal(405, f"Allow: {_ALLOWED}")
        if path.lower() == (self.base + self.path.replace("{id}", JOB)).lower():
            return reply(200, json.dumps(self.job).encode(), kind=self.job_kind)
        return self._refusal(404)

    def _refusal(self, code: int, *headers: str) -> bytes:
        text = self.error if isinstance(self.error, str) else json.dumps(self.error)
        return reply(code, text.encode(), *headers, kind=self.error_kind)


@contextmanager
def served(server: RightServer) -> Iterator[str]:
    """
    The server on a free port; its URL, `base` included.
    """
    counts: dict[tuple[str, str], int] = {}

    class RightHandler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            key = (self.command, parts.path)
            counts[key] = counts.get(key, 0) + 1
            right = server.answer(self.command, parts.path, parts.query, headers)
            asked = Asked(self.command, parts.path, parts.query, headers, counts[key], right)
            sent = server.odd(asked) or right
            if sent == DROPPED:
                self.close_connection = True
                return
            if self.command == "HEAD":
                sent = sent[: _head_end(sent)]
            self.wfile.write(sent)

        do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = answer
        do_TRACE = do_QUERY = answer

    with http_server(RightHandler) as url:
        yield url + server.base


def _head_end(sent: bytes) -> int:
    """
    Where the final head ends; interim ones, with their codes of 1xx, come before it.
    """
    start = 0
    while True:
        end = sent.index(b"\r\n\r\n", start) + 4
        if not sent[start:].startswith(b"HTTP/1.1 1"):
            return end
        start = end
