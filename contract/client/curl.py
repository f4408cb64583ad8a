"""
The one HTTP client: a request goes out once, what came back is a value.

libcurl does the transfer, since one option each gives what an honest
measurement needs: a deadline that bounds DNS and dripping headers too, phases
stamped without Python in between, the peer's address before a byte is sent.
Whatever the endpoint does is data; only a request that can't be sent raises.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self

import pycurl

from jobproof.contract.client.address_policy import AddressPolicy
from jobproof.contract.client.curl_route import (
    asked_of_proxy,
    http_version_option,
    may_be_http2,
    route_options,
)
from jobproof.contract.client.handle import Handle, SendingAborted, milliseconds
from jobproof.contract.client.header_lines import header_lines
from jobproof.contract.client.response_parser import Limits
from jobproof.contract.formats.addresses.urls import Url, parse_url
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import (
    Exchange,
    Reason,
    Request,
    TransportFailure,
)

__all__ = ["AddressPolicy", "Client", "Limits", "SendingAborted"]

_MOST_IDLE = 256
_CURLOPT_QUICK_EXIT = 322  # pycurl has no name for it


class Client:
    """
    Sends requests; safe to share between threads, each `send` on a handle of its own.

    The wire carries the request's headers as given, and `Host`, `User-Agent`,
    `Accept` and `Accept-Encoding` where the request has none. HTTP/1.1, unless
    the route says otherwise. No redirect is followed, and no `.netrc`, proxy
    variable, cookie or cached credential has a say.

    Args:
        limits: Where reading an answer stops.
        user_agent: Sent where a request names none; None is `jobproof/<version>`.
        route: Which way to take.
        verify: False accepts any certificate.
        policy: Which addresses may be dialled.
        reuse: False makes every request dial anew, TLS session included.
        exact_framing: Also notices bytes right behind the last chunk, which
            libcurl only logs. Its log passes through Python before the first
            byte arrives: `wait` blurs while other threads are busy.
        abortable: `abort` ends what is on its way. Asking whether to blurs `wait` as much.
        max_age_s: A connection that is older isn't used again: it shows neither where its
            name leads nor which certificate is given out by now.
    """

    def __init__(
        self,
        *,
        limits: Limits = Limits(),
        user_agent: str | None = None,
        route: Route = Route(),
        verify: bool = True,
        policy: AddressPolicy = AddressPolicy(),
        reuse: bool = True,
        exact_framing: bool = False,
        abortable: bool = False,
        max_age_s: float = math.inf,
    ) -> None:
        self._limits = limits
        self._user_agent = user_agent or _default_user_agent()
        self._route = route
        self._http2: dict[str, bool] = {}
        self._verify = verify
        self._policy = policy
        self._reuse = reuse
        self._exact_framing = exact_framing
        self._abortable = abortable
        self._max_age_s = max_age_s
        self._aborted = False
        self._idle: list[Handle] = []
        self._closed = False
        self._lock = threading.Lock()

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        """
        Send once; never retry: a retry hides the outage.

        The one exception is libcurl's own: where a kept connection turns out
        to be dead before any byte of an answer, the request goes out again on
        a new connection, once, and the exchange isn't `reused`.

        Args:
            deadline_s: Seconds for everything: DNS, connect, TLS, headers, body.
            fresh: Dial anew; an idle connection is closed for it.

        Returns:
            An `Exchange` whose `answer` is a `Response` for any HTTP answer,
            5xx included, else a `TransportFailure`.

        Raises:
            ValueError: The URL can't be read (`UrlError`); the method or a header
                can't travel; `deadline_s` isn't more than 0.
            SendingAborted: By `abort`, before or meanwhile.
            RuntimeError: The client is closed, or libcurl itself failed.
            OSError: This process has no descriptor or memory left for a socket.
        """
        # TIMEOUT_MS is a C long, of 32 bits on some platforms.
        if not 0 < deadline_s < 1e6:
            raise ValueError(f"deadline_s must be more than 0 and finite, not {deadline_s!r}")
        url = _parse(request.url)
        headers = header_lines(request.method, request.headers, self._user_agent)
        handle = self._acquire(url.origin, fresh=fresh)
        try:
            target = asked_of_proxy(self._route, url) or url.target
            exchange = handle.perform(request, target, headers, deadline_s)
        # Cut off in between, the handle may hold half an answer: it isn't used again.
        except BaseException:
            handle.close()
            raise
        failure = exchange.failure
        if failure is not None and not handle.is_http2 and may_be_http2(failure, url.origin):
            handle.close()
            return self._by_http2(exchange, url.origin, deadline_s)
        self._release(handle)
        return exchange

    def _by_http2(self, exchange: Exchange, origin: str, deadline_s: float) -> Exchange:
        """
        The same where the peer can't answer otherwise: the request hasn't been understood yet.
        """
        if origin not in self._http2:
            self._http2[origin] = self._new_handle(origin).prefers_http2()
        if not self._http2[origin]:
            return exchange
        if self._route.http_version == "1.1":
            alone = TransportFailure(Reason.TLS, "the server speaks HTTP/2 alone")
            return replace(exchange, answer=alone)
        return self.send(exchange.request, deadline_s=deadline_s)

    def abort(self) -> None:
        """Send nothing any more; if `abortable`, what is on its way ends within a second."""
        self._aborted = True

    def close(self) -> None:
        """
        Close every idle connection; one in use is closed when its `send` ends.
        """
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for handle in idle:
            handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _acquire(self, origin: str, *, fresh: bool) -> Handle:
        with self._lock:
            if self._closed:
                raise RuntimeError("the client is closed")
            if self._aborted:
                raise SendingAborted
            old = self._pop_old()
            idle = self._pop_idle(origin)
        # Not under the lock: closing ends TLS with the peer first.
        for handle in old:
            handle.close()
        if idle is not None:
            # Nor this: looking at a socket is a system call.
            if not fresh and idle.is_reusable():
                return idle
            # A fresh one takes its place: some servers have a handful for all clients.
            idle.close()
        return self._new_handle(origin)

    def _pop_old(self) -> list[Handle]:
        # With a handle go its TLS sessions, by which a certificate would not be seen again.
        limit = time.monotonic() - self._max_age_s
        old = [handle for handle in self._idle if handle.born_at <= limit]
        for handle in old:
            self._idle.remove(handle)
        return old

    def _new_handle(self, origin: str) -> Handle:
        http2 = self._route.http_version == "2" or self._http2.get(origin, False)
        curl = self._new_curl()
        curl.setopt(pycurl.HTTP_VERSION, http_version_option(self._route, http2=http2))
        return Handle(
            *(origin, curl, self._limits, self._policy, self._route),
            reuse=self._reuse,
            http2=http2,
        )

    def _pop_idle(self, origin: str) -> Handle | None:
        # Last used first: a warm connection stays warm, spare ones age.
        for at in range(len(self._idle) - 1, -1, -1):
            if self._idle[at].origin == origin:
                return self._idle.pop(at)
        return None

    def _release(self, handle: Handle) -> None:
        surplus: Handle | None = handle
        with self._lock:
            if not self._closed:
                self._idle.append(handle)
                surplus = self._idle.pop(0) if len(self._idle) > _MOST_IDLE else None
        # Not under the lock either: closing ends TLS with the peer first.
        if surplus is not None:
            surplus.close()

    def _new_curl(self) -> Any:
        curl = pycurl.Curl()
        for option, value in (
            # libcurl would end a lookup by SIGALRM, which a program with threads can't bear.
            (pycurl.NOSIGNAL, 1),
            (pycurl.TCP_NODELAY, 1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.NETRC, pycurl.NETRC_IGNORED),
            # ResponseParser decodes instead, under a cap, and keeps the bytes as they came.
            (pycurl.HTTP_CONTENT_DECODING, 0),
            (pycurl.PATH_AS_IS, 1),
            # One connection a handle, so that a stale one can be retried once only.
            (pycurl.MAXCONNECTS, 1),
            # Each connection looks its name up: "no such name" would be kept for 30 s as well.
            (pycurl.DNS_CACHE_TIMEOUT, 0),
            (pycurl.OPT_CERTINFO, 1),
            # Without it closing a handle waits for a resolver that hangs.
            (_CURLOPT_QUICK_EXIT, 1),
            (pycurl.SSL_VERIFYPEER, int(self._verify)),
            (pycurl.SSL_VERIFYHOST, 2 if self._verify else 0),
            (pycurl.FRESH_CONNECT, int(not self._reuse)),
            (pycurl.FORBID_REUSE, int(not self._reuse)),
            (pycurl.SSL_SESSIONID_CACHE, int(self._reuse)),
            (pycurl.VERBOSE, int(self._exact_framing)),
            *route_options(self._route),
        ):
            curl.setopt(option, value)
        if self._abortable:
            curl.setopt(pycurl.NOPROGRESS, 0)
            curl.setopt(pycurl.XFERINFOFUNCTION, lambda *_: int(self._aborted))
        if self._limits.connect_s is not None:
            curl.setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds(self._limits.connect_s))
        return curl


@lru_cache(maxsize=256)
def _parse(url: str) -> Url:
    return parse_url(url, instead="give the token by an Authorization header")


def _default_user_agent() -> str:
    try:
        return f"jobproof/{version('jobproof')}"
    except PackageNotFoundError:
        return "jobproof"
