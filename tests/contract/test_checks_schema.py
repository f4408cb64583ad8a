"""
The body against its schema: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import JOB, answer, api, job, links, not_found, said, trace
from tests.contract.cases import Case
from tests.contract.schema_api import JOB_SCHEMA, schema_api

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential
from jobproof.contract.model.finding import Basis, Drift, Kind
from jobproof.contract.openapi.schema import Content

_NOON = datetime(2026, 9, 21, 12, tzinfo=UTC).timestamp()


def _without_a_required_status() -> Api:
    operation = api().operation
    spec = operation.responses["200"]
    (content,) = spec.contents
    loose = Content(content.media_type, {**(content.schema or {}), "required": ["job_id"]})
    responses = {**operation.responses, "200": replace(spec, contents=(loose,))}
    return replace(api(), operation=replace(operation, responses=responses))


LOOSE = _without_a_required_status()

CASES = {
    "body_matches_schema": Case(
        accepts=trace(answer(job("failed", error={"code": "", "message": "no memory"}))),
        rejects=trace(answer(job("failed", error={"message": "no code"}))),
        at="/error",
    ),
    "null_only_where_allowed": Case(
        accepts=trace(answer(job("processing"))),
        rejects=trace(answer(job("processing", completed_at=None))),
        at="/completed_at",
    ),
    "status_is_documented": Case(
        accepts=trace(answer(job("intermediate-complete"))),
        rejects=trace(answer(job("intermediate_complete"))),
        at="/status",
    ),
    "status_is_readable": Case(
        accepts=trace(answer(job("queued")), of=LOOSE),
        rejects=trace(answer(job("queued", without=["status"])), of=LOOSE),
        at="/status",
    ),
    "keys_are_declared": Case(
        accepts=trace(answer(job("failed", error={"code": "x", "message": "y"}))),
        rejects=trace(answer(job(priority=3))),
        at="/priority",
        says=Kind.DRIFT,
    ),
    "keys_are_spelled_as_declared": Case(
        accepts=trace(answer(job(result={"urls": links(), "style_id": "s"}))),
        rejects=trace(answer(job(result={"urls": links(), "styleId": "s"}))),
        at="/result/styleId",
    ),
    "no_sensitive_keys": Case(
        accepts=trace(answer(job())),
        rejects=trace(answer(job(internal_host="db-7"))),
        at="/internal_host",
        also={"keys_are_declared": "a key with a sensitive name is a new key as well"},
    ),
}


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"job_id": "not-a-uuid"}, "/job_id"),
        ({"created_at": 1_790_000_000}, "/created_at"),
        ({"created_at": "2026-09-21 12:00:00"}, "/created_at"),
        ({"created_at": "2026-09-21T12:00:00"}, "/created_at"),
        ({"created_at": "2026-09-21T12:00:00+0200"}, "/created_at"),
        ({"completed_at": "2026-09-21"}, "/completed_at"),
        ({"result": ["x"]}, "/result"),
        ({"result": {"urls": "x"}}, "/result/urls"),
        ({"result": {"urls": ["https://a b/"]}}, "/result/urls/0"),
        ({"result": {"urls": ["/relative"]}}, "/result/urls/0"),
        ({"result": {"urls": links(), "style_id": 5}}, "/result/style_id"),
        ({"status": 5}, "/status"),
        ({"error": "text"}, "/error"),
    ],
)
def test_a_value_that_the_schema_does_not_allow_is_a_violation_at_its_place(
    changes: dict[str, Any], at: str
) -> None:
    found = said(trace(answer({**job(), **changes})), Kind.VIOLATION)
    assert ("body_matches_schema", at) in {(f.check, f.pointer) for f in found}


@pytest.mark.parametrize("key", ["job_id", "status", "created_at"])
def test_a_required_key_that_is_missing_is_a_violation(key: str) -> None:
    found = said(trace(answer(job(without=[key]))), Kind.VIOLATION)
    assert "body_matches_schema" in {f.check for f in found}


@pytest.mark.parametrize(
    "moment",
    [
        "2026-09-21T12:00:00Z",
        "2026-09-21T14:00:00.123456+02:00",
        "2026-09-21t12:00:00z",
        "2026-09-21T00:00:00-12:00",
    ],
)
def test_every_way_of_writing_a_time_that_rfc_3339_knows_is_right(moment: str) -> None:
    assert said(trace(answer(job("queued", created_at=moment), at=_NOON + 5))) == ()


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"completed_at": None}, "/completed_at"),
        ({"result": None}, "/result"),
        ({"error": None}, "/error"),
        ({"result": {"urls": [None]}}, "/result/urls/0"),
        ({"status": None}, "/status"),
        ({"job_id": None}, "/job_id"),
    ],
)
def test_null_is_told_apart_from_a_wrong_value(changes: dict[str, Any], at: str) -> None:
    found = said(trace(answer({**job("processing"), **changes})), Kind.VIOLATION)
    assert {(f.check, f.pointer) for f in found} == {("null_only_where_allowed", at)}


def test_null_for_the_whole_body_stands_at_the_body() -> None:
    found = said(trace(answer(b"null")), Kind.VIOLATION)
    assert [(f.check, f.pointer) for f in found] == [("null_only_where_allowed", "body")]


@pytest.mark.parametrize("status", ["done", "Completed", "canceled", "completed ", ""])
def test_a_status_nobody_documented_is_a_violation_and_drift(status: str) -> None:
    found = [f for f in said(trace(answer(job(status)))) if f.check == "status_is_documented"]
    assert [(f.kind, f.drift) for f in found] == [
        (Kind.VIOLATION, None),
        (Kind.DRIFT, Drift.UNKNOWN_STATUS),
    ]


@pytest.mark.parametrize(
    "body", [{"message": "x"}, {"error": {"code": "x"}}, {}, [], "no", {"error": None}]
)
def test_a_404_in_other_words_is_a_violation(body: object) -> None:
    found = {f.check for f in said(trace(not_found(body)), Kind.VIOLATION)}
    assert found <= {"body_matches_schema", "null_only_where_allowed"}
    assert len(found) == 1


def test_a_404_may_say_more_than_the_document() -> None:
    seen = trace(not_found({"error": "Job not found", "request_id": "r-1"}))
    assert [f.kind for f in said(seen)] == [Kind.DRIFT]


def test_a_refusal_that_the_document_does_not_describe_may_say_anything() -> None:
    seen = trace(answer({"detail": ["x"], "token": None}, 401, credential=Credential.NONE))
    assert [f.kind for f in said(seen)] == [Kind.GAP]


def test_at_most_ten_faults_of_one_body_are_told() -> None:
    body = job(result={"urls": [7] * 40})
    found = [f for f in said(trace(answer(body))) if f.check == "body_matches_schema"]
    assert len(found) == 10


@pytest.mark.parametrize("key", ["Status", "STATUS", "jobId", "job-id", "created at", "createdAt"])
def test_a_look_alike_beside_the_declared_key_is_drift(key: str) -> None:
    (finding,) = said(trace(answer(job(**{key: "x"}))))
    assert (finding.check, finding.kind) == ("keys_are_spelled_as_declared", Kind.DRIFT)


@pytest.mark.parametrize(
    "key",
    ["api_key", "accessToken", "password_hash", "stack_trace", "debug", "user_email", "db_secret"],
)
def test_a_key_that_speaks_of_secrets_is_our_reading_only(key: str) -> None:
    (finding,) = said(trace(answer(job(**{key: "x"}))), Kind.VIOLATION)
    assert (finding.check, finding.basis) == ("no_sensitive_keys", Basis.INFERRED)


@pytest.mark.parametrize("key", ["total_tokens", "input_tokens", "token_count", "progress", "cost"])
def test_a_key_that_counts_is_no_secret(key: str) -> None:
    assert [f.kind for f in said(trace(answer({**job(), key: 7})))] == [Kind.DRIFT]


def test_a_pointer_of_an_odd_key_is_escaped() -> None:
    (finding,) = said(trace(answer({**job(), "a/b~c": 1})))
    assert finding.pointer == "/a~1b~0c"


def test_a_status_that_the_document_requires_is_missed_once() -> None:
    found = said(trace(answer(job("queued", without=["status"]))), Kind.VIOLATION)
    assert [f.check for f in found] == ["body_matches_schema"]


def test_a_missing_status_is_a_warning_where_the_document_lets_it_be_missing() -> None:
    found = said(trace(answer(job("queued", without=["status"])), of=LOOSE), Kind.VIOLATION)
    assert [(f.check, f.basis) for f in found] == [("status_is_readable", Basis.INFERRED)]


def test_a_null_does_not_hide_what_is_wrong_after_it() -> None:
    seen = trace(answer(job("queued", created_at=None, job_id=3)))
    pointers = {f.pointer for f in said(seen) if f.check == "body_matches_schema"}
    assert pointers == {"/job_id"}
    assert {f.pointer for f in said(seen) if f.check == "null_only_where_allowed"} == {
        "/created_at"
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (1, "1 required key is missing: a0"),
        (2, "2 required keys are missing: a0, a1"),
        (12, f"12 required keys are missing: {', '.join(f'a{n}' for n in range(12))}"),
        (
            13,
            f"13 required keys are missing: {', '.join(f'a{n}' for n in range(10))}, … and 3 more",
        ),
    ],
)
def test_missing_keys_are_named_up_to_a_dozen(keys: int, message: str) -> None:
    operation = api().operation
    spec = operation.responses["200"]
    names = [f"a{n}" for n in range(keys)]
    strict = Content("application/json", {"type": "object", "required": names})
    responses = {**operation.responses, "200": replace(spec, contents=(strict,))}
    asked = replace(api(), operation=replace(operation, responses=responses))
    found = [f for f in said(trace(answer(), of=asked)) if f.check == "body_matches_schema"]
    assert [f.message for f in found] == [message]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": 1}, "an object with 1 key"),
        ({}, "an object with 0 keys"),
        ({"a": 1, "b": 2}, "an object with 2 keys"),
        (["a"], "a list of 1 item"),
        ([], "a list of 0 items"),
        ([1, 2], "a list of 2 items"),
        ("x" * 120, f"'{'x' * 120}'"),
        (7, "7"),
    ],
)
def test_what_stands_in_a_texts_place_is_told_by_its_kind_and_size(
    value: object, shown: str
) -> None:
    (finding,) = (
        f for f in said(trace(answer(job(created_at=value)))) if f.check == "body_matches_schema"
    )
    assert finding.message.endswith(f"found {shown}")


def test_a_long_text_is_cut_where_it_is_shown() -> None:
    (finding,) = (
        f for f in said(trace(answer(job("x" * 121))), Kind.VIOLATION) if f.pointer == "/status"
    )
    assert finding.found == f"{'x' * 117}..."


_PAUSED = {"phase": "pending", "source": "the vendor's page on pausing jobs"}
_CHOICE: dict[str, Any] = {
    "oneOf": [
        {
            "type": "object",
            "required": ["id", "status"],
            "properties": {
                "id": {"type": "string"},
                "status": {"enum": [word]},
                "created_at": {"type": "string"},
                "count": {"type": "integer"},
            },
        }
        for word in ("queued", "done", "failed")
    ]
}


def _told(api: Api, **body: Any) -> list[tuple[str, Kind, str]]:
    seen = trace(answer({"id": JOB, **body}), of=api)
    return [(f.check, f.kind, f.pointer) for f in said(seen) if f.check in _OF_THE_BODY]


_OF_THE_BODY = {"body_matches_schema", "status_is_documented"}
_GAP = ("status_is_documented", Kind.GAP, "/status")
_UNKNOWN = [
    ("status_is_documented", Kind.VIOLATION, "/status"),
    ("status_is_documented", Kind.DRIFT, "/status"),
]


@pytest.mark.parametrize(
    ("schema", "of_count"),
    [(JOB_SCHEMA, "/count"), (_CHOICE, "body")],
    ids=["a list of words", "a choice"],
)
def test_a_word_that_the_vendor_has_elsewhere_is_a_gap_of_the_document(
    tmp_path: Path, schema: Any, of_count: str
) -> None:
    plain = schema_api(tmp_path / "plain", schema)
    api = schema_api(tmp_path / "more", schema, status__words__paused=_PAUSED)
    for right in ("queued", "done"):
        assert _told(api, status=right) == []
    assert _told(api, status="paused") == [_GAP]
    assert _told(plain, status="paused") == _UNKNOWN
    # What else is wrong is told beside it, as far as a choice lets anybody see it.
    wrong = ("body_matches_schema", Kind.VIOLATION, of_count)
    assert _told(api, status="queued", count="x") == [wrong]
    both = [wrong, _GAP] if of_count == "/count" else [_GAP]
    assert _told(api, status="paused", count="x") == both
    assert _told(plain, status="paused", count="x") == [wrong, *_UNKNOWN]


@pytest.mark.parametrize("key", ["a", "created_by", "z"])
def test_a_word_of_another_list_than_the_statuss_is_the_schemas_affair(
    tmp_path: Path, key: str
) -> None:
    listed = {"type": "string", "enum": ["x"]}
    schema = {**JOB_SCHEMA, "properties": {**JOB_SCHEMA["properties"], key: listed}}
    for value in ("y", "done"):
        told = _told(schema_api(tmp_path / value, schema), status="queued", **{key: value})
        assert told == [("body_matches_schema", Kind.VIOLATION, f"/{key}")]


def test_a_word_that_an_open_document_lets_stand_is_no_gap(tmp_path: Path) -> None:
    open_ = {**JOB_SCHEMA, "properties": {**JOB_SCHEMA["properties"], "status": {}}}
    api = schema_api(tmp_path, open_, status__words__paused=_PAUSED)
    assert _told(api, status="paused") == []
    wrong = ("body_matches_schema", Kind.VIOLATION, "/count")
    assert _told(api, status="paused", count="x") == [wrong]
