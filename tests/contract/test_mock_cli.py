"""
`jobproof mock` as a process, `jobproof faults` as text and JSON.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from tests.tools import PATIENCE_S

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.cli import faults, mock
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS

_START = "from jobproof.contract.mock.cli import mock; mock()"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-c", _START, "--fault", "status_null", "--lively", "60", "--seed", "7"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate(timeout=PATIENCE_S)


def test_mock_says_where_it_is_serves_and_stops_on_a_signal(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    card = json.loads(process.stdout.readline())
    hint = process.stderr.readline()
    job, life = next(iter(card["jobs"].items()))
    assert life == "image"
    request = urllib.request.Request(
        f"{card['url']}/jobs/{job}", headers={"Authorization": f"Bearer {card['token']}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert json.load(answer)["status"] is None
    assert hint.startswith(
        f"Ask it: KREA_API_TOKEN={card['token']} jobproof test --api krea --url "
    )
    named = re.findall(r"--job (\S+)", hint)
    assert set(named) < set(card["jobs"])  # those that keep coming aren't named
    assert set(re.findall(r"--foreign-job (\S+)", hint)) == set(card["foreign_jobs"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE_S) == 0


def test_mock_refuses_an_unknown_fault_with_the_nearest() -> None:
    result = CliRunner().invoke(mock, ["--fault", "hangs"])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "unknown fault 'hangs'. Did you mean 'hang'?"


def test_faults_lists_all_faults_and_variants() -> None:
    result = CliRunner().invoke(faults)
    assert result.exit_code == 0
    rows = [line for line in result.output.splitlines() if re.match(r"  \w", line)]
    assert [row.split()[0] for row in rows] == [*FAULTS, *VARIANTS]
    arguable = sum(not fault.definite for fault in FAULTS.values())
    assert sum("(arguable)" in row for row in rows) == arguable
    assert "found by known_job_is_answered" in result.output
    assert "critical, documented: profile.yaml: not_found" in result.output
    assert "right by RFC 9110 15.6.4: out of service for a time" in result.output


def test_faults_of_one_api_come_as_json() -> None:
    result = CliRunner().invoke(faults, ["--api", "openai-batch", "--json"])
    rows = json.loads(result.output)
    names = {row["name"] for row in rows}
    assert "link_relative" not in names
    assert "never_ends" in names
    assert {row["class"] for row in rows} == set("SFMTEXKAGILPHWQRVD")
    faults_alone = [row for row in rows if row["class"] != "V"]
    assert all(row["basis"] and row["source"] and row["severity"] for row in faults_alone)
    assert all(row["why"] for row in rows if row["class"] == "V")
