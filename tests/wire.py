"""
A loopback server that misbehaves on the wire, a script a path.

    with Wire() as wire:
        wire.url("short-body", "jobs/7")   # http://127.0.0.1:<port>/short-body/jobs/7

The first path segment names the script, so a base URL with a path prefix aims
every request of a target at one fault. `Wire(scripts={...})` adds more.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["BODY", "SCRIPTS", "Certificates", "Script", "ServerConnection", "Wire", "answer", "say"]

BODY = b'{"job_id": "7", "status": "queued"}'
BIG_BYTES = 200 * 1024 * 1024

End = Literal["keep", "close", "reset"]


class ServerConnection:
    """
    One connection, from the server's side.

    Attributes:
        request: The request's head as it came, byte by byte.
        turn: Which request on this connection it is, from 1.
    """

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self._sock = sock
        self._stopping = stopping
        self.request = b""
        self.turn = 0
        self.open = True

    @property
    def method(self) -> str:
        return self.request.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        return self.request.split(b" ", 2)[1].decode("latin-1")

    def read_request(self) -> bool:
        """
        Wait for the next request; False when the peer hangs up.
        """
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self._sock.recv(65536)
            if not data:
                return False
            head += data
            if head.startswith(b"\x16\x03"):  # a TLS hello on a plain port
                self.send(_head(400, ("Content-Length", "0")))
                return False
        self.request = head
        self.turn += 1
        return True

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def drip(self, data: bytes, *, every_s: float) -> None:
        """
        Send one byte at a time until all are sent or the server stops.
        """
        for index in range(len(data)):
            self.send(data[index : index + 1])
            if self._stopping.wait(every_s):
                return

    def pause(self, seconds: float) -> None:
        """
        Let time pass; ends early when the server stops.
        """
        self._stopping.wait(seconds)

    def hold(self) -> None:
        """
        Say nothing until the peer hangs up or the server stops.
        """
        while self._sock.recv(65536):
            pass

    def end(self, how: End) -> None:
        """
        Leave the connection open, close it in order, or reset it.
        """
        if how == "keep":
            return
        if how == "reset":
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.hang_up()

    def hang_up(self) -> None:
        self.open = False
        self._sock.close()


Script = Callable[[ServerConnection], None]


def say(*parts: bytes, end: End = "keep", apart_s: float = 0.0) -> Script:
    """
    A script that sends `parts`, whatever was asked, and ends the connection so.
    """

    def script(line: ServerConnection) -> None:
        for index, part in enumerate(parts):
            if index and apart_s:
                line.pause(apart_s)
            line.send(part)
        line.end(end)

    return script


def answer(
    code: int = 200, body: bytes = BODY, *headers: tuple[str, str], end: End = "keep"
) -> Script:
    """
    A script that gives a correct answer, without the body where HEAD asks.
    """

    def script(line: ServerConnection) -> None:
        head = _head(code, *headers, ("Content-Length", str(len(body))))
        line.send(head if line.method == "HEAD" else head + body)
        line.end(end)

    return script


def _head(code: int, *headers: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {code} Said", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _echo(line: ServerConnection) -> None:
    answer(200, line.request, ("Content-Type", "message/http"))(line)


def _dripping_head(line: ServerConnection) -> None:
    line.drip(_head(200, *((f"X-{n}", "drip") for n in range(500))), every_s=0.05)


def _dripping_body(line: ServerConnection) -> None:
    line.send(_head(200, ("Content-Length", "4000")))
    line.drip(b"x" * 4000, every_s=0.05)


def _endless_interim(line: ServerConnection) -> None:
    while True:
        line.send(_head(103, ("Link", "</style.css>; rel=preload")))
        line.pause(0.05)


def _huge_body(line: ServerConnection) -> None:
    line.send(_head(200, ("Content-Length", str(BIG_BYTES))))
    block = b"x" * 65536
    for _ in range(BIG_BYTES // len(block)):
        line.send(block)


@cache
def _bomb() -> bytes:
    """
    200 MiB of zeros as one gzip member, put together from one repeated block.
    """
    zeros = bytes(1024 * 1024)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    crc, count = 0, BIG_BYTES // len(zeros)
    for _ in range(count):
        crc = zlib.crc32(zeros, crc)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    start = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
    return start + block * count + end + struct.pack("<II", crc, BIG_BYTES)


def _gzip_bomb(line: ServerConnection) -> None:
    answer(200, _bomb(), ("Content-Encoding", "gzip"))(line)


def _redirect_loop(line: ServerConnection) -> None:
    answer(302, b"", ("Location", line.target))(line)


def _flood(start: bytes, drop: bytes) -> Script:
    """
    Far more than any head, as fast as it is taken.
    """

    def script(line: ServerConnection) -> None:
        line.send(start)
        with suppress(OSError):
            for _ in range(BIG_BYTES // (1_000 * len(drop))):
                line.send(drop * 1_000)
        line.end("close")

    return script


def _stale_keep_alive(line: ServerConnection) -> None:
    """
    Answers once on each connection and hangs up on the request after it.
    """
    if line.turn == 1:
        answer()(line)
    else:
        line.end("reset")


def _no_content(line: ServerConnection) -> None:
    line.send(_head(204))


def _coded(coding: str, body: bytes, *, end: End = "keep") -> Script:
    return answer(200, body, ("Content-Encoding", coding), end=end)


def _bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


_FRAMED = _head(200, ("Content-Length", str(len(BODY))))
_CHUNKED = _head(200, ("Transfer-Encoding", "chunked"))
_CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)
_LENGTH = ("Content-Length", str(len(BODY)))


def _reset_in_body(line: ServerConnection) -> None:
    line.send(_FRAMED + BODY[:10])
    # A reset discards what the peer hasn't read, so give it time to read the head.
    line.pause(0.1)
    line.end("reset")


SCRIPTS: Mapping[str, Script] = {
    "ok": answer(),
    "echo": _echo,
    "chunked": say(_CHUNKED + _CHUNK + b"0\r\n\r\n"),
    "trailers": say(_CHUNKED + _CHUNK + b"0\r\nX-Trailer: late\r\n\r\n"),
    "trailers-alone": say(_CHUNKED + b"0\r\nX-Trailer: late\r\n\r\n"),
    "no-content": _no_content,
    "until-close": say(_head(200), BODY, end="close"),
    "close-after": answer(end="close"),
    "gzip": _coded("gzip", gzip.compress(BODY)),
    "gzip-members": _coded("gzip", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])),
    "deflate": _coded("deflate", zlib.compress(BODY)),
    "bare-deflate": _coded("deflate", _bare_deflate(BODY)),
    "unknown-encoding": _coded("zstandard", BODY),
    "interim": say(
        _head(100),
        _head(103, ("Link", "</style.css>")),
        _head(200, ("X-Final", "1"), _LENGTH),
        BODY,
    ),
    # Time
    "silent": ServerConnection.hold,
    "dripping-head": _dripping_head,
    "dripping-body": _dripping_body,
    "endless-interim": _endless_interim,
    "flood-of-interims": _flood(b"", b"HTTP/1.1 103 Said\r\nLink: </a>\r\n\r\n"),
    "flood-of-trailers": _flood(_CHUNKED + _CHUNK + b"0\r\n", b"X-Trailer: late\r\n"),
    # The connection goes away
    "close-before-head": say(end="close"),
    "close-in-head": say(_FRAMED[:30], end="close"),
    "close-before-blank-line": say(_FRAMED[:-2], end="close"),
    "reset-before-head": say(end="reset"),
    "reset-in-head": say(_FRAMED[:30], end="reset"),
    "reset-in-body": _reset_in_body,
    "stale-keep-alive": _stale_keep_alive,
    # Framing
    "short-body": say(_FRAMED, BODY[:10], end="close"),
    "extra-bytes": say(_FRAMED + BODY + b"EXTRA"),
    "extra-bytes-apart": say(_FRAMED, BODY + b"EXTRA", apart_s=0.05),
    "extra-bytes-after-chunks": say(_CHUNKED + _CHUNK + b"0\r\n\r\nEXTRA"),
    "no-content-with-body": say(_head(204) + BODY),
    "head-with-body": say(_FRAMED + BODY),
    "truncated-chunk": say(_CHUNKED, _CHUNK[:10], end="close"),
    "missing-last-chunk": say(_CHUNKED, _CHUNK, end="close"),
    "bad-chunk-size": say(_CHUNKED + b"zz\r\n" + BODY),
    "overlong-chunk": say(_CHUNKED + b"5\r\nhello world\r\n0\r\n\r\n"),
    "wrong-content-length": say(_head(200, ("Content-Length", "many")) + BODY),
    "negative-content-length": say(_head(200, ("Content-Length", "-5")) + BODY),
    "endless-content-length": say(_head(200, ("Content-Length", "9" * 30)) + BODY),
    "duplicate-content-length": say(_head(200, _LENGTH, ("Content-Length", "7")) + BODY),
    "unasked-transfer-coding": say(_head(200, ("Transfer-Encoding", "gzip, chunked")) + _CHUNK),
    # Not HTTP
    "not-http": say(b"220 mail.example ESMTP ready\r\n", end="close"),
    "wrong-version": say(b"HTTP/2 200\r\nContent-Length: 0\r\n\r\n"),
    "small-version": say(b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "long-code": say(b"HTTP/1.1 2000 Many\r\nContent-Length: 0\r\n\r\n"),
    "header-without-colon": say(b"HTTP/1.1 200 Said\r\nnonsense\r\nContent-Length: 0\r\n\r\n"),
    "nul-in-header": say(b"HTTP/1.1 200 Said\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n"),
    # Encoding
    "gzip-lie": _coded("gzip", BODY),
    "gzip-cut": _coded("gzip", gzip.compress(BODY)[:-6]),
    "gzip-trailing": _coded("gzip", gzip.compress(BODY) + b"EXTRA"),
    "deflate-lie": _coded("deflate", b"\xff" + BODY),
    "deflate-trailing": _coded("deflate", zlib.compress(BODY) + b"EXTRA"),
    # Size
    "huge-body": _huge_body,
    "gzip-bomb": _gzip_bomb,
    "huge-header": say(_head(200, ("X-Huge", "x" * 90_000), _LENGTH) + BODY),
    "overlong-header": say(_head(200, ("X-Huge", "x" * 200_000), _LENGTH) + BODY),
    "many-headers": say(_head(200, *(("X-Many", "x") for _ in range(30_000)), _LENGTH) + BODY),
    # Elsewhere
    "redirect-loop": _redirect_loop,
    "redirect-to-metadata": answer(302, b"", ("Location", "http://169.254.169.254/latest/")),
}
"""
Every script by its name in the URL.
"""


class Wire:
    """
    The server; a thread a connection, all of them gone when it closes.

    Args:
        scripts: Further scripts by name; they win over `SCRIPTS`.
        tls: Speak TLS with this context.
        mute: Accept and say nothing, not even a TLS handshake.

    Attributes:
        requests: Every request's head, as it came.
        connections: How many were accepted.
    """

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        mute: bool = False,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> None:
        self._scripts = {**SCRIPTS, **(scripts or {})}
        self._tls = tls
        self._mute = mute
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.requests: list[bytes] = []
        self.connections = 0
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        self.host = host if family == socket.AF_INET else f"[{host}]"
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    def url(self, *path: str, scheme: str | None = None, host: str | None = None) -> str:
        """
        Where the script named by the first of `path` is asked.
        """
        scheme = scheme or ("https" if self._tls or self._mute else "http")
        return f"{scheme}://{host or self.host}:{self.port}/{'/'.join(path)}"

    def close(self) -> None:
        """
        Hang up on everyone and wait for every thread.
        """
        self._stopping.set()
        with self._lock:
            sockets = [self._listener, *self._open]
        for sock in sockets:
            _shut(sock)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a connection's thread outlived its server"
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
            self._start(self._serve, sock)

    def _serve(self, accepted: socket.socket) -> None:
        sock = accepted
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None and not self._mute:
                sock = self._tls.wrap_socket(accepted, server_side=True)
                self._swap(accepted, sock)
            self._converse(ServerConnection(sock, self._stopping))
        except OSError:
            pass  # the peer hung up, or the server closes
        finally:
            self._swap(sock, None)
            sock.close()

    def _converse(self, line: ServerConnection) -> None:
        if self._mute:
            line.hold()
            return
        while line.open and not self._stopping.is_set() and line.read_request():
            with self._lock:
                self.requests.append(line.request)
            name = line.target.split("?")[0].strip("/").split("/")[0]
            self._scripts.get(name, answer(404, b"{}"))(line)

    def _swap(self, old: socket.socket, new: socket.socket | None) -> None:
        with self._lock:
            self._open.discard(old)
            if new is not None:
                self._open.add(new)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # it may have gone away by itself
        sock.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class Certificates:
    """
    A private authority, and server contexts good and bad.
    """

    authority: trustme.CA

    @classmethod
    def new(cls) -> Self:
        return cls(trustme.CA())

    def bundle(self, folder: Path) -> Path:
        """
        The authority's certificate as a PEM file in `folder`.
        """
        path = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(path)
        return path

    def good(self, *, not_after: datetime | None = None) -> ssl.SSLContext:
        return _context(
            self.authority.issue_cert("localhost", "127.0.0.1", "::1", not_after=not_after)
        )

    def expired(self) -> ssl.SSLContext:
        now = datetime.now(UTC)
        before, after = now - timedelta(days=9), now - timedelta(days=2)
        return _context(
            self.authority.issue_cert("localhost", "127.0.0.1", not_before=before, not_after=after)
        )

    def wrong_host(self) -> ssl.SSLContext:
        return _context(self.authority.issue_cert("elsewhere.test"))

    def self_signed(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "self-signed.pem"
            path.write_bytes(_self_signed_pem())
            context.load_cert_chain(path)
        return context


def _self_signed_pem() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + certificate.public_bytes(Encoding.PEM)


def _context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context
