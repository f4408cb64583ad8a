"""
A schema that lets everything pass says nothing of a body.
"""

from __future__ import annotations

from typing import Any

import pytest

from jobproof.contract.openapi.constraints import constrains

ANY = {
    "$defs": {
        "Any": {"title": "any"},
        "Loop": {"$ref": "#/$defs/Loop"},
        "Text": {"type": "string"},
    }
}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        True,
        {},
        {"title": "Job", "description": "a job", "x-order": 3, "example": {"id": 1}},
        {"additionalProperties": True, "properties": {}, "required": []},
        {"allOf": [{}, True, {"description": "any"}]},
        {"$ref": "#/$defs/Any", **ANY},
        {"$ref": "#/$defs/Loop", **ANY},
        {"$ref": "#/$defs/Nowhere", **ANY},
        {"nullable": True},
    ],
    ids=repr,
)
def test_what_lets_everything_pass_constrains_nothing(schema: Any) -> None:
    assert not constrains(schema)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "object"},
        {"required": ["id"]},
        {"not": {}},
        {"additionalProperties": False},
        {"properties": {"id": {"type": "string"}}},
        {"allOf": [{}, {"$ref": "#/$defs/Text"}], **ANY},
        {"const": 0},
        {"enum": ["a"]},
        {"minProperties": 1},
    ],
    ids=repr,
)
def test_what_some_body_breaks_is_a_constraint(schema: Any) -> None:
    assert constrains(schema)
