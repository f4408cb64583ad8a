"""
Patterns of ECMA-262, which OpenAPI means, in the syntax of the engine that matches them.

Rust's engine reads some of them otherwise (`.`, `\\b`) and refuses others (`[^]`, `\\k<name>`), so
each is read by ECMA's grammar here and written anew in what both understand alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import jsonschema_rs

from jobproof.contract.openapi.patterns.code_points import (
    CLASSES,
    LAST,
    NOTHING,
    inside,
    literal,
    others,
    spelled,
)

__all__ = ["PATTERN_OPTIONS", "engine_pattern"]

_MOST_CHARACTERS = 20_000
_MOST_LEVELS = 60
# A text that makes it go back more often than this is one that nobody can judge in useful time.
PATTERN_OPTIONS = jsonschema_rs.FancyRegexOptions(backtrack_limit=200_000, size_limit=50_000_000)

_LINE_ENDS = r"\n\r\x{2028}\x{2029}"
_ANYTHING = r"[\x{0}-\x{10ffff}]"
_IN_WORD = "[0-9A-Za-z_]"
_BOUNDARY = f"(?:(?<={_IN_WORD})(?!{_IN_WORD})|(?<!{_IN_WORD})(?={_IN_WORD}))"
_NO_BOUNDARY = f"(?:(?<={_IN_WORD})(?={_IN_WORD})|(?<!{_IN_WORD})(?!{_IN_WORD}))"
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_GROUP = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\((?!\?)|\(\?<(?![=!])([^>]*)>", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:[*+?]|\{([0-9]+)(?:,([0-9]*))?\})")
_MODIFIERS = re.compile(r"\?([ims]*)(?:-([ims]*))?:")


class _Invalid(Exception):
    """
    The grammar in use has no such pattern.
    """


class _Unsupported(Exception):
    """
    A right pattern that can't be said in the engine's syntax.
    """


@lru_cache(maxsize=4096)
def engine_pattern(pattern: str) -> str | None:
    """
    A pattern that the engine matches as ECMA-262 says; None where there is none.

    A pattern is read with the `u` flag, as JSON Schema asks (2020-12, 6.4), else without it
    (ECMA-262, annex B). What is neither, such as Java's `++`, is left to the engine as it stands.
    """
    if len(pattern) > _MOST_CHARACTERS:
        return None
    for unicode in (True, False):
        try:
            written = _PatternReader(pattern, unicode=unicode).written()
        except _Invalid:
            continue
        except _Unsupported:
            return None
        return written if _is_usable(written) else None
    return pattern if _is_usable(pattern) else None


def _is_usable(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=PATTERN_OPTIONS)
    except ValueError:
        return False
    return True


@dataclass(eq=False, slots=True)
class _Group:
    """
    One pair of brackets, or the whole pattern.

    Attributes:
        kind: What follows `(`: "" for a group that is remembered, `?:`, `?=`, `?<!`, ...
        branch: Which alternative of `outer` it stands in.
        branches: How many alternatives it has itself.
        least: How often it must match, and `most` how often it may.
        number: As `\\1` counts; 0 where it isn't remembered.
    """

    outer: _Group | None
    kind: str
    flags: frozenset[str]
    branch: int = 0
    branches: int = 1
    least: int = 1
    most: int | None = 1
    number: int = 0
    at: int = 0

    def path(self) -> list[_Group]:
        outer = self.outer.path() if self.outer is not None else []
        return [*outer, self]


@dataclass(frozen=True, slots=True)
class _Reference:
    number: int
    inside: _Group
    branch: int
    at: int


class _PatternReader:
    """
    One reading of a pattern, by the grammar with or without the `u` flag.
    """

    def __init__(self, pattern: str, *, unicode: bool) -> None:
        self._text = pattern
        self._unicode = unicode
        self._at = 0
        found = [m for m in _GROUP.finditer(pattern) if m.group().startswith("(")]
        self._names = [m.group(1) for m in found]
        self._groups: dict[int, _Group] = {}
        self._out: list[str | _Reference] = []
        self._levels = 0

    def written(self) -> str:
        top = _Group(None, "?:", frozenset())
        self._disjunction(top)
        if self._at < len(self._text):
            raise _Invalid
        return "".join(
            piece if isinstance(piece, str) else self._resolved(piece) for piece in self._out
        )

    def _next(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise _Invalid
        self._at += 1
        return self._text[self._at - 1]

    def _disjunction(self, group: _Group) -> None:
        branch = 0
        while self._at < len(self._text) and self._text[self._at] != ")":
            if self._next("|"):
                branch += 1
                group.branches += 1
                self._out.append("|")
                continue
            self._term(group, branch)

    def _term(self, group: _Group, branch: int) -> None:
        start, began = len(self._out), self._at
        character = self._take()
        inner: _Group | None = None
        if character in "^$":
            self._out.append(_edge(character, group.flags))
            return
        if character == "(":
            inner = self._bracket(group, branch, began)
        elif character == "[":
            self._out.append(self._class())
        elif character == ".":
            self._out.append(_ANYTHING if "s" in group.flags else f"[^{_LINE_ENDS}]")
        elif character == "\\":
            if self._escape(group, branch, began):
                return
        elif (
            character in "*+?"
            or (self._unicode and character in "{}]")
            or (character == "{" and _QUANTIFIER.match(self._text, began))
        ):
            raise _Invalid
        else:
            self._out.append(literal(ord(character)))
        self._quantifier(start, inner)

    def _quantifier(self, start: int, inner: _Group | None) -> None:
        found = _QUANTIFIER.match(self._text, self._at)
        if not found:
            if self._unicode and self._text.startswith("{", self._at):
                raise _Invalid
            return
        least, most = _bounds(found)
        self._at = found.end()
        lazy = "?" if self._next("?") else ""
        if most is not None and most < least:
            raise _Invalid
        if inner is not None:
            inner.least, inner.most = least, most
            if inner.kind not in ("", "?:", "?<"):
                # A look ahead takes nothing, so once is as good as often (annex B allows it).
                if self._unicode or inner.kind not in ("?=", "?!"):
                    raise _Invalid
                if least == 0:
                    del self._out[start:]
                return
            if inner.kind in ("", "?<") and found.group() == "?":
                # ECMA takes a group that didn't match for an empty text, Rust for a failure.
                self._out[start:] = ["((?:", *self._out[start + 1 : -1], f")?{lazy})"]
                inner.least = 1
                return
        self._out.append(found.group() + lazy)

    def _bracket(self, outer: _Group, branch: int, began: int) -> _Group:
        self._levels += 1
        if self._levels > _MOST_LEVELS:
            raise _Unsupported
        flags, number = outer.flags, 0
        kind = next(
            (k for k in ("?:", "?=", "?!", "?<=", "?<!", "?<") if self._next(k)),
            "",
        )
        opening = f"({kind}"
        if kind in ("", "?<"):
            if kind and not re.match(r"[^\W0-9][\w$]*>|\$[\w$]*>", self._text[self._at :]):
                raise _Invalid
            if kind:
                self._at = self._text.index(">", self._at) + 1
            number, opening = len(self._groups) + 1, "("
        if not kind and self._text.startswith("?", self._at):
            modified = _MODIFIERS.match(self._text, self._at)
            if not modified:
                raise _Invalid
            on, off = modified.group(1), modified.group(2) or ""
            flags = (flags | frozenset(on)) - frozenset(off)
            self._at, kind, number = modified.end(), "?:", 0
            opening = "(?i:" if "i" in on else "(?-i:" if "i" in off else "(?:"
        group = _Group(outer, kind, flags, branch, number=number, at=began)
        if number:
            self._groups[number] = group
        self._out.append(opening)
        self._disjunction(group)
        if not self._next(")"):
            raise _Invalid
        self._out.append(")")
        self._levels -= 1
        return group

    def _escape(self, group: _Group, branch: int, began: int) -> bool:
        """
        Read what follows a backslash; True for an assertion, which nothing can repeat.
        """
        letter = self._take()
        if letter in "bB":
            self._out.append(_BOUNDARY if letter == "b" else _NO_BOUNDARY)
            return True
        if letter in "123456789":
            self._at -= 1
            number = self._number()
            if number:
                self._out.append(_Reference(number, group, branch, began))
                return False
            letter = self._take()
        if letter == "k" and (self._unicode or any(self._names)):
            self._out.append(_Reference(self._named(), group, branch, began))
            return False
        many = self._many(letter)
        self._out.append(
            f"[{many}]" if many is not None else literal(self._character(letter, in_class=False))
        )
        return False

    def _number(self) -> int:
        digits = re.compile("[0-9]+").match(self._text, self._at)
        number = int(digits.group()[:6]) if digits else 0
        if digits and number <= len(self._names):
            self._at = digits.end()
            return number
        if self._unicode:
            raise _Invalid
        return 0

    def _named(self) -> int:
        found = re.compile("<([^>]*)>").match(self._text, self._at)
        if not found or found.group(1) not in self._names:
            raise _Invalid
        if self._names.count(found.group(1)) > 1:
            raise _Unsupported
        self._at = found.end()
        return self._names.index(found.group(1)) + 1

    def _many(self, letter: str) -> str | None:
        """
        The inside of a class for `\\d` and its like, else None.
        """
        if letter.lower() in CLASSES:
            ranges = CLASSES[letter.lower()]
            return spelled(ranges if letter.islower() else others(ranges))
        if letter in "pP" and self._unicode:
            name = re.compile(r"\{[A-Za-z0-9_]+(?:=[A-Za-z0-9_]+)?\}").match(self._text, self._at)
            if not name:
                raise _Invalid
            self._at = name.end()
            return f"\\{letter}{name.group()}"
        return None

    def _character(self, letter: str, *, in_class: bool) -> int:
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter == "c":
            return self._control(in_class=in_class)
        if letter in "xu":
            return self._hexadecimal(letter)
        if letter in "01234567" and not (self._unicode and letter != "0"):
            octal = re.compile("[0-3][0-7]{0,2}|[4-7][0-7]?").match(self._text, self._at - 1)
            if self._unicode and re.compile("[0-9]").match(self._text, self._at):
                raise _Invalid
            if octal and not self._unicode:
                self._at = octal.end()
                return int(octal.group(), 8)
            return 0
        if self._unicode and letter not in _SYNTAX and not (in_class and letter == "-"):
            raise _Invalid
        return ord(letter)

    def _control(self, *, in_class: bool) -> int:
        more = "0-9_" if in_class and not self._unicode else ""
        found = re.compile(f"[A-Za-z{more}]").match(self._text, self._at)
        if found:
            self._at = found.end()
            return ord(found.group()) % 32
        if self._unicode:
            raise _Invalid
        self._at -= 1  # annex B: the backslash is itself
        return ord("\\")

    def _hexadecimal(self, letter: str) -> int:
        forms = {"x": "([0-9A-Fa-f]{2})", "u": "([0-9A-Fa-f]{4})"}
        if letter == "u" and self._unicode and self._next("{"):
            found = re.compile(r"0*([0-9A-Fa-f]{1,6})\}").match(self._text, self._at)
            if not found or int(found.group(1), 16) > LAST:
                raise _Invalid
            self._at = found.end()
            return int(found.group(1), 16)
        found = re.compile(forms[letter]).match(self._text, self._at)
        if not found:
            if self._unicode:
                raise _Invalid
            return ord(letter)
        self._at = found.end()
        code = int(found.group(1), 16)
        pair = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})").match(self._text, self._at)
        if 0xD800 <= code <= 0xDBFF and pair and letter == "u":
            self._at = pair.end()
            return 0x10000 + (code - 0xD800) * 0x400 + int(pair.group(1), 16) - 0xDC00
        return code

    def _class(self) -> str:
        negated = self._next("^")
        items: list[str] = []
        while not self._next("]"):
            low = self._item()
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                high = self._item()
                if isinstance(low, int) and isinstance(high, int):
                    if high < low:
                        raise _Invalid
                    items.append(spelled(((low, high),)))
                    continue
                if self._unicode:
                    raise _Invalid
                # Annex B: beside a class the hyphen is itself.
                items += [inside(low), inside(ord("-")), inside(high)]
                continue
            items.append(inside(low))
        written = "".join(items)
        if not written:
            return _ANYTHING if negated else NOTHING
        return f"[{'^' if negated else ''}{written}]"

    def _item(self) -> int | str:
        """
        One character of a class, or the inside of a class for `\\d` and its like.
        """
        character = self._take()
        if character != "\\":
            return ord(character)
        letter = self._take()
        if letter == "b":
            return 0x08
        many = self._many(letter)
        return many if many is not None else self._character(letter, in_class=True)

    def _resolved(self, reference: _Reference) -> str:
        group = self._groups[reference.number]
        theirs, ours = group.path(), reference.inside.path()
        shared = sum(1 for a, b in zip(theirs, ours, strict=False) if a is b)
        apart = theirs[shared:]
        loops = any(g.most is None or g.most > 1 for g in ours[:shared])
        behind = any(g.kind.startswith("?<") and g.kind != "?<" for g in (*theirs, *ours))
        if behind:
            raise _Unsupported
        if not apart or reference.at < group.at:
            # Inside of the group, or before it: there is nothing yet to repeat.
            if loops or (apart and any(g.most != 1 for g in apart[:-1])):
                raise _Unsupported
            return "(?:)"
        ours_branch = ours[shared].branch if shared < len(ours) else reference.branch
        if (
            apart[0].branch != ours_branch
            or any(g.least == 0 or g.kind == "?!" for g in apart)
            or any(g.branches > 1 for g in apart[:-1])
        ):
            raise _Unsupported
        return f"(?:\\{reference.number})"


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    sign = found.group()
    if sign in ("*", "+", "?"):
        return (1 if sign == "+" else 0), (1 if sign == "?" else None)
    if max(len(digits or "") for digits in found.groups()) > 9:
        raise _Unsupported
    least, most = int(found.group(1)), found.group(2)
    return least, least if most is None else int(most) if most else None


def _edge(character: str, flags: frozenset[str]) -> str:
    if "m" not in flags:
        return character
    return f"(?<![^{_LINE_ENDS}])" if character == "^" else f"(?![^{_LINE_ENDS}])"
