"""
Run by itself, beside the daemon: ends it when nothing in it can run any more.

A thread that never lets go of the interpreter (a regular expression that backtracks for ever, a
call into C) stops every other thread, so only another process can tell. This one imports nothing
of jobproof: `python -I -S held_interpreter.py PID SIGNALS LIMIT STYLE`, the shared page as its
standard output, a pipe of the daemon as its standard input.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["BEAT_BYTES", "PAGE_BYTES", "SLOTS", "SLOT_BYTES", "watch"]

BEAT_BYTES = 8
SLOTS = 16
SLOT_BYTES = 120
PAGE_BYTES = BEAT_BYTES + SLOTS * SLOT_BYTES
TICK_S = 0.5
LONGEST_END_S = 30.0
MOST_SILENCE = 6
"""Times the limit: however busy the machine is, no more is put down to that."""
GRACE_S = 3.0
"""For the tracebacks to be written."""


def labels_in(page: bytes) -> list[str]:
    """
    What the daemon was calling, as it has written down before each call.
    """
    slots = (page[at : at + SLOT_BYTES] for at in range(BEAT_BYTES, PAGE_BYTES, SLOT_BYTES))
    texts = (slot.partition(b"\0")[0].decode("utf-8", "replace") for slot in slots)
    return [text for text in texts if text]


def is_stopped(pid: int) -> bool:
    """
    Whether somebody has stopped the process, as a debugger does: then it can't beat.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        asking = ["ps", "-o", "state=", "-p", str(pid)]
        state = subprocess.run(asking, capture_output=True, check=False).stdout.strip()[:1]  # noqa: S603
    return state in (b"T", b"t")


def turns_of(pid: int) -> tuple[int, int]:
    """
    For how long its threads have run, and waited for a processor to run on, in nanoseconds; two
    zeros where the system doesn't say.
    """
    ran = waited = 0
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, ValueError):  # a thread that has just ended
                numbers = (task / "schedstat").read_bytes().split()
                ran, waited = ran + int(numbers[0]), waited + int(numbers[1])
    return ran, waited


def silence_in(before: tuple[int, int], after: tuple[int, int]) -> float:
    """
    How much of the time between was the process's own: what waits for a processor can't beat.
    """
    ran, waited = max(0, after[0] - before[0]), max(0, after[1] - before[1])
    return ran / (ran + waited) if ran + waited else 1.0


def watch(pid: int, dump: int, end: int, limit_s: float, style: str) -> None:
    """
    Until the daemon ends, or has to be ended.
    """
    page = mmap.mmap(1, PAGE_BYTES, prot=mmap.PROT_READ)
    last, silent, ticks, turns = b"", 0.0, 0, (0, 0)
    while True:
        # The pipe closes with the daemon, however that ends.
        if select.select([0], [], [], TICK_S)[0]:
            return
        beat = page[:BEAT_BYTES]
        if beat != last or is_stopped(pid):
            last, silent, ticks, turns = beat, 0.0, 0, (0, 0)
            continue
        # Ticks and not a clock: where the whole machine stands still, so does this process.
        turns, before = turns_of(pid), turns
        silent += silence_in(before, turns) if ticks else 1.0
        ticks += 1
        if silent * TICK_S >= limit_s or ticks * TICK_S >= limit_s * MOST_SILENCE:
            say(labels_in(page[:]), limit_s, style)
            os.kill(pid, dump)
            time.sleep(GRACE_S)
            os.kill(pid, end)
            # A machine that is busy takes its time over it.
            if not select.select([0], [], [], LONGEST_END_S)[0]:
                os.kill(pid, signal.SIGKILL)
            return


def say(labels: list[str], limit_s: float, style: str) -> None:
    """
    One line of the daemon's log.
    """
    who = " or ".join(labels) or "something"
    message = f"{who} has held the interpreter for {limit_s:g} s: nothing else runs; ending with 4"
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000Z"
    name = "jobproof.probes.plugins.held_interpreter"
    line = f"{moment} ERROR   {name}: {message}"
    if style == "json":
        line = json.dumps({"time": moment, "level": "error", "logger": name, "message": message})
    os.write(2, f"{line}\n".encode())


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:4]]
    watch(numbers[0], numbers[1], numbers[2], float(sys.argv[4]), sys.argv[5])
