"""
What large answers took goes back to the system, whatever small thing stands behind it.
"""

from __future__ import annotations

import platform

from tests.tools import PYTHON, run_to_end

ANSWERS = """
import ctypes, sys
from jobproof.probes.allocator import give_memory_back

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

if "mended" in sys.argv:
    give_memory_back()
for _ in range(3):
    # What glibc learns by: such a size comes again, so it is kept for next time.
    del (large := [bytes(4_000_000)])[:]
small, large = [], []
before = resident()
for _ in range(100):
    large.append(b"x" * 400_000)
    small.append(b"y" * 5_000)
held = resident() - before
large.clear()
print(held, resident() - before)
"""


def kept(*arguments: str) -> float:
    """
    The share of what a hundred answers took that is still held when they are gone.
    """
    done = run_to_end(*PYTHON, "-c", ANSWERS, *arguments)
    held, left = map(int, done.stdout.split())
    return left / held


def test_what_large_answers_took_is_given_back() -> None:
    assert kept("mended") < 0.1
    # By itself it isn't, or there is nothing to mend.
    assert kept() > 0.5 or platform.libc_ver()[0] != "glibc"
