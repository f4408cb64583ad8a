"""
The mocked endpoint without a socket: a WSGI application for fast generated cases.

What only a wire can do (silence, delays, wrong lengths, broken chunks) doesn't show here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from jobproof.contract.mock.endpoint import Mock

__all__ = ["WsgiApp", "wsgi_app"]

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def wsgi_app(mock: Mock) -> WsgiApp:
    """
    `mock` as a WSGI application.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        answer = mock.respond(environ["REQUEST_METHOD"], _target(environ), _headers(environ))
        phrase = HTTPStatus(answer.code).phrase
        headers = list(answer.headers)
        if answer.code not in (204, 304):
            declared = answer.wire.declared_length
            length = len(answer.body) if declared is None else declared
            headers.append(("Content-Length", str(length)))
        start_response(f"{answer.code} {phrase}", headers)
        return [] if answer.wire.omit_body else [answer.body]

    return application


def _target(environ: dict[str, Any]) -> str:
    # Servers that have the target as it was sent put it here (uWSGI, Gunicorn): PATH_INFO is
    # decoded, so %2F in an id can't be told from a slash any more.
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if raw:
        return str(raw)
    # PEP 3333: PATH_INFO holds bytes as Latin-1.
    path = quote(environ.get("PATH_INFO", ""), safe="/-._~", encoding="latin-1")
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _headers(environ: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (key[5:].replace("_", "-").title(), str(value))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
