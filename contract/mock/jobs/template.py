"""
Bodies with blanks: `${id}`, `${status}`, `${created}`, `${entered}`, `${uuid:a}`, `${token:a}`.

A text that is one blank takes the value's own type (a Unix time stays a number); a blank
inside a longer text is written out. Times may be shifted: `${created+24h}`. `${id:integer}`
is the id as a number, for APIs whose ids are.
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

__all__ = ["TemplateValues", "blanks_in", "fill", "merge", "write_time"]

_BLANK = re.compile(r"\$\{(\w+)(?:([+-])(\w+))?(?::([\w-]+))?\}")
# A larger number may not survive the reader of a body.
_LARGEST_ID = 2**53
_NAMES = ("id", "status", "created", "entered", "uuid", "token")


@dataclass(frozen=True, slots=True)
class TemplateValues:
    """
    What the blanks of one body stand for; times in Unix seconds.
    """

    id: str
    status: str
    created: float
    entered: float
    codec: Codec

    def value(self, name: str, shift_s: float, argument: str) -> Json:
        """
        The value of one blank, in its own type.
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
        return hashlib.sha256(f"{self.id}:{argument}".encode()).digest()


def write_time(seconds: float, codec: Codec) -> str | int:
    """
    A point in time as the codec writes it; never later than it is.
    """
    if codec is Codec.UNIX:
        return int(seconds)
    whole = int(seconds * 1000)
    if codec is Codec.UNIX_MS:
        return whole
    moment = datetime.fromtimestamp(whole // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{whole % 1000:03d}Z"


def fill(node: Json, scope: TemplateValues) -> Json:
    """
    A copy of `node` with every blank filled.
    """
    if isinstance(node, Mapping):
        return {key: fill(value, scope) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [fill(item, scope) for item in node]
    if not isinstance(node, str) or "${" not in node:
        return node
    whole = _BLANK.fullmatch(node)
    if whole:
        return _value(whole, scope)
    return _BLANK.sub(lambda match: str(_value(match, scope)), node)


def _value(match: re.Match[str], scope: TemplateValues) -> Json:
    name, sign, shift, argument = match.groups()
    seconds = parse_duration(shift) if shift else 0.0
    return scope.value(name, -seconds if sign == "-" else seconds, argument or "")


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


def blanks_in(
    node: Json, at: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """
    Where a text has a blank that nothing can fill, and what is wrong with it.
    """
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from blanks_in(value, (*at, str(key)))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from blanks_in(item, (*at, index))
    elif isinstance(node, str):
        for text in re.findall(r"\$\{[^}]*\}?", node):
            match = _BLANK.fullmatch(text)
            if match is None or match.group(1) not in _NAMES:
                known = ", ".join(f"${{{name}}}" for name in _NAMES)
                yield at, f"{text} can't be filled; known: {known}"
