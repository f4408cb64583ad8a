"""
The faults: each changes what it says and nothing else, down to the bytes.
"""

from __future__ import annotations

import json
import re
import socket
import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from tests.contract.requests_to_mock import (
    APIS,
    Clock,
    MockExchange,
    Raw,
    api_named,
    head_and_body,
    path_of,
    poll,
    run_script,
)
from tests.contract.small_api import small_api

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock import Mock, MockServer
from jobproof.contract.mock.behaviour import RequestContext, by_name
from jobproof.contract.mock.faults import FAULT_GROUPS, FAULTS, FaultGroup
from jobproof.contract.mock.grounds import grounds_of
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.model.finding import Basis
from jobproof.contract.plugins import load_checks

_POLLS = 22


@cache
def _reference(name: str, polls: int = _POLLS) -> list[MockExchange]:
    return run_script(api_named(name), polls=polls)


def _pairs(applying: bool) -> list[tuple[str, str]]:
    return [
        (name, fault.name)
        for name in APIS
        for fault in FAULTS.values()
        if fault.applies(api_named(name)) is applying
    ]


def test_every_group_has_faults_and_every_fault_is_of_one_group() -> None:
    # How many there are stands in the README, which tests/test_docs.py holds.
    assert [group.letter for group in FAULT_GROUPS] == list("SFMTEXKAGILPHWQRD")
    assert all(group.faults for group in FAULT_GROUPS)
    assert sum(len(group.faults) for group in FAULT_GROUPS) == len(FAULTS)
    assert {fault.definite for fault in FAULTS.values()} == {True, False}


def test_every_fault_names_promises_that_some_check_keeps() -> None:
    known = {check.id for check in load_checks()}
    for fault in FAULTS.values():
        assert fault.promises, fault.name
        assert set(fault.promises) <= known, fault.name


def test_whoever_calls_a_fault_definite_can_say_where_it_stands_written() -> None:
    checks = {check.id: check for check in load_checks()}
    for fault in FAULTS.values():
        grounds = grounds_of(fault, checks)
        assert fault.definite == (grounds.basis is not Basis.INFERRED), fault.name
        assert len(grounds.source) > 3, fault.name


def test_what_a_fault_states_itself_goes_before_what_its_check_says() -> None:
    checks = {check.id: check for check in load_checks()}
    group = FaultGroup("S", "schema")

    @group.body("stated", "known_job_is_found", definite=False, source="here", basis=Basis.INFERRED)
    def stated(body: JsonObject, context: RequestContext) -> Json:
        return body

    @group.body("derived", "status_moves_forward", "known_job_is_found")
    def derived(body: JsonObject, context: RequestContext) -> Json:
        return body

    check = checks["known_job_is_found"]
    assert grounds_of(group.faults[0], checks) == (Basis.INFERRED, "here", check.severity)
    assert grounds_of(group.faults[1], checks) == (check.basis, check.source, check.severity)


def test_a_fault_proves_a_check_that_may_find_it_and_no_two_prove_one() -> None:
    proofs = [(fault.proves, fault) for fault in FAULTS.values() if fault.proves]
    assert all(proved in fault.promises for proved, fault in proofs)
    assert len({proved for proved, _ in proofs}) == len(proofs)


def test_no_two_behaviours_have_one_name() -> None:
    variant = next(iter(VARIANTS.values()))
    assert by_name([variant]) == {variant.name: variant}
    with pytest.raises(ValueError, match=f"two behaviours are called {variant.name}"):
        by_name([variant, variant])


def test_every_correct_variant_says_why_it_is_right() -> None:
    assert all(len(variant.why) > 10 for variant in VARIANTS.values())


def test_every_fault_has_a_sentence_of_its_own() -> None:
    summaries = [behaviour.summary for behaviour in (*FAULTS.values(), *VARIANTS.values())]
    assert len(set(summaries)) == len(summaries)
    assert all(10 < len(one) < 90 and not one.endswith(".") for one in summaries)


def test_every_fault_applies_to_the_first_api_and_most_to_the_second() -> None:
    # A job of the first says nothing of what it was asked to do, and its ids are UUIDs.
    lacking = [n for api, n in _pairs(applying=False) if api == "krea"]
    assert sorted(lacking) == ["given_changes", "id_in_any_case"]
    assert len([name for api, name in _pairs(applying=True) if api == "openai-batch"]) >= 75


@pytest.mark.parametrize("name", APIS)
def test_the_reference_says_the_same_each_time(name: str) -> None:
    assert [one.on_wire for one in run_script(api_named(name))] == [
        one.on_wire for one in _reference(name)
    ]


