"""
A YAML file read with its line numbers, so that an error can point at the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.digits import is_digits
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.text_file import read_text
from jobproof.contract.formats.wording import legible

__all__ = ["Location", "PlainLoader", "YamlFile", "read_yaml", "yaml_problem"]

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]
_MOST_VALUES = 100_000
_MOST_LEVELS = 200
_LONGEST_KEY = 1_000
_PLACE = re.compile(r"([a-z_]+(?:\.[a-z_]+|\[[0-9]+\])*) ")
# What pydantic says of a type in Python's words.
_PLAINLY = {
    "dict_type": "expected a mapping",
    "finite_number": "write a finite number",
    "frozen_set_type": "expected a list",
    "list_type": "expected a list",
    "model_type": "expected a mapping",
    "tuple_type": "expected a list",
}


class PlainLoader(yaml.SafeLoader):
    """
    YAML 1.2 in the points that bite: `no`, `16:9`, `1_000`, `=` and a date stay text, and
    a leading zero isn't octal. What is nested deeper than 200 levels, by its aliases, too, is
    refused at once, and not when all of it has been read.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._levels: dict[yaml.Node, int] = {}

    # Brackets in brackets take the scanner quadratic time, and whoever walks the value recursion.
    def fetch_flow_collection_start(self, kind: type[yaml.Token]) -> None:
        self._refuse_deep(self.flow_level)
        super().fetch_flow_collection_start(kind)

    def add_indent(self, column: int) -> bool:
        self._refuse_deep(len(self.indents))
        return super().add_indent(column)

    # An alias may stand for as many levels as the text has lines.
    def compose_sequence_node(self, anchor: Any) -> yaml.SequenceNode:
        node = super().compose_sequence_node(anchor)
        self._refuse_deep_value(node, node.value)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        self._refuse_deep_value(node, (one for pair in node.value for one in pair))
        return node

    # PyYAML refuses every tab outside a scalar; YAML refuses it as indentation alone (6.1).
    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.peek() == "\t":
            blanks = 1
            while self.peek(blanks) in " \t":
                blanks += 1
            indents = self.allow_simple_key and not self.flow_level
            if indents and self.peek(blanks) not in "#\0\r\n":
                problem = "a tab stands where YAML indents: write blanks"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())
            self.forward(blanks)
            super().scan_to_next_token()

    # A scalar that its tag doesn't fit; int() refuses thousands of digits, too.
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            kind = str(node.tag).removeprefix(_TAG)
            is_long = kind == "int" and is_digits(str(node.value).lstrip("+-"))
            what = "a number that is too long to be read" if is_long else f"no {kind}"
            problem = f"holds {what}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None

    def _refuse_deep_value(self, node: yaml.Node, inside: Iterable[yaml.Node]) -> None:
        # One that isn't whole yet leads back into itself, which is told by its own name.
        levels = self._levels[node] = 1 + max(
            (self._levels.get(one, 1) for one in inside), default=0
        )
        self._refuse_deep(levels, node.start_mark)

    def _refuse_deep(self, levels: int, mark: yaml.Mark | None = None) -> None:
        if levels > _MOST_LEVELS:
            problem = "nested too deep to be read"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark or self.get_mark())


_TAG = "tag:yaml.org,2002:"
# PyYAML follows YAML 1.1, where these catch words that people mean as text.
_REPLACED = ("bool", "timestamp", "value", "int", "float")
PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in found if tag.removeprefix(_TAG) not in _REPLACED]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_INT = r"[-+]?(?:0|[1-9][0-9]*)"
for _name, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", rf"{_INT}|0x[0-9a-fA-F]+", "-+0123456789"),
    # PyYAML reads `1e3` as text, since 1.1 wants a dot in it.
    ("float", rf"(?:{_INT}(?:\.[0-9]*)?|[-+]?\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
):
    PlainLoader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_form})$"), list(_first))


@dataclass(frozen=True, slots=True)
class YamlFile:
    """
    Attributes:
        value: The document as plain Python values.
        lines: Line (from 1) of every key and list item, by its location.
    """

    path: Path
    value: Json
    lines: Mapping[Location, int]

    def line_of(self, location: Iterable[str | int]) -> int:
        """
        The line of `location`, or of the nearest place above it that exists.
        """
        here = tuple(location)
        while here and here not in self.lines:
            here = here[:-1]
        return self.lines.get(here, 1)

    def error(
        self, location: Iterable[str | int], message: str, kind: type[ConfigError] = ConfigError
    ) -> ConfigError:
        """
        An error that reads `file:line: place: message`.
        """
        here = tuple(location)
        place = f"{_dotted(here)}: " if here else ""
        return kind(f"{self.path}:{self.line_of(here)}: {place}{message}")

    def parse(self, model: type[Model], kind: type[ConfigError] = ConfigError) -> Model:
        """
        The document as a `model`.

        Raises:
            ConfigError: (or `kind`) The first thing that is wrong, with its line.
        """
        if not isinstance(self.value, dict):
            raise self.error((), "expected a mapping at the top of the file", kind)
        return self.parse_part(model, self.value, (), kind)

    def parse_part(
        self,
        model: type[Model],
        value: Json,
        at: Location,
        kind: type[ConfigError] = ConfigError,
    ) -> Model:
        """
        `value`, which stands at `at` in the document, as a `model`.

        Raises:
            ConfigError: (or `kind`) The first thing that is wrong, with its line.
        """
        try:
            return model.model_validate(value)
        except ValidationError as exc:
            raise self._explain(model, exc, kind, at) from None

    def _explain(
        self,
        model: type[BaseModel],
        exc: ValidationError,
        kind: type[ConfigError],
        at: Location = (),
    ) -> ConfigError:
        # The misspelt key explains the missing one: say it first.
        errors = sorted(exc.errors(), key=lambda e: e["type"] != "extra_forbidden")
        first = errors[0]
        location = self._present((*at, *first["loc"]))
        if first["type"] == "extra_forbidden":
            key = str(first["loc"][-1])
            known = _known_keys(model, first["loc"][:-1])
            hint = did_you_mean(key, known) if known else ""
            return self.error(location, f"unknown key. {hint}".strip(), kind)
        if first["type"] == "missing":
            parent = self._present((*at, *first["loc"][:-1]))
            return self.error(parent, f"key {str(first['loc'][-1])!r} is missing", kind)
        message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        message = message[:1].lower() + message[1:]
        message = _PLAINLY.get(first["type"], message)
        if location == at and (named := _PLACE.match(message)):
            # A rule for several keys stands at the top of its model and names its key in words.
            steps = re.findall(r"[a-z_]+|[0-9]+", named[1])
            place = self._present((*at, *(int(s) if is_digits(s) else s for s in steps)))
            if len(place) == len(at) + len(steps):
                location, message = place, message[named.end() :]
        shown = "" if first["type"] == "value_error" else f" (found {_shortened(first['input'])})"
        return self.error(location, f"{message}{shown}", kind)

    def _present(self, location: Location) -> Location:
        # pydantic puts the tag of a union member into the location; the file has no such key.
        here: Location = ()
        for step in location:
            if (*here, step) in self.lines:
                here = (*here, step)
        return here


