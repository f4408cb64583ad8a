"""
A job's past over a restart: what an earlier daemon saw is what the next one judges by.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.probes.live import running, sample, write_config
from tests.tools import until
from tests.wire import ServerConnection, Wire, answer

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.plugins import find_api, load_checks
from jobproof.probes.engine.judging import RawResult, ResultJudge
from jobproof.probes.following.job_history import JobHistory
from jobproof.probes.following.watch_list import WatchList

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
TOKEN = "sk-topsecret-0123456789"
NOW = 1_700_000_100.0


def _body(status: str, **more: object) -> bytes:
    job = {"job_id": JOB, "status": status, "created_at": "2023-11-14T22:13:20.000Z", **more}
    return json.dumps(job).encode()


def _seen(body: bytes, *, at: float = NOW) -> Exchange:
    request = Request(
        "GET",
        f"http://h/jobs/{JOB}",
        (("Authorization", f"Bearer {TOKEN}"),),
        JOB,
        Subject.KNOWN,
        Credential.OWNER,
    )
    return Exchange(
        request, Response(200, (("Content-Type", "application/json"),), body, body), at, 0.1
    )


@pytest.fixture
def watchlist() -> Iterator[WatchList]:
    with closing(WatchList(None)) as opened:
        opened.add("t", JOB, source="pushed", now=NOW)
        yield opened


def _keep(watchlist: WatchList, observation: str | None) -> None:
    job = watchlist.get("t", JOB)
    assert job is not None
    watchlist.update(job, observation=observation)


def _judge_anew(watchlist: WatchList, seen: Exchange, canary: str = "followed") -> list[Finding]:
    history = JobHistory(watchlist)
    judging = ResultJudge(
        find_api("krea"),
        Judge(load_checks()),
        Secret(TOKEN),
        lambda job_id: history.of("t", job_id),
    )
    return list(
        judging(
            RawResult("t", canary, seen.request, seen.started_at, 0.0, 0.1, seen)
        ).result.findings
    )


def test_what_is_written_down_is_read_back_without_the_token(watchlist: WatchList) -> None:
    seen = _seen(_body("queued"))
    text = JobHistory(watchlist).text(seen)
    assert text is not None
    assert TOKEN not in text
    _keep(watchlist, text)
    (read,) = JobHistory(watchlist).of("t", JOB)
    assert read.request.header("authorization") == "Bearer ***"
    assert replace(read, request=seen.request) == seen
    assert replace(read.request, headers=()) == replace(seen.request, headers=())


def test_a_step_back_is_seen_over_a_restart(watchlist: WatchList) -> None:
    back = _seen(_body("queued"), at=NOW + 60)
    assert _judge_anew(watchlist, back) == []
    _keep(watchlist, JobHistory(watchlist).text(_seen(_body("processing"))))
    (finding,) = _judge_anew(watchlist, back)
    assert finding.check == "status_moves_forward"
    assert finding.message == "processing -> queued leads back"


def test_an_end_is_final_over_a_restart(watchlist: WatchList) -> None:
    ended = _body("failed", error={"code": "x"}, completed_at="2023-11-14T22:14:20.000Z")
    _keep(watchlist, JobHistory(watchlist).text(_seen(ended)))
    again = _judge_anew(watchlist, _seen(_body("processing"), at=NOW + 60))
    assert "terminal_status_is_final" in {finding.check for finding in again}


def test_only_followed_jobs_have_a_past(watchlist: WatchList) -> None:
    _keep(watchlist, JobHistory(watchlist).text(_seen(_body("processing"))))
    back = _seen(_body("queued"), at=NOW + 60)
    assert _judge_anew(watchlist, back, canary="known") == []


def test_the_past_is_read_once() -> None:
    asked: list[str] = []

    def load_history(job_id: str) -> list[Exchange]:
        asked.append(job_id)
        return []

    judging = ResultJudge(find_api("krea"), Judge(()), None, load_history)
    for number in range(5):
        seen = _seen(_body("queued"), at=NOW + number)
        judging(RawResult("t", "followed", seen.request, seen.started_at, 0.0, 0.1, seen))
    assert asked == [JOB]


def test_a_huge_body_is_left_out_and_read_back_as_unknown(watchlist: WatchList) -> None:
    seen = _seen(_body("queued", note="x" * 20_000))
    text = JobHistory(watchlist).text(seen)
    assert text is not None
    assert len(text) < 2_000
    _keep(watchlist, text)
    (read,) = JobHistory(watchlist).of("t", JOB)
    assert read.response is not None
    assert seen.response is not None
    assert read.response == replace(seen.response, body=None, raw=None)


def test_a_huge_head_is_not_kept(watchlist: WatchList) -> None:
    seen = _seen(_body("queued"))
    assert seen.response is not None
    huge = replace(seen.response, headers=(("X-Note", "x" * 20_000),))
    assert JobHistory(watchlist).text(replace(seen, answer=huge)) is None


def test_secrets_and_signatures_of_links_are_not_kept(watchlist: WatchList) -> None:
    link = "https://cdn.example.com/a.png?X-Signature=s1gned-away&size=2"
    seen = _seen(_body("processing", note=f"of 0ther-secret and {TOKEN}", result={"urls": [link]}))
    text = JobHistory(watchlist, Redactor(["0ther-secret"])).text(seen)
    assert text is not None
    assert "a.png?X-Signature=***&size=2" in text
    assert not [secret for secret in ("0ther-secret", TOKEN, "s1gned-away") if secret in text]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"request": {"method": "GET"}}'])
def test_a_spoilt_past_is_said_and_the_job_is_judged_on(
    watchlist: WatchList, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    _keep(watchlist, text)
    with caplog.at_level(logging.WARNING):
        assert _judge_anew(watchlist, _seen(_body("queued"))) == []
    assert f"target t: job {JOB}: its past is lost: " in caplog.text


def test_a_closed_list_costs_the_past_and_nothing_else(watchlist: WatchList) -> None:
    watchlist.close()
    assert _judge_anew(watchlist, _seen(_body("queued"))) == []


def test_a_daemon_that_starts_again_notices_what_happened_meanwhile(tmp_path: Path) -> None:
    status = "processing"

    def job(line: ServerConnection) -> None:
        answer(200, _body(status), ("Content-Type", "application/json"))(line)

    findings = "jobproof_contract_findings_total"
    back = {"check": "status_moves_forward", "kind": "violation"}
    with Wire({"api": job}) as wire:
        config = write_config(
            tmp_path,
            wire.url("api"),
            canaries="      malformed: {interval: 1h}\n",
            more="    follow: [{source: pushed}]\n",
        )
        with running(config, watchlist=WatchList(tmp_path / "w.sqlite")) as (daemon, heard):
            assert daemon.follow("mocked", JOB)
            until(lambda: heard.of("followed"))
            until(lambda: daemon.watchlist.observations("mocked", JOB))
            assert sample(daemon, findings, **back) == 0
        status = "queued"
        with running(config, watchlist=WatchList(tmp_path / "w.sqlite")) as (daemon, heard):
            until(lambda: sample(daemon, findings, **back) == 1)
