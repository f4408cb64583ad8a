"""
Nothing is written twice: no six lines in a row stand in two places, tables and decorators apart.

Lines are compared by their tokens, so layout and comments don't hide a copy. Blank lines,
imports and lone punctuation don't count.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

import jobproof

pytestmark = pytest.mark.source

LEAST = 6
INSTALLED = Path(jobproof.__file__).parent
CHECKOUT = Path(__file__).parents[1]
ROOMS = (
    *(INSTALLED / room for room in ("contract", "probes", "grafana")),
    *(CHECKOUT / room for room in ("tests", "benches")),
)


@dataclass(frozen=True)
class SourceFile:
    """
    Attributes:
        name: Where it stands, from the root of the repository.
    """

    name: str
    text: str


@dataclass(frozen=True)
class SourceLine:
    """
    A line that counts: its number, and its tokens without layout and comments.
    """

    number: int
    tokens: str


def _is_import(node: ast.AST, file: SourceFile) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_list_of_exports(node: ast.AST, file: SourceFile) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _is_field(node: ast.AST, file: SourceFile) -> bool:
    # A form in a file and the value made of it name the same things; mypy holds the two together.
    return isinstance(node, ast.AnnAssign) and node.col_offset > 0 and node.value is None


def _is_panel(node: ast.AST, file: SourceFile) -> bool:
    """
    A panel written out over several lines, or the words that a kind of panel takes.
    """
    is_call = isinstance(node, ast.Call) and len(_lines_of(node)) > 1
    return (is_call or isinstance(node, ast.arg)) and file.name.startswith("grafana/boards/")


def _is_table_of_cases(node: ast.AST, file: SourceFile) -> bool:
    is_table = isinstance(node, ast.Assign) and isinstance(
        node.value, ast.Dict | ast.List | ast.Tuple
    )
    return is_table and file.name.startswith("tests/") and node.col_offset == 0


ALLOWED = (_is_import, _is_list_of_exports, _is_field, _is_panel, _is_table_of_cases)
"""Kinds of code that may look like other code of their kind; decorators come on top."""


def _allowed(file: SourceFile) -> set[int]:
    """
    Numbers of the lines that no comparison looks at.
    """
    found: set[int] = set()
    for node in ast.walk(ast.parse(file.text)):
        if any(is_allowed(node, file) for is_allowed in ALLOWED):
            found.update(_lines_of(node))
        for decorator in getattr(node, "decorator_list", ()):
            found.update(_lines_of(decorator))
    return found


def _lines_of(node: ast.AST) -> range:
    assert isinstance(node, ast.stmt | ast.expr | ast.arg)
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


_LAYOUT = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
)


def _lines(file: SourceFile) -> list[SourceLine]:
    skipped = _allowed(file)
    tokens: defaultdict[int, list[str]] = defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
        if token.type not in _LAYOUT and token.start[0] not in skipped:
            tokens[token.start[0]].append(token.string)
    texts = {number: " ".join(words) for number, words in tokens.items()}
    return [
        SourceLine(number, text)
        for number, text in texts.items()
        if any(character.isalnum() for character in text)
    ]


def clones(files: Iterable[SourceFile]) -> list[str]:
    """
    Pairs of places that share `LEAST` lines or more, each as long as it goes.
    """
    lines = {file.name: _lines(file) for file in files}
    windows: defaultdict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    for name, counted in lines.items():
        texts = [line.tokens for line in counted]
        for start in range(len(texts) - LEAST + 1):
            windows[tuple(texts[start : start + LEAST])].append((name, start))
    pairs = {pair for places in windows.values() for pair in combinations(places, 2)}
    return sorted(_told(lines, pairs))


Place = tuple[str, int]


def _told(lines: dict[str, list[SourceLine]], pairs: set[tuple[Place, Place]]) -> Iterator[str]:
    for (one, at), (other, there) in pairs:
        if ((one, at - 1), (other, there - 1)) in pairs:
            continue  # it is told where the run begins
        length = LEAST
        while ((one, at + length - LEAST + 1), (other, there + length - LEAST + 1)) in pairs:
            length += 1
        if one == other and there - at < length:
            continue  # a run that overlaps itself is a list of like rows
        yield " ~ ".join(
            f"{name}:{lines[name][start].number}-{lines[name][start + length - 1].number}"
            for name, start in ((one, at), (other, there))
        )


def _house() -> Iterator[SourceFile]:
    for room in ROOMS:
        for path in sorted(room.rglob("*.py")):
            name = path.relative_to(room.parent).as_posix()
            yield SourceFile(name, path.read_text(encoding="utf-8"))


def test_nothing_is_written_twice() -> None:
    house = list(_house())
    assert {file.name.partition("/")[0] for file in house} == {room.name for room in ROOMS}
    assert clones(house) == []


BODY = """
    total = 0
    for item in found:  # a comment
        if item.code == 200:
            total += len(item.body)
    report(total)

    return total
"""
LAID_OUT = BODY.replace("# a comment", "# another one").replace("report(total)", "report( total )")


@pytest.mark.parametrize("name", ["contract/b.py", "tests/b.py", "grafana/boards/b.py"])
def test_a_copied_block_is_found_whatever_its_layout(name: str) -> None:
    found = clones(
        [
            SourceFile("contract/a.py", f"import re\n\ndef size(found):{BODY}"),
            SourceFile(name, f"def length(found):{LAID_OUT}"),
        ]
    )
    assert found == [f"contract/a.py:4-10 ~ {name}:2-8"]


def test_a_copy_within_one_file_is_found() -> None:
    assert clones([SourceFile("a.py", f"def a(found):{BODY}def b(found):{BODY}")]) == [
        "a.py:2-8 ~ a.py:10-16"
    ]


def test_five_lines_are_no_copy() -> None:
    shorter = BODY.replace("    report(total)\n", "")
    files = [SourceFile(f"{n}.py", f"def {n}(found):{shorter}") for n in "ab"]
    assert clones(files) == []


IMPORTS = "from m import (\n" + "".join(f"    name_{n},\n" for n in range(8)) + ")\n"
FIELDS = "class A:\n" + "".join(f"    field_{n}: int\n" for n in range(8))
DECORATED = "@check(\n" + "".join(f"    word_{n}=1,\n" for n in range(8)) + ")\ndef {}(): pass\n"
TABLE = "CASES = [\n" + "".join(f"    case_{n},\n" for n in range(8)) + "]\n"
PANEL = "board = panel(\n" + "".join(f"    word_{n}=1,\n" for n in range(8)) + ")\n"


@pytest.mark.parametrize(
    ("folder", "text", "allowed"),
    [
        ("contract", IMPORTS, True),
        ("contract", FIELDS, True),
        ("contract", DECORATED, True),
        ("tests", TABLE, True),
        ("contract", TABLE, False),
        ("grafana/boards", PANEL, True),
        ("probes", PANEL, False),
    ],
)
def test_only_tables_of_their_kind_may_look_alike(folder: str, text: str, *, allowed: bool) -> None:
    files = [SourceFile(f"{folder}/{n}.py", text.replace("{}", n)) for n in "ab"]
    assert (clones(files) == []) == allowed
