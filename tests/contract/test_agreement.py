"""
What a profile says, resolved in its document at loading: errors, notes, and nothing in between.
"""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import answer, judge, trace
from tests.contract.schema_api import JOB_SCHEMA, schema_api

from jobproof.contract.errors import ProfileError
from jobproof.contract.model.finding import Kind
from jobproof.contract.plugins import find_api

RESULT = {"basis": "inferred", "source": "the names", "required_in": ["done"]}
FAILURE = {
    "basis": "inferred",
    "source": "the names",
    "required_in": ["failed"],
    "allowed": {"basis": "inferred", "source": "the names"},
}


def _schema(**more: Any) -> dict[str, Any]:
    """
    The job's schema, with these properties besides; None takes one away.
    """
    schema = deepcopy(dict(JOB_SCHEMA))
    named = {**schema["properties"], **more}
    schema["properties"] = {name: sub for name, sub in named.items() if sub is not None}
    return schema


def _refused(folder: Path, schema: Any = JOB_SCHEMA, **keys: Any) -> str:
    with pytest.raises(ProfileError) as said:
        schema_api(folder, schema, **keys)
    text = str(said.value)
    assert "\n" not in text
    assert re.match(rf"{re.escape(str(folder))}/profile.yaml:[0-9]+: \S+: ", text)
    return text.removeprefix(f"{folder}/profile.yaml:").partition(": ")[2]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"id__at": "/ids"},
            (
                "id.at: openapi.yaml has no 'ids' in a 200's body. Did you mean 'id'? "
                "If the vendor is known to send it, list it under `declared_elsewhere`"
            ),
        ),
        (
            {"status__at": "/state"},
            (
                "status.at: openapi.yaml has no 'state' in a 200's body. Did you mean 'status'? "
                "If the vendor is known to send it, list it under `declared_elsewhere`"
            ),
        ),
        (
            {"status__at": "/status/word"},
            (
                "status.at: openapi.yaml has string there, which holds no more "
                "(at /status in a 200's body), so /status/word can't be"
            ),
        ),
        (
            {"id__at": "/count"},
            "id.at: openapi.yaml has an integer at /count, and this is to be the job's id",
        ),
        (
            {"id__at": "/urls"},
            "id.at: openapi.yaml has an array at /urls, and this is to be the job's id",
        ),
        (
            {"times__created": "/count"},
            (
                "times.created: openapi.yaml has an integer at /count, and this is to be a "
                "point in time, written as a text"
            ),
        ),
        (
            {"times__codec": "unix"},
            (
                "times.created: openapi.yaml has a string at /created_at, and this is to be a "
                "point in time, written as a number"
            ),
        ),
        ({"times__created": "/status"}, "times.created: /status is the job's status already"),
        (
            {"id__at": "/status"},
            "id.at: openapi.yaml has one of the words 'done', 'failed', 'queued' at",
        ),
        ({"id__at": "/created_at"}, "id.at: openapi.yaml has a text of the format date-time at"),
        ({"status__at": "/id"}, "status.at: /id is the job's id already"),
        ({"volatile": ["/statuss"]}, "volatile[0]: openapi.yaml has no 'statuss'"),
        ({"frozen": ["/cuont"]}, "frozen[0]: openapi.yaml has no 'cuont' in a 200's body. Did you"),
        ({"volatile": ["/created_at"]}, "volatile[0]: /created_at is a point in time, written"),
        ({"volatile": ["/count", "/count"]}, "volatile[1]: /count stands in this list twice"),
        (
            {"failure": {"at": ["/error/txt"], **FAILURE}},
            (
                "failure.at[0]: openapi.yaml has no 'txt' at /error in a 200's body. "
                "Did you mean 'text'?"
            ),
        ),
        (
            {"failure": {"at": ["/urls"], **FAILURE}, "result": {**RESULT, "at": ["/urls"]}},
            "result: key 'proof' is missing",
        ),
        (
            {"result": {"at": ["/urls"], "proof": ["/url"], **RESULT}},
            "result.at[0]: no proof stands at /urls or below",
        ),
        (
            {"result": {"at": ["/urls"], "proof": ["/urls"], "links": ["/count"], **RESULT}},
            "result.links[0]: openapi.yaml has an integer at /count",
        ),
        (
            {"result": {"at": ["/error"], "proof": ["/error"], **RESULT}}
            | {"failure": {"at": ["/error"], **FAILURE}},
            "failure.at[0]: /error is a result already",
        ),
        (
            {"times__later": [{"at": "/ended_at"}, {"at": "/ended_at"}]},
            "times.later[1].at: /ended_at is a point in time, written as a text already",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    assert said in _refused(tmp_path, **keys)


def test_all_mistakes_are_counted_and_the_first_is_told(tmp_path: Path) -> None:
    said = _refused(tmp_path, id__at="/ids", times__created="/creatd_at")
    assert said.startswith("id.at: openapi.yaml has no 'ids'")
    assert said.endswith("(and 1 more: times.created)")


def test_a_schema_that_closes_a_place_leaves_no_way_out(tmp_path: Path) -> None:
    closed = {**JOB_SCHEMA, "additionalProperties": False}
    said = _refused(tmp_path, closed, volatile=["/cost"], declared_elsewhere=["/cost"])
    assert "openapi.yaml has no 'cost' in a 200's body. It lets no name stand there but" in said
    assert "declared_elsewhere`" not in said


def test_what_the_vendor_is_known_to_send_may_be_pointed_at(tmp_path: Path) -> None:
    api = schema_api(tmp_path, frozen=["/meta/cost"], declared_elsewhere=["/meta/cost"])
    assert api.notes == ()
    assert [p.use.pointer for p in api.pointers if p.is_open] == ["/meta/cost", "/meta/cost"]


def test_each_place_that_the_document_lacks_is_listed_by_itself(tmp_path: Path) -> None:
    said = _refused(tmp_path, frozen=["/meta/csot"], declared_elsewhere=["/meta"])
    assert said.startswith("frozen[0]: openapi.yaml has no 'meta' in a 200's body")


def test_what_may_change_anyhow_need_not_be_said(tmp_path: Path) -> None:
    (note,) = schema_api(tmp_path, volatile=["/count"]).notes
    assert note.endswith(
        "volatile[0]: /count is in no result, failure or `frozen`: it may change "
        "anyhow, and can go here"
    )
    assert schema_api(tmp_path / "held", volatile=["/count"], frozen=["/count"]).notes == ()


def test_what_is_declared_elsewhere_and_in_the_document_by_now_is_a_note(tmp_path: Path) -> None:
    (note,) = schema_api(tmp_path, declared_elsewhere=["/count"]).notes
    assert note == (
        f"profile.yaml:{_line(tmp_path, '- /count')}: declared_elsewhere[0]: openapi.yaml names "
        "/count by now: the entry can go"
    )


def _line(folder: Path, start: str) -> int:
    lines = (folder / "profile.yaml").read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(start))


