"""
In front of every page: authentication, host names, requests of other sites, response headers.
"""

from __future__ import annotations

import base64
import binascii
import time
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobproof.probes.web.access.hosts import Hosts
from jobproof.probes.web.access.users import Users
from jobproof.probes.web.access.web_config import WebConfig

__all__ = ["AccessMiddleware"]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class AccessMiddleware:
    """
    Wraps the application; without users everybody may come in.

    Args:
        hosts: The host names that are answered where there are no users; None for any.
    """

    def __init__(self, app: ASGIApp, config: WebConfig, hosts: Hosts | None = None) -> None:
        self._app = app
        self._config = config
        self._hosts = hosts
        self._password_checks: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Let the request through, or answer it here.
        """
        # WebSockets and lifespan events: the server sends neither.
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    given.setdefault(name, value)
                for name, value in self._config.headers.items():
                    given[name] = value
            await send(message)

        answer = await self._refusal(scope, headers)
        await (answer or self._app)(scope, receive, send_with_headers)

    async def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        """
        Why the request goes no further; None where it does.
        """
        rate_limit, users = self._config.rate_limit, self._config.users
        if _has_two_ends(headers):
            # RFC 9112 6.1: who forwards it may see another end than we do, and what comes after it
            # as somebody else's request.
            text = "Content-Length or Transfer-Encoding, not both.\n"
            return PlainTextResponse(text, 400, {"Connection": "close"})
        if rate_limit is not None and not rate_limit.admits(time.monotonic()):
            # Before the password: guessing is what the limit is for.
            return PlainTextResponse("Too Many Requests\n", 429)
        if users is not None and not await self._authenticates(users, headers):
            challenge = {"WWW-Authenticate": 'Basic realm="jobproof"'}
            return PlainTextResponse("Unauthorized\n", 401, challenge)
        # Only without users: a page that rebinds its name to us has no password of ours.
        if users is None and not self._has_admitted_host(headers):
            return _misdirected_response(headers)
        if _has_side_effects(scope) and _is_cross_site(headers):
            return PlainTextResponse("Only this site's own pages and programs may ask.\n", 403)
        return None

    def _has_admitted_host(self, headers: Headers) -> bool:
        return self._hosts is None or self._hosts.admits(headers.get("host"))

    async def _authenticates(self, users: Users, headers: Headers) -> bool:
        given = _credentials(headers.get("authorization", ""))
        if given is None:
            return False
        if self._password_checks is None:
            # Its own small pool: guessing passwords must not hold up a scrape.
            self._password_checks = CapacityLimiter(4)
        return await to_thread.run_sync(users.admits, *given, limiter=self._password_checks)


def _misdirected_response(headers: Headers) -> PlainTextResponse:
    name = headers.get("host", "").partition(":")[0][:80]
    return PlainTextResponse(
        f"jobproof listens on loopback and isn't known as {name!r}. Where a proxy hands that "
        f"name on, start it with --hostname {name}, or name users in --web-config.\n",
        421,
    )


def _credentials(header: str) -> tuple[str, str] | None:
    scheme, _, code = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(code, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None


def _has_two_ends(headers: Headers) -> bool:
    return "content-length" in headers and "transfer-encoding" in headers


def _has_side_effects(scope: Scope) -> bool:
    # GET /probe is no safe method: each one spends the key's request budget.
    return bool(scope["method"] == "POST" or scope["path"] == "/probe")


def _is_cross_site(headers: Headers) -> bool:
    """
    Whether a browser sends it for a page of another site: a link must not cause a reload.
    """
    # Browsers from before 2023 may lack Sec-Fetch-Site; they send Origin with a POST all the same.
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    # Older ones send `Referer` alone; who sends none of them is no browser, or asked for a page.
    senders = (headers.get("origin"), headers.get("referer"))
    return any(one is not None and _host_of(one) != headers.get("host") for one in senders)


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None
