"""
What a recorder left out of a HAR entry is unknown: neither empty nor absent.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.builders import JOB
from tests.contract.har_files import ANY_JSON, BODY, JOB_URL, broken_by, entry, items

from jobproof.contract.model.exchange import Response
from jobproof.contract.recordings.har import body as body_module
from jobproof.contract.recordings.recorded import Recorded, RecordedItem, Skipped, SkipReason

HEADERS = entry()["response"]["headers"]
BYTES = BODY.encode()


def _response(*entries: Any, folder: Path | None = None) -> Response:
    (item,) = items(*entries, folder=folder)
    assert isinstance(item, Recorded), item
    assert item.exchange.response is not None
    return item.exchange.response


def _base64(body: bytes) -> str:
    return base64.b64encode(body).decode("ascii")


def test_a_whole_entry_of_a_right_server_is_read_and_right() -> None:
    assert _response(entry()).body == BYTES
    assert broken_by(items(entry())) == []


@pytest.mark.parametrize(
    "content",
    [
        {"text": ...},
        {"text": None},
        {"text": ..., "size": -1},
        {"text": ..., "size": ...},
        {"text": ..., "size": 0},
        {"text": ""},
        {"text": "", "size": -1},
        {"text": BODY[:-5]},
        {"text": {}},
        {"text": {"a": float("nan")}},
        {"text": [BODY]},
        {"text": 5},
        {"text": BODY[:-5], "size": ..., "comment": "truncated"},
        {"text": BODY[:-5], "size": -1, "comment": "Cut at 60 bytes"},
        {"text": BODY[:-5], "size": ..., "_truncated": True},
        {"text": BODY[:-5], "size": ..., "_contentTruncated": 1},
        {"text": "%%%", "encoding": "base64"},
        {"text": "AAAAA", "encoding": "base64", "size": ...},
        {"text": BODY, "encoding": "rot13"},
        {"text": BODY, "encoding": {"name": "base64"}},
        {"text": "\x1f\ufffd\x08\x00", "size": ...},
        {"text": BODY.replace("queued", "\ufffd"), "size": ...},
        {"text": BODY + chr(0xDCFF), "size": ...},
        {"text": ..., "_file": "nowhere.json"},
    ],
    ids=lambda content: str(content)[:60],
)
def test_a_body_that_was_not_kept_is_unknown_and_breaks_nothing(content: dict[str, Any]) -> None:
    one = entry(content=content, response={"bodySize": -1})
    assert _response(one).body is None
    assert broken_by(items(one)) == []


@pytest.mark.parametrize(
    ("content", "body_size"),
    [
        ({"text": "", "size": 0}, -1),
        ({"text": "", "size": 0}, 0),
        ({"text": ..., "size": 0}, 0),
        ({"text": "", "size": -1}, 0),
    ],
    ids=str,
)
def test_an_empty_body_is_the_servers_fault(content: dict[str, Any], body_size: int) -> None:
    one = entry(content=content, response={"bodySize": body_size})
    assert _response(one).body == b""
    assert "body_is_json" in broken_by(items(one))


def test_playwright_without_sizes_writes_an_empty_text_for_an_empty_body() -> None:
    one = entry(content={"text": "", "size": -1}, response={"bodySize": -1}, _monotonicTime=1.5)
    assert _response(one).body == b""


def test_no_bytes_beside_an_announced_length_were_not_kept() -> None:
    announced = [*HEADERS, {"name": "Content-Length", "value": "107"}]
    one = entry(content={"text": "", "size": 0}, response={"headers": announced})
    assert _response(one).body is None


@pytest.mark.parametrize(
    ("content", "body_size", "headers"),
    [
        ({"size": 40}, -1, [*HEADERS, {"name": "Content-Length", "value": str(len(BODY))}]),
        ({"size": ...}, len(BODY), HEADERS),
        ({"size": -1}, len(BODY), HEADERS),
    ],
    ids=str,
)
def test_a_text_shorter_than_any_size_of_it_is_unknown(
    content: dict[str, Any], body_size: int, headers: list[Any]
) -> None:
    cut = {"text": BODY[:40], **content}
    one = entry(content=cut, response={"bodySize": body_size, "headers": headers})
    assert _response(one).body is None
    assert broken_by(items(one)) == []


def test_a_text_as_long_as_its_size_is_what_the_server_sent() -> None:
    # Some count the headers in bodySize.
    one = entry(content={"text": BODY[:40], "size": 40}, response={"bodySize": 300})
    assert "body_is_json" in broken_by(items(one))


@pytest.mark.parametrize("flag", ["false", "no", 0])
def test_a_recorder_that_says_not_truncated_has_cut_nothing(flag: Any) -> None:
    assert _response(entry(response={"_truncated": flag})).body == BYTES


def test_a_text_shorter_than_its_size_is_whole_where_it_is_whole_json() -> None:
    one = entry(content={"text": '{"job_id": "k"}', "size": 500})
    assert "job_id_is_echoed" in broken_by(items(one))


def test_an_object_in_place_of_the_text_says_what_the_body_said() -> None:
    one = entry(content={"text": json.loads(BODY), "size": 5000})
    body = _response(one).body
    assert body is not None
    assert json.loads(body) == json.loads(BODY)
    assert broken_by(items(one)) == []


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (_base64(BYTES), "base64"),
        (_base64(BYTES), "BASE64"),
        (_base64(BYTES).rstrip("="), "base64"),
        (base64.encodebytes(BYTES).decode(), "base64"),
        (base64.urlsafe_b64encode(BYTES).decode(), "base64"),
        (_base64(BYTES), None),
        (BODY, None),
        (BODY, "utf-8"),
    ],
)
def test_a_body_is_read_in_every_spelling(text: str, encoding: str | None) -> None:
    assert _response(entry(content={"text": text, "encoding": encoding})).body == BYTES


def _deflated(body: bytes) -> bytes:
    return zlib.compress(body)


@pytest.mark.parametrize(
    ("coding", "sent", "body"),
    [
        ("gzip", gzip.compress(BYTES), BYTES),
        ("deflate", _deflated(BYTES), BYTES),
        ("gzip", BYTES, BYTES),
        ("br", b"\x8b\x00\x80\x03", None),
        ("br", b"\x0b\x00\x80abc".decode("latin-1").encode(), None),
        ("zstd", b"\x28\xb5\x2f\xfd\x00", None),
        ("gzip", gzip.compress(BYTES)[:-9], None),
    ],
)
def test_a_body_that_is_still_encoded_is_decoded_or_unknown(
    coding: str, sent: bytes, body: bytes | None
) -> None:
    one = entry(
        response={"headers": [*HEADERS, {"name": "content-encoding", "value": coding}]},
        content={"text": _base64(sent), "encoding": "base64", "size": len(sent)},
    )
    assert _response(one).body == body
    assert broken_by(items(one)) == []


@pytest.mark.parametrize(
    ("sent", "body"), [(gzip.compress(BYTES), BYTES), (b"\x8b\x00\x80\x03", None), (BYTES, BYTES)]
)
def test_a_body_without_the_headers_that_name_its_coding_is_decoded_or_unknown(
    sent: bytes, body: bytes | None
) -> None:
    one = entry(
        response={"headers": []},
        content={"text": _base64(sent), "encoding": "base64", "size": len(sent)},
    )
    assert _response(one).body == body


def test_a_body_beyond_the_bound_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "_MOST_BYTES", len(BYTES) - 1)
    (tmp_path / "a.json").write_bytes(BYTES)
    packed = gzip.compress(BYTES)
    assert _response(entry()).body is None
    beside = entry(content={"text": ..., "_file": "a.json"})
    assert _response(beside, folder=tmp_path).body is None
    encoded = entry(
        response={"headers": [*HEADERS, {"name": "content-encoding", "value": "gzip"}]},
        content={"text": _base64(packed), "encoding": "base64", "size": len(packed)},
    )
    assert _response(encoded).body is None


def test_a_body_beside_the_recording_is_read(tmp_path: Path) -> None:
    (tmp_path / "0a1b.json").write_text(BODY, encoding="utf-8")
    for text in (..., "", None):
        one = entry(content={"text": text, "_file": "0a1b.json"})
        assert _response(one, folder=tmp_path).body == BYTES
        assert _response(one, folder=None).body is None


@pytest.mark.parametrize(
    "name", ["../secret.json", "/etc/hostname", "link.json", "inner/a.json", "..", "", "a\x00b", 5]
)
def test_a_body_elsewhere_is_not(tmp_path: Path, name: object) -> None:
    folder = tmp_path / "recording"
    (folder / "inner").mkdir(parents=True)
    for place in (tmp_path / "secret.json", folder / "inner" / "a.json"):
        place.write_text(BODY, encoding="utf-8")
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    assert _response(entry(content={"text": ..., "_file": name}), folder=folder).body is None


@pytest.mark.parametrize("headers", [..., None, [], {}])
def test_headers_that_were_not_kept_are_unknown(headers: Any) -> None:
    one = entry(response={"headers": headers})
    response = _response(one)
    assert not response.has_all_headers
    assert response.header("content-type") == "application/json"
    assert broken_by(items(one)) == []


def test_a_type_that_a_recorder_dropped_is_taken_from_where_it_kept_it() -> None:
    one = entry(response={"headers": HEADERS[1:]})
    assert _response(one).header("content-type") == "application/json"
    assert broken_by(items(one)) == []


@pytest.mark.parametrize("guess", ["text/plain", "x-unknown", "", "text/plain; charset=utf-8"])
def test_a_type_that_a_browser_guessed_is_not_the_servers(guess: str) -> None:
    one = entry(response={"headers": HEADERS[1:]}, content={"mimeType": guess})
    assert _response(one).has_all_headers
    assert broken_by(items(one)) != []


@pytest.mark.parametrize(
    ("headers", "pairs"),
    [
        ({"A": "b", "n": 5}, (("A", "b"), ("n", "5"))),
        ({"A": ["b", "c"]}, (("A", "b"), ("A", "c"))),
        ([{"name": ":status", "value": "200"}, {"name": "A", "value": "b"}], (("A", "b"),)),
        ([{"name": "A", "value": "b\nc"}], (("A", "b"), ("A", "c"))),
        ([{"name": "A", "value": 12}], (("A", "12"),)),
        ([{"name": "A", "value": ""}], (("A", ""),)),
    ],
)
def test_headers_are_read_in_every_spelling(
    headers: Any, pairs: tuple[tuple[str, str], ...]
) -> None:
    one = entry(response={"headers": headers}, content={"mimeType": ""})
    assert _response(one).headers == pairs
    assert _response(one).has_all_headers


@pytest.mark.parametrize("value", [None, {}, True, []])
def test_a_header_without_a_value_is_unknown(value: Any) -> None:
    odd = {"name": "Retry-After", "value": value}
    response = _response(entry(response={"headers": [*HEADERS, odd]}))
    assert not response.has_all_headers
    assert "Retry-After" not in dict(response.headers)


@pytest.mark.parametrize("time", [..., None, -1, "x", float("nan"), float("inf"), [1], 10**400])
def test_a_time_that_was_not_measured_is_none(time: Any) -> None:
    (item,) = items(entry(time=time, timings={"send": -1, "wait": -1, "receive": -1}))
    assert isinstance(item, Recorded)
    assert not item.exchange.is_timed
    assert item.exchange.elapsed_s == 0


@pytest.mark.parametrize("time", [..., None, -1])
def test_a_time_that_was_not_written_is_the_sum_of_its_parts(time: Any) -> None:
    parts = {"blocked": -1, "dns": 5, "connect": 20, "ssl": 10, "send": 0, "wait": 10, "receive": 2}
    (item,) = items(entry(time=time, timings=parts))
    assert isinstance(item, Recorded)
    assert item.exchange.is_timed
    assert item.exchange.elapsed_s == pytest.approx(0.037)


def test_what_a_browser_queued_is_no_part_of_the_answers_time() -> None:
    queued = {"blocked": 8000, "dns": -1, "send": 0, "wait": 10, "receive": 2}
    (item, before) = items(entry(time=8012, timings=queued), entry())
    assert isinstance(item, Recorded)
    assert isinstance(before, Recorded)
    assert item.exchange.elapsed_s == pytest.approx(0.012)
    assert item.exchange.started_at == pytest.approx(before.exchange.started_at + 8)


@pytest.mark.parametrize("timings", [..., None, [], {"wait": None}, {"wait": "x", "ssl": "-1"}])
def test_phases_that_were_not_measured_did_not_happen(timings: Any) -> None:
    (item,) = items(entry(timings=timings))
    assert isinstance(item, Recorded)
    assert item.exchange.phases.wait == 0
    assert item.exchange.elapsed_s == 0.012


@pytest.mark.parametrize(
    ("written", "version"),
    [
        *(("HTTP/2.0", "2"), ("h2", "2"), ("http/2.0", "2"), ("HTTP/2", "2"), ("h3", "3")),
        *(("h3-29", "3"), ("http/1.1", "1.1"), ("HTTP/1.0", "1.0"), (None, "1.1"), ("?", "1.1")),
    ],
)
def test_versions_are_read_in_every_spelling(written: Any, version: str) -> None:
    assert _response(entry(response={"httpVersion": written})).http_version == version


ODD = [..., None, {}, [], True, 5, -1, "", "x"]
SERVERS_WORD = [..., None, {}, [], True]
"""Any other value of a header may be what the server has sent."""


def _places(part: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for name, value in part.items() if isinstance(part, dict) else enumerate(part):
        yield (*at, name)
        if isinstance(value, dict | list):
            yield from _places(value, (*at, name))


def _with(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = entry()
    part: Any = changed
    for name in place[:-1]:
        part = part[name]
    if value is ...:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return changed


PLACES = list(_places(entry()))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_nothing_missing_or_odd_in_an_entry_is_the_servers_fault(place: tuple[Any, ...]) -> None:
    is_header = place[:2] == ("response", "headers") and place[-1] in ("name", "value")
    for value in SERVERS_WORD if is_header else ODD:
        found = items(_with(place, value))
        assert len(found) == 1
        assert broken_by(found) == [], (place, value)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(PLACES), ANY_JSON)
def test_any_json_anywhere_in_an_entry_is_read_or_left_out(
    place: tuple[Any, ...], value: Any
) -> None:
    found = items(_with(place, value), entry())
    assert len(found) == 2
    broken_by(found)  # whatever it says, it can be judged
    for item in found:
        if isinstance(item, Skipped):
            item.detail.encode("utf-8")
            assert item.detail.isprintable()
            assert len(item.detail) <= 200
    assert isinstance(found[1], Recorded)


@settings(deadline=None, max_examples=60)
@given(ANY_JSON)
def test_any_json_as_an_entry_is_left_out(value: Any) -> None:
    (item,) = items(value)
    assert isinstance(item, Skipped)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"startedDateTime": ...}, "startedDateTime: which is missing is no moment"),
        *(
            ({"startedDateTime": written}, f"startedDateTime: '{written}' is no moment")
            for written in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00")
        ),
        ({"startedDateTime": 999_999_999_999_999}, "startedDateTime: 999999999999999 is no moment"),
        ({"startedDateTime": "soon\n"}, "startedDateTime: 'soon\\n' is no moment"),
        (
            {"startedDateTime": "2026-02-01T10:00:00" + " " * 1_000_000 + "x"},
            "startedDateTime: a value of 1000022 characters is no moment",
        ),
        ({"response": {"status": 200.5}}, "response.status: 200.5 is no status code"),
        ({"response": {"status": "ok"}}, "response.status: 'ok' is no status code"),
        ({"request": {"method": "a b"}}, "request.method: 'a b' is no method"),
        ({"request": {"url": ...}}, "request.url is missing"),
    ],
)
def test_an_entry_that_cannot_be_read_is_left_out_with_the_reason(
    changes: dict[str, Any], detail: str
) -> None:
    first, second = items(entry(**changes), entry())
    assert isinstance(first, Skipped)
    assert (first.reason, first.where) == (SkipReason.UNREADABLE, "log.entries[0]")
    assert first.detail.startswith(detail)
    assert isinstance(second, Recorded)


@pytest.mark.parametrize(
    ("changes", "request_"),
    [
        ({"startedDateTime": "at SECRET"}, {}),
        ({"response": {"status": "SECRET"}}, {}),
        ({}, {"method": "GET SECRET"}),
    ],
)
def test_no_secret_of_its_request_is_told_of_an_entry_that_cannot_be_read(
    changes: dict[str, Any], request_: dict[str, Any]
) -> None:
    written = json.dumps(
        entry(request={**_asked(Authorization="Bearer SECRET"), **request_}, **changes)
    )
    (item,) = items(json.loads(written.replace("SECRET", "krea-token-of-the-owner")))
    assert isinstance(item, Skipped)
    assert item.reason is SkipReason.UNREADABLE
    assert "krea-token" not in item.detail


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        *(("2026-02-01T10:00:00Z", 0), ("2026-02-01T10:00:00.1Z", 0.1)),
        *(("2026-02-01T10:00:00.123456789Z", 0.123456), ("2026-02-01T11:00:00.0000000+01:00", 0)),
        *(("2026-02-01T11:00:00.5+0100", 0.5), ("2026-02-01T11:00:00+01", 0)),
        *(
            ("2026-02-01t10:00:00z", 0),
            ("2026-02-01 10:00:00", 0),
            ("2026-02-01T10:00:00,25Z", 0.25),
        ),
        *(
            (1769940000000, 0),
            (1769940000, 0),
            ("1769940000500", 0.5),
            ("2026-02-01T05:00:00-05:00", 0),
        ),
    ],
)
def test_moments_are_read_in_every_spelling(written: Any, moment: float) -> None:
    (item,) = items(entry(startedDateTime=written))
    assert isinstance(item, Recorded)
    assert item.exchange.started_at == pytest.approx(1769940000 + moment, abs=1e-5)


def test_parameters_that_stand_beside_the_url_are_put_into_it() -> None:
    (item,) = items(entry(request={"queryString": [{"name": "wait", "value": "1 s"}]}))
    assert isinstance(item, Recorded)
    assert item.exchange.request.url == f"{JOB_URL}?wait=1+s"


def _reasons(found: list[RecordedItem]) -> list[str]:
    return [item.reason if isinstance(item, Skipped) else "read" for item in found]


OTHER = "https://api.krea.ai/assets/app.js"


@pytest.mark.parametrize(
    "odd",
    [
        {"request": {"url": OTHER}, "response": {"status": "x"}},
        {"request": {"url": OTHER}, "startedDateTime": ...},
        {"request": {"url": OTHER, "method": 5}, "_resourceType": "document"},
        {"request": {"url": "data:text/plain,x"}},
        {"request": {"url": "about:blank"}},
        {"request": {"url": f"/jobs/{JOB}"}},
        {"request": {"url": "http://[bad/jobs"}},
    ],
)
def test_nothing_odd_about_another_address_is_looked_at(odd: dict[str, Any]) -> None:
    assert _reasons(items(entry(**odd), entry())) == [SkipReason.OTHER_ADDRESS, "read"]


def _asked(**headers: str) -> dict[str, Any]:
    return {"headers": [{"name": n.replace("_", "-"), "value": v} for n, v in headers.items()]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_resourceType": "document"}, SkipReason.NOT_FETCHED),
        ({"_resourceType": "preflight"}, SkipReason.NOT_FETCHED),
        ({"_resourceType": "websocket"}, SkipReason.NOT_FETCHED),
        ({"_resourceType": "eventsource"}, SkipReason.NOT_FETCHED),
        ({"request": _asked(Accept="text/event-stream")}, SkipReason.NOT_FETCHED),
        ({"_webSocketMessages": []}, SkipReason.NOT_FETCHED),
        ({"request": {"url": JOB_URL.replace("https", "wss")}}, SkipReason.OTHER_ADDRESS),
        ({"response": {"status": 101}}, SkipReason.NOT_FETCHED),
        ({"request": _asked(Sec_Fetch_Dest="document")}, SkipReason.NOT_FETCHED),
        ({"request": _asked(Sec_Fetch_Mode="navigate")}, SkipReason.NOT_FETCHED),
        (
            {"request": _asked(Accept="text/html,*/*", Upgrade_Insecure_Requests="1")},
            SkipReason.NOT_FETCHED,
        ),
        (
            {"request": {"method": "OPTIONS", **_asked(Access_Control_Request_Method="GET")}},
            SkipReason.NOT_FETCHED,
        ),
        ({"response": {"status": 0}}, SkipReason.NO_ANSWER),
        ({"response": {"status": -1}}, SkipReason.NO_ANSWER),
        ({"response": {"_failureText": "net::ERR_ABORTED"}}, SkipReason.NO_ANSWER),
        ({"response": {"_error": "net::ERR_FAILED"}}, SkipReason.NO_ANSWER),
        ({"_error": "timed out"}, SkipReason.NO_ANSWER),
        ({"_fromCache": "memory"}, SkipReason.FROM_CACHE),
        ({"_fromCache": True}, SkipReason.FROM_CACHE),
        ({"response": {"_fetchedViaServiceWorker": True}}, SkipReason.FROM_CACHE),
        ({"response": {"_transferSize": 0}}, SkipReason.FROM_CACHE),
        ({"_fetchType": "Disk Cache"}, SkipReason.FROM_CACHE),
        ({"cache": {"afterRequest": None}}, SkipReason.FROM_CACHE),
        (
            {"cache": {"beforeRequest": {"hitCount": 1}}, "response": {"bodySize": 0}},
            SkipReason.FROM_CACHE,
        ),
        (
            {"content": {"compression": len(BODY)}, "response": {"bodySize": 0}},
            SkipReason.FROM_CACHE,
        ),
        ({"_initiator": {}, "response": {"bodySize": 0}}, SkipReason.FROM_CACHE),
        (
            {"cache": {"beforeRequest": {"hitCount": 0}}, "response": {"bodySize": ...}},
            "from_cache",
        ),
        ({"cache": {"beforeRequest": {"hitCount": 1}}}, "read"),
        ({"_wasFulfilled": True}, SkipReason.FROM_CACHE),
        ({"_wasAborted": True}, SkipReason.NO_ANSWER),
        ({"response": {"_charlesStatus": "EXCEPTION"}}, SkipReason.NO_ANSWER),
        ({"response": {"_charlesStatus": "COMPLETE"}}, "read"),
        (
            {
                "content": {"compression": len(BODY)},
                "response": {"bodySize": 0, "headersSize": 300, "_transferSize": 140},
            },
            "read",
        ),
        ({"_fetchType": "Network Load", "_priority": "low", "response": {"bodySize": 0}}, "read"),
        ({"_resourceType": "fetch"}, "read"),
        ({"_resourceType": "xhr", "request": _asked(Sec_Fetch_Mode="cors")}, "read"),
        ({"_fromCache": None}, "read"),
        ({"_fromCache": False}, "read"),
        ({"response": {"_error": None, "_fetchedViaServiceWorker": False}}, "read"),
        ({"response": {"_transferSize": 300}}, "read"),
        ({"cache": {"beforeRequest": None, "afterRequest": None}}, "read"),
        ({"cache": {"afterRequest": {"hitCount": 1}}}, "read"),
        (
            {"cache": {"afterRequest": {"hitCount": 1}}, "_securityState": "secure"},
            SkipReason.FROM_CACHE,
        ),
        ({"cache": None}, "read"),
        ({"_webSocketMessages": None}, "read"),
        (
            {"request": _asked(Accept="text/html,application/xhtml+xml,*/*;q=0.8")},
            SkipReason.NOT_FETCHED,
        ),
        ({"request": _asked(Accept="text/html, */*; q=0.01")}, "read"),
        (
            {"response": {"status": 502, "statusText": "Fiddler - Connection Failed"}},
            SkipReason.NO_ANSWER,
        ),
        ({"request": {"method": "HEAD"}}, "read"),
        ({"request": {"method": "OPTIONS"}}, "read"),
    ],
    ids=str,
)
def test_what_is_not_the_servers_answer_is_left_out(changes: dict[str, Any], reason: str) -> None:
    assert _reasons(items(entry(**changes))) == [reason]


@pytest.mark.parametrize("response", [None, ...])
def test_a_request_without_a_response_was_not_answered(response: Any) -> None:
    one = entry()
    one["response"] = response
    if response is ...:
        del one["response"]
    assert _reasons(items(one)) == [SkipReason.NO_ANSWER]


def test_the_text_beside_a_304_is_the_browsers() -> None:
    response = _response(entry(response={"status": 304, "bodySize": 0}))
    assert response.body == b""
    assert broken_by(items(entry(), entry(response={"status": 304}))) == []
