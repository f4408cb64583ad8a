"""
JSON Pointers as RFC 6901 has them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobproof.contract.formats.json_pointer import escape, parent, pick, resolve, walk

# The document and the pointers of RFC 6901, section 5.
_DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", _DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_the_rfc_lead_where_it_says(pointer: str, value: object) -> None:
    assert resolve(_DOCUMENT, pointer) == (True, value)


@pytest.mark.parametrize(
    "pointer",
    [
        *("/foo/2", "/foo/-", "/foo/x", "/x", "/foo/0/y"),
        *("/foo/\u00b2", "/foo/\u0660", "/foo/00", "/foo/01", "/foo/" + "9" * 5_000),
    ],
    ids=lambda pointer: pointer[:20],
)
def test_a_pointer_to_nothing_says_so(pointer: str) -> None:
    assert resolve(_DOCUMENT, pointer) == (False, None)
    assert pick(_DOCUMENT, pointer) is None


def test_null_that_is_there_is_told_from_nothing() -> None:
    assert resolve({"a": None}, "/a") == (True, None)


@given(st.lists(st.text(), max_size=5))
def test_whatever_keys_are_called_they_are_found_again(keys: list[str]) -> None:
    pointer = "".join(f"/{escape(key)}" for key in keys)
    assert list(walk(pointer)) == keys
    value: Any = "there"
    for key in reversed(keys):
        value = {key: value}
    assert resolve(value, pointer) == (True, "there")


@pytest.mark.parametrize(("pointer", "above"), [("/a/b", "/a"), ("/a", ""), ("", "")])
def test_the_place_above(pointer: str, above: str) -> None:
    assert parent(pointer) == above
