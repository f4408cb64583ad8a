"""
The files of a document, and where its references lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_pointer import resolve, walk
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.openapi.keywords import NAMES_OF_SCHEMAS
from jobproof.contract.openapi.source.plain_file import PlainFile, read_plain_file
from jobproof.contract.openapi.wording import quoted

__all__ = ["Base", "DocumentFiles"]

_NAMES = NAMES_OF_SCHEMAS | {"definitions", "schemas"}
# Values and prose: what looks like a keyword in them is none.
_NOT_SCHEMAS = frozenset({"example", "examples", "default", "enum", "const"})
_MOST_REFERENCES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """
    What relative references of a place are relative to: a file, or a schema in it with an `$id`.

    Attributes:
        root: What `#` means there.
        uri: Absolute.
    """

    file: Path
    root: Json
    uri: str


class DocumentFiles:
    """
    The document and the files it refers to, each read once.
    """

    def __init__(self, path: Path) -> None:
        self._files: dict[Path, PlainFile] = {}
        self._bases: dict[int, Base] = {}
        self._anchors: dict[tuple[int, str], Json] = {}
        self._dynamic: dict[int, dict[str, Json]] = {}
        self._resources: dict[str, Base] = {}
        self._indexed: set[Path] = set()
        self._mentioned: dict[tuple[Path, str], bool] = {}
        self._has_ids = True
        self.base = self.load(path)
        version = self.root.get("openapi")
        # Until 3.0 a schema object has no `$id`; generators write one there and don't mean it.
        self._has_ids = version is not None and not str(version).startswith("3.0")

    @property
    def root(self) -> JsonDocument:
        """
        The top of the document itself.
        """
        return self._files[self.base.file].root

    def load(self, path: Path) -> Base:
        # By its real path, so that two spellings of one file are one.
        path = path.resolve()
        if path not in self._files:
            file = self._files[path] = read_plain_file(path)
            uri = file.root.get("$self") or (file.root.get("$id") if self._has_ids else None)
            uri = uri if isinstance(uri, str) else ""
            # A bad host in it ends no run: it is only a name.
            base = Base(path, file.root, _joined(path.as_uri(), uri))
            self._bases[id(file.root)] = self._resources[base.uri] = base
        return self._bases[id(self._files[path].root)]

    def within(self, node: Json, base: Base) -> Base:
        """
        The base of what stands in `node`, which itself stands under `base`.
        """
        if not (self._has_ids and isinstance(node, dict) and isinstance(node.get("$id"), str)):
            return base
        if node["$id"].startswith("#"):
            return base  # an anchor, as draft 6 wrote it
        if id(node) not in self._bases:
            inner = Base(base.file, node, _joined(base.uri, node["$id"]))
            self._bases[id(node)] = self._resources[inner.uri] = inner
        return self._bases[id(node)]

    def mapping(self, node: Json, base: Base, what: str) -> JsonDocument:
        """
        `node`, which has to be a mapping that states no key twice, behind its `$ref`s.
        """
        if not isinstance(node, dict):
            raise DocumentError(f"{base.file}: {what} is no mapping")
        self.refuse_twice(node, base)
        return node

    def refuse_twice(self, node: Json, base: Base, keys: Iterable[str] | None = None) -> None:
        """
        Refuse a mapping that states one of `keys` (or any) twice.

        Of two statements a reader takes one, and which it is depends on the reader.
        """
        file = self._files[base.file]
        again = file.twice.get(id(node))
        if not again or not isinstance(node, dict):
            return
        wanted = None if keys is None else set(keys)
        for key in again:
            if wanted is None or key in wanted:
                line = file.line_of_second(node, key)
                raise DocumentError(f"{base.file}:{line}: key {quoted(key)} stands here twice")

    def refuse_circle(self, node: Json, base: Base) -> None:
        """
        Refuse a mapping or list that holds itself by a YAML alias.
        """
        line = self._files[base.file].circles.get(id(node))
        if line is not None:
            raise DocumentError(
                f"{base.file}:{line}: an alias leads back into the value that it stands in; "
                "a schema that contains itself says so with `$ref`"
            )

    def deref(self, node: Json, base: Base) -> tuple[Json, Base]:
        """
        `node` behind its `$ref`s, and its base.
        """
        # A reference may lead to a reference, in another file, too.
        for _ in range(_MOST_REFERENCES):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node, base
            reference, start = node["$ref"], base
            node, base = self.lookup(reference, self.within(node, base))
        raise DocumentError(f"{start.file}: $ref {quoted(reference)} leads back to itself")

    def lookup(self, ref: str, base: Base) -> tuple[Json, Base]:
        """
        What `ref`, written under `base`, points at, and the base of that.
        """
        where, _, fragment = ref.partition("#")
        target = self._resource(where, ref, base) if where else base
        # A fragment is percent-encoded as any part of a URL (RFC 6901 6).
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._anchored(fragment, ref, target, base)
        found = self._pointed(fragment, target)
        if found is None and target.root is not self._files[target.file].root:
            # Below an `$id` it has to be found there; vendors mean the file all the same.
            found = self._pointed(fragment, self.load(target.file))
        if found is None:
            raise DocumentError(f"{base.file}: $ref {quoted(ref)} points at nothing")
        return found

    def mention(self, keyword: str) -> bool:
        """
        Whether any of the files read so far holds this keyword at all.
        """
        return any(self._mentions(path, keyword) for path in self._files)

    def dynamic_anchors(self, base: Base) -> dict[str, Json]:
        """
        The schemas with a `$dynamicAnchor` under `base`, by its name.
        """
        if not self._mentions(base.file, "$dynamicAnchor"):
            return {}
        self._index(base.file)
        return self._dynamic.get(id(base.root), {})

    def _mentions(self, path: Path, keyword: str) -> bool:
        # A file has megabytes, and the question comes with each of thousands of schemas.
        key = (path, keyword)
        if key not in self._mentioned:
            self._mentioned[key] = keyword in self._files[path].text
        return self._mentioned[key]

    def _resource(self, where: str, ref: str, base: Base) -> Base:
        uri = _joined(base.uri, where)
        for path in [each for each in self._files if self._has_ids and self._mentions(each, "$id")]:
            self._index(path)
        if uri in self._resources:
            return self._resources[uri]
        # A test run depends on no network, and reads nothing that a document's author put
        # elsewhere.
        if where.startswith(("http://", "https://", "//")):
            raise DocumentError(
                f"{base.file}: $ref {quoted(ref)} is on the network; save the file beside the "
                "document and refer to it there"
            )
        named = unquote(uri.removeprefix("file://"))
        try:
            if uri.startswith("file:///") and (path := Path(named)).is_file():
                return self.load(path)
            return self.load(base.file.parent / unquote(where))
        except (OSError, ValueError, RuntimeError):
            # A name that is too long, holds NUL, or goes round in links.
            message = f"{base.file}: $ref {quoted(ref)} is no name of a file"
            raise DocumentError(message) from None

    def _anchored(self, name: str, ref: str, target: Base, base: Base) -> tuple[Json, Base]:
        self._index(target.file)
        key = (id(target.root), name)
        if key not in self._anchors:
            key = (id(self._files[target.file].root), name)
        if key not in self._anchors:
            raise DocumentError(
                f"{base.file}: $ref {quoted(ref)} points at nothing: no schema there has the "
                f"`$anchor` {quoted(name)}"
            )
        node = self._anchors[key]
        return node, self.within(node, target)

    def _pointed(self, pointer: str, base: Base) -> tuple[Json, Base] | None:
        node, here = base.root, base
        for step in walk(pointer):
            here = self.within(node, here)
            if isinstance(node, dict) and step not in node:
                # What a step leads through may stand in another file.
                node, here = self.deref(node, here)
            self.refuse_twice(node, here, [step])
            found, node = resolve(node, "/" + step.replace("~", "~0").replace("/", "~1"))
            if not found:
                return None
        return node, here

    def _index(self, path: Path) -> None:
        """
        Note the names that schemas of a file give themselves.
        """
        if path in self._indexed:
            return
        self._indexed.add(path)
        seen: set[int] = set()
        top = self._bases[id(self._files[path].root)]
        waiting: list[tuple[Json, Base, bool]] = [(top.root, top, False)]
        while waiting:
            node, base, is_names = waiting.pop()
            if not isinstance(node, dict | list) or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, list):
                waiting.extend((item, base, False) for item in node)
                continue
            if not is_names:
                base = self.within(node, base)
                self._note(node, base)
            waiting.extend(_inside(node, base, is_names=is_names))

    def _note(self, node: JsonDocument, base: Base) -> None:
        legacy = str(node.get("$id", ""))
        name = legacy[1:] if legacy.startswith("#") else node.get("$anchor")
        if isinstance(name, str):
            self._anchors.setdefault((id(base.root), name), node)
        dynamic = node.get("$dynamicAnchor")
        if isinstance(dynamic, str):
            self._anchors.setdefault((id(base.root), dynamic), node)
            self._dynamic.setdefault(id(base.root), {}).setdefault(dynamic, node)


def _inside(
    node: dict[str, Any], base: Base, *, is_names: bool
) -> Iterator[tuple[Json, Base, bool]]:
    for key, value in node.items():
        if is_names or not (key in _NOT_SCHEMAS or key.startswith("x-")):
            yield value, base, not is_names and key in _NAMES


def _joined(base: str, relative: str) -> str:
    try:
        return urljoin(base, relative).partition("#")[0]
    except ValueError:
        return relative.partition("#")[0]
