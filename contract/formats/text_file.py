"""
A file of text read whole.
"""

from __future__ import annotations

from pathlib import Path

from jobproof.contract.errors import JobproofError

__all__ = ["read_text"]


def read_text(path: Path, kind: type[JobproofError]) -> str:
    """
    What is in the file, without the byte order mark that some editors put before it.

    Raises:
        JobproofError: (as `kind`) The file can't be read, or isn't UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "not UTF-8 text"
        raise kind(f"{path}: can't be read: {why}") from None
