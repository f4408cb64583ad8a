"""
A schema with its patterns in the engine's syntax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.openapi.keywords import schemas_below
from jobproof.contract.openapi.patterns.ecma_pattern import engine_pattern

__all__ = ["UsableSchema", "with_engine_patterns"]


@dataclass(frozen=True, slots=True)
class UsableSchema:
    """
    A schema whose patterns the engine can match.

    Attributes:
        originals: Each pattern as the document writes it, by the engine's.
        unused: Patterns left out, each with the JSON Pointer of the schema that it stood in.
    """

    schema: JsonDocument
    originals: Mapping[str, str]
    unused: tuple[tuple[str, str], ...]


def with_engine_patterns(schema: JsonDocument) -> UsableSchema:
    """
    `schema` with each pattern in the engine's syntax, or without it where there is none.
    """
    originals: dict[str, str] = {}
    unused: list[tuple[str, str]] = []

    def used(pattern: Json, at: str) -> Json:
        written = engine_pattern(pattern) if isinstance(pattern, str) else None
        if written is None:
            unused.append((at, str(pattern)))
        else:
            originals[written] = str(pattern)
        return written

    def rewritten(node: JsonDocument, at: str) -> JsonObject:
        out = dict(node)
        for steps, below in schemas_below(node):
            if isinstance(below, dict):
                _put(out, node, steps, rewritten(below, "/".join((at, *map(escape, steps)))))
        if isinstance(node.get("pattern"), str):
            out["pattern"] = used(node["pattern"], at)
            if out["pattern"] is None:
                del out["pattern"]
        if isinstance(node.get("patternProperties"), dict):
            known = {used(name, at): sub for name, sub in out["patternProperties"].items()}
            if known.pop(None, None) is not None:
                # Which keys remain for these is no longer known.
                out.pop("additionalProperties", None)
                out.pop("unevaluatedProperties", None)
            out["patternProperties"] = known
        return out

    return UsableSchema(rewritten(schema, ""), originals, tuple(unused))


def _put(out: JsonObject, node: JsonDocument, steps: tuple[str, ...], new: Json) -> None:
    """
    Replace one schema of a copy, whose lists and mappings may still be those of `node`.
    """
    keyword = steps[0]
    if len(steps) == 1:
        out[keyword] = new
        return
    if out[keyword] is node[keyword]:
        out[keyword] = node[keyword].copy()
    holder: Any = out[keyword]
    holder[int(steps[1]) if isinstance(holder, list) else steps[1]] = new
