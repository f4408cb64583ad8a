"""
A small file that a setting names, looked at before it is read: none of them can hold a run up.
"""

from __future__ import annotations

import stat
from pathlib import Path

from jobproof.contract.reaching.setting import SettingError

__all__ = ["check_regular", "read_value"]

_MOST_BYTES = 65_536


def check_regular(key: str, path: Path) -> None:
    """
    Find out whether it is a file that can be read as often as one likes: a pipe gives its content
    once, and who waits for a writer that never comes waits for ever.

    Raises:
        SettingError: It can't be read, or is something else.
    """
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
        if is_regular:
            path.open("rb").close()
    except (OSError, ValueError) as exc:
        raise SettingError(key, f"{path} can't be read: {_why(exc)}") from None
    if path.is_dir():
        raise SettingError(key, f"{path} can't be read: it is a folder")
    if not is_regular:
        problem = "it is a pipe or a device, and read more than once: write a regular file"
        raise SettingError(key, f"{path} can't be read: {problem}")


def read_value(path: Path, key: str) -> str:
    """
    The text in it, without the byte order mark that some editors put before it.

    Raises:
        SettingError: It can't be read, is no text, or longer than any value that travels.
    """
    check_regular(key, path)
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as exc:
        raise SettingError(key, f"{path} can't be read: {_why(exc)}") from None
    except UnicodeDecodeError:
        raise SettingError(key, f"{path} isn't UTF-8 text") from None
    if len(data) > _MOST_BYTES:
        raise SettingError(key, f"{path} holds more than {_MOST_BYTES} bytes: no header has room")
    return text


def _why(exc: Exception) -> str:
    return str(getattr(exc, "strerror", None) or exc)