def read_yaml(path: Path, kind: type[ConfigError] = ConfigError) -> YamlFile:
    """
    Read one YAML file, without the keys at its top that begin with `x-`: they hold what the rest
    refers to by an alias, or what another program reads.

    Raises:
        ConfigError: (or `kind`) The file can't be read, isn't YAML, says a key twice, or has no
            end, by its aliases.
    """
    text = read_text(path, kind)
    try:
        # The characters are checked at once, before there is a line to point at.
        loader = PlainLoader(text)
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, int(exc.position)) + 1
        raise kind(f"{path}:{line}: holds characters that YAML doesn't allow") from None
    try:
        # Not yaml.load: only nodes know the line that they stand on.
        node = loader.get_single_node()
        if node is None:
            raise kind(f"{path}:1: the file is empty")
        _refuse_bombs(node, path, kind)
        lines: dict[Location, int] = {}
        _locate(node, (), lines, path, kind)
        return YamlFile(path, _without_extensions(loader.construct_document(node)), lines)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise kind(f"{path}:{line}: {_one_line(yaml_problem(exc) or 'not YAML')}") from None
    finally:
        loader.dispose()


def yaml_problem(exc: yaml.YAMLError) -> str:
    """
    What PyYAML has against a text; "" where it doesn't say.
    """
    problem = str(getattr(exc, "problem", None) or "")
    # It says the first half of some sentences as the context.
    begun = f"{getattr(exc, 'context', None) or ''}, " if problem.startswith("but ") else ""
    return begun + problem


def _refuse_bombs(root: yaml.Node, path: Path, kind: type[ConfigError]) -> None:
    """
    Refuse aliases that lead back into themselves, or multiply what is there beyond all measure.
    """
    sizes: dict[yaml.Node, int] = {}
    unfinished: set[yaml.Node] = set()
    # No recursion: aliases reach deeper than any text that the scanner lets through.
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in sizes:
            continue
        line, inside = node.start_mark.line + 1, _inside(node)
        if node in unfinished:
            unfinished.discard(node)
            sizes[node] = 1 + sum(sizes[one] for one in inside)
            continue
        unfinished.add(node)
        for one in inside:
            if one in unfinished:
                line = one.start_mark.line + 1
                raise kind(f"{path}:{line}: an alias leads back into the value that it stands in")
        waiting.append(node)
        waiting += (one for one in inside if one not in sizes)
    # A large file may use its aliases a great deal; a bomb is out of proportion to its file.
    most = max(_MOST_VALUES, 20 * len(sizes))
    if sizes[root] > most:
        bomb = min((one for one in sizes if sizes[one] > most), key=lambda one: sizes[one])
        raise kind(
            f"{path}:{bomb.start_mark.line + 1}: its aliases come to more than {_MOST_VALUES:,} "
            "values; write out what is meant"
        )


def _inside(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _without_extensions(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {k: v for k, v in value.items() if not (isinstance(k, str) and k.startswith("x-"))}


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:200])


def _locate(
    node: yaml.Node,
    here: Location,
    lines: dict[Location, int],
    path: Path,
    kind: type[ConfigError],
) -> None:
    # A value may begin a line below its key, and the key's line was set before.
    lines.setdefault(here, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if len(name) > _LONGEST_KEY:
                line = key.start_mark.line + 1
                raise kind(f"{path}:{line}: a key has more than {_LONGEST_KEY:,} characters")
            # PyYAML takes the last of two equal keys without a word. `<<` may stand twice.
            if name in seen and name != "<<":
                raise kind(f"{path}:{key.start_mark.line + 1}: key {name!r} stands here twice")
            seen.add(name)
            lines[(*here, name)] = key.start_mark.line + 1
            _locate(value, (*here, name), lines, path, kind)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _locate(item, (*here, index), lines, path, kind)


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    current: Any = model
    for step in location:
        if isinstance(current, type) and issubclass(current, BaseModel) and isinstance(step, str):
            field = next((f for n, f in current.model_fields.items() if step in (n, f.alias)), None)
            current = field.annotation if field else None
        current = _model_inside(current)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [field.alias or name for name, field in current.model_fields.items()]
    return []


def _model_inside(annotation: Any) -> Any:
    if isinstance(annotation, type):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_inside(argument)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None


def _dotted(location: Location) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return legible(text)


def _shortened(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
