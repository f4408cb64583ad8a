"""
The media type that the document and the head agree on decides whether a body is JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.contract.builders import answer, not_found, said, trace
from tests.contract.edited_api import edited, put_key

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Basis, Kind

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
TEXT = {"text/plain": {"schema": {"type": "string"}}}
JSON = {"application/json": {"schema": ERROR}}
EVERYTHING = {"*/*": {"schema": ERROR}}
THREE = {kind: {"schema": ERROR} for kind in ("text/plain", "text/json", "application/json")}
TYPE, BROKEN, SCHEMA = "media_type_is_documented", "body_is_json", "body_matches_schema"


NAMED = {"type": "object", "additionalProperties": True, "properties": {"job_id": {}}}


def _api(folder: Path, contents: Mapping[str, Any] | None, *, code: int = 404) -> Api:
    documented = {"description": "as it is"} | ({} if contents is None else {"content": contents})
    return edited(folder, document=_response(code, documented))


def _response(code: int, documented: Mapping[str, Any]) -> Any:
    def edit(document: Any) -> None:
        document["paths"]["/jobs/{id}"]["get"]["responses"][str(code)] = documented

    return edit


def _checks(api: Api, exchange: Exchange) -> list[str]:
    return sorted({f.check for f in said(trace(exchange, of=api), Kind.VIOLATION)})


@pytest.mark.parametrize(
    ("contents", "kind", "body"),
    [
        (TEXT, "text/plain; charset=utf-8", b"no such job"),
        (TEXT, "TEXT/PLAIN", b'{"looks": "like JSON"}'),
        ({"text/plain": {}}, "text/plain", b""),
        ({"text/plain": {}}, None, b""),
        ({"text/plain": None}, "text/plain", b"no"),
        ({"text/html": {}}, "text/html", b"<h1>404</h1>"),
        ({"application/xml": {"schema": ERROR}}, "application/xml", b"<error/>"),
        ({"application/x-ndjson": {"schema": ERROR}}, "application/x-ndjson", b"{}\n{}\n"),
        ({"application/json-seq": {}}, "application/json-seq", b"\x1e{}\n\x1e{}\n"),
        (None, "text/html", b"<h1>404</h1>"),
        (None, None, b""),
        (None, "application/problem+json", b'{"title": "no such job"}'),
        ({}, "text/plain", b"no"),
        ({"*/*": {}}, "text/html", b"<h1>404</h1>"),
        ({"text/*": {"schema": {"type": "string"}}}, "text/html", b"<h1>404</h1>"),
        (EVERYTHING, "application/json", b'{"error": "none"}'),
        (EVERYTHING, "application/problem+json", b'{"error": "none"}'),
        (EVERYTHING, "application/xml", b"<error/>"),
        ({"application/*": {"schema": ERROR}}, "application/json", b'{"error": "none"}'),
        (THREE, "application/json; charset=utf-8", b'{"error": "none"}'),
        (THREE, "text/json", b'{"error": "none"}'),
        (THREE, "text/plain", b"none"),
        ({**TEXT, **JSON}, "text/plain", b"none"),
        ({**TEXT, **JSON}, "application/json", b'{"error": "none"}'),
        ({"application/problem+json": {}}, "application/problem+json", b'{"error": ""}'),
        ({"application/json; charset=utf-8": {}}, "application/json;charset=UTF-8", b"[]"),
    ],
)  # fmt: skip
def test_what_is_sent_as_documented_breaks_nothing(
    tmp_path: Path, contents: Mapping[str, Any] | None, kind: str | None, body: bytes
) -> None:
    seen = not_found(body, headers={"content-type": kind})
    assert _checks(_api(tmp_path, contents), seen) == []


@pytest.mark.parametrize(
    ("contents", "kind", "body", "checks"),
    [
        # Documented as JSON alone, a body is read whatever its head says.
        (JSON, "text/html", b"<h1>404</h1>", [BROKEN, TYPE]),
        (JSON, None, b'{"error": 1}', [SCHEMA, TYPE]),
        (JSON, None, b"", [BROKEN, TYPE]),
        (JSON, "text/plain", b'{"error": "none"}', [TYPE]),
        (JSON, "application/json", b"none", [BROKEN]),
        ({"text/json": {}}, "text/json", b"none", [BROKEN]),
        ({"application/vnd.a+json": {}}, "application/vnd.a+json", b"none", [BROKEN]),
        # Documented as a text alone, it isn't, unless its head calls it JSON.
        (TEXT, "text/html", b"<h1>404</h1>", [TYPE]),
        (TEXT, "application/json", b"none", [BROKEN, TYPE]),
        (TEXT, "application/problem+json", b'{"error": 1}', [TYPE]),
        (TEXT, "text/json", b"{", [BROKEN, TYPE]),
        # Documented as either, and called neither: what looks like JSON is held to the JSON.
        ({**TEXT, **JSON}, "text/html", b"<h1>404</h1>", [TYPE]),
        ({**TEXT, **JSON}, "text/html", b'{"error": 1}', [SCHEMA, TYPE]),
        ({**TEXT, **JSON}, None, b"none", [TYPE]),
        ({**TEXT, **JSON}, "text/html", b"17", [TYPE]),
        ({**TEXT, **JSON}, "application/vnd.a+json", b'{"error": 1}', [SCHEMA, TYPE]),
        # A range with named properties describes no page.
        (EVERYTHING, "text/html", b"<h1>404</h1>", [BROKEN]),
        (EVERYTHING, "application/json", b'{"error": 1}', [SCHEMA]),
        (EVERYTHING, "text/json", b"{", [BROKEN]),
        (None, "application/json", b"{", [BROKEN]),
    ],
)
def test_what_is_not_is_told_of_as_what_it_is(
    tmp_path: Path,
    contents: Mapping[str, Any] | None,
    kind: str | None,
    body: bytes,
    checks: list[str],
) -> None:
    seen = not_found(body, headers={"content-type": kind})
    assert _checks(_api(tmp_path, contents), seen) == checks


@pytest.mark.parametrize(
    ("contents", "basis"), [(JSON, Basis.DOCUMENTED), (TEXT, Basis.RFC), (None, Basis.RFC)]
)
def test_broken_json_is_documented_only_where_the_document_has_json(
    tmp_path: Path, contents: Mapping[str, Any] | None, basis: Basis
) -> None:
    seen = trace(not_found(b"{"), of=_api(tmp_path, contents))
    (finding,) = (f for f in said(seen) if f.check == BROKEN)
    assert finding.basis is basis
    assert ("document" in finding.source) is (basis is Basis.DOCUMENTED)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-ndjson", "application/json-seq"])
def test_a_200_that_is_documented_and_sent_as_no_json_is_no_job(tmp_path: Path, kind: str) -> None:
    api = _api(tmp_path, {kind: {"schema": {"type": "string"}}, "application/json": {}}, code=200)
    seen = trace(answer(headers={"content-type": kind}), of=api)
    assert (seen.latest.job, seen.latest.body) == (None, None)
    assert said(seen) == ()


def test_a_job_is_held_to_the_json_and_never_to_the_text_beside_it(tmp_path: Path) -> None:
    def edit(document: Any) -> None:
        content = document["paths"]["/jobs/{id}"]["get"]["responses"]["200"]["content"]
        schema = content.pop("application/json")
        content.update({"text/plain": {"schema": {"type": "string"}}, "application/json": schema})

    api = edited(tmp_path, document=edit)
    for kind, found in (("application/json", []), (None, [TYPE]), ("text/html", [TYPE])):
        assert _checks(api, answer(headers={"content-type": kind})) == found


def test_an_object_in_the_job_place_of_an_untyped_answer_is_read(tmp_path: Path) -> None:
    schema = put_key("paths./jobs/{id}.get.responses.200.content", {"*/*": {"schema": NAMED}})
    api = edited(tmp_path, document=schema)
    assert trace(answer(headers={"content-type": None}), of=api).latest.job is not None
    assert trace(answer(b"<html>", headers={"content-type": "text/html"}), of=api).latest.body


def test_a_parameter_chooses_between_two_contents(tmp_path: Path) -> None:
    other = {"type": "object", "required": ["message"]}
    contents = {
        "application/json; version=1": {"schema": ERROR},
        "application/json; version=2": {"schema": other},
    }
    api = _api(tmp_path, contents)
    for version, body, found in (
        (1, {"error": "none"}, []),
        (2, {"error": "none"}, [SCHEMA]),
        (2, {"message": "none"}, []),
        (1, {"message": "none"}, [SCHEMA]),
    ):
        seen = not_found(body, headers={"content-type": f"application/json;version={version}"})
        assert _checks(api, seen) == found
