"""
Evidence: runs again, judges again, and never shows a secret.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from tests.contract.builders import JOB, NOW, TOKEN, answer, api, failure, job, judge, trace
from tests.contract.lives import exchanges

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Reason,
    Request,
    Response,
    Subject,
)
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.har.reader import read_har
from jobproof.contract.recordings.har.writer import har, har_entry


def _written(tmp_path: Path, *seen: Exchange) -> Path:
    path = tmp_path / "seen.har"
    path.write_text(json.dumps(har(seen)), encoding="utf-8")
    return path


def _said(seen: Sequence[Exchange]) -> list[tuple[str, str]]:
    found = judge().replay(trace(seen[0]), [api().observe(exchange) for exchange in seen])
    return [(f.check, f.pointer) for f in found]


def test_a_curl_line_asks_the_same_and_holds_a_variable_in_place_of_the_token() -> None:
    line = curl(answer(method="HEAD"), token_env="KREA_API_TOKEN")
    assert line == (
        "curl -sS -i --path-as-is -I -H 'Accept: application/json' "
        f'-H "Authorization: Bearer $KREA_API_TOKEN" https://api.krea.ai/jobs/{JOB}'
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "$(reboot) x"),
        ("Authorization", "`reboot` x"),
        ('X-Token"; reboot; "', "x"),
        ("X-$(reboot)-key", "x"),
        ("Accept", "'; reboot; '"),
    ],
)
def test_a_recorded_header_runs_no_command(name: str, value: str) -> None:
    request = Request("GET", "https://a.example/jobs/'; reboot", ((name, value),))
    line = curl(Exchange(request, Response(200), NOW, 0.1))
    words = shlex.split(line)
    assert "reboot" not in words
    for inside in line.split('"')[1::2]:
        assert "`" not in inside
        assert "$(" not in inside


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "xi-api-key", "X-Auth-Token", "Cookie", "X-Goog-Session"]
)
def test_the_token_is_in_no_evidence_whatever_its_header_is_called(name: str) -> None:
    request = Request("GET", "https://a.example/jobs/1", ((name, TOKEN),))
    seen = Exchange(request, Response(200, (("Set-Cookie", TOKEN),)), NOW, 0.1)
    assert TOKEN not in curl(seen)
    assert TOKEN not in json.dumps(har([seen]))


def test_a_bearer_token_in_a_body_is_masked() -> None:
    assert Redactor().text("you sent Bearer abc.def-12345678") == "you sent Bearer ***"
    assert Redactor([TOKEN]).text(f"a {TOKEN} b") == "a *** b"


@settings(deadline=None, max_examples=60)
@given(exchanges())
def test_any_exchange_can_be_written_and_shows_no_token(seen: Exchange) -> None:
    text = json.dumps(har_entry(seen))
    assert f"Bearer {TOKEN}" not in text
    assert f"Bearer {TOKEN}" not in curl(seen)


def test_what_was_written_is_judged_as_what_was_seen(tmp_path: Path) -> None:
    seen = [
        answer(job("sampling"), at=NOW - 15),
        answer(job(result={}), at=NOW - 10),
        answer(b"\xff\xfe", at=NOW - 5),
        failure(Reason.TIMEOUT, at=NOW),
        failure(Reason.PROTOCOL, partial=Response(200), at=NOW + 20),
        answer(code=204, credential=Credential.NONE, at=NOW + 40),
    ]
    read = read_har(_written(tmp_path, *seen))
    assert _said(read) == _said(seen)
    assert [e.request.subject for e in read] == [Subject.KNOWN] * len(seen)


def test_exchanges_are_read_oldest_first(tmp_path: Path) -> None:
    path = _written(tmp_path, answer(at=NOW), answer(at=NOW - 5))
    assert [round(e.started_at - NOW) for e in read_har(path)] == [-5, 0]


def test_a_har_of_another_tool_is_read(tmp_path: Path) -> None:
    entry: dict[str, Any] = {
        "startedDateTime": "2026-09-21T12:00:00Z",
        "time": 12,
        "request": {"method": "get", "url": "https://a.example/jobs/1", "headers": []},
        "response": {
            "status": 200,
            "headers": [{"name": "A", "value": "b"}],
            "content": {"text": "{}"},
        },
    }
    path = tmp_path / "other.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    (read,) = read_har(path)
    assert read.request.method == "GET"
    assert read.request.subject is Subject.UNSTATED
    assert read.request.credential is Credential.UNSTATED
    assert read.response is not None
    assert read.response.body == b"{}"
    assert read.elapsed_s == 0.012


_HAR = """{"log": {"entries": [{
    "startedDateTime": "2026-09-21T12:00:00Z", "time": %s,
    "request": {"method": "GET", "url": "https://a.example/"}, "response": {"status": %s}
}]}}"""


@pytest.mark.parametrize(
    ("time", "status"),
    [
        *(("1e400", "200"), ("1", "1e400"), ("NaN", "200"), ("1", "NaN")),
        *(("1" + "0" * 400, "200"), ("1", "1" + "0" * 400), ("[1]", "200"), ("1", "[200]")),
        *(('"\u0663"', "200"), ("1", '"\u00b2"'), ("1", '"2_0_0"'), ("1", "null")),
    ],
    ids=lambda text: text[:10],
)
def test_a_number_that_nobody_counts_with_is_told_in_one_line(
    tmp_path: Path, time: str, status: str
) -> None:
    path = tmp_path / "odd.har"
    path.write_text(_HAR % (time, status), encoding="utf-8")
    with pytest.raises(RecordingError) as caught:
        read_har(path)
    assert str(caught.value).startswith(f"{path}: log.entries[0] is no HAR entry: ValueError: ")
    assert str(caught.value).endswith(" is no number to count with")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("time", "elapsed_s"), [("-1", 0.0), ("12", 0.012), ('"12.5"', 0.0125)])
def test_times_are_milliseconds_or_do_not_apply(
    tmp_path: Path, time: str, elapsed_s: float
) -> None:
    path = tmp_path / "seen.har"
    path.write_text(_HAR % (time, '"200"'), encoding="utf-8")
    (read,) = read_har(path)
    assert (read.elapsed_s, read.response and read.response.code) == (elapsed_s, 200)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "not JSON, so no HAR: nested too deep to read"),
        ("", "the file is empty: record some traffic first"),
        ("{", "not JSON, so no HAR"),
        ("[]", "no HAR: it has no log.entries"),
        ('{"log": {}}', "no HAR: it has no log.entries"),
        ('{"log": {"entries": []}}', "the HAR is empty: record some traffic first"),
        ('{"log": {"entries": [{}]}}', "log.entries[0] is no HAR entry: KeyError: 'request'"),
        ('{"log": {"entries": [5]}}', "log.entries[0] is no HAR entry"),
        ('{"log": []}', "no HAR: it has no log.entries"),
    ],
)
def test_what_is_no_har_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.har"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordingError) as caught:
        read_har(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_a_har_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.har").write_bytes(b"\xe9")
    for name, why in (
        ("none.har", "can't be read"),
        ("latin.har", ": not UTF-8 text"),
    ):
        with pytest.raises(RecordingError, match=why):
            read_har(tmp_path / name)


def test_a_har_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = _written(tmp_path, answer())
    path.write_text(path.read_text("utf-8"), encoding="utf-8-sig")
    assert [seen.request.job_id for seen in read_har(path)] == [JOB]
