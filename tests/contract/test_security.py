"""
Which credential an operation asks for, by its document.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.documents import answering, read, saved, written

from jobproof.contract.openapi.security import Security, SecurityKind, SecurityScheme

_BEARER = SecurityScheme("bearer", SecurityKind.BEARER, "header", "Authorization")
_KEY = SecurityScheme("key", SecurityKind.API_KEY, "query", "api_key")
_TLS = SecurityScheme("tls", SecurityKind.OTHER)
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "Bearer"},
    "key": {"type": "apiKey", "in": "query", "name": "api_key"},
    "tls": {"type": "mutualTLS"},
    "broken": {"$ref": "#/components/securitySchemes/lost"},
}


def _read(folder: Path, get: Any = None, **root: Any) -> Security:
    components = {"components": {"securitySchemes": _SCHEMES}}
    return read(written(folder, {**answering({}), **(get or {})}, **components, **root)).security


@pytest.mark.parametrize(
    ("operation", "root", "required", "scheme"),
    [
        ({}, {}, False, None),
        ({}, {"security": []}, False, None),
        ({}, {"security": None}, False, None),
        ({}, {"security": [{"bearer": []}]}, True, _BEARER),
        ({"security": []}, {"security": [{"bearer": []}]}, False, None),
        ({"security": [{}]}, {"security": [{"bearer": []}]}, False, None),
        ({"security": [{"key": []}]}, {"security": [{"bearer": []}]}, True, _KEY),
        ({"security": [{"bearer": []}, {}]}, {}, False, _BEARER),
        ({"security": [{}, {"bearer": []}]}, {}, False, _BEARER),
        ({"security": [{"bearer": ["a:read"]}, {"key": []}]}, {}, True, _BEARER),
        ({"security": [{"tls": [], "bearer": []}, {"key": []}]}, {}, True, _KEY),
        ({"security": [{"tls": [], "bearer": []}]}, {}, True, _BEARER),
        ({"security": [{"tls": []}]}, {}, True, None),
        ({"security": [{"broken": []}]}, {}, True, None),
        ({"security": [{"no-such-scheme": []}]}, {}, True, None),
        # Written without the list, or without the mapping.
        ({"security": {"bearer": []}}, {}, True, _BEARER),
        ({"security": ["bearer"]}, {}, True, _BEARER),
    ],
)
def test_the_operations_security_stands_before_the_documents(
    tmp_path: Path, operation: Any, root: Any, required: bool, scheme: SecurityScheme | None
) -> None:
    security = _read(tmp_path, operation, **root)
    assert security.is_required is required
    assert security.scheme == scheme
    where = "security of GET /jobs/{id}" if operation else "security of the whole document"
    assert security.stated_at == (where if operation or root else "")


@pytest.mark.parametrize(
    ("scheme", "kind", "place", "parameter"),
    [
        ({"type": "http", "scheme": "bearer"}, "bearer", "header", "Authorization"),
        ({"type": "http", "scheme": "BASIC"}, "basic", "header", "Authorization"),
        ({"type": "http", "scheme": "digest"}, "other", "", ""),
        ({"type": "oauth2", "flows": {}}, "bearer", "header", "Authorization"),
        ({"type": "openIdConnect"}, "bearer", "header", "Authorization"),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, "api_key", "header", "X-Key"),
        ({"type": "apiKey", "in": "cookie", "name": "sid"}, "api_key", "cookie", "sid"),
        ({"type": "apiKey", "in": "body", "name": "k"}, "other", "", ""),
        ({"type": "apiKey", "in": "header"}, "other", "", ""),
        ({"$ref": "#/x-scheme"}, "bearer", "header", "Authorization"),
        ({"$ref": "schemes.json#/key"}, "api_key", "query", "k"),
        (7, "other", "", ""),
    ],
)
def test_a_scheme_says_where_its_credential_goes(
    tmp_path: Path, scheme: Any, kind: str, place: str, parameter: str
) -> None:
    saved(tmp_path, "schemes.json", {"key": {"type": "apiKey", "in": "query", "name": "k"}})
    get = {**answering({}), "security": [{"a/b~c d": []}]}
    more = {
        "components": {"securitySchemes": {"a/b~c d": scheme}},
        "x-scheme": {"type": "http", "scheme": "bearer"},
    }
    ((found,),) = read(written(tmp_path, get, **more)).security.alternatives
    said = SecurityScheme("a/b~c d", SecurityKind(kind), place, parameter, scheme != 7)
    assert found == said


def test_swagger_2_has_a_place_of_its_own_for_schemes(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        "a.json",
        {
            "swagger": "2.0",
            "paths": {"/jobs/{id}": {"get": {"responses": {"200": {"description": "d"}}}}},
            "securityDefinitions": {"b": {"type": "basic"}},
            "security": [{"b": []}],
        },
    )
    security = read(path).security
    assert security.is_required
    assert security.scheme == SecurityScheme("b", SecurityKind.BASIC, "header", "Authorization")
