"""
A small job API as a folder, its document and profile changed as a test wants; and its server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from tests.servers import QuietHandler

from jobproof.contract.model.api import Api, load_api

__all__ = ["JOB", "SCHEMES", "ReceivedRequest", "job_server", "small_api", "small_folder"]

JOB = "5f0c3f5e-8a53-4c0e-9b0e-2f6a1c7d9e11"
_ID = {"in": "path", "name": "id", "required": True, "schema": {"type": "string"}}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Acme"},
    "query": {"type": "apiKey", "in": "query", "name": "code"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "app": {"type": "apiKey", "in": "header", "name": "X-App-Id"},
    "mtls": {"type": "mutualTLS"},
}
_JOB_SCHEMA = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["queued", "done"]},
    },
}
_ERROR_SCHEMA = {"type": "object", "required": ["error"]}
_PROMISE = {"basis": "documented", "source": "the document"}


def small_folder(
    folder: Path,
    *,
    security: Any = None,
    parameters: tuple[Mapping[str, Any], ...] = (),
    path: str = "/jobs/{id}",
    values: Mapping[str, Any] | None = None,
    **profile: Any,
) -> Path:
    """
    The folder of an API.

    Args:
        security: Of the operation; None: nothing is said of it.
        parameters: Of the operation, besides the id.
        values: The profile's `parameters`.
        profile: Other keys of the profile, besides the usual ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    operation: dict[str, Any] = {
        "parameters": [_ID, *parameters],
        "responses": {
            "200": _described(_JOB_SCHEMA),
            "404": _described(_ERROR_SCHEMA),
            "401": _described(_ERROR_SCHEMA),
        },
    }
    if security is not None:
        operation["security"] = security
    document = {
        "openapi": "3.1.0",
        "info": {"title": "small", "version": "1"},
        "paths": {path: {"get": operation}},
        "components": {"securitySchemes": SCHEMES},
    }
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    stated = {} if values is None else {"parameters": dict(values)}
    text = yaml.safe_dump(_profile(path) | stated | profile, sort_keys=False)
    (folder / "profile.yaml").write_text(text, encoding="utf-8")
    (folder / "mock.yaml").write_text(yaml.safe_dump(_MOCK), encoding="utf-8")
    return folder


def small_api(folder: Path, **changes: Any) -> Api:
    """
    The API of such a folder.
    """
    return load_api(small_folder(folder, **changes))


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


def _profile(path: str) -> dict[str, Any]:
    return {
        "api": "small",
        "title": "Small",
        "document": "openapi.json",
        "operation": {"path": path, "parameter": "id"},
        "server": "https://small.example",
        "id": {"at": "/id", "case_insensitive": True, **_PROMISE},
        "status": {
            "at": "/status",
            "words": {
                "queued": {"phase": "pending", "rank": 0},
                "done": {"phase": "succeeded", "rank": 1},
            },
            "terminal": _PROMISE,
            "backward": _PROMISE,
            **_PROMISE,
        },
        "not_found": _PROMISE,
        "cadence": {"poll": "5s"},
        "latency": {"budget": "5s", **_PROMISE},
        "body": {"limit": 1_000_000, **_PROMISE},
    }


_MOCK = {
    "job": {"id": "${id}", "status": "${status}"},
    "lives": {
        "quick": {
            "summary": "done at the second look",
            "stages": [{"status": "queued"}, {"status": "done", "after": "1 poll"}],
        }
    },
    "jobs": {"owner": ["quick"], "foreign": ["quick"]},
    "pages": {
        name: {"code": code, "body": {"error": name}}
        for name, code in {
            "unknown": 404,
            "anonymous": 401,
            "method": 405,
            "path": 404,
            "request": 400,
            "crash": 500,
        }.items()
    },
}


class ReceivedRequest:
    """
    What a request came with, as a server reads it.
    """

    def __init__(self, handler: QuietHandler) -> None:
        parts = urlsplit(handler.path)
        self.line, self.path = handler.path, parts.path
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        pairs = (one.strip().partition("=") for one in self.headers.get("cookie", "").split(";"))
        self.cookies = {name: value for name, _, value in pairs if name}


Test = Callable[[ReceivedRequest], bool]


class _JobHandler(QuietHandler):
    protocol_version = "HTTP/1.1"
    asked: list[ReceivedRequest]
    is_admitted: Test
    is_right: Test
    job_path: str
    challenge: str

    def _answer(self) -> None:
        one = ReceivedRequest(self)
        self.asked.append(one)
        allowed = {"Allow": "GET, HEAD, OPTIONS"}
        if not type(self).is_admitted(one):
            self._say(401, {"error": "who are you"}, {"WWW-Authenticate": type(self).challenge})
        elif not type(self).is_right(one):
            self._say(400, {"error": "something is missing"})
        elif self.command == "OPTIONS":
            self._say(204, None, allowed)
        elif self.command not in ("GET", "HEAD"):
            self._say(405, {"error": "no such method"}, allowed)
        elif one.path.lower() == self.job_path.lower():
            self._say(200, {"id": JOB, "status": "done"})
        else:
            self._say(404, {"error": "no such job"})

    def _say(self, code: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        if body is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)


def job_server(
    is_admitted: Test = lambda _asked: True,
    is_right: Test = lambda _asked: True,
    *,
    path: str = f"/jobs/{JOB}",
    challenge: str = "Bearer",
) -> tuple[type[QuietHandler], list[ReceivedRequest]]:
    """
    A right server for one ended job, and every request that it gets.

    Args:
        is_admitted: Whether the credential is right; else 401.
        is_right: Whether everything else is there; else 400.
        challenge: What a 401 says of how to get in.
    """
    asked: list[ReceivedRequest] = []
    parts = {
        "asked": asked,
        "is_admitted": staticmethod(is_admitted),
        "is_right": staticmethod(is_right),
        "job_path": path,
        "challenge": challenge,
    }
    return type("JobHandler", (_JobHandler,), parts), asked
