"""
Recordings where people keep them: in files of any encoding, folders, zips, and from a pipe.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import io
import json
import os
import socket
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tests.contract.small_api import JOB, small_api
from tests.tools import PYTHON

from jobproof.contract.errors import RecordingError
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.packing import text_stream
from jobproof.contract.recordings.packing.attachments import (
    ATTACHED_BYTES,
    FolderAttachments,
    NoAttachments,
    ZipAttachments,
)
from jobproof.contract.recordings.packing.recording_format import RecordingFormat, format_of
from jobproof.contract.recordings.packing.text_stream import (
    UNPACKED_BYTES,
    Head,
    bounded,
    unpacked,
    utf8,
)
from jobproof.contract.recordings.recorded import Recorded, RecordedItem, Skipped, SkipReason
from jobproof.contract.recordings.source import read_recordings

URL = f"https://small.example/jobs/{JOB}"


def entry(url: str = URL, *, status: str = "done") -> dict[str, Any]:
    """
    A HAR entry, which names a hero in letters that no ASCII has.
    """
    return {
        "startedDateTime": "2026-09-21T12:00:00Z",
        "time": 12,
        "request": {"method": "GET", "url": url, "headers": []},
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {
                "mimeType": "application/json",
                "text": json.dumps(
                    {"id": JOB, "status": status, "hero": "Łódź 🚀"}, ensure_ascii=False
                ),
            },
        },
    }


def har_text(*entries: dict[str, Any]) -> str:
    """
    A HAR of these entries, or of one.
    """
    return json.dumps({"log": {"entries": entries or [entry()]}}, ensure_ascii=False)


@pytest.fixture
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> EndpointFilter:
    """
    The filter of a small API.
    """
    return EndpointFilter(small_api(tmp_path_factory.mktemp("api")))


Read = Callable[..., list[RecordedItem]]


@pytest.fixture
def read(endpoint: EndpointFilter) -> Read:
    """
    What recordings hold.
    """
    return lambda *paths: list(read_recordings(paths, endpoint))


def refused(read: Read, *paths: Path) -> str:
    """
    The one line that is said of them.
    """
    with pytest.raises(RecordingError) as caught:
        read(*paths)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def body_of(item: RecordedItem) -> str:
    """
    The text of an answer.
    """
    assert isinstance(item, Recorded)
    assert item.exchange.response is not None
    return (item.exchange.response.body or b"").decode("utf-8")


MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
ENCODED = [
    *((encoding, mark) for encoding, mark in MARKS.items()),
    *((encoding, b"") for encoding in ("utf-8", "utf-16-le", "utf-16-be")),
]


@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize(("encoding", "mark"), ENCODED)
def test_text_is_read_in_the_encoding_that_it_has(
    tmp_path: Path, read: Read, encoding: str, mark: bytes, gzipped: bool
) -> None:
    # Several pieces, so that characters lie across their borders.
    entries = [entry(status=f"{'x' * n}{'🚀' * 50}") for n in range(400)]
    content = mark + har_text(*entries).encode(encoding)
    path = tmp_path / "seen.har"
    path.write_bytes(gzip.compress(content) if gzipped else content)
    items = read(path)
    assert [json.loads(body_of(item))["status"] for item in items] == [
        json.loads(e["response"]["content"]["text"])["status"] for e in entries
    ]
    assert "Łódź" in json.loads(body_of(items[-1]))["hero"]


@pytest.mark.parametrize(
    ("content", "offset"),
    [
        (har_text().encode().replace("Łódź".encode(), b"\xa3\xf3d\xbc"), None),
        (b'{"log": {"entries": [' + b" " * 70_000 + b'\xc3"}', 70_021),
        (codecs.BOM_UTF16_LE + har_text().encode("utf-16-le") + b"\x00\xd8{\x00", None),
        (codecs.BOM_UTF8 + b'{"log": {"entries": [\xff]}}', 24),
    ],
)
def test_bytes_that_are_no_text_are_told_by_their_place(
    tmp_path: Path, read: Read, content: bytes, offset: int | None
) -> None:
    path = tmp_path / "seen.har"
    path.write_bytes(content)
    said = refused(read, path)
    assert said.startswith(f"{path}: can't be read: not UTF-")
    assert " text: " in said
    assert said.rpartition(" at byte ")[2].isdecimal()
    if offset is not None:
        assert said.endswith(f" at byte {offset}")


@pytest.mark.parametrize(
    ("beginning", "format_"),
    [
        (b'{"log": {"entries": []}}', RecordingFormat.HAR),
        (b'\xef\xbb\xbf \r\n{"log":{"version"', RecordingFormat.HAR),
        (b'{\n  "log": {\n', RecordingFormat.HAR),
        (b'{"comment": {"log": 1}, "a": [{"log": 2}], "log" : {', RecordingFormat.HAR),
        (b'{"log": []}', RecordingFormat.HAR),
        (b"[", RecordingFormat.HAR),
        (b"{", RecordingFormat.HAR),
        (b'{"made_by": "' + b"x{}" * 30_000, RecordingFormat.HAR),
        (b'{"made": [{"request": 1}, {"format"', RecordingFormat.HAR),
        (b'{"response": {"body": "' + b"x{}" * 30_000, RecordingFormat.NDJSON),
        (b'{"at": 1, "error": "\\', RecordingFormat.NDJSON),
        (b'{"request": {"url": "x"}}\n{"request": {}}\n', RecordingFormat.NDJSON),
        (b'{"request": {"log": {}}, "response": {"body": "\\"}', RecordingFormat.NDJSON),
        (b'{"log": "started", "stream": "stdout"}\n', RecordingFormat.NDJSON),
        ('{"request": {}}\n'.encode("utf-16-le"), RecordingFormat.NDJSON),
        (b"1234:9:websocket;0:~", RecordingFormat.FLOWS),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"<html>", None),
        (b"2026-09-21 12:00:00 GET /jobs/1", None),
        (b'"log"', None),
        (b"\x00\x00\x00\x00", None),
    ],
)
def test_a_format_is_told_by_how_a_file_begins(
    beginning: bytes, format_: RecordingFormat | None
) -> None:
    assert format_of(beginning) is format_


def test_a_file_s_name_says_nothing(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "seen.jsonl"
    path.write_text(har_text(), encoding="utf-8")
    assert len(read(path)) == 1


def test_what_no_reader_knows_is_refused_with_what_they_know(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "seen.har"
    path.write_text("<html>", encoding="utf-8")
    said = refused(read, path)
    assert said.startswith(f"{path}: is no recording that is read here: HAR, NDJSON")


@pytest.mark.parametrize("content", [b"", b" \n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE + b"\n\x00"])
@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzipped"])
def test_an_empty_file_is_told(tmp_path: Path, read: Read, content: bytes, gzipped: bool) -> None:
    path = tmp_path / "seen.har"
    path.write_bytes(gzip.compress(content) if gzipped else content)
    assert refused(read, path) == f"{path}: the file is empty: record some traffic first"


def test_a_missing_file_is_told(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "none.har"
    assert refused(read, path) == f"{path}: can't be read: No such file or directory"


def test_a_line_of_errors_stays_one(tmp_path: Path, read: Read) -> None:
    assert "two\\nlines.har" in refused(read, tmp_path / "two\nlines.har")


@pytest.mark.parametrize(("method", "name"), [("open", "seen.har"), ("iterdir", "locked")])
def test_what_may_not_be_read_is_told(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch, method: str, name: str
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "seen.har").write_text(har_text(), encoding="utf-8")
    right = getattr(Path, method)

    # Root, as whom a container may run this, is kept from nothing.
    def refuse(path: Path, *args: Any) -> Any:
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied")
        return right(path, *args)

    monkeypatch.setattr(Path, method, refuse)
    closed = locked if name == "locked" else locked / name
    assert refused(read, tmp_path) == f"{closed}: can't be read: Permission denied"


def test_a_pipe_in_the_file_system_is_refused_unopened(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "seen.har"
    os.mkfifo(path)
    assert refused(read, path) == f"{path}: is no file: pipe it into `jobproof check -`"


def test_a_device_and_a_socket_are_refused(tmp_path: Path, read: Read) -> None:
    assert refused(read, Path(os.devnull)).startswith(f"{os.devnull}: is no file")
    (tmp_path / "d").mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        folder = os.open(tmp_path, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{folder}/seen.har" if Path("/proc/self/fd").exists() else "s.har")
        os.close(folder)
    assert "is no file" in refused(read, tmp_path / "seen.har")


def test_a_folder_is_read_with_all_below_in_the_order_of_names(tmp_path: Path, read: Read) -> None:
    names = ["b.har", "a/z.HAR", "a/y.har.gz", "c.jsonl", "notes.txt", "d.har.zip"]
    for number, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        text = har_text(entry("https://other.example/", status=str(number))).encode()
        if name.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("har.har", text)
        else:
            path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    found = [item.where for item in read(tmp_path) if isinstance(item, Skipped)]
    assert found == [
        f"{tmp_path / name}: log.entries[0]"
        for name in ["a/y.har.gz", "a/z.HAR", "b.har", "c.jsonl", "d.har.zip: har.har"]
    ]


def test_a_rotated_file_in_a_folder_is_read(tmp_path: Path, read: Read) -> None:
    for name in ("seen.jsonl", "seen.jsonl.1", "seen.har.12"):
        (tmp_path / name).write_text(har_text(), encoding="utf-8")
    (tmp_path / "seen.jsonl.2.gz").write_bytes(gzip.compress(har_text().encode()))
    (tmp_path / "seen.jsonl.bak").write_text("{", encoding="utf-8")
    assert len(read(tmp_path)) == 4


def test_a_folder_without_recordings_is_told(tmp_path: Path, read: Read) -> None:
    (tmp_path / "notes.txt").write_text("none", encoding="utf-8")
    said = refused(read, tmp_path)
    assert said.startswith(f"{tmp_path}: the folder holds no .har file, nor any of .jsonl, ")


def test_links_in_a_circle_end_nothing_and_a_linked_folder_is_read(
    tmp_path: Path, read: Read
) -> None:
    kept, elsewhere = tmp_path / "kept", tmp_path / "elsewhere"
    kept.mkdir()
    elsewhere.mkdir()
    (kept / "again").symlink_to(kept)
    (kept / "more").symlink_to(elsewhere)
    (elsewhere / "seen.har").write_text(har_text(), encoding="utf-8")
    (elsewhere / "back").symlink_to(kept)
    assert len(read(kept)) == 1
    (kept / "self.har").symlink_to(kept / "self.har")
    assert refused(read, kept).startswith(f"{kept / 'self.har'}: can't be read: ")


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "seen.har"
    path.write_text(har_text(), encoding="utf-8")
    (tmp_path / "same.har").symlink_to(path)
    assert len(read(path, path, tmp_path)) == 1


def test_what_has_a_recording_s_name_in_a_folder_and_is_none_stops_nothing(
    tmp_path: Path, read: Read
) -> None:
    (tmp_path / "seen.har").write_text(har_text(), encoding="utf-8")
    (tmp_path / "backup.dump").write_bytes(b"PGDMP\x01\x0e")
    with zipfile.ZipFile(tmp_path / "trace.zip", "w") as archive:
        archive.writestr("trace.network", "{}")
    items = read(tmp_path)
    assert [item.where for item in items if isinstance(item, Skipped)] == [
        str(tmp_path / "backup.dump"),
        str(tmp_path / "trace.zip"),
    ]
    assert len([item for item in items if isinstance(item, Recorded)]) == 1
    # Named by somebody, it is a mistake.
    assert refused(read, tmp_path / "trace.zip").endswith("trace.zip: the zip holds no .har file")


@pytest.mark.parametrize(
    "log",
    [
        b'{"level": "info"}\n' * 2_000,
        b'{"message": "' + b"x" * 100_000 + b'"}\n{"level": "info"}\n',
        b"[2026-01-31 12:00:00] GET /jobs/1\n",
        b"[1, 2]\n[3]\n",
        b'{"log": {"entries": []}}',
        b'{"version": 1}',
        b"",
    ],
    ids=lambda log: log[:12].decode(),
)
def test_a_log_of_something_else_in_a_folder_stops_nothing(
    tmp_path: Path, read: Read, log: bytes
) -> None:
    (tmp_path / "seen.har").write_text(har_text(), encoding="utf-8")
    (tmp_path / "a.jsonl").write_bytes(log)
    skipped, kept = read(tmp_path)
    assert isinstance(kept, Recorded)
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, skipped.where) == (
        SkipReason.OTHER_ADDRESS,
        str(tmp_path / "a.jsonl"),
    )
    assert refused(read, tmp_path / "a.jsonl").startswith(f"{tmp_path / 'a.jsonl'}: ")


def test_a_recording_that_ends_in_the_middle_stops_the_run_in_a_folder_too(
    tmp_path: Path, read: Read
) -> None:
    (tmp_path / "seen.har").write_text(har_text()[:-9], encoding="utf-8")
    assert "it ends in the middle" in refused(read, tmp_path)


def test_a_har_in_one_line_may_have_any_keys_before_its_log(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "seen.har"
    path.write_text('{"made": "' + "x{" * 50_000 + '", ' + har_text()[1:], encoding="utf-8")
    assert len(read(path)) == 1


def test_several_recordings_are_read_one_after_another(tmp_path: Path, read: Read) -> None:
    for name in ("b", "a"):
        text = har_text(entry(status=name))
        (tmp_path / f"{name}.har").write_text(text, encoding="utf-8")
    items = read(tmp_path / "b.har", tmp_path / "a.har")
    assert [json.loads(body_of(item))["status"] for item in items] == ["b", "a"]


# Packed recordings.


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda packed: packed[:-12], "ends in the middle"),
        (lambda packed: packed[:40] + b"\xff" * 40 + packed[80:], "is damaged"),
        (lambda packed: packed + b"rest", "is damaged"),
    ],
)
def test_gzip_that_is_damaged_is_told(
    tmp_path: Path, read: Read, damage: Callable[[bytes], bytes], why: str
) -> None:
    path = tmp_path / "seen.har.gz"
    entries = [entry(os.urandom(99).hex()) for _ in range(99)]
    path.write_bytes(damage(gzip.compress(har_text(*entries).encode())))
    said = refused(read, path)
    assert said.startswith(f"{path}: can't be read: its gzip data ")
    assert why in said


def _whole(stream: BinaryIO) -> int:
    return sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b""))


def test_a_bomb_is_refused_long_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    blanks, packed = b" " * (1 << 20), io.BytesIO()
    with gzip.open(packed, "wb") as file:
        for _ in range(100):
            file.write(blanks)
    packed.seek(0)
    with pytest.raises(RecordingError, match=r"^unpacks to more than \d\d MiB: unpack it"):
        _whole(unpacked(packed))
    # What packs as recordings do, does up to the limit.
    piece = bytes(1 << 20)
    assert _whole(bounded(iter([piece] * 80 + [b""]).__next__, lambda: 1 << 20)) == 80 << 20
    assert UNPACKED_BYTES == 4 << 30
    monkeypatch.setattr(text_stream, "UNPACKED_BYTES", 10 << 20)
    with pytest.raises(RecordingError, match="unpacks to more than 10 MiB"):
        _whole(bounded(iter([piece] * 10 + [b"x"]).__next__, lambda: 1 << 30))


def test_packed_twice_is_refused(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "seen.har.gz.gz"
    path.write_bytes(gzip.compress(gzip.compress(har_text().encode())))
    assert refused(read, path) == f"{path}: is packed twice: unpack it once"


def test_a_zip_of_playwright_is_read_and_names_its_entry(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "traffic.har.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("har.har", har_text(entry(), entry("https://other.example/")))
        archive.writestr("__MACOSX/._har.har", b"\x00\x05\x16\x07")
        archive.writestr("0a1b.json", "{}")
    first, second = read(path)
    assert json.loads(body_of(first))["id"] == JOB
    assert isinstance(second, Skipped)
    assert second.where == f"{path}: har.har: log.entries[1]"


@pytest.mark.parametrize("damage", ["cut", "checksum", "encrypted", "method"])
def test_a_zip_that_cannot_be_unpacked_is_told(tmp_path: Path, read: Read, damage: str) -> None:
    path = tmp_path / "traffic.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("har.har", har_text())
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    if damage == "cut":
        del content[central:]
    elif damage == "checksum":
        content[central + 16] ^= 0xFF
    elif damage == "encrypted":
        content[6] |= 1
        content[central + 8] |= 1
    else:
        content[8] = content[central + 10] = 97
    path.write_bytes(content)
    assert refused(read, path).startswith(f"{path}: ")
    assert "can't be read: the zip is damaged or locked: " in refused(read, path)


# What lies beside a recording.


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../out", "/etc/passwd", "a/b", "a\\b", "c:b", "no\x00", "x" * 300),
        *("none", "out-link", "folder", "fifo", "loop", "large", "\udc80"),
    ],
)
def test_nothing_is_read_from_elsewhere(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "kept"
    (folder / "folder").mkdir(parents=True)
    (folder / "a").mkdir()
    (folder / "a/b").write_text("inside", encoding="utf-8")
    (tmp_path / "out").write_text("outside", encoding="utf-8")
    (folder / "out-link").symlink_to(tmp_path / "out")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "fifo")
    with (folder / "large").open("wb") as file:
        file.truncate(ATTACHED_BYTES + 1)
    assert FolderAttachments(folder).read(name) is None
    assert NoAttachments().read(name) is None


def test_bodies_beside_a_recording_are_read(tmp_path: Path) -> None:
    (tmp_path / "0a1b.json").write_bytes(b"{}")
    (tmp_path / "same.json").symlink_to("0a1b.json")
    attached = FolderAttachments(tmp_path)
    assert [attached.read(name) for name in ("0a1b.json", "same.json")] == [b"{}", b"{}"]


def test_bodies_in_a_zip_are_those_beside_the_recording_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.json", "run/a.json", "run/b.json"):
            archive.writestr(name, name)
        archive.writestr("large", bytes(ATTACHED_BYTES + 1))
    with zipfile.ZipFile(tmp_path / "t.zip") as archive:
        outer, inner = ZipAttachments(archive, "har.har"), ZipAttachments(archive, "run/x.har")
        assert outer.read("a.json") == b"a.json"
        assert inner.read("a.json") == b"run/a.json"
        for name in ("b.json", "run/b.json", "../a.json", "large", "none", ".."):
            assert outer.read(name) is None


# Pipes.

_READ_STDIN = """
import sys
from pathlib import Path
from jobproof.contract.errors import RecordingError
from jobproof.contract.model.api import load_api
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.source import read_recordings
endpoint = EndpointFilter(load_api(Path(sys.argv[1])))
try:
    items = list(read_recordings([Path(path) for path in sys.argv[2:]], endpoint))
    print(*(f"{type(item).__name__} {getattr(item, 'where', '')}".strip() for item in items))
