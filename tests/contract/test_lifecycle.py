"""
A job's life: the words, their ends, and the steps between them.
"""

from __future__ import annotations

import pytest

from jobproof.contract.model.finding import Basis
from jobproof.contract.model.profile import Phase
from jobproof.contract.model.promises.lifecycle import Lifecycle
from jobproof.contract.plugins import find_api

_LIFE = find_api("krea").lifecycle
_ENDS = ("completed", "failed", "cancelled")
_PENDING = tuple(s for s in _LIFE.statuses if s not in _ENDS)


def _verdict(before: str, after: str) -> str:
    step = _LIFE.step(before, after)
    assert step is not None
    return step.verdict


def test_all_nine_statuses_stand_in_the_order_of_life() -> None:
    assert _LIFE.statuses == (
        "backlogged",
        "queued",
        "scheduled",
        "processing",
        "sampling",
        "intermediate-complete",
        "completed",
        "failed",
        "cancelled",
    )
    assert _LIFE.of_phase(Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED) == _ENDS


@pytest.mark.parametrize("status", _LIFE.statuses)
def test_only_three_statuses_end_a_life(status: str) -> None:
    assert _LIFE.is_terminal(status) is (status in _ENDS)


@pytest.mark.parametrize("status", ["done", "", None, 5, ["completed"], {"a": 1}])
def test_what_is_no_known_word_is_pending(status: object) -> None:
    assert not _LIFE.knows(status)
    assert not _LIFE.is_terminal(status)
    assert _LIFE.phase(status) is None


@pytest.mark.parametrize("status", _LIFE.statuses)
def test_a_status_may_stay(status: str) -> None:
    assert _verdict(status, status) == "legal"


@pytest.mark.parametrize("before", _PENDING)
@pytest.mark.parametrize("after", _ENDS)
def test_a_life_may_end_from_anywhere(before: str, after: str) -> None:
    assert _verdict(before, after) == "legal"


@pytest.mark.parametrize("before", _ENDS)
@pytest.mark.parametrize("after", _LIFE.statuses)
def test_nothing_comes_after_an_end(before: str, after: str) -> None:
    step = _LIFE.step(before, after)
    assert step is not None
    assert step.verdict == ("legal" if before == after else "illegal")
    assert before == after or step.basis is Basis.DOCUMENTED


@pytest.mark.parametrize("index", range(len(_PENDING)))
def test_a_poll_may_skip_any_number_of_statuses_forward(index: int) -> None:
    for after in _PENDING[index:]:
        assert _verdict(_PENDING[index], after) == "legal"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ("intermediate-complete", "processing", "legal"),
        ("intermediate-complete", "sampling", "legal"),
        ("sampling", "processing", "tolerated"),
        ("scheduled", "queued", "tolerated"),
        ("processing", "queued", "illegal"),
        ("processing", "backlogged", "illegal"),
        ("queued", "backlogged", "illegal"),
        ("intermediate-complete", "queued", "illegal"),
    ],
)
def test_a_step_back_is_what_the_profile_says(before: str, after: str, verdict: str) -> None:
    assert _verdict(before, after) == verdict


def test_a_step_of_an_unknown_word_is_not_judged() -> None:
    assert _LIFE.step("queued", "done") is None
    assert _LIFE.step("done", "queued") is None


def test_only_the_backlog_lasts_for_ever() -> None:
    assert [s for s in _LIFE.statuses if _LIFE.waits_unbounded([s])] == ["backlogged"]
    assert not _LIFE.waits_unbounded(["done"])


def test_every_api_has_a_life_of_its_own() -> None:
    batch = Lifecycle(find_api("openai-batch").profile)
    assert batch.is_terminal("expired")
    assert not batch.is_terminal("cancelling")


def test_statuses_of_one_rank_may_come_in_any_order() -> None:
    profile = find_api("krea").profile
    words = {**profile.status.words}
    words["backlogged"] = words["backlogged"].model_copy(update={"rank": words["queued"].rank})
    status = profile.status.model_copy(update={"words": words})
    life = Lifecycle(profile.model_copy(update={"status": status}))
    for before, after in (("queued", "backlogged"), ("backlogged", "queued")):
        step = life.step(before, after)
        assert step is not None
        assert step.verdict == "legal"
