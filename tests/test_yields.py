"""
What each question finds is measured by judging again what was exchanged, with questions left out.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.planning.target import Effort
from jobproof.contract.suite.planning.yields import ALWAYS, read_yields

pytestmark = pytest.mark.ladder

BENCH = Path(__file__).parent.parent / "benches" / "yields.py"


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("bench_yields", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks for its module by name.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "bench_yields", module)
        spec.loader.exec_module(module)
        yield module


@pytest.mark.parametrize(
    ("fault", "needed"),
    [
        ("unsigned_token_lets_in", "first invalid GET claimed_credential"),
        ("crash_on_emoji", "hostile '\\U0001f600'"),
        ("foreign_job_without_hyphens", "disguised without hyphens"),
    ],
)
def test_a_question_is_needed_where_nobody_finds_the_fault_without_it(
    bench: ModuleType, fault: str, needed: str
) -> None:
    recording = bench.record(fault, Effort.STANDARD)
    assert needed in bench.where_found(recording)
    others = [name for name in recording.questions if name != needed]
    assert not bench.where_found(recording, others)
    assert bench.where_found(recording, [needed])
    fewest, ways = bench.needs(recording)
    assert fewest == [needed]
    assert ways == [[needed]]
    assert 1 < bench.first_found(recording) <= len(recording.exchanges)


def test_what_a_fault_is_compared_with_is_needed_too(bench: ModuleType) -> None:
    recording = bench.record("foreign_sets_cookie", Effort.STANDARD)
    fewest, _ = bench.needs(recording)
    assert len(fewest) > 1
    assert bench.where_found(recording, fewest)
    for name in fewest:
        assert not bench.where_found(recording, [one for one in fewest if one != name]), name


def test_a_right_server_needs_no_question(bench: ModuleType) -> None:
    # As a fault that doesn't show: nothing is found, and nothing claimed.
    recording = bench.record("id_missing", Effort.QUICK)
    silent = bench.replace(recording, fault="crash_on_emoji")
    assert bench.needs(silent) == ([], [])
    assert bench.first_found(silent) is None


def test_what_finds_most_comes_first_and_after_what_it_needs(bench: ModuleType) -> None:
    wanted = [[["a"]], [["a"]], [["b"], ["c"]], [["c"]], [["d", "a"]], [["first owner GET"]]]
    order = bench.ordered(wanted)
    assert order[: len(ALWAYS)] == list(ALWAYS)
    assert sorted(order[len(ALWAYS) :]) == ["a", "c", "d"]
    assert order.index("d") < order.index("a")


def test_no_question_is_asked_for_a_fault_or_check_that_there_isnt() -> None:
    known = {check.id for check in load_checks()}
    assert frozenset().union(*read_yields().checks.values()) <= known


def test_each_question_is_asked_for_a_fault_or_says_why_else(bench: ModuleType) -> None:
    with bench.YIELDS.open(encoding="utf-8", newline="") as file:
        rows = {row["question"]: row["needed_for"] for row in csv.DictReader(file)}
    useless = [name for name, fault in rows.items() if not fault]
    assert set(rows.values()) - {""} <= FAULTS.keys()
    assert bench.ANYWAY.keys() <= rows.keys()
    assert [
        name
        for name in useless
        if name not in (*ALWAYS, *bench.ANYWAY) and not name.startswith(bench.SPARE)
    ] == []


def test_each_check_of_a_fault_is_known_to_need_a_question() -> None:
    needed = frozenset().union(*read_yields().checks.values())
    proved = {fault.proves for fault in FAULTS.values() if fault.proves}
    # The others' faults are of other APIs, or of what is drawn.
    assert len(proved & needed) > 0.9 * len(proved)
