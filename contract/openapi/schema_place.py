"""
What a schema says of one place in a body: whether anything can stand there, and what.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import reduce
from typing import Any

from jobproof.contract.formats.digits import is_digits
from jobproof.contract.formats.json_pointer import resolve, walk
from jobproof.contract.formats.json_value import Json

__all__ = ["SchemaPlace", "Standing", "either", "place_at", "spelled"]


class Standing(IntEnum):
    """
    How a schema stands to a place. Of what must hold together, the lowest counts.
    """

    FORBIDDEN = 0
    """A type that holds no such thing, or a schema that closes the place."""
    NAMED = 1
    OPEN = 2
    """The schema says that names which it doesn't list may stand there."""
    CLOSED = 3
    """It lists names and this isn't one. JSON Schema lets it stand; readers don't expect it."""
    SILENT = 4
    """It says nothing of names."""


# Of what may hold in turn, the first of these that one alternative has.
_EASIEST = (
    *(Standing.NAMED, Standing.OPEN, Standing.SILENT, Standing.CLOSED),
    Standing.FORBIDDEN,
)
_ALL = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_FEW = {"null": ("null",), "boolean": ("true", "false")}
"""Types that have no other values."""
_NONE: frozenset[str] = frozenset()
_DEEPEST = 100
"""Schemas within schemas that are looked into, so that no document ends the program."""
Values = frozenset[tuple[str, str]] | None
"""Type and spelling of each value that is enumerated; None: any value may stand there."""


@dataclass(frozen=True, slots=True)
class SchemaPlace:
    """
    Attributes:
        types: JSON types of the values that may stand there; an integer is no `number` here.
        values: Those that an `enum` or `const` leaves, by type and spelling; None: any.
        formats: Formats that a text there must have.
        left: Where nothing can stand: how many steps of the pointer weren't taken.
        names: Where a step isn't named: the names that are.
        reason: Why nothing can stand there, where that isn't for a name.
    """

    standing: Standing
    types: frozenset[str] = _ALL
    values: Values = None
    formats: frozenset[str] = _NONE
    left: int = 0
    names: frozenset[str] = _NONE
    reason: str = ""

    @property
    def may_hold(self) -> bool:
        """
        Whether a reader may expect anything there.
        """
        return self.standing not in (Standing.FORBIDDEN, Standing.CLOSED)


_SILENT = SchemaPlace(Standing.SILENT)
_OPEN = SchemaPlace(Standing.OPEN)


def place_at(schema: Any, pointer: str) -> SchemaPlace:
    """
    What `schema` says of the place at `pointer` in a value.

    Reads through `$ref`, `allOf`, `anyOf`, `oneOf`, `then` and `else`. What further keywords
    forbid (`not`, `pattern`) isn't looked at, so that nothing right is called impossible.
    """
    root = schema if isinstance(schema, Mapping) else {}
    steps = tuple(walk(pointer))
    return _Places(root).at(schema, steps) if schema is not None else _SILENT


def either(places: Iterable[SchemaPlace]) -> SchemaPlace:
    """
    What is known of a place of which one of `places` is true, and nobody knows which.
    """
    found = list(places)
    if not found:
        return _SILENT
    standing = next(s for s in _EASIEST if any(p.standing is s for p in found))
    if standing in (Standing.FORBIDDEN, Standing.CLOSED):
        return _deepest([p for p in found if p.standing is standing])
    able = [p for p in found if p.may_hold]
    listed = [p.values for p in able]
    texts = [p.formats for p in able if "string" in p.types]
    return SchemaPlace(
        standing,
        frozenset().union(*(p.types for p in able)),
        None if None in listed else frozenset().union(*(v for v in listed if v is not None)),
        frozenset.intersection(*texts) if texts else _NONE,
    )


