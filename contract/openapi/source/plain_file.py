"""
A vendor's file, JSON or YAML, as plain data, with what is odd in it remembered and not refused.

A fault is only a fault where the operation needs the place, and only who goes there knows that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jobproof.contract.errors import DocumentError
from jobproof.contract.formats.json_value import Json, JsonDocument, JsonObject
from jobproof.contract.formats.text_file import read_text
from jobproof.contract.formats.yaml_file import PlainLoader, yaml_problem

__all__ = ["PlainFile", "read_plain_file"]

# A range of codes is written `4XX`, and by vendors `4xx`: one key, as `200` and `"200"` are.
_RANGES = frozenset(f"{digit}{a}{b}" for digit in "12345" for a in "xX" for b in "xX")
# What a tag may make of a text; every other, `!Sub` or `!!python/name`, leaves it a text.
_READ_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null"))
_SOON = 10_000
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class PlainFile:
    """
    Attributes:
        text: The file, to look up lines in.
        twice: Keys that a mapping states again, by the mapping's `id`: the key as it stands the
            second time, and where (`line`, or for JSON how many objects end before this one).
        circles: Lines of the mappings and lists that hold themselves, by an alias.
    """

    path: Path
    root: JsonDocument
    text: str
    twice: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    circles: Mapping[int, int] = field(default_factory=dict)
    is_json: bool = False

    def line_of_second(self, mapping: JsonDocument, key: str) -> int:
        """
        The line on which a key that `mapping` states twice stands again.
        """
        where = self.twice[id(mapping)][key]
        return _json_line(self.text, where, key) if self.is_json else where


def read_plain_file(path: Path) -> PlainFile:
    """
    Read one file.

    Raises:
        DocumentError: It can't be read, is neither JSON nor YAML, or no mapping.
    """
    text = read_text(path, DocumentError)
    try:
        # JSON is mostly YAML, too, but PyYAML is far slower and refuses tabs between its tokens.
        looks_json = text.lstrip()[:1] in ("{", "[")
        file = _read_either(path, text) if looks_json else _read_yaml(path, text)
    except json.JSONDecodeError as exc:
        raise DocumentError(f"{path}:{exc.lineno}: not JSON: {exc.msg}") from None
    except yaml.YAMLError as exc:
        raise DocumentError(_yaml_message(path, text, exc)) from None
    except RecursionError:
        raise DocumentError(f"{path}: nested too deep to be read") from None
    except ValueError:
        raise DocumentError(f"{path}: holds a number that is too long to be read") from None
    if not isinstance(file.root, dict):
        raise DocumentError(f"{path}: no OpenAPI document: the top is no mapping")
    return file


def _yaml_message(path: Path, text: str, exc: yaml.YAMLError) -> str:
    mark = getattr(exc, "problem_mark", None)
    position = getattr(exc, "position", None)
    if mark is None and isinstance(position, int):
        line = text.count("\n", 0, position) + 1
        return f"{path}:{line}: not YAML: holds a character that YAML doesn't allow"
    where = f":{mark.line + 1}" if mark else ""
    problem = yaml_problem(exc) or "can't be read"
    return f"{path}{where}: not YAML: {problem}"


def _read_either(path: Path, text: str) -> PlainFile:
    try:
        return _read_json(path, text)
    except json.JSONDecodeError as exc:
        # YAML may begin with a brace, too, and shows soon that it is none of JSON's.
        if path.suffix == ".json" or exc.pos > _SOON:
            raise
        try:
            return _read_yaml(path, text)
        except yaml.YAMLError:
            raise exc from None


def _read_json(path: Path, text: str) -> PlainFile:
    twice: dict[int, dict[str, int]] = {}
    kept: list[JsonObject] = []
    ended = 0

    def pairs(found: list[tuple[str, Json]]) -> JsonObject:
        nonlocal ended
        ended += 1
        # As with most readers, the last of two equal keys counts.
        out = dict(found)
        if (len(out) != len(found) or not _RANGES.isdisjoint(out)) and (
            again := _repeated(key for key, _ in found)
        ):
            twice[id(out)] = dict.fromkeys(again, ended - 1)
            kept.append(out)  # an id is one object's only as long as that lives
        return out

    root = json.loads(text, object_pairs_hook=pairs)
    return PlainFile(path, root, text, twice, is_json=True)


def _repeated(keys: Iterator[str]) -> list[str]:
    seen: set[str] = set()
    again: list[str] = []
    for key in keys:
        name = _folded(key)
        if name in seen:
            again.append(key)
        seen.add(name)
    return again


def _folded(key: str) -> str:
    return key.upper() if key in _RANGES else key


def _json_line(text: str, ended: int, key: str) -> int:
    """
    The line of a key's second place in the object before whose end `ended` others end.
    """
    open_objects: list[list[tuple[str, int]]] = []
    previous, before, count = "", 0, 0
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word in ("{", "["):
            open_objects.append([])
        elif word == ":" and previous.startswith('"'):
            open_objects[-1].append((json.loads(previous, strict=False), before))
        elif word == "]":
            open_objects.pop()
        elif word == "}":
            keys = open_objects.pop()
            if count == ended:
                places = [at for name, at in keys if _folded(name) == _folded(key)]
                return text.count("\n", 0, places[min(1, len(places) - 1)]) + 1
            count += 1
        previous, before = word, token.start()
    return 1


def _read_yaml(path: Path, text: str) -> PlainFile:
    loader = PlainLoader(text)
    try:
        node = loader.get_single_node()
        builder = _Builder(loader)
        root: Any = builder.build(node) if node is not None else None
    finally:
        loader.dispose()
    return PlainFile(path, root, text, builder.twice, builder.circles)


class _Builder:
    """
    Makes plain data of nodes: no tag runs anything, every key is a text, an alias is shared.
    """

    def __init__(self, loader: PlainLoader) -> None:
        self.twice: dict[int, dict[str, int]] = {}
        self.circles: dict[int, int] = {}
        self._loader = loader
        self._made: dict[yaml.Node, Json] = {}
        self._open: set[yaml.Node] = set()

    def build(self, node: yaml.Node) -> Json:
        if node in self._made:
            if node in self._open:
                self.circles[id(self._made[node])] = node.start_mark.line + 1
            return self._made[node]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            items: list[Json] = []
            self._made[node] = items
            self._open.add(node)
            items.extend(self.build(item) for item in node.value)
            self._open.discard(node)
            return items
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Json:
        if node.tag in _READ_TAGS:
            try:
                value: Json = self._loader.construct_object(node)
            except (ValueError, KeyError, yaml.YAMLError):
                return str(node.value)
            return value
        return str(node.value)

    def _mapping(self, node: yaml.MappingNode) -> JsonObject:
        out: JsonObject = {}
        self._made[node] = out
        self._open.add(node)
        seen: set[str] = set()
        merged: list[Json] = []
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged.append(self.build(value))
                continue
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            folded = _folded(name)
            if folded in seen:
                self.twice.setdefault(id(out), {})[name] = key.start_mark.line + 1
            seen.add(folded)
            out[name] = self.build(value)
        for parent in merged:
            # The first of several that a merge names wins, and what stands here beats them all.
            for each in parent if isinstance(parent, list) else [parent]:
                for name, item in each.items() if isinstance(each, dict) else ():
                    out.setdefault(name, item)
        self._open.discard(node)
        return out
