"""
The one operation inside a document, and what its schema says of a body.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import job

from jobproof.contract.errors import DocumentError
from jobproof.contract.openapi.document import Operation, read_operation
from jobproof.contract.openapi.schema import Content
from jobproof.contract.plugins import find_api

_JSON = "application/json"


def _written(tmp_path: Path, schema: Any, **more: Any) -> Path:
    operation = {"responses": {"200": {"description": "d", "content": {_JSON: {"schema": schema}}}}}
    path = tmp_path / "api.json"
    document = {"openapi": "3.1.0", "paths": {"/jobs/{id}": {"get": operation}}, **more}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _read(path: Path) -> Operation:
    return read_operation(path, method="get", template="/jobs/{id}", parameter="id")


def _content(schema: Any) -> Content:
    return Content(_JSON, schema)


def test_the_seed_document_is_read_whole() -> None:
    operation = find_api("krea").operation
    assert (operation.method, operation.path, operation.parameter) == ("GET", "/jobs/{id}", "id")
    assert (operation.version, operation.others) == ("3.1.0", frozenset())
    assert list(operation.responses) == ["200", "404"]
    assert operation.response_for(404) is operation.responses["404"]
    assert operation.response_for(500) is None


def test_the_digest_is_of_the_meaning_and_not_of_the_prose(tmp_path: Path) -> None:
    plain = {"type": "object", "properties": {"a": {"type": "string"}}}
    before = _read(_written(tmp_path, plain)).digest
    prose = {**plain, "description": "x", "example": {"a": "b"}}
    assert _read(_written(tmp_path, prose, info={"title": "t"})).digest == before
    wider = {**plain, "properties": {"a": {"type": ["string", "null"]}}}
    assert _read(_written(tmp_path, wider)).digest != before
    named = {"type": "object", "properties": {"description": {"type": "string"}}}
    other = {"type": "object", "properties": {"title": {"type": "string"}}}
    assert _read(_written(tmp_path, named)).digest != _read(_written(tmp_path, other)).digest


def test_a_path_may_name_its_parameter_otherwise(tmp_path: Path) -> None:
    path = _written(tmp_path, {})
    found = read_operation(path, method="get", template="/jobs/{job_id}", parameter="job_id")
    assert list(found.responses) == ["200"]


def test_formats_are_asserted() -> None:
    content = _content({"type": "string", "format": "uuid"})
    assert [(e.at, e.keyword) for e in content.errors("x")] == [("", "format")]
    assert list(content.errors("4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20")) == []


def test_every_error_is_told_with_its_place_and_value() -> None:
    spec = find_api("krea").operation.response_for(200)
    assert spec is not None
    wrong = job(status="nope", result={"urls": [5]})
    found = {(e.at, e.keyword, e.found) for e in spec.contents[0].errors(wrong)}
    assert found == {("/status", "enum", "nope"), ("/result/urls/0", "type", 5)}


@pytest.mark.parametrize(
    ("schema", "value", "undeclared"),
    [
        ({"properties": {"a": {}}}, {"a": 1, "b": 2}, ["/b"]),
        ({"properties": {"a": {"properties": {"x": {}}}}}, {"a": {"y": 1}}, ["/a/y"]),
        (
            {"properties": {"a": {"items": {"properties": {"x": {}}}}}},
            {"a": [{"y": 1}]},
            ["/a/0/y"],
        ),
        ({"properties": {"a": {}}, "additionalProperties": True}, {"b": 2}, []),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, {"b": ""}, []),
        ({"properties": {"a": {}}, "patternProperties": {"^x": {}}}, {"b": 2}, []),
        ({"type": "object"}, {"b": 2}, []),
        ({}, {"b": 2}, []),
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 2}, []),
        ({"properties": {"a": {}}}, [1], []),
        ({"properties": {"a": {}}}, None, []),
    ],
)
def test_keys_are_undeclared_only_where_the_schema_names_some(
    schema: dict[str, Any], value: Any, undeclared: list[str]
) -> None:
    assert [at for at, _, _ in _content(schema).undeclared(value)] == undeclared


def test_two_shapes_of_one_place_declare_the_names_of_both() -> None:
    shapes: list[dict[str, Any]] = [
        {"properties": {"a": {"properties": {"x": {}}}}},
        {"properties": {"a": {"properties": {"y": {}}}}},
    ]
    content = _content({"oneOf": shapes})
    assert list(content.undeclared({"a": {"x": 1, "y": 2}})) == []
    assert [at for at, _, _ in content.undeclared({"a": {"z": 3}})] == ["/a/z"]


def test_a_schema_that_contains_itself_is_walked_as_deep_as_the_body() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "n": {}}}
    content = _content({"$ref": "#/$defs/node", "$defs": {"node": node}})
    assert list(content.undeclared({"next": {"next": {"n": 1}}})) == []
    assert [at for at, _, _ in content.undeclared({"next": {"next": {"m": 1}}})] == ["/next/next/m"]


@pytest.mark.parametrize(
    ("pointer", "value", "allowed"),
    [
        ("/status", "completed", True),
        ("/status", "done", False),
        ("/completed_at", None, False),
        ("/result/urls/0", "https://a.example/", True),
        ("/nothing/here", None, True),
    ],
)
def test_it_can_be_asked_of_one_place_alone(pointer: str, value: Any, allowed: bool) -> None:
    spec = find_api("krea").operation.response_for(200)
    assert spec is not None
    assert spec.contents[0].allows(pointer, value) is allowed


@pytest.mark.parametrize(
    ("pattern", "media_type", "covered"),
    [
        ("application/json", "application/json", True),
        ("application/json; charset=utf-8", "application/json", True),
        ("Application/JSON", "application/json", True),
        ("application/*", "application/json", True),
        ("*/*", "text/html", True),
        ("application/json", "application/problem+json", False),
        ("application/json", "", False),
    ],
)
def test_a_media_type_range_covers_what_is_in_it(
    tmp_path: Path, pattern: str, media_type: str, covered: bool
) -> None:
    path = tmp_path / "api.json"
    responses = {"200": {"description": "d", "content": {pattern: {"schema": {}}}}}
    document = {"openapi": "3.0.3", "paths": {"/jobs/{id}": {"get": {"responses": responses}}}}
    path.write_text(json.dumps(document), encoding="utf-8")
    spec = _read(path).response_for(200)
    assert spec is not None
    assert (spec.content_for(media_type) is not None) is covered


@pytest.mark.parametrize(("code", "spec"), [(200, "200"), (404, "4XX"), (503, "default")])
def test_a_code_is_described_exactly_or_by_range_or_by_default(
    tmp_path: Path, code: int, spec: str
) -> None:
    path = tmp_path / "api.json"
    responses = {name: {"description": name} for name in ("200", "4xx", "default")}
    document = {"openapi": "3.0.3", "paths": {"/jobs/{id}": {"get": {"responses": responses}}}}
    path.write_text(json.dumps(document), encoding="utf-8")
    found = _read(path).response_for(code)
    assert found is not None
    assert found.code == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no OpenAPI document"),
        ("[]", "no OpenAPI document: the top is no mapping"),
        ("{", "not JSON"),
        ("a: [", "not YAML"),
        ("a: 1", "no OpenAPI document: it has no key `openapi` or `swagger`"),
        ("openapi: 4.0.0", "version '4.0.0' of OpenAPI isn't known here: write 3.x or Swagger 2.0"),
        ("swagger: '1.2'", "version '1.2' of OpenAPI isn't known here"),
        ("openapi: 3.1.0", "the document has no `paths`"),
        ("openapi: 3.1.0\npaths: {/jobs: {}}", "no path '/jobs/{id}'. Did you mean '/jobs'?"),
        ("openapi: 3.1.0\npaths: {'/jobs/{id}': {put: {}}}", "has no GET; it has: PUT"),
    ],
)
def test_a_document_without_the_operation_is_told_in_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "api.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        _read(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
