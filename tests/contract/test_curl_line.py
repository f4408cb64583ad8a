"""
The line to copy, run by a real shell and a real curl: it asks what was asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.contract.small_api import JOB, small_api
from tests.tools import PATIENCE_S, run_to_end, tool
from tests.wire import ServerConnection, Wire
from tests.wire import answer as wire_answer

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.values import GivenValues
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.hostile_ids import HOSTILE_IDS
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.request import build_request, can_be_asked
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.har.writer import har
from jobproof.contract.recordings.replay import judge_recordings
from jobproof.contract.suite.reporting.outcome import outcome_of_recordings
from jobproof.contract.suite.reporting.report import build_recorded_report

TOKEN = "s3cret-$(x)\"q'+/=&%41"
_OURS = {"host", "user-agent", "accept-encoding"}
SCHEMES = ("bearer", "basic", "header", "query", "cookie")


class _Heard:
    """
    Every request's head, as it came.
    """

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    def __call__(self, line: ServerConnection) -> None:
        self.heads.append(line.request)
        body = b"" if line.method == "HEAD" else b'{"no": "job"}'
        wire_answer(500, body, ("Content-Type", "application/json"))(line)


def _said(head: bytes) -> tuple[str, str, list[tuple[str, str]], list[tuple[str, str]]]:
    """
    Method, path, the pairs of the query, and all headers but the client's own.
    """
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    pairs = [line.split(":", 1) for line in lines]
    headers = [(n.lower(), v.strip()) for n, v in pairs if n.lower() not in _OURS]
    return method, path, sorted(parse_qsl(query, True)), sorted(headers)


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[str, _Heard]]:
    heard = _Heard()
    with Wire({"api": heard}) as running:
        yield running.url("api"), heard


def _run(line: str, token: str) -> None:
    tool("curl")
    done = run_to_end("sh", "-c", line, env={"PATH": os.environ["PATH"], "ACME_TOKEN": token})
    assert done.returncode == 0, (line, done.stderr)


def _line(folder: Path, api: Api, exchange: Exchange) -> str:
    """
    The line that `jobproof check` prints for evidence of the exchange.
    """
    path = folder / "seen.har"
    redactor = Redactor(api.secrets_with(Secret(TOKEN)))
    path.write_text(json.dumps(har([exchange], redactor), ensure_ascii=False), encoding="utf-8")
    run = judge_recordings(api, [path])
    outcome = outcome_of_recordings(run, token_env=api.profile.token_env)
    report = build_recorded_report(run, outcome, started_at=1.0, duration_s=1.0)
    return str(report["findings"][0]["evidence"]["curl"])


def _api(folder: Path, scheme: str, **changes: Any) -> Api:
    security = [{scheme: []}]
    return small_api(folder / "api", security=security, token_env="ACME_TOKEN", **changes)


def _token_for(scheme: str) -> str:
    # RFC 6265 4.1.1: a cookie holds fewer characters.
    return {"basic": f"ann:{TOKEN}", "cookie": "s3cret-$(x)'+/=&%41"}.get(scheme, TOKEN)


def _asked_twice(
    folder: Path, wire: tuple[str, _Heard], api: Api, request: Request, token: str
) -> tuple[object, object]:
    """
    What the server heard of the request, and of the line that is to ask the same.
    """
    _, heard = wire
    with Client() as client:
        exchange = client.send(request, deadline_s=PATIENCE_S)
    asked = heard.heads[-1]
    line = _line(folder, api, exchange)
    assert "\n" not in line
    if request.credential is Credential.OWNER:
        assert token not in line
        assert token not in (folder / "seen.har").read_text("utf-8")
    _run(line, token)
    return _said(asked), _said(heard.heads[-1])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "POST"])
@pytest.mark.parametrize("credential", [Credential.OWNER, Credential.NONE, Credential.INVALID])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_line_asks_the_same(
    tmp_path: Path,
    wire: tuple[str, _Heard],
    scheme: str,
    credential: Credential,
    method: str,
) -> None:
    api = _api(tmp_path, scheme)
    token = _token_for(scheme)
    request = build_request(
        *(api, wire[0], JOB),
        subject=Subject.KNOWN,
        credential=credential,
        token=Secret(token),
        method=method,
        headers=(("If-None-Match", 'W/"a$b`c\\"'), ("X-Empty", ""), ("X-Odd", "caf\xe9 100% \\n")),
    )
    asked, again = _asked_twice(tmp_path, wire, api, request, token)
    assert again == asked


@pytest.mark.parametrize("manner", [one for one in Manner if one is not Manner.PLAIN])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_line_asks_in_the_same_manner(
    tmp_path: Path, wire: tuple[str, _Heard], scheme: str, manner: Manner
) -> None:
    api, token = _api(tmp_path, scheme), _token_for(scheme)
    if not can_be_asked(api, manner, Secret(token)):
        assert (scheme, manner) in NOT_IN_EVERY_SCHEME
        return
    request = build_request(
        *(api, wire[0], JOB),
        subject=Subject.KNOWN,
        credential=_by_whose_right(manner),
        token=Secret(token),
        manner=manner,
    )
    asked, again = _asked_twice(tmp_path, wire, api, request, token)
    assert again == asked
    assert (tmp_path / "seen.har").read_text("utf-8").find(token[:-4]) < 0


def _by_whose_right(manner: Manner) -> Credential:
    if manner is Manner.EMPTY:
        return Credential.NONE
    is_wrong = manner.spec.token is not None or manner.spec.value is not None
    wrong = is_wrong or manner in (Manner.IN_QUERY, Manner.IN_COOKIE)
    return Credential.INVALID if wrong else Credential.OWNER


NOT_IN_EVERY_SCHEME = {
    *((scheme, Manner.UNSIGNED) for scheme in SCHEMES),  # none of the tokens is a JWT
    *((scheme, Manner.OTHER_SCHEME) for scheme in SCHEMES if scheme != "bearer"),
    *((scheme, Manner.EMPTY) for scheme in ("basic", "query", "cookie")),
    *((scheme, Manner.BLANK) for scheme in ("basic", "query", "cookie")),
    *(("basic", manner) for manner in (Manner.NULLED, Manner.CLAIMED, Manner.QUOTED)),
    ("cookie", Manner.CHANGED),  # no letter or digit stands where it would be changed
    *((scheme, Manner.SCHEME_CASE) for scheme in ("header", "query", "cookie")),
    *((scheme, Manner.SCHEME_UPPER) for scheme in ("header", "query", "cookie")),
    ("cookie", Manner.COOKIE),
}


_IN_NO_LIST = ("..", ".", "x" * 4096, "'; reboot; '", "$(reboot)", "\\\n%0a")


@pytest.mark.parametrize("hostile", [*HOSTILE_IDS, *_IN_NO_LIST], ids=lambda one: repr(one)[:20])
def test_a_hostile_id_arrives_as_it_did(
    tmp_path: Path, wire: tuple[str, _Heard], hostile: str
) -> None:
    api = _api(tmp_path, "bearer")
    request = build_request(
        *(api, wire[0], hostile),
        subject=Subject.MALFORMED,
        credential=Credential.OWNER,
        token=Secret(TOKEN),
    )
    asked, again = _asked_twice(tmp_path, wire, api, request, TOKEN)
    assert again == asked


@pytest.mark.parametrize("scheme", SCHEMES)
def test_parameters_go_along(tmp_path: Path, wire: tuple[str, _Heard], scheme: str) -> None:
    parameters = (
        {"in": "query", "name": "fields[]", "required": True, "schema": {"type": "string"}},
        {"in": "header", "name": "X-Tenant", "required": True, "schema": {"type": "string"}},
    )
    values = {"fields[]": "a b&{c}", "X-Tenant": 'it\'s "me"'}
    api = _api(tmp_path, scheme, parameters=parameters).with_values(GivenValues(values, ()))
    token = _token_for(scheme)
    request = build_request(
        *(api, wire[0], JOB),
        subject=Subject.KNOWN,
        credential=Credential.OWNER,
        token=Secret(token),
    )
    assert ("X-Tenant" in dict(request.headers), "fields%5B%5D=" in request.url) == (True, True)
    asked, again = _asked_twice(tmp_path, wire, api, request, token)
    assert again == asked


FOREIGN: HeaderPairs = (
    *((":method", "GET"), (":path", "/x"), ("@/etc/passwd", "x"), ("", "nameless"), ("a b", "c")),
    *(("Host", "elsewhere.example"), ("Content-Length", "500"), ("Transfer-Encoding", "chunked")),
    *(("Connection", "keep-alive, Upgrade"), ("Upgrade", "h2c"), ("Expect", "100-continue")),
    *(("accept", "application/json"), ("x-lines", "a\r\nEvil: 1"), ("x-kept", "yes")),
    *(("authorization", "Bearer abcdef-123456"), ("cookie", "sid=abcdef-123456; theme=dark")),
)


def test_a_line_of_a_foreign_recording_works_and_shows_no_secret(
    tmp_path: Path, wire: tuple[str, _Heard]
) -> None:
    base, heard = wire
    url = f"{base}/jobs/{JOB}?q=[1]{{2}} \u00e9&sig=abcdef-123456#part"
    request = Request("GET", url, FOREIGN)
    line = curl(Exchange(request, Response(200), 1.0, 0.1), token_env="ACME_TOKEN")
    assert "abcdef-123456" not in line
    _run(line, TOKEN)
    method, path, query, headers = _said(heard.heads[-1])
    assert (method, path) == ("GET", f"/api/jobs/{JOB}")
    assert query == [("q", "[1]{2} \u00e9"), ("sig", "***")]
    assert headers == [
        ("accept", "application/json"),
        ("authorization", f"Bearer {TOKEN}"),
        ("cookie", TOKEN),
        ("x-kept", "yes"),
    ]
    assert b"\nHost: elsewhere.example\r\n" in heard.heads[-1]


def test_a_foreign_post_is_not_waited_for(wire: tuple[str, _Heard]) -> None:
    base, heard = wire
    request = Request("POST", f"{base}/jobs/{JOB}", FOREIGN)
    _run(curl(Exchange(request, Response(200), 1.0, 0.1), token_env="ACME_TOKEN"), TOKEN)
    assert ("content-length", "0") in _said(heard.heads[-1])[3]
