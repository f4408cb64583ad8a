"""
The HTTP server: bounded in connections, in the size of a request, and in time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from jobproof.probes.web.access.tls import Tls

__all__ = ["WebLimits", "WebServer"]

_LOG = logging.getLogger(__name__)

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class WebLimits:
    """
    Attributes:
        connections: Open at once; a few more are answered with 503, further ones are dropped.
        request_bytes: Request line, headers and body: nothing here needs a long one.
        request_s: From the connection, or from a further request's first byte, to its last.
        idle_s: Between two requests on one connection.
        answer_s: From the whole request to the answer's last byte; longer than any probe.
        handshake_s: For TLS.
    """

    connections: int = 128
    request_bytes: int = 16_384
    request_s: float = 10.0
    idle_s: float = 30.0
    answer_s: float = 660.0
    handshake_s: float = 10.0


class WebServer:
    """
    Serves an application on a listening socket, in a thread of its own.

    Args:
        listener: Bound and listening; the server closes it at its end.
        tls: None for plain HTTP.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        *,
        tls: Tls | None = None,
        limits: WebLimits | None = None,
    ) -> None:
        limits = limits or WebLimits()
        self._listener = listener
        self._server = _Server(_config(app, limits), limits, tls)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        """
        Serve; returns when connections are taken.

        Raises:
            RuntimeError: The server couldn't begin.
        """
        self._thread.start()
        if not self._server.ready.wait(10.0) or self._failure is not None:
            raise RuntimeError(f"the web server didn't start: {self._failure!r}")

    def stop(self, *, within_s: float = 5.0) -> bool:
        """
        Take no more connections and let answers under way end.

        Returns:
            Whether it ended in time.
        """
        self._server.config.timeout_graceful_shutdown = max(1, round(within_s))
        self._server.should_exit = True
        self._thread.join(within_s + 2.0)
        self._listener.close()
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except BaseException as failure:  # noqa: BLE001 -- start() raises it
            self._failure = failure
            _LOG.exception("the web server failed")
        finally:
            self._server.ready.set()


def _config(app: ASGIApp, limits: WebLimits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=round(limits.idle_s),
        h11_max_incomplete_event_size=limits.request_bytes,
    )


class _Server(uvicorn.Server):
    """
    uvicorn's server with a bound on the TLS handshake, which it doesn't offer.
    """

    def __init__(self, config: uvicorn.Config, limits: WebLimits, tls: Tls | None) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._limits = limits
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()

        def make_protocol() -> asyncio.Protocol:
            return _Connection(self.config, self.server_state, self._limits, self._tls)

        # asyncio refuses a handshake timeout where there is no TLS.
        secure: dict[str, Any] = {}
        if self._tls is not None:
            secure = {"ssl": self._tls.context, "ssl_handshake_timeout": self._limits.handshake_s}
        self.servers = [
            await loop.create_server(make_protocol, sock=one, backlog=128, **secure)
            for one in sockets or ()
        ]
        self.started = True
        self.ready.set()


class _Connection(H11Protocol):
    """
    Bounds how long a peer may take to send its request and to read the answer.
    """

    def __init__(
        self, config: uvicorn.Config, state: ServerState, limits: WebLimits, tls: Tls | None
    ) -> None:
        super().__init__(config, state, {})
        self._limits = limits
        self._tls = tls
        self._timer: asyncio.TimerHandle | None = None
        self._awaits_request = True
        self._request_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """
        Accept the peer, unless there are too many connections, or its certificate isn't allowed.
        """
        super().connection_made(transport)
        # uvicorn answers those just over the limit with 503; a flood gets no answer at all.
        over_limit = len(self.connections) > self._limits.connections + 32
        if over_limit or (self._tls is not None and not self._tls.admits(transport)):
            transport.abort()
            return
        self._start_timer(self._limits.request_s)

    def data_received(self, data: bytes) -> None:
        """
        Feed the parser; once the request is whole, the time for the answer runs.
        """
        # No timer runs between two requests of a connection: this is the next one's beginning.
        if self._timer is None:
            self._awaits_request = True
            self._request_bytes = 0
            self._start_timer(self._limits.request_s)
        self._request_bytes += len(data)
        # h11's own bound only holds while a head is incomplete: one large read slips by.
        if self._request_bytes > self._limits.request_bytes:
            if self._awaits_request:
                self.transport.write(_TOO_LARGE)
            self.transport.close()
            return
        super().data_received(data)
        if self._awaits_request and self.conn.their_state in (h11.DONE, h11.MUST_CLOSE):
            self._awaits_request = False
            self._start_timer(self._limits.answer_s)

    def on_response_complete(self) -> None:
        """
        The answer is out; from here on uvicorn's idle time runs.
        """
        self._stop_timer()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        The peer is gone.
        """
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        # abort(), not close(): closing waits for a peer that doesn't read what is still to be sent.
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
