"""
A reverse proxy that hands on a server's answers, but for what it is told to change.
"""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tests.servers import QuietHandler, http_server
from tests.tools import PATIENCE_S

__all__ = ["Edit", "ProxiedAnswer", "proxy", "unchanged"]

_PER_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
# Without a coding an edit can read the body.
_NOT_ASKED_FOR = _PER_CONNECTION | {"accept-encoding"}


@dataclass(frozen=True)
class ProxiedAnswer:
    """
    What a server answered to one request.

    Attributes:
        path: What was asked for, as it was sent.
    """

    method: str
    path: str
    code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def job(self) -> dict[str, Any] | None:
        """
        The job in it, if it holds one.
        """
        if self.code != 200 or self.method != "GET":
            return None
        found = json.loads(self.body)
        return found if isinstance(found, dict) else None

    def with_job(self, job: dict[str, Any]) -> ProxiedAnswer:
        """
        The same, with another job in it.
        """
        return replace(self, body=json.dumps(job).encode())


Edit: TypeAlias = Callable[[ProxiedAnswer], ProxiedAnswer]


def unchanged(answer: ProxiedAnswer) -> ProxiedAnswer:
    """
    Hand an answer on as it came.
    """
    return answer


def _asked(url: str, handler: QuietHandler) -> ProxiedAnswer:
    headers = {n: v for n, v in handler.headers.items() if n.lower() not in _NOT_ASKED_FOR}
    length = int(handler.headers.get("Content-Length") or 0)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=PATIENCE_S)
    try:
        connection.request(
            handler.command, handler.path, handler.rfile.read(length) or None, headers
        )
        found = connection.getresponse()
        body = found.read()
        return ProxiedAnswer(
            handler.command, handler.path, found.status, tuple(found.getheaders()), body
        )
    finally:
        connection.close()


@contextmanager
def proxy(url: str, edit: Edit = unchanged) -> Iterator[str]:
    """
    A server that asks the one at `url` and answers what `edit` makes of its answers; its URL.
    """

    class Forwarding(QuietHandler):
        def _forward(self) -> None:
            answer = edit(_asked(url, self))
            self.send_response_only(answer.code)
            for name, value in answer.headers:
                if name.lower() not in _PER_CONNECTION:
                    self.send_header(name, value)
            # How long an edited answer to GET would be isn't known when HEAD is asked.
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = _forward

    with http_server(Forwarding) as here:
        yield here + urllib.parse.urlsplit(url).path