@pytest.mark.parametrize(
    "more",
    [
        {"additionalProperties": True},
        {"additionalProperties": {}},
        {"additionalProperties": {"type": "integer"}},
        {"patternProperties": {"^c": {}}},
        {"unevaluatedProperties": True},
    ],
)
def test_what_the_document_leaves_open_is_a_note(tmp_path: Path, more: dict[str, Any]) -> None:
    (note,) = schema_api(tmp_path, {**JOB_SCHEMA, **more}, frozen=["/cost"]).notes
    assert note.endswith("frozen[0]: openapi.yaml leaves /cost open: it can't be compared")


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, True])
def test_a_body_that_the_document_does_not_describe_leaves_all_open(
    tmp_path: Path, schema: Any
) -> None:
    api = schema_api(tmp_path, schema, id__at="/a", status__at="/b", times__created="/c/0")
    assert api.notes
    assert {p.use.pointer for p in api.pointers if p.is_open} == {"/a", "/b", "/c/0"}


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        ({"type": "string", "enum": ["queued", "done", "failed", None]}, (), None),
        ({"type": ["string", "null"], "enum": ["queued", "done", "failed", None]}, (), None),
        ({"const": "queued"}, (), "status.words.done: openapi.yaml doesn't list this word"),
        ({"oneOf": [{"const": w} for w in ("queued", "done", "failed")]}, (), None),
        ({"enum": [1, 2, 3]}, ("1", "2", "3"), None),
        ({"enum": [1, 2, 3]}, ("1", "2", "4"), "status.words.4: openapi.yaml doesn't list this"),
        ({"type": "boolean"}, ("false", "true", "failed"), "status.words.failed: openapi.yaml"),
        ({"type": "object"}, (), "status.at: openapi.yaml has an object at /status"),
        ({"type": "string", "format": "uuid"}, (), "a text of the format uuid at /status"),
        ({"enum": ["queued", "done"]}, (), "status.words.failed: openapi.yaml doesn't list"),
        (
            {"enum": ["queued", "done", "failed", "held"]},
            *((), "status.words: openapi.yaml lists 'held' at /status, too"),
        ),
        ({"enum": ["queued", "done", "failed", 4]}, (), "lists '4' at /status, too"),
    ],
)
def test_words_are_compared_whatever_type_they_are_of(
    tmp_path: Path, status: Any, words: tuple[str, ...], said: str | None
) -> None:
    phases = ("pending", "succeeded", "failed")
    keys = {w: {"phase": p} for w, p in zip(words, phases, strict=False)}
    given: dict[str, Any] = {"status__words": keys} if words else {}
    if said is None:
        assert schema_api(tmp_path, _schema(status=status), **given).lifecycle.statuses
    else:
        assert said in _refused(tmp_path, _schema(status=status), **given)


