"""
What we write ourselves comes back as it was: whatever a check looks at, down to the last byte.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.contract.builders import JOB, NOW, TOKEN, answer, asked, failure

from jobproof.contract.errors import RecordingError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Phases,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.recordings.har.entry import read_har_entry
from jobproof.contract.recordings.har.writer import har_entry

_LATIN = st.text(st.characters(max_codepoint=0xFF), max_size=20)
_HEADERS = st.lists(st.tuples(_LATIN, _LATIN), max_size=4).map(tuple)
_BODIES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=30).map(str.encode),
    st.sampled_from([b"", b"\xef\xbb\xbf{}", b"\0", b"\r", b"\xff\xfe{\0}\0", b'{"a": "\xc3"}']),
)
_SECONDS = st.floats(0, 1e5)


@st.composite
def _responses(draw: st.DrawFn) -> Response:
    body = draw(st.one_of(_BODIES, st.none()))
    return Response(
        code=draw(st.integers(100, 599)),
        headers=draw(_HEADERS),
        body=body,
        raw=body,
        http_version=draw(st.sampled_from(["1.0", "1.1", "2", "3"])),
        has_all_headers=draw(st.booleans()),
    )


@st.composite
def _exchanges(draw: st.DrawFn) -> Exchange:
    partial = st.one_of(_responses(), st.none())
    failures = st.builds(TransportFailure, st.sampled_from(Reason), st.text(max_size=20), partial)
    return Exchange(
        request=Request(
            method=draw(st.sampled_from(["GET", "HEAD", "get", "M-SEARCH"])),
            url=draw(st.sampled_from([f"https://a.example/jobs/{JOB}", "http://[::1]:8/jobs/%2e"])),
            headers=(("Authorization", f"Bearer {TOKEN}"), *draw(_HEADERS)),
            job_id=draw(st.one_of(st.none(), st.text(max_size=20), st.just("\ud800"))),
            subject=draw(st.sampled_from(Subject)),
            credential=draw(st.sampled_from(Credential)),
            has_all_headers=draw(st.booleans()),
        ),
        answer=draw(st.one_of(_responses(), failures)),
        started_at=draw(st.floats(0, 4e9)),
        elapsed_s=draw(_SECONDS),
        phases=Phases(*(draw(_SECONDS) for _ in range(5))),
        remote_ip=draw(st.sampled_from([None, "127.0.0.1", "::1"])),
        reused=draw(st.booleans()),
        certificate_expires_at=draw(st.one_of(st.none(), st.floats(0, 4e9))),
        is_timed=draw(st.booleans()),
    )


def _written(exchange: Exchange, **options: Any) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(json.dumps(har_entry(exchange, **options)))
    return entry


def _in_file(exchange: Exchange) -> Exchange:
    """
    Without secrets; and the bytes before `Content-Encoding`, which no check looks at, aren't kept.
    """
    clean = exchange.redacted(Redactor())
    whole, failed = clean.response, clean.failure
    if whole is not None:
        return replace(clean, answer=replace(whole, raw=whole.body))
    assert failed is not None
    partial = failed.partial and replace(failed.partial, raw=failed.partial.body)
    return replace(clean, answer=replace(failed, partial=partial))


@settings(deadline=None, max_examples=300)
@given(_exchanges())
@example(answer(headers={"content-encoding": "gzip", "x-odd": "\x80\xff"}))
@example(answer(b"x" * 300_000))
@example(answer(b"\xff" * 300_000))
@example(replace(answer(), started_at=NOW + 4e-7, elapsed_s=1e-7))
@example(failure(Reason.TOO_LARGE, partial=Response(200, (("A", "b"),), b"\xff" * 65_536)))
@example(failure(Reason.ENCODING, partial=Response(200, (("Content-Encoding", "br"),), b"")))
@example(failure(Reason.PROTOCOL, partial=Response(101, http_version="1.0")))
def test_an_exchange_comes_back_as_it_was(exchange: Exchange) -> None:
    read = read_har_entry(_written(exchange))
    assert read == _in_file(exchange)
    assert read.ended_at == exchange.ended_at


@pytest.mark.parametrize("body", [b"{}", b"\xff" * 9, b"x" * 100_000])
def test_a_body_that_was_left_out_is_unknown(body: bytes) -> None:
    exchange = answer(body)
    entry = _written(exchange, has_body=False)
    assert "text" not in entry["response"]["content"]
    assert entry["response"]["content"]["size"] == len(body)
    assert entry["response"]["content"]["comment"].startswith("cut")
    read = read_har_entry(entry).response
    assert read is not None
    assert read.body is None
    assert read.headers == _in_file(exchange).answer.headers  # type: ignore[union-attr]


def test_an_empty_body_can_not_be_left_out() -> None:
    read = read_har_entry(_written(answer(b""), has_body=False)).response
    assert read is not None
    assert read.body == b""


def test_what_came_before_a_failure_is_left_out_as_well() -> None:
    seen = failure(Reason.PROTOCOL, partial=Response(200, (), b"some"))
    read = read_har_entry(_written(seen, has_body=False)).failure
    assert read is not None
    assert read.partial is not None
    assert (read.partial.code, read.partial.body) == (200, None)


@pytest.mark.parametrize("content", [{"text": "{"}, {"text": None}, {"text": "e30", "size": 3}])
def test_a_body_that_somebody_shortened_since_is_unknown(content: dict[str, Any]) -> None:
    entry = _written(answer({}))
    entry["response"]["content"] |= content
    entry["response"]["content"].setdefault("size", 2)
    if content.get("size"):
        entry["response"]["content"]["size"] = 4
    read = read_har_entry(entry).response
    assert read is not None
    assert read.body is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("request",), None),
        (("request", "headers"), None),
        (("request", "headers"), [None]),
        (("request", "headers"), [{"name": 1, "value": "x"}]),
        (("request", "url"), 5),
        (("response",), []),
        (("response", "status"), "200"),
        (("response", "status"), True),
        (("response", "status"), 10**400),
        (("response", "content"), None),
        (("response", "content", "text"), 5),
        (("response", "httpVersion"), None),
        (("_jobproof", "started_at"), float("nan")),
        (("_jobproof", "started_at"), "now"),
        (("_jobproof", "started_at"), 1e12),
        (("_jobproof", "elapsed_s"), -1),
        (("_jobproof", "elapsed_s"), 10**400),
        (("_jobproof", "phases"), 5),
        (("_jobproof", "subject"), "nobody"),
        (("_jobproof", "subject"), []),
        (("_jobproof", "job_id"), 5),
        (("_jobproof", "failure"), "late"),
        (("_jobproof", "failure"), {"head_arrived": False}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_notes_that_are_spoilt_are_told_in_one_line(place: tuple[str, ...], value: Any) -> None:
    entry = _written(answer(credential=Credential.NONE))
    *way, last = place
    part = entry
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(RecordingError, match="_jobproof: isn't what was written") as caught:
        read_har_entry(entry)
    assert "\n" not in str(caught.value)


def test_times_that_are_next_to_each_other_keep_their_order() -> None:
    first = Exchange(asked(), Response(200), NOW, 2e-7)
    second = replace(first, elapsed_s=6e-7)
    read = [read_har_entry(_written(one)) for one in (first, second)]
    assert read[0].ended_at == first.ended_at
    assert read[1].ended_at == second.ended_at
