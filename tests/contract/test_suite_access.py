"""
The suite on real sockets: whatever way a server wants to be asked, a right one keeps the
contract, and no secret is in any output.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.contract.small_api import JOB, ReceivedRequest, job_server, small_folder
from tests.contract.test_request_values import BELOW, LOCALE, PROJECT, REGION, TENANT
from tests.servers import http_server
from tests.tools import JOBPROOF, run_to_end

TOKEN = "tok-0123456789"
PAIR = f"ann:{TOKEN}"
OUTSIDE = ("token_is_required", "invalid_token_is_refused")


def run(
    folder: Path, url: str | None, *options: str, token: str | None = TOKEN
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "JOBPROOF_TOKEN"}
    if token is not None:
        environment["JOBPROOF_TOKEN"] = token
    where = ("--url", url, "--job", JOB) if url else ()
    files = ("--report", str(folder / "report.json"), "--junit", str(folder / "junit.xml"))
    return run_to_end(
        *(*JOBPROOF, "test", "--api", str(folder), *where, "--effort", "quick", *files, *options),
        folder=folder,
        env=environment,
    )


def states(folder: Path) -> dict[str, str]:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {check["id"]: check["state"] for check in report["checks"]}


def all_output(folder: Path, done: subprocess.CompletedProcess[str]) -> str:
    written = [(folder / name).read_text(encoding="utf-8") for name in ("report.json", "junit.xml")]
    return "".join([done.stdout, done.stderr, *written])


def has_header(name: str, value: str) -> Any:
    return lambda asked: asked.headers.get(name) == value


ADMITTED = {
    "bearer": has_header("authorization", f"Bearer {TOKEN}"),
    "header": has_header("x-acme", TOKEN),
    "query": lambda asked: asked.query.get("code") == TOKEN,
    "cookie": lambda asked: asked.cookies.get("sid") == TOKEN,
    "basic": has_header("authorization", "Basic " + base64.b64encode(PAIR.encode()).decode()),
}


@pytest.mark.parametrize("scheme", ADMITTED)
def test_a_right_server_keeps_the_contract_however_it_takes_its_token(
    tmp_path: Path, scheme: str
) -> None:
    handler, _ = job_server(ADMITTED[scheme])
    folder = small_folder(tmp_path, security=[{scheme: []}])
    with http_server(handler) as url:
        done = run(folder, url, token=PAIR if scheme == "basic" else TOKEN)
    assert done.returncode == 0, done.stdout
    assert [states(folder)[check] for check in OUTSIDE] == ["kept", "kept"]


@pytest.mark.parametrize("scheme", ADMITTED)
def test_no_output_of_a_broken_run_holds_the_token(tmp_path: Path, scheme: str) -> None:
    # Lets everybody in: both checks are broken, with evidence in every output.
    handler, _ = job_server()
    folder = small_folder(tmp_path, security=[{scheme: []}])
    with http_server(handler) as url:
        done = run(folder, url, token=PAIR if scheme == "basic" else TOKEN)
    assert done.returncode == 1, done.stdout
    assert [states(folder)[check] for check in OUTSIDE] == ["broken", "broken"]
    output = all_output(folder, done)
    assert TOKEN not in output
    assert base64.b64encode(PAIR.encode()).decode() not in output
    assert "openapi.json: security of GET /jobs/{id}" in output


@pytest.mark.parametrize("scheme", ["bearer", "query"])
def test_a_parameter_that_is_called_a_secret_is_in_no_output(tmp_path: Path, scheme: str) -> None:
    # Not even where a token that can't be right is shown: it isn't the only thing in the query.
    handler, _ = job_server()
    schema = {"type": "string"}
    parameter = {"in": "query", "name": "accessToken", "required": True, "schema": schema}
    folder = small_folder(tmp_path, security=[{scheme: []}], parameters=(parameter,))
    given = ("--param", "accessToken=given-0123456789")
    with http_server(handler) as url:
        done = run(folder, url, *given)
        plan = run(folder, url, *given, "--dry-run")
    assert [states(folder)[check] for check in OUTSIDE] == ["broken", "broken"]
    output = all_output(folder, done) + plan.stdout + plan.stderr
    assert "accessToken=***" in output
    assert "given-0123456789" not in output


@pytest.mark.parametrize(
    ("scheme", "sent"),
    [
        ("bearer", "Authorization: Bearer jobproof-invalid-token"),
        ("basic", "Authorization: Basic "),
        ("query", "code=jobproof-invalid-token"),
    ],
)
def test_a_token_that_can_t_be_right_stands_in_the_report_s_line(
    tmp_path: Path, scheme: str, sent: str
) -> None:
    handler, _ = job_server()
    folder = small_folder(tmp_path, security=[{scheme: []}])
    with http_server(handler) as url:
        done = run(folder, url, token=PAIR if scheme == "basic" else TOKEN)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    found = {finding["check"]: finding["evidence"]["curl"] for finding in report["findings"]}
    line = found["invalid_token_is_refused"]
    assert sent in line
    assert "***" not in line
    assert line in done.stdout


def is_nobody(asked: ReceivedRequest) -> bool:
    return "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("security", "token", "effort"),
    [
        (None, None, "quick"),
        (None, TOKEN, "quick"),
        # Cases that are generated, and walks of a client, ask as nobody else either.
        ([], None, "standard"),
        ([{"bearer": []}, {}], TOKEN, "quick"),
    ],
)
def test_where_no_token_is_asked_for_nobody_is_to_be_refused(
    tmp_path: Path, security: Any, token: str | None, effort: str
) -> None:
    handler, asked = job_server()
    folder = small_folder(tmp_path, security=security)
    with http_server(handler) as url:
        done = run(folder, url, "--effort", effort, token=token)
    assert done.returncode == 0, done.stdout
    assert [states(folder)[check] for check in OUTSIDE] == ["not_reached", "not_reached"]
    junit = (folder / "junit.xml").read_text(encoding="utf-8")
    assert junit.count("the document asks for no token") >= 2
    # A token that is there is sent, and no request goes without it or with a wrong one.
    # The scheme may be written in any letters (RFC 9110 11.1).
    expected = None if token is None else f"bearer {token}"
    sent = {one.headers.get("authorization") for one in asked}
    assert {text and text[:7].lower() + text[7:] for text in sent} == {expected}


def test_a_promise_of_the_profile_is_held_to_where_the_document_is_silent(tmp_path: Path) -> None:
    handler, _ = job_server()
    required = {"basis": "documented", "source": "the manual, page 1"}
    folder = small_folder(tmp_path, auth={"required": required})
    with http_server(handler) as url:
        done = run(folder, url)
    assert done.returncode == 1
    assert "promised  documented: the manual, page 1" in done.stdout


GIVEN = {
    "path": (PROJECT, BELOW, "--param", "project=p 1"),
    "query": (REGION, "/jobs/{id}", "--param", "region=p 1"),
    "header": (TENANT, "/jobs/{id}", "--header", "X-Tenant: p 1"),
    "cookie": (LOCALE, "/jobs/{id}", "--param", "locale=p1"),
}


def is_right(place: str) -> Any:
    return {
        "path": lambda asked: asked.path.startswith("/projects/p%201/jobs/"),
        "query": lambda asked: asked.query.get("region") == "p 1",
        "header": has_header("x-tenant", "p 1"),
        "cookie": lambda asked: asked.cookies.get("locale") == "p1",
    }[place]


@pytest.mark.parametrize(
    ("place", "effort"),
    [("path", "quick"), ("cookie", "standard"), ("header", "quick"), ("query", "standard")],
)
def test_a_required_parameter_is_in_every_request(tmp_path: Path, place: str, effort: str) -> None:
    parameter, path, *option = GIVEN[place]
    job_path = f"/projects/p%201/jobs/{JOB}" if place == "path" else f"/jobs/{JOB}"
    handler, asked = job_server(ADMITTED["bearer"], is_right(place), path=job_path)
    folder = small_folder(
        tmp_path, path=str(path), parameters=(parameter,), security=[{"bearer": []}]
    )  # type: ignore[arg-type]
    with http_server(handler) as url:
        done = run(folder, url, *map(str, option), "--effort", effort)
    assert done.returncode == 0, done.stdout
    wrong = [one for one in asked if not is_right(place)(one)]
    assert not wrong, str([sorted(one.headers.items()) for one in wrong])
    assert len(asked) > 20


@pytest.mark.parametrize("place", GIVEN)
def test_without_a_value_nothing_is_sent(tmp_path: Path, place: str) -> None:
    parameter, path, *_ = GIVEN[place]
    handler, asked = job_server()
    folder = small_folder(tmp_path, path=str(path), parameters=(parameter,))  # type: ignore[arg-type]
    with http_server(handler) as url:
        done = run(folder, url)
    assert done.returncode == 2
    assert asked == []
    assert f"needs a value for {parameter['name']} ({place})" in done.stderr  # type: ignore[call-overload,index]
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("place", ["path", "query"])
def test_the_embedded_mock_takes_any_value(tmp_path: Path, place: str) -> None:
    parameter, path, *_ = GIVEN[place]
    folder = small_folder(
        tmp_path, path=str(path), parameters=(parameter,), security=[{"query": []}]
    )  # type: ignore[arg-type]
    done = run(folder, None, token=None)
    assert done.returncode == 0, done.stdout
    assert states(folder)["foreign_job_is_hidden"] == "kept"


@pytest.mark.parametrize("scheme", [*ADMITTED, "mtls", "open"])
def test_the_embedded_mock_takes_its_token_as_the_document_says(
    tmp_path: Path, scheme: str
) -> None:
    folder = small_folder(tmp_path, security=[] if scheme == "open" else [{scheme: []}])
    done = run(folder, None, token=None)
    assert done.returncode == 0, done.stdout
    expected = "not_reached" if scheme in ("mtls", "open") else "kept"
    assert [states(folder)[check] for check in OUTSIDE] == [expected, expected]


def test_a_dry_run_shows_what_requests_carry_and_no_secret(tmp_path: Path) -> None:
    parameters = (PROJECT, REGION, TENANT)
    folder = small_folder(tmp_path, path=BELOW, parameters=parameters, security=[{"query": []}])
    given = ("--param", "project=p1", "--param", "region=eu", "--header", "X-Tenant=t1")
    done = run(
        *(folder, "http://127.0.0.1:9", *given),
        *("--header", "X-Api-Secret: s3cret-value", "--dry-run"),
    )
    assert done.returncode == 0, done.stderr
    assert f"http://127.0.0.1:9/projects/p1/jobs/{JOB}?region=eu&code=***" in done.stdout
    assert "carry Accept: application/json; X-Api-Secret: ***; X-Tenant: t1" in done.stdout
    assert TOKEN not in done.stdout
    assert "s3cret-value" not in done.stdout
