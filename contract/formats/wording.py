"""
Values and foreign text as a line for people: bounded, and without what steers a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from jobproof.contract.formats.json_value import Json

__all__ = [
    "Words",
    "described",
    "first_few",
    "legible",
    "legible_json",
    "legible_lines",
    "plain",
    "shorten",
    "told",
]

_LINE = 200
_LONGEST_WORDS = 500
_MOST_ITEMS = 12
_MOST_UNSEEN = 16


class Words(str):
    """
    What was expected or found, in words: shown without the quotes of a value.
    """

    __slots__ = ()


def shorten(text: str, at_most: int) -> str:
    """
    `text` where it isn't longer; else its beginning, marked so that a redactor sees that
    what stands last may be the beginning of a secret.
    """
    return text if len(text) <= at_most else f"{text[: at_most - 3]}..."


def plain(text: str) -> str:
    """
    The signs of `text` alone, where it is of a kind of text that somebody made: whoever writes it
    down runs nothing of his.
    """
    return text if type(text) is str else str.__str__(text)


def described(error: BaseException) -> str:
    """
    An exception by its type and its own words: bounded, and whatever these do.
    """
    try:
        name, words = plain(type(error).__name__), plain(str(error))
    except BaseException:  # noqa: BLE001 -- its words are somebody's code, that may end processes
        return "an exception that can't be put into words"
    return shorten(f"{name}: {words}".removesuffix(": "), _LONGEST_WORDS)


def legible(text: str) -> str:
    """
    `text` in one line, with what steers a terminal or turns the direction of writing escaped.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def legible_lines(text: str) -> str:
    """
    The same of a text of more than one line: it has as many lines as it came with.
    """
    if text.isprintable():
        return text
    return "\n".join(map(legible, text.replace("\r\n", "\n").split("\n")))


def legible_json(text: str) -> str:
    """
    A text in JSON with what steers a terminal escaped as JSON has it: whoever parses it gets what
    he got before.
    """
    if text.isprintable():
        return text
    # A line's end within a value is escaped already: what is left are those of the layout.
    lines = text.split("\n")
    return "\n".join(one if one.isprintable() else _escaped_in_json(one) for one in lines)


def told(value: Json, *, or_: bool = False) -> str:
    """
    A value as JSON writes it, text in quotes; `Words` as they are.

    Args:
        or_: A list holds values any of which is right.
    """
    if isinstance(value, Words):
        return legible(shorten(value, _LINE))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(shorten(value, _LINE))
    if isinstance(value, list | tuple) and value and not any(map(_is_nested, value)):
        return _list([told(item) for item in value[: _MOST_ITEMS + 1]], len(value), or_=or_)
    return legible(shorten(repr(value), _LINE))


def first_few(names: Sequence[str], *, most: int = 5, shown: int = 3) -> str:
    """
    Names in one line: all of them where they are few, else the first and how many more.
    """
    clean = [legible(shorten(name, 60)) for name in names[: max(most, shown)]]
    if len(names) <= most:
        return ", ".join(clean)
    return f"{', '.join(clean[:shown])}, … and {len(names) - shown} more"


def _list(items: list[str], length: int, *, or_: bool) -> str:
    if length > _MOST_ITEMS:
        return f"{', '.join(items[:_MOST_ITEMS])}, … and {length - _MOST_ITEMS} more"
    if or_ and length > 1:
        return f"{', '.join(items[:-1])} or {items[-1]}"
    return ", ".join(items)


def _escaped_in_json(line: str) -> str:
    # An answer of megabytes may consist of such signs: each step reads all of it at once.
    unseen = [sign for sign in set(line) if not sign.isprintable()]
    if len(unseen) <= _MOST_UNSEEN:
        for sign in unseen:
            line = line.replace(sign, json.dumps(sign)[1:-1])
        return line
    # Whatever isn't ASCII is escaped, and what is JSON's own was once too often.
    return json.dumps(line)[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def _is_nested(value: Json) -> bool:
    return isinstance(value, list | tuple | dict)
