"""
Header fields: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import NOW, answer, api, not_found, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Basis, Finding, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.openapi.security import SecurityKind

_LATE = "Thu, 31 Dec 2099 23:59:59 GMT"
_PAST = "Sun, 06 Nov 1994 08:49:37 GMT"


def _refusal(challenge: str | None, **kwargs: Any) -> Exchange:
    headers = {"www-authenticate": challenge}
    return answer({"error": "no"}, 401, credential=Credential.NONE, headers=headers, **kwargs)


def _with(**headers: str | None) -> Exchange:
    return answer(headers={name.replace("_", "-"): value for name, value in headers.items()})


CASES = {
    "single_fields_come_once": Case(
        accepts=trace(
            answer(
                headers={"vary": "Origin", "cache-control": "private"},
                more=[
                    ("Vary", "Accept"),
                    ("set-cookie", "a=1"),
                    ("Set-Cookie", "b=2"),
                    ("Cache-Control", "no-cache"),
                    ("server", "a"),
                    ("Server", "b"),
                ],
            )
        ),
        rejects=trace(answer(more=[("Content-Type", "text/plain")])),
        at="header:content-type",
    ),
    "content_type_is_well_formed": Case(
        accepts=trace(_with(content_type='application/json ;charset="utf-8";; v=1 ')),
        rejects=trace(_with(content_type="application/json; utf-8")),
        at="header:content-type",
    ),
    "dates_have_the_one_form": Case(
        accepts=trace(_with(last_modified=_PAST)),
        rejects=trace(_with(last_modified="Sunday, 06-Nov-94 08:49:37 GMT")),
        at="header:last-modified",
    ),
    "every_answer_has_its_date": Case(
        accepts=trace(_with(date=None), baseline=not_found(headers={"date": None})),
        rejects=trace(_with(date=None), baseline=not_found()),
        at="header:date",
    ),
    "last_modified_is_past": Case(
        accepts=trace(
            _with(
                date=_PAST,
                age="0",
                last_modified="Sun, 06 Nov 1994 08:50:36 GMT",
                cache_control="private, max-age=9",
            )
        ),
        rejects=trace(_with(last_modified=_LATE)),
        at="header:last-modified",
    ),
    "entity_tag_is_well_formed": Case(
        accepts=trace(_with(etag='W/"\xe9!--gzip"')),
        rejects=trace(_with(etag="8a7f")),
        at="header:etag",
    ),
    "content_language_is_well_formed": Case(
        accepts=trace(_with(content_language="en, zh-Hant-TW, x-klingon")),
        rejects=trace(_with(content_language="en_US")),
        at="header:content-language",
    ),
    "uri_fields_are_references": Case(
        accepts=trace(_with(content_location="//[::1]:80/jobs/a%20b?x=(1)#top")),
        rejects=trace(_with(content_location="/jobs/a b")),
        at="header:content-location",
    ),
    "link_is_well_formed": Case(
        accepts=trace(_with(link="<a,b>; rel=\"next prev\" ; title*=UTF-8''x, , <>;rel=self")),
        rejects=trace(_with(link="/jobs?page=2; rel=next")),
        at="header:link",
    ),
    "listed_names_are_names": Case(
        accepts=trace(_with(vary="*, Accept-Encoding,", accept_ranges="none")),
        rejects=trace(_with(vary="Accept Accept-Encoding")),
        at="header:vary",
    ),
    "retry_after_is_well_formed": Case(
        accepts=trace(_with(retry_after=_PAST)),
        rejects=trace(_with(retry_after="-1")),
        at="header:retry-after",
    ),
    "refusal_has_challenge": Case(
        accepts=trace(_refusal("Bearer")),
        rejects=trace(_refusal(None)),
        at="header:www-authenticate",
    ),
    "challenge_is_well_formed": Case(
        accepts=trace(
            _refusal('Negotiate YWJj==, Bearer realm = "a, b" , scope=read, Basic realm=""')
        ),
        rejects=trace(_refusal('Bearer realm="api" charset="UTF-8"')),
        at="header:www-authenticate",
    ),
    "challenge_names_documented_scheme": Case(
        accepts=trace(
            answer(
                {"error": "no"},
                401,
                credential=Credential.NONE,
                headers={"www-authenticate": 'Basic realm="a"'},
                more=[("WWW-Authenticate", "bEARER")],
            )
        ),
        rejects=trace(_refusal('Basic realm="api"')),
        at="header:www-authenticate",
    ),
    "challenge_fits_the_question": Case(
        accepts=trace(_refusal('Bearer error="invalid_request"')),
        rejects=trace(_refusal('Bearer realm="api", error="invalid_token"')),
        at="header:www-authenticate",
    ),
}


def _told(exchange: Exchange) -> list[tuple[str, Basis]]:
    return [(f.check, f.basis) for f in said(trace(exchange), Kind.VIOLATION)]


def _of(check: str, exchange: Exchange) -> list[Finding]:
    return [f for f in said(trace(exchange)) if f.check == check]


@pytest.mark.parametrize(
    ("name", "first", "second", "basis"),
    [
        ("etag", '"1"', '"2"', Basis.RFC),
        ("etag", '"1"', '"1"', Basis.INFERRED),
        ("retry-after", "1", "30", Basis.RFC),
        ("last-modified", _PAST, "Mon, 07 Nov 1994 08:49:37 GMT", Basis.RFC),
        ("access-control-allow-origin", "*", "https://a.example", Basis.INFERRED),
    ],
)
def test_of_two_values_that_differ_nobody_knows_which_one_counts(
    name: str, first: str, second: str, basis: Basis
) -> None:
    twice = answer(headers={name: first}, more=[(name.title(), second)])
    assert _told(twice) == [("single_fields_come_once", basis)]


def test_two_dates_a_second_apart_are_those_of_two_servers_on_the_way() -> None:
    dates = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT")
    near = answer(headers={"date": dates[0]}, more=[("Date", dates[1])])
    far = answer(headers={"date": dates[0]}, more=[("Date", _LATE)])
    odd = answer(headers={"date": dates[0]}, more=[("Date", "soon")])
    bases = [_of("single_fields_come_once", one)[0].basis for one in (near, far, odd)]
    assert bases == [Basis.INFERRED, Basis.RFC, Basis.RFC]


@pytest.mark.parametrize(
    "value",
    [
        *("json", "application/", "application/json, application/json", "application json"),
        *("application/json; charset", "application/json; charset =utf-8", 'a/b; c="d'),
    ],
)
def test_a_content_type_that_cannot_be_taken_apart_is_a_violation(value: str) -> None:
    found = _of("content_type_is_well_formed", _with(content_type=value))
    assert [f.basis for f in found] == [Basis.RFC]


def test_each_of_several_content_types_is_looked_at() -> None:
    twice = answer(more=[("Content-Type", "json")])
    assert [f.found for f in _of("content_type_is_well_formed", twice)] == ["'json'"]
    loose = "application/json; profile=https://a.example"
    found = _of(
        "content_type_is_well_formed",
        answer(headers={"content-type": loose}, more=[("Content-Type", "json")]),
    )
    assert [f.basis for f in found] == [Basis.INFERRED, Basis.RFC]


def test_a_parameter_that_lacks_its_quotes_is_our_reading_only() -> None:
    kind = "application/json; profile=https://example.com/v1"
    assert _told(_with(content_type=kind)) == [("content_type_is_well_formed", Basis.INFERRED)]


@pytest.mark.parametrize(
    "value",
    [
        *("", "now", "2026-09-21T14:13:20Z", "1790000000", "Sun Nov  6 08:49:37 1994"),
        *("Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC"),
        *("Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Dec 2016 23:59:60 GMT"),
        *("Sun, 06 Nov 1994 08:49:37 +0000", "Wed, 30 Feb 1994 08:49:37 GMT", "x" * 60_000),
    ],
    ids=lambda value: value[:30],
)
def test_a_date_in_another_form_is_a_violation(value: str) -> None:
    assert _told(_with(date=value)) == [("dates_have_the_one_form", Basis.RFC)]


@pytest.mark.parametrize(
    "exchange",
    [
        answer(headers={"date": None}, method="QUERY", code=400),
        not_found(headers={"date": None}, code=400, subject=Subject.MALFORMED, job_id="%00"),
        answer({}, 500, headers={"date": None}),
    ],
    ids=["a method of its own", "a hostile id", "a server error"],
)
def test_what_a_parser_refuses_by_itself_needs_no_date(exchange: Exchange) -> None:
    found = said(trace(exchange, baseline=not_found()))
    assert "every_answer_has_its_date" not in {f.check for f in found}


def test_a_gate_that_limits_the_rate_needs_no_clock() -> None:
    throttled = answer({"error": "slow down"}, 429, headers={"retry-after": "5", "date": None})
    found = said(trace(throttled, baseline=not_found()))
    assert "every_answer_has_its_date" not in {f.check for f in found}


def test_a_clock_that_one_answer_shows_was_there_for_the_next_one() -> None:
    found = said(trace(answer(at=NOW - 5), _with(date=None)))
    assert [f.check for f in found] == ["every_answer_has_its_date"]


@pytest.mark.parametrize("tag", ["", "W/8a7f", 'w/"1"', '"1', '"a b"', '"1"-gzip', '""1""', "*"])
def test_a_tag_that_cannot_be_sent_back_is_a_violation(tag: str) -> None:
    assert _told(_with(etag=tag)) == [("entity_tag_is_well_formed", Basis.RFC)]


@pytest.mark.parametrize("value", ["", "en", "de-CH-1901", "i-klingon", "mi, en"])
def test_tags_of_languages_are_right(value: str) -> None:
    assert _told(_with(content_language=value)) == []


@pytest.mark.parametrize("value", ["english", "e", "en;q=1", "de_DE.UTF-8", "*", "x", '"en'])
def test_what_is_no_tag_of_a_language_is_a_violation(value: str) -> None:
    found = _told(_with(content_language=value))
    # Eight letters may be a language that is yet to be registered.
    assert found == ([] if value == "english" else [("content_language_is_well_formed", Basis.RFC)])


@pytest.mark.parametrize(
    "value",
    ["<a", "http://a b", "/ä".encode().decode("latin-1"), "/a%2", "/a\\b", "/{id}", "a#b#c"],
)
def test_what_is_no_uri_is_a_violation(value: str) -> None:
    assert _told(_with(location=value)) == [("uri_fields_are_references", Basis.RFC)]


@pytest.mark.parametrize("value", ["", "?page=2", "../a", "https://user@[::1]/a;b=c,d", "#x"])
def test_each_sort_of_reference_is_right(value: str) -> None:
    assert _told(_with(location=value)) == []


@pytest.mark.parametrize(
    "value", ["<a>", "<a>; title=x", "<a> rel=x", "<a>; rel=x y", "a", '<a>; rel="x', "<a b>;rel=x"]
)
def test_a_link_without_a_target_or_a_relation_is_a_violation(value: str) -> None:
    assert _told(_with(link=value)) == [("link_is_well_formed", Basis.RFC)]


@pytest.mark.parametrize("value", ["", ", ", "<a>;REL=x;;", "<>;rel=x;crossorigin"])
def test_each_sort_of_link_is_right(value: str) -> None:
    assert _told(_with(link=value)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("allow", "GET HEAD"), ("allow", '["GET"]'), ("vary", "Accept; Origin"), ("vary", '"a')],
)
def test_names_that_are_no_list_are_a_violation(name: str, value: str) -> None:
    assert _told(_with(**{name: value})) == [("listed_names_are_names", Basis.RFC)]


@pytest.mark.parametrize(
    "value", ["", "1.5", "1s", "soon", "Sun, 06 Nov 1994 08:49:37", "0x1", "+1"]
)
def test_a_retry_after_that_no_client_can_read_is_a_violation(value: str) -> None:
    assert _told(_with(retry_after=value)) == [("retry_after_is_well_formed", Basis.INFERRED)]


@pytest.mark.parametrize(
    "challenge",
    [
        *("", 'realm="api"', 'Bearer realm="api', "Bearer realm=the api", ", ,", '"Bearer"'),
        *('Bearer realm="a", realm="b"', 'Basic realm=a, Bearer scope=b, Scope=""'),
        *('Bearer error="x" error_description="y"', "Bearer: realm=x", "Bearer {'a': 1}"),
    ],
)
def test_a_challenge_that_cannot_be_taken_apart_is_a_violation(challenge: str) -> None:
    found = said(trace(_refusal(challenge)), Kind.VIOLATION)
    assert [(f.check, f.basis) for f in found] == [("challenge_is_well_formed", Basis.RFC)]


@pytest.mark.parametrize(
    "challenge",
    [
        *("Bearer", "bearer realm=api", 'Bearer realm="a \\" b", Negotiate', "Bearer , ,"),
        'Basic realm="a", Bearer realm="a"',
        *('Newauth realm="apps", type=1, title="x, y", Bearer realm="z"', "Bearer abc=="),
    ],
)
def test_each_sort_of_challenge_is_right(challenge: str) -> None:
    assert said(trace(_refusal(challenge)), Kind.VIOLATION) == ()


@pytest.mark.parametrize("others", [[], ["basic"], ["api_key"]])
def test_where_any_other_scheme_lets_in_the_challenge_may_name_that_one(others: list[str]) -> None:
    operation = api().operation
    ((bearer,), *_) = operation.security.alternatives
    more = [(replace(bearer, kind=SecurityKind(kind)),) for kind in others]
    security = replace(operation.security, alternatives=((bearer,), *more))
    of = replace(api(), operation=replace(operation, security=security))
    found = {f.check for f in said(trace(_refusal('Basic realm="api"'), of=of), Kind.VIOLATION)}
    assert found == (set() if others else {"challenge_names_documented_scheme"})


def test_an_invalid_token_may_be_called_invalid() -> None:
    told = {"www-authenticate": 'Bearer error="invalid_token", error_description="expired"'}
    seen = answer({"error": "no"}, 401, credential=Credential.INVALID, headers=told)
    assert said(trace(seen), Kind.VIOLATION) == ()


@pytest.mark.parametrize("manner", [Manner.EMPTY, Manner.BLANK, Manner.IN_QUERY, Manner.IN_COOKIE])
def test_what_came_in_a_token_s_place_may_be_called_invalid(manner: Manner) -> None:
    seen = trace(_refusal('Bearer error="invalid_token"', manner=manner))
    assert said(seen, Kind.VIOLATION) == ()


@pytest.mark.parametrize(
    ("kinds", "basis"),
    [
        (["bearer"], Basis.RFC),
        (["basic", "bearer"], Basis.RFC),
        (["api_key"], Basis.INFERRED),
        (["bearer", "api_key"], Basis.INFERRED),
        ([], Basis.INFERRED),
    ],
)
def test_a_refusal_without_a_challenge_breaks_a_must_where_schemes_are_http_s(
    kinds: list[str], basis: Basis
) -> None:
    operation = api().operation
    ((bearer,), *_) = operation.security.alternatives
    alternatives = [(replace(bearer, kind=SecurityKind(kind)),) for kind in kinds]
    security = replace(operation.security, alternatives=alternatives)
    of = replace(api(), operation=replace(operation, security=security))
    found = said(trace(_refusal(None), of=of), Kind.VIOLATION)
    assert {(f.check, f.basis) for f in found} == {("refusal_has_challenge", basis)}


@pytest.mark.parametrize("code", [200, 400, 403, 404, 407])
def test_beside_another_code_a_challenge_is_held_to_its_form_alone(code: int) -> None:
    for told in ('Bearer error="invalid_token"', "Basic"):
        headers = {"www-authenticate": told}
        seen = answer({"error": "no"}, code, credential=Credential.NONE, headers=headers)
        assert not {f.check for f in said(trace(seen)) if f.check.startswith("challenge")}


@pytest.mark.parametrize("sign", [";", ",", '"', " ", "\\", "<", "a=", ", a", "; ", "%2"])
@pytest.mark.parametrize("name", ["content-type", "link", "www-authenticate", "cache-control"])
def test_long_values_cost_no_more_than_their_length(name: str, sign: str) -> None:
    # Were a pattern to look twice at a sign, this would not end.
    seen = trace(answer({"e": 1}, 401, headers={name: f"a/b {sign * 20_000}\x01"}))
    assert {f.check for f in said(seen)}


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", False),
        ("0", False),
        ("-1", False),
        ("2026-11-30T10:00:00Z", True),
        ("Sun Nov  6 08:49:37 1994", True),
        ("never", True),
    ],
)
def test_an_expiry_in_another_form_means_expired_and_is_a_matter_of_form(
    stated: str, told: bool
) -> None:
    found = said(trace(answer(headers={"expires": stated})))
    assert [(f.check, f.basis) for f in found] == (
        [("dates_have_the_one_form", Basis.INFERRED)] if told else []
    )
