"""
What a schema says of one place: found however it is put together, and never invented.
"""

from __future__ import annotations

from typing import Any

import pytest

from jobproof.contract.openapi.schema_place import SchemaPlace, Standing, either, place_at

AB: dict[str, Any] = {"type": "string", "enum": ["a", "b"]}
NULL = {"type": "null"}
OPEN = {"type": "string"}


def words_at(schema: object, pointer: str) -> frozenset[str] | None:
    place = place_at(schema, pointer)
    if not place.may_hold or place.values is None:
        return None
    return frozenset(text for kind, text in place.values if kind == "string") or None


def _job(status: object, **more: object) -> dict[str, Any]:
    return {"type": "object", "properties": {"status": status}, **more}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (AB, "ab"),
        ({"const": "a"}, "a"),
        ({"enum": ["a", "b", None]}, "ab"),
        ({"$ref": "#/$defs/status"}, "ab"),
        ({"allOf": [{"$ref": "#/$defs/status"}, {"description": "x"}]}, "ab"),
        ({"allOf": [AB, {"enum": ["b", "c"]}]}, "b"),
        ({"anyOf": [AB, NULL]}, "ab"),
        ({"oneOf": [{"const": "a"}, {"const": "c"}]}, "ac"),
        ({"anyOf": [AB, OPEN]}, None),
        ({"oneOf": [{"const": "a"}, {"pattern": "^x-"}]}, None),
        (OPEN, None),
        ({}, None),
        (True, None),
        ({"$ref": "#/$defs/nowhere"}, None),
        ({"$ref": "#/$defs/circle"}, None),
        ({"type": "boolean"}, None),
        ({"enum": [1, 2]}, None),
    ],
)
def test_words_are_read_through_whatever_puts_them_together(
    status: object, words: str | None
) -> None:
    defs = {"status": AB, "circle": {"anyOf": [{"$ref": "#/$defs/circle"}, NULL]}}
    found = words_at({**_job(status), "$defs": defs}, "/status")
    assert found == (None if words is None else frozenset(words))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"allOf": [_job(AB), _job({"enum": ["b", "c"]})]}, "b"),
        ({"allOf": [_job(AB), {"type": "object", "properties": {"id": OPEN}}]}, "ab"),
        ({"oneOf": [_job({"const": "a"}), _job({"const": "b"})]}, "ab"),
        ({"anyOf": [_job(AB), {"properties": {"error": OPEN}}]}, "ab"),
        ({"anyOf": [_job(AB), {"type": "object"}]}, None),
        ({"anyOf": [_job(AB), {"properties": {"e": OPEN}, "additionalProperties": False}]}, "ab"),
        ({"anyOf": [_job(AB), NULL]}, "ab"),
        ({"properties": {"id": OPEN}}, None),
        (None, None),
    ],
)
def test_so_they_are_through_whatever_holds_the_status(schema: object, words: str | None) -> None:
    assert words_at(schema, "/status") == (None if words is None else frozenset(words))


def test_a_status_may_stand_deep_and_in_a_list() -> None:
    schema = {"properties": {"data": {"items": {"properties": {"a/b": AB}}}}}
    assert words_at(schema, "/data/0/a~1b") == {"a", "b"}


