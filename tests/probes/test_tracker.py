"""
The life of a job out of its polls: bounds that hold, limits that count, gaps that grow.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobproof.contract.model.finding import Basis
from jobproof.contract.model.profile import Limit, Phase, StatusWord
from jobproof.probes.following.tracker import (
    UNKNOWN,
    JobObservation,
    StatusDuration,
    Tracker,
    TrackerUpdate,
)
from jobproof.probes.following.watch_list import FollowedJob

_BORN = 1_700_000_000.0
_WORDS = {
    "held": StatusWord(phase=Phase.PENDING, rank=0, waits_unbounded=True),
    "queued": StatusWord(phase=Phase.PENDING, rank=1),
    "running": StatusWord(phase=Phase.PENDING, rank=2),
    "done": StatusWord(phase=Phase.SUCCEEDED, rank=3),
}


def _limit(after: float, verdict: str = "violation", unobserved_wait: float = 0.0) -> Limit:
    return Limit.model_validate(
        {
            "name": "a limit",
            "after": after,
            "verdict": verdict,
            "unobserved_wait": unobserved_wait,
            "basis": Basis.DOCUMENTED,
            "source": "a page",
        }
    )


_TRACKER = Tracker(_WORDS, (_limit(100.0),), poll_s=5.0, slowest_s=60.0)
_NEW = FollowedJob("krea", "a-job", "pushed", _BORN, _BORN)


def _walk(
    *sightings: JobObservation, tracker: Tracker = _TRACKER, job: FollowedJob = _NEW
) -> list[TrackerUpdate]:
    walked = []
    for seen in sightings:
        progress = tracker.advance(job, seen)
        walked.append(progress)
        job = progress.job
    return walked


def _saw(after_s: float, status: str | None, **more: float) -> JobObservation:
    return JobObservation(at=_BORN + after_s, job_status=status, **more)


def test_a_move_is_seen_between_two_polls() -> None:
    first, second = _walk(_saw(1, "queued"), _saw(6, "running"))
    assert first.move is None
    assert second.move == ("queued", "running")
    assert not second.done


def test_a_stay_is_bounded_by_the_polls_around_it() -> None:
    walked = _walk(
        _saw(2, "queued", created_at=_BORN),
        _saw(6, "running"),
        _saw(12, "running"),
        _saw(20, "done"),
    )
    assert walked[1].stay == StatusDuration("queued", 0.0, 6.0)
    assert walked[3].stay == StatusDuration("running", 6.0, 18.0)
    assert walked[3].stay.middle_s == 12.0


def test_the_servers_own_end_replaces_the_poll() -> None:
    walked = _walk(
        _saw(0, "queued", created_at=_BORN),
        _saw(5, "running"),
        _saw(20, "done", ended_at=_BORN + 9),
    )
    assert walked[2].stay == StatusDuration("running", 4.0, 9.0)
    assert walked[2].completion_s == 9.0


def test_an_end_outside_the_polls_is_not_believed_for_the_stay() -> None:
    walked = _walk(
        _saw(0, "running", created_at=_BORN),
        _saw(5, "running"),
        _saw(20, "done", ended_at=_BORN + 3),
    )
    assert walked[2].stay == StatusDuration("running", 5.0, 20.0)


def test_a_stay_that_began_unseen_is_not_guessed() -> None:
    walked = _walk(_saw(50, "running"), _saw(55, "done"))
    assert walked[1].move == ("running", "done")
    assert walked[1].stay is None
    assert walked[1].completion_s is None


def test_a_completion_without_a_servers_end_lies_between_the_polls() -> None:
    walked = _walk(_saw(0, "queued", created_at=_BORN), _saw(10, "done"))
    assert walked[1].completion_s == 5.0


def test_a_job_that_had_ended_before_it_was_followed_is_no_completion() -> None:
    old = _saw(1, "done", created_at=_BORN - 900, ended_at=_BORN - 800)
    assert _walk(old)[0].completion_s is None


def test_a_job_that_ended_before_its_first_poll_is_a_completion() -> None:
    fast = _saw(3, "done", created_at=_BORN, ended_at=_BORN + 2)
    assert _walk(fast)[0].completion_s == 2.0


def test_an_ended_job_is_asked_once_more() -> None:
    walked = _walk(_saw(0, "running"), _saw(5, "done"), _saw(10, "done"))
    assert [progress.done for progress in walked] == [False, False, True]
    assert [progress.job.polls for progress in walked] == [1, 2, 3]


def test_a_job_that_moves_after_its_end_is_counted_and_let_go() -> None:
    walked = _walk(_saw(0, "running"), _saw(5, "done"), _saw(10, "running"))
    assert walked[2].move == ("done", "running")
    assert walked[2].stay is None
    assert walked[2].done


def test_an_end_whose_second_look_fails_is_let_go() -> None:
    walked = _walk(_saw(5, "done"), _saw(10, None))
    assert walked[1].done
    assert not walked[1].gone


def test_three_misses_in_a_row_end_the_following() -> None:
    missing = [replace(_saw(n, None), missing=True) for n in range(1, 4)]
    walked = _walk(_saw(0, "queued"), *missing)
    assert [progress.gone for progress in walked] == [False, False, False, True]
    assert walked[3].done


def test_an_answer_between_two_misses_starts_the_count_again() -> None:
    missing = replace(_saw(1, None), missing=True)
    walked = _walk(missing, missing, _saw(2, "queued"), missing, missing)
    assert not any(progress.done for progress in walked)


def test_failures_do_not_end_the_following() -> None:
    walked = _walk(_saw(0, "queued"), *(_saw(n, None) for n in range(1, 50)))
    assert not any(progress.done for progress in walked)


def test_a_job_that_never_ends_is_let_go_at_last() -> None:
    tracker = replace(_TRACKER, abandon_s=1_000.0)
    walked = _walk(_saw(900, "queued"), _saw(1_001, "queued"), tracker=tracker)
    assert [progress.done for progress in walked] == [False, True]


def test_an_unknown_word_never_becomes_a_label() -> None:
    walked = _walk(_saw(0, "queued"), _saw(5, "sabotage"), _saw(10, "done"))
    assert walked[1].move == ("queued", UNKNOWN)
    assert walked[2].move == (UNKNOWN, "done")


def test_the_gap_grows_while_nothing_changes_and_falls_back_on_a_move() -> None:
    walked = _walk(*(_saw(0, "queued") for _ in range(12)), _saw(0, "running"))
    gaps = [progress.job.next_poll_at - _BORN for progress in walked]
    assert 5.0 <= gaps[0] <= 6.0
    assert 7.5 <= gaps[1] <= 9.0
    assert 60.0 <= gaps[11] <= 72.0
    assert 5.0 <= gaps[12] <= 6.0


def test_jobs_pushed_together_are_not_asked_together() -> None:
    jobs = [replace(_NEW, job_id=str(number)) for number in range(100)]
    times = {_TRACKER.advance(job, _saw(0, "queued")).job.next_poll_at for job in jobs}
    assert len(times) == 100


@pytest.mark.parametrize(("age_s", "stuck"), [(100.0, 0), (100.1, 1)])
def test_a_job_past_the_documented_limit_is_stuck(age_s: float, stuck: int) -> None:
    job = _walk(_saw(0, "queued", created_at=_BORN))[0].job
    assert _TRACKER.job_counts([job], now=_BORN + age_s).stuck == stuck


def test_a_status_that_no_limit_covers_is_never_stuck() -> None:
    walked = _walk(_saw(0, "held", created_at=_BORN), _saw(5_000, "held"))
    assert _TRACKER.job_counts([walked[1].job], now=_BORN + 9_000).stuck == 0


def test_the_limit_counts_from_the_last_sight_in_an_uncovered_status() -> None:
    job = _walk(_saw(0, "held", created_at=_BORN), _saw(50, "held"), _saw(60, "queued"))[2].job
    assert _TRACKER.job_counts([job], now=_BORN + 149).stuck == 0
    assert _TRACKER.job_counts([job], now=_BORN + 151).stuck == 1


def test_waiting_that_nobody_saw_gets_its_slack() -> None:
    tracker = replace(_TRACKER, limits=(_limit(100.0, unobserved_wait=1_000.0),))
    seen = _walk(_saw(0, "queued", created_at=_BORN - 500), tracker=tracker)[0].job
    assert tracker.job_counts([seen], now=_BORN + 90).stuck == 0
    older = _walk(_saw(0, "queued", created_at=_BORN - 1_200), tracker=tracker)[0].job
    assert tracker.job_counts([older], now=_BORN + 1).stuck == 1


def test_a_soft_limit_makes_no_job_stuck_where_a_firm_one_stands() -> None:
    soft, firm = _limit(10.0, "drift"), _limit(100.0)
    job = _walk(_saw(0, "queued", created_at=_BORN))[0].job
    both = replace(_TRACKER, limits=(soft, firm))
    assert both.job_counts([job], now=_BORN + 50).stuck == 0
    assert both.exceeded(job, now=_BORN + 101) == firm
    assert replace(_TRACKER, limits=(soft,)).job_counts([job], now=_BORN + 50).stuck == 1


def test_an_ended_job_is_neither_stuck_nor_pending() -> None:
    job = _walk(_saw(0, "queued", created_at=_BORN), _saw(5, "done"))[1].job
    job_counts = _TRACKER.job_counts([job], now=_BORN + 9_000)
    assert (job_counts.stuck, job_counts.oldest_pending_s) == (0, None)
    assert job_counts.by_status == {"done": 1}


def test_the_oldest_pending_job_counts_from_its_creation() -> None:
    job = _walk(_saw(0, "queued", created_at=_BORN - 30))[0].job
    assert _TRACKER.job_counts([_NEW, job], now=_BORN + 10).oldest_pending_s == 40.0


_GAPS = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=40)


@given(stays=st.tuples(*[st.floats(0.0, 200.0)] * 3), gaps=_GAPS)
def test_the_true_stay_lies_within_its_bounds(
    stays: tuple[float, float, float], gaps: list[float]
) -> None:
    names = ["held", "queued", "running"]
    ends = [_BORN + sum(stays[: n + 1]) for n in range(3)]
    job, now = _NEW, _BORN
    for gap in gaps:
        now += gap
        status = next((name for name, end in zip(names, ends, strict=True) if now < end), "done")
        progress = _TRACKER.advance(job, JobObservation(now, status, created_at=_BORN))
        stay = progress.stay
        # Only the stays before and after a skipped status are wider than the truth.
        if stay is not None:
            true_s = stays[names.index(stay.job_status)]
            assert stay.lower_s <= true_s + 1e-6
            assert true_s <= stay.upper_s + 1e-6
        if progress.done:
            break
        job = progress.job


@given(quiet=st.integers(0, 100_000))
def test_the_gap_is_never_shorter_than_the_vendor_asks_nor_endless(quiet: int) -> None:
    job = replace(_NEW, quiet_polls=quiet)
    gap_s = _TRACKER.advance(job, _saw(0, None)).job.next_poll_at - _BORN
    assert math.isfinite(gap_s)
    assert 5.0 <= gap_s <= 72.0
