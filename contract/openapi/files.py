"""
The files of a document, and where its references lead.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import yaml

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_pointer import resolve
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.text_file import read_text
from jobproof.contract.formats.yaml_file import PlainLoader

__all__ = ["DocumentFiles", "need_mapping"]


class DocumentFiles:
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


def need_mapping(node: Json, path: Path, what: str) -> JsonDocument:
    if not isinstance(node, dict):
        raise DocumentError(f"{path}: {what} is no mapping")
    return node


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


def _yaml(text: str) -> Json:
    value: Json = yaml.load(text, Loader=PlainLoader)  # noqa: S506 -- a SafeLoader without dates
    return value
