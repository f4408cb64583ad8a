"""
What every request carries besides the id and the token: who gives it, and what is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.small_api import JOB, small_api, small_folder

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.values import GivenValues
from jobproof.contract.model.exchange import Credential, Request, Subject
from jobproof.contract.model.request import (
    build_listing_request,
    build_request,
    request_headers,
    request_query,
)
from jobproof.contract.suite.planning.target_options import target_from

TOKEN = Secret("tok-0123456789")
PROJECT = {"in": "path", "name": "project", "required": True, "schema": {"type": "string"}}
REGION = {"in": "query", "name": "region", "required": True, "schema": {"type": "string"}}
TENANT = {"in": "header", "name": "X-Tenant", "required": True, "schema": {"type": "string"}}
LOCALE = {"in": "cookie", "name": "locale", "required": True, "schema": {"type": "string"}}
BELOW = "/projects/{project}/jobs/{id}"


def asked(api: Api, **options: Any) -> Request:
    return build_request(
        *(api, "http://h", JOB),
        subject=Subject.KNOWN,
        credential=Credential.OWNER,
        token=TOKEN,
        **options,
    )


def with_values(api: Api, *headers: tuple[str, str], **parameters: str) -> Api:
    return api.with_values(GivenValues(parameters, headers))


def test_each_parameter_goes_where_the_document_has_it(tmp_path: Path) -> None:
    api = small_api(tmp_path, path=BELOW, parameters=(PROJECT, REGION, TENANT, LOCALE))
    values = {"project": "a/b c", "region": "é&=", "x-tenant": "t 1", "locale": "en"}
    request = asked(with_values(api, **values))
    assert request.url == f"http://h/projects/a%2Fb%20c/jobs/{JOB}?region=%C3%A9%26%3D"
    assert request.headers[1:] == (
        ("X-Tenant", "t 1"),
        ("Cookie", "locale=en"),
        ("Authorization", f"Bearer {TOKEN.reveal()}"),
    )


def test_a_given_value_wins_over_the_profile_s_and_that_over_the_document_s(tmp_path: Path) -> None:
    sole = {**REGION, "schema": {"enum": ["eu"]}}
    silent = small_api(tmp_path / "silent", parameters=(sole,))
    stated = small_api(tmp_path / "stated", parameters=(sole,), values={"region": "us"})
    assert asked(with_values(silent)).url.endswith("?region=eu")
    assert asked(with_values(stated)).url.endswith("?region=us")
    assert asked(with_values(stated, region="asia")).url.endswith("?region=asia")


def test_a_header_may_be_given_by_either_name_and_needs_no_parameter(tmp_path: Path) -> None:
    api = small_api(tmp_path, parameters=(TENANT,), headers={"x-tenant": "own", "X-Trace": "1"})
    assert ("X-Tenant", "own") in asked(with_values(api)).headers
    given = asked(with_values(api, ("X-TENANT", "t2"), ("Accept", "application/json;v=2")))
    assert given.headers[:-1] == (
        ("X-Trace", "1"),
        ("Accept", "application/json;v=2"),
        ("X-Tenant", "t2"),
    )


def test_an_optional_parameter_is_sent_where_it_is_given_alone(tmp_path: Path) -> None:
    optional = {**REGION, "required": False, "schema": {"default": "eu"}}
    api = small_api(tmp_path, parameters=(optional,))
    assert "?" not in asked(with_values(api)).url
    assert asked(with_values(api, region="us")).url.endswith("?region=us")


def test_whole_numbers_and_truth_are_taken_as_written_and_fractions_refused(tmp_path: Path) -> None:
    api = small_api(tmp_path / "a", path=BELOW, parameters=(PROJECT,), values={"project": 7})
    assert "/projects/7/jobs/" in asked(with_values(api)).url
    api = small_api(tmp_path / "b", parameters=(REGION,), values={"region": True})
    assert asked(with_values(api)).url.endswith("?region=true")
    with pytest.raises(ConfigError, match=r"parameters\.region: .*write it in quotes"):
        small_api(tmp_path / "c", parameters=(REGION,), values={"region": 1.1})


def test_all_that_is_missing_is_named_in_one_line(tmp_path: Path) -> None:
    api = small_api(tmp_path, path=BELOW, parameters=(PROJECT, REGION, TENANT, LOCALE))
    with pytest.raises(ConfigError) as caught:
        with_values(api, region="eu")
    assert str(caught.value) == (
        "GET /projects/{project}/jobs/{id} needs a value for project (path), X-Tenant (header), "
        "locale (cookie): give --param project=VALUE --header X-Tenant=VALUE "
        "--param locale=VALUE, or write it under `parameters` or `headers` in the profile"
    )


def test_no_brace_goes_out(tmp_path: Path) -> None:
    api = small_api(tmp_path, path=BELOW, parameters=(PROJECT,))
    with pytest.raises(ValueError, match="project has no value"):
        asked(api)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_s_value_that_leads_elsewhere_is_refused(tmp_path: Path, value: str) -> None:
    api = small_api(tmp_path, path=BELOW, parameters=(PROJECT,))
    with pytest.raises(ConfigError, match="path parameter project can't be sent: leads to another"):
        with_values(api, project=value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Tenant", "a\r\nX-Evil: 1"),
        ("X-Tenant", "a\nb"),
        ("X-Tenant", "ü"),
        ("X-Tenant", " "),
        ("X Tenant", "a"),
        ("", "a"),
        ("Content-Length", "3"),
        ("transfer-encoding", "chunked"),
        ("authorization", "Bearer another"),
    ],
)
def test_a_header_that_can_t_be_sent_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_values(small_api(tmp_path), (name, value))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(("header ", "a header "))


@pytest.mark.parametrize("value", ["a;b", "a b", 'a"b', "a,b", "a\nb"])
def test_a_cookie_that_can_t_be_sent_is_refused(tmp_path: Path, value: str) -> None:
    api = small_api(tmp_path, parameters=(LOCALE,))
    with pytest.raises(ConfigError, match="cookie parameter locale can't be sent"):
        with_values(api, locale=value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("regio", "--param regio: the operation has no such parameter. Did you mean 'region'?"),
        ("id", "--param id: this is the job's id, which each request has its own of"),
        ("code", "--param code: the token stands there; give it by an environment variable"),
    ],
)
def test_a_parameter_that_there_is_not_is_refused(tmp_path: Path, name: str, message: str) -> None:
    api = small_api(tmp_path, security=[{"query": []}], parameters=(REGION,))
    with pytest.raises(ConfigError) as caught:
        with_values(api, region="eu", **{name: "x"})
    assert str(caught.value) == message


def test_a_credential_beside_the_token_is_a_parameter_and_a_secret(tmp_path: Path) -> None:
    api = small_api(tmp_path, security=[{"query": [], "app": []}])
    with pytest.raises(ConfigError, match=r"X-App-Id \(header\)"):
        with_values(api)
    request = asked(with_values(api, ("X-App-Id", "app-4711")))
    assert request.url.endswith(f"?code={TOKEN.reveal()}")
    assert ("X-App-Id", "app-4711") in request.headers
    hidden = request.redacted(Redactor())
    assert ("X-App-Id", "***") in hidden.headers
    assert hidden.url.endswith("?code=***")
    assert "app-4711" in with_values(api, ("X-App-Id", "app-4711")).secrets_with(TOKEN)


def test_the_alternative_that_asks_for_less_is_taken(tmp_path: Path) -> None:
    api = small_api(tmp_path, security=[{"header": [], "app": []}, {"query": []}])
    assert asked(with_values(api)).url.endswith("?code=tok-0123456789")


def test_the_cookies_of_a_request_stand_in_one_field(tmp_path: Path) -> None:
    api = small_api(tmp_path, security=[{"cookie": []}], parameters=(LOCALE,))
    request = asked(with_values(api, ("Cookie", "a=1; b=2"), locale="en"))
    cookies = [value for name, value in request.headers if name == "Cookie"]
    assert cookies == ["locale=en; a=1; b=2; sid=tok-0123456789"]


def test_a_page_of_the_list_carries_what_the_api_requires(tmp_path: Path) -> None:
    optional = {**REGION, "name": "expand", "required": False}
    promise = {"basis": "inferred", "source": "a test"}
    places = {"items": "/items", "id": "/id", "status": "/status"}
    api = small_api(
        tmp_path,
        path=BELOW,
        security=[{"query": []}],
        parameters=(PROJECT, REGION, TENANT, optional),
        listing={"path": "/projects/{project}/jobs", **places, **promise},
    )
    api = with_values(api, ("X-Tenant", "t1"), project="p1", region="eu", expand="all")
    headers = request_headers(api, Credential.OWNER, TOKEN)
    query = request_query(api, Credential.OWNER, TOKEN)
    request = build_listing_request(api, "http://h", "/projects/{project}/jobs", query, headers)
    assert request.url == "http://h/projects/p1/jobs?region=eu&code=tok-0123456789"
    assert ("X-Tenant", "t1") in request.headers
    assert request.redacted(Redactor()).url.endswith("?region=eu&code=***")


def options(folder: Path, **changes: Any) -> dict[str, Any]:
    return {"api": str(folder), "url": "http://127.0.0.1:9", "job": [JOB], **changes}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("X-Tenant=a=b", ("X-Tenant", "a=b")),
        ("X-Tenant: a:b", ("X-Tenant", "a:b")),
        ("X-Tenant:a", ("X-Tenant", "a")),
        ("X-Tenant = a ", ("X-Tenant", "a")),
    ],
)
def test_a_header_is_written_in_either_way(
    tmp_path: Path, given: str, sent: tuple[str, str]
) -> None:
    target = target_from(options(small_folder(tmp_path), header=[given]), environ={})
    assert target.api.values.headers == (sent,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"header": ["secret-value-1"]}, "--header: write NAME=VALUE, or 'NAME: VALUE'"),
        ({"header": [": a"]}, "--header: write NAME=VALUE, or 'NAME: VALUE'"),
        ({"param": ["region"]}, "--param: write NAME=VALUE"),
        ({"param": ["=eu"]}, "--param: write NAME=VALUE"),
        ({"param": ["region=a", "region=b"]}, "--param region is given twice, with two values"),
        (
            {"token_env": "A=B", "param": ["region=a"]},
            "--token-env must be the name of an environment variable, not its value",
        ),
        (
            {"foreign_job": ["another"], "param": ["region=a"]},
            "--foreign-job needs a token in JOBPROOF_TOKEN: without one no job is somebody else's",
        ),
    ],
)  # fmt: skip
def test_an_option_that_can_t_be_read_is_one_line(
    tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    folder = small_folder(tmp_path, parameters=(REGION,))
    with pytest.raises(ConfigError) as caught:
        target_from(options(folder, **given), environ={})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("security", "token", "message"),
    [
        ([{"basic": []}], "no-colon", "takes user:password"),
        ([{"cookie": []}], "a;b", "a cookie holds no blank"),
        ([{"mtls": []}], "x", r"asks for mtls \(security of GET /jobs/{id}\), which a"),
        ([{"bearer": [], "basic": []}], "x", "asks for bearer with basic"),
        ([{"bearer": []}], "", "the environment variable JOBPROOF_TOKEN holds no token"),
    ],
)  # fmt: skip
def test_a_token_that_can_t_be_sent_is_refused_before_anything_is(
    tmp_path: Path, security: Any, token: str, message: str
) -> None:
    folder = small_folder(tmp_path, security=security)
    with pytest.raises(ConfigError, match=message):
        target_from(options(folder), environ={"JOBPROOF_TOKEN": token})


def test_a_variable_that_no_shell_exports_is_set_otherwise(tmp_path: Path) -> None:
    folder = small_folder(tmp_path, security=[{"bearer": []}])
    with pytest.raises(ConfigError, match="start with env 'MY-TOKEN=…' or name another"):
        target_from(options(folder, token_env="MY-TOKEN"), environ={})


@pytest.mark.parametrize("security", [None, [], [{}], [{"bearer": []}, {}], [{"mtls": []}, {}]])
def test_no_token_is_needed_where_none_is_asked_for(tmp_path: Path, security: Any) -> None:
    folder = small_folder(tmp_path, security=security)
    assert target_from(options(folder), environ={}).token is None
    sent = target_from(options(folder), environ={"JOBPROOF_TOKEN": "tok-1"}).token
    assert sent == Secret("tok-1")
