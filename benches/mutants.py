"""
Small changes to a module, each of which its tests should notice: drawn, told, and listed.

The changes are cosmic-ray's, and those of `SwapFunction`. Places are drawn, not changes: one `+`
can be changed in eleven ways, all of which the same test sees.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator, operator_names

__all__ = ["Equivalent", "Mutant", "SwapFunction", "draw", "read_equivalents", "stale"]

_PAIRS = {"min": "max", "max": "min", "any": "all", "all": "any"}


class SwapFunction(Operator):  # type: ignore[misc]
    """
    `min` for `max`, `any` for `all`, and back.
    """

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """
        Where one of them is called or handed on.
        """
        if isinstance(node, parso.python.tree.Name) and node.value in _PAIRS:
            if node.parent.type not in {"trailer", "argument", "param"}:
                yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """
        The other of the pair.
        """
        node.value = _PAIRS[node.value]
        return node

    @classmethod
    def examples(cls) -> Iterable[Example]:
        """
        One.
        """
        return (Example("min(x)", "max(x)"),)


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    A module with one change.

    Attributes:
        module: Its place under the root.
        before: The lines that were changed, without the space around them; `after` as they are.
    """

    module: str
    operator: str
    line: int
    before: str
    after: str
    source: str = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.operator}\n- {self.before}\n+ {self.after}"


@dataclass(frozen=True, slots=True)
class Equivalent:
    """
    A change that no test can notice, and why.
    """

    module: str
    operator: str
    before: str
    after: str
    why: str

    def is_of(self, mutant: Mutant) -> bool:
        """
        Whether the change is this one, on whatever line it stands today.
        """
        ours = (self.module, self.operator, self.before, self.after)
        return ours == (mutant.module, mutant.operator, mutant.before, mutant.after)


def draw(modules: Sequence[str], count: int, seed: int, *, root: Path) -> tuple[Mutant, ...]:
    """
    So many mutants of these modules, the same for the same seed: fewer where there are no more
    places.
    """
    rng = random.Random(seed)
    places: list[tuple[str, tuple[int, int]]] = []
    by_place: dict[tuple[str, tuple[int, int]], list[tuple[str, int]]] = {}
    sources = {module: (root / module).read_text(encoding="utf-8") for module in modules}
    for module, source in sources.items():
        for operator, occurrence, position in _changes(source):
            by_place.setdefault((module, position), []).append((operator, occurrence))
    places = sorted(by_place)
    rng.shuffle(places)
    found: list[Mutant] = []
    for place in places:
        if len(found) == count:
            break
        module, _ = place
        operator, occurrence = rng.choice(by_place[place])
        mutant = _mutant(module, sources[module], operator, occurrence)
        if mutant is not None:
            found.append(mutant)
    return tuple(found)


def read_equivalents(path: Path) -> tuple[Equivalent, ...]:
    """
    The changes that are listed as ones that no test can notice.

    Raises:
        ValueError: An entry isn't why, module and operator, before and after.
    """
    found = []
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.splitlines()
        why = " ".join(line.removeprefix("# ") for line in lines if line.startswith("# "))
        rest = [line for line in lines if not line.startswith("#")]
        if not rest:
            continue  # a note
        marks = [line[:1] for line in rest[1:]]
        if not why or marks != ["-", "+"] or ": " not in rest[0]:
            raise ValueError(f"{path}: expected why, `module: operator`, `- ` and `+ `: {block!r}")
        module, operator = rest[0].split(": ", 1)
        found.append(Equivalent(module, operator, rest[1][2:], rest[2][2:], why))
    return tuple(found)


def stale(listed: Iterable[Equivalent], *, root: Path) -> Iterator[Equivalent]:
    """
    Those of the list that can't be made any more.
    """
    for one in listed:
        path = root / one.module
        source = path.read_text(encoding="utf-8") if path.is_file() else ""
        occurrences = (n for op, n, _ in _changes(source, [one.operator]))
        made = (_mutant(one.module, source, one.operator, n) for n in occurrences)
        if not any(mutant is not None and one.is_of(mutant) for mutant in made):
            yield one


def _changes(
    source: str, names: Iterable[str] | None = None
) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """
    Each change that can be made: operator, its occurrence, and where that is.
    """
    nodes = list(ast_nodes(get_ast(source)))
    # Of two hundred operators most look at few nodes, and asking each about all takes minutes.
    by_family = {
        "ReplaceBinaryOperator": [node for node in nodes if node.type == "operator"],
        "ReplaceComparisonOperator": [node for node in nodes if node.type == "comparison"],
        "ReplaceUnaryOperator": [node for node in nodes if node.type in ("factor", "not_test")],
    }
    for name in names or _operators():
        operator, occurrence = _operator(name), 0
        for node in by_family.get(name.partition("_")[0], nodes):
            for (line, column), _ in operator.mutation_positions(node):
                yield name, occurrence, (line, column)
                occurrence += 1


def _operators() -> list[str]:
    # These two want to be told a variable's name.
    return [
        SwapFunction.__name__,
        *(
            name.removeprefix("core/")
            for name in operator_names()
            if name.startswith("core/")
            and not get_operator(name).arguments()
            # Of None, of an enum's members and of types, both say the same.
            and not name.endswith(("_Is_Eq", "_IsNot_NotEq", "_Eq_Is", "_NotEq_IsNot"))
        ),
    ]


def _operator(name: str) -> Operator:
    return SwapFunction() if name == SwapFunction.__name__ else get_operator(f"core/{name}")()


def _mutant(module: str, source: str, operator: str, occurrence: int) -> Mutant | None:
    """
    The change, where it means anything to the program as it runs.
    """
    text = mutate_code(source, _operator(operator), occurrence)
    try:
        if text is None or _meaning(text) == _meaning(source):
            return None
    except SyntaxError:
        return None
    old, new = source.splitlines(), text.splitlines()
    start = next(n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
    end = next(
        n
        for n, pair in enumerate(zip(reversed(old), reversed(new), strict=False))
        if pair[0] != pair[1]
    )
    # What was put in may end as what stood there before it does.
    end = min(end, len(old) - start, len(new) - start)
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    return Mutant(module, operator, start + 1, _one_line(before), _one_line(after), text)


def _one_line(lines: Sequence[str]) -> str:
    return " ".join(filter(None, (line.strip() for line in lines)))


def _meaning(source: str) -> str:
    """
    The program without what is for its readers: types, and dataclasses that are frozen, say.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(value=None)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "dataclass":
            node.keywords = []
    return ast.dump(tree)
