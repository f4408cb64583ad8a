"""
HTTP/1.1 on a socket: read one request, write one answer, correctly or as a fault wants it.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http import HTTPStatus

from jobproof.contract.formats.digits import read_digits, read_hex
from jobproof.contract.mock.answer import MockAnswer, MockRequest

__all__ = ["BadRequest", "ReceivedRequest", "RequestReader", "frame"]

# Far more than any id that fuzzing sends; bodies are read only to be skipped.
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
    A request, and what the client wants of its connection.

    Attributes:
        keep_alive: Whether the client may send another request on it.
    """

    request: MockRequest
    keep_alive: bool


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
        head = self._read_head()
        if head is None:
            return None
        # Latin-1 keeps every byte: what the target means is for the endpoint to say.
        line, *fields = head.decode("latin-1").split("\r\n")
        # RFC 9112 3.2: exactly three words, so a target with a space in it is an error.
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[0]:
            raise BadRequest(400)
        headers = []
        for text in fields:
            name, colon, value = text.partition(":")
            # RFC 9112 5.1 and 5.2: no blank before the colon, no folded lines.
            if not colon or not name or name != name.strip():
                raise BadRequest(400)
            headers.append((name, value.strip()))
        request = MockRequest(words[0], words[1], tuple(headers))
        self._skip_body(request)
        # RFC 9112 9.3: HTTP/1.1 goes on unless it says close, 1.0 only if it says keep-alive.
        connection = (request.header("connection") or "").lower()
        keep = "close" not in connection and (words[2] != "HTTP/1.0" or "keep-alive" in connection)
        return ReceivedRequest(request, keep)

    def _read_head(self) -> bytes | None:
        while True:
            while self._buffer[:2] == b"\r\n":  # RFC 9112 2.2: an empty line before is ignored
                del self._buffer[:2]
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                head = bytes(self._buffer[:end])
                del self._buffer[: end + 4]
                return head
            if len(self._buffer) > _HEAD_LIMIT:
                raise BadRequest(431)
            if not self._receive():
                return None

    def _skip_body(self, request: MockRequest) -> None:
        # RFC 9110 10.1.1: the client waits for this before it sends the body.
        if (request.header("expect") or "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        # RFC 9112 6.3: Transfer-Encoding overrides Content-Length.
        if request.header("transfer-encoding") is not None:
            self._skip_chunks()
            return
        length = read_digits(request.header("content-length") or "0", most=_BODY_LIMIT + 1)
        if length is None:
            raise BadRequest(400)
        if length > _BODY_LIMIT:
            raise BadRequest(413)
        self._discard(length)

    def _skip_chunks(self) -> None:
        total = 0
        while True:
            # What follows a semicolon are chunk extensions, which mean nothing here.
            text = self._read_line().partition(b";")[0].strip(b" \t").decode("latin-1")
            size = read_hex(text, most=_BODY_LIMIT + 1)
            if size is None:
                raise BadRequest(400)
            total += size
            if total > _BODY_LIMIT:
                raise BadRequest(413)
            if size == 0:
                while self._read_line():  # trailers
                    continue
                return
            self._discard(size + 2)  # with the line end after the chunk

    def _read_line(self) -> bytes:
        while True:
            end = self._buffer.find(b"\r\n")
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                return line
            if len(self._buffer) > _HEAD_LIMIT or not self._receive():
                raise BadRequest(400)

    def _discard(self, size: int) -> None:
        while len(self._buffer) < size:
            if not self._receive():
                raise BadRequest(400)
        del self._buffer[:size]

    def _receive(self) -> bool:
        data = self._connection.recv(65536)
        self._buffer += data
        return bool(data)


def frame(answer: MockAnswer, *, keep_alive: bool) -> bytes:
    """
    The bytes of one answer, head and body together.

    One piece on purpose: head and body in two sends wait for each other's ACK.
    """
    wire = answer.wire
    lines = [f"HTTP/1.1 {answer.code} {_reason_phrase(answer.code)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    # RFC 9112 6.3: these never have a body; RFC 9110 8.6: a 1xx or 204 no length either.
    without_body = answer.code in (204, 304) or answer.code < 200
    if wire.chunked:
        lines.append("Transfer-Encoding: chunked")
    if wire.length_too or not (wire.chunked or without_body):
        length = len(answer.body) if wire.declared_length is None else wire.declared_length
        lines.append(f"Content-Length: {length}")
    if not keep_alive:
        lines.append("Connection: close")
    head = wire.before + "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    if wire.omit_body or without_body:
        return head + wire.behind
    body = _chunks(answer) if wire.chunked else answer.body[: wire.truncated_at]
    return head + body + wire.behind


def _chunks(answer: MockAnswer) -> bytes:
    # Two chunks: the least that shows a reader who takes the first for the whole.
    size = max(1, len(answer.body) // 2 + 1)
    parts = [answer.body[i : i + size] for i in range(0, len(answer.body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    # Cut, it also lacks the last chunk: its absence is what tells a client of the cut.
    if answer.wire.truncated_at is not None:
        return chunks[: answer.wire.truncated_at]
    return chunks + b"0\r\n\r\n"


def _reason_phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:  # a script may answer with a code that has no name
        return "Unknown"
