"""
Recorded traffic is judged offline as live traffic is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import NOW, answer, failure, not_found
from tests.contract.small_api import JOB, small_api
from tests.tools import PATIENCE_S

from jobproof.contract.client.curl import Client
from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Exchange, Request, Response
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.request import build_owner_request
from jobproof.contract.model.verdict import Verdict
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.recordings.har.live import add_live
from jobproof.contract.recordings.har.writer import har
from jobproof.contract.recordings.recorded import SkipReason
from jobproof.contract.recordings.replay import RecordedRun, judge_recordings
from jobproof.contract.suite.reporting.junit import junit
from jobproof.contract.suite.reporting.outcome import outcome_of_recordings
from jobproof.contract.suite.reporting.recorded import broken_lines
from jobproof.contract.suite.reporting.report import build_recorded_report
from jobproof.contract.suite.reporting.summary import summarise

API = find_api(default_api())


def record(path: Path, *, fault: str | None = None, polls: int = 3) -> list[Exchange]:
    with MockServer(API, faults=(fault,) if fault else ()) as server, Client() as client:
        sent = [
            client.send(
                build_owner_request(API, server.url, job.id, server.token),
                deadline_s=PATIENCE_S,
            )
            for job in server.jobs[:4]
            for _ in range(polls)
        ]
    path.write_text(json.dumps(har(sent)))
    return sent


def plain(path: Path) -> None:
    """
    What a browser would have saved: nothing of ours in it.
    """
    data = json.loads(path.read_text())
    for entry in data["log"]["entries"]:
        del entry["_jobproof"]
    path.write_text(json.dumps(data))


def everything_said(run: RecordedRun) -> str:
    """
    Summary, report and JUnit in one text.
    """
    outcome = outcome_of_recordings(run, token_env="JOBPROOF_TOKEN")
    report = build_recorded_report(run, outcome, started_at=1e9, duration_s=0.1)
    lines = (*broken_lines(outcome), *summarise(report))
    xml = junit(outcome, moment="2026-01-01T00:00:00Z", duration_s=0.1)
    return "\n".join((*lines, json.dumps(report), xml))


def test_a_recording_of_a_correct_server_is_kept(tmp_path: Path) -> None:
    sent = record(tmp_path / "good.har")
    outcome = judge_recordings(API, [tmp_path / "good.har"], strict=True)
    assert outcome.verdict is Verdict.KEPT
    assert outcome.judged == len(sent)


@pytest.mark.parametrize("ours", [True, False], ids=["our own", "a browser's"])
def test_a_recording_of_a_fault_is_broken_by_the_same_check(ours: bool, tmp_path: Path) -> None:
    path = tmp_path / "bad.har"
    record(path, fault="id_of_another_job")
    if not ours:
        plain(path)
    outcome = judge_recordings(API, [path])
    assert outcome.verdict is Verdict.BROKEN
    broken = {g.first.check for g in outcome.groups if g.first.kind is Kind.VIOLATION}
    assert broken == {"job_id_is_echoed"}


def test_history_counts_offline_too(tmp_path: Path) -> None:
    record(tmp_path / "late.har", fault="result_changes_after_end", polls=12)
    outcome = judge_recordings(API, [tmp_path])
    assert "ended_job_is_frozen" in {g.first.check for g in outcome.groups}


def test_other_traffic_is_skipped_and_alone_it_is_inconclusive(tmp_path: Path) -> None:
    path = tmp_path / "other.har"
    record(path)
    plain(path)
    data: dict[str, Any] = json.loads(path.read_text())
    for entry in data["log"]["entries"]:
        entry["request"]["url"] = "https://www.example.com/pictures/1"
    path.write_text(json.dumps(data))
    outcome = judge_recordings(API, [path])
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert (outcome.judged, outcome.skipped.counts.total()) == (0, len(data["log"]["entries"]))


def test_a_folder_without_recordings_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"the folder holds no \.har file"):
        judge_recordings(API, [tmp_path])


def test_a_failure_without_an_answer_survives_being_kept(tmp_path: Path) -> None:
    path = tmp_path / "short.har"
    record(path, fault="body_short")
    outcome = judge_recordings(API, [path])
    assert "body_arrives_whole" in {g.first.check for g in outcome.groups}


def recorded(path: Path, url: str, *headers: tuple[str, str]) -> Path:
    """
    What a browser saved of one wrong answer.
    """
    sent = Request("GET", url, headers)
    kind = (("Content-Type", "application/json"),)
    entry = Exchange(sent, Response(200, kind, b'{"id": "another", "status": "done"}'), 1e9, 0.1)
    path.write_text(json.dumps(har([entry])))
    data = json.loads(path.read_text())
    # As others write it: unmasked.
    asked = data["log"]["entries"][0]["request"]
    asked |= {"url": url, "headers": [{"name": n, "value": v} for n, v in headers]}
    path.write_text(json.dumps(data))
    plain(path)
    return path


@pytest.mark.parametrize(
    ("security", "query", "headers", "again"),
    [
        ("query", "?a=1&code=s3cret-key-9", (), '-G --data-urlencode code="$JOBPROOF_TOKEN"'),
        ("header", "", (("X-Acme", "s3cret-key-9"),), '-H "X-Acme: $JOBPROOF_TOKEN"'),
        (
            *("cookie", "", (("Cookie", "a=an-other-secret; sid=s3cret-key-9"),)),
            '-H "Cookie: a=***; sid=$JOBPROOF_TOKEN"',
        ),
    ],
)
def test_a_browser_s_credential_is_known_by_its_place_in_the_document(
    tmp_path: Path, security: str, query: str, headers: tuple[tuple[str, str], ...], again: str
) -> None:
    project = {"in": "path", "name": "project", "required": True, "schema": {"type": "string"}}
    api = small_api(
        tmp_path / "api",
        path="/projects/{project}/jobs/{id}",
        parameters=(project,),
        security=[{security: []}],
    )
    url = f"https://h.example/base/projects/any%20one/jobs/4711{query}"
    outcome = judge_recordings(api, [recorded(tmp_path / "seen.har", url, *headers)])
    assert (outcome.judged, outcome.verdict) == (1, Verdict.BROKEN)
    said = everything_said(outcome)
    assert again in said
    assert "s3cret-key-9" not in said
    assert "an-other-secret" not in said


def test_a_recorded_path_without_an_id_is_no_job_s(tmp_path: Path) -> None:
    path = recorded(tmp_path / "seen.har", "https://h.example/jobs/")
    run = judge_recordings(small_api(tmp_path / "api"), [path])
    assert run.skipped.counts == {SkipReason.OTHER_ADDRESS: 1}


def test_a_recording_with_answers_of_others_is_inconclusive(tmp_path: Path) -> None:
    path = tmp_path / "challenged.har"
    record(path)
    plain(path)
    data = json.loads(path.read_text())
    response = data["log"]["entries"][1]["response"]
    response["status"] = 403
    response["headers"] = [
        {"name": "Content-Type", "value": "text/html"},
        {"name": "CF-Mitigated", "value": "challenge"},
    ]
    response["content"] = {"mimeType": "text/html", "text": "<title>Just a moment...</title>"}
    path.write_text(json.dumps(data))
    outcome = judge_recordings(API, [path], strict=True)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert {g.first.check for g in outcome.groups} == {"endpoint_is_available"}
    assert outcome.coverage.intermediaries == 1


# One history, whichever files hold it.


def polls_of(job_id: str, *seen: tuple[float, str], **notes: str) -> list[Exchange]:
    """
    A job as a browser saw it: when, and which status.
    """
    return [
        Exchange(
            Request("GET", f"https://h.example/jobs/{job_id}"),
            Response(
                200,
                (("Content-Type", "application/json"),),
                json.dumps({"id": notes.get("shown", job_id), "status": status}).encode(),
            ),
            at,
            0.1,
        )
        for at, status in seen
    ]


def saved(path: Path, exchanges: list[Exchange]) -> Path:
    path.write_text(json.dumps(har(exchanges)))
    plain(path)
    return path


def checks_of(run: RecordedRun) -> set[str]:
    return {g.first.check for g in run.groups if g.first.kind is Kind.VIOLATION}


def test_entries_of_several_files_in_any_order_are_one_history(tmp_path: Path) -> None:
    api = small_api(tmp_path / "api")
    later = saved(tmp_path / "a.har", polls_of(JOB, (1e9 + 9, "queued")))
    earlier = saved(tmp_path / "b.har", polls_of(JOB, (1e9 + 5, "done"), (1e9, "queued")))
    assert "terminal_status_is_final" in checks_of(judge_recordings(api, [later, earlier]))
    for alone in (later, earlier):
        assert judge_recordings(api, [alone]).verdict is Verdict.KEPT


def test_findings_of_one_kind_are_counted_and_told_once(tmp_path: Path) -> None:
    polls = [poll for n in range(40) for poll in polls_of(f"4{n:03}", (1e9, "done"), shown="x")]
    run = judge_recordings(small_api(tmp_path / "api"), [saved(tmp_path / "a.har", polls)])
    counted = {g.first.check: g.count for g in run.groups if g.first.kind is Kind.VIOLATION}
    assert counted["job_id_is_echoed"] == 40
    assert run.judged == 40


@pytest.mark.parametrize(("since", "verdict"), [(None, Verdict.BROKEN), (15, Verdict.INCONCLUSIVE)])
def test_silence_is_held_against_a_job_only_while_unknown_ids_are_answered(
    tmp_path: Path, since: int | None, verdict: Verdict
) -> None:
    seen = [not_found(at=NOW - 100), failure(at=NOW - 60), failure(at=NOW)]
    if since is not None:
        unknown = not_found().request
        seen.append(replace(failure(at=NOW - since), request=unknown))
    path = tmp_path / "silent.har"
    path.write_text(json.dumps(har(seen)))
    run = judge_recordings(find_api("krea"), [path])
    assert run.verdict is verdict
    said = {one.first.check for one in run.groups}
    assert ("known_job_is_answered" in said) is (since is None)


def refused(at: float) -> Exchange:
    return answer({"detail": "Not authenticated"}, code=401, at=at)


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        ("AAA", Verdict.KEPT),
        # It may have been revoked, and then nothing that it was promised is broken.
        ("AAAR", Verdict.INCONCLUSIVE),
        ("AAARR", Verdict.INCONCLUSIVE),
        # One that was revoked doesn't come back.
        ("AAARAR", Verdict.BROKEN),
    ],
)
def test_a_token_that_is_refused_is_held_against_the_endpoint_where_it_comes_back(
    tmp_path: Path, codes: str, verdict: Verdict
) -> None:
    times = [NOW + 10.0 * place for place in range(len(codes))]
    seen = [
        refused(at) if code == "R" else answer(at=at) for code, at in zip(codes, times, strict=True)
    ]
    run = judge_recordings(find_api("krea"), [_written(tmp_path / "seen.har", har(seen))])
    assert run.verdict is verdict, run.groups
    kinds = [one.first.kind for one in run.groups if one.first.check == "token_keeps_working"]
    gravest = {Verdict.INCONCLUSIVE: [Kind.INCONCLUSIVE], Verdict.BROKEN: [Kind.VIOLATION]}
    assert kinds[:1] == gravest.get(verdict, [])


@pytest.mark.parametrize(
    ("said", "verdict"), [("violation", Verdict.BROKEN), ("inconclusive", Verdict.INCONCLUSIVE)]
)
def test_what_was_said_live_of_a_refused_token_is_said_again(
    tmp_path: Path, said: str, verdict: Verdict
) -> None:
    seen = [answer(at=NOW), answer(at=NOW + 10), answer(at=NOW + 20), refused(NOW + 30)]
    path = tmp_path / "seen.har"
    written = har(seen)
    (finding,) = (
        one.first
        for one in judge_recordings(find_api("krea"), [_written(path, written)]).groups
        if one.first.check == "token_keeps_working"
    )
    live = replace(finding, kind=Kind(said))
    add_live(written["log"]["entries"][-1], [live], Redactor(), has_history=True)
    assert judge_recordings(find_api("krea"), [_written(path, written)]).verdict is verdict


def _written(path: Path, written: Any) -> Path:
    path.write_text(json.dumps(written), encoding="utf-8")
    return path


def test_the_url_says_which_job_where_nobody_knew_it(tmp_path: Path) -> None:
    record(tmp_path / "seen.har")
    data = json.loads((tmp_path / "seen.har").read_text())
    for entry in data["log"]["entries"]:
        entry["_jobproof"] |= {"job_id": "of another tool", "subject": "unstated"}
    (tmp_path / "seen.har").write_text(json.dumps(data))
    assert judge_recordings(API, [tmp_path / "seen.har"]).verdict is Verdict.KEPT
