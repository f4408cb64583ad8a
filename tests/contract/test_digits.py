"""
Numbers that somebody else wrote.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobproof.contract.formats.digits import is_digits, read_decimal, read_digits, read_hex

FOREIGN = [
    "",
    "\u00b2",
    "\u0663",
    "\uff11",
    "1_0",
    "+1",
    "-1",
    " 1",
    "1 ",
    "1\n",
    "1,0",
    "x",
    "\x001",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_what_a_protocol_does_not_mean_is_no_number(text: str) -> None:
    assert not is_digits(text)
    assert read_digits(text, most=9) is None
    assert read_hex(text, most=9) is None
    assert read_decimal(text) is None


@pytest.mark.parametrize("text", ["nan", "inf", "1e5", ".5", "1.2.3", "0x1p3", "9" * 301])
def test_a_decimal_is_digits_with_a_point(text: str) -> None:
    assert read_decimal(text) is None


def test_a_decimal_is_read() -> None:
    assert [read_decimal(text) for text in ("30", "2.5", "1.", "007")] == [30.0, 2.5, 1.0, 7.0]


@pytest.mark.parametrize("digits", ["10", "0" * 9_000 + "10", "9" * 9_000])
def test_a_number_beyond_the_most_is_the_most(digits: str) -> None:
    assert read_digits(digits, most=9) == 9
    assert read_hex(digits, most=9) == 9


@given(st.integers(0), st.integers(0))
def test_numbers_come_back(number: int, most: int) -> None:
    assert read_digits(str(number), most=most) == min(number, most)
    assert read_hex(f"{number:x}", most=most) == min(number, most)


@given(st.text() | st.from_regex(r"\d+(\.\d*)?"))
def test_no_text_raises(text: str) -> None:
    assert (read_digits(text, most=7) is None) != is_digits(text)
    decimal = read_decimal(text)
    assert decimal is None or (math.isfinite(decimal) and decimal >= 0.0)