@pytest.mark.parametrize(("name", "fault"), _pairs(applying=True))
def test_a_fault_changes_the_answers_that_the_log_says_it_changed(name: str, fault: str) -> None:
    polls = 1 if fault.startswith("huge") else _POLLS
    usual, wrong = _reference(name, polls), run_script(api_named(name), faults=[fault], polls=polls)
    # Under a tag of another body another question is asked.
    pairs = [(u, w) for u, w in zip(usual, wrong, strict=True) if u.request == w.request]
    changed = [w.request for u, w in pairs if u.on_wire != w.on_wire]
    assert changed
    assert changed == [w.request for _, w in pairs if w.fault is not None]
    assert {w.fault for w in wrong} == {None, fault}


@pytest.mark.parametrize(
    ("name", "variant"),
    [(n, v.name) for n in APIS for v in VARIANTS.values() if v.applies(api_named(n))],
)
def test_a_correct_variant_differs_and_keeps_to_the_document(name: str, variant: str) -> None:
    api = api_named(name)
    usual, other = _reference(name), run_script(api, variants=[variant])
    differs = any(u.on_wire != o.on_wire for u, o in zip(usual, other, strict=True))
    assert differs == (variant != "as_documented")
    content = api.operation.responses["200"].contents[0]
    for one in other:
        if one.answer.code == 200 and one.answer.header("Content-Encoding") is None:
            assert list(content.errors(json.loads(one.answer.body or b"null"))) == []


@pytest.mark.parametrize(
    ("fault", "nth"),
    [("status_unheard_of_at_times", 20), ("not_found_at_times", 20), ("crash_at_times", 20),
     ("refused_at_times", 20), ("throttled_without_hint", 10), ("end_undone", 3)],
)  # fmt: skip
def test_a_fault_that_comes_and_goes_does_so_by_count(fault: str, nth: int) -> None:
    with MockServer(api_named("krea"), faults=[fault]) as server:
        job = path_of(server.mock, server.jobs[-1].id)
        headers = [("Authorization", f"Bearer {server.token}")]
        for _ in range(3 * nth):
            server.mock.respond("GET", job, headers)
        hit = [number for number, row in enumerate(server.log, 1) if row.fault]
    assert hit == [nth, 2 * nth, 3 * nth]


@pytest.mark.parametrize("fault", ["id_of_another_job", "another_job_at_times"])
def test_another_job_is_told_of_also_where_there_is_one_alone(fault: str, tmp_path: Path) -> None:
    mock = Mock(small_api(tmp_path / "api"), faults=[fault], clock=Clock())
    (job,) = mock.jobs
    told = {poll(mock, job.id)[1]["id"] for _ in range(5)}
    assert len(told - {job.id}) == 1


def test_faults_add_up() -> None:
    both = run_script(api_named("krea"), faults=["status_null", "media_type_html"])
    first = both[0].answer
    assert first.header("Content-Type") == "text/html; charset=utf-8"
    assert json.loads(first.body)["status"] is None


# On the wire.


def _sent(server: MockServer, fault: str, *, job: str | None = None) -> tuple[list[bytes], bytes]:
    with Raw(server.port) as raw:
        path = path_of(server.mock, job or server.jobs[7].id)
        raw.get(path, server.token, f"X-Mock-Fault: {fault}", "Connection: close")
        return head_and_body(raw.rest())


def _length(lines: list[bytes]) -> int:
    return next(int(line[16:]) for line in lines if line.startswith(b"Content-Length: "))


def test_body_short_sends_40_bytes_less_than_it_announces(server: MockServer) -> None:
    lines, body = _sent(server, "body_short")
    assert _length(lines) == len(body) + 40
    assert json.loads(body)["status"] == "completed"


def test_chunks_cut_ends_inside_a_chunk(server: MockServer) -> None:
    lines, body = _sent(server, "chunks_cut")
    assert b"Transfer-Encoding: chunked" in lines
    assert not any(line.startswith(b"Content-Length") for line in lines)
    size, _, rest = body.partition(b"\r\n")
    assert 0 < len(rest) < int(size, 16)


def test_gzip_lie_names_a_coding_that_is_not_there(server: MockServer) -> None:
    lines, body = _sent(server, "gzip_lie")
    assert b"Content-Encoding: gzip" in lines
    assert body.startswith(b"{")


