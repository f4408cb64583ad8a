"""
The file of the watch list: its tables, and what becomes of a file that has others.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from jobproof.contract.formats.text_file import close_to_others, open_private

__all__ = ["connect", "move_aside"]

_VERSION = 2
_JOURNALS = ("-wal", "-shm")

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
    missed_s REAL NOT NULL DEFAULT 0,
    asked_at REAL,
    watched_s REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (target, job_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS followed_by_poll ON followed (target, next_poll_at);
CREATE TABLE IF NOT EXISTS ended (
    target TEXT NOT NULL,
    job_id TEXT NOT NULL,
    at REAL NOT NULL,
    let_go INTEGER NOT NULL DEFAULT 0,
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

# What a list that the first version kept lacks.
_SINCE_1 = (
    "ALTER TABLE followed ADD COLUMN missed_s REAL NOT NULL DEFAULT 0",
    "ALTER TABLE followed ADD COLUMN asked_at REAL",
    "ALTER TABLE followed ADD COLUMN watched_s REAL NOT NULL DEFAULT 0",
    "ALTER TABLE ended ADD COLUMN let_go INTEGER NOT NULL DEFAULT 0",
)


def connect(path: Path | None) -> sqlite3.Connection:
    """
    The file, with its tables; None keeps everything in memory.

    Raises:
        sqlite3.DatabaseError: It is none, or not a watch list; `OperationalError` where nothing
            tells, because it can't be used at the moment.
    """
    if path is not None:
        _make_private(path)
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
        verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))
        _take_over(db)
    except BaseException:
        db.close()
        raise
    return db


def _make_private(path: Path) -> None:
    """
    Leave it to its owner alone; SQLite gives its journal the same rights.
    """
    # Whoever can't make it is told why by SQLite.
    with suppress(OSError):
        os.close(open_private(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    for tail in ("", *_JOURNALS):
        close_to_others(path.with_name(path.name + tail))


def _take_over(db: sqlite3.Connection) -> None:
    """
    Bring what an earlier version kept to this one's tables.
    """
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version not in (0, 1, _VERSION):
        raise sqlite3.DatabaseError(f"it is of version {version}, not {_VERSION}")
    if version == 0 and _tables(db):
        raise sqlite3.DatabaseError("it is another program's")
    db.execute("BEGIN IMMEDIATE")
    try:
        if version == 1:
            _add_columns(db)
        known = _our_tables()
        # One that is missing is made; one that holds something else would be used in its place.
        if any(known.get(name, columns) != columns for name, columns in _tables(db).items()):
            raise sqlite3.DatabaseError("its tables aren't those of a watch list")
        if version == 1:
            db.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    db.executescript(_SCHEMA)


def _add_columns(db: sqlite3.Connection) -> None:
    try:
        for statement in _SINCE_1:
            db.execute(statement)
    except sqlite3.OperationalError as wrong:
        # Not as if the file couldn't be used: what is in it is to blame.
        raise sqlite3.DatabaseError(str(wrong)) from None


def _our_tables() -> dict[str, frozenset[tuple[object, ...]]]:
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(_SCHEMA)
        return _tables(db)
    finally:
        db.close()


def _tables(db: sqlite3.Connection) -> dict[str, frozenset[tuple[object, ...]]]:
    """
    Name, type, and the rest of each column but its place, by table.
    """
    rows = db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    return {
        str(name): frozenset(
            (column[1], column[2], column[3], column[5])
            for column in db.execute("SELECT * FROM pragma_table_info(?)", (name,))
        )
        for (name,) in rows
    }


def move_aside(path: Path) -> Path:
    """
    Put a file that can't be read out of the way; where it is then.
    """
    aside = path.with_name(f"{path.name}.unreadable-{int(time.time())}")
    path.rename(aside)
    for tail in _JOURNALS:
        # The journal of the broken file would be replayed into the new one.
        path.with_name(path.name + tail).unlink(missing_ok=True)
    return aside
