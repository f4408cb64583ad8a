"""
Following while the endpoint, the clock or the configuration has a bad time: nothing is lost that
can't be taken back. No clock here is a real one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.probes.followed_endpoint import BORN, JOBS, KNOWN, FollowedEndpoint
from tests.probes.live import write_config

from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import TargetSettings
from jobproof.probes.following.watch_list import WatchList

_WEEK_S = 7 * 86_400.0


@pytest.fixture
def target(tmp_path: Path) -> TargetSettings:
    config = write_config(
        tmp_path,
        "http://127.0.0.1:9",
        canaries=f"      known: {{ids: [{KNOWN}]}}\n",
        more="    follow: [{source: pushed}]\n",
    )
    return load_settings(config).targets[0]


@pytest.fixture
def world(target: TargetSettings) -> Iterator[FollowedEndpoint]:
    with closing(WatchList(None)) as watchlist:
        made = FollowedEndpoint(target, watchlist)
        for job_id in JOBS:
            made.push(job_id)
        yield made


def test_half_a_minute_of_404_drops_no_job(world: FollowedEndpoint) -> None:
    assert set(world.run(30)) == set(JOBS)
    world.code = 404
    asked = world.run(30)
    # One goes ahead now and then, and no more: the others wait.
    assert len(asked) <= 8
    world.code = 200
    world.run(60)
    assert world.followed() == set(JOBS)
    assert all(job.misses == 0 for job in world.watchlist.all("mocked"))


@pytest.mark.parametrize("code", [404, 500])
def test_an_outage_of_hours_drops_no_job(world: FollowedEndpoint, code: int) -> None:
    world.run(30)
    world.code = code
    world.run(8_000)
    assert world.followed() == set(JOBS)
    world.code = 200
    assert set(world.run(100)) == set(JOBS)


def test_pausing_is_said_once(world: FollowedEndpoint, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.run(30)
    world.code = 404
    world.run(300)
    world.code = 200
    world.run(30)
    lines = [record.message for record in caplog.records if "mocked" in record.message]
    assert lines == [
        "target mocked: followed jobs pause: known ones fail (not_found)",
        "target mocked: its jobs are found again, and followed on",
    ]


def test_jobs_are_followed_where_the_known_one_alone_is_gone(world: FollowedEndpoint) -> None:
    world.run(30)
    world.missing = frozenset({KNOWN})
    asked = world.run(600)
    assert min(asked.count(job_id) for job_id in JOBS) >= 5


def test_a_job_that_is_gone_is_let_go_after_ten_minutes_and_can_be_taken_back(
    world: FollowedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    world.run(30)
    world.missing = frozenset(JOBS[:1])
    world.run(600)
    assert world.followed() == set(JOBS)
    world.run(200)
    assert world.followed() == set(JOBS[1:])
    assert f"job {JOBS[0]} is let go: the endpoint knows it no longer" in caplog.text
    assert f"POST /jobs/mocked/{JOBS[0]} takes it back" in caplog.text
    world.missing = frozenset()
    assert world.push(JOBS[0])
    assert JOBS[0] in world.run(10)
    assert world.followed() == set(JOBS)


def test_a_job_alone_is_let_go_after_an_hour(world: FollowedEndpoint) -> None:
    alone = replace(world.target, canaries=())
    world.apply(alone)
    world.missing = frozenset(JOBS)
    world.run(3_500, knows=False)
    assert world.followed() == set(JOBS)
    world.run(300, knows=False)
    assert world.followed() == set()


def test_a_target_that_comes_back_within_an_hour_has_its_jobs(
    world: FollowedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.run(30)
    assert world.apply() == {"mocked": 3}
    assert world.run(3_500, knows=False) == []
    # A reload of something else changes nothing about it.
    assert world.apply() == {"mocked": 3}
    assert world.apply(world.target) == {}
    assert set(world.run(100)) == set(JOBS)
    world.run(3_600)
    assert world.followed() == set(JOBS)
    said = [record.message for record in caplog.records if "mocked" in record.message]
    kept = "its 3 followed jobs are kept for an hour, then dropped"
    assert said == [
        f"target mocked isn't configured any longer: {kept}",
        "target mocked is back: its 3 jobs are followed on",
    ]


def test_a_target_that_stays_away_loses_its_jobs_after_an_hour(
    world: FollowedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    world.apply()
    world.run(3_590, knows=False)
    assert world.followed() == set(JOBS)
    world.run(20, knows=False)
    assert world.followed() == set()
    assert "target mocked left an hour ago: its 3 jobs are dropped" in caplog.text


@pytest.mark.parametrize("jump_s", [-3_600.0, 8 * 86_400.0])
def test_a_wall_clock_that_is_set_moves_no_poll(world: FollowedEndpoint, jump_s: float) -> None:
    world.run(300)
    usual = len(world.run(300))
    world.hands.wall += jump_s
    after = world.run(300)
    assert world.followed() == set(JOBS)
    assert set(after) == set(JOBS)
    assert abs(len(after) - usual) <= 4


@pytest.mark.parametrize("jump_s", [-3_600.0, 8 * 86_400.0])
def test_a_wall_clock_that_is_set_changes_no_time_in_a_status(
    world: FollowedEndpoint, jump_s: float
) -> None:
    world.run(100)
    world.hands.wall += jump_s
    world.run(100)
    world.status = "processing"
    world.run(60)
    job = world.watchlist.all("mocked")[0]
    assert job.entered_by is not None
    assert 195 <= job.entered_by - BORN <= 260
    name = "jobproof_job_status_duration_seconds"
    assert world.bucket(name, "180.0", job_status="queued") == 0
    assert world.bucket(name, "300.0", job_status="queued") == 3


@pytest.mark.parametrize("jump_s", [-3_600.0, 0.0, 3_600.0, 8 * 86_400.0])
def test_a_restart_after_the_clock_was_set_asks_within_the_longest_gap(
    world: FollowedEndpoint, jump_s: float
) -> None:
    world.run(300)
    # The monotonic clock begins anew.
    world.hands.monotonic = 1.0
    world.hands.wall += jump_s
    world.start()
    asked = world.run(75)
    assert set(asked) == set(JOBS)
    assert world.followed() == set(JOBS)
    world.run(3_600)
    assert world.followed() == set(JOBS)


def test_a_job_that_never_ends_is_let_go_after_a_week_of_watching(target: TargetSettings) -> None:
    with closing(WatchList(None)) as watchlist:
        world = FollowedEndpoint(target, watchlist)
        world.push(JOBS[0])
        for _ in range(2):
            # By the hour: a week of seconds is long.
            for _ in range(round(_WEEK_S / 3_600) // 2):
                world.hands.pass_by(3_600)
                world.answer(KNOWN, "known")
                world.follower.step()
            assert world.followed() == set(JOBS[:1])
            world.hands.monotonic, world.hands.wall = 0.0, world.hands.wall + 9 * 86_400
            world.start()
        for _ in range(4):
            world.hands.pass_by(3_600)
            world.follower.step()
        assert world.followed() == set()


def test_how_late_a_poll_is_is_exported(world: FollowedEndpoint) -> None:
    name = "jobproof_followed_poll_lateness_seconds"
    world.run(60)
    on_time = world.bucket(name, "1.0")
    assert on_time == world.bucket(name, "+Inf") == len(world.asked)
    world.hands.pass_by(1_000)
    world.run(2)
    assert world.bucket(name, "300.0") == on_time
    assert world.bucket(name, "3600.0") == len(world.asked) == on_time + 3


def test_an_answer_that_got_lost_is_asked_for_again(world: FollowedEndpoint) -> None:
    world.run(20)
    lost: list[str] = []
    answer = world.follow
    world.follow = lambda _target, job_id, _refused: lost.append(job_id)  # type: ignore[method-assign]
    world.run(100)
    assert set(lost) == set(JOBS)
    assert len(lost) == 3
    world.follow = answer  # type: ignore[method-assign]
    assert set(world.run(900)) == set(JOBS)


def test_a_status_that_nobody_listed_is_said_once(
    world: FollowedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    world.status = "expired"
    world.run(1_000)
    said = [record.message for record in caplog.records if "expired" in record.message]
    assert len(said) == 1
    assert (
        "has a status that the profile doesn't have, 'expired': if that is an end, add it"
        in (said[0])
    )
