"""
An answer as it arrives: head and body, decoded while they come, within limits.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.headers import header_values
from jobproof.contract.model.exchange import Response

__all__ = ["Limits", "ResponseParser", "one_line"]

# libcurl counts in 64 bits with a sign.
_MOST_BYTES = 2**63 - 1
_SAMPLE_BYTES = 65_536
_SLICE_BYTES = 16_384
_MOST_CODINGS = 5
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
# libcurl's own, in the place of a pseudo-header.
_HTTP2_STATUS_LINE = re.compile(rb"HTTP/(2) ([1-9][0-9]{2}) ?\r?\n")
_LOOSE_STATUS_LINE = re.compile(rb"HTTP/([0-9.]+) ([0-9]{3})")
_NO_STATUS_LINE = "the status line isn't `HTTP/1.x` and a three-digit code"
_BLANK = frozenset({b"\r\n", b"\n", b"\r", b""})


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Where reading stops.

    Attributes:
        body_bytes: Cap on the decoded body, and on the bytes it was decoded from.
        head_bytes: Cap on status lines and headers together, 1xx included.
        connect_s: Seconds for DNS, connect and TLS; None leaves them the whole deadline.
    """

    body_bytes: int = 1024 * 1024
    head_bytes: int = 64 * 1024
    connect_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("body_bytes", "head_bytes", "connect_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be more than 0, not {value!r}")


class ResponseParser:
    """
    An answer as it arrives, never more of it than the limits allow.

    libcurl hands over a head line by line, each while the clock runs. So a line is only put
    aside, by `lines.append` and no Python of ours, and all are read together once the body
    begins or the answer ends.

    Args:
        http2: The connection may speak HTTP/2.

    Attributes:
        lines: The lines of every head so far, and of trailers.
        interim: Whether another answer, of a 1xx code, came before the final one.
        interim_closes: Whether such a one announced the end of the connection.
        final_at: The monotonic moment at which the final answer began; where no line was taken
            by `take_line`, that of the first bytes of its body; None without either.
        complete: Whether the blank line after the final head came.
        malformed: What is wrong with the head, where libcurl let it pass.
        overflow: Which cap was passed.
        undecodable: Why the body isn't what `Content-Encoding` says.
        excess: Whether libcurl logged bytes after the end.
        code: That of the last status line; 0 before one came.
        http_version: The same of the version; "" before one came.
        headers: Those of the last head, in wire order.
    """

    def __init__(self, limits: Limits, *, http2: bool = False) -> None:
        self._limits = limits
        self._http2 = http2
        self.lines: list[bytes] = []
        self.clear()

    def clear(self) -> None:
        """
        Forget the answer, so that the next one on this connection can arrive.
        """
        self.lines.clear()
        self.interim = False
        self.interim_closes = False
        self.final_at: float | None = None
        self.complete = False
        self.malformed = ""
        self.overflow = ""
        self.undecodable = ""
        self.excess = False
        self.code = 0
        self.http_version = ""
        self.headers: list[tuple[str, str]] = []
        self._raw = bytearray()
        self._decoded = bytearray()
        self._decoders: tuple[_Decoder, ...] = ()

    @property
    def aborted(self) -> bool:
        """
        Whether reading was stopped from here.
        """
        return bool(self.overflow or self.malformed)

    def take_line(self, line: bytes) -> None:
        """
        libcurl's header callback where the peer is known to send interim answers: `lines.append`,
        and the moment at which each answer began.
        """
        if line.startswith(b"HTTP/"):
            self.final_at = time.monotonic()
        self.lines.append(line)

    def take_body(self, data: bytes) -> int | None:
        """
        libcurl's write callback: 0 ends the transfer.
        """
        if not self.complete:
            if self.final_at is None:
                self.final_at = time.monotonic()
            self._read_head()
            if self.overflow or self.malformed:
                return 0
        room = self._limits.body_bytes - len(self._raw)
        if len(data) > room:
            self.overflow = f"the body passed {self._limits.body_bytes} bytes"
            data = data[:room]
        self._raw += data
        if self._decoders and not self.undecodable:
            self._decode(data)
        return 0 if self.overflow else None

    def take_log(self, kind: int, text: bytes) -> None:
        """
        libcurl's debug callback.
        """
        # Kind 0 is libcurl's own text; other kinds hold headers and data, the token included.
        if kind == 0 and text.startswith((b"Leftovers after chunking", b"Excess found")):
            self.excess = True

    def finish(self) -> None:
        """
        Nothing more will come.
        """
        if not self.complete:
            self._read_head()
        # An answer to HEAD names a coding and has no body that could be cut off.
        if self._raw and not self.undecodable:
            for decoder in self._decoders:
                if not decoder.ended:
                    self.undecodable = f"{decoder.coding}: the stream is cut off"
                    return

    def response(self) -> Response:
        """
        The answer as far as it came.
        """
        # Of what passed a cap only a sample is of use, and copies of it cost memory.
        end = _SAMPLE_BYTES if self.overflow else None
        raw = bytes(self._raw[:end])
        return Response(
            code=self.code,
            headers=tuple(self.headers),
            body=bytes(self._decoded[:end]) if self._decoders else raw,
            raw=raw,
            http_version=self.http_version,
        )

    def _read_head(self) -> None:
        size = 0
        # Until one is read: libcurl takes `http/1.1`, too.
        fault = _NO_STATUS_LINE
        for line in self.lines:
            size += len(line)
            if size > self._limits.head_bytes:
                self.overflow = f"the head passed {self._limits.head_bytes} bytes"
                return
            if line.startswith(b"HTTP/"):
                self.code, self.http_version, fault = _read_status_line(line, self._http2)
                self.headers = []
            elif line in _BLANK:
                # An interim answer is followed by another head; 101 ends HTTP on this connection.
                if not 100 <= self.code < 200 or self.code == 101:
                    self._end_head(fault)
                    return  # whatever follows are trailers
                self._end_interim()
            else:
                # Latin-1 takes every byte, as RFC 9110 5.5 lets values hold them: none is lost.
                name, _, value = line.decode("latin-1").partition(":")
                self.headers.append((name, value.strip(" \t\r\n")))

    def _end_interim(self) -> None:
        self.interim = True
        connection = ",".join(header_values(self.headers, "connection")).lower()
        self.interim_closes |= self.http_version != "1.1" or "close" in connection

    def _end_head(self, fault: str) -> None:
        self.complete = True
        self.malformed = fault
        if not fault and any(map(_is_unbounded, header_values(self.headers, "content-length"))):
            # libcurl would read on until the peer hangs up.
            self.malformed = "Content-Length is more than any body can hold"
        # The range of a 206 is cut from the encoded bytes (RFC 9110 14.1.2), so nothing undoes it.
        if self.code != 206:
            self._decoders = _decoders_for(header_values(self.headers, "content-encoding"))

    def _decode(self, data: bytes) -> None:
        cap = self._limits.body_bytes
        for decoder in self._decoders:
            # What came out of the one before may be nothing yet.
            if not data:
                return
            try:
                # One byte beyond the cap is enough to know that it was passed, so a bomb never
                # unfolds, nor one inside another.
                data = decoder.feed(data, cap + 1 - decoder.given)
            except zlib.error as error:
                self.undecodable = f"{decoder.coding}: {one_line(str(error))}"
                return
            if decoder.given > cap:
                self.overflow = f"the decoded body passed {cap} bytes"
        self._decoded += data
        del self._decoded[cap:]


