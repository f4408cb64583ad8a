"""
A small sample of the benches whose figures the tests leave to them: they run, and print ratios.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from tests.tools import PYTHON, run_to_end

BENCHES = Path(__file__).parent.parent / "benches"


@pytest.mark.ladder
def test_deadlines_are_shown_beside_their_peers() -> None:
    done = run_to_end(*PYTHON, BENCHES / "deadlines.py", "--rounds", "1", "--deadline", "0.3")
    # 1 is a figure over the bar, which a busy machine may well come to.
    assert done.returncode in (0, 1), done.stderr
    rows = re.findall(r"^(no handshake|silence|dripping \w+) +(\S+) ", done.stdout, re.MULTILINE)
    assert len(rows) == 4
    assert all(float(ratio) >= 0.99 for _, ratio in rows)
    assert len(re.findall(r"jobproof [\d.]+ +requests [\d.]+", done.stdout)) == 2


@pytest.mark.ladder
def test_a_judgement_is_shown_beside_the_schema_alone() -> None:
    done = run_to_end(*PYTHON, BENCHES / "judgement.py", "--rounds", "2")
    assert done.returncode in (0, 1), done.stderr
    found = re.search(r"^judgement / schema alone +([\d.]+) x$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    # Every check that there is takes longer than the schema, which is one of them.
    assert float(found[1]) > 1


@pytest.mark.ladder
def test_a_long_life_is_shown_beside_a_short_one() -> None:
    # It takes its polls from the bench beside it, so that folder has to be looked into.
    done = run_to_end(sys.executable, BENCHES / "long_lives.py", "--polls", "40")
    assert done.returncode in (0, 1), done.stderr
    row = re.compile(
        r"^(check|suite|daemon|daemon, replicas) +x4 polls take +([\d.]+) x", re.MULTILINE
    )
    ratios = {name: float(ratio) for name, ratio in row.findall(done.stdout)}
    assert len(ratios) == 4, done.stdout + done.stderr
    # Four times the work is more work; what grows with its square would be sixteen times.
    assert all(1 < ratio < 16 for ratio in ratios.values())


@pytest.mark.ladder
def test_a_large_recording_is_shown_beside_its_json() -> None:
    done = run_to_end(sys.executable, BENCHES / "recordings.py", "--entries", "400")
    assert done.returncode in (0, 1), done.stderr
    found = re.search(r"^x4 entries take +([\d.]+) x the time", done.stdout, re.MULTILINE)
    assert found, done.stdout
    assert 1 < float(found[1]) < 16
    assert len(re.findall(r"^ +[\d,]+ entries: .* peak +\d+ MB", done.stdout, re.MULTILINE)) == 3
    assert "check / json.load" in done.stdout


@pytest.mark.ladder
def test_the_start_of_each_command_is_shown_beside_python_alone() -> None:
    done = run_to_end(*PYTHON, BENCHES / "startup.py", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(.+?) +\d+ ms CPU +([\d.]+) x$", done.stdout, re.MULTILINE)
    assert [name for name, _ in rows][-3:] == [
        "jobproof --help",
        "jobproof test --effort quick",
        "jobproof test",
    ]
    ratios = {name: float(ratio) for name, ratio in rows}
    # What both do is the same, so the order holds on whatever machine.
    assert ratios["jobproof --help"] < ratios["jobproof test"]


@pytest.mark.ladder
def test_a_run_is_shown_beside_stock_schemathesis() -> None:
    small = ("--faults", "1", "--variants", "1", "--rounds", "1")
    done = run_to_end(sys.executable, BENCHES / "runs.py", *small)
    # 1 is a correct server called broken, of which this is no measure.
    assert done.returncode in (0, 1), done.stderr
    row = re.compile(
        r"^(jobproof test|st run)(.*?) +(\d+) +([\d.]+) s +([\d.]+) s +([01]) of 1 +([01]) of 1$",
        re.MULTILINE,
    )
    rows = row.findall(done.stdout)
    assert [who for who, *_ in rows] == ["jobproof test"] * 3 + ["st run"] * 2, done.stdout
    requests = [int(count) for _, _, count, *_ in rows]
    # Each effort asks more than the one before, and tuned asks more than as it comes.
    assert requests[0] < requests[1] < requests[2]
    assert requests[3] < requests[4]
    assert all(float(cpu) > 0 for _, _, _, _, cpu, *_ in rows)
    ratios = re.findall(
        r"requests [\d.]+ x, wall [\d.]+ x, CPU [\d.]+ x$", done.stdout, re.MULTILINE
    )
    assert len(ratios) == 6


def test_what_is_told_of_runs_is_what_the_bench_measures() -> None:
    spec = importlib.util.spec_from_file_location("bench_runs", BENCHES / "runs.py")
    assert spec is not None
    assert spec.loader is not None
    runs = importlib.util.module_from_spec(spec)
    # A dataclass looks for its module by name.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "bench_runs", runs)
        spec.loader.exec_module(runs)
    with runs.RUNS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    measured = [one.name for one in (*runs.OURS, *runs.THEIRS, *runs.EMBEDDED)]
    assert [row["name"] for row in rows] == measured
    (by,) = {row["by"] for row in rows}
    assert by.startswith("python benches/runs.py ")
    asked = {row["faults"].partition(" of ")[2] for row in rows if row["faults"]}
    assert len(asked) == 1, "all were asked about the same faults"


@pytest.mark.ladder
def test_every_way_to_be_down_is_shown_beside_the_servers_own_log() -> None:
    done = run_to_end(sys.executable, BENCHES / "truth.py", "--slots", "120")
    # 1 is a share that is too far off, as of few slots on a busy machine.
    assert done.returncode in (0, 1), done.stderr
    row = re.compile(
        r"^(?:ok |NOT) (.+?) +true ([\d.]+)  measured ([\d.]+)  of +\d+ slots; requests: "
        r"server's log +(\d+), metrics +(\d+); failed unasked +(\d+), neither +(\d+), late \d+$",
        re.MULTILINE,
    )
    rows = {name: figures for name, *figures in row.findall(done.stdout)}
    assert len(rows) + done.stdout.count("not measured: the name is gone") == 12, done.stdout
    # What is printed behind the row, and so not matched, would be counts that differ.
    assert all(logged == probed for _, _, logged, probed, _, _ in rows.values())
    for name, (true, measured, _, _, unasked, neither) in rows.items():
        assert (float(true) > 0, float(measured) > 0) == (("429" not in name),) * 2
        assert (int(unasked) > 0) is bool(re.search(r"Retry-After: (\d|a date)", name)) & (
            "503" in name
        )
        assert (int(neither) > 0) is ("429" in name)


def test_what_is_told_of_the_truth_is_what_the_bench_measures() -> None:
    with (BENCHES.parent / "docs" / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    source = (BENCHES / "truth.py").read_text(encoding="utf-8")
    assert [row["world"] for row in rows] == re.findall(
        r"^    World\(\"(.+?)\"", source, re.MULTILINE
    )
    for row in rows:
        assert abs(float(row["true"]) - float(row["measured"])) <= 0.01
        assert row["logged"] == row["probed"]
        assert int(row["slots"]) >= 500
        assert row["by"].startswith("python benches/truth.py ")
