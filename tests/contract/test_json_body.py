"""
Bytes as JSON: every oddity has a name, and nothing raises.
"""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobproof.contract.formats.json_body import Flaw, read_body

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_plain_json_is_read_as_it_is_and_has_no_flaw(value: object) -> None:
    body = read_body(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    assert body.readable
    assert body.value == value
    assert body.flaws == ()


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda t: t.encode("utf-16")))
def test_any_bytes_are_either_read_or_named(data: bytes) -> None:
    body = read_body(data)
    assert body.readable or body.flaws
    assert body.readable or body.value is None


@pytest.mark.parametrize(
    ("data", "flaw", "detail"),
    [
        (b"\xff\xfe{\x00}\x00", Flaw.NOT_UTF8, "UTF-16"),
        (b'{"a": "\xe9"}', Flaw.NOT_UTF8, "byte 0xe9 at offset 7"),
        (b"\xef\xbb\xbf{}", Flaw.BYTE_ORDER_MARK, "starts with EF BB BF"),
        (b"", Flaw.NOT_JSON, "the body is empty"),
        (b"   ", Flaw.NOT_JSON, "the body is empty"),
        (b"{} {}", Flaw.NOT_JSON, "Extra data at offset 3, near '{} {}'"),
        # Marked where it is cut, so that a redactor sees half a token.
        (
            b"{} 0123456789abcdefghij",
            Flaw.NOT_JSON,
            "Extra data at offset 3, near '{} 0123456789abcde...'",
        ),
        (
            b'"0123456789abcdef" 0123456789abcdef-ghijkl',
            Flaw.NOT_JSON,
            "Extra data at offset 19, near '...\" 0123456789abcde...'",
        ),
        (b'{"a": 1, "a": 2}', Flaw.DUPLICATE_KEY, "key 'a' stands there twice"),
        (b"[NaN]", Flaw.NOT_FINITE, "NaN is no JSON number"),
        (b"[-Infinity]", Flaw.NOT_FINITE, "-Infinity is no JSON number"),
        (b"[9007199254740993]", Flaw.INEXACT_NUMBER, "9007199254740993 is beyond 2^53"),
        (b"[1e999]", Flaw.INEXACT_NUMBER, "1e999 overflows a double"),
        (b"9" * 401, Flaw.INEXACT_NUMBER, "an integer of 401 digits"),
        (b'["\\ud83d"]', Flaw.LONE_SURROGATE, "half a character: '\\ud83d'"),
    ],
)
def test_each_flaw_has_a_name_and_says_where(data: bytes, flaw: Flaw, detail: str) -> None:
    assert read_body(data).flaw(flaw) == detail


@pytest.mark.parametrize("levels", [101, 1_000, 100_000])
@pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_body_too_deep_to_walk_is_not_read(left: bytes, right: bytes, levels: int) -> None:
    body = read_body(left * levels + b'"\\u0041"' + right * levels)
    assert not body.readable
    assert body.flaw(Flaw.NOT_JSON) is not None


def test_a_hundred_levels_are_read() -> None:
    assert read_body(b"[" * 100 + b"]" * 100).readable
    assert read_body(json.dumps(["[{" * 400]).encode()).readable


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert read_body(b'["\\ud83d\\ude00"]').flaws == ()


def test_the_value_behind_a_byte_order_mark_is_read() -> None:
    body = read_body(b'\xef\xbb\xbf{"a": 1}')
    assert (body.readable, body.value) == (True, {"a": 1})


def test_an_absurd_integer_costs_no_time() -> None:
    assert read_body(b"9" * 1_000_000).value == sys.float_info.max
