"""
Documents as vendors write them, and job endpoints of other shapes than ours.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.third_party import EXAMPLE

from jobproof.contract.client.curl import Client
from jobproof.contract.errors import DocumentError
from jobproof.contract.mock import MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.model.api import Api, load_api
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import Verdict, conclude
from jobproof.contract.openapi.document import Operation, read_operation
from jobproof.contract.openapi.schema import Content
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.run import Run

DOCUMENTS = Path(__file__).parent / "documents"
JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"


def cut(name: str, template: str, parameter: str = "id") -> Operation:
    return read_operation(DOCUMENTS / name, method="get", template=template, parameter=parameter)


def content(operation: Operation, code: int, media_type: str = "application/json") -> Content:
    spec = operation.response_for(code)
    assert spec is not None
    found = spec.content_for(media_type)
    assert found is not None
    return found


def wrong(of: Content, value: Any) -> list[tuple[str, str]]:
    return sorted((error.at, error.keyword) for error in of.errors(value))


class TestSwagger2:
    operation = cut("swagger2.yaml", "/builds/{buildId}", "buildId")

    def test_codes_are_read_whether_numbers_or_references(self) -> None:
        assert sorted(self.operation.responses) == ["200", "404"]
        assert self.operation.version == "2.0"
        assert self.operation.others == {"DELETE"}

    def test_bodies_have_the_media_types_that_the_document_produces(self) -> None:
        spec = self.operation.response_for(200)
        assert spec is not None
        assert [c.media_type for c in spec.contents] == ["application/json", "application/xml"]
        assert spec.json_media_type == "application/json"
        assert wrong(content(self.operation, 404), {"text": "no"}) == [("", "required")]

    def test_null_and_exclusive_bounds_mean_what_swagger_means(self) -> None:
        build = content(self.operation, 200)
        assert wrong(build, {"id": 1, "state": "done", "finished_at": None, "coverage": 100}) == []
        assert wrong(build, {"id": 1, "state": None}) == [("/state", "type")]
        assert wrong(build, {"id": 1, "state": "x", "coverage": 0}) == [
            ("/coverage", "exclusiveMinimum")
        ]
        assert wrong(build, {"id": 1, "state": "x", "finished_at": "yesterday"}) == [
            ("/finished_at", "format")
        ]

    def test_a_property_may_be_called_as_a_keyword_is(self) -> None:
        assert "example" in content(self.operation, 200).declared
        assert wrong(content(self.operation, 200), {"id": 1, "state": "x", "example": 1}) == [
            ("/example", "type")
        ]


class TestOpenApi30:
    operation = cut("nullable.yaml", "/transcodes/{id}")
    whole: Mapping[str, Any] = {
        "id": JOB,
        "plain": "a",
        "word": "slow",
        "referred": {"name": "w"},
        "composed": {"name": "w"},
        "bare": 1,
    }

    @pytest.mark.parametrize("key", ["plain", "word", "referred", "composed", "bare"])
    def test_null_stands_where_the_document_lets_it(self, key: str) -> None:
        body = content(self.operation, 200)
        assert wrong(body, self.whole) == []
        assert wrong(body, {**self.whole, key: None}) == []
        assert wrong(body, {**self.whole, key: ["neither"]}) != []

    def test_null_stands_nowhere_else(self) -> None:
        body = content(self.operation, 200)
        assert wrong(body, {**self.whole, "firm": None}) == [("/firm", "type")]

    def test_a_range_of_codes_in_small_letters_covers_its_codes(self) -> None:
        problem = content(self.operation, 422, "application/problem+json")
        assert wrong(problem, {"detail": "no"}) == [("", "required")]
        assert self.operation.response_for(500) is None

    def test_words_with_a_colon_stay_words(self) -> None:
        body = content(self.operation, 200)
        assert wrong(body, {**self.whole, "ratio": "16:9"}) == []
        assert wrong(body, {**self.whole, "ratio": "2:3"}) == [("/ratio", "enum")]


class TestRecursion:
    operation = cut("recursive.yaml", "/pipelines/{id}")

    def test_a_schema_may_contain_itself(self) -> None:
        body = content(self.operation, 200)
        family = {"id": "a", "children": [{"id": "b", "children": [{"id": 3}]}], "cause": None}
        assert wrong(body, family) == [("/children/0/children/0/id", "type")]
        assert list(body.undeclared({"id": "a", "parent": {"id": "b", "extra": 1}})) == [
            ("/parent/extra", "extra", frozenset({"id", "parent", "children", "cause"}))
        ]

    def test_default_covers_every_code_that_has_no_word_of_its_own(self) -> None:
        for code in (404, 500):
            error = content(self.operation, code)
            assert wrong(error, {"message": "no", "inner": {}}) == [("/inner", "required")]

    def test_the_operation_alone_is_a_document_again(self, tmp_path: Path) -> None:
        (tmp_path / "again.json").write_text(json.dumps(self.operation.document))
        again = read_operation(
            tmp_path / "again.json", method="get", template="/pipelines/{id}", parameter="id"
        )
        assert wrong(content(again, 200), {"id": 1}) == [("/id", "type")]
        assert sorted(again.responses) == sorted(self.operation.responses)


def test_defects_elsewhere_in_the_file_do_not_matter() -> None:
    operation = cut("defects.yaml", "/jobs/{id}")
    assert wrong(content(operation, 200), {"id": "a"}) == []
    assert wrong(content(operation, 200), {}) == [("", "required")]


def test_openapi_32_is_read_with_the_newer_schemas() -> None:
    operation = cut("openapi32.yaml", "/batches/{id}")
    body = content(operation, 200)
    assert operation.others == {"QUERY"}
    assert wrong(body, {"id": "a", "size": 7}) == []
    assert wrong(body, {"id": "a", "size": 0}) == [("/size", "minimum")]
    assert wrong(body, {"id": "a", "size": 51}) == [("/size", "maximum")]
    # `nullable` has no meaning since 3.1.
    assert wrong(body, {"id": "a", "size": 7, "note": None}) == [("/note", "type")]


def test_a_document_in_several_files_is_followed_from_each_files_own_place() -> None:
    operation = cut("split/openapi.yaml", "/renditions/{id}")
    body = content(operation, 200)
    assert wrong(body, {"id": "a", "sources": [{"id": "b", "problem": {"title": "t"}}]}) == []
    assert wrong(body, {"id": "a", "sources": [{"problem": {}}]}) == [
        ("/sources/0", "required"),
        ("/sources/0/problem", "required"),
    ]
    assert wrong(content(operation, 404), {"title": 1}) == [("/title", "type")]


def document(tmp_path: Path, get: Any, **more: Any) -> Path:
    path = tmp_path / "openapi.json"
    whole = {"openapi": "3.0.3", "info": {}, "paths": {"/jobs/{id}": {"get": get}}, **more}
    path.write_text(json.dumps(whole))
    return path


def ok(schema: Any) -> dict[str, Any]:
    return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}


@pytest.mark.parametrize(
    ("get", "message"),
    [
        (
            ok({"$ref": "https://example.com/job.json"}),
            "$ref 'https://example.com/job.json' is on the network; save the file beside",
        ),
        (ok({"$ref": "#/components/schemas/Lost"}), "$ref '#/components/schemas/Lost' points at"),
        (ok({"$ref": "#Job"}), "$ref '#Job' points at nothing: no schema there has the `$anchor`"),
        (ok({"$ref": "lost.yaml"}), "can't be read: No such file or directory"),
        (ok({"$ref": "#/x-loop"}), "$ref '#/x-loop' leads back to itself"),
        (ok({"type": "strnig"}), "the schema of 200 application/json can't be used"),
        ({"responses": {}}, "the operation documents no response at all"),
        ({"responses": 7}, "`responses` is no mapping"),
        ({"responses": {"200": None}}, "the response 200 is no mapping"),
        (None, "GET /jobs/{id} is no mapping"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_the_operation_needs_must_be_there(get: Any, message: str, tmp_path: Path) -> None:
    path = document(tmp_path, get, **{"x-loop": {"$ref": "#/x-loop"}})
    with pytest.raises(DocumentError) as error:
        read_operation(path, method="get", template="/jobs/{id}", parameter="id")
    assert str(tmp_path) in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_path_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(DocumentError, match=r"Did you mean '/builds/\{buildId\}'\?"):
        cut("swagger2.yaml", "/build/{buildId}", "buildId")


SHAPES = {
    "acme-renders": EXAMPLE / "acme_jobs" / "apis" / "acme-renders",
    **{name: DOCUMENTS / name for name in ("exports", "deployments", "transcripts")},
}
# Faults that any shape of endpoint can have, and what must find them.
TELLING = (
    "id_of_another_job",
    "status_unheard_of",
    "status_missing",
    "result_missing",
    "failure_without_reason",
    "creation_drifts",
    "end_undone",
    "never_found",
    "unknown_id_answered",
)


def carried_out(folder: Path, *faults: str) -> Run:
    api = load_api(folder)
    with MockServer(api, faults=faults) as server, Client() as client:
        values = {
            "api": str(folder),
            "url": server.url,
            "job": [job.id for job in server.jobs],
            "foreign_job": [job.id for job in server.foreign_jobs],
            "token_env": "T",
            "effort": "quick",
            "poll_interval": 0.02,
        }
        target = replace(target_from(values, environ={"T": server.token}), watch_s=1.0)
        run = Run(target, load_checks(), client)
        run.execute()
    return run


@pytest.mark.parametrize("name", SHAPES)
def test_a_right_endpoint_of_another_shape_keeps_its_contract(name: str) -> None:
    run = carried_out(SHAPES[name])
    assert [f.message for f in run.findings if f.kind is Kind.VIOLATION] == []
    assert conclude(run.findings, missing=run.coverage.missing(), strict=True) is Verdict.KEPT
    ended = {s for s in run.coverage.statuses if run.target.api.lifecycle.is_terminal(s)}
    assert len(ended) >= 2


@pytest.mark.ladder
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (n, f)
        for n, folder in SHAPES.items()
        for f in TELLING
        if FAULTS[f].applies(load_api(folder))
    ],
)
def test_a_fault_of_another_shape_is_found_for_the_right_reason(name: str, fault: str) -> None:
    run = carried_out(SHAPES[name], fault)
    found = {f.check for f in run.findings if f.kind is Kind.VIOLATION}
    assert found & set(FAULTS[fault].promises)


def test_the_keys_reached_are_the_jobs_own_and_not_its_envelopes() -> None:
    reached = carried_out(SHAPES["acme-renders"]).coverage.as_dict()["properties"]
    assert sorted(reached) == [
        *("createdAt", "endedAt", "frames", "id", "problem", "progress", "state")
    ]
    assert all(reached.values())


def test_a_folder_is_an_api_wherever_it_lies(tmp_path: Path) -> None:
    here, there = (load_api(folder) for folder in _twice(SHAPES["transcripts"], tmp_path))
    assert isinstance(here, Api)
    assert here.operation.digest == there.operation.digest
    assert here.target("http://127.0.0.1", "a/b") == "http://127.0.0.1/transcripts/a%2Fb"


def _twice(folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    return folder, shutil.copytree(folder, tmp_path / "elsewhere")
