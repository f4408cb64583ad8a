"""
pygeoapi, and jobs of OGC API - Processes that it has really run: `GET /jobs/{jobId}`.

Its own document names no schema for a job's body, so the folder has one after the standard.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from tests.wild.conformance import Conclusion, ask, held_to_its_contract
from tests.wild.conftest import WildServer
from tests.wild.faults import FAULTS, Keys, held_with_fault
from tests.wild.proxy import ProxiedAnswer, proxy, unchanged

KEYS = Keys(
    id="jobID",
    status="status",
    created="created",
    required="type",
    unfinished="accepted",
)


def holds_true(conclusion: Conclusion) -> None:
    """
    The contract is kept, and nothing was remarked on but a question that it hung up on.
    """
    assert conclusion.report["verdict"] == "kept", conclusion.said
    assert conclusion.exit_code == 0
    told = {found["check"] for found in conclusion.report["findings"]}
    assert told <= {"endpoint_is_available"}, conclusion.said


def test_finished_jobs_keep_the_contract(pygeoapi: WildServer, tmp_path: Path) -> None:
    found = held_to_its_contract(pygeoapi.api, pygeoapi.url, pygeoapi.ended.values(), tmp_path)
    holds_true(found)
    assert found.statuses == {"successful", "failed"}


def test_where_the_standard_has_no_null_an_unfinished_jobs_null_is_found(
    pygeoapi: WildServer, tmp_path: Path
) -> None:
    api = Path(shutil.copytree(pygeoapi.api, tmp_path / "standard"))
    text = (api / "openapi.yaml").read_text(encoding="utf-8")
    assert "finished: {type: string, format: date-time, nullable: true}" in text
    strict = text.replace("format: date-time, nullable: true", "format: date-time")
    (api / "openapi.yaml").write_text(strict, encoding="utf-8")
    jobs = pygeoapi.jobs.values()
    found = held_to_its_contract(api, pygeoapi.url, jobs, tmp_path, "--effort", "quick")
    assert found.exit_code == 1, found.said
    breaking = found.found("violation", breaking=True)
    assert set(breaking) == {("null_only_where_allowed", "/finished")}, found.said
    assert ask(f"{pygeoapi.url}/jobs/{pygeoapi.jobs['running']}").body["finished"] is None


def test_a_job_that_ends_while_it_is_watched_keeps_the_contract(
    pygeoapi: WildServer, tmp_path: Path
) -> None:
    polls = []

    def let_it_end(answer: ProxiedAnswer) -> ProxiedAnswer:
        if answer.job is not None and answer.job["jobID"] == pygeoapi.jobs["running"]:
            polls.append(answer.job["status"])
            if len(polls) == 3:
                pygeoapi.gate.touch()
        return answer

    with proxy(pygeoapi.url, let_it_end) as url:
        jobs = [pygeoapi.jobs["running"]]
        found = held_to_its_contract(pygeoapi.api, url, jobs, tmp_path, "--job-deadline", "300")
    holds_true(found)
    assert polls[0] == "accepted"
    assert {"accepted", "successful"} <= found.statuses


def test_its_own_document_points_at_the_network_and_is_refused(
    pygeoapi: WildServer, tmp_path: Path
) -> None:
    api = Path(shutil.copytree(pygeoapi.api, tmp_path / "own"))
    (api / "own.yaml").replace(api / "openapi.yaml")
    jobs = [pygeoapi.jobs["successful"]]
    found = held_to_its_contract(api, pygeoapi.url, jobs, tmp_path)
    assert found.exit_code == 2
    (line,) = found.said.splitlines()
    assert "NotFound.yaml' is on the network" in line


def test_a_document_without_a_schema_for_the_job_is_no_contract_that_could_be_kept(
    pygeoapi: WildServer, tmp_path: Path
) -> None:
    own = yaml.safe_load((pygeoapi.api / "own.yaml").read_text(encoding="utf-8"))
    get = own["paths"]["/jobs/{jobId}"]["get"]
    assert get["responses"]["200"] == {"$ref": "#/components/responses/200"}
    assert "content" not in own["components"]["responses"]["200"]
    # What it refers to on the network is left out.
    get["responses"] = {code: {"description": code} for code in ("200", "404")}
    api = Path(shutil.copytree(pygeoapi.api, tmp_path / "own"))
    (api / "openapi.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    jobs = pygeoapi.ended.values()
    found = held_to_its_contract(api, pygeoapi.url, jobs, tmp_path)
    assert found.exit_code == 3, found.said
    assert found.report["verdict"] == "inconclusive"
    assert found.broken == set(), found.said


@pytest.mark.parametrize("name", ["another id", "every id known", "required key lost"])
def test_what_a_proxy_breaks_is_found(name: str, pygeoapi: WildServer, tmp_path: Path) -> None:
    job, fault = pygeoapi.jobs["successful"], FAULTS[name]
    found = held_with_fault(name, KEYS, pygeoapi, "/jobs/{}", job, tmp_path)
    assert found.exit_code == 1, found.said
    assert fault.broken <= found.broken <= fault.broken | fault.also, found.said


def test_a_proxy_that_changes_nothing_breaks_nothing(pygeoapi: WildServer, tmp_path: Path) -> None:
    jobs = [pygeoapi.jobs["successful"]]
    with proxy(pygeoapi.url, unchanged) as url:
        found = held_to_its_contract(pygeoapi.api, url, jobs, tmp_path, "--effort", "quick")
    assert found.report["verdict"] == "kept", found.said
    holds_true(found)
