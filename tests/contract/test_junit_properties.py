"""
What JUnit XML says of a run beside its nodes: the verdict, what was sent, and how far it reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from jobproof.contract.model.verdict import CheckState
from jobproof.contract.suite.reporting.junit import properties_of

_COMMAND = (sys.executable, "-P", "-m", "jobproof", "test", "--quiet", "--seed", "5")


def _properties(file: Path) -> dict[str, str]:
    found = ElementTree.parse(file).iterfind("testsuite/properties/property")
    return {one.attrib["name"]: one.attrib["value"] for one in found}


def _run(folder: Path, *arguments: str) -> Path:
    command = (*_COMMAND, "--junit", "j.xml", "--report", "r.json", *arguments)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    return folder / "j.xml"


@pytest.mark.parametrize("workers", [(), ("--", "-n", "2")], ids=["alone", "xdist"])
def test_a_live_run_says_its_verdict_requests_seed_and_reach(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    properties = _properties(_run(tmp_path, "--budget", "30", *workers))
    report = json.loads((tmp_path / "r.json").read_text())
    assert properties == dict(properties_of(report))
    assert properties["jobproof.requests"] == "30"
    assert properties["jobproof.seed"] == "5"
    assert properties["jobproof.verdict"] == report["verdict"]
    assert properties["jobproof.reach.codes"].split() == list(report["reach"]["codes"])
    states = [check["state"] for check in report["checks"]]
    for state in CheckState:
        assert properties[f"jobproof.checks.{state.value}"] == str(states.count(state.value))


def test_the_time_of_a_node_is_its_own(tmp_path: Path) -> None:
    file = _run(tmp_path, "--budget", "15", "--rate-limit", "600/m")
    suite = ElementTree.parse(file).find("testsuite")
    assert suite is not None
    times = [float(case.attrib["time"]) for case in suite.iter("testcase")]
    # Whoever came first would else have taken as long as all requests together.
    assert max(times) < float(suite.attrib["time"]) / 2


def test_a_report_of_an_earlier_version_has_no_seed() -> None:
    report = {
        "verdict": "kept",
        "exit_code": 0,
        "requests": 1,
        "effort": None,
        "url": None,
        "reach": {"validated_bodies": 1, "codes": ["200"], "job_statuses": {"done": 1, "new": 0}},
        "checks": [{"state": "kept"}],
    }
    found = dict(properties_of(report))
    assert "jobproof.seed" not in found
    assert "jobproof.url" not in found
    assert found["jobproof.reach.statuses"] == "done"
