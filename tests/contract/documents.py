"""
Small documents around one operation, `GET /jobs/{id}`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jobproof.contract.openapi.document import Operation, read_operation
from jobproof.contract.openapi.schema import Content

JSON = "application/json"


def read(path: Path) -> Operation:
    return read_operation(path, method="get", template="/jobs/{id}", parameter="id")


def answering(schema: Any, code: str = "200") -> dict[str, Any]:
    return {"responses": {code: {"description": "d", "content": {JSON: {"schema": schema}}}}}


def written(folder: Path, get: Any, *, version: str = "3.1.0", **more: Any) -> Path:
    path = folder / "openapi.json"
    document = {"openapi": version, "paths": {"/jobs/{id}": {"get": get}}, **more}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def saved(folder: Path, name: str, value: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def body_of(operation: Operation, code: int = 200, media_type: str = JSON) -> Content:
    spec = operation.response_for(code)
    assert spec is not None
    content = spec.content_for(media_type)
    assert content is not None
    return content


def job_schema(folder: Path, schema: Any, *, version: str = "3.1.0", **schemas: Any) -> Content:
    components = {"components": {"schemas": schemas}}
    return body_of(read(written(folder, answering(schema), version=version, **components)))


def wrong(content: Content, value: Any) -> list[tuple[str, str]]:
    return sorted((error.at, error.keyword) for error in content.errors(value))
