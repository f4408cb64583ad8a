"""
The jobs being followed, on disk: a killed daemon picks every one of them up again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from jobproof.contract.errors import ConfigError, JobproofError
from jobproof.probes.following.watch_list_file import connect, move_aside

__all__ = ["FollowedJob", "WatchList"]

_LONGEST_ID = 1_000
_MOST_OBSERVATIONS = 16


@dataclass(frozen=True, slots=True)
class FollowedJob:
    """
    One job on its way, as far as polling has seen it; times are Unix seconds of the steady clock.

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
        misses: "No such job" answers in a row, as far as they say anything of the job.
        missed_s: From the first of them to the last.
        asked_at: The last answer, whatever it was.
        watched_s: Since the id came in, without the time in which no daemon ran.
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
    missed_s: float = 0.0
    asked_at: float | None = None
    watched_s: float = 0.0


# A row is a job field by field: the order of the columns below is that of the class.
_COLUMNS = tuple(field.name for field in fields(FollowedJob))

_PUT = (
    f"INSERT OR REPLACE INTO followed ({', '.join(_COLUMNS)}) "  # noqa: S608 -- our own names
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
# Times that lie in the past, when they are written down.
_SEEN_AT = (
    *("first_seen_at", "entered_after", "entered_by", "observed_at"),
    *("clock_from", "ended_at", "asked_at"),
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
        on_write_error: Called where something couldn't be written down.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        capacity: int = 10_000,
        remember_ended: int = 10_000,
        on_write_error: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_write_error = on_write_error
        self.path = path
        self.capacity = capacity
        self.remember_ended = remember_ended
        self.moved_aside: Path | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._db = self._open()

    def add(
        self, target: str, job_id: str, *, source: str, now: float, take_back: bool = False
    ) -> bool:
        """
        Follow a job from now on; False if it is followed already, has ended, or
        the list is full.

        Args:
            take_back: Follow one that was let go before its end, too.

        Raises:
            ValueError: The id is empty or longer than a URL can sensibly carry.
        """
        if not 0 < len(job_id) <= _LONGEST_ID:
            raise ValueError(f"a job id has 1 to {_LONGEST_ID} characters, not {len(job_id)}")
        with self._writing() as db:
            if take_back:
                gone = "DELETE FROM ended WHERE target = ? AND job_id = ? AND let_go"
                db.execute(gone, (target, job_id))
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

    def finish(self, target: str, job_id: str, *, now: float, let_go: bool = False) -> None:
        """
        Follow this job no longer, and don't start it again.

        Args:
            let_go: It hasn't been seen to end, so `add` may take it back.
        """
        with self._writing() as db:
            for table in ("followed", "sights"):
                db.execute(
                    f"DELETE FROM {table} WHERE target = ? AND job_id = ?",  # noqa: S608
                    (target, job_id),
                )
            db.execute(
                "INSERT OR REPLACE INTO ended (target, job_id, at, let_go) VALUES (?, ?, ?, ?)",
                (target, job_id, now, let_go),
            )
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

    def sizes(self) -> dict[str, int]:
        """
        How many jobs are followed of each target that the list has anything of.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT target, sum(followed) FROM (SELECT target, 1 AS followed FROM followed "
                "UNION ALL SELECT target, 0 FROM ended) GROUP BY target"
            ).fetchall()
        return {str(row[0]): int(row[1]) for row in rows}

    def forget(self, target: str) -> None:
        """
        Drop everything about a target.
        """
        with self._writing() as db:
            for table in ("followed", "ended", "sights"):
                db.execute(f"DELETE FROM {table} WHERE target = ?", (target,))  # noqa: S608

    def bound_times(self, target: str, *, now: float, longest_s: float) -> None:
        """
        Let no job be due, or have been seen, later than can be: the clock may have been set
        since that was written down.

        Args:
            longest_s: The longest time between two polls: none is due later, or overdue by more.
        """
        past = ", ".join(f"{name} = min({name}, :now)" for name in _SEEN_AT)
        late = " OR ".join(f"{name} > :now" for name in _SEEN_AT)
        with self._writing() as db:
            db.execute(
                f"UPDATE followed SET {past}, "  # noqa: S608 -- our own names
                "next_poll_at = max(:now - :longest, min(next_poll_at, :now + :longest)) "
                "WHERE target = :target AND "
                f"({late} OR abs(next_poll_at - :now) > :longest)",
                {"target": target, "now": now, "longest": longest_s},
            )

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
            try:
                # Takes the write lock now: a deferred one could fail half-way through.
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException as wrong:
                if isinstance(wrong, sqlite3.Error):
                    self._on_write_error()
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
            return connect(self.path)
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
        self.moved_aside = move_aside(self.path)
        return connect(self.path)
