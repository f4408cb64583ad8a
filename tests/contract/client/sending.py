"""
Sending a request, and taking out of the exchange what a test speaks of.
"""

from __future__ import annotations

from tests.tools import PATIENCE_S
from tests.wire import Wire

from jobproof.contract.client.curl import Client
from jobproof.contract.model.exchange import Exchange, Reason, Request, TransportFailure

__all__ = ["AUTH", "BROKEN_ON_THE_WIRE", "TOKEN", "body", "failure", "get", "sent"]

TOKEN = "tok-4f1c8e7a-never-shown"
AUTH = ("Authorization", f"Bearer {TOKEN}")

BROKEN_ON_THE_WIRE = {
    # script: (reason, whether the head counts as arrived)
    "silent": (Reason.TIMEOUT, False),
    "dripping-head": (Reason.TIMEOUT, False),
    "dripping-body": (Reason.TIMEOUT, True),
    "endless-interim": (Reason.TIMEOUT, False),
    "close-before-head": (Reason.PROTOCOL, False),
    "close-in-head": (Reason.PROTOCOL, False),
    "close-before-blank-line": (Reason.PROTOCOL, False),
    "reset-before-head": (Reason.PROTOCOL, False),
    "reset-in-head": (Reason.PROTOCOL, False),
    "reset-in-body": (Reason.PROTOCOL, True),
    "short-body": (Reason.PROTOCOL, True),
    "extra-bytes": (Reason.PROTOCOL, True),
    "extra-bytes-apart": (Reason.PROTOCOL, True),
    "no-content-with-body": (Reason.PROTOCOL, True),
    "truncated-chunk": (Reason.PROTOCOL, True),
    "missing-last-chunk": (Reason.PROTOCOL, True),
    "bad-chunk-size": (Reason.PROTOCOL, True),
    "overlong-chunk": (Reason.PROTOCOL, True),
    "wrong-content-length": (Reason.PROTOCOL, True),
    "negative-content-length": (Reason.PROTOCOL, True),
    "endless-content-length": (Reason.PROTOCOL, True),
    "duplicate-content-length": (Reason.PROTOCOL, True),
    "unasked-transfer-coding": (Reason.PROTOCOL, True),
    "not-http": (Reason.PROTOCOL, False),
    "wrong-version": (Reason.PROTOCOL, True),
    "small-version": (Reason.PROTOCOL, True),
    "long-code": (Reason.PROTOCOL, True),
    "header-without-colon": (Reason.PROTOCOL, True),
    "nul-in-header": (Reason.PROTOCOL, True),
    "huge-body": (Reason.TOO_LARGE, True),
    "gzip-bomb": (Reason.TOO_LARGE, True),
    "huge-header": (Reason.TOO_LARGE, True),
    "overlong-header": (Reason.TOO_LARGE, True),
    "many-headers": (Reason.TOO_LARGE, True),
    "flood-of-interims": (Reason.TOO_LARGE, True),
    "flood-of-trailers": (Reason.TOO_LARGE, True),
}


def get(
    client: Client, url: str, *headers: tuple[str, str], deadline_s: float = PATIENCE_S
) -> Exchange:
    return client.send(Request("GET", url, headers), deadline_s=deadline_s)


def failure(exchange: Exchange) -> TransportFailure:
    assert exchange.failure is not None, exchange.answer
    return exchange.failure


def body(exchange: Exchange) -> bytes:
    assert exchange.response is not None, exchange.answer
    return exchange.response.body


def sent(client: Client, wire: Wire, request: Request) -> list[bytes]:
    """
    The lines of the head as the server read them.
    """
    wire.requests.clear()
    client.send(request, deadline_s=PATIENCE_S)
    return wire.requests[-1].split(b"\r\n")[:-2]
