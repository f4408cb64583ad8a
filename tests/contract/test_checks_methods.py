"""
Other methods: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import MISSING, NOW, answer, api, job, links, not_found, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Credential, Exchange, Response, Subject
from jobproof.contract.model.finding import Basis, Kind

_FRESH: dict[str, Any] = {"job_id": MISSING, "subject": Subject.MISSING}

_ONE = {"content-length": "1", "etag": '"1"'}
_TWO = {"content-length": "2", "etag": '"2"'}

CASES = {
    "unlisted_method_is_refused": Case(
        accepts=trace(answer(b"", 405, method="POST", headers={"allow": "GET, HEAD"}, **_FRESH)),
        rejects=trace(answer(b"", 204, method="DELETE", **_FRESH)),
        at="code",
    ),
    "refused_method_lists_allowed": Case(
        accepts=trace(answer(b"", 405, method="POST", headers={"Allow": "GET"}, **_FRESH)),
        rejects=trace(answer(b"", 405, method="POST", **_FRESH)),
        at="header:allow",
    ),
    "refused_method_is_not_allowed": Case(
        accepts=trace(answer(b"", 405, method="PATCH", headers={"allow": "get, head"}, **_FRESH)),
        rejects=trace(answer(b"", 405, method="HEAD", headers={"allow": "GET, HEAD"}, **_FRESH)),
        at="header:allow",
    ),
    "refusal_allows_what_there_is": Case(
        accepts=trace(answer(b"", 405, method="TRACE", headers={"allow": "OPTIONS"}, **_FRESH)),
        rejects=trace(answer(b"", 405, method="POST", headers={"allow": "HEAD"}, **_FRESH)),
        at="header:allow",
    ),
    "options_lists_true_methods": Case(
        accepts=trace(
            answer(b"", 204, method="OPTIONS", headers={"allow": "OPTIONS, GET, HEAD"}, **_FRESH)
        ),
        rejects=trace(
            answer(b"", 204, method="OPTIONS", headers={"allow": "GET, DELETE"}, **_FRESH)
        ),
        at="header:allow",
    ),
    "head_is_answered": Case(
        accepts=trace(answer(at=NOW - 5), answer(method="HEAD")),
        rejects=trace(
            answer(at=NOW - 5), answer(code=405, method="HEAD", headers={"allow": "GET"})
        ),
        at="code",
    ),
    "head_matches_get": Case(
        accepts=trace(
            answer(at=NOW - 5, headers={"content-length": "216"}),
            answer(method="HEAD", headers={"content-type": None}),
        ),
        rejects=trace(answer(at=NOW - 5), answer(code=404, method="HEAD")),
        at="code",
    ),
}


def _twice(*args: Any, **kwargs: Any) -> tuple[Exchange, Exchange]:
    return answer(*args, at=NOW - 6, **kwargs), answer(*args, at=NOW - 5, **kwargs)


@pytest.mark.parametrize(("method", "basis"), [("TRACE", Basis.INFERRED), ("POST", Basis.RFC)])
def test_what_stops_trace_at_the_door_is_not_the_api(method: str, basis: Basis) -> None:
    (finding,) = said(trace(answer(b"", 405, method=method, **_FRESH)))
    assert (finding.check, finding.basis) == ("refused_method_lists_allowed", basis)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 501])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"])
def test_each_way_of_refusing_a_method_is_right(method: str, code: int) -> None:
    seen = answer(b"", code, method=method, headers={"allow": "GET"}, **_FRESH)
    assert said(trace(seen)) == ()


def test_what_a_browser_may_do_is_another_matter() -> None:
    headers = {"access-control-allow-methods": "GET, DELETE", "access-control-allow-origin": "*"}
    assert said(trace(answer(b"", 204, method="OPTIONS", headers=headers, **_FRESH))) == ()


@pytest.mark.parametrize(
    ("name", "was", "told", "place"),
    [
        ("content-length", "216", "0", "header:content-length"),
        ("etag", '"1"', '"2"', "header:etag"),
        ("content-type", "application/json", "text/html", "header:content-type"),
    ],
)
def test_a_head_that_differs_from_get_is_a_violation(
    name: str, was: str, told: str, place: str
) -> None:
    head = answer(method="HEAD", headers={name: told})
    seen = trace(*_twice(headers={name: was}), head)
    assert [(f.check, f.pointer) for f in said(seen)] == [("head_matches_get", place)]


@pytest.mark.parametrize("name", ["content-length", "etag"])
def test_whether_each_answer_is_another_one_get_alone_does_not_tell(name: str) -> None:
    get = answer(at=NOW - 5, headers={name: _ONE[name]})
    head = answer(method="HEAD", headers={name: _TWO[name]})
    assert said(trace(get, head)) == ()


@pytest.mark.parametrize("name", ["content-length", "etag"])
@pytest.mark.parametrize(("views", "found"), [(7, False), (None, True)])
def test_a_head_may_differ_where_the_job_holds_what_may_change_at_any_time(
    name: str, views: int | None, *, found: bool
) -> None:
    profile = api().profile.model_copy(update={"volatile": ("/result/views",)})
    counting = replace(api(), profile=profile)
    seen = job(result={**job()["result"], **({} if views is None else {"views": views})})
    gets = _twice(seen, headers={name: _ONE[name]})
    judged = trace(*gets, answer(method="HEAD", headers={name: _TWO[name]}), of=counting)
    assert ("head_matches_get" in {f.check for f in said(judged)}) is found


@pytest.mark.parametrize("name", ["content-length", "etag"])
def test_a_head_may_differ_while_the_job_moves(name: str) -> None:
    seen = trace(
        *_twice(job("processing"), headers={name: _ONE[name]}),
        answer(method="HEAD", headers={name: _TWO[name]}),
    )
    assert said(seen) == ()


@pytest.mark.parametrize("name", ["content-length", "etag"])
def test_a_head_may_differ_where_links_are_signed_anew_each_time(name: str) -> None:
    signed = job(result={"urls": links(signed="a")})
    seen = trace(
        *_twice(signed, headers={name: _ONE[name]}),
        answer(method="HEAD", headers={name: _TWO[name]}),
    )
    assert said(seen) == ()


def test_a_compressed_job_may_have_another_length_each_time() -> None:
    coded = {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    seen = trace(
        *_twice(headers={**coded, "content-length": "222"}),
        answer(method="HEAD", headers={**coded, "content-length": "236"}),
    )
    assert said(seen) == ()


@pytest.mark.parametrize("name", ["content-length", "etag"])
def test_a_head_of_the_compressed_job_is_not_compared_with_a_plain_get(name: str) -> None:
    seen = trace(
        *_twice(headers={name: _ONE[name]}),
        answer(method="HEAD", headers={name: _TWO[name], "content-encoding": "gzip"}),
    )
    assert said(seen) == ()


@pytest.mark.parametrize("code", [429, 503])
def test_a_head_that_is_throttled_says_nothing_about_get(code: int) -> None:
    seen = trace(answer(at=NOW - 5), answer(code=code, method="HEAD", headers={"retry-after": "5"}))
    assert "head_matches_get" not in {f.check for f in said(seen)}


@pytest.mark.parametrize(
    ("first", "head"),
    [
        (
            answer(job("processing"), at=NOW - 2),
            answer(method="HEAD", headers={"etag": _TWO["etag"]}),
        ),
        (answer({"error": "none"}, 404, at=NOW - 2), answer(code=404, method="HEAD")),
    ],
    ids=["another state", "not there yet"],
)
def test_a_head_may_come_from_a_replica_that_is_behind(first: Exchange, head: Exchange) -> None:
    gets = [answer(at=NOW - ago_s, headers={"etag": _ONE["etag"]}) for ago_s in (1, 0.8)]
    asked = (first, *gets, head)
    assert "head_matches_get" not in {f.check for f in said(trace(*asked, staleness_s=1.5))}
    for too_short in (0.0, 0.5):
        found = {f.check for f in said(trace(*asked, staleness_s=too_short))}
        assert "head_matches_get" in found


def test_a_head_is_held_to_the_first_state_that_was_seen_once_every_replica_knows_it() -> None:
    head = answer(method="HEAD", headers={"etag": '"2"'})
    for ago_s, found in ((9, []), (11, ["head_matches_get"])):
        gets = [answer(at=NOW - s, headers={"etag": '"1"'}) for s in (ago_s, ago_s - 1)]
        assert [f.check for f in said(trace(*gets, head, staleness_s=10.0))] == found


def test_a_head_may_find_the_job_that_a_replica_did_not_know_when_it_was_first_asked_for() -> None:
    first, head = answer({"error": "none"}, 404, at=NOW - 20), answer(method="HEAD")
    assert said(trace(first, head, staleness_s=2.0)) == ()
    assert [f.check for f in said(trace(first, head))] == ["head_matches_get"]


def test_heads_and_gets_of_different_askers_are_not_compared() -> None:
    seen = trace(
        answer({"error": "no"}, 401, at=NOW - 5, credential=Credential.NONE),
        answer(method="HEAD"),
    )
    assert said(seen) == ()


def test_a_missing_head_is_our_reading_only() -> None:
    seen = trace(answer(at=NOW - 5), answer(code=501, method="HEAD"))
    assert [(f.check, f.basis) for f in said(seen)] == [("head_is_answered", Basis.INFERRED)]


def test_a_head_of_an_unknown_id_is_held_to_its_get() -> None:
    seen = trace(not_found(at=NOW - 5), answer(method="HEAD", **_FRESH))
    assert [f.check for f in said(seen)] == ["head_matches_get"]


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_a_get_that_tells_of_the_moment_is_nothing_to_compare_a_head_with(code: int) -> None:
    refused = answer({"error": "later"}, code, at=NOW - 3, headers={"retry-after": "1"})
    head = answer(method="HEAD")
    assert "head_matches_get" not in {f.check for f in said(trace(refused, head))}
    # The GET before it still is.
    differs = trace(answer(at=NOW - 9), refused, answer(code=404, method="HEAD"))
    assert "head_matches_get" in {f.check for f in said(differs)}


@pytest.mark.parametrize("code", [408, 425, 500])
def test_a_head_that_tells_of_the_moment_is_not_compared(code: int) -> None:
    found = said(trace(answer(at=NOW - 5), answer(code=code, method="HEAD")))
    assert "head_matches_get" not in {f.check for f in found}


@pytest.mark.parametrize("name", ["content-length", "etag", "content-type"])
def test_a_head_is_held_to_what_two_gets_agree_on(name: str) -> None:
    values = {"content-length": ("98", "99", "100"), "etag": ('"a"', '"b"', '"c"')}
    first, second, told = values.get(name, ("application/json", "text/json", "application/json"))
    gets = [answer(at=NOW - 9, headers={name: first}), answer(at=NOW - 5, headers={name: second})]
    found = said(trace(*gets, answer(method="HEAD", headers={name: told})))
    assert "head_matches_get" not in {f.check for f in found}


@pytest.mark.parametrize("name", ["content-length", "etag"])
def test_a_head_may_differ_where_each_body_does(name: str) -> None:
    gets = [
        answer(job(views=views), at=NOW - 9 + views, headers={name: _ONE[name]})
        for views in range(2)
    ]
    found = said(trace(*gets, answer(method="HEAD", headers={name: _TWO[name]})))
    assert "head_matches_get" not in {f.check for f in found}


@pytest.mark.parametrize("name", ["content-length", "etag"])
def test_a_head_that_differs_from_two_gets_alike_is_a_violation(name: str) -> None:
    gets = [answer(at=NOW - at, headers={name: _ONE[name]}) for at in (9, 5)]
    found = said(trace(*gets, answer(method="HEAD", headers={name: _TWO[name]})))
    assert [(f.check, f.pointer) for f in found] == [("head_matches_get", f"header:{name}")]


def test_gets_of_another_state_are_nothing_to_agree_with() -> None:
    gets = [
        answer(job("processing"), at=NOW - 9, headers={"etag": '"1"'}),
        *_twice(headers={"etag": '"2"'}),
    ]
    found = said(trace(*gets, answer(method="HEAD", headers={"etag": '"1"'})))
    assert [f.check for f in found] == ["head_matches_get"]


def test_an_allow_that_lists_nothing_may_mean_out_of_use_for_a_while() -> None:
    seen = trace(answer(b"", 405, method="POST", headers={"allow": " ,"}, **_FRESH))
    assert [(f.check, f.basis) for f in said(seen)] == [
        ("refusal_allows_what_there_is", Basis.INFERRED)
    ]


def test_a_head_is_compared_with_no_get_whose_head_was_left_out() -> None:
    get = answer(at=NOW - 5)
    assert isinstance(get.answer, Response)
    unknown = replace(get, answer=replace(get.answer, headers=(), has_all_headers=False))
    for told in ({"content-type": "text/html"}, {"etag": '"2"'}):
        assert said(trace(unknown, answer(method="HEAD", headers=told)), Kind.VIOLATION) == ()


@pytest.mark.parametrize("name", ["content-length", "etag"])
@pytest.mark.parametrize("subject", [Subject.MISSING, Subject.FOREIGN])
def test_a_head_of_no_job_of_ones_own_may_be_another_long(name: str, subject: Subject) -> None:
    asked: dict[str, Any] = {"subject": subject, "job_id": MISSING}
    seen = trace(
        not_found(at=NOW - 5, headers={name: _ONE[name]}, **asked),
        answer(code=404, method="HEAD", headers={name: _TWO[name]}, **asked),
    )
    assert said(seen, Kind.VIOLATION) == ()


def test_one_signed_link_among_others_lets_a_body_change() -> None:
    urls = [*links(), *links(signed="a")]
    for order in (urls, urls[::-1]):
        get = answer(job(result={"urls": order}), at=NOW - 5, headers={"etag": '"1"'})
        assert said(trace(get, answer(method="HEAD", headers={"etag": '"2"'}))) == ()
