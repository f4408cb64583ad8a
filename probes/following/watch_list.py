"""
The jobs being followed, on disk: a killed daemon picks every one of them up again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from jobproof.contract.errors import ConfigError, JobproofError

__all__ = ["FollowedJob", "WatchList"]

_VERSION = 1
_LONGEST_ID = 1_000
_MOST_OBSERVATIONS = 16


@dataclass(frozen=True, slots=True)
class FollowedJob:
    """
    One job on its way, as far as polling has seen it; times are Unix seconds.

    Attributes:
        source: Where the id came from: listing, pushed, file, static, a plug-in's name.
        first_seen_at: When the id came in.
        next_poll_at: When it is to be asked for next.
        job_status: The last status seen; None before the first answer.
        entered_after: The job got into `job_status` at or after this; None where
            nothing tells (no earlier poll, no creation time).
        entered_by: It was in `job_status` at this time at the latest: the first such answer.
        observed_at: The last answer that held a status.
        created_at: By the server's own word.
        clock_from: Since when the vendor's documented limits are counted for it.
        polls: Requests made for it.
        quiet_polls: Polls since the status last changed.
        misses: "No such job" answers in a row.
        ended_at: When its end was first seen; it may be asked once more after that.
    """

    target: str
    job_id: str
    source: str
    first_seen_at: float
    next_poll_at: float
    job_status: str | None = None
    entered_after: float | None = None
    entered_by: float | None = None
    observed_at: float | None = None
    created_at: float | None = None
    clock_from: float | None = None
    polls: int = 0
    quiet_polls: int = 0
    misses: int = 0
    ended_at: float | None = None


# A row is a job field by field: the order of the columns below is that of the class.
_COLUMNS = tuple(field.name for field in fields(FollowedJob))

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS followed (
    target TEXT NOT NULL,
    job_id TEXT NOT NULL,
    source TEXT NOT NULL,
    first_seen_at REAL NOT NULL,
    next_poll_at REAL NOT NULL,
    job_status TEXT,
    entered_after REAL,
    entered_by REAL,
    observed_at REAL,
    created_at REAL,
    clock_from REAL,
    polls INTEGER NOT NULL,
    quiet_polls INTEGER NOT NULL,
    misses INTEGER NOT NULL,
    ended_at REAL,
    PRIMARY KEY (target, job_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS followed_by_poll ON followed (target, next_poll_at);
CREATE TABLE IF NOT EXISTS ended (
    target TEXT NOT NULL,
    job_id TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (target, job_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ended_by_time ON ended (at);
CREATE TABLE IF NOT EXISTS sights (
    target TEXT NOT NULL,
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    sight TEXT NOT NULL,
    PRIMARY KEY (target, job_id, number)
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""

_PUT = (
    f"INSERT OR REPLACE INTO followed ({', '.join(_COLUMNS)}) "  # noqa: S608 -- our own names
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_GET = f"SELECT {', '.join(_COLUMNS)} FROM followed"  # noqa: S608 -- our own names


class WatchList:
    """
    Followed jobs of all targets; every call is durable when it returns.

    It survives `kill -9`: what a call has written is found again by the next start.
    Calls from several threads take turns. A disk that fails, and any call after `close`,
    raises `JobproofError`.

    Attributes:
        moved_aside: Where an unreadable earlier file lies now; None normally.

    Args:
        path: A file that is made if missing; None keeps everything in memory.
        capacity: Most jobs followed per target; beyond it `add` refuses.
        remember_ended: Ended ids kept per target, so that a listing that still
            shows them doesn't start them again.
    """

    def __init__(
        self, path: Path | None, *, capacity: int = 10_000, remember_ended: int = 10_000
    ) -> None:
        self.path = path
        self.capacity = capacity
        self.remember_ended = remember_ended
        self.moved_aside: Path | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._db = self._open()

    def add(self, target: str, job_id: str, *, source: str, now: float) -> bool:
        """
        Follow a job from now on; False if it is followed already, has ended, or
        the list is full.

        Raises:
            ValueError: The id is empty or longer than a URL can sensibly carry.
        """
        if not 0 < len(job_id) <= _LONGEST_ID:
            raise ValueError(f"a job id has 1 to {_LONGEST_ID} characters, not {len(job_id)}")
        with self._writing() as db:
            if self._knows(db, target, job_id) or self._count(db, target) >= self.capacity:
                return False
            db.execute(_PUT, astuple(FollowedJob(target, job_id, source, now, now)))
        return True

    def get(self, target: str, job_id: str) -> FollowedJob | None:
        """
        What is known about one followed job.
        """
        with self._reading() as db:
            row = db.execute(f"{_GET} WHERE target = ? AND job_id = ?", (target, job_id)).fetchone()
        return FollowedJob(*row) if row else None

    def due(self, target: str, *, now: float, limit: int = 100) -> tuple[FollowedJob, ...]:
        """
        The jobs to ask for now, the longest overdue first.
        """
        with self._reading() as db:
            rows = db.execute(
                f"{_GET} WHERE target = ? AND next_poll_at <= ? "
                "ORDER BY next_poll_at, job_id LIMIT ?",
                (target, now, limit),
            ).fetchall()
        return tuple(FollowedJob(*row) for row in rows)

    def update(self, job: FollowedJob, *, observation: str | None = None) -> None:
        """
        Replace what is known about a job.

        Args:
            observation: To be kept for as long as the job is followed; of many, the latest.
        """
        with self._writing() as db:
            db.execute(_PUT, astuple(job))
            if observation is None:
                return
            key = (job.target, job.job_id)
            row = db.execute(
                "SELECT max(number) FROM sights WHERE target = ? AND job_id = ?", key
            ).fetchone()
            number = (row[0] or 0) + 1
            db.execute("INSERT INTO sights VALUES (?, ?, ?, ?)", (*key, number, observation))
            db.execute(
                "DELETE FROM sights WHERE target = ? AND job_id = ? AND number <= ?",
                (*key, number - _MOST_OBSERVATIONS),
            )

    def observations(self, target: str, job_id: str) -> tuple[str, ...]:
        """
        What was kept of a followed job, oldest first.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT sight FROM sights WHERE target = ? AND job_id = ? ORDER BY number",
                (target, job_id),
            ).fetchall()
        return tuple(str(row[0]) for row in rows)

    def finish(self, target: str, job_id: str, *, now: float) -> None:
        """
        Follow this job no longer, and don't start it again.
        """
        with self._writing() as db:
            for table in ("followed", "sights"):
                db.execute(
                    f"DELETE FROM {table} WHERE target = ? AND job_id = ?",  # noqa: S608
                    (target, job_id),
                )
            db.execute("INSERT OR REPLACE INTO ended VALUES (?, ?, ?)", (target, job_id, now))
            db.execute(
                "DELETE FROM ended WHERE target = ? AND at < "
                "(SELECT at FROM ended WHERE target = ? ORDER BY at DESC LIMIT 1 OFFSET ?)",
                (target, target, self.remember_ended - 1),
            )

    def all(self, target: str) -> tuple[FollowedJob, ...]:
        """
        Every followed job of that target, oldest first.
        """
        with self._reading() as db:
            rows = db.execute(f"{_GET} WHERE target = ? ORDER BY first_seen_at", (target,))
            return tuple(FollowedJob(*row) for row in rows)

    def counts(self, target: str) -> dict[str | None, int]:
        """
        How many followed jobs were last seen in which status; None: not answered yet.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT job_status, count(*) FROM followed WHERE target = ? GROUP BY job_status",
                (target,),
            )
            return {row[0]: int(row[1]) for row in rows}

    def forget_other_targets(self, names: Iterable[str]) -> None:
        """
        Drop the jobs of targets that are configured no longer.
        """
        keep = sorted(set(names))
        marks = ", ".join("?" * len(keep))
        with self._writing() as db:
            for table in ("followed", "ended", "sights"):
                db.execute(f"DELETE FROM {table} WHERE target NOT IN ({marks})", keep)  # noqa: S608

    def close(self) -> None:
        """
        Write everything to disk and let the file go.
        """
        with self._lock:
            self._closed = True
            self._db.close()

    @staticmethod
    def _knows(db: sqlite3.Connection, target: str, job_id: str) -> bool:
        # Both tables: a listing that still shows an ended job must not start it again.
        row = db.execute(
            "SELECT 1 FROM followed WHERE target = ? AND job_id = ? "
            "UNION ALL SELECT 1 FROM ended WHERE target = ? AND job_id = ? LIMIT 1",
            (target, job_id, target, job_id),
        ).fetchone()
        return row is not None

    @staticmethod
    def _count(db: sqlite3.Connection, target: str) -> int:
        row = db.execute("SELECT count(*) FROM followed WHERE target = ?", (target,)).fetchone()
        return int(row[0])

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            # Takes the write lock now: a deferred one could fail half-way through.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already, and a second ROLLBACK
                # would hide that error behind its own.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise JobproofError("the watch list is closed: the daemon is ending")
            try:
                yield self._db
            except sqlite3.Error as wrong:
                raise JobproofError(f"{self.path}: the watch list failed: {wrong}") from wrong

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self.path)
        except sqlite3.DatabaseError as wrong:
            if self.path is None or not self.path.is_file():
                raise ConfigError(
                    f"{self.path}: the watch list can't be kept here: {wrong}"
                ) from None
            if isinstance(wrong, sqlite3.OperationalError):
                # Locked, read-only or full: the content is not to blame, so it stays where it is.
                raise ConfigError(
                    f"{self.path}: the watch list can't be used: {wrong}. "
                    "Does another daemon keep its state there?"
                ) from None
        self.moved_aside = _move_aside(self.path)
        return _connect(self.path)


def _connect(path: Path | None) -> sqlite3.Connection:
    db = sqlite3.connect(
        path or ":memory:", isolation_level=None, check_same_thread=False, timeout=2.0
    )
    try:
        # Two daemons on one list would poll every job twice: the second one is refused.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        # A committed transaction survives the death of the process; only a power
        # cut may cost the last ones, and those jobs are found by the next listing.
        db.execute("PRAGMA synchronous = NORMAL")
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"it is of version {version}, not {_VERSION}")
        verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.unreadable-{int(time.time())}")
    path.rename(aside)
    for tail in ("-wal", "-shm"):
        # The journal of the broken file would be replayed into the new one.
        path.with_name(path.name + tail).unlink(missing_ok=True)
    return aside
