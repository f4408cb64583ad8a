"""
What is said of a value that its schema doesn't allow.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.documents import JSON

from jobproof.contract.openapi.schema import Content, SchemaError
from jobproof.contract.openapi.wording import expectation, shown


def _error(schema: Any, value: Any) -> SchemaError:
    (error,) = Content(JSON, schema).errors(value)
    return error


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "string"}, 1, "a string"),
        ({"type": ["null", "string"]}, 1, "a string or null"),
        ({"type": ["object", "array", "null"]}, 1, "a list or an object or null"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "a string or null"),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, 1, "a string or null"),
        ({"anyOf": [{"type": "string"}, {"minimum": 2}]}, 1, "at least 2"),
        ({"anyOf": [{"maximum": 0}, {"minimum": 2}]}, 1, "one of the schema's alternatives"),
        ({"oneOf": [{}, {}]}, 1, "exactly one of the schema's alternatives"),
        ({"format": "date-time"}, "x", "a date-time of RFC 3339, such as 2026-01-31T12:00:00Z"),
        ({"format": "uuid"}, "x", "a UUID, such as 123e4567-e89b-12d3-a456-426614174000"),
        ({"format": "uri"}, "x", "an absolute URI (RFC 3986)"),
        ({"enum": ["a", "b", None]}, "x", "one of a, b, null"),
        ({"enum": ["a"]}, "x", "a"),
        ({"const": {"a": 1}}, "x", '{"a": 1}'),
        ({"pattern": "^a$"}, "x", "text that matches ^a$"),
        ({"minimum": 1}, 0, "at least 1"),
        ({"exclusiveMinimum": 1}, 1, "more than 1"),
        ({"maximum": 2.5}, 3, "at most 2.5"),
        ({"exclusiveMaximum": 2}, 2, "less than 2"),
        ({"multipleOf": 2}, 3, "a multiple of 2"),
        ({"minLength": 1}, "", "at least 1 character"),
        ({"maxLength": 2}, "abc", "at most 2 characters"),
        ({"minItems": 2}, [], "at least 2 items"),
        ({"maxItems": 0}, [1], "at most 0 items"),
        ({"minProperties": 1}, {}, "at least 1 key"),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, "at most 1 key"),
        ({"uniqueItems": True}, [1, 1], "items that all differ"),
        ({"contains": {"type": "null"}}, [1], "as many items as `contains` asks for"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, "no key b"),
        ({"unevaluatedProperties": False}, {"b": 1}, "no key b"),
        ({"properties": {"a": False}}, {"a": 1}, "nothing there: the schema allows no value"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "keys that `propertyNames` allows"),
        ({"not": {}}, 1, "what isn't described by `not`"),
        ({"required": ["a"]}, {}, "the key a"),
        ({"required": ["a", "b"]}, {}, "the keys a, b"),
    ],
)
def test_an_expectation_is_in_words(schema: Any, value: Any, expected: str) -> None:
    assert _error(schema, value).expected == expected


def test_missing_keys_of_one_object_are_one_error() -> None:
    schema = {
        "required": ["a", "b"],
        "allOf": [{"required": ["b", "c"]}],
        "properties": {"in": {"required": ["x", "y"]}, "n": {"type": "integer"}},
    }
    errors = {error.at: error for error in Content(JSON, schema).errors({"in": {}, "n": "1"})}
    assert {at: error.missing for at, error in errors.items()} == {
        "": ("a", "b", "c"),
        "/in": ("x", "y"),
        "/n": (),
    }
    assert errors[""].keyword == "required"
    assert errors[""].message == "a, b, c are required properties"
    assert errors["/in"].found == {}


def test_one_missing_key_is_named_as_before() -> None:
    assert _error({"required": ["a"]}, {}).message == '"a" is a required property'


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, {"a": "x" * 100_000}),
        ({"enum": ["x" * 10_000] * 1}, "\x1b[2J"),
        ({"enum": [f"word-{n}\n" for n in range(500)]}, "x" * 10_000),
        ({"const": "\x1b]0;a\x07"}, "\x1b"),
        ({"pattern": "^a\n\x1b$"}, "x\r\n" * 5000),
        ({"required": ["a\x1b", "b" * 10_000]}, {}),
        ({"additionalProperties": False, "properties": {"a": {}}}, {"\x1b" * 9: 1}),
        ({"format": "date"}, "\u202e" * 500),
    ],
)
def test_what_is_shown_is_one_short_line_without_control_characters(
    schema: Any, value: Any
) -> None:
    error = _error(schema, value)
    for text in (error.expected, error.message):
        assert text.isprintable(), json.dumps(text)
        assert 0 < len(text) <= 200


def test_many_words_are_counted() -> None:
    words = [str(n) for n in range(20)]
    listed = "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 or 8 more"
    assert expectation("enum", words) == listed
    assert expectation("no-such-keyword", None) == "what `no-such-keyword` of the schema says"


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert shown("a" * 10, 10) == "a" * 10
    assert shown("a" * 11, 10) == "a" * 7 + "..."
