"""
The watch list: nothing that is followed gets lost, and nothing grows without bound.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jobproof.contract.errors import ConfigError, JobproofError
from jobproof.probes.following.watch_list import FollowedJob, WatchList

_NOW = 1_700_000_000.0


@pytest.fixture
def watchlist(tmp_path: Path) -> Iterator[WatchList]:
    opened = WatchList(tmp_path / "watchlist.sqlite")
    yield opened
    opened.close()


def test_a_new_job_is_due_at_once(watchlist: WatchList) -> None:
    assert watchlist.add("krea", "a", source="pushed", now=_NOW)
    assert watchlist.due("krea", now=_NOW) == (FollowedJob("krea", "a", "pushed", _NOW, _NOW),)
    assert watchlist.due("other", now=_NOW) == ()


def test_a_job_is_followed_once(watchlist: WatchList) -> None:
    assert watchlist.add("krea", "a", source="pushed", now=_NOW)
    assert not watchlist.add("krea", "a", source="listing", now=_NOW + 1)
    assert [job.source for job in watchlist.all("krea")] == ["pushed"]


def test_an_ended_job_is_not_started_again(watchlist: WatchList) -> None:
    watchlist.add("krea", "a", source="listing", now=_NOW)
    watchlist.finish("krea", "a", now=_NOW + 5)
    assert watchlist.all("krea") == ()
    assert not watchlist.add("krea", "a", source="listing", now=_NOW + 6)


def test_the_longest_overdue_job_comes_first(watchlist: WatchList) -> None:
    for number, job_id in enumerate(["late", "later", "latest"]):
        watchlist.add("krea", job_id, source="pushed", now=_NOW - number)
    assert [job.job_id for job in watchlist.due("krea", now=_NOW, limit=2)] == ["latest", "later"]


def test_a_job_polled_later_is_not_due_now(watchlist: WatchList) -> None:
    watchlist.add("krea", "a", source="pushed", now=_NOW)
    job = watchlist.all("krea")[0]
    watchlist.update(replace(job, next_poll_at=_NOW + 5, job_status="queued", polls=1))
    assert watchlist.due("krea", now=_NOW + 4.9) == ()
    assert watchlist.due("krea", now=_NOW + 5)[0].job_status == "queued"


def test_a_full_list_refuses_and_says_so(tmp_path: Path) -> None:
    watchlist = WatchList(tmp_path / "w.sqlite", capacity=2)
    assert [watchlist.add("krea", str(n), source="file", now=_NOW) for n in range(3)] == [
        True,
        True,
        False,
    ]
    assert watchlist.add("other", "0", source="file", now=_NOW)
    watchlist.close()


def test_ended_ids_are_remembered_up_to_a_bound(tmp_path: Path) -> None:
    watchlist = WatchList(tmp_path / "w.sqlite", remember_ended=3)
    for number in range(10):
        watchlist.add("krea", str(number), source="file", now=_NOW + number)
        watchlist.finish("krea", str(number), now=_NOW + number)
    again = [watchlist.add("krea", str(n), source="file", now=_NOW + 20) for n in range(10)]
    assert again == [True] * 7 + [False] * 3
    watchlist.close()


@pytest.mark.parametrize("job_id", ["", "x" * 1_001])
def test_an_impossible_id_is_refused(watchlist: WatchList, job_id: str) -> None:
    with pytest.raises(ValueError, match="a job id has 1 to 1000 characters"):
        watchlist.add("krea", job_id, source="pushed", now=_NOW)


def test_statuses_are_counted(watchlist: WatchList) -> None:
    for job_id, status in [("a", "queued"), ("b", "queued"), ("c", None)]:
        watchlist.add("krea", job_id, source="pushed", now=_NOW)
        job = watchlist.get("krea", job_id)
        assert job is not None
        watchlist.update(replace(job, job_status=status))
    assert watchlist.counts("krea") == {"queued": 2, None: 1}


def test_jobs_of_a_removed_target_are_dropped(watchlist: WatchList) -> None:
    watchlist.add("krea", "a", source="pushed", now=_NOW)
    watchlist.add("gone", "b", source="pushed", now=_NOW)
    watchlist.finish("krea", "c", now=_NOW)
    assert watchlist.sizes() == {"gone": 1, "krea": 1}
    watchlist.forget("gone")
    assert watchlist.all("gone") == ()
    assert watchlist.sizes() == {"krea": 1}
    assert len(watchlist.all("krea")) == 1


def test_a_restart_finds_every_job_again(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.sqlite"
    first = WatchList(path)
    first.add("krea", "a", source="pushed", now=_NOW)
    seen = replace(first.all("krea")[0], job_status="sampling", created_at=_NOW - 3, polls=7)
    first.update(seen)
    first.close()
    second = WatchList(path)
    assert second.all("krea") == (seen,)
    second.close()


_WRITER = """
import sys, pathlib
from jobproof.probes.following.watch_list import WatchList
watchlist = WatchList(pathlib.Path(sys.argv[1]))
for number in range(10_000):
    watchlist.add("krea", f"job-{number}", source="pushed", now=float(number))
    print(number, flush=True)