def spelled(value: Json) -> str:
    """
    A value as JSON writes it, a text without its quotes.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Places:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[tuple[int, int], SchemaPlace] = {}
        self._depth = 0

    def at(self, schema: Any, steps: tuple[str, ...]) -> SchemaPlace:
        """
        The place `steps` below a value that `schema` speaks of.
        """
        if schema is False:
            return SchemaPlace(
                Standing.FORBIDDEN, _NONE, left=len(steps), reason="lets nothing stand there"
            )
        if not isinstance(schema, Mapping):
            return _SILENT if steps else SchemaPlace(Standing.NAMED)
        # What is left is always a tail of the one pointer, so that its length names it.
        key = (id(schema), len(steps))
        if key not in self._known and self._depth < _DEEPEST:
            # A schema that leads back to itself adds nothing.
            self._known[key] = _SILENT
            self._depth += 1
            place = reduce(_both, self._limits(schema, steps))
            self._known[key] = _unevaluated(schema, steps, place, self)
            self._depth -= 1
        return self._known.get(key, _SILENT)

    def _limits(self, schema: Mapping[str, Any], steps: tuple[str, ...]) -> Iterator[SchemaPlace]:
        yield self._below(schema, steps) if steps else _own(schema)
        reference = schema.get("$ref")
        if isinstance(reference, str):
            found, target = resolve(self._root, reference.partition("#")[2])
            yield self.at(target, steps) if found else _SILENT
        for branch in _listed(schema, "allOf"):
            yield self.at(branch, steps)
        for keyword in ("anyOf", "oneOf"):
            branches = _listed(schema, keyword)
            if branches:
                yield either(self.at(branch, steps) for branch in branches)
        if "if" in schema and ("then" in schema or "else" in schema):
            yield either(self.at(schema.get(k, True), steps) for k in ("then", "else"))
        for branch in _named(schema, "dependentSchemas").values():
            yield either((self.at(branch, steps), self.at(True, steps)))

    def _below(self, schema: Mapping[str, Any], steps: tuple[str, ...]) -> SchemaPlace:
        types = _types(schema)
        if "type" not in schema:
            # Whoever names properties means an object, and a list by items.
            meant = {"array" for key in ("items", "prefixItems") if key in schema}
            meant |= {"object"} if "properties" in schema else set()
            types = frozenset(meant) or types
        sides = []
        if "object" in types:
            sides.append(self._in_object(schema, steps))
        if "array" in types:
            sides.append(self._in_array(schema, steps))
        if not sides:
            return SchemaPlace(
                *(Standing.FORBIDDEN, _NONE),
                left=len(steps),
                reason=f"has {' or '.join(sorted(types))} there, which holds no more",
            )
        return either(sides)

    def _in_object(self, schema: Mapping[str, Any], steps: tuple[str, ...]) -> SchemaPlace:
        step, rest = steps[0], steps[1:]
        properties = _named(schema, "properties")
        if step in properties:
            return self.at(properties[step], rest)
        names = frozenset(map(str, properties))
        patterns = _named(schema, "patternProperties")
        if patterns:
            # Which pattern a name matches isn't worked out: any may.
            return _as_open(either((*(self.at(s, rest) for s in patterns.values()), _OPEN)))
        if "additionalProperties" not in schema:
            return replace(_closed(steps), names=names) if properties else _SILENT
        further = schema["additionalProperties"]
        if further is False:
            closed = f"lets no name stand there but {'those that it lists' if names else 'none'}"
            return SchemaPlace(
                *(Standing.FORBIDDEN, _NONE), left=len(steps), names=names, reason=closed
            )
        return _as_open(self.at(further, rest)) if isinstance(further, Mapping) else _OPEN

    def _in_array(self, schema: Mapping[str, Any], steps: tuple[str, ...]) -> SchemaPlace:
        step, rest = steps[0], steps[1:]
        if not is_digits(step):
            a_list = replace(_closed(steps), reason="has a list there, whose items are numbered")
            impossible = schema.get("type") == "array" or "items" in schema
            return a_list if impossible else _SILENT
        items = schema.get("items")
        first = items if isinstance(items, list) else _listed(schema, "prefixItems")
        if len(step) < 6 and int(step) < len(first):
            return self.at(first[int(step)], rest)
        further = schema.get("additionalItems", True) if isinstance(items, list) else items
        return _SILENT if further is None else self.at(further, rest)


def _own(schema: Mapping[str, Any]) -> SchemaPlace:
    types, values = _types(schema), None
    limits = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(limits, list):
        values = frozenset((_type_of(value), spelled(value)) for value in limits)
    stated = schema.get("format")
    formats = frozenset({stated}) if isinstance(stated, str) else _NONE
    return _with_values(SchemaPlace(Standing.NAMED, types, values, formats))


def _both(one: SchemaPlace, other: SchemaPlace) -> SchemaPlace:
    """
    What is known of a place of which both are true.
    """
    standing = min(one.standing, other.standing)
    if standing in (Standing.FORBIDDEN, Standing.CLOSED):
        return _deepest([p for p in (one, other) if p.standing is standing])
    listed = [p.values for p in (one, other) if p.values is not None]
    values = frozenset.intersection(*listed) if listed else None
    return _with_values(
        SchemaPlace(standing, one.types & other.types, values, one.formats | other.formats)
    )


def _with_values(place: SchemaPlace) -> SchemaPlace:
    types, values = place.types, place.values
    if values is None and types <= _FEW.keys():
        values = frozenset((kind, text) for kind in types for text in _FEW[kind])
    if values is not None:
        values = frozenset(v for v in values if v[0] in types)
        types = frozenset(kind for kind, _ in values)
    if not types:
        return SchemaPlace(Standing.FORBIDDEN, _NONE, reason="has no value that may stand there")
    return replace(place, types=types, values=values)


def _deepest(places: list[SchemaPlace]) -> SchemaPlace:
    left = min(place.left for place in places)
    deepest = [place for place in places if place.left == left]
    return replace(deepest[0], names=frozenset().union(*(place.names for place in deepest)))


def _unevaluated(
    schema: Mapping[str, Any], steps: tuple[str, ...], place: SchemaPlace, places: _Places
) -> SchemaPlace:
    keyword = "unevaluatedItems" if steps and is_digits(steps[0]) else "unevaluatedProperties"
    unseen = place.standing in (Standing.SILENT, Standing.CLOSED)
    if not steps or keyword not in schema or not unseen or place.left not in (0, len(steps)):
        return place
    further = schema[keyword]
    if further is False:
        closed = "lets no name stand there but those that it lists"
        return replace(
            place, standing=Standing.FORBIDDEN, types=_NONE, left=len(steps), reason=closed
        )
    return _as_open(places.at(further, steps[1:])) if isinstance(further, Mapping) else _OPEN


def _as_open(place: SchemaPlace) -> SchemaPlace:
    return replace(place, standing=Standing.OPEN) if place.may_hold else place


def _closed(steps: tuple[str, ...]) -> SchemaPlace:
    return SchemaPlace(Standing.CLOSED, left=len(steps))


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    stated = schema.get("type")
    listed = [stated] if isinstance(stated, str) else stated
    if not isinstance(listed, list) or not listed:
        return _ALL
    # Every integer is a number.
    known = {str(kind) for kind in listed} | ({"integer"} if "number" in listed else set())
    return frozenset(known) & _ALL


def _type_of(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) or value.is_integer() else "number"
    return {str: "string", list: "array"}.get(type(value), "object")


def _listed(schema: Mapping[str, Any], keyword: str) -> list[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []


def _named(schema: Mapping[str, Any], keyword: str) -> Mapping[str, Any]:
    found = schema.get(keyword)
    return found if isinstance(found, Mapping) else {}
