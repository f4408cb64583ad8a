"""
The lives that people's own tests draw: legal ones are silent, and of each other one it is said
which promise is broken.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, given, settings
from tests.contract.small_api import small_folder

from jobproof.contract.errors import ConfigError
from jobproof.contract.plugins import api_names, find_api
from jobproof.contract.testing.lives.spoils import SPOILS
from jobproof.testing import IllegalLife, Life, illegal_lives, legal_lives

CALM = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)
# One way of sixty may be drawn late, and each version of Hypothesis draws in an order of its own.
LONG = settings(CALM, max_examples=3000)


@pytest.fixture
def small(tmp_path: Path) -> str:
    return str(small_folder(tmp_path / "small"))


@pytest.mark.parametrize("api", api_names())
def test_no_check_says_anything_of_a_legal_life(api: str) -> None:
    lifecycle = find_api(api).lifecycle
    seen: set[str] = set()

    @CALM
    @given(legal_lives(api))
    def holds(life: Life) -> None:
        assert life.findings == ()
        assert lifecycle.is_terminal(life.statuses[-1])
        times = [moment.at_s for moment in life.moments]
        assert times == sorted(times)
        assert times[0] == 0
        seen.update(life.statuses)

    holds()
    assert seen == {*lifecycle.statuses}


@pytest.mark.parametrize("api", api_names())
def test_every_other_life_breaks_a_promise_that_it_names(api: str) -> None:
    ways: set[str] = set()

    @CALM
    @given(illegal_lives(api))
    def holds(life: IllegalLife) -> None:
        wrong = SPOILS[life.wrong]
        assert wrong.found_by & {*life.broken}
        at_place = {one.check for one in life.findings if one.exchange is life.polls[life.place]}
        assert wrong.found_by & at_place
        ways.add(life.wrong)

    holds()
    assert len(ways) > len(SPOILS) / 2


def test_lives_of_a_small_api_in_a_folder_are_drawn(small: str) -> None:
    @settings(CALM, max_examples=20)
    @given(legal_lives(small))
    def holds(life: Life) -> None:
        assert life.findings == ()
        assert life.statuses[-1] == "done"

    holds()


def test_an_api_without_tokens_has_no_lives_about_them(small: str) -> None:
    @settings(CALM, max_examples=40)
    @given(illegal_lives(small))
    def holds(life: IllegalLife) -> None:
        assert life.broken
        assert "token" not in SPOILS[life.wrong].needs

    holds()


def test_a_life_shrinks_to_what_matters_and_is_shown_as_a_table() -> None:
    life = find(legal_lives("krea"), lambda one: len(one.statuses) > 2, settings=CALM)
    assert len(life.moments) == len(life.statuses) == 3
    head, *rows = str(life).splitlines()
    assert head.split() == ["look", "at", "took", "asked", "code", "status", "changed", "found"]
    assert [row.split()[5] for row in rows] == [*life.statuses]
    assert repr(life) == f"<life of a job: nothing broken>\n{life}\n"


def test_what_is_wrong_stands_in_the_table() -> None:
    life = find(illegal_lives("krea"), lambda one: one.wrong == "status_goes_back", settings=LONG)
    assert "violation status_moves_forward: " in str(life).splitlines()[1 + life.place]
    assert repr(life).startswith("<life of a job: status_moves_forward>\n")


def test_an_api_that_can_not_be_mocked_has_no_lives(small: str) -> None:
    (Path(small) / "mock.yaml").unlink()
    for lives in (legal_lives, illegal_lives):
        with pytest.raises(ConfigError, match=r"has no mock\.yaml"):
            lives(small)
    with pytest.raises(ConfigError, match="unknown API 'kera'"):
        legal_lives("kera")
