"""
The body's values: one nulled, dropped, added, of another type, number or order.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json
from jobproof.contract.scoring.mutants.mutant import Original
from jobproof.contract.scoring.mutants.texts import changed_times, mutate_text

__all__ = ["Change", "mutate_values", "with_replaced"]

Change = tuple[str, str, Json, bool]
"""Operator, place, the whole body changed, and whether that is legal."""
_Path = tuple[str | int, ...]


def mutate_values(original: Original, value: Json) -> Iterator[Change]:
    """
    Every value of the body changed by every operator that fits it.
    """
    for path, item in _walk(value):
        place = "".join(f"/{escape(str(step))}" for step in path) or "body"
        for operator, detail, new, legal in _changed(original, place, item):
            yield operator, f"{place}{detail}", with_replaced(value, path, new), legal
        # Elements aren't dropped here: a shorter list has an operator of its own.
        if path and not isinstance(path[-1], int):
            yield "property dropped", place, _without(value, path), False
    yield from _swapped(value)


def _changed(original: Original, place: str, item: Json) -> Iterator[Change]:
    if item is None:
        yield "null filled", "", "text", False
        return
    yield "value nulled", "", None, False
    if isinstance(item, str):
        yield "type changed", "", 7, False
        yield from mutate_text(original, place, item)
        return
    yield "type changed", "", "text", False
    if isinstance(item, dict):
        yield "type changed", " to a list", [item], False
        yield from _changed_keys(original, place, item)
    elif isinstance(item, list):
        yield from _changed_list(item)
    elif isinstance(item, bool):
        yield "boolean turned", "", not item, False
    elif isinstance(item, int):
        yield from _changed_number(item)


def _changed_keys(original: Original, place: str, item: dict[str, Json]) -> Iterator[Change]:
    # One more of what was given is another fact; elsewhere a new key is drift.
    is_given = place in original.api.profile.given
    yield "property added", "", {**item, "odd_note": "odd"}, not is_given
    if place == "body":
        yield "property added", " named like a secret", {**item, "internal_token": "odd"}, False
    for key in item:
        other = key.title().replace("_", "") if "_" in key else key.upper()
        renamed = {other if name == key else name: kept for name, kept in item.items()}
        yield "property respelled", f" {key}", renamed, False


def _changed_list(item: list[Json]) -> Iterator[Change]:
    if item:
        yield "list emptied", "", [], False
        yield "element repeated", "", [*item, item[0]], False
    if len(item) > 1:
        yield "list shortened", "", item[:-1], False
        yield "list reversed", "", item[::-1], False
    yield "element added", "", [*item, {"odd": True}], False


def _changed_number(item: int) -> Iterator[Change]:
    if item > 1e9:  # Unix seconds since 2001
        yield from changed_times(item)
        yield "number in thousandths", "", item * 1000, False
    else:
        yield "number raised", "", item + 1, False
    if item:
        yield "number negated", "", -item, False
        yield "number to zero", "", 0, False
    yield "number with a fraction", "", item + 0.5, False
    yield "number beyond doubles", "", 2**63 + 1, False


def _swapped(value: Json) -> Iterator[Change]:
    """
    Neighbours in an object with each other's values.
    """
    for path, item in _walk(value):
        for one, other in pairwise(item) if isinstance(item, dict) else ():
            if item[one] != item[other]:
                changed = {**item, one: item[other], other: item[one]}
                place = "".join(f"/{escape(str(step))}" for step in path)
                body = with_replaced(value, path, cast("Json", changed))
                yield "neighbours swapped", f"{place}/{one} with {other}", body, False


def _walk(value: Json, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def with_replaced(value: Any, path: _Path, new: Json) -> Json:
    """
    A copy of `value` with `new` at the path.
    """
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = with_replaced(value[path[0]], path[1:], new)
    return cast("Json", copy)


def _without(value: Any, path: _Path) -> Json:
    copy = value.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _without(value[path[0]], path[1:])
    return cast("Json", copy)
