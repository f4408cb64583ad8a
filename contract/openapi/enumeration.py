"""
Which words a schema enumerates at one place, however it is put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobproof.contract.formats.digits import is_digits
from jobproof.contract.formats.json_pointer import resolve, walk

__all__ = ["words_at"]

Words = frozenset[str] | None
"""None: any word may stand there."""

_NONE: frozenset[str] = frozenset()


def words_at(schema: Any, pointer: str) -> Words:
    """
    The texts that `schema` admits at `pointer`; None where it doesn't enumerate texts.

    Reads `enum` and `const` through `$ref`, `allOf`, `anyOf` and `oneOf`; what other
    keywords forbid (`pattern`, `not`, `if`) isn't looked at, so that no word is missed.
    """
    root = schema if isinstance(schema, Mapping) else {}
    return _Enumeration(root).at(schema, tuple(walk(pointer))) or None


class _Enumeration:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[tuple[int, int], Words] = {}

    def at(self, schema: Any, steps: tuple[str, ...]) -> Words:
        """
        The words that a value may be, `steps` below one that `schema` speaks of.
        """
        if not isinstance(schema, Mapping):
            return _NONE if schema is False else None
        # What is left is always a tail of the one pointer, so that its length names it.
        key = (id(schema), len(steps))
        if key not in self._known:
            self._known[key] = None  # a schema that leads back to itself adds nothing
            self._known[key] = _common(self._limits(schema, steps))
        return self._known[key]

    def _limits(self, schema: Mapping[str, Any], steps: tuple[str, ...]) -> Iterable[Words]:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            found, target = resolve(self._root, reference.partition("#")[2])
            yield self.at(target, steps) if found else None
        for branch in schema.get("allOf") or ():
            yield self.at(branch, steps)
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                yield _either(self.at(branch, steps) for branch in schema[keyword])
        yield self._below(schema, steps) if steps else _own_words(schema)

    def _below(self, schema: Mapping[str, Any], steps: tuple[str, ...]) -> Words:
        step, *rest = steps
        properties = schema.get("properties") or {}
        if step in properties:
            return self.at(properties[step], tuple(rest))
        if is_digits(step) and "items" in schema:
            return self.at(schema["items"], tuple(rest))
        closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
        return _NONE if closed or not _may_be(schema, "object", "array") else None


def _own_words(schema: Mapping[str, Any]) -> Words:
    limits: list[Words] = []
    if "const" in schema:
        limits.append(_texts([schema["const"]]))
    if isinstance(schema.get("enum"), list):
        limits.append(_texts(schema["enum"]))
    if not _may_be(schema, "string"):
        limits.append(_NONE)
    return _common(limits)


def _may_be(schema: Mapping[str, Any], *kinds: str) -> bool:
    stated = schema.get("type")
    listed = [stated] if isinstance(stated, str) else stated
    return not listed or any(kind in listed for kind in kinds)


def _texts(values: Iterable[Any]) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str))


def _common(limits: Iterable[Words]) -> Words:
    stated = [words for words in limits if words is not None]
    return frozenset.intersection(*stated) if stated else None


def _either(branches: Iterable[Words]) -> Words:
    union: set[str] = set()
    for words in branches:
        if words is None:
            return None
        union |= words
    return frozenset(union)
