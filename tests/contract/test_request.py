"""
A question as a request: one builder, whoever asks.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.formats.secrets.token_place import TokenPlace
from jobproof.contract.model.exchange import Credential, Request, Subject
from jobproof.contract.model.request import build_listing_request, build_request, request_headers
from jobproof.contract.plugins import find_api

API = find_api("krea")
TOKEN = Secret("sk-0123456789")
ACCEPT = ("Accept", "application/json")
OWNER = ("Authorization", "Bearer sk-0123456789")
INVALID = ("Authorization", f"Bearer {API.profile.auth.invalid}")


def built(credential: Credential = Credential.OWNER, **others: object) -> Request:
    options = {"subject": Subject.KNOWN, "token": TOKEN, **others}
    return build_request(API, "http://h/v1", "a/../b?", credential=credential, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("credential", "token", "carried"),
    [
        (Credential.OWNER, TOKEN, (OWNER,)),
        (Credential.OWNER, None, ()),
        (Credential.NONE, TOKEN, ()),
        (Credential.INVALID, TOKEN, (INVALID,)),
        (Credential.INVALID, None, (INVALID,)),
        (Credential.UNSTATED, TOKEN, ()),
    ],
)
def test_the_token_goes_along_only_as_the_owner(
    credential: Credential, token: Secret | None, carried: tuple[tuple[str, str], ...]
) -> None:
    request = built(credential, token=token)
    assert request.headers == (ACCEPT, *carried)
    assert (request.credential, request.subject) == (credential, Subject.KNOWN)
    assert "sk-0123456789" not in repr(request) + request.url


def test_the_id_is_one_segment_and_stays_known() -> None:
    request = built()
    assert (request.method, request.url) == ("GET", "http://h/v1/jobs/a%2F..%2Fb%3F")
    assert request.job_id == "a/../b?"


def test_what_differs_between_askers_is_an_argument() -> None:
    headers = (("accept", "text/html"), ("If-None-Match", '"1"'))
    query = [("a", "1"), ("a", "é &")]
    request = built(method="HEAD", headers=headers, query=query, user_agent="t/1")
    assert request.method == "HEAD"
    assert request.url.endswith("?a=1&a=%C3%A9%20%26")
    assert request.headers == (("User-Agent", "t/1"), *headers, OWNER)


@pytest.mark.parametrize(
    ("path", "url"),
    [("/jobs", "http://h/v1/jobs?limit=5"), ("/jobs?all=1", "http://h/v1/jobs?all=1&limit=5")],
)
def test_a_page_of_the_list_is_asked_for_as_the_owner(path: str, url: str) -> None:
    headers = request_headers(API, Credential.OWNER, TOKEN, user_agent="t/1")
    request = build_listing_request(API, "http://h/v1/", path, [("limit", "5")], headers)
    assert (request.url, request.credential) == (url, Credential.OWNER)
    assert request.headers == (ACCEPT, ("User-Agent", "t/1"), OWNER)
    assert request.job_id is None
    assert build_listing_request(API, "http://h", "/jobs", [], ()).url == "http://h/jobs"


@pytest.mark.parametrize("credential", [Credential.OWNER, Credential.NONE, Credential.INVALID])
@pytest.mark.parametrize(
    ("at", "url", "headers"),
    [
        (TokenPlace(), "http://h/jobs/1", (("Authorization", "Bearer s3cretsecret"),)),
        (TokenPlace(prefix="Basic ", is_pair=True), "http://h/jobs/1",
         (("Authorization", "Basic dTpzM2NyZXRzZWNyZXQ="),)),
        (TokenPlace("query", "key", ""), "http://h/jobs/1?key=s3cretsecret", ()),
        (TokenPlace("cookie", "sid", ""), "http://h/jobs/1", (("Cookie", "sid=s3cretsecret"),)),
        (TokenPlace("cookie", "sid", ""), "http://h/jobs/1", ()),
        (TokenPlace("header", "X-Key", ""), "http://h/jobs/1", (("Accept", "*/*"),)),
    ],
)  # fmt: skip
def test_a_masked_token_is_known_to_have_been_sent(
    at: TokenPlace, url: str, headers: tuple[tuple[str, str], ...], credential: Credential
) -> None:
    sent = Request("GET", url, headers, token_at=at, secret_at=frozenset({at.key}))
    asked = replace(sent, credential=credential)
    is_there = "s3cretsecret" in f"{url}{headers}" or "dTpz" in f"{headers}"
    expected = is_there and credential is Credential.OWNER
    assert asked.carries_token is expected
    # By the owner's own masks: an invalid token stays, and is no token of his either.
    assert asked.redacted(Redactor(["s3cretsecret"])).carries_token is expected


def test_headers_that_were_not_recorded_may_have_held_the_token_that_the_client_speaks_of() -> None:
    asked = Request("GET", "http://h/jobs/1", token_at=TokenPlace(), has_all_headers=False)
    assert not asked.carries_token
    assert replace(asked, credential=Credential.OWNER).carries_token