"""


def test_kill_9_loses_no_job_that_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.sqlite"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            taken = int(line)
            if taken >= 100:
                break
        os.kill(writer.pid, signal.SIGKILL)
        taken = max([taken, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    watchlist = WatchList(path)
    found = {job.job_id for job in watchlist.all("krea")}
    assert {f"job-{number}" for number in range(taken + 1)} <= found
    assert watchlist.moved_aside is None
    watchlist.close()


@pytest.mark.parametrize(
    "content", [b"this is no database" * 200, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_an_unreadable_file_is_moved_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "watchlist.sqlite"
    path.write_bytes(content)
    watchlist = WatchList(path)
    assert watchlist.moved_aside is not None
    assert watchlist.moved_aside.read_bytes() == content
    assert watchlist.add("krea", "a", source="pushed", now=_NOW)
    watchlist.close()


def test_a_file_of_another_version_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.sqlite"
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.execute("CREATE TABLE followed (what TEXT)")
    other.commit()
    other.close()
    watchlist = WatchList(path)
    assert watchlist.moved_aside is not None
    assert watchlist.all("krea") == ()
    watchlist.close()


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_file_of_other_tables_is_moved_aside(tmp_path: Path, version: int) -> None:
    path = tmp_path / "watchlist.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE followed (what TEXT, target TEXT, next_poll_at TEXT)")
        other.execute("INSERT INTO followed VALUES ('mine', 'krea', 'never')")
        other.execute(f"PRAGMA user_version = {version}")
        other.commit()
    with closing(WatchList(path)) as watchlist:
        assert watchlist.add("krea", "a", source="pushed", now=_NOW)
        moved = watchlist.moved_aside
    assert moved is not None
    with closing(sqlite3.connect(moved)) as kept:
        assert kept.execute("SELECT * FROM followed").fetchall() == [("mine", "krea", "never")]


def test_a_list_of_the_first_version_keeps_its_jobs(tmp_path: Path) -> None:
    path = tmp_path / "w.sqlite"
    with closing(WatchList(path)) as older:
        older.add("krea", "a", source="pushed", now=_NOW)
        older.add("krea", "b", source="pushed", now=_NOW)
        older.finish("krea", "b", now=_NOW)
        for table, column in (
            *(("followed", name) for name in ("missed_s", "asked_at", "watched_s")),
            ("ended", "let_go"),
        ):
            older._db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        older._db.execute("PRAGMA user_version = 1")
    for _ in range(2):
        with closing(WatchList(path)) as newer:
            assert newer.moved_aside is None
            assert newer.all("krea") == (FollowedJob("krea", "a", "pushed", _NOW, _NOW),)
            assert not newer.add("krea", "b", source="pushed", now=_NOW, take_back=True)


def test_a_job_that_was_let_go_can_be_taken_back(watchlist: WatchList) -> None:
    for job_id, let_go in [("lost", True), ("ended", False)]:
        watchlist.add("krea", job_id, source="listing", now=_NOW)
        watchlist.finish("krea", job_id, now=_NOW, let_go=let_go)
    assert not watchlist.add("krea", "lost", source="listing", now=_NOW)
    assert watchlist.add("krea", "lost", source="pushed", now=_NOW, take_back=True)
    assert not watchlist.add("krea", "ended", source="pushed", now=_NOW, take_back=True)
    assert [job.job_id for job in watchlist.all("krea")] == ["lost"]


def test_no_job_is_due_later_than_can_be(watchlist: WatchList) -> None:
    for job_id, due_at in [("far", 1e6), ("near", 50.0), ("past", -1e6)]:
        watchlist.add("krea", job_id, source="pushed", now=_NOW)
        job = watchlist.get("krea", job_id)
        assert job is not None
        observed = _NOW + max(due_at, 0.0)
        watchlist.update(replace(job, next_poll_at=_NOW + due_at, observed_at=observed))
    watchlist.add("other", "far", source="pushed", now=_NOW + 1e6)
    watchlist.bound_times("krea", now=_NOW + 40, longest_s=72.0)
    jobs = {job.job_id: job for job in watchlist.all("krea")}
    due = {job_id: job.next_poll_at - _NOW for job_id, job in jobs.items()}
    assert due == {"far": 112.0, "near": 50.0, "past": -32.0}
    assert jobs["far"].observed_at == _NOW + 40
    assert jobs["far"].entered_by is None
    assert watchlist.all("other")[0].next_poll_at == _NOW + 1e6


def test_a_second_daemon_on_the_same_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.sqlite"
    first = WatchList(path)
    with pytest.raises(ConfigError, match="Does another daemon keep its state there"):
        WatchList(path)
    assert first.add("krea", "a", source="pushed", now=_NOW)
    first.close()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "watchlist.sqlite"
    with pytest.raises(
        ConfigError, match=r"missing/watchlist\.sqlite: the watch list can't be kept"
    ):
        WatchList(path)


def test_sights_outlive_the_process_and_go_with_their_job(tmp_path: Path) -> None:
    path = tmp_path / "w.sqlite"
    first = WatchList(path)
    for job_id in ("a", "b"):
        assert first.add("krea", job_id, source="pushed", now=_NOW)
    assert first.add("other", "a", source="pushed", now=_NOW)
    job, other = first.get("krea", "a"), first.get("other", "a")
    assert job is not None
    assert other is not None
    first.update(job, observation="queued")
    first.update(job)
    first.update(job, observation="processing")
    first.update(other, observation="elsewhere")
    first.close()
    second = WatchList(path)
    assert second.observations("krea", "a") == ("queued", "processing")
    assert second.observations("krea", "b") == ()
    second.finish("krea", "a", now=_NOW)
    assert second.observations("krea", "a") == ()
    assert second.observations("other", "a") == ("elsewhere",)
    second.forget("other")
    assert second.observations("other", "a") == ()
    second.close()


def test_of_many_sights_the_latest_are_kept(watchlist: WatchList) -> None:
    watchlist.add("krea", "a", source="pushed", now=_NOW)
    job = watchlist.get("krea", "a")
    assert job is not None
    for number in range(40):
        watchlist.update(job, observation=str(number))
    assert watchlist.observations("krea", "a") == tuple(str(number) for number in range(24, 40))


def test_a_list_from_before_sights_were_kept_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "w.sqlite"
    older = WatchList(path)
    older.add("krea", "a", source="pushed", now=_NOW)
    older._db.execute("DROP TABLE sights")
    older.close()
    newer = WatchList(path)
    assert newer.moved_aside is None
    assert [job.job_id for job in newer.all("krea")] == ["a"]
    assert newer.observations("krea", "a") == ()
    newer.close()


def test_threads_take_turns(watchlist: WatchList) -> None:
    added: list[bool] = []

    def work(start: int) -> None:
        added.extend(
            watchlist.add("krea", str(number % 50), source="pushed", now=_NOW)
            for number in range(start, start + 50)
        )

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == len(watchlist.all("krea")) == 50


def test_a_disk_that_is_full_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    failures: list[int] = []
    with closing(
        WatchList(tmp_path / "w.sqlite", on_write_error=lambda: failures.append(1))
    ) as watchlist:
        _fill_the_disk(watchlist)
    assert failures == [1]


def _fill_the_disk(watchlist: WatchList) -> None:
    watchlist.add("krea", "a", source="pushed", now=_NOW)
    watchlist._db.execute("PRAGMA max_page_count = 10")

    def fill() -> None:
        for number in range(10_000):
            watchlist.add("krea", f"job-{number:0200}", source="pushed", now=_NOW)

    with pytest.raises(JobproofError, match="the watch list failed: database or disk is full"):
        fill()
    watchlist._db.execute("PRAGMA max_page_count = 100000")
    assert watchlist.add("krea", "b", source="pushed", now=_NOW)
    assert watchlist.get("krea", "a") is not None


def test_a_closed_list_says_that_the_daemon_is_ending(tmp_path: Path) -> None:
    watchlist = WatchList(tmp_path / "w.sqlite")
    watchlist.close()
    watchlist.close()
    for call in (
        lambda: watchlist.all("krea"),
        lambda: watchlist.add("krea", "a", source="pushed", now=_NOW),
    ):
        with pytest.raises(JobproofError, match="the daemon is ending"):
            call()
