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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import jsonschema_rs

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.openapi.keywords import NAMES_OF_SCHEMAS
from jobproof.contract.openapi.parameters import Parameter, read_parameters
from jobproof.contract.openapi.schema import Content, ResponseSpec
from jobproof.contract.openapi.security import Security, read_security
from jobproof.contract.openapi.servers import read_servers
from jobproof.contract.openapi.source.extraction import SchemaExtractor
from jobproof.contract.openapi.source.files import DocumentFiles
from jobproof.contract.openapi.source.responses import read_path_item, read_responses
from jobproof.contract.openapi.wording import quoted, shown

__all__ = ["Operation", "read_operation"]

# QUERY is among them since OpenAPI 3.2.
_SENT = "sent."
"""Begins the names of the schemas of what is sent: an answer's may be called alike."""
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
        servers: Where it is: base URLs, or base paths where no host is stated; `{name}` in one
            stands for any text. None where the document states nothing.
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
    servers: tuple[str, ...] = ()

    def response_for(self, code: int) -> ResponseSpec | None:
        """
        What the document says of `code`: exactly, by range, or by `default`.
        """
        stated = self.responses.get(str(code)) or self.responses.get(f"{code // 100}XX")
        general = self.responses.get("default")
        if stated is not None or general is None:
            return stated
        # Where `default` is all that there is for a success, its schema is of the job: an error
        # is documented by it as well, yet no error is a job.
        if code >= 400 and self._success_is_general:
            return replace(general, contents=())
        return general

    @property
    def _success_is_general(self) -> bool:
        return not any(stated.startswith("2") for stated in self.responses)


def read_operation(
    path: Path, *, method: str, template: str, parameter: str, files: DocumentFiles | None = None
) -> Operation:
    """
    Cut one operation out of the document at `path`.

    Args:
        template: The path as the document spells it, or with other parameter names.
        files: Where they were read already, for another operation.

    Raises:
        DocumentError: The file can't be read, is no OpenAPI document, lacks the
            operation, or what the operation needs can't be resolved.
    """
    files = files or DocumentFiles(path)
    root = files.root
    version = _version(path, root)
    files.refuse_twice(root, files.base, ("openapi", "swagger", "paths", "security", "produces"))
    item = read_path_item(files, template, method)
    if method not in item:
        listed = ", ".join(m.upper() for m in _METHODS if m in item) or "none"
        raise DocumentError(f"{path}: {template} has no {method.upper()}; it has: {listed}")
    name = f"{method.upper()} {template}"
    node, base = files.deref(*item[method])
    raw = files.mapping(node, base, name)
    extractor = SchemaExtractor(files, version)
    responses = read_responses(files, extractor, raw, base, is_swagger=version.startswith("2."))
    specs = {code: _spec(code, r, extractor.defs, path) for code, r in responses.items()}
    meaning: JsonDocument = {
        "responses": responses,
        "defs": extractor.defs,
        "path": template,
        "method": method,
    }
    own = (raw["parameters"], base) if "parameters" in raw else None
    lists = [each for each in (item.get("parameters"), own) if each is not None]
    # Apart from those of the answers: what is sent is described by other rules.
    sent = SchemaExtractor(files, version)
    parameters, notes = read_parameters(files, lists, sent)
    stated = list(_stated(template, parameter, parameters))
    schemas = {name: _rebased(schema) for name, schema in extractor.defs.items()}
    schemas |= {f"{_SENT}{name}": _rebased(schema, _SENT) for name, schema in sent.defs.items()}
    document = _as_document(root, template, method, raw, stated, responses, schemas)
    servers, unusable = read_servers(root, item, raw)
    return Operation(
        method=method.upper(),
        path=template,
        parameter=parameter,
        responses=specs,
        document=document,
        digest=hashlib.sha256(_canonical(meaning).encode()).hexdigest(),
        version=version,
        others=frozenset(m.upper() for m in _METHODS if m in item and m != method),
        security=read_security(files, raw, name),
        parameters=parameters,
        notes=(*notes, *(f"{path}: {note}" for note in unusable), *_notes(path, specs)),
        servers=servers,
    )