STEP = {"type": "object", "properties": {"a": OPEN}}
CLOSED = {**STEP, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "pointer", "standing"),
    [
        (STEP, "/a", Standing.NAMED),
        (STEP, "/b", Standing.CLOSED),
        (CLOSED, "/b", Standing.FORBIDDEN),
        (STEP, "/a/b", Standing.FORBIDDEN),
        ({**STEP, "additionalProperties": True}, "/b", Standing.OPEN),
        ({**STEP, "additionalProperties": {"type": "string"}}, "/b/c", Standing.FORBIDDEN),
        ({**STEP, "patternProperties": {"^x": {}}}, "/b", Standing.OPEN),
        ({**STEP, "unevaluatedProperties": False}, "/b", Standing.FORBIDDEN),
        ({"allOf": [STEP], "unevaluatedProperties": False}, "/a", Standing.NAMED),
        ({"allOf": [STEP], "unevaluatedProperties": {"type": "string"}}, "/b", Standing.OPEN),
        ({"type": "object"}, "/b", Standing.SILENT),
        ({}, "/b/c", Standing.SILENT),
        (None, "/b", Standing.SILENT),
        (True, "/b", Standing.SILENT),
        (False, "/b", Standing.FORBIDDEN),
        ({"properties": {"a": False}}, "/a", Standing.FORBIDDEN),
        ({"type": "array", "items": STEP}, "/0/a", Standing.NAMED),
        ({"type": "array", "items": STEP}, "/0/b", Standing.CLOSED),
        ({"type": "array", "items": STEP}, "/a", Standing.CLOSED),
        ({"type": "array"}, "/0/a", Standing.SILENT),
        ({"prefixItems": [STEP], "items": False}, "/0/a", Standing.NAMED),
        ({"prefixItems": [STEP], "items": False}, "/1/a", Standing.FORBIDDEN),
        ({"prefixItems": [OPEN, STEP]}, "/0/a", Standing.FORBIDDEN),
        ({"type": ["object", "null"], **STEP}, "/a", Standing.NAMED),
        ({"anyOf": [NULL, STEP]}, "/a", Standing.NAMED),
        ({"anyOf": [NULL, STEP]}, "/b", Standing.CLOSED),
        ({"anyOf": [NULL, OPEN]}, "/b", Standing.FORBIDDEN),
        ({"oneOf": [STEP, {"properties": {"b": OPEN}}]}, "/b", Standing.NAMED),
        ({"oneOf": [STEP, {"type": "object"}]}, "/b", Standing.SILENT),
        ({**STEP, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, "/b", Standing.CLOSED),
        ({"allOf": [STEP, {"properties": {"b": OPEN}}]}, "/b", Standing.NAMED),
        ({"allOf": [CLOSED, {"properties": {"b": OPEN}}]}, "/b", Standing.FORBIDDEN),
        ({"allOf": [STEP, {"additionalProperties": True}]}, "/b", Standing.OPEN),
        ({"allOf": [{"type": "object"}, {"properties": {"a": NULL}}]}, "/a", Standing.NAMED),
        ({"allOf": [STEP, {"properties": {"a": NULL}}]}, "/a", Standing.FORBIDDEN),
        (
            {**STEP, "if": {"required": ["a"]}, "then": {"properties": {"b": OPEN}}},
            *("/b", Standing.NAMED),
        ),
        ({**STEP, "if": {"required": ["a"]}, "else": {"required": ["c"]}}, "/b", Standing.CLOSED),
        (
            {**STEP, "dependentSchemas": {"a": {"properties": {"b": OPEN}}}},
            *("/b", Standing.NAMED),
        ),
        ({"$ref": "#/$defs/a", "$defs": {"a": STEP}}, "/a", Standing.NAMED),
        ({"$ref": "#/$defs/lost"}, "/a", Standing.SILENT),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "/a", Standing.SILENT),
        ({"type": "object", "properties": {"a/b": {"properties": {"c~": {}}}}}, "/a~1b/c~0", 1),
    ],
)
def test_a_place_is_named_open_or_closed(schema: object, pointer: str, standing: Standing) -> None:
    assert place_at(schema, pointer).standing is Standing(standing)


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "number"}, {"integer", "number"}),
        ({"enum": [1, 2.5, True, None]}, {"integer", "number", "boolean", "null"}),
        ({"allOf": [{"type": ["string", "null"]}, {"enum": ["a"]}]}, {"string"}),
        ({"anyOf": [{"type": "integer"}, {"const": "a"}]}, {"integer", "string"}),
        ({"type": "strange"}, set()),
    ],
)
def test_the_types_that_may_stand_there_are_what_all_keywords_leave(
    schema: object, types: set[str]
) -> None:
    assert place_at(_job(schema), "/status").types == types


def test_what_one_of_several_bodies_names_is_named() -> None:
    assert either([place_at(STEP, "/b"), place_at({}, "/b")]).standing is Standing.SILENT
    assert either([place_at(STEP, "/a"), place_at(STEP, "/b")]).standing is Standing.NAMED
    assert either([]) == SchemaPlace(Standing.SILENT)


def test_no_depth_of_references_ends_the_program() -> None:
    chain = {f"s{n}": {"$ref": f"#/$defs/s{n + 1}"} for n in range(5_000)}
    schema = {"$ref": "#/$defs/s0", "$defs": {**chain, "s5000": STEP}}
    assert place_at(schema, "/a").standing is Standing.SILENT


def test_a_schema_of_many_choices_is_looked_at_once() -> None:
    level: dict[str, Any] = {"anyOf": [{"$ref": "#/$defs/s0"}] * 20}
    defs = {f"s{n}": {"anyOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 20} for n in range(40)}
    schema = {**level, "$defs": {**defs, "s40": STEP}}
    assert place_at(schema, "/a").standing is Standing.NAMED
