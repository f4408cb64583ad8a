"""
Bodies that a recorder wrote beside its recording: in the same folder, or in the same zip.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

__all__ = ["ATTACHED_BYTES", "FolderAttachments", "NoAttachments", "ZipAttachments"]

ATTACHED_BYTES = 32 * 1024 * 1024
"""The largest attached body that is read; one that is larger is unknown."""

# Neither separators nor what Windows means by a colon: a recording is foreign text.
_PLAIN_NAME = re.compile(r"[^/\\:\x00-\x1f]{1,255}")


class NoAttachments:
    """
    Of a pipe.
    """

    def read(self, name: str) -> bytes | None:
        return None


class FolderAttachments:
    """
    Of a file: regular files in its folder, and none that a link leads out of it to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        if not _is_plain(name):
            return None
        try:
            path = (self._folder / name).resolve(strict=True)
            if path.parent != self._folder.resolve() or not stat.S_ISREG(path.stat().st_mode):
                return None
            with path.open("rb") as file:
                return _whole(file.read(ATTACHED_BYTES + 1), os.fstat(file.fileno()).st_size)
        # A name that no file can have is a ValueError, a loop of links was once a RuntimeError.
        except (OSError, ValueError, RuntimeError):
            return None


class ZipAttachments:
    """
    Of a recording in a zip: entries of its folder there.
    """

    def __init__(self, archive: zipfile.ZipFile, recording: str) -> None:
        self._archive, self._folder = archive, PurePosixPath(recording).parent

    def read(self, name: str) -> bytes | None:
        if not _is_plain(name):
            return None
        try:
            entry = self._archive.getinfo(str(self._folder / name))
            with self._archive.open(entry) as file:
                return _whole(file.read(ATTACHED_BYTES + 1), entry.file_size)
        # KeyError: no such entry; RuntimeError: encrypted; NotImplementedError is one, too.
        except (KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
            return None


def _is_plain(name: str) -> bool:
    return _PLAIN_NAME.fullmatch(name) is not None and name not in (".", "..")


def _whole(content: bytes, size: int) -> bytes | None:
    return content if len(content) == size <= ATTACHED_BYTES else None
