"""
Where references lead: to operations, path items, anchors and embedded resources, in any file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.documents import (
    answering,
    body_of,
    job_schema,
    read,
    saved,
    written,
    wrong,
)

from jobproof.contract.errors import DocumentError

_TEXT_ID = {"type": "object", "properties": {"id": {"type": "string"}}}


def _says_text_id(path: Path) -> bool:
    return wrong(body_of(read(path)), {"id": 1}) == [("/id", "type")]


@pytest.mark.parametrize(
    "item",
    [
        {"get": {"$ref": "#/x-operations/get"}},
        {"get": {"$ref": "parts/operation.json"}},
        {"get": {"$ref": "parts/operations.json#/job"}},
        {"$ref": "#/x-items/job"},
        {"$ref": "#/components/pathItems/job"},
        {"$ref": "parts/item.json"},
        {"$ref": "parts/to-item.json"},
        {"$ref": "parts/item-of-put.json", "get": {"$ref": "#/x-operations/get"}},
        {"get": {"responses": {"$ref": "#/x-operations/get/responses"}}},
        {"get": {"responses": {"200": {"$ref": "#/x-operations/get/responses/200"}}}},
        {"get": {"responses": {"200": {"content": {"$ref": "parts/content.json"}}}}},
    ],
)
def test_a_reference_may_stand_wherever_a_part_of_the_operation_does(
    tmp_path: Path, item: dict[str, Any]
) -> None:
    operation = answering({"$ref": "#/components/schemas/Job"})
    apart = answering({"$ref": "schemas.json#/Job"})
    saved(tmp_path, "parts/schemas.json", {"Job": _TEXT_ID})
    saved(tmp_path, "parts/operation.json", apart)
    saved(tmp_path, "parts/operations.json", {"job": {"$ref": "operation.json"}})
    saved(tmp_path, "parts/item.json", {"get": apart})
    saved(tmp_path, "parts/to-item.json", {"$ref": "item.json"})
    saved(tmp_path, "parts/item-of-put.json", {"put": {}})
    saved(tmp_path, "parts/content.json", apart["responses"]["200"]["content"])
    path = saved(
        tmp_path,
        "openapi.json",
        {
            "openapi": "3.1.0",
            "paths": {"/jobs/{id}": item},
            "x-operations": {"get": operation},
            "x-items": {"job": {"get": operation}},
            "components": {
                "schemas": {"Job": _TEXT_ID},
                "pathItems": {"job": {"$ref": "#/x-items/job"}},
            },
        },
    )
    assert _says_text_id(path)


def test_what_stands_beside_a_path_items_reference_belongs_to_it_and_wins(tmp_path: Path) -> None:
    shared = {
        "get": answering({"type": "integer"}),
        "delete": {},
        "parameters": [{"in": "header", "name": "X-Tenant", "required": True}],
    }
    item = {"$ref": "#/x-shared", "get": answering(_TEXT_ID)}
    path = saved(
        tmp_path,
        "openapi.json",
        {"openapi": "3.1.0", "paths": {"/jobs/{id}": item}, "x-shared": shared},
    )
    operation = read(path)
    assert _says_text_id(path)
    assert operation.others == {"DELETE"}
    assert [parameter.name for parameter in operation.parameters] == ["X-Tenant"]


def test_all_paths_and_components_may_stand_in_other_files(tmp_path: Path) -> None:
    saved(tmp_path, "paths.json", {"/jobs/{id}": {"$ref": "items/job.json"}})
    saved(
        tmp_path,
        "items/job.json",
        {"get": answering({"$ref": "../openapi.json#/components/schemas/Job"})},
    )
    saved(tmp_path, "schemas.json", {"Job": _TEXT_ID})
    path = saved(
        tmp_path,
        "openapi.json",
        {
            "openapi": "3.0.3",
            "paths": {"$ref": "paths.json"},
            "components": {"schemas": {"$ref": "schemas.json"}},
        },
    )
    assert _says_text_id(path)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"$ref": "#/x-loop"}, "$ref '#/x-loop' leads back to itself"),
        ({"$ref": "#/nowhere"}, "$ref '#/nowhere' points at nothing"),
        ({"get": {"$ref": "#/x-loop"}}, "$ref '#/x-loop' leads back to itself"),
        ({"get": {"$ref": "lost.json"}}, "lost.json: can't be read: No such file or directory"),
        ({"get": {"$ref": "http://127.0.0.1:1/a"}}, "is on the network; save the file beside"),
        (7, "the path /jobs/{id} is no mapping"),
        ({"get": {"$ref": "a\0b"}}, "$ref 'a\ufffdb' is no name of a file"),
        ({"get": {"$ref": "a" * 5000}}, "aaa...' is no name of a file"),
        ({"get": {"$ref": "./"}}, "can't be read: Is a directory"),
        ({"get": {"$ref": "http://[::1"}}, "is on the network"),
        ({"get": answering({"$ref": 7})}, "the $ref of a schema is no text"),
        ({"get": answering({"$ref": "#/a\x1b[2J"})}, "$ref '#/a\ufffd[2J' points at nothing"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_in_one_line(
    tmp_path: Path, item: Any, message: str
) -> None:
    document = {"openapi": "3.1.0", "paths": {"/jobs/{id}": item}, "x-loop": {"$ref": "#/x-loop"}}
    path = saved(tmp_path, "openapi.json", document)
    with pytest.raises(DocumentError) as caught:
        read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "schemas"),
    [
        ("#job", {"Job": {**_TEXT_ID, "$anchor": "job"}}),
        ("#job", {"Job": {**_TEXT_ID, "$dynamicAnchor": "job"}}),
        ("#job", {"Outer": {"properties": {"job": {**_TEXT_ID, "$anchor": "job"}}}}),
        ("#job", {"Outer": {"$defs": {"x": {**_TEXT_ID, "$anchor": "job"}}}}),
        ("#job", {"Job": {"$anchor": "job", "$ref": "#/components/schemas/Id"}, "Id": _TEXT_ID}),
        ("https://a.example/job", {"Job": {**_TEXT_ID, "$id": "https://a.example/job"}}),
        ("https://a.example/b#job", {"B": {"$id": "https://a.example/b", "$defs": {
            "Job": {**_TEXT_ID, "$anchor": "job"}}}}),
        ("urn:example:job", {"Job": {**_TEXT_ID, "$id": "urn:example:job"}}),
        ("https://a.example/api#/components/schemas/Job", {"Job": _TEXT_ID}),
        ("job.json", {"Job": {**_TEXT_ID, "$id": "job.json"}}),
        ("job.json#/$defs/a", {"Job": {"$id": "job.json", "$defs": {"a": _TEXT_ID}}}),
    ],
)  # fmt: skip
def test_a_schema_is_found_by_the_names_that_it_gives_itself(
    tmp_path: Path, reference: str, schemas: dict[str, Any]
) -> None:
    more = {"components": {"schemas": schemas}, "$self": "https://a.example/api"}
    path = written(tmp_path, answering({"$ref": reference}), version="3.2.0", **more)
    assert _says_text_id(path)


def test_an_anchor_that_no_schema_has_is_told(tmp_path: Path) -> None:
    # What an example holds is data, whatever it is called.
    job = {"example": {"$anchor": "job"}, "const": {"$anchor": "job"}}
    with pytest.raises(DocumentError, match="'#job' points at nothing: no schema there has the"):
        job_schema(tmp_path, {"$ref": "#job"}, Job=job)


@pytest.mark.parametrize("reference", ["#/components/schemas/Job", "https://a.example/schemas/job"])
def test_below_an_id_references_are_relative_to_it(tmp_path: Path, reference: str) -> None:
    job = {
        "$id": "https://a.example/schemas/job",
        "properties": {"id": {"$ref": "#/$defs/Id"}, "next": {"$ref": "other"}},
        "$defs": {"Id": {"type": "string"}},
    }
    schemas = {
        "Job": job,
        "Other": {"$id": "https://a.example/schemas/other", "type": "integer"},
        "Id": {"type": "boolean"},
    }
    body = job_schema(tmp_path, {"$ref": reference}, **schemas)
    assert wrong(body, {"id": "a", "next": 1}) == []
    assert wrong(body, {"id": True, "next": "a"}) == [("/id", "type"), ("/next", "type")]


def test_a_pointer_may_lead_through_an_id(tmp_path: Path) -> None:
    job = {"$id": "job", "$defs": {"Id": {"type": "string"}, "Of": {"$ref": "#/$defs/Id"}}}
    body = job_schema(tmp_path, {"$ref": "#/components/schemas/Job/$defs/Of"}, Job=job)
    assert wrong(body, 1) == [("", "type")]


def test_a_reference_to_the_file_from_below_an_id_is_understood_all_the_same(
    tmp_path: Path,
) -> None:
    job = {"$id": "Job", "properties": {"id": {"$ref": "#/components/schemas/Id"}}}
    body = job_schema(
        tmp_path, {"$ref": "#/components/schemas/Job"}, Job=job, Id={"type": "string"}
    )
    assert wrong(body, {"id": 1}) == [("/id", "type")]


def test_until_3_0_an_id_is_no_keyword(tmp_path: Path) -> None:
    schemas = {"Job": {"$id": "x", "properties": {"id": {"$ref": "#/components/schemas/Id"}}}}
    schemas["Job"]["$defs"] = {}
    body = job_schema(
        tmp_path,
        {"$ref": "#/components/schemas/Job"},
        version="3.0.3",
        **schemas,
        Id={"type": "string"},
    )
    assert wrong(body, {"id": 1}) == [("/id", "type")]


def test_the_outermost_resource_decides_where_a_dynamic_reference_leads(tmp_path: Path) -> None:
    tree = {
        "$id": "https://a.example/tree",
        "$dynamicAnchor": "node",
        "properties": {"children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    }
    strict = {
        "$id": "https://a.example/strict",
        "$dynamicAnchor": "node",
        "$ref": "tree",
        "properties": {"name": {"type": "string"}},
    }
    nested = {"children": [{"children": [{"name": 7}]}]}
    place = "/children/0/children/0/name"
    strictly = job_schema(tmp_path, {"$ref": "https://a.example/strict"}, Tree=tree, Strict=strict)
    assert wrong(strictly, nested) == [(place, "type")]
    loosely = job_schema(tmp_path, {"$ref": "https://a.example/tree"}, Tree=tree, Strict=strict)
    assert wrong(loosely, nested) == []


def test_a_dynamic_reference_in_one_resource_is_a_reference(tmp_path: Path) -> None:
    node = {
        "$dynamicAnchor": "node",
        "properties": {"name": {"type": "string"}, "next": {"$dynamicRef": "#node"}},
    }
    body = job_schema(tmp_path, {"$ref": "#/components/schemas/Node"}, Node=node)
    assert wrong(body, {"next": {"next": {"name": 1}}}) == [("/next/next/name", "type")]


def test_what_stands_beside_a_reference_holds_with_it(tmp_path: Path) -> None:
    schema = {
        "$ref": "#/components/schemas/Base",
        "properties": {"b": {}},
        "unevaluatedProperties": False,
    }
    body = job_schema(tmp_path, schema, Base={"properties": {"a": {"type": "string"}}})
    assert wrong(body, {"a": "x", "b": 1}) == []
    assert wrong(body, {"a": "x", "c": 1}) == [("", "unevaluatedProperties")]
    # Until 3.0 it is ignored.
    beside = {"$ref": "#/components/schemas/Base", "required": ["z"]}
    older = job_schema(tmp_path, beside, version="3.0.3", Base={"type": "object"})
    assert wrong(older, {}) == []


def test_a_long_chain_of_references_is_followed(tmp_path: Path) -> None:
    chain = {
        f"S{index}": {"properties": {"next": {"$ref": f"#/components/schemas/S{index + 1}"}}}
        for index in range(150)
    }
    body = job_schema(
        tmp_path, {"$ref": "#/components/schemas/S0"}, **chain, S150={"type": "string"}
    )
    value: Any = 7
    for _ in range(150):
        value = {"next": value}
    assert [keyword for _, keyword in wrong(body, value)] == ["type"]


def test_a_broken_reference_that_nothing_needs_does_not_matter(tmp_path: Path) -> None:
    get = {**answering(_TEXT_ID), "security": [{"ok": []}]}
    components = {
        "securitySchemes": {
            "ok": {"type": "http", "scheme": "bearer"},
            "bad": {"$ref": "#/lost"},
        },
        "schemas": {"Bad": {"$ref": "lost.json"}},
        "parameters": {"Bad": {"$ref": "#/lost"}},
    }
    operation = read(written(tmp_path, get, components=components))
    assert operation.security.is_required
    assert operation.notes == ()
