"""
Each job's life in the report: the statuses in the order in which they were seen, within bounds.
"""

from __future__ import annotations

import json
import math
from typing import Any

from tests.contract.builders import NOW, answer, api, job

from jobproof.contract.judging.lives import Lives, iso_moment
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.manners.manner import Manner


def lived(*exchanges: Exchange) -> list[dict[str, Any]]:
    lives = Lives(api().lifecycle)
    for exchange in exchanges:
        lives.add(api().observe(exchange))
    found: list[dict[str, Any]] = json.loads(json.dumps(lives.as_list()))
    return found


def test_a_status_that_is_seen_again_is_one_step_and_one_that_comes_back_another() -> None:
    words = ("queued", "queued", "processing", "queued", "completed")
    (life,) = lived(*(answer(job(word), at=NOW + at) for at, word in enumerate(words)))
    steps = [(one["status"], one["first_s"], one["last_s"], one["sights"]) for one in life["steps"]]
    assert steps == [
        ("queued", 0.0, 1.0, 2),
        ("processing", 2.0, 2.0, 1),
        ("queued", 3.0, 3.0, 1),
        ("completed", 4.0, 4.0, 1),
    ]
    assert [one["phase"] for one in life["steps"]] == ["pending"] * 3 + ["succeeded"]
    assert (life["sights"], life["subject"], life["cut"]) == (5, "known", False)
    assert life["began_at"] == iso_moment(NOW)


def test_only_plain_sights_by_somebody_who_may_see_the_job_are_a_life() -> None:
    others = (
        answer(method="HEAD"),
        answer(job("queued"), credential=Credential.NONE),
        answer(job("queued"), manner=Manner.LANGUAGE),
        answer({"error": "gone"}, 404, subject=Subject.MISSING),
    )
    assert lived(*others) == []


def test_a_word_that_nobody_knows_has_no_phase_and_a_bound() -> None:
    (life,) = lived(answer(job("m" * 5_000)), answer(job(status={"a": 1})))  # type: ignore[arg-type]
    assert [one["phase"] for one in life["steps"]] == [None, None]
    assert max(len(one["status"]) for one in life["steps"]) <= 40


def test_a_life_without_end_and_jobs_without_number_keep_within_bounds() -> None:
    words = ["queued", "processing"] * 100 + ["completed"]
    (life,) = lived(*(answer(job(word), at=NOW + at) for at, word in enumerate(words)))
    assert len(life["steps"]) == 61
    assert life["cut"] is True
    assert (life["steps"][-1]["status"], life["sights"]) == ("completed", 201)
    many = lived(*(answer(job("queued"), job_id=f"{number}") for number in range(80)))
    assert len(many) == 50


def test_of_two_polls_at_once_the_later_may_be_judged_first() -> None:
    (life,) = lived(answer(job("queued"), at=NOW + 1), answer(job("queued"), at=NOW))
    assert [(one["first_s"], one["last_s"]) for one in life["steps"]] == [(0.0, 1.0)]


def test_a_moment_that_no_calendar_has_is_none() -> None:
    assert iso_moment(NOW) is not None
    assert [iso_moment(at) for at in (math.inf, math.nan, 1e300)] == [None] * 3
