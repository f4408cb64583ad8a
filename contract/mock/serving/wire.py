"""
HTTP/1.1 on a socket: read one request, write one answer, honest or not.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http import HTTPStatus

from jobproof.contract.formats.digits import read_digits, read_hex
from jobproof.contract.mock.answer import MockAnswer, MockRequest

__all__ = ["BadRequest", "ReceivedRequest", "RequestReader", "frame"]

_HEAD_LIMIT = 128 * 1024
_BODY_LIMIT = 4 * 1024 * 1024


class BadRequest(Exception):
    """
    Bytes that are no request; the connection can't go on.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """
    Attributes:
        keep: Whether the client lets the connection live.
    """

    ask: MockRequest
    keep: bool


class RequestReader:
    """
    The requests of one connection, one after the other.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def next(self) -> ReceivedRequest | None:
        """
        The next request; None when the client has gone.

        Raises:
            BadRequest: What came is no HTTP request, or too long.
            OSError: The connection broke or was silent for too long.
        """
        head = self._head()
        if head is None:
            return None
        line, *fields = head.decode("latin-1").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[0]:
            raise BadRequest(400)
        headers = []
        for text in fields:
            name, colon, value = text.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest(400)
            headers.append((name, value.strip()))
        ask = MockRequest(words[0], words[1], tuple(headers))
        self._skip_body(ask)
        wish = (ask.header("connection") or "").lower()
        keep = "close" not in wish and (words[2] != "HTTP/1.0" or "keep-alive" in wish)
        return ReceivedRequest(ask, keep)

    def _head(self) -> bytes | None:
        while True:
            while self._buffer[:2] == b"\r\n":  # RFC 9112 2.2: tolerate an empty line before
                del self._buffer[:2]
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                head = bytes(self._buffer[:end])
                del self._buffer[: end + 4]
                return head
            if len(self._buffer) > _HEAD_LIMIT:
                raise BadRequest(431)
            if not self._more():
                return None

    def _skip_body(self, ask: MockRequest) -> None:
        if (ask.header("expect") or "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if ask.header("transfer-encoding") is not None:
            self._skip_chunks()
            return
        length = read_digits(ask.header("content-length") or "0", most=_BODY_LIMIT + 1)
        if length is None:
            raise BadRequest(400)
        if length > _BODY_LIMIT:
            raise BadRequest(413)
        self._take(length)

    def _skip_chunks(self) -> None:
        total = 0
        while True:
            text = self._line().partition(b";")[0].strip(b" \t").decode("latin-1")
            size = read_hex(text, most=_BODY_LIMIT + 1)
            if size is None:
                raise BadRequest(400)
            total += size
            if total > _BODY_LIMIT:
                raise BadRequest(413)
            if size == 0:
                while self._line():  # trailers
                    continue
                return
            self._take(size + 2)

    def _line(self) -> bytes:
        while True:
            end = self._buffer.find(b"\r\n")
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                return line
            if len(self._buffer) > _HEAD_LIMIT or not self._more():
                raise BadRequest(400)

    def _take(self, size: int) -> None:
        while len(self._buffer) < size:
            if not self._more():
                raise BadRequest(400)
        del self._buffer[:size]

    def _more(self) -> bool:
        data = self._connection.recv(65536)
        self._buffer += data
        return bool(data)


def frame(answer: MockAnswer, *, keep: bool) -> bytes:
    """
    The bytes of one answer, head and body together.

    One piece on purpose: head and body in two sends wait for each other's ACK.
    """
    wire = answer.wire
    reason = _phrase(answer.code)
    lines = [f"HTTP/1.1 {answer.code} {reason}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    without_body = answer.code in (204, 304) or answer.code < 200
    if wire.chunked:
        lines.append("Transfer-Encoding: chunked")
    elif not without_body:
        announced = len(answer.body) if wire.announced is None else wire.announced
        lines.append(f"Content-Length: {announced}")
    if not keep:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    if wire.bodyless or without_body:
        return head
    return head + (_chunks(answer) if wire.chunked else answer.body[: wire.cut])


def _chunks(answer: MockAnswer) -> bytes:
    size = max(1, len(answer.body) // 2 + 1)
    parts = [answer.body[i : i + size] for i in range(0, len(answer.body), size)]
    whole = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    if answer.wire.cut is not None:
        return whole[: answer.wire.cut]
    return whole + b"0\r\n\r\n"


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"
