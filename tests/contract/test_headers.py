"""
Headers looked up by name, in one way by all that carry any.
"""

from __future__ import annotations

import pytest

from jobproof.contract.formats.headers import (
    header_names,
    header_value,
    header_values,
    without_headers,
)
from jobproof.contract.mock.answer import MockAnswer, MockRequest
from jobproof.contract.model.exchange import Request, Response

PAIRS = (("Vary", "Accept"), ("ETag", '"1"'), ("vary", "Origin"), ("X-Empty", ""))


@pytest.mark.parametrize("name", ["vary", "Vary", "VARY"])
def test_a_name_is_found_in_any_case_first_value_first(name: str) -> None:
    assert header_value(PAIRS, name) == "Accept"
    assert header_values(PAIRS, name) == ("Accept", "Origin")


def test_an_empty_value_is_there_and_an_absent_one_is_not() -> None:
    assert header_value(PAIRS, "x-empty") == ""
    assert header_value(PAIRS, "age") is None
    assert header_values(PAIRS, "age") == ()


def test_names_are_told_once_and_in_lower_case() -> None:
    assert header_names(PAIRS) == {"vary", "etag", "x-empty"}


def test_what_is_left_keeps_its_order_and_its_spelling() -> None:
    assert without_headers(PAIRS, "VARY") == (("ETag", '"1"'), ("X-Empty", ""))
    assert without_headers(PAIRS, "etag", "X-EMPTY", "age") == (PAIRS[0], PAIRS[2])


@pytest.mark.parametrize(
    "carrier",
    [
        Request("GET", "http://a.example/", PAIRS),
        Response(200, PAIRS),
        MockRequest("GET", "/", PAIRS),
        MockAnswer(200, PAIRS),
    ],
    ids=lambda carrier: type(carrier).__name__,
)
def test_whatever_carries_headers_finds_them_alike(
    carrier: Request | Response | MockRequest | MockAnswer,
) -> None:
    assert [carrier.header(name) for name in ("VARY", "etag", "age")] == ["Accept", '"1"', None]


def test_setting_a_header_replaces_every_one_of_its_name() -> None:
    answer = MockAnswer(200, PAIRS).with_header("Vary", "*")
    assert answer.headers == (PAIRS[1], PAIRS[3], ("Vary", "*"))
