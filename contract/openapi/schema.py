"""
What a document says of one answer's body: media types, schemas, and names declared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

import jsonschema_rs

from jobproof.contract.formats.digits import is_digits
from jobproof.contract.formats.json_pointer import escape, resolve, walk
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.openapi.constraints import constrains
from jobproof.contract.openapi.media_range import specificity
from jobproof.contract.openapi.patterns.ecma_pattern import PATTERN_OPTIONS
from jobproof.contract.openapi.patterns.usable_schema import with_engine_patterns
from jobproof.contract.openapi.wording import expectation, shown

__all__ = ["Content", "ResponseSpec", "SchemaError"]

# Items of a list are alike, so the first ones show a key that is new.
_MOST_ITEMS = 50
_MOST_BRANCHES = 200
_LONG_LIST = 1_000


@dataclass(frozen=True, slots=True)
class SchemaError:
    """
    One thing about a body that its schema doesn't allow.

    Attributes:
        at: JSON Pointer of the value.
        keyword: The schema keyword that failed: type, enum, format, required, ...
        message: One line.
        found: The value there.
        expected: What it has to be, in words, such as `a string or null`; one line.
        missing: The keys that `required` asks for in vain, all of them.
    """

    at: str
    keyword: str
    message: str
    found: Json
    expected: str = ""
    missing: tuple[str, ...] = ()


class Content:
    """
    One documented media type of one documented code.
    """

    __slots__ = (
        *("_patterns", "_root_node", "_validator"),
        *("constrains", "declared", "media_type", "schema", "unused_patterns"),
    )

    def __init__(self, media_type: str, schema: JsonDocument | None) -> None:
        self.media_type = media_type
        self.schema = schema
        usable = with_engine_patterns(schema or {})
        self._patterns = usable.originals
        self.unused_patterns = usable.unused
        """Patterns that can't be matched, with the JSON Pointer of their schema."""
        self._validator = (
            # 2020-12 takes `format` for a remark unless told; a wrong date is a broken promise.
            jsonschema_rs.Draft202012Validator(
                dict(usable.schema), validate_formats=True, pattern_options=PATTERN_OPTIONS
            )
            if schema is not None
            else None
        )
        # Walked last: the validator has refused what is no schema.
        self.declared = frozenset(_declared(schema or {}, schema or {}))
        self._root_node = _SchemaTree(schema or {}).node([schema or {}])
        self.constrains = constrains(usable.schema)
        """Whether any body could break it."""

    def errors(self, value: Json) -> Iterator[SchemaError]:
        """
        Everything in `value` that the schema doesn't allow; an object's missing keys are one.
        """
        # Most bodies are valid, and asking only that is much faster than collecting errors.
        if self._validator is None or self._validator.is_valid(value):
            return
        missing: dict[str, list[str]] = {}
        objects: dict[str, Json] = {}
        failed = (e for error in self._failures(value) for e in _meant(error))
        for error in failed:
            # A text on which the engine gives up is neither right nor wrong.
            if type(error.kind).__name__ in _GIVEN_UP:
                continue
            at = "".join(f"/{escape(str(step))}" for step in error.instance_path)
            found = cast("Json", error.instance)  # what was passed in, so no Decimal
            if _keyword(error) == "required":
                missing.setdefault(at, []).append(str(getattr(error.kind, "property", "")))
                objects[at] = found
                continue
            yield self._error(at, error, found)
        for at, names in missing.items():
            every = tuple(dict.fromkeys(names))
            yield SchemaError(at, "required", _missing(every), objects[at], _wanted(every), every)

    def _failures(self, value: Json) -> Iterator[jsonschema_rs.ValidationError]:
        assert self._validator is not None
        head, is_cut = _head(value)
        failures = iter(self._validator.iter_errors(head))
        if not is_cut:
            return failures
        # All failures of a list are made before the first is told, so of a long one only the
        # beginning is held to the schema; where that is right, the first failure is enough.
        first = next(failures, None)
        if first is not None:
            return chain((first,), failures)
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as exc:
            return iter((exc,))
        return iter(())

    def _error(self, at: str, error: jsonschema_rs.ValidationError, found: Json) -> SchemaError:
        keyword, limit, message = _keyword(error), _limit(error), error.message
        if keyword == "pattern":
            # As the document writes it, and not as the engine reads it.
            limit = self._patterns.get(limit, limit)
            message = f"{shown(json.dumps(found, ensure_ascii=False), 80)} does not match {limit}"
        if keyword in ("anyOf", "oneOf") and (types := _types(error)):
            return SchemaError(at, keyword, shown(message), found, expectation("type", types))
        return SchemaError(at, keyword, shown(message), found, expectation(keyword, limit))

    def undeclared(self, value: Json) -> Iterator[tuple[str, str, frozenset[str]]]:
        """
        Keys in `value` that the schema doesn't name: pointer, key, and the names
        declared at that place. Silent where the schema leaves the place open.
        """
        return _undeclared(value, self._root_node, "")

    def count_undeclared(self, value: Json) -> int:
        """
        How many such keys there are, without a look at each.
        """
        return _count_undeclared(value, self._root_node)

    def names_at(self, pointer: str) -> frozenset[str]:
        """
        The keys that the schema declares for the object at `pointer`.
        """
        node: _SchemaNode | None = self._root_node
        for step in walk(pointer):
            node = node.properties.get(step) if node is not None else None
        return node.names if node is not None else frozenset()

    def allows(self, pointer: str, value: Json) -> bool:
        """
        Whether the schema admits `value` at `pointer`; True where it doesn't speak of it.
        """
        body = value
        for step in reversed(walk(pointer)):
            body = [body] if is_digits(step) else {step: body}
        return not any(e.at == pointer or e.at.startswith(f"{pointer}/") for e in self.errors(body))


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """
    One documented code (`200`, `4XX` or `default`) and its bodies by media type.
    """

    code: str
    description: str
    contents: tuple[Content, ...]

    @property
    def json_media_type(self) -> str | None:
        """
        The first media type of the document that is JSON, in full; None where none is.
        """
        ranged = None
        for content in self.contents:
            plain = content.media_type.partition(";")[0].strip().lower()
            if plain.endswith(("/json", "+json")):
                if "*" not in plain:
                    return content.media_type
                # One type out of the range: a range stands in no answer's header.
                ranged = ranged or plain.replace("*", "problem")
        return ranged

    def content_for(self, media_type: str) -> Content | None:
        """
        The content whose media type or range covers `media_type`: the most specific of them
        (RFC 9110, 12.5.1), whatever their order.

        Args:
            media_type: As a header has it, with or without parameters.
        """
        best, found = 0, None
        for content in self.contents:
            rank = specificity(content.media_type, media_type)
            if rank > best:
                best, found = rank, content
        return found


