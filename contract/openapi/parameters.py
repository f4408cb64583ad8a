"""
The parameters that an operation takes, and the values that its document already gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.openapi.source.extraction import SchemaExtractor
from jobproof.contract.openapi.source.files import Base, DocumentFiles

__all__ = ["Parameter", "read_parameters"]

_PLACES = ("path", "query", "header", "cookie")
# What OpenAPI leaves to other keywords (3.1.1, 4.8.12.2): a parameter of that name is ignored.
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_MOST_PARTS = 100
_BESIDE = frozenset(
    {"type", "format", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "items"}
    | {"minItems", "maxItems", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    One parameter of the operation.

    Attributes:
        place: `path`, `query`, `header` or `cookie`.
        value: As it is written into a request, where the document leaves one choice alone: a
            sole `enum` value, `const` or `default`; else None.
        schema: Of its values; None where the document gives none that can be read.
    """

    name: str
    place: str
    required: bool
    value: str | None = None
    schema: Json = field(default=None, compare=False, repr=False)


def read_parameters(
    files: DocumentFiles, lists: Iterable[tuple[Json, Base]], extractor: SchemaExtractor
) -> tuple[tuple[Parameter, ...], tuple[str, ...]]:
    """
    The parameters of a path item and then of one operation on it, and a line on each that can't
    be read.

    The operation's take the place of the path item's of the same name and place.

    Args:
        extractor: Takes what the schemas of their values refer to.
    """
    found: dict[tuple[str, str], Parameter] = {}
    notes: list[str] = []
    for listed, base in lists:
        try:
            nodes, at = files.deref(listed, base)
            every = list(nodes) if isinstance(nodes, list) else []
        except DocumentError as exc:
            notes.append(f"{exc}; the parameters there are unknown")
            continue
        for each in every:
            # A broken one may well be one that nobody has to send.
            try:
                node, where = files.deref(each, at)
            except DocumentError as exc:
                notes.append(f"{exc}; that parameter is unknown")
                continue
            if isinstance(node, dict) and (parameter := _parameter(files, node, where, extractor)):
                name = parameter.name
                # Only a header's name reads alike in every case (RFC 9110, 5.1).
                key = name.lower() if parameter.place == "header" else name
                found[key, parameter.place] = parameter
    return tuple(found.values()), tuple(notes)


def _parameter(
    files: DocumentFiles, node: JsonDocument, base: Base, extractor: SchemaExtractor
) -> Parameter | None:
    name, place = str(node.get("name", "")), str(node.get("in", "")).lower()
    if not name or place not in _PLACES:
        return None
    if place == "header" and name.lower() in _NOT_PARAMETERS:
        return None
    files.refuse_twice(node, base)
    required = place == "path" or node.get("required") is True
    schema = _schema(node, base, extractor)
    return Parameter(name, place, required, _value(files, node, base), schema)


def _schema(node: JsonDocument, base: Base, extractor: SchemaExtractor) -> Json:
    """
    What the document says of its values; of one with a media type nothing.
    """
    if "content" in node:
        return None
    # Swagger 2 writes the keywords of a schema beside the name.
    beside = {key: value for key, value in node.items() if key in _BESIDE}
    try:
        return extractor.schema(node.get("schema", beside), base)
    except DocumentError:
        return None  # nothing of it is needed to ask


def _value(files: DocumentFiles, node: JsonDocument, base: Base) -> str | None:
    content = node.get("content")
    if isinstance(content, dict) and len(content) == 1:
        (media, entry), *_ = content.items()
        described = entry if isinstance(entry, dict) else {}
        found, value = _sole_value(files, described.get("schema"), base)
        # A parameter with a media type is written as that media type has it.
        if found and "json" in media.lower():
            return json.dumps(value, separators=(",", ":"))
        return _written(value) if found else None
    # Swagger 2 writes the keywords of a schema beside the name.
    schema = node.get("schema")
    found, value = _sole_value(files, schema if isinstance(schema, dict) else node, base)
    return _written(value) if found else None


def _sole_value(files: DocumentFiles, schema: Json, base: Base) -> tuple[bool, Json]:
    """
    Whether a schema leaves one value alone, or names one that stands for none, and which.
    """
    words: list[Json] | None = None
    defaults: list[Json] = []
    for part in _parts(files, schema, base):
        listed = [part["const"]] if "const" in part else part.get("enum")
        if isinstance(listed, list):
            # null can't be written into a request.
            some = [each for each in listed if each is not None]
            words = some if words is None else [each for each in words if each in some]
        if "default" in part:
            defaults.append(part["default"])
    if words is not None and len(words) == 1:
        return True, words[0]
    return bool(defaults), defaults[0] if defaults else None


def _parts(files: DocumentFiles, schema: Json, base: Base) -> Iterator[JsonDocument]:
    """
    A schema and all that holds with it, by `$ref` and `allOf`, the nearest first.
    """
    waiting: list[tuple[Json, Base]] = [(schema, base)]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part, at = waiting.pop(0)
        if not isinstance(part, dict):
            continue
        at = files.within(part, at)
        yield part
        reference, more = part.get("$ref"), part.get("allOf")
        # Where the reference is broken, nothing is known of the value, and nothing needs it.
        if isinstance(reference, str) and (target := _found(files, reference, at)):
            waiting.append(target)
        waiting.extend((each, at) for each in (more if isinstance(more, list) else ()))


def _found(files: DocumentFiles, reference: str, base: Base) -> tuple[Json, Base] | None:
    try:
        return files.lookup(reference, base)
    except DocumentError:
        return None


def _written(value: Json) -> str | None:
    """
    A value as it stands in a URL or a header; None where that takes a style of its own.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
