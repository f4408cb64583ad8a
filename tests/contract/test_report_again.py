"""
A report's evidence says the same once more, or tells what can't be seen in it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import NOW, TOKEN, answer, api, job, judge, trace
from tests.contract.test_suite_run import carried_out

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.acceptance.accepted import starred
from jobproof.contract.model.verdict import Verdict, group
from jobproof.contract.recordings.har.writer import har_log
from jobproof.contract.recordings.replay import RecordedRun, judge_recordings
from jobproof.contract.suite.reporting.outcome import outcome_of_run
from jobproof.contract.suite.reporting.report import build_report, finding_as_dict
from jobproof.contract.suite.running.run import Run


def _again(folder: Path, entry: Any) -> RecordedRun:
    path = folder / "one.har"
    path.write_text(json.dumps(har_log([entry])), encoding="utf-8")
    return judge_recordings(api(), [path])


@pytest.mark.parametrize(
    "fault",
    [
        "end_undone",
        "foreign_job_shown",
        "foreign_job_forbidden",
        "json_truncated",
        "not_utf8",
        "number_nan",
        "tag_constant",
    ],
)
def test_each_finding_of_a_run_is_said_again_or_told(tmp_path: Path, fault: str) -> None:
    quick = {"effort": "quick"}
    with carried_out(faults=(fault,), patient=False, values=quick) as (run, _):
        report = build_report(
            run, outcome_of_run(run, generated=False), started_at=NOW, duration_s=1.0
        )
    assert report["findings"]
    for found in json.loads(json.dumps(report))["findings"]:
        again = _again(tmp_path, found["evidence"]["har"])
        wanted = (found["check"], found["kind"], starred(found["pointer"]))
        said = {
            (g.first.check, g.first.kind.value, starred(pointer))
            for g in again.groups
            for pointer in (g.first.pointer, *g.pointers)
        }
        lost = {(f.check, f.kind, starred(f.pointer)) for f in again.lost}
        assert wanted in said | lost


def _written(exchange: Any, check: str, **options: Any) -> Any:
    found = next(g for g in group(judge()(trace(exchange))) if g.first.check == check)
    return finding_as_dict(found, Redactor([TOKEN]), strict=False, token_env="T", **options)


def test_a_body_for_which_a_report_has_no_room_is_told(tmp_path: Path) -> None:
    exchange = answer(job("shiny"))
    written = _written(exchange, "status_is_documented", has_body=False)
    again = _again(tmp_path, written["evidence"]["har"])
    assert [lost.check for lost in again.lost] == ["status_is_documented"]


def test_a_large_report_holds_the_first_bodies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with carried_out(patient=False, values={"effort": "quick"}) as (run, _):
        pass
    large = answer(job("shiny", note="x" * 3_000_000))
    finding = next(f for f in judge()(trace(large)) if f.check == "status_is_documented")
    monkeypatch.setattr(
        Run,
        "groups",
        group(replace(finding, check=f"check_{number}") for number in range(5)),
    )
    report = build_report(run, outcome_of_run(run, generated=False), started_at=NOW, duration_s=1.0)
    contents = [found["evidence"]["har"]["response"]["content"] for found in report["findings"]]
    assert ["text" in content for content in contents] == [True, True, False, False, False]
    assert _again(tmp_path, report["findings"][4]["evidence"]["har"]).verdict in set(Verdict)
