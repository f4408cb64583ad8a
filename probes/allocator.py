"""
How the C library deals out memory to a process that lives for months.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["give_memory_back"]

# Of glibc's malloc.h; once the threshold is set, no answer moves it, nor when a heap is trimmed.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE_BYTES = 128 * 1024


def give_memory_back() -> None:
    """
    Have what a large answer took returned to the system as soon as it is free: by itself glibc
    comes to put such ones among the small things that stay, in a heap for each thread
    (mallopt(3)). With another C library nothing changes.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
