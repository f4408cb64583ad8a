"""
Recordings by their paths: files, folders, zips and a pipe, each handed to its format's reader.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from jobproof.contract.errors import NoRecordingError, RecordingError
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.packing.attachments import (
    FolderAttachments,
    NoAttachments,
    ZipAttachments,
)
from jobproof.contract.recordings.packing.recording_format import (
    GZIP,
    ZIP,
    RecordingFormat,
    format_of,
    is_blank,
)
from jobproof.contract.recordings.packing.text_stream import Head, bounded, unpacked, utf8
from jobproof.contract.recordings.recorded import (
    Attachments,
    Reader,
    RecordedItem,
    Skipped,
    SkipReason,
)

__all__ = ["STANDARD_INPUT", "read_recordings"]

STANDARD_INPUT = Path("-")
_ENDINGS = (".har", ".jsonl", ".ndjson", ".zip", ".flow", ".mitm", ".dump")
# A number is what rotation leaves behind, ours, too.
_NAMED = re.compile(rf"(?i)(?:{'|'.join(map(re.escape, _ENDINGS))})(?:\.[0-9]{{1,6}})?(?:\.gz)?\Z")
_READ = (
    "HAR, NDJSON of exchanges and mitmproxy's flow files are, gzipped or not, and a HAR in a zip"
)
_EMPTY = "the file is empty: record some traffic first"


def read_recordings(paths: Sequence[Path], endpoint: EndpointFilter) -> Iterator[RecordedItem]:
    """
    What recordings hold, one after another, an entry at a time.

    Args:
        paths: Files; folders, of which all recordings below are read in the order of their
            names; `-` for standard input. A file that is named twice is read once.

    Raises:
        RecordingError: A recording can't be read; in one line that begins with its path.
    """
    seen: set[tuple[int, int]] = set()
    is_piped = False
    for path in paths:
        if path == STANDARD_INPUT:
            if is_piped:
                raise RecordingError("standard input: is named twice: name it once")
            is_piped = True
            with _named("standard input") as name:
                yield from _items(name, _standard_input(), NoAttachments(), endpoint)
            continue
        if not _is_folder(path):
            yield from _of_file(path, endpoint, seen)
            continue
        for file in _recordings_in(path):
            try:
                yield from _of_file(file, endpoint, seen)
            except NoRecordingError as exc:
                # Nobody has named it: other things have such names, too.
                name = legible(str(file))
                yield Skipped(SkipReason.OTHER_ADDRESS, name, str(exc).removeprefix(f"{name}: "))


def _of_file(
    path: Path, endpoint: EndpointFilter, seen: set[tuple[int, int]]
) -> Iterator[RecordedItem]:
    with _named(legible(str(path))) as name:
        # Before it is opened: a FIFO would wait for somebody to write, a device may do anything.
        if not stat.S_ISREG(path.stat().st_mode):
            raise RecordingError("is no file: pipe it into `jobproof check -`")
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if (found.st_dev, found.st_ino) in seen:
                return
            seen.add((found.st_dev, found.st_ino))
            yield from _items(name, file, FolderAttachments(path.parent), endpoint)


@contextmanager
def _named(name: str) -> Iterator[str]:
    """
    Whatever can't be read within, with this name before it.
    """
    try:
        yield name
    except RecordingError as exc:
        raise type(exc)(f"{name}: {exc}") from None
    except OSError as exc:
        raise RecordingError(f"{name}: can't be read: {exc.strerror or exc}") from None


def _standard_input() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise RecordingError("is closed: pipe a recording into it")
    if sys.stdin.isatty():
        raise RecordingError(
            "is a terminal: pipe a recording into it, as in `jobproof check - < traffic.har`"
        )
    return sys.stdin.buffer


def _is_folder(path: Path) -> bool:
    with _named(legible(str(path))):
        return path.is_dir()


def _recordings_in(folder: Path) -> list[Path]:
    # File systems list a folder in an order of their own; a report is to be the same everywhere.
    found = sorted(_below(folder, set()))
    if not found:
        raise RecordingError(
            f"{legible(str(folder))}: the folder holds no .har file, nor any of "
            f"{', '.join(_ENDINGS[1:-1])} or {_ENDINGS[-1]}"
        )
    return found


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """
    The recordings in a folder and those below it, each folder once: links may lead in a circle.
    """
    pending = [folder]
    while pending:
        folder = pending.pop()
        with _named(legible(str(folder))):
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            for path in list(folder.iterdir()):
                if path.is_dir():
                    pending.append(path)
                elif _NAMED.search(path.name):
                    yield path


def _items(
    name: str, stream: BinaryIO, attachments: Attachments, endpoint: EndpointFilter
) -> Iterator[RecordedItem]:
    head = Head(stream)
    if head.seen.startswith(ZIP):
        yield from _of_zip(name, stream, endpoint)
        return
    if head.seen.startswith(GZIP):
        head = Head(unpacked(head.whole()))
        if head.seen.startswith((*ZIP, GZIP)):
            raise RecordingError("is packed twice: unpack it once")
    for item in _of_format(head, attachments, endpoint):
        yield replace(item, where=f"{name}: {item.where}") if isinstance(item, Skipped) else item


def _of_format(
    head: Head, attachments: Attachments, endpoint: EndpointFilter
) -> Iterator[RecordedItem]:
    if head.is_all and is_blank(head.seen):
        raise NoRecordingError(_EMPTY)
    format_ = format_of(head.seen)
    if format_ is None:
        raise NoRecordingError(f"is no recording that is read here: {_READ}")
    stream = head.whole() if format_ is RecordingFormat.FLOWS else utf8(head)
    return _reader(format_)(stream, endpoint, attachments)


def _reader(format_: RecordingFormat) -> Reader:
    # Each when it is needed: a format may bring a library along.
    if format_ is RecordingFormat.HAR:
        from jobproof.contract.recordings.har.reader import read_har

        return read_har
    if format_ is RecordingFormat.NDJSON:
        from jobproof.contract.recordings.ndjson.reader import read_ndjson

        return read_ndjson
    from jobproof.contract.recordings.flows import read_flows

    return read_flows


def _of_zip(name: str, stream: BinaryIO, endpoint: EndpointFilter) -> Iterator[RecordedItem]:
    if not stream.seekable():
        raise RecordingError("is a zip, which can't be read from a pipe: give it as a file")
    with ExitStack() as opened:
        with _unzipping():
            archive = opened.enter_context(zipfile.ZipFile(stream))
        recordings = [entry for entry in archive.infolist() if _is_recording(entry.filename)]
        if not recordings:
            raise NoRecordingError("the zip holds no .har file")
        for entry in sorted(recordings, key=lambda entry: entry.filename):
            with _named(legible(entry.filename)) as inner, ExitStack() as reading:
                with _unzipping():
                    file = reading.enter_context(archive.open(entry))
                attachments = ZipAttachments(archive, entry.filename)
                text = bounded(partial(_piece, file), partial(int, entry.compress_size))
                yield from _items(f"{name}: {inner}", text, attachments, endpoint)


def _piece(file: IO[bytes]) -> bytes:
    with _unzipping():
        return file.read(64 * 1024)


@contextmanager
def _unzipping() -> Iterator[None]:
    try:
        yield
    # RuntimeError: encrypted; NotImplementedError, which is one, too: packed by other means.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as exc:
        why = legible(shorten(str(exc), 200)) or "it ends in the middle"
        raise RecordingError(f"can't be read: the zip is damaged or locked: {why}") from None


def _is_recording(filename: str) -> bool:
    # Finder's own entries have the names of those that they describe.
    return filename.lower().endswith(".har") and not filename.startswith("__MACOSX/")
