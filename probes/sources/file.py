"""
Ids in a text file that something else writes.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from jobproof.contract.formats.durations import Duration
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.probes.sources.source import FoundIds, SourceContext, SourceOptions, is_job_id

__all__ = ["FileOptions", "FileSource"]

_MOST_BYTES = 4 * 1024 * 1024


class FileOptions(SourceOptions):
    """
    A file with one id a line; empty lines and lines that begin with # are skipped.
    """

    path: str = Field(min_length=1, description="Relative to the configuration file.")
    interval: Duration = Field(default=5.0, ge=0.1, description="How often it is looked at.")


class FileSource:
    """
    Watches the file: it is read again when it was replaced or written to, and may be
    missing for a while.
    """

    Options: ClassVar[type[SourceOptions]] = FileOptions

    def __init__(self, options: FileOptions, context: SourceContext) -> None:
        self.interval_s = options.interval
        self._path = context.folder / options.path
        self._read: tuple[int, int, int] | None = None

    def next_request(self) -> Request | None:
        """
        Nothing: the file is here.
        """
        return None

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        """
        Every id in the file, if it has changed since it was last read.
        """
        try:
            # A pipe without a writer would keep us waiting.
            with open(self._path, "rb", opener=_open_at_once) as file:
                # Of the open file: the path may lead to another one a moment later.
                now = os.fstat(file.fileno())
                if not stat.S_ISREG(now.st_mode):
                    return FoundIds(problem=f"{self._path} is no file")
                mark = (now.st_ino, now.st_size, now.st_mtime_ns)
                if mark == self._read:
                    return FoundIds()
                # One byte more than is allowed tells a file of that size from a larger one.
                content = file.read(_MOST_BYTES + 1)
            lines = content.decode("utf-8").splitlines()
        except OSError as wrong:
            # A file that comes back is read again, even if it is the same one.
            self._read = None
            return FoundIds(problem=f"{self._path} can't be read: {wrong.strerror}")
        except UnicodeDecodeError:
            return FoundIds(problem=f"{self._path} isn't UTF-8 text")
        except ValueError:  # a NUL
            return FoundIds(problem=f"{str(self._path)!r} is no file's name")
        if len(content) > _MOST_BYTES:
            return FoundIds(problem=f"{self._path} is larger than {_MOST_BYTES >> 20} MiB")
        self._read = mark
        return _ids(self._path, lines)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _ids(path: Path, lines: list[str]) -> FoundIds:
    ids: dict[str, None] = {}
    problem = None
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if is_job_id(text):
            ids[text] = None
        elif problem is None:
            problem = f"{path}:{number}: an id has 1 to 200 printable characters"
    return FoundIds(tuple(ids), problem)
