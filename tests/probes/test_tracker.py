"""
The life of a job out of its polls: bounds that hold, limits that count, gaps that grow.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobproof.contract.model.finding import Basis
from jobproof.contract.model.profile import Limit, Phase, StatusWord
from jobproof.contract.plugins import find_api
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


def _missed(after_s: float, **more: bool) -> JobObservation:
    return replace(_saw(after_s, None), missing=True, **more)


def _gone_after(*sightings: JobObservation) -> float | None:
    walked = _walk(_saw(0, "queued"), *sightings)
    ends = [seen.at for seen, step in zip(sightings, walked[1:], strict=True) if step.gone]
    return ends[0] - _BORN if ends else None


def test_a_job_is_let_go_after_ten_minutes_in_which_others_are_found() -> None:
    misses = [_missed(60.0 * n, others_found=True) for n in range(1, 20)]
    assert _gone_after(*misses) == 660.0


def test_misses_while_no_other_job_is_found_say_nothing() -> None:
    assert _gone_after(*(_missed(60.0 * n) for n in range(1, 1_000))) is None


def test_a_job_that_nobody_can_be_compared_with_is_let_go_after_an_hour() -> None:
    misses = [_missed(60.0 * n, is_alone=True) for n in range(1, 100)]
    assert _gone_after(*misses) == 3_660.0


def test_the_time_without_a_daemon_is_no_time_of_misses() -> None:
    misses = [_missed(after_s, others_found=True) for after_s in (1, 6, 90_000, 90_005)]
    assert _gone_after(*misses) is None


def test_an_answer_between_two_misses_starts_the_count_again() -> None:
    misses = [_missed(60.0 * n, others_found=True) for n in range(1, 20)]
    assert _gone_after(*misses[:9], _saw(570, "queued"), *misses[9:19]) is None


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


def test_a_word_called_unknown_ends_a_job_where_the_profile_says_so() -> None:
    words = {**_WORDS, "unknown": StatusWord(phase=Phase.FAILED, rank=3)}
    tracker = replace(_TRACKER, words=words)
    ended = _walk(_saw(0, "running"), _saw(5, "unknown"), _saw(10, "unknown"), tracker=tracker)
    assert [step.done for step in ended] == [False, False, True]
    assert ended[1].move == ("running", "unknown")
    # A word that it doesn't have is no end, then as little as ever.
    other = _walk(_saw(0, "running"), _saw(5, "expired"), _saw(10, "expired"), tracker=tracker)
    assert not any(step.done for step in other)
    assert other[1].move == ("running", UNKNOWN)


def _gaps(status: str | None, asked: int) -> list[float]:
    job, at, gaps = _NEW, _BORN, []
    for _ in range(asked):
        job = _TRACKER.advance(job, JobObservation(at, status)).job
        gaps.append(job.next_poll_at - at)
        at = job.next_poll_at
    return gaps


def test_the_gap_grows_with_the_time_in_a_status_and_falls_back_on_a_move() -> None:
    job, at = _NEW, _BORN
    for _ in range(40):
        lasted_s = at - _BORN
        job = _TRACKER.advance(job, JobObservation(at, "queued")).job
        gap_s = job.next_poll_at - at
        least_s = min(60.0, max(5.0, 0.2 * lasted_s))
        assert least_s <= gap_s <= 1.2 * least_s
        at = job.next_poll_at
    assert least_s == 60.0
    moved = _TRACKER.advance(job, JobObservation(at, "running")).job
    assert 5.0 <= moved.next_poll_at - at <= 6.0


def test_the_gap_grows_faster_where_there_is_no_status_to_see() -> None:
    gaps = _gaps(None, 12)
    assert 7.5 <= gaps[0] <= 9.0
    assert 60.0 <= gaps[7] <= 72.0


_LIVES = (
    ((("queued", 12), ("processing", 25)), "completed"),
    ((("queued", 2), ("scheduled", 2), ("processing", 40)), "failed"),
    ((("backlogged", 30), ("queued", 1), ("processing", 8)), "cancelled"),
)


def _live(job: FollowedJob, life: tuple[tuple[str, float], ...], end: str) -> list[TrackerUpdate]:
    """
    What polls of that life come to, each when the tracker wants it.
    """
    tracker, updates, at = Tracker.of(find_api("krea").profile), [], job.next_poll_at
    ends = [(word, _BORN + sum(s for _, s in life[: n + 1])) for n, (word, _) in enumerate(life)]
    while True:
        status = next((word for word, until in ends if at < until), end)
        ended_at = ends[-1][1] if status == end else None
        seen = JobObservation(at, status, created_at=_BORN, ended_at=ended_at)
        updates.append(tracker.advance(job, seen))
        job, at = updates[-1].job, updates[-1].job.next_poll_at + 0.1
        if updates[-1].done:
            return updates


@pytest.mark.parametrize(("life", "end"), _LIVES)
def test_short_lives_are_counted_as_they_were(
    life: tuple[tuple[str, float], ...], end: str
) -> None:
    moves: Counter[tuple[str, str]] = Counter()
    spent: Counter[str] = Counter()
    for number in range(20):
        job = FollowedJob("a", f"job-{number}", "pushed", _BORN, _BORN + 0.1 * number)
        for update in _live(job, life, end):
            if update.move is not None:
                assert not update.is_gapped
                moves[update.move] += 1
            if update.stay is not None:
                spent[update.stay.job_status] += update.stay.middle_s
    last = life[-1][0]
    # Every end comes from where it came from, and no life leaps over what lasts for an interval.
    assert moves[last, end] == 20
    for word, lasted_s in life:
        if lasted_s > 7.0:
            assert abs(spent[word] / 20 - lasted_s) <= 5.0, word


def test_a_move_between_polls_far_apart_is_said_to_have_a_gap() -> None:
    early, late = _walk(_saw(0, "held", created_at=_BORN), _saw(40, "done", ended_at=_BORN + 39))
    assert late.is_gapped
    # It may have waited and run in the meantime: when it was held last, nobody saw.
    assert late.stay == StatusDuration("held", 0.0, 39.0)
    assert not early.is_gapped
    near = _walk(_saw(0, "held"), _saw(9, "done"))[1]
    assert not near.is_gapped
    beside = _walk(_saw(0, "running"), _saw(40, "done"))[1]
    assert not beside.is_gapped


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
