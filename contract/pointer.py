"""
JSON Pointers (RFC 6901), with `*` for every item where a profile says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

__all__ = ["escape", "parent", "pick", "resolve", "walk"]


def escape(step: str) -> str:
    """
    One step as it stands in a pointer.
    """
    return step.replace("~", "~0").replace("/", "~1") if "~" in step or "/" in step else step


def walk(pointer: str) -> Iterator[str]:
    """
    The steps of a pointer or of a URI fragment, unescaped.
    """
    for step in pointer.split("/")[1:]:
        text = unquote(step) if "%" in step else step
        yield text.replace("~1", "/").replace("~0", "~") if "~" in text else text


def resolve(value: Any, pointer: str) -> tuple[bool, Any]:
    """
    Whether `pointer` leads anywhere in `value`, and what is there.
    """
    for step in walk(pointer):
        if isinstance(value, dict):
            if step not in value:
                return False, None
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False, None
    return True, value


def pick(value: Any, pointer: str) -> Any:
    """
    What is at `pointer`, or None.
    """
    return resolve(value, pointer)[1]


def parent(pointer: str) -> str:
    """
    The pointer without its last step.
    """
    return pointer.rpartition("/")[0]
