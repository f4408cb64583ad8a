"""
The runner of mutants: what must die does, what can't is named, and broken tests are refused.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.tools import PYTHON, run_to_end

ROOT = Path(__file__).parents[2]
BENCHES = ROOT / "benches"
sys.path.append(str(BENCHES))

from mutants import Equivalent, Mutant, draw, read_equivalents, stale  # noqa: E402
from mutation import EQUIVALENTS, TESTS, Project, Tally  # noqa: E402

_LIMIT = """
def is_over(count: int) -> bool:
    return count > 3
"""
_TESTED = """
from sample.limit import is_over

def test_three_is_no_more_than_three():
    assert is_over(4) and is_over(5) and is_over(40)
    assert not is_over(3) and not is_over(2) and not is_over(-40)
"""
_DRIVER = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from mutants import draw
from mutation import BrokenBaseline, Project, run

project = Project(Path(sys.argv[2]), "sample", {"*.py": ("test_{stem}.py",)})
mutants = draw(project.modules, 99, 1, root=project.home)
for wanted in sys.argv[3:]:
    mutants = [one for one in mutants if one.after == wanted]
try:
    for mutant, outcome in run(project, mutants, jobs=2, timeout_s=1.0):
        print(outcome, "|", mutant.before, "|", mutant.after)
except BrokenBaseline as broken:
    print("refused:", str(broken).splitlines()[0])
"""


def _project(folder: Path, source: str, tests: str) -> Path:
    for name, text in {
        "src/sample/__init__.py": "",
        "src/sample/limit.py": source,
        "tests/test_limit.py": tests,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _outcomes(project: Path, *only: str) -> list[str]:
    done = run_to_end(*PYTHON, "-c", _DRIVER, BENCHES, project, *only)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_the_tests_hold_dies(tmp_path: Path) -> None:
    found = _outcomes(_project(tmp_path, _LIMIT, _TESTED))
    assert len(found) == 2  # the comparison and the number, each changed in one way
    assert {line.split(" | ")[0] for line in found} == {"killed"}
    assert (tmp_path / "src/sample/limit.py").read_text() == _LIMIT


def test_what_no_test_holds_is_named(tmp_path: Path) -> None:
    loose = "from sample.limit import is_over\n\ndef test_it():\n    assert is_over(40)\n"
    found = _outcomes(_project(tmp_path, _LIMIT.replace("> 3", "> min(3, 9)"), loose))
    before, after = "return count > min(3, 9)", "return count > max(3, 9)"
    assert f"survived | {before} | {after}" in found


def test_what_never_ends_is_ended_and_counts_as_noticed(tmp_path: Path) -> None:
    source = "def is_over(count):\n    while True:\n        break\n    return count > 3\n"
    found = _outcomes(_project(tmp_path, source, _TESTED), "continue")
    assert found == ["timeout | break | continue"]


def test_tests_that_fail_with_nothing_changed_are_refused(tmp_path: Path) -> None:
    (refusal,) = _outcomes(_project(tmp_path, _LIMIT, _TESTED.replace("is_over(5)", "is_over(1)")))
    assert refusal == ("refused: limit.py: its tests fail with nothing changed; mend them first")


def test_a_seed_draws_the_same_and_types_are_nothing_to_change(tmp_path: Path) -> None:
    typed = "from __future__ import annotations\n\ndef f(a: int | None = 3) -> int | str:\n"
    root = _project(tmp_path, typed + "    b: int | None = a\n    return b or 7\n", "") / "src"
    drawn = [draw(["sample/limit.py"], 99, seed, root=root) for seed in (5, 5)]
    assert drawn[0] == drawn[1]
    assert {one.before for one in drawn[0]} == {
        "def f(a: int | None = 3) -> int | str:",
        "return b or 7",
    }
    assert all("int | None" in one.after or "return" in one.after for one in drawn[0])
    assert draw(["sample/limit.py"], 1, 5, root=root) == drawn[0][:1]


def test_an_equivalent_says_why_and_is_found_on_whatever_line_it_stands(tmp_path: Path) -> None:
    listed = tmp_path / "equivalents.txt"
    listed.write_text(
        "# Nine is never reached.\n"
        "sample/limit.py: SwapFunction\n- a = min(b, 9)\n+ a = max(b, 9)\n"
    )
    (known,) = read_equivalents(listed)
    assert known == Equivalent(
        *("sample/limit.py", "SwapFunction", "a = min(b, 9)", "a = max(b, 9)"),
        why="Nine is never reached.",
    )
    assert known.is_of(
        Mutant(*("sample/limit.py", "SwapFunction", 77), known.before, known.after, "")
    )
    root = _project(tmp_path, "b = 1\n\n\na = min(b, 9)\n", "") / "src"
    assert list(stale([known], root=root)) == []
    (root / "sample/limit.py").write_text("b = 1\na = min(b, 8)\n")
    assert list(stale([known], root=root)) == [known]


@pytest.mark.parametrize(
    "text", ["a.py: X\n- a\n+ b", "# why\na.py: X\n- a", "# why\na.py\n- a\n+ b"]
)
def test_an_equivalent_without_a_part_is_refused(tmp_path: Path, text: str) -> None:
    listed = tmp_path / "equivalents.txt"
    listed.write_text(text)
    with pytest.raises(ValueError, match="expected why, `module: operator`, `- ` and `\\+ `"):
        read_equivalents(listed)


def test_every_module_that_is_changed_has_tests() -> None:
    project = Project(ROOT, "jobproof", TESTS)
    assert len(project.modules) > 30
    for module in project.modules:
        assert project.tests_of(module), module
    for pattern, files in TESTS.items():
        assert list(project.home.glob(pattern)), pattern
        for name in files:
            assert "{stem}" in name or (ROOT / "tests" / name).is_file(), name


@pytest.mark.parametrize(
    ("killed", "made", "is_enough"),
    [
        (0, 0, False),
        (360, 400, True),
        (359, 400, False),
        (25, 25, True),
        (21, 25, True),
        (15, 25, False),
    ],
)
def test_a_small_sample_is_refused_only_where_chance_doesnt_explain_it(
    killed: int, made: int, is_enough: bool
) -> None:
    tally = Tally()
    for number in range(made):
        mutant = Mutant("a.py", "AddNot", number, "", "", "")
        tally.add(mutant, "killed" if number < killed else "survived")
    assert tally.is_enough is is_enough
    assert len(tally.survivors) == made - killed


def test_every_equivalent_that_is_listed_can_still_be_made() -> None:
    listed = read_equivalents(EQUIVALENTS)
    assert listed
    assert list(stale(listed, root=Project(ROOT, "jobproof", TESTS).home)) == []