def test_words_that_are_no_text_in_yaml_are_words_all_the_same(tmp_path: Path) -> None:
    words = {False: {"phase": "pending"}, True: {"phase": "succeeded"}, 3: {"phase": "failed"}}
    status = {"enum": [True, False, 3]}
    api = schema_api(tmp_path, _schema(status=status), status__words=words)
    assert api.lifecycle.statuses == ("false", "true", "3")
    job = api.reader.read({"id": "a", "status": False})
    assert job is not None
    assert (job.status, api.lifecycle.is_terminal("true")) == ("false", True)


def test_a_status_that_may_be_null_is_a_note(tmp_path: Path) -> None:
    status = {"enum": ["queued", "done", "failed", None]}
    (note,) = schema_api(tmp_path, _schema(status=status)).notes
    assert note.endswith("lets null stand at /status; the status of such an answer is unknown")


def test_words_that_the_document_does_not_list_are_a_note(tmp_path: Path) -> None:
    (note,) = schema_api(tmp_path, _schema(status={"type": "string"})).notes
    assert "status.words: openapi.yaml doesn't list the words at /status" in note


def _whole(word: str, *required: str) -> dict[str, Any]:
    schema = _schema(status={"const": word})
    return {**schema, "required": [*schema["required"], *required]}


SPLIT = {"oneOf": [_whole("queued"), _whole("done", "urls"), _whole("failed", "error")]}
HELD = {"phase": "pending", "source": "a page on held jobs"}


def test_bodies_that_are_split_by_their_status_are_read_as_one(tmp_path: Path) -> None:
    assert schema_api(tmp_path / "a", SPLIT).notes == ()
    less = {"oneOf": SPLIT["oneOf"][:2]}
    assert "status.words.failed: openapi.yaml doesn't list" in _refused(tmp_path / "b", less)
    said = _refused(tmp_path / "c", SPLIT, status__at="/state")
    assert "Did you mean 'status'?" in said


JOB = {"id": "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20", "created_at": "2026-09-21T10:00:00Z"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"status": "queued"}, []),
        ({"status": "held"}, [("status_is_documented", Kind.GAP)]),
        ({"status": "done"}, [("body_matches_schema", Kind.VIOLATION)]),
        ({"status": "lost"}, [("status_is_documented", Kind.VIOLATION)]),
        (
            {"status": "lost", "count": "x"},
            [("body_matches_schema", Kind.VIOLATION), ("status_is_documented", Kind.VIOLATION)],
        ),
    ],
)
def test_a_word_of_its_own_source_is_a_gap_where_bodies_are_split_by_it(
    tmp_path: Path, body: dict[str, Any], told: list[tuple[str, Kind]]
) -> None:
    api = schema_api(tmp_path, SPLIT, status__words__held=HELD)
    found = judge()(trace(answer({**JOB, **body}), of=api))
    assert sorted((f.check, f.kind) for f in found if f.kind is not Kind.DRIFT) == told


LIST = {
    "type": "object",
    "properties": {"jobs": {"type": "array", "items": JOB_SCHEMA}, "next": {"type": "string"}},
}
LISTING = {
    "path": "/jobs",
    "items": "/jobs",
    "id": "/id",
    "status": "/status",
    "cursor": "/next",
    "limit_parameter": "limit",
    "basis": "inferred",
    "source": "the names",
}


def _listing_paths(schema: Any = LIST) -> dict[str, Any]:
    names = ("cursor", "limit")
    parameters = [{"in": "query", "name": name, "schema": {}} for name in names]
    content = {"application/json": {"schema": schema}}
    responses = {"200": {"description": "jobs", "content": content}}
    return {"/jobs": {"get": {"parameters": parameters, "responses": responses}}}


