"""
A Prefect server, and flows that it has really run: `GET /api/flow_runs/{id}` is held to the
document that the server hands out itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest
from tests.tools import JOBPROOF, run_to_end
from tests.wild.conformance import Conclusion, ask, held_to_its_contract
from tests.wild.conftest import WildServer
from tests.wild.faults import FAULTS, Keys, held_with_fault
from tests.wild.proxy import ProxiedAnswer, proxy, unchanged

KEYS = Keys(
    id="id",
    status="state_type",
    created="created",
    required="flow_id",
    unfinished="RUNNING",
)


def holds_true(conclusion: Conclusion, prefect: WildServer) -> None:
    """
    The contract is kept, and whatever was remarked on is so.
    """
    assert conclusion.report["verdict"] == "kept", conclusion.said
    assert conclusion.exit_code == 0
    job = f"{prefect.url}/flow_runs/{prefect.jobs['completed']}"
    # Of all routes with this path it lists the methods of the first.
    assert conclusion.warnings == {"head_is_answered", "refusal_allows_what_there_is"}
    assert ask(job, "HEAD").code == 405
    assert "GET" not in ask(job, "HEAD").headers["allow"]
    # Its document lists 200 and 422 alone.
    assert set(conclusion.found("gap")) == {("code_is_documented", "code")}
    assert ask(f"{prefect.url}/flow_runs/{uuid4()}").code == 404
    assert not conclusion.found("drift")


def test_finished_flow_runs_keep_the_contract(prefect: WildServer, tmp_path: Path) -> None:
    found = held_to_its_contract(prefect.api, prefect.url, prefect.ended.values(), tmp_path)
    holds_true(found, prefect)
    assert found.statuses == {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def test_a_flow_run_that_ends_while_it_is_watched_keeps_the_contract(
    prefect: WildServer, tmp_path: Path
) -> None:
    polls = []

    def let_it_end(answer: ProxiedAnswer) -> ProxiedAnswer:
        if answer.job is not None and answer.job["id"] == prefect.jobs["running"]:
            polls.append(answer.job["state_type"])
            if len(polls) == 3:
                prefect.gate.touch()
        return answer

    with proxy(prefect.url, let_it_end) as url:
        jobs = [prefect.jobs["running"]]
        found = held_to_its_contract(prefect.api, url, jobs, tmp_path, "--job-deadline", "300")
    holds_true(found, prefect)
    assert found.statuses == {"RUNNING", "COMPLETED"}
    assert polls[0] == "RUNNING"


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_proxy_breaks_is_found(name: str, prefect: WildServer, tmp_path: Path) -> None:
    job, fault = prefect.jobs["completed"], FAULTS[name]
    found = held_with_fault(name, KEYS, prefect, "/flow_runs/{}", job, tmp_path)
    assert found.exit_code == 1, found.said
    assert fault.broken <= found.broken <= fault.broken | fault.also, found.said


def test_a_proxy_that_changes_nothing_breaks_nothing(prefect: WildServer, tmp_path: Path) -> None:
    jobs = [prefect.jobs["completed"]]
    with proxy(prefect.url, unchanged) as url:
        found = held_to_its_contract(prefect.api, url, jobs, tmp_path, "--effort", "quick")
    assert found.report["verdict"] == "kept", found.said
    holds_true(found, prefect)


def test_one_round_of_the_monitor_finds_it_well(prefect: WildServer, tmp_path: Path) -> None:
    target = {
        "name": "prefect",
        "api": str(prefect.api),
        "url": prefect.url,
        "interval": "30s",
        "canaries": {
            "known": {"ids": list(prefect.ended.values())},
            "missing": {},
            "malformed": {},
        },
    }
    config = tmp_path / "jobproof.yaml"
    config.write_text(json.dumps({"targets": [target]}), encoding="utf-8")
    done = run_to_end(*JOBPROOF, "once", "--config", config, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["verdict"] == "kept"
    assert {result["canary"] for result in said["results"]} == {"known", "missing", "malformed"}
    assert {result["outcome"] for result in said["results"]} == {"ok"}
