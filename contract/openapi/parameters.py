"""
The parameters that an operation takes, and the values that its document already gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobproof.contract.formats.json_value import Json, JsonDocument

__all__ = ["Parameter", "read_parameters"]

_PLACES = ("path", "query", "header", "cookie")
# What OpenAPI leaves to other keywords (3.1.1, 4.8.12.2): a parameter of that name is ignored.
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    One parameter of the operation.

    Attributes:
        place: `path`, `query`, `header` or `cookie`.
        value: As it is written into a request, where the document leaves one choice alone: a
            sole `enum` value, `const` or `default`; else None.
    """

    name: str
    place: str
    required: bool
    value: str | None = None


def read_parameters(
    item: Iterable[JsonDocument], operation: Iterable[JsonDocument]
) -> tuple[Parameter, ...]:
    """
    The parameters of a path item and of one operation on it, references followed.

    The operation's take the place of the path item's of the same name and place.
    """
    found: dict[tuple[str, str], Parameter] = {}
    for node in (*item, *operation):
        name, place = str(node.get("name", "")), str(node.get("in", "")).lower()
        if not name or place not in _PLACES:
            continue
        if place == "header" and name.lower() in _NOT_PARAMETERS:
            continue
        required = place == "path" or node.get("required") is True
        found[name, place] = Parameter(name, place, required, _sole_value(node))
    return tuple(found.values())


def _sole_value(node: JsonDocument) -> str | None:
    schema = node.get("schema")
    # Swagger 2 writes the keywords of a schema beside the name.
    described = schema if isinstance(schema, Mapping) else node
    words = described.get("enum")
    if "const" in described:
        return _written(described["const"])
    if isinstance(words, list) and len(words) == 1:
        return _written(words[0])
    return _written(described["default"]) if "default" in described else None


def _written(value: Json) -> str | None:
    """
    A value as it stands in a URL or a header; None where that takes a style of its own.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
