"""
A token server, and a front door before a mock that knows only the tokens of now.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote_plus

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "TokenServer", "token_server"]

CLIENT_ID = "the-suite"
CLIENT_SECRET = "s3cret/of the+client"


@dataclass
class TokenServer:
    """
    Attributes:
        tokens: What is given, one after another; the last one again and again.
        given: How many were asked for with the right credentials.
        in_form: The client's credentials are looked for in the form alone.
        forms: Every form that came.
        targets: Where each was asked for.
        raw: What is answered instead, whoever asks: a code and a body.
    """

    tokens: list[str]
    lifetime_s: int | None = None
    in_form: bool = False
    given: int = 0
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    url: str = ""
    targets: list[str] = field(default_factory=list)
    raw: tuple[int, bytes] | None = None

    def answer(self, form: str, authorization: str) -> tuple[int, dict[str, object]]:
        said = parse_qs(form)
        self.forms.append(said)
        pair = (said.get("client_id", [""])[0], said.get("client_secret", [""])[0])
        if not self.in_form:
            written = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            user, _, password = written.partition(":")
            pair = (unquote_plus(user), unquote_plus(password))
        if pair != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if said["grant_type"] != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        token = self.tokens[min(self.given, len(self.tokens) - 1)]
        self.given += 1
        told: dict[str, object] = {"access_token": token, "token_type": "Bearer"}
        if self.lifetime_s is not None:
            told["expires_in"] = self.lifetime_s
        return 200, told


@contextmanager
def token_server(server: TokenServer) -> Iterator[TokenServer]:
    class _Tokens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            server.targets.append(self.path)
            if server.raw is None:
                code, told = server.answer(form, self.headers.get("Authorization", ""))
                body = json.dumps(told).encode()
            else:
                code, body = server.raw
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}/token"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
