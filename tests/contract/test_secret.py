"""
A secret is shown nowhere, whatever prints it.
"""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from jobproof.contract.formats.secrets.secret import MASK, Secret

TOKEN = "tok-5f2a9c"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        lambda s: f"{s}",
        lambda s: f"{s:>40}",
        lambda s: f"{s!r}",
        lambda s: "{} {!r}".format(s, s),  # noqa: UP032 -- a way of printing of its own
        lambda s: repr([s, {"token": s}]),
        lambda s: str(vars(type(s))),
        lambda s: repr(dir(s)),
    ],
)
def test_no_way_of_printing_shows_it(show: object) -> None:
    assert callable(show)
    assert TOKEN not in show(Secret(TOKEN))


def test_what_prints_it_prints_the_mask() -> None:
    assert (str(Secret(TOKEN)), repr(Secret(TOKEN)), f"{Secret(TOKEN):>5}") == (
        MASK,
        "Secret('***')",
        "  ***",
    )


def test_it_leaves_the_process_neither_pickled_nor_as_json() -> None:
    with pytest.raises(TypeError, match="a Secret can't be pickled"):
        pickle.dumps(Secret(TOKEN))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret(TOKEN))
    with pytest.raises(TypeError):
        json.dumps({"token": Secret(TOKEN)})
    assert json.dumps({"token": Secret(TOKEN)}, default=str) == '{"token": "***"}'


def test_the_one_place_that_sends_it_can_have_it() -> None:
    assert Secret(TOKEN).reveal() == TOKEN


def test_two_of_one_value_are_equal_and_no_text_is() -> None:
    assert Secret(TOKEN) == Secret(TOKEN)
    assert hash(Secret(TOKEN)) == hash(Secret(TOKEN))
    assert Secret(TOKEN) != Secret("other")
    assert Secret(TOKEN) != TOKEN


@pytest.mark.parametrize("value", ["", "a\nb", "a\r\nX-Evil: 1", "t\u00f6ken", "a\x00"])
def test_a_value_that_no_header_can_carry_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ValueError, match="a secret") as caught:
        Secret(value)
    assert not value or value not in str(caught.value)
