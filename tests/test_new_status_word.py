"""
A status word goes from the profile to the panel: profile and mock are edited, nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.contract.edited_api import Edit, copied, put_key
from tests.probes.live import running, sample, write_config
from tests.tools import PATIENCE_S, PYTHON, run_to_end, until

from jobproof.contract.client.curl import Client
from jobproof.contract.mock import MockServer
from jobproof.contract.model.api import Api, load_api
from jobproof.contract.model.profile import Phase
from jobproof.contract.model.request import build_owner_request
from jobproof.grafana.configured import configured_settings
from jobproof.grafana.files import dashboard_files
from jobproof.probes.web.view_protocols import statuses_of

WORD, COLOUR = "paused", "#0f1e2d"
LIFE: dict[str, Any] = {
    "summary": "is paused before it is done",
    "stages": [
        {"status": "queued"},
        {"status": WORD, "after": "1 poll"},
        {
            "status": "completed",
            "after": "1 poll",
            "body": {"result": {"urls": ["https://gen.krea.ai/images/${uuid:a}.png"]}},
        },
    ],
}


def _open(document: Any) -> None:
    responses = document["paths"]["/jobs/{id}"]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    del schema["properties"]["status"]["enum"]


@pytest.fixture(params=["the document enumerates", "the document leaves it open"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """
    A copy of an API's folder with one word and one life more. Where the document enumerates
    the status, the word says where the vendor documents it.
    """
    word = {"phase": "pending", "rank": 3, "colour": COLOUR, "meaning": "rests for a while"}
    edits: dict[str, Edit] = {}
    if "enumerates" in request.param:
        word["source"] = "the vendor's page on pausing jobs"
    else:
        edits["document"] = _open

    def mock(script: Any) -> None:
        put_key("lives", {"resting": LIFE, **script["lives"]})(script)
        put_key("jobs.owner", ["resting", *script["jobs"]["owner"]])(script)

    return copied(tmp_path, profile=put_key(f"status.words.{WORD}", word), mock=mock, **edits)


def test_the_mock_serves_it(folder: Path) -> None:
    api = load_api(folder)
    with MockServer(api) as mock, Client() as client:
        statuses = [_status(api, mock, client) for _ in range(3)]
    assert statuses == ["queued", WORD, "completed"]


def _status(api: Api, mock: MockServer, client: Client) -> object:
    job_id = mock.jobs[0].id
    request = build_owner_request(api, mock.url, job_id, mock.token)
    seen = api.observe(client.send(request, deadline_s=PATIENCE_S))
    return seen.job.status if seen.job is not None else seen.code


def test_the_suite_says_kept_and_has_reached_it(folder: Path) -> None:
    report = folder.parent / "report.json"
    options = ("--api", folder, "--report", report, "--effort", "quick")
    done = run_to_end(*PYTHON, "-m", "jobproof", "test", *options)
    said = json.loads(report.read_text(encoding="utf-8"))
    assert (done.returncode, said["verdict"]) == (0, "kept"), done.stdout
    reach = next(line for line in done.stdout.splitlines() if line.startswith("reach:"))
    assert WORD in reach.partition("statuses ")[2].split(", ")


def test_the_daemon_counts_it(folder: Path) -> None:
    name = "jobproof_job_status_observations_total"
    with MockServer(load_api(folder)) as mock:
        config = write_config(folder.parent, mock, api=f"./{folder.name}")
        with running(config) as (daemon, heard):
            until(lambda: sum(r.job_status == WORD for r in heard.of("known")) >= 1)
            until(lambda: sum(r.job_status == "completed" for r in heard.of("known")) >= 1)
        assert sample(daemon, name, job_status=WORD) == 1.0
        assert sample(daemon, name, job_status="unknown") == 0.0
        assert {r.outcome.value for r in heard.of("known")} == {"ok"}


def test_dashboards_and_pages_paint_it(folder: Path) -> None:
    config = write_config(folder.parent, "https://api.example.com", api=f"./{folder.name}")
    config.write_text(config.read_text(encoding="utf-8").replace("ids: []", "ids: [x]"), "utf-8")
    settings = configured_settings(config)
    assert [s.phase for s in settings.statuses if s.word == WORD] == [Phase.PENDING]
    painted = [text for text in dashboard_files(settings).values() if COLOUR in text]
    assert painted
    assert all(f'"{WORD}"' in text for text in painted)
    assert statuses_of(load_api(folder).profile)[WORD].colour == COLOUR
