"""
What the daemon's sink writes is a recording: judged again it says what was said live.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.contract.builders import NOW, answer, api, failure, replay
from tests.probes.live import write_config
from tests.probes.process import daemon
from tests.tools import until

from jobproof.contract import recordings
from jobproof.contract.judging.judge import Judge
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Exchange, Reason, Response
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import load_checks
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.recorded import Recorded, RecordedItem, Skipped, SkipReason
from jobproof.contract.recordings.source import read_recordings
from jobproof.probes.export.jsonl import JsonLines, JsonLinesOptions
from jobproof.probes.result import ProbeOutcome, ProbeResult

SCHEMA = json.loads(
    (Path(recordings.__file__).parent / "exchange.schema.json").read_text(encoding="utf-8")
)

PROMISED = (
    *("at", "target", "canary", "outcome", "code", "duration_seconds", "lag_seconds", "job_id"),
    *("subject", "credential", "job_status", "failure", "error", "findings"),
)


def _items(path: Path) -> list[RecordedItem]:
    return list(read_recordings([path], EndpointFilter(api())))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _said_live(path: Path) -> set[tuple[str, str]]:
    found = (finding for line in _lines(path) for finding in line["findings"])
    return {(f["check"], f["pointer"]) for f in found if f["kind"] == Kind.VIOLATION}


def _said_again(path: Path) -> set[tuple[str, str]]:
    judge, by_job = Judge(load_checks()), defaultdict(list)
    for item in _items(path):
        assert isinstance(item, Recorded), item
        by_job[item.exchange.request.job_id].append(api().observe(item.exchange))
    found = (
        finding
        for seen in by_job.values()
        for finding in replay(judge, Trace(api(), seen[0]), seen)
    )
    return {(f.check, f.pointer) for f in found if f.kind is Kind.VIOLATION}


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (None, None),
        ("id_of_another_job", "job_id_is_echoed"),
        ("status_unheard_of", "status_is_documented"),
        ("body_short", "body_arrives_whole"),
        ("status_goes_back", "status_moves_forward"),
    ],
)
def test_what_the_daemon_saw_is_judged_again_as_it_was_live(
    mock: MockServer, tmp_path: Path, fault: str | None, check: str | None
) -> None:
    sink = tmp_path / "results.jsonl"
    if fault:
        mock.set_faults(fault)
    ids = json.dumps([job.id for job in mock.jobs])
    canaries = (
        f"      known: {{ids: [{mock.jobs[0].id}]}}\n      missing: {{}}\n"
        "      anonymous: {}\n      malformed: {}\n"
    )
    more = f"    follow: [{{source: static, ids: {ids}}}]\nsinks: [{{sink: jsonl, path: {sink}}}]\n"
    with daemon(write_config(tmp_path, mock, canaries=canaries, more=more)) as process:
        until(lambda: process.count("jobproof_probes_total") >= 60)
        until(lambda: check is None or f'"check":"{check}"' in sink.read_text(encoding="utf-8"))
        assert process.end() == 0
    validator = jsonschema_rs.validator_for(SCHEMA)
    for line in _lines(sink):
        validator.validate(line)
        assert set(PROMISED) <= line.keys()
    assert {name for name, _ in _said_live(sink)} >= ({check} if check else set())
    assert bool(_said_live(sink)) == bool(fault)
    assert _said_again(sink) == _said_live(sink)
    assert mock.token not in sink.read_text(encoding="utf-8")


def _result(exchange: Exchange | None, **changes: Any) -> ProbeResult:
    result = ProbeResult("mocked", "known", ProbeOutcome.OK, NOW, 0.1, 0.0, exchange)
    return replace(result, **changes)


def _sink(path: Path, **options: Any) -> JsonLines:
    return JsonLines(JsonLinesOptions(path=str(path), **options))


def test_a_line_keeps_the_keys_that_a_result_had(tmp_path: Path) -> None:
    sink = _sink(tmp_path / "out.jsonl")
    sink.write(_result(answer()))
    sink.write(_result(failure(Reason.TIMEOUT, at=NOW), outcome=ProbeOutcome.TIMEOUT))
    sink.close()
    right, late = _lines(tmp_path / "out.jsonl")
    assert datetime.fromisoformat(right["at"]).timestamp() == pytest.approx(NOW, abs=1e-3)
    assert (right["target"], right["canary"], right["outcome"]) == ("mocked", "known", "ok")
    assert (right["code"], right["failure"], right["findings"]) == (200, None, [])
    assert late["failure"]["reason"] == "timeout"
    assert late["failure"]["head_arrived"] is False
    assert late["code"] is None


def test_a_probe_that_never_asked_is_a_line_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = _sink(path)
    sink.write(_result(None, outcome=ProbeOutcome.INTERNAL, error="our own code failed"))
    sink.write(_result(answer()))
    sink.close()
    first = _lines(path)[0]
    jsonschema_rs.validator_for(SCHEMA).validate(first)
    assert first["error"] == "our own code failed"
    skipped, kept = _items(path)
    assert isinstance(kept, Recorded)
    assert isinstance(skipped, Skipped)
    assert skipped.reason is SkipReason.NO_ANSWER


@pytest.mark.parametrize(("limit", "is_kept"), [(65_536, False), (65_537, True), (0, False)])
def test_a_body_over_the_limit_is_left_out_and_unknown(
    tmp_path: Path, limit: int, is_kept: bool
) -> None:
    path = tmp_path / "out.jsonl"
    sink = _sink(path, body_bytes=limit)
    sink.write(_result(answer(b"x" * 65_537)))
    sink.close()
    (item,) = _items(path)
    assert isinstance(item, Recorded)
    assert item.exchange.response is not None
    assert (item.exchange.response.body is not None) == is_kept
    assert _lines(path)[0]["response"]["body_size"] == 65_537


def test_a_line_that_was_cut_off_by_a_kill_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = _sink(path)
    sink.write(_result(answer()))
    sink.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    sink = _sink(path)
    sink.write(_result(answer()))
    sink.close()
    first, cut, last = _items(path)
    assert isinstance(first, Recorded)
    assert isinstance(last, Recorded)
    assert isinstance(cut, Skipped)
    assert cut.reason is SkipReason.UNREADABLE


def test_the_file_before_is_kept_and_each_is_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = _sink(path, max_bytes=4096)
    for _ in range(12):
        sink.write(_result(answer()))
    sink.close()
    before = path.with_name("out.jsonl.1")
    assert before.stat().st_size < 4096 + 2000
    found = [*_items(before), *_items(path)]
    assert all(isinstance(item, Recorded) for item in found)


def test_half_a_character_stops_no_line(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = _sink(path)
    seen = answer(headers={"x-odd": "\udce4"})
    assert isinstance(seen.answer, Response)
    sink.write(_result(seen, job_status="half \ud800"))
    sink.close()
    (item,) = _items(path)
    assert isinstance(item, Recorded)
    assert item.exchange.response is not None
    assert item.exchange.response.header("x-odd") == "\udce4"