def _version(path: Path, root: JsonDocument) -> str:
    version = str(root.get("openapi") or root.get("swagger") or "")
    if not version:
        raise DocumentError(f"{path}: no OpenAPI document: it has no key `openapi` or `swagger`")
    if not version.startswith(("2.", "3.")):
        raise DocumentError(
            f"{path}: version {quoted(version)} of OpenAPI isn't known here: "
            "write 3.x or Swagger 2.0"
        )
    return version


def _notes(path: Path, specs: Mapping[str, ResponseSpec]) -> Iterator[str]:
    told = dict.fromkeys(
        (pointer.removeprefix("/$defs/"), pattern)
        if pointer.startswith("/$defs/")
        else (f"the body of {spec.code} {content.media_type}{pointer}", pattern)
        for spec in specs.values()
        for content in spec.contents
        for pointer, pattern in content.unused_patterns
    )
    for place, pattern in told:
        yield (
            f"{path}: {shown(place)}: the pattern {quoted(pattern)} can't be matched here as "
            "ECMA-262 says; it is left out, and no text is held to it"
        )


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
        except (ValueError, RecursionError, jsonschema_rs.ReferencingError) as exc:
            deep = isinstance(exc, RecursionError)
            reason = "nested too deep" if deep else shown(str(exc).partition("\n")[0])
            raise DocumentError(
                f"{path}: the schema of {code} {shown(media)} can't be used: {reason}"
            ) from None
    return ResponseSpec(code, response["description"], tuple(contents))


def _as_document(
    root: JsonDocument,
    template: str,
    method: str,
    raw: JsonDocument,
    parameters: Sequence[Json],
    responses: Mapping[str, JsonDocument],
    schemas: JsonObject,
) -> JsonObject:
    stated = root.get("info")
    info = stated if isinstance(stated, dict) else {}
    operation = {
        "summary": str(raw.get("summary", "")),
        "parameters": list(parameters),
        "responses": _rebased(responses),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": str(info.get("title", "")), "version": str(info.get("version", ""))},
        "paths": {template: {method: operation}},
        "components": {"schemas": schemas},
    }


def _stated(template: str, job: str, parameters: Iterable[Parameter]) -> Iterator[Json]:
    """
    The parameters of the path, by its own names for them, and all others that the document has.
    """
    known = {(one.place, one.name): one for one in parameters}
    path = [("path", name) for name in re.findall(r"\{([^}]*)\}", template) or [job]]
    for place, name in (*path, *(key for key in known if key[0] != "path")):
        one = known.get((place, name))
        schema = one.schema if one is not None else None
        yield {
            "in": place,
            "name": name,
            "required": place == "path" or (one is not None and one.required),
            "schema": {"type": "string"} if schema is None else _rebased(schema, _SENT),
        }


def _rebased(node: Json, prefix: str = "") -> Json:
    if isinstance(node, dict):
        return {
            # JSON Schema keeps definitions under `$defs`, OpenAPI under `components`.
            key: value.replace("#/$defs/", f"#/components/schemas/{prefix}")
            if key == "$ref" and isinstance(value, str)
            else _rebased(value, prefix)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rebased(item, prefix) for item in node]
    return node


def _canonical(meaning: Json) -> str:
    return json.dumps(_without_prose(meaning), sort_keys=True, separators=(",", ":"))


# Under these, `title` is a name of the vendor's and no prose.
_NAMES = NAMES_OF_SCHEMAS | {"dependentRequired", "defs", "content"}
_DATA = ("enum", "const", "default", "required")


def _without_prose(node: Json, *, names: bool = False) -> Json:
    if isinstance(node, dict):
        return {
            key: value
            if not names and key in _DATA
            else _without_prose(value, names=key in _NAMES and not names)
            for key, value in node.items()
            if names or key not in ("description", "title", "summary", "example", "examples")
        }
    if isinstance(node, list):
        return [_without_prose(item) for item in node]
    return node
