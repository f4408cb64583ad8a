"""
A small sample of the benches whose figures the tests leave to them: they run, and print ratios.
"""

from __future__ import annotations

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