def test_json_truncated_has_the_length_that_it_announces(server: MockServer) -> None:
    lines, body = _sent(server, "json_truncated")
    assert _length(lines) == len(body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


@pytest.mark.parametrize(
    ("fault", "pattern"),
    [
        ("byte_order_mark", rb'\xef\xbb\xbf\{"job_id"'),
        ("key_twice", rb'\{"job_id":null,"job_id":"'),
        ("number_nan", rb'.*"progress":NaN\}'),
        ("not_utf8", rb'\{"job_id":"\xff\xfe'),
        ("trailing_garbage", rb"\{.*\}<!--"),
        ("wrapped_in_a_call", rb"callback\(\{.*\}\);"),
        ("in_a_list", rb"\[\{.*\}\]"),
        ("status_in_capitals", rb'.*"status":"COMPLETED"'),
        ("creation_in_another_codec", rb'.*"created_at":\d{10}[,}]'),
        ("creation_without_zone", rb'.*"created_at":"\d{4}-\d\d-\d\dT[\d:.]+"'),
        ("creation_with_space", rb'.*"created_at":"\d{4}-\d\d-\d\d \d'),
        ("creation_with_basic_offset", rb'.*"created_at":"[^"]*\+0000"'),
        ("end_without_time", rb'.*"completed_at":"\d{4}-\d\d-\d\d"'),
        ("link_relative", rb'.*"urls":\["/'),
        ("link_to_internal_host", rb'.*"urls":\["https://169\.254\.'),
        ("links_as_text", rb'.*"urls":"https://'),
        ("link_null", rb'.*"urls":\["https://[^"]*",null\]'),
        ("result_in_a_list", rb'.*"result":\[\{'),
        ("result_empty", rb'.*"result":\{"urls":\[\]\}'),
        ("optional_key_misspelt", rb'.*"completed-at":"'),
        ("required_key_in_camel_case", rb'.*"createdAt":"'),
    ],
)
def test_a_body_is_wrong_in_the_stated_way(server: MockServer, fault: str, pattern: bytes) -> None:
    body = _sent(server, fault)[1]
    assert re.match(pattern, body, re.DOTALL), body


def test_hang_says_nothing_for_a_job_and_answers_for_other_ids(server: MockServer) -> None:
    server.set_faults("hang")
    with Raw(server.port, timeout_s=0.4) as raw:
        raw.get(path_of(server.mock, server.jobs[0].id), server.token)
        with pytest.raises(socket.timeout):
            raw.socket.recv(1)
    with Raw(server.port) as raw:
        raw.get("/jobs/4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20", server.token)
        assert raw.answer()[0].startswith(b"HTTP/1.1 404")


def test_slow_is_silent_for_three_seconds(server: MockServer) -> None:
    began = time.monotonic()
    lines, _ = _sent(server, "slow")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert time.monotonic() - began > 2.9


def test_huge_sends_20_megabytes_of_valid_json(server: MockServer) -> None:
    lines, body = _sent(server, "huge")
    assert _length(lines) == len(body) > 20 * 1024 * 1024
    assert set(json.loads(body)) >= {"job_id", "padding"}


def test_head_differs_announces_what_get_does_not(server: MockServer) -> None:
    lengths = []
    for method in ("GET", "HEAD"):
        with Raw(server.port) as raw:
            path = path_of(server.mock, server.jobs[7].id)
            lines = ["X-Mock-Fault: head_differs", "Connection: close"]
            raw.get(path, server.token, *lines, method=method)
            lengths.append(_length(head_and_body(raw.rest())[0]))
    assert lengths[1] == lengths[0] + 7


def test_never_ends_shows_an_old_job_running(server: MockServer) -> None:
    body = json.loads(_sent(server, "never_ends")[1])
    assert body["status"] == "processing"
    assert "completed_at" not in body
    assert "result" not in body


def test_status_goes_back_by_a_move_that_the_profile_calls_illegal() -> None:
    for name, field in (("krea", "status"), ("openai-batch", "status")):
        api = api_named(name)
        with MockServer(api, faults=["status_goes_back"]) as server:
            headers = [("Authorization", f"Bearer {server.token}")]
            path = path_of(server.mock, server.jobs[0].id)
            seen = [
                json.loads(server.mock.respond("GET", path, headers).body)[field] for _ in range(9)
            ]
        steps = [api.lifecycle.step(a, b) for a, b in pairwise(seen)]
        illegal = [step for step in steps if step is not None and step.verdict == "illegal"]
        assert illegal
        assert illegal[0].basis.value == "documented"


def test_closes_connections_ends_every_connection_and_warns_every_second_time() -> None:
    with MockServer(api_named("krea"), variants=["closes_connections"]) as server:
        warned = []
        for _ in range(4):
            with Raw(server.port) as raw:
                raw.get(path_of(server.mock, server.jobs[7].id), server.token)
                lines, body = head_and_body(raw.rest())
                assert _length(lines) == len(body)
                warned.append(b"Connection: close" in lines)
    assert warned == [True, False, True, False]