# The engine's names for a pattern that it couldn't judge.
_GIVEN_UP = ("BacktrackLimitExceeded", "RegexEngineFailure")
# Where the engine says what a keyword asks for; of the others it says nothing that we use.
_LIMITS = (
    *("types", "format", "options", "expected_value", "pattern", "limit", "unexpected"),
    *("multiple_of", "content_encoding", "content_media_type"),
)


def _limit(error: jsonschema_rs.ValidationError) -> Any:
    return next((getattr(error.kind, n) for n in _LIMITS if hasattr(error.kind, n)), None)


def _types(error: jsonschema_rs.ValidationError) -> list[str]:
    """
    The types of all alternatives, where the type is what is wrong with each of them.
    """
    found: list[str] = []
    for branch in getattr(error.kind, "context", ()):
        kinds = [each.kind for each in branch if each.instance_path == error.instance_path]
        types = getattr(kinds[0], "types", None) if len(kinds) == len(branch) == 1 else None
        if types is None:
            return []
        found += types
    return list(dict.fromkeys(found))


def _missing(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return shown(f"{json.dumps(names[0], ensure_ascii=False)} is a required property")
    return f"{_wanted(names).removeprefix('the keys ')} are required properties"


def _wanted(names: tuple[str, ...]) -> str:
    return expectation("required", names)


def _keyword(error: jsonschema_rs.ValidationError) -> str:
    kind = getattr(error.kind, "name", None)
    return str(kind) if kind else type(error.kind).__name__


def _branches(schema: Json, root: JsonDocument) -> Iterator[JsonDocument]:
    """
    `schema` and everything it is put together from.
    """
    stack, seen = [schema], 0
    # A schema may contain itself by `allOf`, where following it would never end.
    while stack and seen < _MOST_BRANCHES:
        node = stack.pop()
        seen += 1
        if not isinstance(node, Mapping):
            continue
        yield node
        reference = node.get("$ref")
        if isinstance(reference, str):
            found, target = resolve(root, reference.partition("#")[2])
            if found:
                stack.append(target)
        for keyword in ("allOf", "anyOf", "oneOf"):
            parts = node.get(keyword)
            stack.extend(parts if isinstance(parts, list) else ())


@dataclass(slots=True)
class _SchemaNode:
    """
    What a schema says of the names at one place; `properties` and `items` lead on.
    """

    names: frozenset[str] = frozenset()
    closed: bool = False
    properties: dict[str, _SchemaNode] = field(default_factory=dict)
    items: _SchemaNode | None = None


class _SchemaTree:
    """
    The places of one schema, each worked out once, however deep it contains itself.
    """

    def __init__(self, root: JsonDocument) -> None:
        self._root = root
        self._nodes: dict[frozenset[int], _SchemaNode] = {}

    def node(self, schemas: list[Json]) -> _SchemaNode:
        """
        The place that all of `schemas` speak of.
        """
        branches = [branch for schema in schemas for branch in _branches(schema, self._root)]
        # By identity: the root holds every branch, so no id is used twice while it lives.
        key = frozenset(id(branch) for branch in branches)
        if key in self._nodes:
            return self._nodes[key]
        # Stored before it is filled, since a schema may contain itself.
        node = self._nodes[key] = _SchemaNode()
        properties: dict[str, list[Json]] = {}
        items: list[Json] = []
        is_open = False
        for branch in branches:
            for name, schema in (branch.get("properties") or {}).items():
                properties.setdefault(name, []).append(schema)
            if "items" in branch:
                items.append(branch["items"])
            is_open |= bool(branch.get("patternProperties") or branch.get("additionalProperties"))
        node.names = frozenset(properties)
        # JSON Schema allows every further key that isn't forbidden. Here a place is open only
        # where the schema says so, or else no new key would ever be noticed.
        node.closed = bool(properties) and not is_open
        node.properties = {name: self.node(found) for name, found in properties.items()}
        node.items = self.node(items) if items else None
        return node


def _undeclared(
    value: Json, node: _SchemaNode, at: str
) -> Iterator[tuple[str, str, frozenset[str]]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in node.names:
                if node.closed:
                    yield f"{at}/{escape(key)}", key, node.names
            # Most are texts, and told by that the quickest.
            elif not isinstance(item, str) and isinstance(item, dict | list):
                yield from _undeclared(item, node.properties[key], f"{at}/{escape(key)}")
    elif isinstance(value, list) and node.items is not None:
        for index, item in enumerate(value[:_MOST_ITEMS]):
            if not isinstance(item, str) and isinstance(item, dict | list):
                yield from _undeclared(item, node.items, f"{at}/{index}")


def _count_undeclared(value: Json, node: _SchemaNode) -> int:
    if isinstance(value, dict):
        known = [name for name in node.names if name in value]
        below = sum(_count_undeclared(value[name], node.properties[name]) for name in known)
        return below + (len(value) - len(known) if node.closed else 0)
    if isinstance(value, list) and node.items is not None:
        return sum(_count_undeclared(item, node.items) for item in value[:_MOST_ITEMS])
    return 0


def _head(value: Json) -> tuple[Json, bool]:
    """
    The value with no more than the first items of long lists, and whether any was long.
    """
    if isinstance(value, list):
        heads = [_head(item) for item in value[:_LONG_LIST]]
        is_cut = len(value) > _LONG_LIST or any(cut for _, cut in heads)
        return ([head for head, _ in heads] if is_cut else value), is_cut
    if isinstance(value, dict):
        parts = {
            key: _head(item)
            for key, item in value.items()
            if isinstance(item, list | dict) and item
        }
        if not any(cut for _, cut in parts.values()):
            return value, False
        return {**value, **{key: head for key, (head, _) in parts.items()}}, True
    return value, False


def _meant(error: jsonschema_rs.ValidationError) -> Iterator[jsonschema_rs.ValidationError]:
    """
    What is wrong in the branch that a value was meant for, where a choice has one for its type;
    else the choice itself.
    """
    # Many generators write each optional value as a choice between it and null.
    branches = getattr(error.kind, "context", None)
    if error.instance is None or not branches:
        yield error
        return
    here = list(error.instance_path)
    fitting = [
        branch
        for branch in branches
        if not any(_keyword(e) == "type" and list(e.instance_path) == here for e in branch)
    ]
    if len(fitting) != 1 or not fitting[0]:
        yield error
        return
    for inner in fitting[0]:
        yield from _meant(inner)


def _declared(schema: Json, root: JsonDocument) -> Iterator[str]:
    for branch in _branches(schema, root):
        yield from branch.get("properties") or {}
