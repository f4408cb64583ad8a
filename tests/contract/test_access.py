"""
Who must show a token, and how it travels: what the document says decides.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from tests.contract.small_api import JOB, small_api

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.finding import Basis, Finding
from jobproof.contract.model.request import build_owner_request, build_request
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import load_checks
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.har.writer import har_entry

URL = "http://h"
TOKEN = "tok-0123456789"
NOW = 1_800_000_000.0


def built(api: Api, credential: Credential, token: str | None = TOKEN) -> Request:
    return build_request(
        *(api, URL, JOB),
        subject=Subject.KNOWN,
        credential=credential,
        token=Secret(token) if token is not None else None,
    )


def exchanged(request: Request, code: int = 200, body: bytes = b"{}") -> Exchange:
    headers = (("Content-Type", "application/json"),)
    return Exchange(request, Response(code, headers, body, body), NOW, 0.1)


def said(api: Api, *exchanges: Exchange, token: str | None = TOKEN) -> list[Finding]:
    seen = [api.observe(exchange) for exchange in exchanges]
    trace = Trace.of(api, seen, token=token)
    return list(Judge(load_checks())(trace))


BASIC = base64.b64encode(b"ann:tok-0123456789").decode()
CARRIED = [
    ([{"bearer": []}], {}, TOKEN, f"{URL}/jobs/{JOB}", ("Authorization", f"Bearer {TOKEN}")),
    ([{"header": []}], {}, TOKEN, f"{URL}/jobs/{JOB}", ("X-Acme", TOKEN)),
    ([{"query": []}], {}, TOKEN, f"{URL}/jobs/{JOB}?code={TOKEN}", None),
    ([{"cookie": []}], {}, TOKEN, f"{URL}/jobs/{JOB}", ("Cookie", f"sid={TOKEN}")),
    ([{"basic": []}], {}, f"ann:{TOKEN}", f"{URL}/jobs/{JOB}", ("Authorization", f"Basic {BASIC}")),
    (None, {}, TOKEN, f"{URL}/jobs/{JOB}", ("Authorization", f"Bearer {TOKEN}")),
    ([{"header": []}, {}], {}, TOKEN, f"{URL}/jobs/{JOB}", ("X-Acme", TOKEN)),
    ([{"mtls": []}, {"query": []}], {}, TOKEN, f"{URL}/jobs/{JOB}?code={TOKEN}", None),
    # What the profile writes decides, in part or whole.
    ([{"bearer": []}], {"prefix": "Token "}, TOKEN, f"{URL}/jobs/{JOB}",
     ("Authorization", f"Token {TOKEN}")),
    ([{"header": []}], {"prefix": "Key "}, TOKEN, f"{URL}/jobs/{JOB}", ("X-Acme", f"Key {TOKEN}")),
    ([{"header": []}], {"header": "x-acme"}, TOKEN, f"{URL}/jobs/{JOB}", ("X-Acme", TOKEN)),
    ([{"query": []}], {"header": "X-Own", "prefix": ""}, TOKEN, f"{URL}/jobs/{JOB}",
     ("X-Own", TOKEN)),
    ([{"mtls": []}], {"header": "X-Own"}, TOKEN, f"{URL}/jobs/{JOB}", ("X-Own", f"Bearer {TOKEN}")),
]  # fmt: skip


@pytest.mark.parametrize(("security", "auth", "token", "url", "header"), CARRIED)
def test_the_token_travels_as_the_document_says(
    tmp_path: Path, security: Any, auth: Any, token: str, url: str, header: Any
) -> None:
    api = small_api(tmp_path, security=security, auth=auth)
    request = built(api, Credential.OWNER, token)
    assert request.url == url
    assert request.headers[1:] == ((header,) if header else ())
    # Neither is in a request without a token.
    anonymous = built(api, Credential.NONE, token)
    assert (anonymous.url, len(anonymous.headers)) == (f"{URL}/jobs/{JOB}", 1)


@pytest.mark.parametrize(
    ("security", "carried"),
    [
        ([{"header": []}], "jobproof-invalid-token"),
        ([{"query": []}], "jobproof-invalid-token"),
        ([{"cookie": []}], "jobproof-invalid-token"),
        ([{"basic": []}], base64.b64encode(b"jobproof:jobproof-invalid-token").decode()),
    ],
)
def test_a_wrong_token_travels_where_the_right_one_does(
    tmp_path: Path, security: Any, carried: str
) -> None:
    api = small_api(tmp_path, security=security)
    request = built(api, Credential.INVALID)
    assert carried in request.url + repr(request.headers)
    assert TOKEN not in request.url + repr(request.headers)
    # It is no secret, so asking again needs no variable.
    assert carried in curl(exchanged(request), token_env="TOK")
    assert "$TOK" not in curl(exchanged(request), token_env="TOK")


@pytest.mark.parametrize(
    ("security", "is_required"),
    [
        (None, False),
        ([], False),
        ([{}], False),
        ([{"bearer": []}, {}], False),
        ([{}, {"bearer": []}], False),
        ([{"mtls": []}], False),
        ([{"mtls": []}, {}], False),
        ([{"bearer": []}], True),
        ([{"bearer": []}, {"query": []}], True),
        ([{"bearer": []}, {"mtls": []}], True),
        ([{"header": [], "app": []}], True),
    ],
)
def test_outsiders_break_a_promise_only_where_a_token_is_asked_for(
    tmp_path: Path, security: Any, is_required: bool
) -> None:
    api = small_api(tmp_path, security=security, auth={"header": "X-Own"})
    assert api.access.is_required is is_required
    found = [
        finding
        for credential in (Credential.NONE, Credential.INVALID)
        for finding in said(api, exchanged(built(api, credential)))
        if finding.check in ("token_is_required", "invalid_token_is_refused")
    ]
    assert len(found) == 2 * is_required
    for finding in found:
        assert (finding.basis, finding.source) == (
            Basis.DOCUMENTED,
            "openapi.json: security of GET /jobs/{id}",
        )


def test_a_profile_promises_where_the_document_is_silent(tmp_path: Path) -> None:
    required = {"basis": "inferred", "source": "the manual, page 1"}
    api = small_api(tmp_path, auth={"required": required})
    (finding,) = (
        f for f in said(api, exchanged(built(api, Credential.NONE))) if "token" in f.check
    )
    assert (finding.check, finding.basis) == ("token_is_required", Basis.INFERRED)
    assert finding.source == "the manual, page 1"
    # How the token travels is still the default's.
    assert built(api, Credential.OWNER).headers[-1] == ("Authorization", f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    ("security", "token", "sources"),
    [
        ([{"bearer": []}], TOKEN, ["openapi.json: security of GET /jobs/{id}"]),
        (None, TOKEN, ["RFC 9110 15.5.2: the credentials aren't valid"]),
        ([], TOKEN, ["RFC 9110 15.5.2: the credentials aren't valid"]),
        ([], None, []),
    ],
)
def test_a_token_stops_working_only_where_one_was_shown(
    tmp_path: Path, security: Any, token: str | None, sources: list[str]
) -> None:
    api = small_api(tmp_path, security=security)
    request = built(api, Credential.OWNER, token)
    body = b'{"id": "%s", "status": "queued"}' % JOB.encode()
    later = Exchange(request, Response(401), NOW + 9, 0.1)
    found = [
        f
        for f in said(api, exchanged(request, body=body), later, token=token)
        if f.check == "token_keeps_working"
    ]
    assert [f.source for f in found] == sources
    assert [f.basis for f in found] == [
        Basis.DOCUMENTED if "openapi" in source else Basis.INFERRED for source in sources
    ]


SHOWN = [
    ([{"bearer": []}], TOKEN, '-H "Authorization: Bearer $TOK"'),
    ([{"header": []}], TOKEN, '-H "X-Acme: $TOK"'),
    ([{"query": []}], TOKEN, f'-G --data-urlencode code="$TOK" {URL}/jobs/{JOB}'),
    ([{"cookie": []}], TOKEN, '-H "Cookie: sid=$TOK"'),
    ([{"basic": []}], f"ann:{TOKEN}", '-u "$TOK"'),
]


@pytest.mark.parametrize(("security", "token", "shown"), SHOWN)
def test_a_line_to_copy_has_the_variable_in_the_tokens_place(
    tmp_path: Path, security: Any, token: str, shown: str
) -> None:
    api = small_api(tmp_path, security=security)
    exchange = exchanged(built(api, Credential.OWNER, token))
    line = curl(exchange, Redactor(api.secrets_with(Secret(token))), token_env="TOK")
    assert shown in line
    assert TOKEN not in line
    assert BASIC not in line
    odd = curl(exchange, token_env="MY-TOKEN")
    assert shown.replace("$TOK", "$(printenv MY-TOKEN)") in odd


@pytest.mark.parametrize("token", [TOKEN, "t1", "a+b/c= d&e%41"])
@pytest.mark.parametrize("scheme", ["header", "query", "cookie", "basic"])
def test_a_credential_is_masked_by_its_place_however_short(
    tmp_path: Path, scheme: str, token: str
) -> None:
    api = small_api(tmp_path, security=[{scheme: []}])
    whole = f"ann:{token}" if scheme == "basic" else token
    request = built(api, Credential.OWNER, whole)
    entry = har_entry(exchanged(request))["request"]
    sent = [header["value"] for header in entry["headers"]] + [entry["url"].partition("?")[2]]
    assert not [text for text in sent if token in text]
    assert "***" in "".join(sent)
    assert f"={token}" not in repr(request)


def test_what_an_answer_gives_back_of_a_queried_key_is_masked(tmp_path: Path) -> None:
    api = small_api(tmp_path, security=[{"query": []}])
    body = f'{{"next": "/jobs/2?code={TOKEN}", "seen": "{TOKEN}"}}'.encode()
    exchange = exchanged(built(api, Credential.OWNER), body=body)
    assert TOKEN.encode() not in exchange.redacted(Redactor()).answer.body  # type: ignore[union-attr]


def test_a_password_by_itself_is_masked(tmp_path: Path) -> None:
    api = small_api(tmp_path, security=[{"basic": []}])
    redactor = Redactor(api.secrets_with(Secret(f"ann:{TOKEN}")))
    assert redactor.text(f"wrong password {TOKEN}") == "wrong password ***"


def test_a_url_with_what_a_shell_expands_is_quoted(tmp_path: Path) -> None:
    api = small_api(tmp_path, security=[{"query": []}])
    request = build_owner_request(api, "http://h/$HOME", JOB, TOKEN)
    line = curl(exchanged(request), token_env="TOK")
    assert line.endswith(f"-G --data-urlencode code=\"$TOK\" 'http://h/$HOME/jobs/{JOB}'")
