"""
The parameters of an operation, and the values that its document gives them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.documents import answering, read, saved, written

from jobproof.contract.errors import DocumentError
from jobproof.contract.openapi.document import Operation
from jobproof.contract.openapi.parameters import Parameter

_ID = {"in": "path", "name": "id", "required": True, "schema": {"type": "string"}}


def _read(folder: Path, parameters: Any, *, version: str = "3.1.0", **more: Any) -> Operation:
    get = {**answering({}), "parameters": parameters}
    return read(written(folder, get, version=version, **more))


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ({"schema": {"enum": ["2026-01-01"]}}, "2026-01-01"),
        ({"schema": {"const": 3}}, "3"),
        ({"schema": {"default": True}}, "true"),
        ({"schema": {"enum": ["a", None], "type": ["string", "null"]}}, "a"),
        ({"schema": {"enum": ["a", "b"]}}, None),
        ({"schema": {"enum": ["a", "b"], "default": "b"}}, "b"),
        ({"schema": {"$ref": "#/components/schemas/Version"}}, "v1"),
        ({"schema": {"allOf": [{"$ref": "#/components/schemas/Version"}]}}, "v1"),
        ({"schema": {"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}}, "b"),
        ({"schema": {"$ref": "#/components/schemas/Version", "default": "v0"}}, "v1"),
        ({"schema": {"$ref": "#/components/schemas/Loop"}}, None),
        ({"schema": {"$ref": "#/nowhere"}}, None),
        ({"schema": {"$ref": "#anchor"}}, "anchored"),
        ({"schema": {"default": ["a", "b"]}}, None),
        ({"schema": {"default": None}}, None),
        ({"content": {"text/plain": {"schema": {"const": "a b"}}}}, "a b"),
        ({"content": {"application/json": {"schema": {"const": {"a": 1}}}}}, '{"a":1}'),
        ({"content": {"application/json": {}}}, None),
        # Swagger 2 writes the keywords beside the name.
        ({"type": "string", "enum": ["a"]}, "a"),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "array", "items": {"type": "string", "enum": ["a"]}}, None),
        ({}, None),
        ({"schema": True}, None),
        ({"example": "a", "schema": {"examples": ["a"], "minLength": 1}}, None),
    ],
)
def test_a_value_is_known_where_the_document_leaves_one_choice(
    tmp_path: Path, parameter: dict[str, Any], value: str | None
) -> None:
    schemas = {
        "Version": {"type": "string", "enum": ["v1"]},
        "Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}]},
        "Anchored": {"$anchor": "anchor", "const": "anchored"},
    }
    wanted = {"in": "query", "name": "v", "required": True, **parameter}
    operation = _read(tmp_path, [wanted], components={"schemas": schemas})
    assert operation.parameters == (Parameter("v", "query", True, value),)
    assert operation.notes == ()


def test_parameters_are_found_behind_references_and_in_other_files(tmp_path: Path) -> None:
    saved(tmp_path, "p.json", {"v": {"in": "header", "name": "X-V", "schema": {"$ref": "#/s"}},
                               "s": {"const": "1"}})  # fmt: skip
    components = {"parameters": {"v": {"$ref": "p.json#/v"}}}
    listed = [{"$ref": "#/components/parameters/v"}, _ID]
    assert _read(tmp_path, listed, components=components).parameters == (
        Parameter("X-V", "header", False, "1"),
        Parameter("id", "path", True),
    )


def test_the_operations_parameter_takes_the_place_of_the_path_items(tmp_path: Path) -> None:
    item = {
        "parameters": [
            {"in": "header", "name": "X-Tenant", "required": True},
            {"in": "query", "name": "v", "required": True},
            {"in": "query", "name": "V", "required": True},
        ],
        "get": {
            **answering({}),
            "parameters": [
                {"in": "header", "name": "x-tenant", "schema": {"const": "a"}},
                {"in": "query", "name": "v", "schema": {"const": "1"}},
            ],
        },
    }
    path = saved(tmp_path, "a.json", {"openapi": "3.1.0", "paths": {"/jobs/{id}": item}})
    assert read(path).parameters == (
        Parameter("x-tenant", "header", False, "a"),
        Parameter("v", "query", False, "1"),
        Parameter("V", "query", True),
    )


@pytest.mark.parametrize(
    "listed",
    [
        [{"in": "body", "name": "b", "required": True}, {"in": "formData", "name": "f"}],
        [{"in": "header", "name": name} for name in ("Accept", "content-type", "Authorization")],
        [{"in": "query"}, {"name": "a"}, 7, None, "a"],
        None,
        {},
        7,
    ],
)
def test_what_is_no_parameter_of_a_request_is_left_out(tmp_path: Path, listed: Any) -> None:
    assert _read(tmp_path, listed).parameters == ()


@pytest.mark.parametrize(
    ("listed", "note"),
    [
        ([{"$ref": "#/lost"}, _ID], "$ref '#/lost' points at nothing; that parameter is unknown"),
        ([{"$ref": "lost.json"}, _ID], "can't be read: No such file or directory; that parameter"),
        ([{"$ref": "#/x-loop"}, _ID], "leads back to itself; that parameter is unknown"),
    ],
)
def test_a_parameter_that_cant_be_read_is_said_and_stops_nothing(
    tmp_path: Path, listed: Any, note: str
) -> None:
    operation = _read(tmp_path, listed, **{"x-loop": {"$ref": "#/x-loop"}})
    assert [parameter.name for parameter in operation.parameters] == ["id"]
    (said,) = operation.notes
    assert note in said
    assert said.startswith(str(tmp_path))


def test_a_parameter_that_says_a_key_twice_is_refused(tmp_path: Path) -> None:
    text = (
        "openapi: 3.1.0\npaths:\n  /jobs/{id}:\n    get:\n      parameters:\n"
        "      - {in: query, name: a, name: b}\n      responses: {200: {description: d}}\n"
    )
    with pytest.raises(DocumentError, match=r"a\.yaml:6: key 'name' stands here twice"):
        read(saved(tmp_path, "a.yaml", text))
