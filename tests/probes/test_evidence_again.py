"""
Kept evidence says the same once more: whatever was found live is found in its file, or told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest.mock import patch

import pytest
from tests.contract.builders import JOB, NOW, TOKEN, answer, job, not_found
from tests.tools import few_of

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.judging.judge import Judge
from jobproof.contract.mock import MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.model.acceptance.accepted import starred
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.hostile_ids import NONSENSE_IDS
from jobproof.contract.model.request import build_request
from jobproof.contract.model.verdict import Verdict
from jobproof.contract.plugins import find_api, load_checks
from jobproof.contract.recordings.har.live import add_live, read_live
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.contract.recordings.replay import RecordedRun, judge_recordings
from jobproof.contract.suite.reporting.outcome import outcome_of_recordings
from jobproof.contract.suite.reporting.report import build_recorded_report
from jobproof.contract.suite.reporting.summary import summarise
from jobproof.probes.canaries.canary import missing_id
from jobproof.probes.engine.judging import JudgedResult, RawResult, ResultJudge
from jobproof.probes.evidence.store import EvidenceStore
from jobproof.probes.result import FOLLOWED

API = find_api("krea")
_POLLS = 4
_DEADLINE_S = 0.4


@dataclass
class _Watch:
    """
    A target's canaries without a daemon: asks, judges, and keeps evidence of all there is.
    """

    server: MockServer
    client: Client
    store: EvidenceStore
    judging: ResultJudge
    kept: dict[str, JudgedResult] = field(default_factory=dict)

    def ask(
        self,
        canary: str,
        job_id: str,
        subject: Subject = Subject.KNOWN,
        credential: Credential = Credential.OWNER,
    ) -> None:
        token = Secret(self.server.token)
        request = build_request(
            *(API, self.server.url, job_id),
            subject=subject,
            credential=credential,
            token=token,
        )
        seen = self.client.send(request, deadline_s=_DEADLINE_S)
        raw = RawResult("t", canary, request, seen.started_at, 0.0, seen.elapsed_s, seen)
        judged = self.judging(raw)
        before = [one.exchange for one in (*judged.baselines, *judged.earlier)]
        kept = self.store.keep(judged.result, before, staleness_s=judged.staleness_s)
        if kept is not None:
            self.kept[kept] = judged

    def ask_all(self, *, polls: int) -> None:
        rng = Random(3)
        jobs, others = self.server.jobs, self.server.foreign_jobs
        for _ in range(3):
            self.ask("missing", missing_id(API, rng), Subject.MISSING)
        for _ in range(polls):
            for one in jobs[:polls] if polls < _POLLS else jobs:
                self.ask(FOLLOWED if one is jobs[0] else "known", one.id)
        for hostile in NONSENSE_IDS[:polls]:
            self.ask("malformed", hostile, Subject.MALFORMED)
        for _ in range(2):
            self.ask("anonymous", jobs[0].id, credential=Credential.NONE)
            self.ask("anonymous", jobs[0].id, credential=Credential.INVALID)
            self.ask("foreign", others[0].id, Subject.FOREIGN)


def _watched(
    server: MockServer, folder: Path, *, polls: int = _POLLS, staleness_s: float = 0.0
) -> _Watch:
    # Each is a file: what is said of one is looked for in it, and in no other.
    store = EvidenceStore(folder, every=1, max_bytes=1 << 30, redactor=Redactor([server.token]))
    judge = Judge(load_checks())
    judging = ResultJudge(API, judge, Secret(server.token), staleness_s=staleness_s)
    with Client() as client:
        watch = _Watch(server, client, store, judging)
        watch.ask_all(polls=polls)
    return watch


def _said(findings: Iterable[Finding]) -> set[tuple[str, str, str]]:
    return {(f.check, f.kind.value, starred(f.pointer)) for f in findings}


def _again(path: Path, judged: JudgedResult) -> tuple[set[tuple[str, str, str]], RecordedRun]:
    """
    What is said of the last answer in a file of evidence, and all of it.
    """
    seen = judged.result.exchange
    assert seen is not None
    said: set[tuple[str, str, str]] = set()
    compare = RecordedRun.compare

    def heard(run: RecordedRun, base: str, exchange: Exchange, found: Iterable[Finding]) -> None:
        if exchange.started_at == seen.started_at:
            said.update(_said(found))
        compare(run, base, exchange, found)

    with patch.object(RecordedRun, "compare", heard):
        again = judge_recordings(API, [path])
    return said, again


# What they send back is masked where it is kept, so that nobody can find it again.
_MASKED = {"no_secret_in_answer", "session_cookie_is_guarded"}


@pytest.mark.parametrize(
    "fault", few_of((f.name for f in FAULTS.values() if f.applies(API)), one_in=4)
)
def test_whatever_is_found_live_is_found_again(tmp_path: Path, fault: str) -> None:
    with MockServer(API, faults=[fault]) as server:
        # What these two say they say once a deadline.
        watch = _watched(server, tmp_path, polls=1 if fault in ("slow", "hang") else _POLLS)
    kept = [one.id for one in watch.store.all()]
    assert kept
    for one in kept:
        said, again = _again(tmp_path / f"{one}.har", watch.kept[one])
        live = _said(watch.kept[one].result.findings)
        masked = {finding for finding in live if finding[0] in _MASKED}
        assert live - masked <= said <= live
        assert {(f.check, f.kind) for f in again.lost} == {f[:2] for f in live - said}


def _judged(
    folder: Path,
    *seen: Exchange,
    staleness_s: float = 0.0,
    max_bytes: int = 1 << 25,
) -> tuple[Path, JudgedResult]:
    """
    Exchanges as a daemon gets them, and the evidence of the last.
    """
    store = EvidenceStore(folder, every=1, max_bytes=max_bytes, redactor=Redactor([TOKEN]))
    judging = ResultJudge(API, Judge(load_checks()), Secret(TOKEN), staleness_s=staleness_s)
    for one in seen:
        raw = RawResult("t", "known", one.request, one.started_at, 0.0, one.elapsed_s, one)
        judged = judging(raw)
    before = [one.exchange for one in (*judged.baselines, *judged.earlier)]
    kept = store.keep(judged.result, before, staleness_s=judged.staleness_s)
    return folder / f"{kept}.har", judged


def test_a_token_that_was_sent_back_is_told_since_its_file_does_not_show_it(
    tmp_path: Path,
) -> None:
    path, judged = _judged(tmp_path, answer(job(note=TOKEN)))
    sent_back = ("no_secret_in_answer", "violation", "body")
    assert sent_back in _said(judged.result.findings)
    assert TOKEN not in path.read_text("utf-8")
    said, again = _again(path, judged)
    assert said == _said(judged.result.findings) - {sent_back}
    assert [(one.check, one.pointer) for one in again.lost] == [("no_secret_in_answer", "body")]
    assert again.verdict is Verdict.INCONCLUSIVE
    outcome = outcome_of_recordings(again, token_env="T")
    report = build_recorded_report(again, outcome, started_at=NOW, duration_s=1.0)
    assert (
        "said live, and can't be judged again: no_secret_in_answer at body: the token is sent back"
        in list(summarise(report))
    )
    assert [one["check"] for one in report["lost"]] == ["no_secret_in_answer"]


def test_a_large_body_is_kept_whole(tmp_path: Path) -> None:
    path, judged = _judged(tmp_path, answer(job(note="x" * 900_000, status=5)))
    said, again = _again(path, judged)
    assert said == _said(judged.result.findings)
    assert ("body_is_json", "violation", "body") not in said
    assert again.verdict is Verdict.BROKEN


def test_a_body_that_is_too_large_for_its_share_is_left_out_and_what_was_said_of_it_told(
    tmp_path: Path,
) -> None:
    path, judged = _judged(tmp_path, answer(job(note="x" * 90_000, status=5)), max_bytes=100_000)
    assert path.stat().st_size < 100_000 // 8
    said, again = _again(path, judged)
    assert said <= _said(judged.result.findings)
    lost = {(one.check, one.kind, one.pointer) for one in again.lost}
    assert said | lost == _said(judged.result.findings)
    assert lost
    assert again.verdict is Verdict.INCONCLUSIVE


def test_the_history_gives_way_before_what_the_file_is_about(tmp_path: Path) -> None:
    earlier = [
        answer(job("queued", note="x" * 6_000), at=NOW - 20),
        answer(job("processing", note="x" * 8_000), at=NOW - 10),
    ]
    path, judged = _judged(tmp_path, *earlier, answer(job("queued")), max_bytes=100_000)
    bodies = [
        "text" in entry["response"]["content"]
        for entry in json.loads(path.read_text())["log"]["entries"]
    ]
    assert bodies == [True, False, True]
    back = ("status_moves_forward", "violation", "/status")
    assert back in _said(judged.result.findings)
    said, again = _again(path, judged)
    assert back not in said
    assert {(one.check, one.kind, one.pointer) for one in again.lost} >= {back}


def test_a_contract_that_was_mended_since_has_the_last_word(tmp_path: Path) -> None:
    path, judged = _judged(tmp_path, answer(job("shiny")))
    assert judged.result.findings
    log = json.loads(path.read_text())
    content = log["log"]["entries"][-1]["response"]["content"]
    content["text"] = content["text"].replace("shiny", "queued").replace("completed_at", "x")
    content["size"] = len(content["text"])
    path.write_text(json.dumps(log))
    _, again = _again(path, judged)
    assert not again.lost  # nothing is masked or left out, so nothing is beyond judging


def test_a_foreign_job_is_compared_with_the_same_unknown_ones(tmp_path: Path) -> None:
    unknown = [not_found(at=NOW - 20), not_found(at=NOW - 10)]
    told = not_found({"error": "not yours"}, 404, job_id=JOB, subject=Subject.FOREIGN)
    path, judged = _judged(tmp_path, *unknown, told)
    assert ("foreign_job_looks_unknown", "violation", "body") in _said(judged.result.findings)
    said, again = _again(path, judged)
    assert said == _said(judged.result.findings)
    assert not again.lost


def test_a_replica_that_was_allowed_to_be_behind_still_is(tmp_path: Path) -> None:
    seen = [answer(job("processing"), at=NOW - 5), answer(job("queued"), at=NOW)]
    path, judged = _judged(tmp_path, *seen, staleness_s=30)
    assert {f.kind for f in judged.result.findings} == {Kind.DRIFT}
    said, again = _again(path, judged)
    assert said == _said(judged.result.findings)
    assert again.verdict is not Verdict.BROKEN


def test_an_outage_amid_answers_is_one_again(tmp_path: Path) -> None:
    down = answer(b"", 503, headers={"content-type": None})
    path, judged = _judged(tmp_path, not_found(at=NOW - 20), down)
    assert ("endpoint_stays_in_service", "gap", "code") in _said(judged.result.findings)
    assert _again(path, judged)[0] == _said(judged.result.findings)


def test_findings_that_are_accepted_are_not_told(tmp_path: Path) -> None:
    exchange = answer(job(note=TOKEN))
    (finding,) = (
        f
        for f in _judged(tmp_path, exchange)[1].result.findings
        if f.check == "no_secret_in_answer"
    )
    entry = har_entry(exchange, Redactor([TOKEN]))
    add_live(entry, [replace(finding, accepted="known")], Redactor([TOKEN]), has_history=True)
    live = read_live(entry)
    assert live is not None
    assert live.findings == ()


@pytest.mark.parametrize(
    "live",
    [None, 5, [], {}, {"findings": 5}, {"findings": [{}], "has_history": True, "staleness_s": 0},
     {"findings": [], "has_history": True, "staleness_s": float("nan")},
     {"findings": [], "has_history": True, "staleness_s": True}],
)  # fmt: skip
def test_notes_on_a_judgement_that_are_spoilt_are_none(live: object) -> None:
    entry = har_entry(answer())
    entry["_jobproof"] = {**cast("dict[str, Any]", entry["_jobproof"]), "live": live}
    assert read_live(entry) is None
    assert read_live({"_jobproof": None}) is None


@pytest.mark.parametrize("code", [401, 403])
def test_a_token_that_is_masked_was_still_given(tmp_path: Path, code: int) -> None:
    path, judged = _judged(tmp_path, answer({"error": "Unauthorized"}, code))
    (live,) = (f for f in judged.result.findings if f.check == "endpoint_is_available")
    assert "isn't accepted" in live.message
    (again,) = (
        g.first
        for g in judge_recordings(API, [path]).groups
        if g.first.check == "endpoint_is_available"
    )
    assert again.message == live.message
