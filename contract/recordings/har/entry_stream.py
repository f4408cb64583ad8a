"""
The entries of a HAR file, cut out one by one.

A parser that builds the whole file needs ten times its size in memory, and one that streams events
ends at the first thing that isn't JSON. Here only brackets and strings are told apart, so each
entry is read by itself: what is wrong with one is wrong with no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from jobproof.contract.errors import NoRecordingError, RecordingError

__all__ = ["har_entries"]

_CHUNK = 262_144
_MOST_DEEP = 1000
_LARGEST_ENTRY = 256 * 1024 * 1024
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+([{}\[\]])", re.DOTALL)
_TOKEN = re.compile(
    rb"\s*+(" + _STRING + rb'|[{}\[\],:]|[^\s"{}\[\],:]++(?=[\s"{}\[\],:]))', re.DOTALL
)
_BLANK = re.compile(rb"\s*+")
_ENDS = {b"{": b"}", b"[": b"]"}


def har_entries(stream: BinaryIO) -> Iterator[bytes]:
    """
    The text of each member of `log.entries`, wherever in the file that stands.

    Raises:
        RecordingError: It is no HAR, holds no entry, or ends in the middle.
    """
    return _Cutter(stream).entries()


class _Cutter:
    """
    A window on the file, moved from token to token.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._window = b""
        self._at = 0
        self._before = 0
        self._ended = False
        self._has_entries = False

    def entries(self) -> Iterator[bytes]:
        if self._peek() is None:
            raise NoRecordingError("the file is empty: record some traffic first")
        found = 0
        for _ in self._members_called("log"):
            for _ in self._members_called("entries"):
                if self._peek() != b"[":
                    self._skip_value()
                    continue
                self._has_entries = True
                for entry in self._items():
                    found += 1
                    yield entry
        if self._peek() is not None:
            raise self._wrong("something follows its end")
        if not self._has_entries:
            raise NoRecordingError("no HAR: it has no log.entries")
        if not found:
            raise NoRecordingError("the HAR is empty: record some traffic first")

    def _members_called(self, name: str) -> Iterator[None]:
        """
        Stops at the value of each member `name` of the object that begins here, if one does.
        """
        if self._peek() != b"{":
            self._skip_value()
            return
        for found in self._members():
            if found == name:
                yield
            else:
                self._skip_value()

    def _members(self) -> Iterator[str]:
        """
        The names in the object that begins here; who takes one reads its value, too.
        """
        self._expect(b"{")
        if self._peek() == b"}":
            self._token()
            return
        while True:
            name = self._token()
            if not name.startswith(b'"'):
                raise self._wrong(f"a name was expected, not {_shown(name)}")
            self._expect(b":")
            yield _text(name)
            if self._comma_or(b"}"):
                return

    def _items(self) -> Iterator[bytes]:
        self._expect(b"[")
        if self._peek() == b"]":
            self._token()
            return
        while True:
            yield self._value()
            if self._comma_or(b"]"):
                return

    def _value(self) -> bytes:
        """
        The text of the value that begins here; of one that isn't nested, its token.
        """
        if self._peek() not in _ENDS:
            return self._token()
        depth = 0
        end = self._at
        while True:
            match = _TO_BRACKET.match(self._window, end)
            if match is None:
                kept = end - self._at
                self._more()
                end = self._at + kept
                continue
            end = match.end()
            depth += 1 if match[1] in _ENDS else -1
            if depth == 0:
                text = self._window[self._at : end]
                self._at = end
                return text

    def _skip_value(self) -> None:
        """
        Like `_value`, and keeps nothing of it.
        """
        if self._peek() not in _ENDS:
            self._token()
            return
        depth = 0
        while True:
            match = _TO_BRACKET.match(self._window, self._at)
            if match is None:
                self._more()
                continue
            self._at = match.end()
            depth += 1 if match[1] in _ENDS else -1
            if depth > _MOST_DEEP:
                raise RecordingError("not JSON, so no HAR: nested too deep to read")
            if depth == 0:
                return

    def _comma_or(self, end: bytes) -> bool:
        token = self._token()
        if token not in (b",", end):
            raise self._wrong(f"a comma was expected, not {_shown(token)}")
        return token == end

    def _expect(self, token: bytes) -> None:
        found = self._token()
        if found != token:
            raise self._wrong(f"{_shown(token)} was expected, not {_shown(found)}")

    def _token(self) -> bytes:
        while (match := _TOKEN.match(self._window, self._at)) is None:
            self._more()
        self._at = match.end()
        return match[1]

    def _peek(self) -> bytes | None:
        """
        The sign with which the next token begins; None at the end of the file.
        """
        while True:
            match = _BLANK.match(self._window, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._window):
                return self._window[self._at : self._at + 1]
            if self._ended:
                return None
            self._read()

    def _more(self) -> None:
        if self._ended:
            raise RecordingError(
                "not JSON, so no HAR: it ends in the middle; record it again, or export it anew"
            )
        if len(self._window) - self._at > _LARGEST_ENTRY:
            raise self._wrong(f"a value of more than {_LARGEST_ENTRY} bytes")
        self._read()

    def _read(self) -> None:
        # As much again as is waiting: what has to be looked at anew stays in proportion.
        self._before += self._at
        kept = self._window[self._at :]
        data = self._stream.read(max(_CHUNK, len(kept)))
        self._window, self._at = kept + data, 0
        self._ended = not data

    def _wrong(self, why: str) -> RecordingError:
        # Before the entries it may as well be a log of something else.
        kind = RecordingError if self._has_entries else NoRecordingError
        return kind(f"not JSON, so no HAR: byte {self._before + self._at}: {why}")


def _shown(token: bytes) -> str:
    return ascii(token[:40].decode("utf-8", "replace"))


def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return ""
