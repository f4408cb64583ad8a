"""
The status page in a real browser: drawn, readable, quiet about nothing, phone included.
"""

from __future__ import annotations

import re
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.probes.results import NOW, exchange, failed, finding, result
from tests.probes.web_world import World, krea
from tests.tools import PATIENCE_S, tool

from jobproof.probes.following.tracker import JobCounts
from jobproof.probes.result import ProbeOutcome
from jobproof.probes.web.view_protocols import TargetInfo

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--v=0",
)


@pytest.fixture
def world(world: World) -> World:
    """
    With all that makes a page wide and long.
    """
    world.daemon.jobs = JobCounts({"queued": 2}, 1, 500.0)
    for number in range(40):
        at = NOW - 30 * (40 - number)
        world.record(*(result(at=at, canary=c.name) for c in krea().canaries[:4]))
    seen = exchange(job_id="x" * 150)
    long = replace(finding(seen, message="y" * 300, pointer="/" + "z" * 120))
    broken = replace(result(ProbeOutcome.VIOLATION, seen=seen, canary="followed"), findings=(long,))
    world.record(broken, failed(at=NOW))
    return world


def _chromium(folder: Path, url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    program = tool("chromium", "chromium-browser")
    profile = folder / f"profile-{len(list(folder.iterdir()))}"
    command = [program, *_FLAGS, f"--user-data-dir={profile}", *flags, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)


def _pixels(path: Path) -> tuple[int, int, list[bytes]]:
    """
    Width, height and rows of an 8-bit RGB or RGBA PNG.
    """
    data = path.read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind in (2, 6)) == (8, True)
    size = 3 if kind == 2 else 4
    packed, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    raw = zlib.decompress(packed)
    rows, before = [], bytes(width * size)
    for y in range(height):
        start = y * (width * size + 1)
        line = raw[start + 1 : start + 1 + width * size]
        before = _unfilter(raw[start], line, before, size)
        rows.append(before)
    return width, height, [b"".join(_rgb(row, size)) for row in rows]


def _rgb(row: bytes, size: int) -> Iterator[bytes]:
    return (row[x : x + 3] for x in range(0, len(row), size))


def _unfilter(kind: int, line: bytes, above: bytes, size: int) -> bytes:
    out = bytearray(line)
    for i in range(len(out)):
        left = out[i - size] if i >= size else 0
        up, corner = above[i], above[i - size] if i >= size else 0
        if kind == 1:
            out[i] = (out[i] + left) & 255
        elif kind == 2:
            out[i] = (out[i] + up) & 255
        elif kind == 3:
            out[i] = (out[i] + (left + up) // 2) & 255
        elif kind == 4:
            guess = left + up - corner
            near = min((left, up, corner), key=lambda v: abs(guess - v))
            out[i] = (out[i] + near) & 255
    return bytes(out)


def _screenshot(folder: Path, world: World, *flags: str, size: str) -> Path:
    path = folder / "page.png"
    ran = _chromium(folder, world.url, f"--screenshot={path}", f"--window-size={size}", *flags)
    assert "CONSOLE" not in ran.stderr, ran.stderr
    return path


def _dom(folder: Path, world: World, *flags: str) -> str:
    return _chromium(folder, world.url, "--dump-dom", *flags).stdout


@pytest.mark.parametrize(
    ("flag", "dark"),
    [
        ("--blink-settings=preferredColorScheme=1", False),
        ("--blink-settings=preferredColorScheme=0", True),
    ],
)
def test_the_page_is_drawn_in_light_and_in_dark(
    tmp_path: Path, world: World, flag: str, dark: bool
) -> None:
    width, height, rows = _pixels(_screenshot(tmp_path, world, flag, size="700,500"))
    assert (width, height) == (700, 500)
    corner = sum(rows[-1][:3]) / 3
    assert corner < 60 if dark else corner > 200
    colours = {row[x : x + 3] for row in rows[::4] for x in range(0, width * 3, 12)}
    assert len(colours) > 20


def test_the_page_renews_itself_and_the_policy_blocks_nothing(tmp_path: Path, world: World) -> None:
    asked = threading.Event()
    targets = world.daemon.targets

    def count() -> Sequence[TargetInfo]:
        if asked.is_set():
            world.daemon.target_infos = (krea("renewed"),)
        asked.set()
        return targets()

    world.daemon.targets = count  # type: ignore[method-assign]
    ran = _chromium(tmp_path, world.url, "--dump-dom", "--virtual-time-budget=12000")
    assert "CONSOLE" not in ran.stderr, ran.stderr
    assert ">krea</h2>" not in ran.stdout.replace("</span> ", "")
    assert "renewed</h2>" in ran.stdout


@pytest.mark.parametrize("width", [320, 390, 760, 1280])
def test_nothing_is_wider_than_the_window(tmp_path: Path, world: World, width: int) -> None:
    drawn, _, rows = _pixels(_screenshot(tmp_path, world, size=f"{width},900"))
    assert drawn == width
    edge = {row[(drawn - 1) * 3 :] for row in rows}
    assert len(edge) == 1, "something reaches the right edge of the window"


def test_the_page_reads_the_same_without_a_script(tmp_path: Path, world: World) -> None:
    text = world.ask("/").text
    main = re.search(r"<main.*</main>", text, re.DOTALL)
    assert main is not None
    assert "promise broken" in main[0]
    assert "<script" not in main[0]
    assert "at krea" in _dom(tmp_path, world)
