"""
What a document's keywords mean once its operation is cut out: names, answers, codes, ranges.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.documents import (
    JSON,
    answering,
    body_of,
    job_schema,
    read,
    saved,
    written,
    wrong,
)

from jobproof.contract.errors import DocumentError
from jobproof.contract.openapi.media_range import specificity
from jobproof.contract.openapi.schema import Content

_KEYWORD_NAMES = ("example", "examples", "xml", "x-note", "$id", "$ref", "discriminator", "title")


@pytest.mark.parametrize("name", _KEYWORD_NAMES)
def test_a_name_that_reads_like_a_keyword_is_a_name(tmp_path: Path, name: str) -> None:
    text = {"type": "string"}
    for schema in (
        {"properties": {name: text}},
        {"patternProperties": {f"^{name.replace('$', '[$]')}": text}},
        {"additionalProperties": {"properties": {name: text}}},
        {"dependentSchemas": {name: {"properties": {name: text}}}},
    ):
        inside = {"a": {name: 1}} if "additionalProperties" in schema else {name: 1}
        assert [k for _, k in wrong(job_schema(tmp_path, schema), inside)] == ["type"]
    needing: list[dict[str, Any]] = [
        {"dependentRequired": {name: ["other"]}},
        {"dependentSchemas": {name: {"required": ["other"]}}},
    ]
    for schema in needing:
        assert wrong(job_schema(tmp_path, schema), {name: 1}) == [("", "required")]
        assert wrong(job_schema(tmp_path, schema), {}) == []
    assert wrong(job_schema(tmp_path, {"required": [name]}), {}) == [("", "required")]
    depending = {"dependentRequired": {"other": [name]}}
    assert wrong(job_schema(tmp_path, depending), {"other": 1}) == [("", "required")]


@pytest.mark.parametrize(
    ("schema", "right", "mistaken"),
    [
        ({"not": {"$ref": "#/components/schemas/Text"}}, 1, "a"),
        ({"if": {"$ref": "#/components/schemas/Text"}, "then": False}, 1, "a"),
        ({"if": False, "else": {"$ref": "#/components/schemas/Text"}}, "a", 1),
        ({"if": True, "then": {"$ref": "#/components/schemas/Text"}}, "a", 1),
        ({"contains": {"$ref": "#/components/schemas/Text"}}, ["a"], [1]),
        ({"propertyNames": {"$ref": "#/components/schemas/Short"}}, {"a": 1}, {"abc": 1}),
        ({"additionalProperties": {"$ref": "#/components/schemas/Text"}}, {"a": "b"}, {"a": 1}),
        ({"unevaluatedProperties": {"$ref": "#/components/schemas/Text"}}, {"a": "b"}, {"a": 1}),
        ({"unevaluatedItems": {"$ref": "#/components/schemas/Text"}}, ["a"], [1]),
        ({"prefixItems": [{"$ref": "#/components/schemas/Text"}]}, ["a", 1], [1]),
        ({"items": [{"$ref": "#/components/schemas/Text"}, {}]}, ["a", 1], [1]),
        ({"items": [{}], "additionalItems": {"$ref": "#/components/schemas/Text"}}, [1, "a"],
         [1, 1]),
        ({"patternProperties": {"^a": {"$ref": "#/components/schemas/Text"}}}, {"ab": ""},
         {"ab": 1}),
        ({"dependentSchemas": {"a": {"$ref": "#/components/schemas/Named"}}}, {"a": 1, "b": 1},
         {"a": 1}),
        # Values: what looks like a reference in them is data.
        ({"const": {"$ref": "#/x"}}, {"$ref": "#/x"}, {}),
        ({"enum": [{"$ref": "#/x"}]}, {"$ref": "#/x"}, {}),
        ({"type": ["string", None]}, None, 1),
    ],
)  # fmt: skip
def test_what_holds_a_schema_is_read_as_one(
    tmp_path: Path, schema: Any, right: Any, mistaken: Any
) -> None:
    schemas = {
        "Text": {"type": "string"},
        "Short": {"maxLength": 2},
        "Named": {"required": ["b"]},
    }
    body = job_schema(tmp_path, schema, **schemas)
    assert wrong(body, right) == []
    assert wrong(body, mistaken) != []


_SECRET = {"type": "string", "writeOnly": True}
_NEEDED = {"required": ["id", "secret"]}
_SCHEMAS = {
    "Secret": _SECRET,
    "Base": {"properties": {"secret": _SECRET}},
    "Needs": _NEEDED,
    "Whole": {**_NEEDED, "properties": {"secret": _SECRET}},
}
_REF = {name: {"$ref": f"#/components/schemas/{name}"} for name in _SCHEMAS}


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize(
    "schema",
    [
        {**_NEEDED, "properties": {"secret": _SECRET}},
        {**_NEEDED, "properties": {"secret": _REF["Secret"]}},
        {**_NEEDED, "properties": {"secret": {"allOf": [_REF["Secret"]]}}},
        {**_NEEDED, "properties": {"secret": {"allOf": [{}], "writeOnly": True}}},
        {"allOf": [_NEEDED, {"properties": {"secret": _SECRET}}]},
        {"allOf": [_REF["Base"]], **_NEEDED},
        {"allOf": [_REF["Needs"], _REF["Base"]]},
        {"allOf": [{"allOf": [_REF["Needs"]]}], "properties": {"secret": _SECRET}},
        _REF["Whole"],
        {"anyOf": [_REF["Whole"]]},
        {"oneOf": [_REF["Whole"], {"type": "string"}]},
        {
            "properties": {"secret": _SECRET},
            "required": ["id"],
            "oneOf": [{"required": ["secret"]}, {"required": ["id"]}],
        },
    ],
)
def test_what_is_write_only_is_no_part_of_an_answer(
    tmp_path: Path, schema: Any, version: str
) -> None:
    body = job_schema(tmp_path, schema, version=version, **_SCHEMAS)
    assert wrong(body, {"id": 1}) == []
    assert wrong(body, {}) != []


def test_only_what_is_write_only_may_be_missing(tmp_path: Path) -> None:
    schemas = {
        "Plain": {"required": ["secret"]},
        "Job": {
            "required": ["kept", "inner"],
            "properties": {
                "kept": {"readOnly": True},
                "inner": {"required": ["secret"], "properties": {"secret": {}}},
                "list": {"type": "array", "items": {"$ref": "#/components/schemas/Plain"}},
                "secret": _SECRET,
            },
            "dependentRequired": {"kept": ["secret"]},
        },
    }
    body = job_schema(tmp_path, {"$ref": "#/components/schemas/Job"}, **schemas)
    assert wrong(body, {"inner": {}, "list": [{}]}) == [
        ("", "required"),
        ("/inner", "required"),
        ("/list/0", "required"),
    ]
    assert wrong(body, {"kept": 1, "inner": {"secret": 1}}) == []
    # Sent all the same, it has to be what it is described as.
    assert wrong(body, {"kept": 1, "inner": {"secret": 1}, "secret": 1}) == [("/secret", "type")]


def test_a_condition_is_asked_of_the_answer_as_it_is(tmp_path: Path) -> None:
    schema = {
        "properties": {"secret": _SECRET},
        "not": {"required": ["secret"]},
        "if": {"required": ["secret"]},
        "then": False,
    }
    assert wrong(job_schema(tmp_path, schema), {}) == []


@pytest.mark.parametrize("code", ["2XX", "2xx", "default"])
def test_a_200_may_be_described_by_its_range_or_by_default(tmp_path: Path, code: str) -> None:
    operation = read(written(tmp_path, answering({"type": "object"}, code)))
    assert wrong(body_of(operation), 1) == [("", "type")]
    spec = operation.response_for(200)
    assert spec is not None
    assert spec.json_media_type == JSON


def test_the_nearest_description_of_a_code_is_the_one(tmp_path: Path) -> None:
    responses = {name: {"description": name} for name in ("default", "4xx", "404", "2XX")}
    operation = read(written(tmp_path, {"responses": responses}))
    found = {code: operation.response_for(code) for code in (200, 404, 410, 500)}
    assert {code: spec.code for code, spec in found.items() if spec} == {
        200: "2XX",
        404: "404",
        410: "4XX",
        500: "default",
    }


@pytest.mark.parametrize(
    ("media_type", "chosen"),
    [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;version=2", "application/json; version=2"),
        ('application/json; VERSION="2"', "application/json; version=2"),
        ("APPLICATION/JSON", "application/json"),
        ("application/problem+json", "application/*+json"),
        ("application/vnd.a+JSON; q=1", "application/*+json"),
        ("application/xml", "application/*"),
        ("text/html", "*/*"),
        ("", "*/*"),
    ],
)
def test_the_most_specific_media_range_is_chosen_whatever_the_order(
    tmp_path: Path, media_type: str, chosen: str
) -> None:
    keys = [
        *("*/*", "application/*", "application/*+json", "application/json; version=2"),
        "application/json",
    ]
    for order in (keys, keys[::-1]):
        content = {key: {"schema": {}} for key in order}
        path = written(tmp_path, {"responses": {"200": {"description": "d", "content": content}}})
        assert body_of(read(path), media_type=media_type).media_type == chosen


@pytest.mark.parametrize(
    ("pattern", "media_type"),
    [
        ("application/json", "application/problem+json"),
        ("application/*+json", "application/json"),
        ("application/*+json", "text/a+json"),
        ("application/*", "applications/json"),
        ("*/json", "application/json"),
        ("text/*", ""),
        ("", "text/html"),
    ],
)
def test_a_range_doesnt_cover_its_neighbours(pattern: str, media_type: str) -> None:
    assert specificity(pattern, media_type) == 0


def test_another_spelling_of_a_parameter_is_the_same_media_type() -> None:
    assert specificity("application/json; charset=utf-8", "application/json; charset=UTF-8")
    assert specificity("application/json; charset=utf-8", "application/json")


def test_a_mock_sends_a_type_and_no_range(tmp_path: Path) -> None:
    for key, sent in (
        ("application/*+json", "application/problem+json"),
        ("application/vnd.a+json; v=1", "application/vnd.a+json; v=1"),
        ("text/json", "text/json"),
        ("application/*", None),
    ):
        get = {"responses": {"200": {"description": "d", "content": {key: {"schema": {}}}}}}
        spec = read(written(tmp_path, get)).response_for(200)
        assert spec is not None
        assert spec.json_media_type == sent


def test_the_digest_knows_names_from_prose(tmp_path: Path) -> None:
    def digest(schema: Any) -> str:
        return read(written(tmp_path, answering(schema))).digest

    for key in ("dependentSchemas", "dependentRequired"):
        inside: Any = {"required": ["a"]} if key == "dependentSchemas" else ["a"]
        assert digest({key: {"title": inside}}) != digest({key: {"example": inside}})
    assert digest({"const": {"title": "a"}}) != digest({"const": {"title": "b"}})
    assert digest({"title": "a"}) == digest({"title": "b"})


def test_empty_keywords_say_nothing(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        "openapi.yaml",
        "openapi: 3.1.0\npaths:\n  /jobs/{id}:\n    get:\n      parameters:\n      responses:\n"
        "        200:\n          description:\n          content:\n            application/json:\n"
        "              schema:\n                type: object\n                properties:\n"
        "                required:\n",
    )
    assert wrong(body_of(read(path)), []) == [("", "type")]


@pytest.mark.parametrize(
    "schema", [{"type": "strnig"}, {"required": [["a"]]}, {"properties": 7}, {"enum": ["\ud800"]}]
)
def test_a_schema_that_is_none_is_told_in_one_line(tmp_path: Path, schema: Any) -> None:
    with pytest.raises(DocumentError, match="the schema of 200 application/json can't be used"):
        job_schema(tmp_path, schema)


NULLABLE = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("schema", "value", "keyword"),
    [
        (NULLABLE, "yesterday", "format"),
        (NULLABLE, 7, "anyOf"),
        ({"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "null"}]}, "b", "enum"),
        ({"oneOf": [{"type": "string", "maxLength": 1}, {"type": "integer"}]}, "long", "maxLength"),
        ({"anyOf": [{"type": "string", "maxLength": 1}, {"const": "x"}]}, "long", "anyOf"),
        ({"anyOf": [{"anyOf": [NULLABLE]}, {"type": "null"}]}, "yesterday", "format"),
    ],
)
def test_a_choice_says_what_is_wrong_in_the_branch_of_the_value_s_type(
    schema: Any, value: Any, keyword: str
) -> None:
    content = Content("application/json", {"properties": {"at": schema}})
    assert [(e.at, e.keyword) for e in content.errors({"at": value})] == [("/at", keyword)]
