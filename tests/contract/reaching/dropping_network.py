"""
A network that drops in the middle: every connection is reset, nobody listens for a while, and then
everything is as before.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.staging import Front
from tests.tools import PATIENCE_S

__all__ = ["DroppingNetwork", "dropping_network"]

_NO_LINGERING = (1).to_bytes(4, "little") + bytes(4)
"""Closing sends a reset."""


class DroppingNetwork:
    """
    Attributes:
        drops: How often it has dropped; once at most.
    """

    def __init__(self, front: Front, *, at: int, seconds: float) -> None:
        self._to = ("127.0.0.1", int(front.url.rpartition(":")[2].partition("/")[0]))
        self._front, self._at, self._seconds = front, at, seconds
        self._lock = threading.Lock()
        self._lines: set[socket.socket] = set()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.drops = 0

    def serve(self) -> None:
        """
        Pass on until the end, over the drop.
        """
        while not self._ended.is_set():
            with suppress(OSError):
                while True:
                    line, _ = self._listener.accept()
                    threading.Thread(target=self._pass_on, args=(line,), daemon=True).start()
            # Nobody listens now.
            self._ended.wait(self._seconds)
            if not self._ended.is_set():
                self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)

    def end(self) -> None:
        """
        Reset what is open, and listen no more.
        """
        self._ended.set()
        self._reset()

    def _pass_on(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self._to) as server:
            with self._lock:
                self._lines.add(client)
            back = threading.Thread(target=self._back, args=(server, client), daemon=True)
            back.start()
            while data := client.recv(65_536):
                if self._drops_now():
                    self._reset()
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
            back.join()

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def _drops_now(self) -> bool:
        with self._lock:
            is_time = self.drops == 0 and self._front.requests >= self._at
            self.drops += is_time
            return is_time

    def _reset(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            lines, self._lines = self._lines, set()
        for line in lines:
            with suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
                # A thread that waits for it would keep it open.
                line.shutdown(socket.SHUT_RD)
                line.close()


@contextmanager
def dropping_network(front: Front, *, at: int, seconds: float) -> Iterator[DroppingNetwork]:
    """
    One before `front`, which drops with the next request once that has got `at`.
    """
    network = DroppingNetwork(front, at=at, seconds=seconds)
    thread = threading.Thread(target=network.serve, daemon=True)
    thread.start()
    try:
        yield network
    finally:
        network.end()
        thread.join(PATIENCE_S)
