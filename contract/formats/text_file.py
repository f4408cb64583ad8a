"""
A file of text, read and written whole.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from jobproof.contract.errors import JobproofError

__all__ = ["close_to_others", "make_private", "open_private", "read_text", "write_text"]

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


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


def write_text(text: str, path: Path, kind: type[JobproofError]) -> None:
    """
    Write a file, whole or not at all, and the folder that it lies in; what isn't a regular file,
    such as a device, is written into.

    Raises:
        JobproofError: (as `kind`) It can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A rename would put a file in the place of a link, or, for root, of /dev/null.
        target = Path(os.path.realpath(path))
        if _is_special(path):
            path.write_text(text, encoding="utf-8")
            return
        # In the same folder: a rename is atomic within one file system only.
        temporary = target.with_name(f".{target.name}.part")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    except OSError as exc:
        raise kind(f"{path}: can't be written: {exc.strerror or exc}") from None


def open_private(path: str, flags: int) -> int:
    """
    An `opener` whose files only their owner may read, whatever the umask; one that is there
    stays as its owner has made it.
    """
    return os.open(path, flags, _PRIVATE_FILE)


def make_private(path: Path) -> None:
    """
    A folder that only its owner may look into: made, or closed to the others if it is there.

    Raises:
        OSError: It can't be made.
    """
    path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    close_to_others(path)


def close_to_others(path: Path) -> None:
    """
    Leave a file or folder to its owner alone, if it is there.
    """
    # A link may lead to what is somebody else's, and that stays as he has made it.
    if path.is_symlink():
        return
    with suppress(PermissionError, FileNotFoundError):
        path.chmod(_PRIVATE_FOLDER if path.is_dir() else _PRIVATE_FILE)


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
