"""
In front of every page: who may come in, by which name, which site may act, which headers
go out.
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
        hosts: The names that may be asked for where there are no users; None: any.
    """

    def __init__(self, app: ASGIApp, config: WebConfig, hosts: Hosts | None = None) -> None:
        self._app = app
        self._config = config
        self._hosts = hosts
        self._doors: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Let the request through, or answer it here.
        """
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def dress(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    given.setdefault(name, value)
                for name, value in self._config.headers.items():
                    given[name] = value
            await send(message)

        rate_limit, users = self._config.rate_limit, self._config.users
        if rate_limit is not None and not rate_limit.admits(time.monotonic()):
            # Before the password: guessing is what the limit is for.
            await PlainTextResponse("Too Many Requests\n", 429)(scope, receive, dress)
        elif users is not None and not await self._knows(users, headers):
            refusal = PlainTextResponse(
                "Unauthorized\n", 401, {"WWW-Authenticate": 'Basic realm="jobproof"'}
            )
            await refusal(scope, receive, dress)
        elif users is None and not self._is_for_us(headers):
            await _misdirected(headers)(scope, receive, dress)
        elif _does_something(scope) and _comes_from_elsewhere(headers):
            answer = PlainTextResponse("Only this site's own pages and programs may ask.\n", 403)
            await answer(scope, receive, dress)
        else:
            await self._app(scope, receive, dress)

    def _is_for_us(self, headers: Headers) -> bool:
        return self._hosts is None or self._hosts.know(headers.get("host"))

    async def _knows(self, users: Users, headers: Headers) -> bool:
        given = _credentials(headers.get("authorization", ""))
        if given is None:
            return False
        if self._doors is None:
            # Its own small pool: guessing passwords must not hold up a scrape.
            self._doors = CapacityLimiter(4)
        return await to_thread.run_sync(users.admits, *given, limiter=self._doors)


def _misdirected(headers: Headers) -> PlainTextResponse:
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


def _does_something(scope: Scope) -> bool:
    # A probe spends the key's budget, though it is asked for by GET.
    return bool(scope["method"] == "POST" or scope["path"] == "/probe")


def _comes_from_elsewhere(headers: Headers) -> bool:
    """
    Whether a browser asks for a page of another site: a reload must not be had by a link.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
