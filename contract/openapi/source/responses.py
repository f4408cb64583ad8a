"""
Where an operation stands in its document, and what it answers by code and media type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from jobproof.contract.errors import DocumentError, did_you_mean
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.openapi.source.extraction import SchemaExtractor
from jobproof.contract.openapi.source.files import Base, DocumentFiles

__all__ = ["read_path_item", "read_responses"]


def read_path_item(
    files: DocumentFiles, template: str, method: str
) -> Mapping[str, tuple[Json, Base]]:
    """
    The fields of the path item at `template`, each with its base.

    Raises:
        DocumentError: There is no such path, or its path item leads nowhere.
    """
    node, base = _named_item(files, template)
    fields: dict[str, tuple[Json, Base]] = {}
    # What stands beside a path item's `$ref` is undefined (3.1.1, 4.8.9.1); vendors mean both,
    # and the nearer one where the two disagree.
    seen: set[int] = set()
    while True:
        item = node if isinstance(node, dict) else None
        if item is None:
            raise DocumentError(f"{base.file}: the path {template} is no mapping")
        if id(item) in seen:
            raise DocumentError(f"{base.file}: $ref {item['$ref']!r} leads back to itself")
        seen.add(id(item))
        files.refuse_twice(item, base, (method, "$ref", "parameters"))
        for key, value in item.items():
            fields.setdefault(str(key), (value, base))
        if not isinstance(item.get("$ref"), str):
            return fields
        node, base = files.lookup(item["$ref"], base)


def _named_item(files: DocumentFiles, template: str) -> tuple[Json, Base]:
    path = files.base.file
    node, base = files.deref(files.root.get("paths"), files.base)
    if not isinstance(node, dict):
        raise DocumentError(f"{path}: the document has no `paths`")
    paths: Mapping[str, Json] = node
    shape = _shape(template)
    # A parameter's name is no part of what a path matches.
    alike = [name for name in paths if name == template or _shape(name) == shape]
    if not alike:
        raise DocumentError(f"{path}: no path {template!r}. {did_you_mean(template, paths)}")
    name = template if template in alike else alike[0]
    files.refuse_twice(paths, base, [name])
    return paths[name], base


def _shape(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


def read_responses(
    files: DocumentFiles,
    extractor: SchemaExtractor,
    operation: JsonDocument,
    base: Base,
    *,
    is_swagger: bool,
) -> dict[str, JsonDocument]:
    """
    The responses by code, `4XX` or `default`, their schemas copied by `extractor`.
    """
    # Swagger 2 names media types once for the document; an operation may have its own.
    stated = operation.get("produces") or files.root.get("produces")
    produces = [str(each) for each in (stated if isinstance(stated, list) else ())]
    found: dict[str, JsonDocument] = {}
    node, at = files.deref(operation.get("responses"), base)
    listed = files.mapping({} if node is None else node, at, "`responses`")
    for name, node in listed.items():
        if name.startswith("x-"):
            continue
        target, where = files.deref(node, at)
        response = files.mapping(target, where, f"the response {name}")
        # A range is written `4XX`; vendors write `4xx`, too.
        key = name.upper() if name.lower() != "default" else "default"
        content = (
            _swagger_content(extractor, response, where, produces)
            if is_swagger
            else _content(files, extractor, response, where)
        )
        described: JsonDocument = {"description": str(response.get("description", ""))}
        found[key] = {**described, "content": content} if content else described
    # Each code would count as undocumented, and each finding would blame the server.
    if not found:
        raise DocumentError(f"{base.file}: the operation documents no response at all")
    return found


def _swagger_content(
    extractor: SchemaExtractor, response: JsonDocument, base: Base, produces: list[str]
) -> JsonObject:
    if "schema" not in response:
        return {}
    schema = extractor.schema(response["schema"], base)
    return {media: {"schema": schema} for media in produces or ["application/json"]}


def _content(
    files: DocumentFiles, extractor: SchemaExtractor, response: JsonDocument, base: Base
) -> JsonObject:
    node, at = files.deref(response.get("content"), base)
    content: JsonObject = {}
    for media, entry in files.mapping({} if node is None else node, at, "`content`").items():
        described, where = files.deref(entry, at)
        schema = None
        if isinstance(described, dict):
            files.refuse_twice(described, where)
            schema = described.get("schema")
        content[media] = {} if schema is None else {"schema": extractor.schema(schema, where)}
    return content
