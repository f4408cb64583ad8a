"""
Every report, whatever it is of, is as the schema says; and the schema says what each key is.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from tests.contract.publishing.made_reports import SCHEMA
from tests.contract.small_api import small_folder
from tests.contract.test_check_command import RIGHT, checked, entry, saved
from tests.servers import free_port
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api
from jobproof.contract.suite.session.told import told_without_run


def _parts(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """
    The schema, and every one that stands inside it.
    """
    yield node
    inside = [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    inside += [node.get(key) for key in ("items", "additionalProperties")]
    for part in inside:
        if isinstance(part, dict):
            yield from _parts(part)


CLOSED = copy.deepcopy(SCHEMA)
"""The schema, where a key that it doesn't name is a mistake."""
for _part in _parts(CLOSED):
    if "properties" in _part:
        _part.setdefault("additionalProperties", False)


def holds(report: dict[str, Any]) -> None:
    jsonschema_rs.Draft202012Validator(CLOSED, validate_formats=True).validate(report)
    assert report["format"] == 1


def test_each_key_is_described() -> None:
    silent = [
        key
        for part in _parts(SCHEMA)
        for key, value in part.get("properties", {}).items()
        if not value.get("description")
    ]
    assert silent == []


def test_a_schema_that_is_closed_lets_no_strange_key_in() -> None:
    report = told_without_run({"api": None, "url": None}, interrupted="SIGINT").report
    assert report is not None
    with pytest.raises(jsonschema_rs.ValidationError):
        holds({**report, "strange": 1})


def test_a_run_with_everything_in_it(tmp_path: Path) -> None:
    """
    Broken, accepted, drifting and new; with a baseline, a tolerated lag and a note of its own.
    """
    rules = [{"check": "job_id_is_echoed", "reason": "ticket 4711", "expires": "2999-12-31"}]
    (tmp_path / "accept.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    accepting = ("--accept-file", "accept.yaml", "--staleness", "1s", "--retry-transport", "2")
    faults = ("id_of_another_job", "internal_key", "status_unheard_of")
    with MockServer(find_api("krea"), faults=faults) as mock:
        asked = ("--url", mock.url, "--job", mock.jobs[0].id, "--token-env", "T")
        for more in ((), ("--baseline", "report.json", *accepting)):
            done = run_to_end(
                *(*JOBPROOF, "test", *asked, "--effort", "quick", "--report", "report.json"),
                *more,
                folder=tmp_path,
                env={**os.environ, "T": mock.token},
            )
            assert done.returncode == 1, done.stdout + done.stderr
            report = json.loads((tmp_path / "report.json").read_text("utf-8"))
            holds(report)
    assert report["effort"] == "quick"
    assert report["baseline"]["known"] > 0
    assert report["acceptances"][0]["state"] == "used"


def test_nobody_there(tmp_path: Path) -> None:
    done = run_to_end(
        *(*JOBPROOF, "test", "--url", f"http://127.0.0.1:{free_port()}", "--job", "4711"),
        *("--token-env", "T", "--retry-transport", "1", "--report", "report.json"),
        *("--effort", "quick"),
        folder=tmp_path,
        env={**os.environ, "T": "a-token"},
    )
    assert done.returncode == 3, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    holds(report)
    assert {one["reason"] for one in report["retries"]} == {"connect"}


def test_recordings(tmp_path: Path) -> None:
    other = {**RIGHT, "id": "another", "new": 1}
    folder = small_folder(tmp_path / "api")
    path = saved(tmp_path, entry(), entry(other, at=1e9 + 9))
    report = json.loads(checked("--api", folder, "--json", path).stdout)
    holds(report)
    assert report["effort"] is report["seed"] is None
    assert report["findings"]


@pytest.mark.parametrize("how", [{"interrupted": "SIGTERM"}, {"crash": "a worker has died"}])
def test_no_run_at_all(how: dict[str, str]) -> None:
    report = told_without_run({"api": None, "url": None}, **how).report
    assert report is not None
    holds(report)
    assert report["effort"] is None
    assert report["requests"] == 0
