"""
The schemas that an operation needs, in one dialect: JSON Schema 2020-12.
"""

from __future__ import annotations

import re
from pathlib import Path

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.openapi.files import DocumentFiles, need_mapping

__all__ = ["SchemaExtractor"]

_DROPPED = frozenset(
    {"example", "examples", "xml", "externalDocs", "discriminator"}
    | {"$id", "$schema", "$anchor", "$comment"}
)
"""What says nothing about a value, or would mean something else once cut out."""
_BESIDE_REF = frozenset({"$ref", "description", "summary", "title", "deprecated"})


class SchemaExtractor:
    """
    Copies what the operation refers to into `defs`, in JSON Schema 2020-12.
    """

    def __init__(self, files: DocumentFiles, path: Path, version: str) -> None:
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
        listed = need_mapping(operation.get("responses") or {}, self._path, "`responses`")
        for code, node in listed.items():
            # YAML reads an unquoted 200 as a number.
            name = str(code)
            if name.startswith("x-"):
                continue
            target, base = self._files.deref(node, self._path)
            # A range is written `4XX`; vendors write `4xx`, too.
            key = name.upper() if name.lower() != "default" else "default"
            response = need_mapping(target, base, f"the response {name}")
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
