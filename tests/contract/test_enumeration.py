"""
Words that a schema enumerates: found wherever they stand, and never invented.
"""

from __future__ import annotations

from typing import Any

import pytest

from jobproof.contract.openapi.enumeration import words_at

AB: dict[str, Any] = {"type": "string", "enum": ["a", "b"]}
NULL = {"type": "null"}
OPEN = {"type": "string"}


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
        ({"anyOf": [_job(AB), {"properties": {"error": OPEN}}]}, None),
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
