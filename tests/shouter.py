"""
A server whose answers hold what steers a terminal, turns the direction of writing or begins a
line of its own, in every part that an answer has; and who looks for it.
"""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from tests.servers import QuietHandler, http_server

__all__ = ["FORGED", "SHOUT", "Shouter", "raw_in"]

FORGED = "2026-01-01T00:00:00.000Z ERROR   forged: all is lost"
"""A line that no output may begin with."""

SHOUT = (
    "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m\x85\u202egnp.exe\u2066\u200f"
    f"<script>alert(1)</script>\r\n{FORGED}\n{FORGED}\u2028{FORGED}\u2029\x00\x08\x7f\ufeff"
)
"""Signs of every sort that a reader isn't sent: C0, C1, ESC, bidi, ends of lines."""

_LINES = ("\n", "\r", "\x85", "\u2028", "\u2029")
_JOB = {"status": "completed", "created_at": "2026-11-20T00:00:00Z"}


def raw_in(output: str) -> set[str]:
    """
    What stands in an output, and should have been shown escaped, by the names of the signs.
    """
    signs = {
        f"U+{ord(sign):04X}"
        for sign in set(output) - {"\n"}
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    forged = {"a forged line" for line in output.split("\n") if line.startswith(FORGED)}
    return signs | forged


class Shouter:
    """
    Shouts in a part of each answer, by turns.
    """

    def __init__(self) -> None:
        self.url = ""
        self.turns = len(_PARTS)
        self._turn = itertools.count()

    def next_part(self) -> str:
        """
        In which part the next answer does so.
        """
        return _PARTS[next(self._turn) % len(_PARTS)]

    @contextmanager
    def serve(self) -> Iterator[Shouter]:
        """
        On a free port, until the block ends.
        """
        with http_server(type("Handler", (_ShoutingHandler,), {"shouter": self})) as self.url:
            yield self


def _body(part: str, job_id: str) -> bytes:
    value: dict[str, object] = {"job_id": job_id, **_JOB}
    if part in ("status", "job_id", "created_at"):
        value[part] = SHOUT
    elif part == "error":
        value |= {"status": "failed", "error": {"code": SHOUT, "message": SHOUT}}
    elif part == "result":
        value["result"] = {"urls": [SHOUT, f"https://h/{SHOUT}"]}
    elif part == "key":
        value[SHOUT] = {SHOUT: [SHOUT]}
    elif part == "all":
        value = {"job_id": SHOUT, "status": SHOUT, "created_at": SHOUT, SHOUT: SHOUT}
    elif part == "raw":
        return f'{{"job_id": "{job_id}", "status": "{SHOUT}", "x": {SHOUT}'.encode()
    elif part == "bytes":
        return SHOUT.encode("utf-16") + b"\xff\xfe\x9b31m"
    elif part == "html":
        return f"Traceback (most recent call last):\n  {SHOUT}\nOSError: {SHOUT}".encode()
    return json.dumps(value, ensure_ascii=part != "all").encode()


_PARTS = (
    *("status", "job_id", "created_at", "error", "result", "key", "all", "raw", "bytes"),
    *("html", "reason", "headers", "names", "cut", "no http", "type"),
)


class _ShoutingHandler(QuietHandler):
    protocol_version = "HTTP/1.1"
    shouter: ClassVar[Shouter]

    def do_GET(self) -> None:
        part = self.shouter.next_part()
        body = _body(part, self.path.rpartition("/")[2])
        # What would end the line, or the head, has no place in them.
        shout = "".join(sign for sign in SHOUT if sign not in "\r\n\0").encode()
        reason = shout if part == "reason" else b"OK"
        kind = b"application/json; charset=" + shout if part == "type" else b"application/json"
        code = b"500" if part == "html" else b"200"
        first = b"HTTP/1.1 " + code + b" " + reason
        head = [shout if part == "no http" else first, b"Content-Type: " + kind]
        head.append(b"Content-Length: %d" % (len(body) + 9 * (part == "cut")))
        if part == "headers":
            names = (b"X-Echo", b"Location", b"ETag", b"Retry-After", b"Set-Cookie", b"Date")
            head += (name + b": " + shout for name in names)
        if part == "names":
            head += (b"X-" + shout + b": 1", b"WWW-Authenticate: Bearer " + shout)
        self.wfile.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.close_connection = part in ("cut", "no http", "names")

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET
