"""
An API of a few lines, written for one test: any schema, and a profile that fits it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.contract.edited_api import put_key

from jobproof.contract.model.api import Api, load_api

__all__ = ["JOB_SCHEMA", "schema_api"]

JOB_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["queued", "done", "failed"]},
        "created_at": {"type": "string", "format": "date-time"},
        "ended_at": {"type": ["string", "null"], "format": "date-time"},
        "urls": {"type": "array", "items": {"type": "string", "format": "uri"}},
        "count": {"type": "integer"},
        "error": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
}
_SAID = {"basis": "documented", "source": "a page of the vendor"}
_PROFILE: Mapping[str, Any] = {
    "api": "small",
    "title": "Small",
    "document": "openapi.yaml",
    "operation": {"path": "/jobs/{id}", "parameter": "id"},
    "server": "https://small.example",
    "id": {"at": "/id", **_SAID},
    "status": {
        "at": "/status",
        "words": {
            "queued": {"phase": "pending"},
            "done": {"phase": "succeeded", "rank": 1},
            "failed": {"phase": "failed", "rank": 1},
        },
        "terminal": _SAID,
        "backward": _SAID,
        **_SAID,
    },
    "times": {"created": "/created_at", **_SAID},
    "not_found": _SAID,
    "cadence": {"poll": "5s"},
    "latency": {"budget": "2s", **_SAID},
    "body": {"limit": 1_000_000, **_SAID},
}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def schema_api(
    folder: Path, schema: Any = JOB_SCHEMA, *, paths: Mapping[str, Any] | None = None, **keys: Any
) -> Api:
    """
    The API whose 200 has this schema (None: no schema at all); `keys` are set in its profile,
    `__` for the dots of a key's place.
    """
    profile = json.loads(json.dumps(_PROFILE))
    for place, value in keys.items():
        put_key(place.replace("__", "."), value)(profile)
    media = {} if schema is None else {"schema": schema}
    get = {
        "parameters": [{"in": "path", "name": "id", "required": True, "schema": {}}],
        "responses": {
            "200": {"description": "a job", "content": {"application/json": media}},
            "404": {"description": "no job"},
        },
    }
    document = {"openapi": "3.1.0", "info": {}, "paths": {"/jobs/{id}": {"get": get}}}
    document["paths"].update(paths or {})  # type: ignore[attr-defined]
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (("profile.yaml", profile), ("openapi.yaml", document)):
        text = yaml.dump(value, Dumper=_Dumper, sort_keys=False)
        (folder / name).write_text(text, encoding="utf-8")
    return load_api(folder)
