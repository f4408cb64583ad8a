"""
Following when things go wrong around it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from tests.probes.live import write_config
from tests.tools import until

from jobproof.contract.judging.judge import Judge
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.contract.plugins import find_api
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import SourceSettings, TargetSettings
from jobproof.probes.engine.judging import RawResult, ResultJudge
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.export.prometheus import Registry
from jobproof.probes.following.follower import JobFollower
from jobproof.probes.following.watch_list import FollowedJob, WatchList
from jobproof.probes.sources.source import FoundIds, SourceOptions


class CrashingSource:
    """
    A source that fails at every look.
    """

    Options: ClassVar[type[SourceOptions]] = SourceOptions
    interval_s = 0.01
    looks = 0

    def __init__(self, options: object, context: object) -> None:
        pass

    def next_request(self) -> Request | None:
        CrashingSource.looks += 1
        raise RuntimeError("no idea")

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        return FoundIds()


class Asked_(list[str]):  # noqa: N801
    """
    Stands in for the prober: writes down who is asked for.
    """

    refuses = False

    def follow(self, target: str, job_id: str, refused: Callable[[], None]) -> None:
        self.append(job_id)
        if self.refuses:
            refused()

    def send_beside(
        self, target: str, request: Request, done: Callable[[Exchange | None], None]
    ) -> None:
        done(None)


class FullDisk(WatchList):
    """
    Reads, but can't be written any more.
    """

    def update(self, job: FollowedJob, *, observation: str | None = None) -> None:
        raise OSError("disk is full")


@pytest.fixture
def target(tmp_path: Path) -> Iterator[TargetSettings]:
    with MockServer(find_api("krea")) as server:
        config = write_config(tmp_path, server, more="    follow: [{source: pushed}]\n")
        yield load_settings(config).targets[0]


@pytest.fixture
def watchlist() -> Iterator[WatchList]:
    with closing(WatchList(None)) as opened:
        yield opened


@pytest.fixture
def full_disk() -> Iterator[WatchList]:
    with closing(FullDisk(None)) as opened:
        yield opened


def following(watchlist: WatchList, poller: Asked_, *targets: TargetSettings) -> JobFollower:
    metrics = Metrics(Registry())
    made = JobFollower(watchlist, metrics, poller)
    made.apply(made.plan(targets, Path()))
    return made


def answer(target: TargetSettings, job_id: str, *, sent: bool = True) -> RawResult:
    error = None if sent else "asking failed: ValueError"
    request = Request("GET", f"{target.url}/jobs/{job_id}", (), job_id)
    return RawResult(target.name, "followed", request, 0.0, 0.0, 0.1, None, error)


def test_a_source_that_crashes_costs_no_other_its_jobs(
    target: TargetSettings, watchlist: WatchList, caplog: pytest.LogCaptureFixture
) -> None:
    broken = SourceSettings("crashing", CrashingSource, SourceOptions())
    both = replace(target, follow=(broken, *target.follow))
    poller = Asked_()
    watchlist.add(target.name, "job-1", source="pushed", now=time.time())
    follow = following(watchlist, poller, both)
    follow.start()
    try:
        until(lambda: poller == ["job-1"])
        until(lambda: "no idea" in caplog.text)
    finally:
        follow.stop()
    assert CrashingSource.looks == 1


def test_a_job_under_way_is_not_asked_for_again_and_a_refused_one_is(
    target: TargetSettings, watchlist: WatchList
) -> None:
    poller = Asked_()
    watchlist.add(target.name, "job-1", source="pushed", now=time.time())
    poller.refuses = True
    follow = following(watchlist, poller, target)
    follow.start()
    try:
        until(lambda: len(poller) >= 3)
        poller.refuses = False
        count = len(poller)
        until(lambda: len(poller) > count)
        count = len(poller)
        watchlist.add(target.name, "job-2", source="pushed", now=time.time())
        until(lambda: poller[-1] == "job-2")
        assert len(poller) == count + 1
    finally:
        follow.stop()


def test_a_request_that_can_t_be_sent_backs_off(
    target: TargetSettings, watchlist: WatchList
) -> None:
    watchlist.add(target.name, "job-1", source="pushed", now=time.time())
    follow = following(watchlist, Asked_(), target)
    judging = ResultJudge(target.api, Judge(()), target.token)
    follow.on_result(judging(answer(target, "job-1", sent=False)))
    job = watchlist.get(target.name, "job-1")
    assert job is not None
    assert job.polls == 1
    assert watchlist.due(target.name, now=job.next_poll_at - 0.1) == ()


def test_a_disk_that_is_full_doesn_t_make_it_ask_without_end(
    target: TargetSettings, full_disk: WatchList
) -> None:
    watchlist, poller = full_disk, Asked_()
    watchlist.add(target.name, "job-1", source="pushed", now=time.time())
    follow = following(watchlist, poller, target)
    follow.start()
    try:
        until(lambda: poller == ["job-1"])
        judging = ResultJudge(target.api, Judge(()), target.token)
        with pytest.raises(OSError, match="disk is full"):
            follow.on_result(judging(answer(target, "job-1", sent=False)))
        watchlist.add(target.name, "job-2", source="pushed", now=time.time())
        until(lambda: poller[-1] == "job-2")
        assert poller == ["job-1", "job-2"]
    finally:
        follow.stop()
