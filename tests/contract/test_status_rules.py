"""
A status that isn't one word in one field: rules tell it, and each life comes out as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.contract.edited_api import put_key
from tests.servers import QuietHandler, http_server

from jobproof.contract.client.curl import Client
from jobproof.contract.errors import ProfileError
from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.mock import MockServer
from jobproof.contract.model.api import Api, load_api
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.profile import Phase
from jobproof.contract.model.status_rules import StatusCondition
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.run import Run

APIS = Path(__file__).parents[1] / "documents" / "apis"
JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"


def carried_out(api: Api, url: str, token: str, jobs: list[str], **values: Any) -> Run:
    options = {"url": url, "job": jobs, "token_env": "T", "poll_interval": 0.01, **values}
    target = target_from({"api": str(api.folder), **options}, environ={"T": token})
    with Client(exact_framing=True) as client:
        run = Run(target, load_checks(), client)
        run.execute()
    return run


def violations(run: Run) -> set[str]:
    return {f.check for f in run.findings if f.kind is Kind.VIOLATION}


# -- what an answer tells ---------------------------------------------------------------------

RUN: Mapping[str, Any] = {"id": 1, "created_at": "2026-01-02T03:04:05Z"}
CONDITIONS = ({"type": "Suspended", "status": "False"}, {"type": "Failed", "status": "True"})


@pytest.mark.parametrize(
    ("name", "body", "phase"),
    [
        ("two-fields", {**RUN, "status": "waiting", "conclusion": None}, Phase.PENDING),
        ("two-fields", {**RUN, "status": "in_progress", "conclusion": None}, Phase.PENDING),
        ("two-fields", {**RUN, "status": "completed", "conclusion": "success"}, Phase.SUCCEEDED),
        ("two-fields", {**RUN, "status": "completed", "conclusion": "failure"}, Phase.FAILED),
        ("two-fields", {**RUN, "status": "completed", "conclusion": "cancelled"}, Phase.CANCELLED),
        ("two-fields", {**RUN, "status": "completed", "conclusion": None}, None),
        ("two-fields", {**RUN, "status": "gone"}, None),
        ("two-fields", {**RUN, "status": None}, None),
        ("conditions", {"status": {"active": 1}}, Phase.PENDING),
        ("conditions", {"status": {"conditions": []}}, Phase.PENDING),
        ("conditions", {"status": {"conditions": list(CONDITIONS)}}, Phase.FAILED),
        ("conditions", {"status": {"conditions": list(CONDITIONS[:1])}}, Phase.PENDING),
        (
            "conditions",
            {"status": {"conditions": [{"type": "x"}, 1, {"type": "Complete", "status": "True"}]}},
            Phase.SUCCEEDED,
        ),
        ("done-flag", {"name": "x"}, Phase.PENDING),
        ("done-flag", {"name": "x", "done": False}, Phase.PENDING),
        ("done-flag", {"name": "x", "done": True, "response": {}}, Phase.SUCCEEDED),
        ("done-flag", {"name": "x", "done": True, "error": {"code": 3}}, Phase.FAILED),
        ("done-flag", {"name": "x", "done": True, "error": None, "response": {}}, Phase.SUCCEEDED),
        ("done-flag", {"name": "x", "done": True}, None),
        ("done-flag", {"name": "x", "done": "true", "response": {}}, None),
        ("done-flag", {"name": "x", "done": 1, "response": {}}, None),
    ],
)
def test_what_a_body_tells(name: str, body: Any, phase: Phase | None) -> None:
    api = load_api(APIS / name)
    job = api.reader.read(body)
    assert job is not None
    assert api.lifecycle.phase(job.status) is phase


@pytest.mark.parametrize(
    ("code", "headers", "phase"),
    [
        (303, (("location", "/results/1"),), Phase.SUCCEEDED),
        (303, (("Location", "https://elsewhere.example/"),), None),
        (303, (), None),
        (200, (("Location", "/results/1"),), Phase.PENDING),
    ],
)
def test_a_code_and_a_header_tell(code: int, headers: HeaderPairs, phase: Phase | None) -> None:
    api = load_api(APIS / "see-other")
    job = api.reader.read({"status": "Pending"}, code=code, headers=headers)
    assert job is not None
    assert api.lifecycle.phase(job.status) is phase


@pytest.mark.parametrize(
    ("condition", "body", "holds"),
    [
        ({"at": "/a", "equals": 1}, {"a": True}, False),
        ({"at": "/a", "equals": True}, {"a": 1}, False),
        ({"at": "/a", "equals": None}, {"a": None}, True),
        ({"at": "/a", "equals": "x"}, {"a": ["x"]}, False),
        ({"at": "/a", "in": ["x", 2]}, {"a": 2}, True),
        ({"at": "/a", "exists": False}, {"a": None}, True),
        ({"at": "/a", "exists": True}, {"a": ""}, True),
        ({"at": "/a", "absent": True}, {}, True),
        ({"at": "/a", "absent": False}, {}, False),
        ({"at": "/a", "matches": "^err"}, {"a": "error"}, True),
        ({"at": "/a", "matches": "^err"}, {"a": 4}, False),
        ({"at": "/a", "matches": "z"}, {"a": "x" * 500 + "z"}, False),
        ({"at": "/v", "equals": 1, "select": {"in": "/l", "where": {"k": "b"}}}, {"l": 3}, False),
        (
            {"at": "/v", "equals": 1, "select": {"in": "/l", "where": {"k": "b"}}},
            {"l": [{"k": "a", "v": 2}, {"k": "b", "v": 1}]},
            True,
        ),
    ],
)
def test_a_condition_holds(condition: Any, body: Any, holds: bool) -> None:
    assert StatusCondition.model_validate(condition).holds(body, 200, ()) is holds


# -- what a profile may say -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("status.at", "/status", "or what tells it, by `rules`"),
        ("status.rules", [], "say where the status stands"),
        ("status.rules.0.word", "paused", "status.rules[0]: names the status 'paused'"),
        ("status.otherwise", "paused", "status.otherwise: names the status 'paused'"),
        ("status.rules.0.when", [], "at least 1 item"),
        ("status.rules.0.when.0", {"equals": 1}, "name one of `code`, `header` and `at`"),
        ("status.rules.0.when.0", {"at": "/a", "code": 200, "equals": 1}, "name one of `code`"),
        ("status.rules.0.when.0", {"at": "/a"}, "name one of `equals`, `in`, `exists`"),
        ("status.rules.0.when.0", {"at": "/a", "equals": 1, "absent": True}, "name one of"),
        ("status.rules.0.when.0", {"code": 303, "exists": True}, "leave out `exists`"),
        ("status.rules.0.when.0", {"at": "a", "equals": 1}, "write '/a'"),
        ("status.rules.0.when.0", {"at": "/a", "matches": "("}, "no regular expression"),
        ("status.rules.0.when.0", {"code": 303, "select": {"in": "/l", "where": {"k": 1}}}, "`at`"),
    ],
)
def test_a_profile_that_can_t_be_meant(
    place: str, value: object, says: str, tmp_path: Path
) -> None:
    source = APIS / "done-flag"
    profile = yaml.safe_load((source / "profile.yaml").read_text("utf-8"))
    put_key(place, value)(profile)
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(profile), "utf-8")
    (tmp_path / "openapi.yaml").write_text((source / "openapi.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(ProfileError) as refused:
        load_api(tmp_path)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


# -- whole runs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("conditions", {"suspended", "running", "complete", "failed"}),
        ("done-flag", {"running", "succeeded", "failed"}),
        ("two-fields", {"queued", "in_progress", "success", "failure", "cancelled"}),
    ],
)
def test_each_life_is_told_from_the_others(name: str, seen: set[str]) -> None:
    api = load_api(APIS / name)
    with MockServer(api) as server:
        values = {"param": ["owner=us", "repo=app"]} if name == "two-fields" else {}
        jobs = [job.id for job in server.jobs]
        run = carried_out(api, server.url, server.token, jobs, **values)
    assert violations(run) == set()
    assert {status for status, count in run.coverage.statuses.items() if count} == seen


class SeeOther(QuietHandler):
    """
    Four times pending, then 303 with a Location.
    """

    protocol_version = "HTTP/1.1"
    polls = 0
    ends_with: tuple[int, str] = (303, f"/results/{JOB}")

    def answer(self) -> None:
        code, body, headers = 404, b"{}", {"Content-Type": "application/json"}
        if self.command not in ("GET", "HEAD"):
            code, headers["Allow"] = 405, "GET, HEAD"
        elif self.headers.get("Authorization") != "Bearer secret-token-1":
            code, headers["WWW-Authenticate"] = 401, "Bearer"
        elif self.path == f"/queue/{JOB}":
            type(self).polls += self.command == "GET"
            if self.polls > 4:
                code, location = self.ends_with
                body, headers = b"", {"Location": location}
            else:
                code, body = 200, b'{"id":"%s","status":"Pending"}' % JOB.encode()
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_DELETE = do_PATCH = answer
    do_TRACE = do_QUERY = answer


def test_an_end_that_the_code_tells_is_an_end() -> None:
    handler: type[BaseHTTPRequestHandler] = type("Ends", (SeeOther,), {})
    with http_server(handler) as url:  # type: ignore[arg-type]
        run = carried_out(load_api(APIS / "see-other"), url, "secret-token-1", [JOB])
    assert violations(run) == set()
    assert run.coverage.statuses["Succeeded"] > 0
    assert run.coverage.missing() == ()


def test_a_code_that_tells_no_status_is_no_end() -> None:
    handler = type("LeadsAstray", (SeeOther,), {"ends_with": (303, "https://elsewhere.example/")})
    few = {"effort": "quick", "budget": 30}
    with http_server(handler) as url:
        run = carried_out(load_api(APIS / "see-other"), url, "secret-token-1", [JOB], **few)
    assert run.coverage.statuses["Succeeded"] == 0
    assert run.coverage.statuses["unknown"] > 0
