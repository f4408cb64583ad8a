"""
Every key of a profile is honoured, by the suite and by the daemon, or it is said why not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, create_model
from tests.contract.edited_api import Edit, edited, put_key
from tests.models import parts_of
from tests.profile_scenarios import SCENARIOS, UNUSED, Scenario

from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Profile, Promise


def _leaves(model: type[BaseModel], at: str = "") -> Iterator[str]:
    for name, below, suffix in parts_of(model):
        if below is None:
            yield f"{at}{name}"
        else:
            yield from _leaves(below, f"{at}{name}{suffix}.")


def _general(key: str) -> str:
    """
    The key as the model has it: any item, any word.
    """
    key = re.sub(r"\.\d+", "[]", key)
    return re.sub(r"(?<=status\.words\.)[a-z]+", "<word>", key)


def _unexplained(model: type[BaseModel]) -> set[str]:
    explained = {_general(scenario.key) for scenario in SCENARIOS} | UNUSED.keys()
    return set(_leaves(model)) - explained


def test_every_key_has_a_scenario_or_a_reason() -> None:
    assert _unexplained(Profile) == set()


def test_no_scenario_is_of_a_key_that_there_is_not() -> None:
    shown = {_general(scenario.key) for scenario in SCENARIOS}
    assert (shown | UNUSED.keys()) - set(_leaves(Profile)) == set()
    assert shown & UNUSED.keys() == set()


def test_a_key_that_nobody_wrote_a_scenario_for_is_told() -> None:
    class PlannedPart(Promise):
        planted: int = 0

    fields: dict[str, Any] = {"loose": (str, ""), "parts": (tuple[PlannedPart, ...], ())}
    planted = create_model("Planted", __base__=Profile, **fields)
    assert _unexplained(planted) == {"loose", "parts[].planted", "parts[].basis", "parts[].source"}


def _together(*edits: Edit) -> Edit:
    def edit(value: Any) -> None:
        for one in edits:
            one(value)

    return edit


Twins = Callable[[Scenario], tuple[Api, Api]]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Twins:
    """
    Two copies of a scenario's API before the key is changed; made once for all that share it.
    """
    made: dict[str, tuple[Api, Api]] = {}

    def twins_of(scenario: Scenario) -> tuple[Api, Api]:
        key = f"{scenario.given}{scenario.document}"
        if key not in made:
            folder = tmp_path_factory.mktemp("unchanged")
            first, second = (_api(folder / name, scenario) for name in ("one", "other"))
            made[key] = first, second
        return made[key]

    return twins_of


def _api(folder: Path, scenario: Scenario, *changes: Edit) -> Api:
    given = (put_key(place, value) for place, value in scenario.given.items())
    document = {"document": scenario.document} if scenario.document else {}
    return edited(folder, profile=_together(*given, *changes), **document)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{s.key}={s.value}")
def test_what_a_key_says_makes_a_difference(
    scenario: Scenario, twins: Twins, tmp_path: Path
) -> None:
    one, other = twins(scenario)
    changed = _api(tmp_path, scenario, put_key(scenario.key, scenario.value))
    sights = [sight for sight in (scenario.suite, scenario.daemon) if not isinstance(sight, str)]
    assert sights
    for sight in sights:
        assert sight(one) != sight(changed)
        assert sight(one) == sight(other)
