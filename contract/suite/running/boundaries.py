"""
Values at the limits of what a document allows, where servers break that are right in between.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.formats.json_value import Json, JsonDocument

__all__ = ["boundary_ids", "declared_values"]

_INTEGERS = (2**31 - 1, 2**31, 2**63 - 1, 2**63)
"""Where numbers of 32 and of 64 bits end."""
_LENGTHS = (1, 255, 256, 257)
"""Where fields of fixed length end that many databases have."""
_LONGEST = 2_000


def boundary_ids(schema: Json) -> list[tuple[str, bool]]:
    """
    Ids at the limits of what `schema` allows, and next to them, and whether it allows each.
    """
    stated = schema if isinstance(schema, dict) else {}
    words = _words(stated)
    if words:
        return [(word, True) for word in words]
    found = dict(_numbers(stated) if stated.get("type") == "integer" else _texts(stated))
    return [(text, allowed) for text, allowed in found.items() if text]


def declared_values(schema: Json) -> list[str]:
    """
    The values that a schema lists, or at its limits: each may lead to a branch of its own.
    """
    stated = schema if isinstance(schema, dict) else {}
    if stated.get("type") == "boolean":
        return ["true", "false"]
    if stated.get("type") == "integer":
        return [text for text, allowed in _numbers(stated) if allowed]
    return _words(stated)


def _words(schema: JsonDocument) -> list[str]:
    listed = schema.get("enum")
    words = listed if isinstance(listed, list) else [schema["const"]] if "const" in schema else []
    return [word for word in words if isinstance(word, str) and word]


def _numbers(schema: JsonDocument) -> Iterator[tuple[str, bool]]:
    least, most = schema.get("minimum"), schema.get("maximum")
    for limit, beyond in ((least, -1), (most, 1)):
        if isinstance(limit, int):
            yield str(limit), True
            yield str(limit + beyond), False
    for number in _INTEGERS:
        is_over = isinstance(most, int) and number > most
        yield str(number), not is_over


def _texts(schema: JsonDocument) -> Iterator[tuple[str, bool]]:
    least, most = schema.get("minLength"), schema.get("maxLength")
    # What else a pattern or a format asks for, no length alone can tell.
    is_free = not {"pattern", "format"} & schema.keys()
    lengths = {
        limit + beside
        for limit in (least, most)
        if isinstance(limit, int) and limit < _LONGEST
        for beside in (-1, 0, 1)
    }
    for length in sorted(lengths or _LENGTHS):
        is_within = (not isinstance(least, int) or length >= least) and (
            not isinstance(most, int) or length <= most
        )
        yield "7" * length, is_free and is_within
    for number in _INTEGERS:
        yield str(number), False
