"""
Results as one JSON object a line, each with its exchange.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, TextIO

from pydantic import AfterValidator, BaseModel, Field

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.formats.text_file import open_private
from jobproof.contract.formats.wording import legible_json, shorten
from jobproof.contract.model.exchange import Response
from jobproof.contract.model.finding import Finding
from jobproof.contract.recordings.ndjson.writer import FORMAT, exchange_line, written_moment
from jobproof.probes.result import ProbeResult

__all__ = ["JsonLines", "JsonLinesOptions", "as_json", "problem_with_place"]


def _file_name(path: str) -> str:
    if "\0" in path:
        raise ValueError("holds a NUL, as no file's name does: write the path without it")
    return path


class JsonLinesOptions(StrictModel):
    """
    Which file to append to, and when to start the next one.
    """

    path: Annotated[str, AfterValidator(_file_name)] = Field(
        min_length=1, description="Appended to; `<path>.1` is the one before it."
    )
    max_bytes: int = Field(
        default=64 * 1024 * 1024, ge=4096, description="The next file starts here."
    )
    body_bytes: int = Field(
        default=64 * 1024,
        ge=0,
        description="A body longer than that is left out whole, and is unknown to who reads it.",
    )


class JsonLines:
    """
    A recording, whose lines say what each exchange came to, too: `jobproof check` judges it.

    At most two files of `max_bytes` each: the disk doesn't fill up.
    """

    Options: ClassVar[type[BaseModel]] = JsonLinesOptions

    def __init__(self, options: JsonLinesOptions) -> None:
        self._path = Path(options.path)
        self._limit = options.max_bytes
        self._body_bytes = options.body_bytes
        # A pipe that nobody reads yet is opened when it is written to: until then that would hang.
        self._is_pipe = self._path.is_fifo()
        self._file = None if self._is_pipe else self._open()

    def write(self, result: ProbeResult) -> None:
        file = self._file
        if file is None or file.closed:  # or the next one couldn't be begun
            file = self._open()
        # Before it is needed the next file isn't begun: an empty one would be no recording.
        if not self._is_pipe and file.tell() >= self._limit:
            mode = os.fstat(file.fileno()).st_mode
            file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            file = self._open()
            # Who lets a collector of logs read the one lets it read the next.
            os.fchmod(file.fileno(), stat.S_IMODE(mode))
        self._file = file
        values = _line(result, self._body_bytes)
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        file.write(f"{legible_json(text)}\n")
        # Line by line, so that who follows the file sees results as they come.
        file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _open(self) -> TextIO:
        try:
            file = open(self._path, "a", encoding="utf-8", opener=open_private)  # noqa: SIM115 -- kept open
            if not self._is_pipe and _is_cut_off(self._path):
                # Whoever wrote it was killed; the next line isn't to be lost with its last one.
                file.write("\n")
            return file
        except OSError as exc:
            raise ConfigError(_unwritable(self._path, exc.strerror)) from None


def problem_with_place(options: JsonLinesOptions) -> str | None:
    """
    Why the file can't be opened, as far as that can be seen without opening or making it.
    """
    path = Path(options.path)
    try:
        if path.exists():
            found, needed = path, os.W_OK
        else:
            # Where a link leads to is where the file is made.
            found, needed = Path(os.path.realpath(path)).parent, os.W_OK | os.X_OK
            found.stat()
    except OSError as exc:
        return _unwritable(path, exc.strerror)
    if path.is_dir():
        return _unwritable(path, os.strerror(errno.EISDIR))
    if not path.exists() and not found.is_dir():
        return _unwritable(path, os.strerror(errno.ENOTDIR))
    return None if os.access(found, needed) else _unwritable(path, os.strerror(errno.EACCES))


def _unwritable(path: Path, reason: str | None) -> str:
    return f"sink jsonl: {shorten(str(path), 200)} can't be written: {reason}"


def _is_cut_off(path: Path) -> bool:
    """
    Whether the last line has no end.
    """
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def as_json(result: ProbeResult) -> JsonObject:
    """
    A result as plain values: no header and no body, so no secret.
    """
    exchange = result.exchange
    answer: Response | None = exchange.response if exchange else None
    return {
        "at": datetime.fromtimestamp(result.intended_at, UTC).isoformat(timespec="milliseconds"),
        "target": result.target,
        "canary": result.canary,
        "outcome": result.outcome.value,
        "code": answer.code if answer else None,
        "duration_seconds": round(result.duration_s, 6),
        "lag_seconds": round(result.lag_s, 6),
        "job_id": exchange.request.job_id if exchange else None,
        "subject": exchange.request.subject.value if exchange else None,
        "credential": exchange.request.credential.value if exchange else None,
        "job_status": result.job_status,
        "failure": exchange.failure.detail if exchange and exchange.failure else None,
        "error": result.error,
        "findings": [_finding(finding) for finding in result.findings],
    }


def _line(result: ProbeResult, body_bytes: int) -> JsonObject:
    """
    The exchange as recordings have it, and what it came to besides; a sink is handed no secret.
    """
    if result.exchange is None:
        started_at = written_moment(result.intended_at)
        seen: JsonObject = {"format": FORMAT, "started_at": started_at, "request": None}
        return {**seen, **as_json(result)}
    seen = exchange_line(result.exchange, body_bytes=body_bytes)
    return {**seen, **as_json(result), "failure": seen["failure"]}


def _finding(finding: Finding) -> JsonObject:
    return {
        "check": finding.check,
        "kind": finding.kind.value,
        "basis": finding.basis.value,
        "pointer": finding.pointer,
        "message": finding.message,
    }