except RecordingError as exc:
    print(exc)
"""


def piped(tmp_path: Path, content: bytes, *paths: str) -> str:
    """
    What is said of standard input, which gets its bytes in pieces.
    """
    small_api(tmp_path / "api")
    command = [*PYTHON, "-c", _READ_STDIN, str(tmp_path / "api"), *(paths or ["-"])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(content[:1])
            process.stdin.flush()
            process.stdin.write(content[1:])
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has said what it had to
        return process.stdout.read().decode().strip()


def test_a_pipe_is_read(tmp_path: Path) -> None:
    text = har_text(entry(), entry("https://other.example/"))
    told = "Recorded Skipped standard input: log.entries[1]"
    assert piped(tmp_path, text.encode()) == told
    assert piped(tmp_path, gzip.compress(text.encode("utf-16"))) == told


def test_a_pipe_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert piped(tmp_path, b"") == "standard input: the file is empty: record some traffic first"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("har.har", har_text())
    assert piped(tmp_path, packed.getvalue()) == (
        "standard input: is a zip, which can't be read from a pipe: give it as a file"
    )
    twice = piped(tmp_path, har_text().encode(), "-", "-")
    assert twice == "standard input: is named twice: name it once"


def test_a_terminal_is_no_recording(tmp_path: Path, read: Read, monkeypatch: Any) -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        assert refused(read, Path("-")) == (
            "standard input: is a terminal: pipe a recording into it, "
            "as in `jobproof check - < traffic.har`"
        )
    os.close(leader)
    monkeypatch.setattr("sys.stdin", None)
    assert refused(read, Path("-")) == "standard input: is closed: pipe a recording into it"


# What is read, is read in pieces.


class _Endless(io.RawIOBase):
    """
    A stream that counts what is taken from it.
    """

    def __init__(self, beginning: bytes) -> None:
        self.taken, self._beginning = 0, beginning

    def read(self, size: int = -1, /) -> bytes:
        piece = (self._beginning or b" " * size)[:size]
        self._beginning = self._beginning[size:]
        self.taken += len(piece)
        return piece


def test_the_first_decision_takes_a_bounded_beginning() -> None:
    endless = _Endless(b'{"log": {')
    head = Head(endless)
    assert format_of(head.seen) is RecordingFormat.HAR
    assert endless.taken == len(head.seen) == 64 * 1024
    assert utf8(head).read(9) == b'{"log": {'
    assert endless.taken < 1 << 20
