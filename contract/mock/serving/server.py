"""
The mocked endpoint on a real socket, threads and all.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import AbstractContextManager, suppress
from itertools import count
from typing import Unpack

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.answer import MockAnswer
from jobproof.contract.mock.endpoint import LoggedRequest, Mock, MockOptions
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.serving.wire import BadRequest, ReceivedRequest, RequestReader, frame
from jobproof.contract.model.api import Api

__all__ = ["MockServer"]

# Beyond them clients wait to be accepted, so a burst starts no thousands of threads.
_MAX_CONNECTIONS = 256
_IDLE_TIMEOUT_S = 60.0
# Longer than any client of ours waits; without it a forgotten connection held its slot for good.
_SILENCE_LIMIT_S = 600.0


class MockServer(AbstractContextManager["MockServer"]):
    """
    Serves from construction until `stop` (or the end of the `with` block).

    Args:
        port: 0 takes a free one.
        options: What `Mock` takes. Its clock delays nothing on the wire: those delays are real.

    Raises:
        ConfigError: The port can't be had, no `mock.yaml`, or an unknown fault.
    """

    def __init__(
        self,
        api: Api,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Unpack[MockOptions],
    ) -> None:
        self.mock = Mock(api, **options)
        self._listener = _listen(host, port)
        self.host, self.port = self._listener.getsockname()[:2]
        self._stopping = threading.Event()
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self._accept, name="mock-accept", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """
        The base URL, with the path that the vendor's own base URL has.
        """
        # Bound to all addresses, it is reached at the one that is surely here.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}{self.mock.prefix}"

    @property
    def api(self) -> Api:
        """
        The API it plays.
        """
        return self.mock.api

    @property
    def token(self) -> str:
        """
        The owner's token.
        """
        return self.mock.token

    @property
    def other_token(self) -> str:
        """
        The other tenant's token.
        """
        return self.mock.other_token

    @property
    def jobs(self) -> tuple[MockJob, ...]:
        """
        The owner's jobs.
        """
        return self.mock.jobs

    @property
    def foreign_jobs(self) -> tuple[MockJob, ...]:
        """
        The other tenant's jobs.
        """
        return self.mock.foreign_jobs

    @property
    def log(self) -> list[LoggedRequest]:
        """
        The requests so far, oldest first.
        """
        return self.mock.log

    def set_faults(self, *names: str) -> None:
        """
        Have exactly these faults from now on.

        Raises:
            ConfigError: A name that no fault has.
        """
        self.mock.set_faults(*names)

    def set_variants(self, *names: str) -> None:
        """
        Be exactly these correct variants from now on.

        Raises:
            ConfigError: A name that no variant has.
        """
        self.mock.set_variants(*names)

    def stop(self) -> None:
        """
        Close every socket and wait for the threads; a second call does nothing.
        """
        # Before the sockets close: whoever is woken by that must find out why.
        self._stopping.set()
        _close(self._listener)
        with self._lock:
            threads = list(self._connections.values())
            for connection in self._connections:
                _close(connection)
        # Outside the lock, which every connection takes to sign off.
        for thread in (self._acceptor, *threads):
            thread.join(timeout=5.0)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self) -> None:
        for number in count(1):
            if self._stopping.is_set():
                return
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # the listener was closed
            self._slots.acquire()
            thread = threading.Thread(
                target=self._serve, args=(connection, number), name="mock-connection", daemon=True
            )
            with self._lock:
                # Accepted while stop() ran: it would miss this one, and nobody close it.
                if self._stopping.is_set():
                    connection.close()
                    return
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            connection.settimeout(_IDLE_TIMEOUT_S)
            # Without it a small answer waits 40 ms for the ACK of the one before.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = RequestReader(connection)
            for turn in count(1):
                if self._stopping.is_set() or not self._exchange(connection, reader, number, turn):
                    return
        except OSError:
            return  # the client has gone, or fell silent, or stop() closed the socket
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            connection.close()
            self._slots.release()

    def _exchange(
        self, connection: socket.socket, reader: RequestReader, number: int, turn: int
    ) -> bool:
        try:
            received = reader.next()
        except BadRequest as exc:
            # Where the next request would begin is unknown, so the connection ends here.
            connection.sendall(frame(MockAnswer(exc.code), keep_alive=False))
            return False
        if received is None:
            return False
        request = received.request
        answer = self.mock.respond(
            request.method, request.target, request.headers, connection=number, turn=turn
        )
        return self._send(connection, received, answer)

    def _send(
        self, connection: socket.socket, received: ReceivedRequest, answer: MockAnswer
    ) -> bool:
        wire = answer.wire
        if wire.silent:
            self._stay_silent(connection)
            return False
        if wire.delay_s and self._stopping.wait(wire.delay_s):
            return False
        close_announced = "close" in (answer.header("connection") or "").lower()
        # Where the answer says so itself, frame() must not say it a second time.
        connection.sendall(frame(answer, keep_alive=received.keep_alive or close_announced))
        # Fewer bytes than announced: only a close tells the client that no more will come.
        # To a HEAD, a wrong length does no harm: no body was due.
        complete = wire.truncated_at is None and (wire.declared_length is None or wire.omit_body)
        closes = close_announced or wire.unannounced_close
        return received.keep_alive and complete and not closes

    def _stay_silent(self, connection: socket.socket) -> None:
        until = time.monotonic() + _SILENCE_LIMIT_S
        while not self._stopping.is_set() and time.monotonic() < until:
            # In short waits, so that stop() isn't kept.
            readable, _, _ = select.select([connection], [], [], 0.2)
            # Read, not peeked at: bytes left unread would make every wait return at once.
            if readable and not connection.recv(65_536):
                return  # the client has given up


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # A port just left by another mock is in TIME_WAIT and would be refused for a minute.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as exc:
        listener.close()
        why = exc.strerror if isinstance(exc, OSError) else "ports go from 0 to 65535"
        raise ConfigError(f"can't listen on {host}:{port}: {why}; choose another --port") from None
    return listener


def _close(connection: socket.socket) -> None:
    # Closing alone wakes no thread that is blocked in accept or recv; a shutdown does.
    with suppress(OSError):  # already closed by the other side
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
