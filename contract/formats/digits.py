"""
Numbers that somebody else wrote in digits.

`int` and `float` take more than any protocol means: digits of other scripts, `1_0`, signs, blanks
and `nan`; `str.isdigit` takes a superscript that `int` then refuses, and `int` refuses 4301 digits.
"""

from __future__ import annotations

import re

__all__ = ["is_digits", "read_decimal", "read_digits", "read_hex"]

# A double holds 308 digits before the point, so 300 of them are always finite.
_DECIMAL = re.compile(r"[0-9]{1,300}(?:\.[0-9]{0,300})?")
_HEX = re.compile(r"[0-9A-Fa-f]+")


def is_digits(text: str) -> bool:
    """
    Whether the text is one or more of the digits 0 to 9 and nothing else.
    """
    return text.isascii() and text.isdigit()


def read_digits(text: str, *, most: int) -> int | None:
    """
    The number that the digits write, or `most` where it is more; None where it is none.
    """
    if not is_digits(text):
        return None
    # Lengths are compared before int() is called: it refuses more than 4300 digits.
    digits = text.lstrip("0")
    return most if len(digits) > len(str(most)) else min(int(digits or "0"), most)


def read_hex(text: str, *, most: int) -> int | None:
    """
    The same of hexadecimal digits.
    """
    if not _HEX.fullmatch(text):
        return None
    digits = text.lstrip("0")
    return most if len(digits) > len(f"{most:x}") else min(int(digits or "0", 16), most)


def read_decimal(text: str) -> float | None:
    """
    The number that `30` or `2.5` writes, always finite; None where it is anything else.
    """
    return float(text) if _DECIMAL.fullmatch(text) else None
