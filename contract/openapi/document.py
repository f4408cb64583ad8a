"""
The one operation inside an OpenAPI document: its codes, media types and schemas.

Vendors' documents are large and have defects; only what the operation needs is read,
so a fault elsewhere in the file doesn't matter. Json OpenAPI 3.x and Swagger 2.0 are
brought to one form, JSON Schema 2020-12 with formats asserted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import jsonschema_rs
import yaml

from jobproof.contract.errors import DocumentError, did_you_mean
from jobproof.contract.formats.json_pointer import resolve
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.formats.text_file import read_text
from jobproof.contract.formats.yaml_file import PlainLoader
from jobproof.contract.openapi.parameters import Parameter, read_parameters
from jobproof.contract.openapi.schema import Content, ResponseSpec
from jobproof.contract.openapi.security import Security, read_security

__all__ = ["Operation", "read_operation"]

_DROPPED = frozenset(
    {"example", "examples", "xml", "externalDocs", "discriminator"}
    | {"$id", "$schema", "$anchor", "$comment"}
)
"""What says nothing about a value, or would mean something else once cut out."""
_BESIDE_REF = frozenset({"$ref", "description", "summary", "title", "deprecated"})
# QUERY is among them since OpenAPI 3.2.
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")


@dataclass(frozen=True, slots=True)
class Operation:
    """
    The operation, cut out of its document.

    Attributes:
        responses: By documented code.
        document: A small OpenAPI 3.1 document that holds this operation alone.
        digest: SHA-256 of the operation's meaning; examples and prose don't change it.
        version: The document's own `openapi` or `swagger` version.
        security: Which credential it asks for.
        parameters: All that it takes, the one of the job's id included.
        notes: What of the document couldn't be used, and was left out; a line each.
    """

    method: str
    path: str
    parameter: str
    responses: Mapping[str, ResponseSpec]
    document: JsonDocument
    digest: str
    version: str
    others: frozenset[str]
    """Methods that the document declares on the same path."""
    security: Security = field(default_factory=Security)
    parameters: tuple[Parameter, ...] = ()
    notes: tuple[str, ...] = ()

    def response_for(self, code: int) -> ResponseSpec | None:
        """
        What the document says of `code`: exactly, by range, or by `default`.
        """
        return (
            self.responses.get(str(code))
            or self.responses.get(f"{code // 100}XX")
            or self.responses.get("default")
        )


def read_operation(path: Path, *, method: str, template: str, parameter: str) -> Operation:
    """
    Cut one operation out of the document at `path`.

    Args:
        template: The path as the document spells it, or with other parameter names.

    Raises:
        DocumentError: The file can't be read, is no OpenAPI document, lacks the
            operation, or what the operation needs can't be resolved.
    """
    files = _Files()
    root = files.load(path)
    version = str(root.get("openapi") or root.get("swagger") or "")
    if not version.startswith(("2.", "3.")):
        raise DocumentError(f"{path}: no OpenAPI document: it has no key `openapi` or `swagger`")
    node, base = files.deref(_path_item(path, root, template), path)
    item = _need_mapping(node, base, f"the path {template}")
    if method not in item:
        listed = ", ".join(m.upper() for m in _METHODS if m in item) or "none"
        raise DocumentError(f"{path}: {template} has no {method.upper()}; it has: {listed}")
    raw = _need_mapping(item[method], base, f"{method.upper()} {template}")
    extractor = _SchemaExtractor(files, base, version)
    responses = extractor.responses(raw, root)
    document = _as_document(root, template, method, parameter, raw, responses, extractor.defs)
    specs = {code: _spec(code, r, extractor.defs, path) for code, r in responses.items()}
    meaning: JsonDocument = {
        "responses": responses,
        "defs": extractor.defs,
        "path": template,
        "method": method,
    }
    return Operation(
        method=method.upper(),
        path=template,
        parameter=parameter,
        responses=specs,
        document=document,
        digest=hashlib.sha256(_canonical(meaning).encode()).hexdigest(),
        version=version,
        others=frozenset(m.upper() for m in _METHODS if m in item and m != method),
        security=_security(files, base, root, raw, f"{method.upper()} {template}"),
        parameters=read_parameters(
            _parameter_nodes(files, base, item), _parameter_nodes(files, base, raw)
        ),
    )


def _security(
    files: _Files, base: Path, root: JsonDocument, raw: JsonDocument, operation_name: str
) -> Security:
    components = root.get("components")
    schemes = root.get("securityDefinitions") or (
        components.get("securitySchemes") if isinstance(components, dict) else None
    )
    followed = {
        str(name): files.deref(node, base)[0]
        for name, node in (schemes if isinstance(schemes, dict) else {}).items()
    }
    return read_security(raw, root, followed, operation_name)


def _parameter_nodes(files: _Files, base: Path, owner: JsonDocument) -> list[JsonDocument]:
    listed = owner.get("parameters")
    nodes = (files.deref(node, base)[0] for node in (listed if isinstance(listed, list) else ()))
    return [node for node in nodes if isinstance(node, dict)]


class _Files:
    """
    The document and the files it refers to, each read once.
    """

    def __init__(self) -> None:
        self._loaded: dict[Path, JsonDocument] = {}

    def load(self, path: Path) -> JsonDocument:
        # By its real path, so that two spellings of one file are one.
        path = path.resolve()
        if path not in self._loaded:
            self._loaded[path] = _parse(path)
        return self._loaded[path]

    def deref(self, node: Json, base: Path) -> tuple[Json, Path]:
        """
        `node` behind its `$ref`s, and the file it stands in.
        """
        seen: set[tuple[Path, str]] = set()
        # A reference may lead to a reference, in another file, too.
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            key = (base, node["$ref"])
            if key in seen:
                raise DocumentError(f"{base}: $ref {node['$ref']!r} leads back to itself")
            seen.add(key)
            node, base = self.lookup(node["$ref"], base)
        return node, base

    def lookup(self, ref: str, base: Path) -> tuple[Json, Path]:
        """
        What `ref`, written in the file `base`, points at.
        """
        where, _, fragment = ref.partition("#")
        # A test run depends on no network, and reads nothing that a document's author put
        # elsewhere.
        if where.startswith(("http://", "https://", "//")):
            raise DocumentError(
                f"{base}: $ref {ref!r} is on the network; save the file beside the document "
                "and refer to it there"
            )
        if fragment and not fragment.startswith("/"):
            raise DocumentError(f"{base}: $ref {ref!r} is an anchor; write '#/components/...'")
        target = (base.parent / unquote(where)).resolve() if where else base
        # A fragment is percent-encoded as any part of a URL (RFC 6901 6).
        found, node = resolve(self.load(target), unquote(fragment))
        if not found:
            raise DocumentError(f"{base}: $ref {ref!r} points at nothing")
        return node, target


def _parse(path: Path) -> JsonDocument:
    text = read_text(path, DocumentError)
    try:
        # JSON is mostly YAML, too, but PyYAML is far slower and refuses tabs between its tokens.
        value = json.loads(text) if text.lstrip()[:1] in "{[" and text.strip() else _yaml(text)
    except json.JSONDecodeError as exc:
        raise DocumentError(f"{path}:{exc.lineno}: not JSON: {exc.msg}") from None
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise DocumentError(
            f"{path}{line}: not YAML: {getattr(exc, 'problem', None) or exc}"
        ) from None
    if not isinstance(value, dict):
        raise DocumentError(f"{path}: no OpenAPI document: the top is no mapping")
    return value


def _need_mapping(node: Json, path: Path, what: str) -> JsonDocument:
    if not isinstance(node, dict):
        raise DocumentError(f"{path}: {what} is no mapping")
    return node


def _yaml(text: str) -> Json:
    value: Json = yaml.load(text, Loader=PlainLoader)  # noqa: S506 -- a SafeLoader without dates
    return value


def _path_item(path: Path, root: JsonDocument, template: str) -> Json:
    paths = root.get("paths")
    if not isinstance(paths, dict):
        raise DocumentError(f"{path}: the document has no `paths`")
    if template in paths:
        found: Json = paths[template]
        return found
    shape = _shape(template)
    item: Json
    for candidate, item in paths.items():
        # A parameter's name is no part of what a path matches.
        if _shape(str(candidate)) == shape:
            return item
    raise DocumentError(f"{path}: no path {template!r}. {did_you_mean(template, map(str, paths))}")


def _shape(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


class _SchemaExtractor:
    """
    Copies what the operation refers to into `defs`, in JSON Schema 2020-12.
    """

    def __init__(self, files: _Files, path: Path, version: str) -> None:
        self._files = files
        self._path = path.resolve()
        self._swagger = version.startswith("2.")
        # Until 3.0 a schema is a dialect of its own, with `nullable` and no `$ref` siblings.
        self._is_pre_3_1 = version.startswith(("2.", "3.0"))
        self._names: dict[tuple[Path, str], str] = {}
        self.defs: JsonObject = {}

    def responses(self, operation: JsonDocument, root: JsonDocument) -> dict[str, JsonDocument]:
        # Swagger 2 names media types once for the document; an operation may have its own.
        produces = operation.get("produces") or root.get("produces") or ["application/json"]
        found: dict[str, JsonDocument] = {}
        listed = _need_mapping(operation.get("responses") or {}, self._path, "`responses`")
        for code, node in listed.items():
            # YAML reads an unquoted 200 as a number.
            name = str(code)
            if name.startswith("x-"):
                continue
            target, base = self._files.deref(node, self._path)
            # A range is written `4XX`; vendors write `4xx`, too.
            key = name.upper() if name.lower() != "default" else "default"
            response = _need_mapping(target, base, f"the response {name}")
            found[key] = self._response(response, base, produces)
        # Each code would count as undocumented, and each finding would blame the server.
        if not found:
            raise DocumentError(f"{self._path}: the operation documents no response at all")
        return found

    def _response(self, response: JsonDocument, base: Path, produces: list[str]) -> JsonDocument:
        content: JsonObject = {}
        if self._swagger:
            if "schema" in response:
                schema = self.schema(response["schema"], base)
                content = {media: {"schema": schema} for media in produces}
        else:
            for media, node in (response.get("content") or {}).items():
                entry, entry_base = self._files.deref(node, base)
                schema = entry.get("schema") if isinstance(entry, dict) else None
                content[media] = (
                    {} if schema is None else {"schema": self.schema(schema, entry_base)}
                )
        described: JsonDocument = {"description": str(response.get("description", ""))}
        return {**described, "content": content} if content else described

    def schema(self, node: Json, base: Path) -> Json:
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            return self._reference(node, base)
        out = {
            str(key): self._keyword(key, value, base)
            for key, value in node.items()
            if key not in _DROPPED and (key == "x-nullable" or not str(key).startswith("x-"))
        }
        if self._is_pre_3_1:
            _upgrade(out)
        return out

    def _keyword(self, key: str, value: Json, base: Path) -> Json:
        # The keys here are names of the vendor's own, so none is dropped as a keyword.
        if key in ("properties", "patternProperties", "$defs", "definitions") and isinstance(
            value, dict
        ):
            return {str(name): self.schema(sub, base) for name, sub in value.items()}
        # These hold values: a `$ref` in one of them is data.
        if isinstance(value, dict) and key not in ("enum", "const", "default"):
            return self.schema(value, base)
        if isinstance(value, list) and key in ("allOf", "anyOf", "oneOf", "prefixItems"):
            return [self.schema(sub, base) for sub in value]
        return value

    def _reference(self, node: JsonDocument, base: Path) -> JsonObject:
        target, where = self._files.lookup(str(node["$ref"]), base)
        self._files.deref(target, where)  # a circle of nothing but references is a mistake
        fragment = str(node["$ref"]).partition("#")[2]
        key = (where, fragment)
        if key not in self._names:
            tail = fragment.rsplit("/", 1)[-1] or where.stem
            stem = re.sub(r"[^A-Za-z0-9_.-]", "_", tail)
            # Two files may each have a schema of the same name.
            name = stem if stem not in self.defs else f"{stem}_{len(self.defs)}"
            self._names[key] = name
            self.defs[name] = True  # taken, so that a schema may contain itself
            self.defs[name] = self.schema(target, where)
        out: JsonObject = {"$ref": f"#/$defs/{self._names[key]}"}
        if self._is_pre_3_1:
            # 3.0 ignores what stands beside a `$ref`, yet vendors write `nullable` there and mean
            # it.
            nullable = node.get("nullable") or node.get("x-nullable")
            return {"anyOf": [out, {"type": "null"}]} if nullable else out
        siblings = self.schema({k: v for k, v in node.items() if k not in _BESIDE_REF}, base)
        return {"allOf": [out, siblings]} if siblings else out


def _upgrade(schema: JsonObject) -> None:
    """
    Bring a Swagger 2 or OpenAPI 3.0 schema object to JSON Schema 2020-12.
    """
    nullable = schema.pop("nullable", False) or schema.pop("x-nullable", False)
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


def _spec(code: str, response: JsonDocument, defs: JsonDocument, path: Path) -> ResponseSpec:
    contents = []
    for media, entry in response.get("content", {}).items():
        schema = entry.get("schema")
        if isinstance(schema, dict):
            # Each is compiled by itself, so each carries all definitions that it may refer to.
            schema = {**schema, "$defs": dict(defs)} if defs else schema
        elif schema is True:
            schema = {}
        try:
            contents.append(Content(media, schema))
        except (ValueError, jsonschema_rs.ReferencingError) as exc:
            reason = str(exc).partition("\n")[0]
            raise DocumentError(
                f"{path}: the schema of {code} {media} can't be used: {reason}"
            ) from None
    return ResponseSpec(code, response["description"], tuple(contents))


def _as_document(
    root: JsonDocument,
    template: str,
    method: str,
    parameter: str,
    raw: JsonDocument,
    responses: Mapping[str, JsonDocument],
    defs: JsonDocument,
) -> JsonObject:
    info = root.get("info") or {}
    return {
        "openapi": "3.1.0",
        "info": {"title": str(info.get("title", "")), "version": str(info.get("version", ""))},
        "paths": {
            template: {
                method: {
                    "summary": str(raw.get("summary", "")),
                    "parameters": [
                        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
                        for name in re.findall(r"\{([^}]*)\}", template) or [parameter]
                    ],
                    "responses": _rebased(responses),
                }
            }
        },
        "components": {"schemas": _rebased(dict(defs))},
    }


def _rebased(node: Json) -> Json:
    if isinstance(node, dict):
        return {
            # JSON Schema keeps definitions under `$defs`, OpenAPI under `components`.
            key: value.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref" and isinstance(value, str)
            else _rebased(value)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rebased(item) for item in node]
    return node


def _canonical(meaning: Json) -> str:
    return json.dumps(_without_prose(meaning), sort_keys=True, separators=(",", ":"))


def _without_prose(node: Json, *, names: bool = False) -> Json:
    if isinstance(node, dict):
        return {
            # Under `properties`, `title` is the name of a field and no prose.
            key: _without_prose(value, names=key in ("properties", "patternProperties"))
            for key, value in node.items()
            if names or key not in ("description", "title", "summary", "example", "examples")
        }
    if isinstance(node, list):
        return [_without_prose(item) for item in node]
    return node
