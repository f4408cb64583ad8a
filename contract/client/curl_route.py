"""
A route as libcurl takes it, and what its failures say about the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pycurl

from jobproof.contract.formats.addresses.urls import Url
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import Reason, TransportFailure

__all__ = [
    "alpn_options",
    "asked_of_proxy",
    "http_version_option",
    "is_http2_accepted",
    "may_be_http2",
    "proxy_refusal",
    "route_options",
    "way_failure",
]

_SUPPRESS_CONNECT_HEADERS = 265  # pycurl has no name for it
_CONNECT_TIMEOUT_MS = 5_000
_ALERT = re.compile(r"\balert (certificate required|bad certificate|unknown ca|handshake failure)")
_PROXY_CODES = {5, 97}
"""COULDNT_RESOLVE_PROXY and PROXY."""
_NO_HTTP2 = {16, 55, 92}
"""HTTP2, SEND_ERROR and HTTP2_STREAM: how libcurl calls it where a peer answers otherwise."""


def route_options(route: Route) -> Iterator[tuple[int, Any]]:
    """
    What an easy handle has to be told.
    """
    yield pycurl.PROXY, route.proxy
    yield pycurl.NOPROXY, "" if route.proxy else "*"
    if route.proxy:
        # Else the proxy's own answer to CONNECT would stand before that of the target.
        yield _SUPPRESS_CONNECT_HEADERS, 1
    if route.proxy_credentials is not None:
        user, password = route.proxy_login
        yield pycurl.PROXYUSERNAME, user
        yield pycurl.PROXYPASSWORD, password
    for option, path in (
        (pycurl.CAINFO, route.ca_file),
        # A proxy that is asked by TLS is somebody's whom the target's owner trusts.
        (pycurl.PROXY_CAINFO, route.ca_file),
        (pycurl.SSLCERT, route.client_cert),
        (pycurl.SSLKEY, route.client_key),
    ):
        if path is not None:
            yield option, str(path)
    if route.resolve:
        yield pycurl.RESOLVE, list(route.resolve)


def asked_of_proxy(route: Route, url: Url) -> str:
    """
    What the request line names where a proxy passes the request on (RFC 9112 3.2.2); "" where
    none does: through a tunnel the target is asked itself.
    """
    is_passed_on = route.proxy.startswith("http") and url.scheme == "http"
    return f"{url.origin}{url.target}" if is_passed_on else ""


def http_version_option(route: Route, *, http2: bool) -> int:
    """
    Which version libcurl is to speak.

    Args:
        http2: The peer is known to speak nothing else.
    """
    if route.http_version == "2":
        return int(pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
    return int(pycurl.CURL_HTTP_VERSION_2TLS if http2 else pycurl.CURL_HTTP_VERSION_1_1)


def may_be_http2(failure: TransportFailure, origin: str) -> bool:
    """
    Whether that is how a TLS peer fails that speaks HTTP/2 alone.
    """
    if failure.partial is not None or not origin.startswith("https:"):
        return False
    return "HTTP/0.9" in failure.detail or "no application protocol" in failure.detail


def alpn_options(said: list[bytes]) -> Iterator[tuple[int, Any]]:
    """
    What has a handle agree on a protocol with its TLS peer, and send nothing.

    Args:
        said: Gets what libcurl tells about it.
    """
    yield pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS
    yield pycurl.CONNECT_ONLY, 1
    yield pycurl.FRESH_CONNECT, 1
    yield pycurl.TIMEOUT_MS, _CONNECT_TIMEOUT_MS
    yield pycurl.VERBOSE, 1
    # Kind 0 is libcurl's own text.
    yield pycurl.DEBUGFUNCTION, lambda kind, text: None if kind else said.append(text)


def is_http2_accepted(said: Iterable[bytes]) -> bool:
    """
    Whether the peer has agreed on HTTP/2.
    """
    return any(b"ALPN: server accepted h2" in text for text in said)


def proxy_refusal(route: Route, origin: str, code: int) -> TransportFailure | None:
    """
    That the proxy wants to know who asks, where it passes requests on: 407 is a proxy's word, and
    nothing that the target has said (RFC 9110 15.5.8).
    """
    if code != 407 or not route.proxy.startswith("http") or origin.startswith("https:"):
        return None
    return TransportFailure(Reason.CONNECT, f"the proxy {route.proxy} answers 407")


def way_failure(
    route: Route, code: int, message: str, *, connect_code: int, tunnelled: bool = True
) -> tuple[Reason, str] | None:
    """
    What a failure says of the way, where the target itself has said nothing; None where it
    speaks of the target.

    Args:
        connect_code: What a proxy has answered to CONNECT; 0 where nothing.
        tunnelled: False where no TLS with the target has begun, though there has to be one.
    """
    if route.proxy:
        if code in _PROXY_CODES or connect_code >= 300:
            answered = f" answers {connect_code}" if connect_code >= 300 else ""
            return Reason.CONNECT, f"the proxy {route.proxy}{answered}: {message}"
        if code == pycurl.E_OPERATION_TIMEDOUT and not tunnelled and not connect_code:
            return Reason.TIMEOUT, f"the proxy {route.proxy} opens no tunnel in time: {message}"
        if code == pycurl.E_COULDNT_CONNECT:
            return Reason.CONNECT, f"the proxy {route.proxy} can't be connected to: {message}"
    if _ALERT.search(message):
        # TLS 1.3 refuses a client only once it believes that it is connected.
        return Reason.TLS, message
    if route.http_version == "2" and code in _NO_HTTP2:
        return Reason.CONNECT, f"the server speaks no HTTP/2: {message}"
    return None
