"""
The daemon asks as the document says: with or without a token, wherever it stands, and with a
value for every parameter.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.contract.small_api import JOB, job_server, small_folder
from tests.contract.test_request_values import BELOW, PROJECT, REGION, TENANT
from tests.contract.test_suite_access import ADMITTED
from tests.servers import http_server

from jobproof.contract.errors import ConfigError
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.settings import MonitorSettings
from jobproof.probes.once import ProbeRound, print_round, probe_round

TOKEN = "tok-0123456789"
PARAMETERS = (PROJECT, REGION, TENANT)
GIVEN = "    params: {project: p1, region: eu}\n    headers: {X-Tenant: t1}\n"


def configured(
    folder: Path, url: str, more: str = "", *, token: str = "", canaries: str = ""
) -> Path:
    config = folder / "jobproof.yaml"
    config.write_text(
        f"targets:\n  - name: small\n    api: ./small\n    url: {url}\n"
        "    requests_per_minute: unlimited\n"
        f"{token}{more}"
        f"    canaries:\n      known: {{ids: [{JOB}]}}\n      missing: {{}}\n{canaries}",
        encoding="utf-8",
    )
    return config


def load(config: Path, **environment: str) -> MonitorSettings:
    return load_settings(config, environment=environment)


def probed(settings: MonitorSettings) -> ProbeRound:
    return probe_round(settings, settings.targets)


@pytest.mark.parametrize("scheme", ADMITTED)
def test_a_round_is_kept_however_the_token_travels_and_shows_it_nowhere(
    tmp_path: Path, scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, _ = job_server(ADMITTED[scheme])
    right = {"code": 401, "asked": ["none", "invalid"], "description": "no token"}
    promise = {"basis": "documented", "source": "the document"}
    small_folder(tmp_path / "small", security=[{scheme: []}], expected=[{**right, **promise}])
    token = f"ann:{TOKEN}" if scheme == "basic" else TOKEN
    with http_server(handler) as url:
        config = configured(
            *(tmp_path, url), token="    token_env: TOK\n", canaries="      anonymous: {}\n"
        )
        done = probed(load(config, TOK=token))
    assert done.verdict == "kept"
    assert len(done.results) == 6
    print_round(done, as_json=True, as_metrics=True)
    assert TOKEN not in capsys.readouterr().out


@pytest.mark.parametrize("security", [None, [], [{"bearer": []}, {}]])
def test_an_open_endpoint_is_probed_without_a_token(tmp_path: Path, security: Any) -> None:
    handler, asked = job_server()
    small_folder(tmp_path / "small", security=security)
    with http_server(handler) as url:
        done = probed(load(configured(tmp_path, url)))
    assert done.verdict == "kept"
    assert all("authorization" not in one.headers for one in asked)


def test_a_token_of_choice_is_sent_where_its_variable_is_set(tmp_path: Path) -> None:
    handler, asked = job_server()
    small_folder(tmp_path / "small", security=[{}, {"bearer": []}])
    with http_server(handler) as url:
        config = configured(tmp_path, url, token="    token_env: TOK\n")
        assert load(config).targets[0].token is None
        probed(load(config, TOK=TOKEN))
    assert {one.headers.get("authorization") for one in asked} == {f"Bearer {TOKEN}"}


def test_a_variable_that_is_named_must_be_set_where_the_document_is_silent(tmp_path: Path) -> None:
    small_folder(tmp_path / "small")
    config = configured(tmp_path, "http://127.0.0.1:9", token="    token_env: TOK\n")
    with pytest.raises(ConfigError, match="token_env: environment variable TOK isn't set"):
        load(config)


@pytest.mark.parametrize("security", [None, [], [{}, {"bearer": []}]])
def test_an_anonymous_canary_of_an_open_endpoint_is_refused(tmp_path: Path, security: Any) -> None:
    small_folder(tmp_path / "small", security=security)
    config = configured(tmp_path, "http://127.0.0.1:9", canaries="      anonymous: {}\n")
    with pytest.raises(ConfigError) as caught:
        load(config)
    message = str(caught.value)
    assert message.startswith(
        f"{config}:9: targets[0].canaries.anonymous: the document asks for no"
    )
    assert message.endswith(
        "so nobody is to be refused: leave this canary out, or say in the profile who promises "
        "it: auth: {required: {basis, source}}"
    )


def test_every_probe_and_page_of_the_list_carries_the_parameters(tmp_path: Path) -> None:
    handler, asked = job_server(
        is_right=lambda one: (
            one.query.get("region") == "eu" and one.headers.get("x-tenant") == "t1"
        ),
        path=f"/projects/p1/jobs/{JOB}",
    )
    small_folder(tmp_path / "small", path=BELOW, parameters=PARAMETERS)
    with http_server(handler) as url:
        done = probed(load(configured(tmp_path, url, GIVEN)))
    assert done.verdict == "kept"
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        (
            "    params: {project: p1}\n",
            "targets[0].params",
            (
                "GET /projects/{project}/jobs/{id} needs a value for region (query), X-Tenant "
                "(header): give params: {region: VALUE} headers: {X-Tenant: VALUE}, or write it "
                "under `parameters` or `headers` in the profile"
            ),
        ),
        (
            GIVEN.replace("region", "regio"),
            "targets[0].params",
            "params.regio: the operation has no such parameter. Did you mean 'region'?",
        ),
        (
            GIVEN.replace("p1", "'..'"),
            "targets[0].params",
            "the value of path parameter project can't be sent: leads to another path",
        ),
        (
            GIVEN.replace("X-Tenant: t1", "X-Tenant: t1, Authorization: Bearer x"),
            "targets[0].headers",
            "header Authorization: the token stands there; give it by its variable",
        ),
        (
            GIVEN.replace("p1", "1.10"),
            "targets[0].params.project",
            "write it in quotes, else 1.1 is what is sent",
        ),
    ],
)
def test_what_can_t_be_asked_is_said_before_anything_is(
    tmp_path: Path, given: str, place: str, message: str
) -> None:
    small_folder(tmp_path / "small", path=BELOW, parameters=PARAMETERS)
    config = configured(tmp_path, "http://127.0.0.1:9", given)
    with pytest.raises(ConfigError) as caught:
        load(config)
    _, line, said = str(caught.value).split(":", 2)
    assert line.isdigit()
    assert said.strip() == f"{place}: {message}"


@pytest.mark.parametrize(
    ("security", "token", "message"),
    [
        ([{"basic": []}], "no-colon-0123", "token_env: the token can't be used: basic"),
        ([{"mtls": []}], TOKEN, "targets[0].api: GET /jobs/{id} asks for mtls"),
    ],
)
def test_a_token_that_can_t_be_sent_is_refused(
    tmp_path: Path, security: Any, token: str, message: str
) -> None:
    small_folder(tmp_path / "small", security=security)
    config = configured(tmp_path, "http://127.0.0.1:9", token="    token_env: TOK\n")
    with pytest.raises(ConfigError) as caught:
        load(config, TOK=token)
    assert message in str(caught.value)
    assert token not in str(caught.value)


def test_a_secret_header_and_the_queried_key_are_in_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Every answer is wrong, so there is evidence of each.
    handler, asked = job_server(lambda _asked: False)
    small_folder(tmp_path / "small", security=[{"query": []}])
    more = "    headers: {X-Api-Secret: s3cret-value, X-Plain: plain-value}\n"
    with http_server(handler) as url:
        settings = load(configured(tmp_path, url, more, token="    token_env: TOK\n"), TOK=TOKEN)
        done = probed(settings)
    assert all(one.query == {"code": TOKEN} for one in asked)
    print_round(done, as_json=True, as_metrics=True)
    shown = capsys.readouterr().out
    shown += json.dumps([repr(result.redacted(done.redactor)) for result in done.results])
    assert not [secret for secret in (TOKEN, "s3cret-value") if secret in shown]
    assert settings.redactor.text("s3cret-value plain-value") == "*** plain-value"


def test_other_values_are_another_target(tmp_path: Path) -> None:
    small_folder(tmp_path / "small", path=BELOW, parameters=PARAMETERS)
    one = load(configured(tmp_path, "http://127.0.0.1:9", GIVEN)).targets[0]
    same = load(configured(tmp_path, "http://127.0.0.1:9", GIVEN)).targets[0]
    other = load(configured(tmp_path, "http://127.0.0.1:9", GIVEN.replace("p1", "p2"))).targets[0]
    assert one == same
    assert one != other
