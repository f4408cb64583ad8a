"""
Bodies with placeholders.

They are `${id}`, `${status}`, `${created}`, `${entered}`, `${uuid:a}` and `${token:a}`. A string
that is one placeholder takes the value's own type (a Unix time stays a number); a placeholder
inside a longer string is written out. Times may be shifted: `${created+24h}`. `${id:integer}` is
the id as a number, for APIs whose ids are.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.durations import parse_duration
from jobproof.contract.formats.json_value import Json
from jobproof.contract.model.profile import Codec

__all__ = ["TemplateValues", "fill", "merge", "unknown_placeholders", "write_time"]

_PLACEHOLDER = re.compile(r"\$\{(\w+)(?:([+-])(\w+))?(?::([\w-]+))?\}")
# RFC 8259 6: many readers hold numbers as doubles, exact up to here and no further.
_LARGEST_ID = 2**53
_NAMES = ("id", "status", "created", "entered", "uuid", "token")


@dataclass(frozen=True, slots=True)
class TemplateValues:
    """
    What the placeholders of one body stand for; times in Unix seconds.
    """

    id: str
    status: str
    created: float
    entered: float
    codec: Codec

    def value(self, name: str, shift_s: float, argument: str) -> Json:
        """
        The value of one placeholder, in its own type.
        """
        match name:
            case "id":
                number = read_digits(self.id, most=_LARGEST_ID + 1)
                is_number = number is not None and number <= _LARGEST_ID
                return number if argument == "integer" and is_number else self.id
            case "status":
                return self.status
            case "created":
                return write_time(self.created + shift_s, self.codec)
            case "entered":
                return write_time(self.entered + shift_s, self.codec)
            case "uuid":
                return str(uuid.UUID(bytes=self._digest(argument)[:16], version=4))
        return self._digest(argument).hex()[:24]

    def _digest(self, argument: str) -> bytes:
        # From the job's id alone: the same at each poll, without anything to remember.
        return hashlib.sha256(f"{self.id}:{argument}".encode()).digest()


def write_time(seconds: float, codec: Codec) -> str | int:
    """
    A point in time as the codec writes it; never later than it is.
    """
    if codec is Codec.UNIX:
        return int(seconds)
    # Cut, not rounded: a creation time rounded up lies in the future of a poll made at once.
    milliseconds = int(seconds * 1000)
    if codec is Codec.UNIX_MS:
        return milliseconds
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def fill(node: Json, values: TemplateValues) -> Json:
    """
    A copy of `node` with every placeholder filled.
    """
    if isinstance(node, Mapping):
        return {key: fill(value, values) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [fill(item, values) for item in node]
    if not isinstance(node, str) or "${" not in node:
        return node
    whole = _PLACEHOLDER.fullmatch(node)
    if whole:
        return _value(whole, values)
    return _PLACEHOLDER.sub(lambda match: str(_value(match, values)), node)


def _value(match: re.Match[str], values: TemplateValues) -> Json:
    name, sign, shift, argument = match.groups()
    seconds = parse_duration(shift) if shift else 0.0
    return values.value(name, -seconds if sign == "-" else seconds, argument or "")


def merge(below: Json, above: Json) -> Json:
    """
    `above` laid over `below`: objects key by key, anything else as a whole.
    """
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    merged = dict(below)
    for key, value in above.items():
        merged[key] = merge(below[key], value) if key in below else value
    return merged


def unknown_placeholders(
    node: Json, at: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """
    Where a string has a placeholder that nothing can fill, and what is wrong with it.
    """
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from unknown_placeholders(value, (*at, str(key)))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from unknown_placeholders(item, (*at, index))
    elif isinstance(node, str):
        for text in re.findall(r"\$\{[^}]*\}?", node):
            match = _PLACEHOLDER.fullmatch(text)
            if match is None or match.group(1) not in _NAMES:
                known = ", ".join(f"${{{name}}}" for name in _NAMES)
                yield at, f"{text} can't be filled; known: {known}"
