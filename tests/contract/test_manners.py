"""
Manners: how a question is put, in each place where a token can stand, and what never shows of it.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.contract.builders import NOW
from tests.contract.small_api import JOB, small_api

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.manners.near_misses import near_tag, otherwise_ending_token
from jobproof.contract.model.request import build_request, can_be_asked
from jobproof.contract.recordings.har.entry import read_har_entry
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.contract.recordings.ndjson.writer import exchange_line

TOKEN = "Tok-0123456789-abc"
OTHER = "0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"
PAIR = f"ann:{TOKEN}"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
NEAR = (Manner.CUT, Manner.EXTENDED, Manner.RECASED)
BY_SCHEME = (Manner.OTHER_SCHEME, Manner.SCHEME_CASE, Manner.SCHEME_UPPER)
SCHEMES = ("bearer", "basic", "header", "query", "cookie")


def _token(scheme: str) -> str:
    return PAIR if scheme == "basic" else TOKEN


def _asked(api: Api, manner: Manner, token: str, who: Credential = Credential.OWNER) -> Request:
    return build_request(
        *(api, "http://h", JOB),
        subject=Subject.KNOWN,
        credential=who,
        token=Secret(token),
        manner=manner,
        other_id=OTHER,
    )


def _carried(request: Request, scheme: str) -> str | None:
    """
    What stands where that scheme has its token, as a server reads it.
    """
    headers = {name.lower(): value for name, value in request.headers}
    if scheme == "query":
        return dict(parse_qsl(urlsplit(request.url).query)).get("code")
    if scheme == "cookie":
        pairs = dict(part.split("=", 1) for part in headers.get("cookie", "=").split("; "))
        return pairs.get("sid")
    if scheme == "header":
        return headers.get("x-acme")
    shown = headers.get("authorization")
    if scheme == "basic" and shown is not None and shown.startswith("Basic "):
        return base64.b64decode(shown.removeprefix("Basic ")).decode()
    return shown.removeprefix("Bearer ") if shown is not None else None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_token_is_nearly_right_wherever_it_stands(tmp_path: Path, scheme: str) -> None:
    api, token = small_api(tmp_path, security=[{scheme: []}]), _token(scheme)
    made = {Manner.CUT: token[:-4], Manner.EXTENDED: f"{token}AAAA"}
    made[Manner.RECASED] = token.swapcase()
    for manner, expected in made.items():
        assert can_be_asked(api, manner, Secret(token))
        found = _carried(_asked(api, manner, token, Credential.INVALID), scheme)
        assert found is not None
        assert found.rpartition(":")[2] == expected.rpartition(":")[2]
        assert found != token


@pytest.mark.parametrize(
    ("token", "manners"),
    [
        ("short", set()),
        # In either case it is the same number.
        ("0123456789abcdef", {Manner.CUT, Manner.EXTENDED}),
        ("0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d", {Manner.CUT, Manner.EXTENDED}),
        (TOKEN, set(NEAR)),
        (JWT, {*NEAR, Manner.UNSIGNED}),
        (JWT.rpartition(".")[0], set(NEAR)),
        ("eyJx.eyJy", set()),
        ("ann:short", set()),
    ],
)
def test_of_some_tokens_none_can_be_made(tmp_path: Path, token: str, manners: set[Manner]) -> None:
    api = small_api(tmp_path, security=[{"bearer": []}])
    made = (*NEAR, Manner.UNSIGNED)
    assert {one for one in made if can_be_asked(api, one, Secret(token))} == manners
    assert not any(can_be_asked(api, one, None) for one in made)


def test_a_token_without_its_signature_has_its_claims_and_says_that_none_is_needed(
    tmp_path: Path,
) -> None:
    api = small_api(tmp_path, security=[{"bearer": []}])
    head, claims, signature = (_carried(_asked(api, Manner.UNSIGNED, JWT), "bearer") or "").split(
        "."
    )
    assert json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))) == {"alg": "none"}
    assert claims == JWT.split(".")[1]
    assert signature == ""


@pytest.mark.parametrize(
    ("scheme", "manner", "shown"),
    [
        ("bearer", Manner.EMPTY, "Bearer"),
        ("header", Manner.EMPTY, ""),
        ("bearer", Manner.OTHER_SCHEME, "Basic am9icHJvb2Y6aW52YWxpZA=="),
        ("bearer", Manner.SCHEME_CASE, f"bearer {TOKEN}"),
    ],
)
def test_what_stands_in_the_place_of_a_token(
    tmp_path: Path, scheme: str, manner: Manner, shown: str
) -> None:
    api = small_api(tmp_path, security=[{scheme: []}])
    request = _asked(api, manner, TOKEN)
    assert request.header(api.access.token_at.name) == shown
    assert (TOKEN in repr(request.headers)) is (manner is Manner.SCHEME_CASE)


@pytest.mark.parametrize("manner", [Manner.IN_QUERY, Manner.IN_COOKIE])
def test_in_a_wrong_place_stands_a_wrong_token_and_none_in_the_right_one(
    tmp_path: Path, manner: Manner
) -> None:
    api = small_api(tmp_path, security=[{"bearer": []}])
    for who in (Credential.INVALID, Credential.OWNER):
        request = _asked(api, manner, TOKEN, who)
        assert request.header("Authorization") is None
        sent = f"{request.url} {request.headers}"
        assert "token=jobproof-invalid" in sent
        assert TOKEN not in sent


@pytest.mark.parametrize(
    ("scheme", "unasked"),
    [
        ("bearer", {Manner.UNSIGNED}),
        (
            "basic",
            {
                Manner.UNSIGNED,
                Manner.OTHER_SCHEME,
                Manner.EMPTY,
                Manner.BLANK,
                Manner.NULLED,
                Manner.CLAIMED,
                Manner.QUOTED,
            },
        ),
        ("header", {Manner.UNSIGNED, *BY_SCHEME}),
        ("query", {Manner.UNSIGNED, *BY_SCHEME, Manner.EMPTY, Manner.BLANK}),
        (
            "cookie",
            {Manner.UNSIGNED, *BY_SCHEME, Manner.EMPTY, Manner.BLANK, Manner.COOKIE},
        ),
    ],
)
def test_what_makes_no_difference_is_not_asked(
    tmp_path: Path, scheme: str, unasked: set[Manner]
) -> None:
    api = small_api(tmp_path, security=[{scheme: []}])
    token = Secret(_token(scheme))
    found = {manner for manner in Manner if not can_be_asked(api, manner, token)}
    assert found - {Manner.PLAIN} == unasked


@pytest.mark.parametrize(
    ("parameter", "manner"),
    [
        ({"in": "query", "name": "debug"}, Manner.QUERY),
        ({"in": "header", "name": "accept-language"}, Manner.LANGUAGE),
        ({"in": "query", "name": "id"}, Manner.OTHER_IN_QUERY),
        ({"in": "header", "name": "x-original-url"}, Manner.OTHER_IN_HEADER),
        ({"in": "header", "name": "X-Forwarded-Host"}, Manner.OTHER_HOST),
    ],
)
def test_what_the_document_gives_a_meaning_to_is_no_mere_manner(
    tmp_path: Path, parameter: dict[str, Any], manner: Manner
) -> None:
    declared = ({**parameter, "schema": {"type": "string"}},)
    api = small_api(tmp_path, security=[{"bearer": []}], parameters=declared)
    assert not can_be_asked(api, manner, Secret(TOKEN))
    assert can_be_asked(api, Manner.ORIGIN, Secret(TOKEN))


@pytest.mark.parametrize(
    ("parameter", "manner"),
    [
        ({"in": "header", "name": "x-tenant-id"}, Manner.CLAIMS),
        ({"in": "query", "name": "user_id"}, Manner.QUERY_CLAIMS),
        ({"in": "header", "name": "X-Real-IP"}, Manner.FORWARDED),
        ({"in": "query", "name": "access_token"}, Manner.IN_QUERY),
        ({"in": "header", "name": "X-Api-Key"}, Manner.IN_COOKIE),
    ],
)
def test_of_many_tricks_those_that_mean_something_are_left_out(
    tmp_path: Path, parameter: dict[str, Any], manner: Manner
) -> None:
    declared = ({**parameter, "schema": {"type": "string"}},)
    api = small_api(tmp_path, security=[{"bearer": []}], parameters=declared)
    assert can_be_asked(api, manner, Secret(TOKEN))
    request = _asked(api, manner, TOKEN, Credential.NONE)
    sent = {name.lower() for name, _ in request.headers}
    sent |= {name for name, _ in parse_qsl(urlsplit(request.url).query)}
    offered = {name.lower() for name, _ in (*manner.spec.headers, *manner.spec.query)}
    assert offered - sent == {parameter["name"].lower()}


def test_where_all_tricks_mean_something_none_is_tried(tmp_path: Path) -> None:
    names = [name for name, _ in Manner.IN_QUERY.spec.query]
    declared = tuple({"in": "query", "name": n, "schema": {"type": "string"}} for n in names)
    api = small_api(tmp_path, security=[{"bearer": []}], parameters=declared)
    assert not can_be_asked(api, Manner.IN_QUERY, Secret(TOKEN))


@pytest.mark.parametrize("manner", [one for one in Manner if one.spec.headers or one.spec.query])
def test_a_manner_adds_what_it_says_and_takes_nothing_but_its_own_names(
    tmp_path: Path, manner: Manner
) -> None:
    api = small_api(tmp_path, security=[{"bearer": []}])
    plain, other = _asked(api, Manner.PLAIN, TOKEN), _asked(api, manner, TOKEN)
    sent = str.lower if manner.includes(Manner.FIELD_CASE) else str
    headers = {(sent(name), value or f"/jobs/{OTHER}") for name, value in manner.spec.headers}
    assert headers <= set(other.headers)
    query = {(name, value or OTHER) for name, value in manner.spec.query}
    assert query <= set(parse_qsl(urlsplit(other.url).query))
    names = [name.lower() for name, _ in other.headers]
    assert len(names) == len(set(names))
    replaced = {name.lower() for name, _ in manner.spec.headers} | {"authorization"}
    kept = {(sent(name), text) for name, text in plain.headers if name.lower() not in replaced}
    assert kept <= set(other.headers)


@pytest.mark.parametrize(
    ("token", "other"),
    [
        ("Tok-0123456789-abc", "Tok-0123456789-abw"),
        ("Tok-0123456789-abC", "Tok-0123456789-abw"),
        ("Tok-0123456789-abw", "Tok-0123456789-abA"),
        ("Tok-0123456789-ab7", "Tok-0123456789-abA"),
        ("Tok-0123456789-ab=", None),
        ("short", None),
    ],
)
def test_a_token_ends_in_another_character_whichever_bits_of_it_count(
    token: str, other: str | None
) -> None:
    assert otherwise_ending_token(token) == other


@pytest.mark.parametrize(
    ("tag", "near"),
    [
        ('"5d41"', '"5d4A"'),
        ('W/"5dA"', 'W/"5dB"'),
        ('"MTIz=="', '"MTIA=="'),
        ('"5d-gzip"', '"5d-gziA"'),
        ("5d41", "5d4A"),
        ('"--"', None),
        ('W/""', None),
        ("", None),
    ],
)
def test_a_near_tag_differs_in_its_last_letter(tag: str, near: str | None) -> None:
    assert near_tag(tag) == near


def test_an_encoded_letter_is_the_letter(tmp_path: Path) -> None:
    api = small_api(tmp_path, security=[{"bearer": []}])
    path = urlsplit(_asked(api, Manner.ENCODED, TOKEN).url).path
    assert path == f"/jobs/%35{JOB[1:]}"


@pytest.mark.parametrize("manner", [one for one in Manner if one is not Manner.PLAIN])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_recording_keeps_the_manner_and_nothing_of_a_token(
    tmp_path: Path, scheme: str, manner: Manner
) -> None:
    api = small_api(tmp_path, security=[{scheme: []}])
    token = PAIR.replace(TOKEN, JWT) if scheme == "basic" else JWT
    if not can_be_asked(api, manner, Secret(token)):
        return
    who = Credential.OWNER if manner.spec.source else Credential.INVALID
    request = _asked(api, manner, token, who)
    # A server may well give back what it was sent.
    sent = _carried(request, scheme) or ""
    said = json.dumps({"error": f"no such token: {sent}"}).encode()
    answer = Response(401, (("x-echo", sent),), said, said)
    exchange = Exchange(request, answer, NOW, 0.1).redacted(Redactor([Secret(token)]))
    for line in (har_entry(exchange), exchange_line(exchange)):
        text = json.dumps(line)
        assert manner.value in text
        # Neither the claims nor the signature, in which letter case ever.
        for part in JWT.split(".")[1:]:
            assert part[:-4].lower() not in text.lower()
    again = read_har_entry(har_entry(exchange))
    assert isinstance(again, Exchange)
    assert (again.request.manner, again.request.credential) == (manner, who)
