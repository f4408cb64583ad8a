"""
The server: nobody holds it up by being slow, many, or large.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, cycle
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.probes.web_world import World, open_world
from tests.tools import PATIENCE_S, until

from jobproof.probes.web.server import WebLimits, WebServer

_REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def _read_all(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        return b"".join(parts)
    return b"".join(parts)


@contextmanager
def _serving(app: ASGIApp, limits: WebLimits) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = WebServer(app, listener, limits=limits)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.stop()


def _timed(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


def test_a_peer_that_says_nothing_is_let_go(tmp_path: Path) -> None:
    with open_world(tmp_path, limits=WebLimits(request_s=0.3)) as world:
        with _connect(world.port) as connection:
            took = _timed(lambda: _read_all(connection))
        assert took > 0.2


def test_a_peer_that_drips_its_headers_is_let_go(tmp_path: Path) -> None:
    with open_world(tmp_path, limits=WebLimits(request_s=0.4)) as world:
        with _connect(world.port) as connection:
            connection.settimeout(0.05)
            start = time.monotonic()
            bytes_sent = chain(_REQUEST[:-2], cycle(b"X-A: b\r\n"))
            until(lambda: _is_closed(connection, bytes([next(bytes_sent)])))
        assert time.monotonic() - start > 0.3


def _is_closed(connection: socket.socket, byte: bytes) -> bool:
    try:
        connection.send(byte)
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_peer_that_drips_its_body_is_let_go(tmp_path: Path) -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("read")(scope, receive, send)

    with (
        _serving(reads, WebLimits(request_s=0.3)) as port,
        _connect(port) as connection,
    ):
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert b"read" not in _read_all(connection)


def test_a_peer_that_never_reads_is_let_go() -> None:
    ended = threading.Event()

    async def streams(scope: Scope, receive: Receive, send: Send) -> None:
        async def parts() -> object:
            try:
                while True:
                    yield b"x" * 65_536
                    await asyncio.sleep(0)
            finally:
                ended.set()

        await StreamingResponse(parts())(scope, receive, send)  # type: ignore[arg-type]

    with _serving(streams, WebLimits(answer_s=0.5)) as port, _connect(port) as connection:
        connection.sendall(_REQUEST)
        assert ended.wait(PATIENCE_S)


def test_an_idle_connection_is_let_go(tmp_path: Path) -> None:
    with open_world(tmp_path, limits=WebLimits(idle_s=1.0)) as world:
        with _connect(world.port) as connection:
            connection.sendall(_REQUEST)
            answer = _read_all(connection)
        assert b"jobproof is healthy." in answer


def test_a_connection_may_ask_again(tmp_path: Path) -> None:
    limits = WebLimits(request_s=30.0)
    with open_world(tmp_path, limits=limits) as world, _connect(world.port) as connection:
        for _ in range(3):
            connection.sendall(_REQUEST)
            answer = b""
            while not answer.endswith(b"healthy.\n"):
                part = connection.recv(4_096)
                assert part
                answer += part


@pytest.mark.parametrize(
    "head",
    [
        b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
        b"GET /" + b"z" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n" + b"z" * 40_000,
    ],
)
def test_an_oversized_head_is_refused(tmp_path: Path, head: bytes) -> None:
    with open_world(tmp_path) as world:
        with _connect(world.port) as connection:
            connection.sendall(head)
            answer = _read_all(connection)
        # Where bytes are still under way, the reset may overtake the answer.
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")) or answer == b""
        assert world.ask("/-/healthy").code == 200


@pytest.mark.parametrize(
    "bytes_",
    [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 999],
)
def test_noise_is_survived(tmp_path: Path, bytes_: bytes) -> None:
    with open_world(tmp_path, limits=WebLimits(request_s=0.5)) as world:
        with _connect(world.port) as connection:
            connection.sendall(bytes_)
            assert b" 200 " not in _read_all(connection)
        assert world.ask("/-/healthy").code == 200


def _code(world: World) -> int:
    try:
        return world.ask("/-/healthy").code
    except OSError:
        return 0  # dropped without a word


def test_connections_are_bounded_and_come_free_again(tmp_path: Path) -> None:
    # Nobody is let go for silence while the rest are still connecting, however long it takes.
    limits = WebLimits(connections=20, request_s=60.0)
    with open_world(tmp_path, limits=limits) as world:
        before = threading.active_count()
        lines = [_connect(world.port) for _ in range(300)]
        refused_code = _code(world)
        assert threading.active_count() - before < 10
        for connection in lines:
            connection.close()
        assert refused_code in (503, 0)
        until(lambda: _code(world) == 200, what="a free connection")


def test_stopping_ends_open_connections(tmp_path: Path) -> None:
    with open_world(tmp_path) as world:
        connection = _connect(world.port)
        connection.sendall(_REQUEST)
        assert b"200" in connection.recv(100)
    _read_all(connection)
    connection.close()
    with pytest.raises(OSError, match="refused"):
        _connect(world.port)


def test_a_second_server_on_a_dead_socket_says_so() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.close()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("never")(scope, receive, send)

    with pytest.raises(RuntimeError, match="the web server didn't start"):
        WebServer(app, listener).start()


_CHUNK = b"0\r\n\r\n"


@pytest.mark.parametrize("length", [b"Content-Length: 5", b"content-length:44"])
def test_a_request_with_two_ends_is_refused_and_the_next_not_read(
    tmp_path: Path, length: bytes
) -> None:
    head = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + length
    with open_world(tmp_path) as world:
        with _connect(world.port) as connection:
            # What one of us takes for a body is a request to the other.
            connection.sendall(head + b"\r\n\r\n" + _CHUNK + _REQUEST)
            answer = _read_all(connection)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1 ") == 1
        assert world.daemon.reloads == 0
        with _connect(world.port) as connection:
            one = head.replace(length, b"Connection: close")
            connection.sendall(one + b"\r\n\r\n" + _CHUNK)
            assert _read_all(connection).startswith(b"HTTP/1.1 200 ")
        assert world.daemon.reloads == 1
