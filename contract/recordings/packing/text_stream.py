"""
A recording's bytes as readers want them: unpacked, and text as UTF-8, a piece at a time.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from jobproof.contract.errors import RecordingError

__all__ = ["UNPACKED_BYTES", "Head", "bounded", "encoding_of", "unpacked", "utf8"]

HEAD_BYTES = 64 * 1024
UNPACKED_BYTES = 4 * 1024**3
"""The most that a packed recording may unpack to."""

_CHUNK = 64 * 1024
# Nothing but repetition packs so well: in a recording at least the times differ.
_BOMB_RATIO, _BOMB_BYTES = 900, 64 * 1024**2
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # it begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Pieces(io.RawIOBase):
    """
    A stream made of pieces; an empty one is its end.
    """

    def __init__(self, next_piece: Callable[[], bytes]) -> None:
        self._next, self._left = next_piece, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._left = self._next()
        count = min(len(self._left), len(buffer))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _stream(next_piece: Callable[[], bytes]) -> BinaryIO:
    return io.BufferedReader(_Pieces(next_piece), _CHUNK)


class Head:
    """
    A stream whose beginning has been looked at.

    Attributes:
        seen: What it begins with; less than `HEAD_BYTES` only where that is all.
    """

    def __init__(self, stream: _Readable) -> None:
        pieces, size = [], 0
        # A pipe gives what it has, be it a byte.
        while size < HEAD_BYTES and (piece := stream.read(HEAD_BYTES - size)):
            pieces.append(piece)
            size += len(piece)
        self.seen = b"".join(pieces)
        self._stream = stream

    @property
    def is_all(self) -> bool:
        """
        Whether nothing follows.
        """
        return len(self.seen) < HEAD_BYTES

    def whole(self, skipping: int = 0) -> BinaryIO:
        """
        The stream from its beginning on; it can be had once.
        """
        first = [self.seen[skipping:]]
        return _stream(lambda: (first.pop() if first else b"") or self._stream.read(_CHUNK))


def unpacked(packed: BinaryIO) -> BinaryIO:
    """
    What a gzip stream holds.

    Reading it raises RecordingError: it is damaged, ends in the middle, or is a bomb.
    """
    taken = 0

    def read(size: int) -> bytes:
        nonlocal taken
        piece = packed.read(size)
        taken += len(piece)
        return piece

    inner = gzip.GzipFile(fileobj=_stream(lambda: read(_CHUNK)))

    def piece() -> bytes:
        try:
            return inner.read1(_CHUNK)
        except EOFError:
            raise RecordingError("can't be read: its gzip data ends in the middle") from None
        except (gzip.BadGzipFile, zlib.error) as exc:
            raise RecordingError(f"can't be read: its gzip data is damaged: {exc}") from None

    return bounded(piece, lambda: taken)


def bounded(next_piece: Callable[[], bytes], packed_size: Callable[[], int]) -> BinaryIO:
    """
    A stream of pieces that are unpacked on the way, which ends in RecordingError where they
    are a bomb.
    """
    given = 0

    def piece() -> bytes:
        nonlocal given
        found = next_piece()
        given += len(found)
        is_bomb = given > _BOMB_BYTES and given > _BOMB_RATIO * packed_size()
        if is_bomb or given > UNPACKED_BYTES:
            raise RecordingError(
                f"unpacks to more than {given // 1024**2} MiB: unpack it, and give a part of it"
            )
        return found

    return _stream(piece)


def encoding_of(beginning: bytes) -> tuple[str, int]:
    """
    The encoding of a text that begins so, and the length of its byte order mark.

    Without a mark, JSON's first two characters are ASCII, so NULs beside them give UTF-16 away.
    """
    for mark, encoding in _BOMS:
        if beginning.startswith(mark):
            return encoding, len(mark)
    nulls = tuple(byte == 0 for byte in beginning[:4])
    if nulls in ((False, True, False, True), (False, True)):
        return "utf-16-le", 0
    if nulls in ((True, False, True, False), (True, False)):
        return "utf-16-be", 0
    return "utf-8", 0


def utf8(head: Head) -> BinaryIO:
    """
    The text as UTF-8 without a byte order mark.

    Reading it raises RecordingError: what stands there is no text of its encoding.
    """
    encoding, mark = encoding_of(head.seen)
    stream, decoder, at = head.whole(mark), codecs.getincrementaldecoder(encoding)(), mark

    def piece() -> bytes:
        nonlocal at
        while True:
            found = stream.read(_CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(found, final=not found)
            except UnicodeDecodeError as exc:
                name, offset = encoding[:6].upper(), at - pending + exc.start
                raise RecordingError(
                    f"can't be read: not {name} text: {exc.reason} at byte {offset}"
                ) from None
            at += len(found)
            # Half a character is no end.
            if text or not found:
                return text.encode("utf-8")

    return _stream(piece)
