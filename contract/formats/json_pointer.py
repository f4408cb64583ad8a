"""
JSON Pointers (RFC 6901).
"""

from __future__ import annotations

from functools import lru_cache

from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.json_value import Json

__all__ = ["escape", "parent", "pick", "replaced", "resolve", "walk"]


def escape(step: str) -> str:
    """
    One step as it stands in a pointer.
    """
    return step.replace("~", "~0").replace("/", "~1") if "~" in step or "/" in step else step


@lru_cache(maxsize=1024)
def walk(pointer: str) -> tuple[str, ...]:
    """
    The steps of a pointer, unescaped.
    """
    # `~1` first: the other way round `~01` would become a slash (RFC 6901 4).
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def resolve(value: Json, pointer: str) -> tuple[bool, Json]:
    """
    Whether `pointer` leads anywhere in `value`, and what is there.
    """
    for step in walk(pointer):
        if isinstance(value, dict):
            if step not in value:
                return False, None
            value = value[step]
        elif isinstance(value, list) and (index := _index(step, len(value))) is not None:
            value = value[index]
        else:
            return False, None
    return True, value


def pick(value: Json, pointer: str) -> Json:
    """
    What is at `pointer`, or None.
    """
    # Not by `resolve`: a job is read by a dozen pointers.
    for step in walk(pointer):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and (index := _index(step, len(value))) is not None:
            value = value[index]
        else:
            return None
    return value


def replaced(value: Json, pointer: str, new: Json) -> Json:
    """
    A copy of `value` with `new` at a pointer that leads somewhere; nothing else is copied.
    """
    steps = walk(pointer)
    if not steps:
        return new
    step, below = steps[0], "".join(f"/{escape(s)}" for s in steps[1:])
    if isinstance(value, dict) and step in value:
        return {**value, step: replaced(value[step], below, new)}
    if isinstance(value, list) and (index := _index(step, len(value))) is not None:
        return [*value[:index], replaced(value[index], below, new), *value[index + 1 :]]
    return value


def parent(pointer: str) -> str:
    """
    The pointer without its last step.
    """
    return pointer.rpartition("/")[0]


def _index(step: str, length: int) -> int | None:
    # RFC 6901 4: no leading zero, so that an item has one pointer.
    if step.startswith("0") and step != "0":
        return None
    index = read_digits(step, most=length)
    return index if index is not None and index < length else None
