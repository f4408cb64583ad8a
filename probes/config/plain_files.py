"""
Files that a configuration names: what isn't a file isn't opened, since a pipe may never end.
"""

from __future__ import annotations

import stat
from pathlib import Path

__all__ = ["problem_with_file"]

MOST_BYTES = 16 * 1024 * 1024


def problem_with_file(path: Path) -> str | None:
    """
    Why `path` isn't to be opened; None where it is a file, or whoever opens it will tell.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    if stat.S_ISDIR(found.st_mode):
        return None
    if not stat.S_ISREG(found.st_mode):
        return "is a pipe, a socket or a device, and no file"
    if found.st_size > MOST_BYTES:
        return f"is larger than {MOST_BYTES >> 20} MiB"
    return None
