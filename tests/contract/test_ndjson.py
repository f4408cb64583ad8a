"""
A line of NDJSON: written, read back, and held against the schema that is published.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from tests.contract.builders import JOB, NOW, TOKEN, answer, api, failure
from tests.contract.lives import exchanges

from jobproof.contract import recordings
from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Exchange, NotRecorded, Reason, Response
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.ndjson.entry import MOMENT
from jobproof.contract.recordings.ndjson.reader import LINE_BYTES, read_ndjson
from jobproof.contract.recordings.ndjson.writer import exchange_line
from jobproof.contract.recordings.packing.attachments import NoAttachments
from jobproof.contract.recordings.recorded import Recorded, RecordedItem, Skipped, SkipReason

SCHEMA = json.loads(
    (Path(recordings.__file__).parent / "exchange.schema.json").read_text(encoding="utf-8")
)
PAGE = Path(__file__).parents[2] / "docs" / "recordings.md"
VALIDATOR = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)


def _read(*lines: Mapping[str, Any] | bytes) -> list[RecordedItem]:
    written = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    stream = io.BytesIO(b"".join(line + b"\n" for line in written))
    return list(read_ndjson(stream, EndpointFilter(api()), NoAttachments()))


def _one(line: Mapping[str, Any] | bytes) -> RecordedItem:
    (item,) = _read(line)
    return item


def _again(seen: Exchange, **options: Any) -> Exchange:
    item = _one(exchange_line(seen, **options))
    assert isinstance(item, Recorded), item
    return item.exchange


def _line(**changes: Any) -> dict[str, Any]:
    """
    A right line; `changes` by keys with `__` between those of objects in each other.
    """
    line: dict[str, Any] = deepcopy(exchange_line(answer()))
    for place, value in changes.items():
        *path, key = place.split("__")
        part = line
        for name in path:
            part = part[name]
        part[key] = value
    return line


def test_the_schema_is_one_and_a_written_line_keeps_it() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["properties"]["started_at"]["pattern"] == f"^{MOMENT.pattern}$"
    VALIDATOR.validate(exchange_line(answer()))


def test_the_page_shows_a_right_line_and_names_every_key() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"^```json\n(.+)\n```$", text, re.MULTILINE)
    assert found is not None
    VALIDATOR.validate(json.loads(found[1]))
    assert isinstance(_one(found[1].encode()), Recorded)
    response, request = (
        SCHEMA["properties"][name]["properties"] for name in ("response", "request")
    )
    names = {
        *SCHEMA["properties"],
        *response,
        *request,
        *SCHEMA["properties"]["phases"]["properties"],
    }
    assert {name for name in names if f"`{name}" not in text} == set()


@settings(max_examples=150)
@given(exchanges())
def test_what_is_written_keeps_the_schema_and_is_read_back(seen: Exchange) -> None:
    clean = seen.redacted(Redactor())
    VALIDATOR.validate(json.loads(json.dumps(exchange_line(clean))))
    if api_of(seen) is None:
        return
    again = _again(clean)
    assert again.request == replace(clean.request, token_at=None, secret_at=frozenset())
    assert again.started_at == pytest.approx(clean.started_at, abs=1e-5)
    assert again.elapsed_s == pytest.approx(clean.elapsed_s, abs=1e-5)
    for found, was in ((again.response, clean.response), (_partial(again), _partial(clean))):
        assert (found is None) == (was is None)
        if found is not None and was is not None:
            assert (found.code, found.headers, found.body) == (was.code, was.headers, was.body)
    if seen.failure is not None:
        assert again.failure is not None
        assert again.failure.reason is seen.failure.reason


def api_of(seen: Exchange) -> object:
    return EndpointFilter(api()).address_of(seen.request.url)


def _partial(seen: Exchange) -> Response | None:
    return seen.failure.partial if seen.failure else None


@pytest.mark.parametrize(("limit", "is_there"), [(None, True), (6, True), (5, False), (0, False)])
def test_a_body_over_the_limit_is_left_out_whole_and_unknown(
    limit: int | None, is_there: bool
) -> None:
    response = _again(answer(b"[1, 2]"), body_bytes=limit).response
    assert response is not None
    assert response.body == (b"[1, 2]" if is_there else None)
    assert exchange_line(answer(b"[1, 2]"), body_bytes=limit)["response"]["body_size"] == 6


def test_an_empty_body_is_one_whatever_the_limit() -> None:
    response = _again(answer(b""), body_bytes=0).response
    assert response is not None
    assert response.body == b""


def test_bytes_that_are_no_text_come_back() -> None:
    response = _again(answer(b"\xff\x00\xfe")).response
    assert response is not None
    assert response.body == b"\xff\x00\xfe"


def test_what_was_not_recorded_stays_so() -> None:
    seen = answer()
    assert seen.response is not None
    few = replace(seen.response, headers=(), body=None, raw=None, has_all_headers=False)
    asked = replace(seen.request, has_all_headers=False)
    again = _again(replace(seen, request=asked, answer=few, is_timed=False, elapsed_s=0.0))
    assert again.response is not None
    assert again.response.body is None
    assert not again.is_timed
    with pytest.raises(NotRecorded):
        again.response.header("content-type")
    assert again.request.header("accept") == "application/json"
    with pytest.raises(NotRecorded):
        again.request.header("if-none-match")


RIGHT: dict[str, dict[str, Any]] = {
    "as it was written": {},
    "further keys": {"note": {"any": ["thing"]}, "response__timing": 3},
    "only what is needed": {
        **dict.fromkeys(("elapsed_seconds", "failure", "job_id", "subject", "credential")),
        **dict.fromkeys(("remote_ip", "phases", "request__headers", "response__headers")),
        **dict.fromkeys(("response__body", "response__body_size", "response__http_version")),
    },
    "a whole number with a point": {"response__code": 200.0},
    "a small t and z": {"started_at": "2026-01-31t12:00:00z"},
    "nanoseconds": {"started_at": "2026-01-31T12:00:00.123456789+05:30"},
    "a failure after the head": {"failure": {"reason": "encoding", "head_arrived": True}},
    "a failure without a head": {"failure": {"reason": "timeout"}, "response": None},
}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a request that is a text": ({"request": "GET"}, "request is no object"),
    "no URL": ({"request__url": None}, "request.url is missing"),
    "a URL that is a number": ({"request__url": 3}, "request.url is no text"),
    "no method": ({"request__method": ""}, "request.method is missing"),
    "no start": ({"started_at": None}, "started_at is missing"),
    "a start without an offset": ({"started_at": "2026-01-31T12:00:00"}, "started_at is no moment"),
    "a date": ({"started_at": "2026-01-31"}, "started_at is no moment"),
    "no day of the calendar": ({"started_at": "2026-02-31T12:00:00Z"}, "started_at is no moment"),
    "a negative duration": ({"elapsed_seconds": -1}, "elapsed_seconds is out of range"),
    "a duration as a text": ({"elapsed_seconds": "1"}, "elapsed_seconds is no number"),
    "true as a duration": ({"elapsed_seconds": True}, "elapsed_seconds is no number"),
    "headers as an object": ({"response__headers": {"a": "b"}}, "response.headers is no list"),
    "three in a pair": ({"request__headers": [["a", "b", "c"]]}, "request.headers[0] is no"),
    "a header's value as a number": ({"request__headers": [["a", 1]]}, "request.headers[0] is no"),
    "a header without a name": ({"request__headers": [["", "b"]]}, "request.headers[0] is no"),
    "a response that is a list": ({"response": []}, "response is no object"),
    "no code": ({"response__code": None}, "response.code is no whole number"),
    "half a code": ({"response__code": 200.5}, "response.code is no whole number"),
    "a code as a text": ({"response__code": "200"}, "response.code is no whole number"),
    "a code above all": ({"response__code": 1000}, "response.code is 1000, which"),
    "a body that is an object": ({"response__body": {}}, "response.body is no text"),
    "a body twice": ({"response__body_base64": "YQ=="}, "response.body is there twice"),
    "no base64": (
        {"response__body": None, "response__body_base64": "a*b="},
        "response.body_base64 is no base64",
    ),
    "no padding": (
        {"response__body": None, "response__body_base64": "YQ"},
        "response.body_base64 is no base64",
    ),
    "another HTTP": ({"response__http_version": "9"}, "response.http_version is '9', which"),
    "an unknown reason": ({"failure": {"reason": "rain"}}, "failure.reason is 'rain', which"),
    "a failure without a reason": ({"failure": {}}, "failure.reason is missing"),
    "a head that isn't there": (
        {"failure": {"reason": "timeout", "head_arrived": True}, "response": None},
        "failure.head_arrived is contradicted by response",
    ),
    "an unknown subject": ({"subject": "weather"}, "subject is 'weather', which"),
    "phases as a list": ({"phases": [1]}, "phases is no object"),
    "has_all_headers as a text": (
        {"response__has_all_headers": "no"},
        "response.has_all_headers is neither true nor false",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_schema_and_the_reader_take_the_same(name: str) -> None:
    line = _line(**RIGHT[name])
    VALIDATOR.validate(line)
    assert isinstance(_one(line), Recorded)


@pytest.mark.parametrize("name", WRONG)
def test_the_schema_and_the_reader_refuse_the_same(name: str) -> None:
    changes, said = WRONG[name]
    line = _line(**changes)
    assert not VALIDATOR.is_valid(line)
    item = _one(line)
    assert isinstance(item, Skipped)
    assert item.reason is SkipReason.UNREADABLE
    assert item.detail.startswith(said)


@pytest.mark.parametrize("written", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_day_that_is_beyond_the_calendar_in_another_zone_is_skipped(written: str) -> None:
    item = _one(_line(started_at=written))
    assert isinstance(item, Skipped)
    assert item.detail.startswith("started_at is no moment")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (_line(request__url="https://api.krea.ai/me"), SkipReason.OTHER_ADDRESS),
        (_line(request__url="https://api.krea.ai/me", response=3), SkipReason.OTHER_ADDRESS),
        (_line(response=None), SkipReason.NO_ANSWER),
        (_line(response__code=0), SkipReason.NO_ANSWER),
        (_line(response__code=-1), SkipReason.NO_ANSWER),
        (_line(request=None, response=None), SkipReason.NO_ANSWER),
    ],
)
def test_what_says_nothing_of_the_endpoint_is_skipped(
    line: dict[str, Any], reason: SkipReason
) -> None:
    assert VALIDATOR.is_valid(line) or reason is SkipReason.OTHER_ADDRESS
    item = _one(line)
    assert isinstance(item, Skipped)
    assert item.reason is reason


GOOD = json.dumps(exchange_line(answer())).encode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "not JSON"),
        (b'{"format": NaN}', "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "not JSON: nested too deep to read"),
        (b"3", "no JSON object"),
        (b"{}", 'it has no format, not "format": "jobproof.exchange/1"'),
        (b'{"format": "jobproof.exchange/2"}', "its format is 'jobproof.exchange/2', not"),
        (
            b'{"at": "2026-01-31T12:00:00Z", "target": "a", "canary": "known", "outcome": "ok"}',
            "a result without its exchange, as the jsonl sink once wrote them",
        ),
        (b'{"response": {"code": 1e999}}', "it has no format"),
    ],
)
def test_a_line_that_is_no_exchange_costs_no_other(line: bytes, said: str) -> None:
    first, found, last = _read(GOOD, line, b"", b"  ", GOOD)
    assert isinstance(first, Recorded)
    assert isinstance(last, Recorded)
    assert isinstance(found, Skipped)
    assert (found.reason, found.where) == (SkipReason.UNREADABLE, "line 2")
    assert found.detail.startswith(said)
    with pytest.raises(RecordingError, match=r"^no line is an exchange: line 1: "):
        _read(line)


def test_a_log_before_the_first_exchange_is_counted_line_by_line() -> None:
    *skipped, kept = _read(*[b'{"level": "info"}'] * 1_500, GOOD)
    assert isinstance(kept, Recorded)
    assert len(skipped) == 1_500
    assert {item.reason for item in skipped if isinstance(item, Skipped)} == {SkipReason.UNREADABLE}


@pytest.mark.parametrize("code", ["1e999", "-1e999", "9" * 5000])
def test_a_number_beyond_all_is_no_code(code: str) -> None:
    found, _ = _read(GOOD.replace(b'"code": 200', f'"code": {code}'.encode()), GOOD)
    assert isinstance(found, Skipped)
    assert found.reason is SkipReason.UNREADABLE


def test_a_last_line_that_was_cut_off_is_skipped() -> None:
    stream = io.BytesIO(GOOD + b"\n" + GOOD[:-20])
    kept, cut = read_ndjson(stream, EndpointFilter(api()), NoAttachments())
    assert isinstance(kept, Recorded)
    assert cut == Skipped(SkipReason.UNREADABLE, "line 2", "cut off in the middle")


def test_a_line_over_the_limit_is_left_out_and_the_rest_read() -> None:
    long = GOOD[:-1] + b" " * (2 * LINE_BYTES) + b"}"
    found, kept = _read(long, GOOD)
    assert found == Skipped(SkipReason.UNREADABLE, "line 1", "longer than 16 MiB")
    assert isinstance(kept, Recorded)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(RecordingError, match=r"^the file is empty: record some traffic first$"):
        list(read_ndjson(io.BytesIO(content), EndpointFilter(api()), NoAttachments()))


def test_a_secret_in_a_wrong_place_is_not_told() -> None:
    found = _one(_line(subject=f"Bearer {TOKEN}"))
    assert isinstance(found, Skipped)
    assert TOKEN not in found.detail


def test_a_job_is_known_by_its_url_too() -> None:
    item = _one(_line(job_id=None))
    assert isinstance(item, Recorded)
    assert item.base == "https://api.krea.ai"
    assert item.exchange.request.job_id == JOB


def test_a_failure_is_read_with_what_came_before_it() -> None:
    partial = Response(200, (("content-type", "application/json"),), b"{", b"{")
    seen = _again(failure(Reason.PROTOCOL, partial=partial, at=NOW))
    assert seen.failure is not None
    assert seen.failure.reason is Reason.PROTOCOL
    assert seen.failure.partial is not None
    assert seen.failure.partial.body == b"{"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"started_at": "0001-01-01T00:00:00+23:59"}, "started_at is no moment"),
        ({"started_at": "9999-12-31T23:59:59-23:59"}, "started_at is no moment"),
        ({"elapsed_seconds": 1e11}, "elapsed_seconds is out of range"),
        ({"request": {"method": "G\r\nX", "url": "/"}}, "request.method is no method"),
    ],
)
def test_what_no_calendar_and_no_request_can_hold_is_skipped(
    changed: dict[str, Any], said: str
) -> None:
    if "request" in changed:
        changed = {"request": {**json.loads(GOOD)["request"], "method": "G\r\nX"}}
    found = _one(_line(**changed))
    assert isinstance(found, Skipped)
    assert found.detail.startswith(said)
