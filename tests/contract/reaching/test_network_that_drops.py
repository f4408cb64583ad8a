"""
A network that drops in the middle of a run: the run goes on where it was, says what was lost, and
counts each request that it has sent.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.contract.reaching.dropping_network import dropping_network
from tests.staging import Front
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api

AWAY_S = 2.0
"""Five tries of one request take three times as long."""


@dataclass
class Dropped:
    """
    Attributes:
        arrived: How many requests the server has got.
    """

    code: int
    said: str
    report: dict[str, Any]
    arrived: int

    @property
    def lost(self) -> int:
        """
        How many of those that were sent have not arrived.
        """
        return int(self.report["requests"]) - self.arrived


def run(folder: Path, *options: str) -> Dropped:
    with (
        MockServer(find_api("krea")) as mock,
        Front(mock) as front,
        dropping_network(front, at=20, seconds=AWAY_S) as network,
    ):
        job = next(job.id for job in mock.jobs if job.life == "old-image")
        done = run_to_end(
            *(*JOBPROOF, "test", "--api", "krea", "--url", f"http://127.0.0.1:{network.port}"),
            *("--job", job, "--token-env", "T", "--effort", "quick", "--seed", "7"),
            *("--report", "report.json", *options),
            folder=folder,
            env={**os.environ, "T": mock.token},
        )
        assert network.drops == 1
        report = json.loads((folder / "report.json").read_text("utf-8"))
        return Dropped(done.returncode, done.stdout + done.stderr, report, front.requests)


def test_with_retries_it_is_resumed_and_each_of_them_is_told(tmp_path: Path) -> None:
    dropped = run(tmp_path, "--retry-transport", "5")
    assert dropped.code == 0, dropped.said
    assert dropped.report["verdict"] == "kept"
    retries = dropped.report["retries"]
    assert len(retries) == dropped.lost > 1
    assert all("onnect" in one["detail"] or "reset" in one["detail"] for one in retries)
    assert f"note: {len(retries)} requests were lost on the way and sent again (" in dropped.said
    assert dropped.report["reach"]["codes"].get("none", 0) == 0
    assert dropped.report["findings"] == [
        one for one in dropped.report["findings"] if one["kind"] in ("gap", "drift")
    ]


def test_without_them_what_was_lost_is_told_and_breaks_no_promise(tmp_path: Path) -> None:
    dropped = run(tmp_path)
    assert dropped.code in (0, 3), dropped.said
    assert dropped.report["verdict"] == ("inconclusive" if dropped.code else "kept")
    assert dropped.report["retries"] == []
    assert dropped.lost == dropped.report["reach"]["codes"]["none"] > 0
    (lost,) = [one for one in dropped.report["findings"] if one["kind"] == "inconclusive"]
    assert lost["check"] == "endpoint_is_available"
    assert lost["count"] == dropped.lost
    assert "inconclusive: endpoint_is_available at code: no answer: " in dropped.said


@pytest.mark.parametrize("retries", ["0", "5"])
def test_the_budget_counts_what_is_lost(tmp_path: Path, retries: str) -> None:
    dropped = run(tmp_path, "--retry-transport", retries, "--budget", "40")
    assert dropped.report["requests"] == 40
    assert dropped.arrived == 40 - dropped.lost < 40
    assert dropped.code in (0, 3), dropped.said
