"""
Evidence: runs again, judges again, and never shows a secret.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.builders import JOB, NOW, TOKEN, answer, api, failure, job, judge, replay, trace
from tests.contract.har_files import ANY_JSON, JOB_URL, exchanges_in, items_in
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
from jobproof.contract.recordings.har import entry_stream
from jobproof.contract.recordings.har.entry_stream import har_entries
from jobproof.contract.recordings.har.writer import har, har_entry
from jobproof.contract.recordings.recorded import Recorded, Skipped, SkipReason


def _written(tmp_path: Path, *seen: Exchange) -> Path:
    path = tmp_path / "seen.har"
    path.write_text(json.dumps(har(seen)), encoding="utf-8")
    return path


def _said(seen: Sequence[Exchange]) -> list[tuple[str, str]]:
    found = replay(judge(), trace(seen[0]), [api().observe(exchange) for exchange in seen])
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
    read = exchanges_in(_written(tmp_path, *seen))
    assert _said(read) == _said(seen)
    assert [e.request.subject for e in read] == [Subject.KNOWN] * len(seen)


def test_a_har_of_another_tool_is_read(tmp_path: Path) -> None:
    entry: dict[str, Any] = {
        "startedDateTime": "2026-09-21T12:00:00Z",
        "time": 12,
        "request": {"method": "get", "url": JOB_URL, "headers": []},
        "response": {
            "status": 200,
            "headers": [{"name": "A", "value": "b"}],
            "content": {"text": "{}"},
        },
    }
    path = tmp_path / "other.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    (read,) = exchanges_in(path)
    assert read.request.method == "GET"
    assert read.request.subject is Subject.UNSTATED
    assert read.request.credential is Credential.UNSTATED
    assert read.response is not None
    assert read.response.body == b"{}"
    assert read.elapsed_s == 0.012


_HAR = """{"log": {"entries": [{
    "startedDateTime": "2026-09-21T12:00:00Z", "time": %s,
    "request": {"method": "GET", "url": "https://api.krea.ai/jobs/j"}, "response": {"status": %s}
}]}}"""


@pytest.mark.parametrize(
    "status",
    ["1e400", "NaN", "1" + "0" * 400, "[200]", '"\u00b2"', '"2_0_0"', "null", "200.5", "true"],
    ids=lambda text: text[:10],
)
def test_a_status_that_is_no_number_is_told_in_one_line(tmp_path: Path, status: str) -> None:
    path = tmp_path / "odd.har"
    path.write_text(_HAR % ("1", status), encoding="utf-8")
    (item,) = items_in(path)
    assert isinstance(item, Skipped)
    assert item.reason is SkipReason.UNREADABLE
    assert item.detail.startswith("response.status: ")
    assert item.detail.endswith(" is no status code")
    assert len(item.detail) < 200


def test_an_integer_that_python_refuses_to_read_spoils_one_entry(tmp_path: Path) -> None:
    path = tmp_path / "odd.har"
    path.write_text(_HAR % ("1" + "0" * 5000, "200"), encoding="utf-8")
    (item,) = items_in(path)
    assert isinstance(item, Skipped)
    assert item.detail.startswith("is no JSON: ")


@pytest.mark.parametrize(("time", "elapsed_s"), [("-1", 0.0), ("12", 0.012), ('"12.5"', 0.0125)])
def test_times_are_milliseconds_or_do_not_apply(
    tmp_path: Path, time: str, elapsed_s: float
) -> None:
    path = tmp_path / "seen.har"
    path.write_text(_HAR % (time, '"200"'), encoding="utf-8")
    (read,) = exchanges_in(path)
    assert (read.elapsed_s, read.is_timed) == (elapsed_s, time != "-1")
    assert read.response is not None
    assert read.response.code == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "not JSON, so no HAR: nested too deep to read"),
        ('{"a": ' * 100_000, "not JSON, so no HAR: nested too deep to read"),
        ("", "the file is empty: record some traffic first"),
        (" \n", "the file is empty: record some traffic first"),
        ("{", "not JSON, so no HAR: it ends in the middle"),
        ("[]", "no HAR: it has no log.entries"),
        ("5 ", "no HAR: it has no log.entries"),
        ("{}", "no HAR: it has no log.entries"),
        ('{"log": {}}', "no HAR: it has no log.entries"),
        ('{"log": {"entries": null}}', "no HAR: it has no log.entries"),
        ('{"log": {"entries": {"entries": [1]}}}', "no HAR: it has no log.entries"),
        ('{"entries": [{}]}', "no HAR: it has no log.entries"),
        ('{"log": {"entries": []}}', "the HAR is empty: record some traffic first"),
        ('{"log": []}', "no HAR: it has no log.entries"),
        ('{"log": {"entries": [{}', "not JSON, so no HAR: it ends in the middle"),
        ('{"log": {"entries": [{}]', "not JSON, so no HAR: it ends in the middle"),
        (
            '{"log": {"entries": [{} {}]}}',
            "not JSON, so no HAR: byte 25: a comma was expected, not '{'",
        ),
        ('{"log": {"entries": [{"a": "', "not JSON, so no HAR: it ends in the middle"),
        (
            '{"log": {"entries": [{}]}} x ',
            "not JSON, so no HAR: byte 27: something follows its end",
        ),
        ('{log: {"entries": [{}]}}', "not JSON, so no HAR: byte 4: a name was expected, not 'log'"),
        ("<html>no</html>", "not JSON, so no HAR"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_har_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.har"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordingError) as caught:
        items_in(path)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{}", SkipReason.UNREADABLE),
        ("5", SkipReason.UNREADABLE),
        ("null", SkipReason.UNREADABLE),
        ('{"request": }', SkipReason.UNREADABLE),
        ('{"a": ' * 100_000 + "1" + "}" * 100_000, SkipReason.UNREADABLE),
        ('{"request": {"url": "https://a.example/x"}, "a": }', SkipReason.OTHER_ADDRESS),
        ('{"request": {"url": "https://api.krea.ai/jobs/j"}, "a": }', SkipReason.UNREADABLE),
        ('{"request": {"url": "https://a.example/x"}, "a": NaN}', SkipReason.OTHER_ADDRESS),
    ],
    ids=lambda text: text[:30],
)
def test_one_entry_that_is_no_json_spoils_no_other(
    tmp_path: Path, entry: str, reason: SkipReason
) -> None:
    path = tmp_path / "odd.har"
    good = json.dumps(har_entry(answer()))
    path.write_text(f'{{"log": {{"entries": [{entry}, {good}]}}}}', encoding="utf-8")
    first, second = items_in(path)
    assert isinstance(first, Skipped)
    assert first.reason is reason
    assert isinstance(second, Recorded)


class _Drip(BytesIO):
    """
    A pipe that gives a few bytes at a time.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(3, size or 0))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(ANY_JSON, min_size=1, max_size=5),
    st.dictionaries(st.text(max_size=5), ANY_JSON, max_size=3),
    st.sampled_from([None, 1]),
)
def test_entries_are_cut_out_of_any_json(
    entries: list[object], others: dict[str, object], indent: int | None
) -> None:
    log = {**others, "entries": entries, "version": "1.2"}
    document = {**others, "log": log, "then": others}
    for ascii_only in (True, False):
        text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
        stream = _Drip(text.encode("utf-8", "replace"))
        expected = json.loads(text.encode("utf-8", "replace"))["log"]["entries"]
        # NaN isn't equal to itself, so what is written is compared.
        assert json.dumps([json.loads(e) for e in har_entries(stream)]) == json.dumps(expected)


def test_a_long_text_is_read_in_time_that_grows_with_it() -> None:
    reads = 0

    class Counted(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal reads
            reads += 1
            return super().read(size)

    text = json.dumps({"log": {"entries": ["x" * 40_000_000]}}).encode()
    assert [len(entry) for entry in har_entries(Counted(text))] == [40_000_002]
    # Each begins anew at the beginning of the text, so there may be but a few.
    assert reads < 15


def test_an_entry_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_stream, "_LARGEST_ENTRY", 1_000_000)
    with pytest.raises(RecordingError, match="byte 21: a value of more than 1000000 bytes"):
        list(har_entries(BytesIO(b'{"log": {"entries": [{"a": "' + b"x" * 3_000_000)))