class _Decoder:
    """
    Undoes one content coding, never giving more than it is asked for.

    Attributes:
        given: How many bytes it has given so far.
    """

    def __init__(self, coding: str) -> None:
        self.coding = coding
        self.given = 0
        self._start = b""
        self._is_begun = False
        # 31 is 15, the largest window, and 16 for the framing of gzip.
        self._stream = zlib.decompressobj(31) if coding == "gzip" else None

    @property
    def ended(self) -> bool:
        return not self._is_begun or (self._stream is not None and self._stream.eof)

    def feed(self, data: bytes, room: int) -> bytes:
        """
        At most `room` (1 or more) further bytes.

        Raises:
            zlib.error: `data` isn't of the coding, or goes on after its end.
        """
        self._is_begun = True
        if self._stream is None:
            self._start += data
            # Two bytes tell framed from bare deflate; a chunk may bring one.
            if len(self._start) < 2:
                return b""
            data, self._stream = self._start, zlib.decompressobj(_deflate_window(self._start))
        out = bytearray()
        # In slices: a member's end copies all that follows it, and a coding within another
        # brings a body's worth of the shortest members at once.
        for start in range(0, len(data), _SLICE_BYTES):
            part = data[start : start + _SLICE_BYTES]
            while part and len(out) < room:
                if self._stream.eof:
                    if self.coding != "gzip":
                        raise zlib.error("bytes follow the end of the stream")
                    self._stream = zlib.decompressobj(31)  # gzip members may follow one another
                out += self._stream.decompress(part, room - len(out))
                part = self._stream.unused_data
        self.given += len(out)
        return bytes(out)


@lru_cache(maxsize=32)
def _read_status_line(line: bytes, http2: bool) -> tuple[int, str, str]:
    """
    Code, version, and what is wrong with it.
    """
    match = _STATUS_LINE.fullmatch(line) or (http2 and _HTTP2_STATUS_LINE.fullmatch(line))
    if match:
        return int(match[2]), match[1].decode(), ""
    loose = _LOOSE_STATUS_LINE.match(line)
    code, version = (int(loose[2]), loose[1].decode()) if loose else (0, "")
    return code, version, _NO_STATUS_LINE


def _is_unbounded(length: str) -> bool:
    return read_digits(length, most=_MOST_BYTES + 1) == _MOST_BYTES + 1


def _decoders_for(values: Sequence[str]) -> tuple[_Decoder, ...]:
    """
    Those that undo what `Content-Encoding` lists, the last one first; none where one of them is
    unknown, and no more than any server has a reason for.
    """
    tokens = ",".join(values).split(",")
    codings = [word for word in (w.strip().lower() for w in tokens) if word not in ("", "identity")]
    known = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
    if not all(coding in known for coding in codings):
        return ()
    return tuple(_Decoder(known[coding]) for coding in codings[: -_MOST_CODINGS - 1 : -1])


def _deflate_window(start: bytes) -> int:
    # RFC 9110 means zlib by "deflate"; many servers send it bare.
    framed = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if framed else -zlib.MAX_WBITS


def one_line(text: str) -> str:
    """
    Somebody else's text as one printable line of bounded length.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
