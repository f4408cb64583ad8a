"""
The WSGI face says what the socket says.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from tests.contract.requests_to_mock import APIS, Clock, Raw, api_named, head_and_body, path_of

from jobproof.contract.mock import Mock, MockServer, wsgi_app


def _call(mock: Mock, method: str, target: str, token: str) -> tuple[str, dict[str, str], bytes]:
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.url_scheme": "http",
    }
    started: list[Any] = []
    body = b"".join(
        wsgi_app(mock)(environ, lambda status, headers: started.extend([status, headers]))
    )
    return started[0], dict(started[1]), body


@pytest.mark.parametrize("name", APIS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_wsgi_and_socket_give_the_same_answer(name: str, method: str) -> None:
    clock = Clock()
    in_process = Mock(api_named(name), clock=clock)
    with MockServer(api_named(name), clock=clock) as server:
        for one in (server.jobs[0].id, server.jobs[-1].id, "nobody", "a%00b", "a%20b"):
            path = path_of(server.mock, one)
            with Raw(server.port) as raw:
                raw.get(path, server.token, "Connection: close", method=method)
                lines, body = head_and_body(raw.rest())
            status, headers, wsgi_body = _call(in_process, method, path, in_process.token)
            assert lines[0].decode() == f"HTTP/1.1 {status}"
            sent = dict(line.decode().split(": ", 1) for line in lines[1:])
            assert {k: v for k, v in sent.items() if k != "Connection"} == headers
            assert wsgi_body == body


def test_an_escaped_percent_in_an_id_survives_wsgi() -> None:
    mock = Mock(api_named("krea"), clock=Clock())
    _call(mock, "GET", "/jobs/a%2520b", mock.token)
    assert mock.log[-1].job_id == "a%20b"