def test_a_listing_is_resolved_in_its_own_operation(tmp_path: Path) -> None:
    assert schema_api(tmp_path, paths=_listing_paths(), listing=LISTING).notes == ()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("path", "/jbos", "listing.path: openapi.yaml has no path '/jbos'. Did you mean '/jobs'?"),
        ("path", "/Jobs", "listing.path: openapi.yaml has no path '/Jobs'. Did you mean '/jobs'?"),
        ("items", "/job", "has no 'job' in the body of /jobs. Did you mean 'jobs'?"),
        ("items", "/next", "listing.items: openapi.yaml has a string at /next"),
        ("id", "/ids", "has no 'ids' at /jobs/0 in the body of /jobs. Did you mean 'id'?"),
        ("id", "/created_at", "listing.id: openapi.yaml has a text of the format date-time"),
        ("status", "/error/text", "in a job /error/text isn't the job's status: write '/status'"),
        ("cursor", "/jobs", "listing.cursor: openapi.yaml has an array at /jobs"),
        ("limit_parameter", "limt", "no query parameter 'limt'. Did you mean 'limit'?"),
        ("limit_parameter", "cursor", "'cursor' is the cursor_parameter already"),
        ("cursor_parameter", "Cursor", "no query parameter 'Cursor'. Did you mean 'cursor'?"),
    ],
)
def test_what_cannot_be_in_a_listing_is_refused(
    tmp_path: Path, key: str, value: str, said: str
) -> None:
    assert said in _refused(tmp_path, paths=_listing_paths(), listing={**LISTING, key: value})


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({}, "listing.path: openapi.yaml doesn't describe it: the listing can't be compared"),
        (_listing_paths(None), "leaves /jobs open"),
        (_listing_paths({"$ref": "#/lost"}), "can't be compared: $ref '#/lost' points at nothing"),
    ],
)
def test_a_listing_that_the_document_does_not_describe_is_a_note(
    tmp_path: Path, paths: Any, said: str
) -> None:
    notes = schema_api(tmp_path, paths=paths, listing=LISTING).notes
    assert said in notes[0] or "says nothing of the body of /jobs" in notes[0]


def test_codes_that_only_one_of_them_has_are_notes(tmp_path: Path) -> None:
    listed = {"code": 404, "description": "x", "basis": "inferred", "source": "HTTP"}
    first, second = schema_api(tmp_path, not_found__codes=[410], expected=[listed]).notes
    assert first.endswith("not_found.codes[0]: openapi.yaml describes no answer with 410")
    assert second.endswith("openapi.yaml lists 404 itself: the entry changes nothing")


@pytest.mark.parametrize("name", ["krea", "openai-batch"])
def test_the_profiles_that_come_with_us_agree_with_their_documents(name: str) -> None:
    assert [note for note in find_api(name).notes if "describes no answer" not in note] == []


def _by_rules(*rules: Any) -> dict[str, Any]:
    written = [{"word": word, "when": [condition]} for word, condition in rules]
    return {"status__at": "", "status__rules": written, "status__otherwise": "queued"}


DONE = ("done", {"at": "/status", "equals": "done"})


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"at": "/eror", "exists": True}, "rules[1].when[0].at: openapi.yaml has no 'eror'"),
        ({"at": "/status/x", "absent": True}, "openapi.yaml has string there, which holds no"),
        (
            {"at": "/status", "equals": "faild"},
            "rules[1].when[0].at: openapi.yaml doesn't list 'faild' at /status. Did you mean",
        ),
        ({"at": "/status", "in": ["failed", "gone"]}, "doesn't list 'gone' at /status"),
        (
            {"at": "/text", "exists": True, "select": {"in": "/count", "where": {"a": 1}}},
            "has integer there, which holds no more (at /count in a 200's body)",
        ),
    ],
)
def test_what_rules_read_is_resolved_as_well(tmp_path: Path, condition: Any, said: str) -> None:
    fine = ("failed", {"at": "/error", "exists": True})
    assert small_rules(tmp_path / "fine", DONE, fine).notes == ()
    assert said in _refused(tmp_path, **_by_rules(DONE, ("failed", condition)))


def small_rules(folder: Path, *rules: Any) -> Any:
    return schema_api(folder, **_by_rules(*rules))
