"""
No test asserts that something was quick: on a busy machine nothing is.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = sorted(Path(__file__).parent.rglob("*.py"))
CLOCK = re.compile(
    r"monotonic\(|perf_counter\(|time\.time\(|process_time\(|elapsed_s|took|closing_s|duration_s"
)
"""How a length of real time is called here."""


def _upper_bounds(tree: ast.AST) -> list[int]:
    """
    Lines of assertions that hold a length of time under a number.
    """
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert):
            continue
        for part in ast.walk(node.test):
            if not isinstance(part, ast.Compare):
                continue
            sides = [part.left, *part.comparators]
            for operator, left, right in zip(part.ops, sides, sides[1:], strict=False):
                small, large = (
                    (left, right) if isinstance(operator, ast.Lt | ast.LtE) else (right, left)
                )
                is_bound = isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
                if is_bound and CLOCK.search(ast.unparse(small)) and _is_number(large):
                    found.append(node.lineno)
    return found


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


@pytest.mark.parametrize("file", TESTS, ids=lambda f: f.name)
def test_no_length_of_time_is_held_under_a_number(file: Path) -> None:
    assert _upper_bounds(ast.parse(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "assert time.monotonic() - start < 0.5",
        "assert 0.2 < took < 3.0",
        "assert 1.5 > exchange.elapsed_s",
        "assert a and took_s <= 2",
    ],
)
def test_a_bound_would_be_seen(line: str) -> None:
    assert _upper_bounds(ast.parse(line)) == [1]


@pytest.mark.parametrize(
    "line", ["assert took > 0.2", "assert 0 < elapsed_s <= took_s", "assert took < HANG_S"]
)
def test_what_holds_on_any_machine_is_let_be(line: str) -> None:
    assert _upper_bounds(ast.parse(line)) == []
