"""
The schemas that an operation needs, in one dialect: JSON Schema 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.openapi.keywords import (
    LISTS_OF_SCHEMAS,
    NAMES_OF_SCHEMAS,
    SCHEMAS,
    VALUES,
)
from jobproof.contract.openapi.source.files import Base, DocumentFiles

__all__ = ["SchemaExtractor"]

# Definitions are copied where something refers to them, and only then.
_COPIED = (SCHEMAS | LISTS_OF_SCHEMAS | NAMES_OF_SCHEMAS | VALUES) - {"$defs"}
_NAMES = NAMES_OF_SCHEMAS - {"$defs"}
# What `if` and `not` ask is asked of the answer as it is, without what isn't sent.
_SAME_OBJECT = frozenset({"allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas"})
# A definition is one however often it is referred to; this many stand for a bomb of aliases.
_MOST_VALUES = 100_000
_MOST_LEVELS = 100


@dataclass(frozen=True, slots=True)
class _Context:
    """
    What of the surroundings a schema's meaning depends on.

    Attributes:
        dynamic: Where each `$dynamicRef` leads, by its name: the outermost resource decides.
        unsent: Properties of the object in question that no answer has, being `writeOnly`.
        level: How deep in the copy it stands.
    """

    base: Base
    dynamic: Mapping[str, tuple[Json, Base]] = field(default_factory=dict)
    unsent: frozenset[str] = frozenset()
    level: int = 0

    def below(self) -> _Context:
        return replace(self, unsent=frozenset())


class SchemaExtractor:
    """
    Copies what the operation refers to into `defs`.
    """

    def __init__(self, files: DocumentFiles, version: str) -> None:
        self._files = files
        # Until 3.0 a schema is a dialect of its own, with `nullable` and no `$ref` siblings.
        self._is_pre_3_1 = version.startswith(("2.", "3.0"))
        self._names: dict[tuple[object, ...], str] = {}
        self._waiting: list[tuple[str, Json, _Context]] = []
        self._values = 0
        self.defs: JsonObject = {}

    def schema(self, node: Json, base: Base) -> Json:
        """
        One schema, with every `$ref` leading into `defs`.

        Raises:
            DocumentError: What it refers to isn't there, or it has no end.
        """
        out = self._schema(node, self._entered(node, _Context(base)))
        # One after the other: a long chain of references is no deep nesting.
        while self._waiting:
            name, target, context = self._waiting.pop(0)
            self.defs[name] = self._schema(target, context)
        return out

    def _entered(self, node: Json, context: _Context) -> _Context:
        """
        The context inside of `node`, which may be a resource of its own.
        """
        base = self._files.within(node, context.base)
        anchors = self._files.dynamic_anchors(base)
        if base is context.base and not anchors:
            return context
        found = {name: (schema, base) for name, schema in anchors.items()}
        return replace(context, base=base, dynamic={**found, **context.dynamic})

    def _count(self, base: Base, level: int) -> None:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise DocumentError(
                f"{base.file}: the schemas come to more than {_MOST_VALUES:,} values: aliases of "
                "aliases, perhaps; refer to a schema with `$ref` instead"
            )
        if level > _MOST_LEVELS:
            raise DocumentError(
                f"{base.file}: a schema is nested deeper than {_MOST_LEVELS} levels; give its "
                "parts names and refer to them with `$ref`"
            )

    def _schema(self, node: Json, context: _Context) -> Json:
        if self._files.within(node, context.base) is not context.base:
            context = self._entered(node, context)
        # Not replace(): this is done for every value, and it takes four times as long.
        context = _Context(context.base, context.dynamic, context.unsent, context.level + 1)
        self._count(context.base, context.level)
        if not isinstance(node, dict):
            return node
        self._files.refuse_twice(node, context.base)
        self._files.refuse_circle(node, context.base)
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(node.get(keyword), str):
                return self._reference(node, keyword, context)
            if keyword in node:
                raise DocumentError(f"{context.base.file}: the {keyword} of a schema is no text")
        return self._keywords(node, context)

    def _keywords(self, node: JsonDocument, context: _Context) -> JsonObject:
        # What must hold passes on what isn't sent; one alternative says nothing of another.
        always = context.unsent | self._unsent(node, context, choices=False)
        ever = always | self._unsent(node, context, choices=True)
        context = replace(context, unsent=always)
        out: JsonObject = {}
        for key, value in node.items():
            # A keyword with nothing after it says nothing; null itself is a value for two.
            if key in _COPIED and (value is not None or key in ("const", "default")):
                out[key] = self._keyword(key, value, context, ever)
        if "oneOf" in out and ever & self._required({"anyOf": node["oneOf"]}, context):
            # Without what isn't sent, two alternatives may read alike.
            out["allOf"] = [*_listed(out.get("allOf")), {"anyOf": out.pop("oneOf")}]
        if isinstance(out.get("items"), list):
            # Until 2019-09 a list of schemas stood here, and what follows it under another name.
            out["prefixItems"] = out.pop("items")
            if "additionalItems" in out:
                out["items"] = out["additionalItems"]
        out.pop("additionalItems", None)
        if self._is_pre_3_1:
            _upgrade(out)
        return out

    def _keyword(self, key: str, value: Json, context: _Context, ever: frozenset[str]) -> Json:
        if key in VALUES:
            data = self._value(value, context.base, context.level)
            if key == "type" and isinstance(data, list):
                return ["null" if each is None else each for each in data]  # YAML's bare null
            if key == "required":
                return _without(data, ever)
            if key == "dependentRequired" and isinstance(data, dict):
                return {name: _without(names, ever) for name, names in data.items()}
            return data
        inner = context if key in _SAME_OBJECT else context.below()
        if key in _NAMES and isinstance(value, dict):
            self._files.refuse_twice(value, context.base)
            return {str(name): self._schema(sub, inner) for name, sub in value.items()}
        if isinstance(value, list):
            return [self._schema(sub, inner) for sub in value]
        return self._schema(value, inner)

    def _value(self, value: Json, base: Base, level: int) -> Json:
        self._count(base, level)
        if isinstance(value, dict):
            self._files.refuse_circle(value, base)
            return {str(k): self._value(v, base, level + 1) for k, v in value.items()}
        if isinstance(value, list):
            self._files.refuse_circle(value, base)
            return [self._value(v, base, level + 1) for v in value]
        return value

    def _target(self, node: JsonDocument, keyword: str, context: _Context) -> tuple[Json, Base]:
        target, base = self._files.lookup(str(node[keyword]), context.base)
        if keyword == "$dynamicRef" and isinstance(target, dict):
            # Only a reference that first leads to a dynamic anchor is dynamic at all.
            name = str(node[keyword]).partition("#")[2]
            if target.get("$dynamicAnchor") == name and name in context.dynamic:
                return context.dynamic[name]
        return target, base

    def _reference(self, node: JsonDocument, keyword: str, context: _Context) -> JsonObject:
        target, base = self._target(node, keyword, context)
        self._files.deref(target, base)  # a circle of nothing but references is a mistake
        nullable = node.get("nullable") or node.get("x-nullable")
        unsent = context.unsent | self._unsent(node, context, choices=False)
        inside = self._entered(target, replace(context, base=base, level=0))
        # As part of the name, only what can change something there.
        unsent = unsent and unsent & self._required(target, inside)
        inside = replace(inside, unsent=unsent)
        fragment = str(node[keyword]).partition("#")[2]
        name = self._definition(target, inside, fragment.rsplit("/", 1)[-1])
        out: JsonObject = {"$ref": f"#/$defs/{name}"}
        if self._is_pre_3_1:
            # 3.0 ignores what stands beside a `$ref`, yet vendors write `nullable` there and mean
            # it.
            return {"anyOf": [out, {"type": "null"}]} if nullable else out
        beside = {key: value for key, value in node.items() if key not in ("$ref", keyword)}
        return {**out, **self._keywords(beside, replace(context, unsent=unsent | context.unsent))}

    def _definition(self, target: Json, context: _Context, tail: str) -> str:
        dynamic = sorted((n, id(schema)) for n, (schema, _) in context.dynamic.items())
        where = id(target) if isinstance(target, dict) else repr(target)
        key = (id(context.base.root), where, tuple(dynamic), context.unsent)
        if key not in self._names:
            stem = re.sub(r"[^A-Za-z0-9_.-]", "_", tail) or _stem(context.base.file)
            # Two files may each have a schema of the same name.
            name = stem if stem not in self.defs else f"{stem}_{len(self.defs)}"
            self._names[key] = name
            self.defs[name] = True  # taken; a schema may contain itself
            self._waiting.append((name, target, context))
        return self._names[key]

    def _unsent(self, node: JsonDocument, context: _Context, *, choices: bool) -> frozenset[str]:
        """
        The `writeOnly` properties of an object: no answer has one (OpenAPI 3.0.3, 4.7.24.2).
        """
        if not self._files.mention("writeOnly"):
            return frozenset()
        return frozenset(
            str(name)
            for part, base in self._parts(node, context.base, choices=choices)
            if isinstance(part.get("properties"), dict)
            for name, schema in part["properties"].items()
            if any(
                each.get("writeOnly") is True
                for each, _ in self._parts(schema, base, choices=False)
            )
        )

    def _required(self, node: Json, context: _Context) -> frozenset[str]:
        return frozenset(
            name
            for part, _ in self._parts(node, context.base, choices=True)
            for key in ("required", "dependentRequired")
            for name in _texts(part.get(key))
        )

    def _parts(
        self, node: Json, base: Base, *, choices: bool
    ) -> Iterator[tuple[JsonDocument, Base]]:
        """
        A schema and all that it is put together from; alternatives with `choices`.
        """
        keywords = ("allOf", "anyOf", "oneOf") if choices else ("allOf",)
        waiting: list[tuple[Json, Base]] = [(node, base)]
        seen: set[int] = set()
        while waiting:
            part, base = waiting.pop()
            if not isinstance(part, dict) or id(part) in seen:
                continue
            seen.add(id(part))
            base = self._files.within(part, base)
            yield part, base
            if isinstance(part.get("$ref"), str):
                waiting.append(self._files.lookup(part["$ref"], base))
            for keyword in keywords:
                waiting.extend((each, base) for each in _listed(part.get(keyword)))
            if choices:
                waiting.extend((part.get(keyword), base) for keyword in ("then", "else"))
            dependent = part.get("dependentSchemas") if choices else None
            if isinstance(dependent, dict):
                waiting.extend((each, base) for each in dependent.values())


def _stem(file: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", file.stem)


def _texts(value: Json) -> Iterator[str]:
    listed = value.values() if isinstance(value, dict) else [value]
    for each in listed:
        yield from (item for item in _listed(each) if isinstance(item, str))


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _without(names: Json, unsent: frozenset[str]) -> Json:
    if not isinstance(names, list):
        return names
    return [name for name in names if not (isinstance(name, str) and name in unsent)]


def _upgrade(schema: JsonObject) -> None:
    """
    Bring a Swagger 2 or OpenAPI 3.0 schema object to JSON Schema 2020-12.
    """
    nullable = schema.pop("nullable", False) or schema.pop("x-nullable", False)
    schema.pop("x-nullable", None)
    for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        # Until 3.0 the flag sharpens its neighbour; later it is the bound itself.
        if isinstance(schema.get(flag), bool) and schema.pop(flag) and bound in schema:
            schema[flag] = schema.pop(bound)
    # Swagger 2 writes `file` for a download, which JSON Schema doesn't know.
    if schema.get("type") == "file":
        schema.pop("type")
    composed = any(keyword in schema for keyword in ("allOf", "anyOf", "oneOf"))
    if nullable and isinstance(schema.get("type"), str) and not composed:
        schema["type"] = [schema["type"], "null"]
        words = schema.get("enum")
        # Read to the letter, 3.0.3 wants null among the words as well; vendors leave it out.
        if isinstance(words, list) and None not in words:
            schema["enum"] = [*words, None]
    elif nullable:
        whole = dict(schema)
        schema.clear()
        schema["anyOf"] = [whole, {"type": "null"}]
