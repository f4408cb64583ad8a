"""
Characters and ranges of them, in the syntax of the engine that matches patterns.
"""

from __future__ import annotations

__all__ = ["CLASSES", "LAST", "NOTHING", "inside", "literal", "others", "spelled"]

_Ranges = tuple[tuple[int, int], ...]
LAST = 0x10FFFF
_DIGITS: _Ranges = ((0x30, 0x39),)
_WORD: _Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: _Ranges = (
    *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
NOTHING = "(?!)"


def literal(code: int) -> str:
    # Half of a pair stands in no text that is UTF-8.
    if 0xD800 <= code <= 0xDFFF:
        return NOTHING
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\x{{{code:x}}}"


def inside(item: int | str) -> str:
    return item if isinstance(item, str) else spelled(((item, item),))


def spelled(ranges: _Ranges) -> str:
    out = []
    for low, high in ranges:
        first = 0xE000 if 0xD800 <= low <= 0xDFFF else low
        last = 0xD7FF if 0xD800 <= high <= 0xDFFF else high
        if first <= last:
            out.append(f"\\x{{{first:x}}}" + (f"-\\x{{{last:x}}}" if last > first else ""))
    return "".join(out)


def others(ranges: _Ranges) -> _Ranges:
    starts = [0, *(high + 1 for _, high in ranges)]
    ends = [*(low - 1 for low, _ in ranges), LAST]
    return tuple((a, b) for a, b in zip(starts, ends, strict=True) if a <= b)
