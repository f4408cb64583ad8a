"""
Caches: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.builders import NOW, answer, job, links, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Credential, Exchange
from jobproof.contract.model.finding import Basis, Kind
from jobproof.contract.model.manners.manner import Manner


def _tagged(tag: str, body: Any = None, *, at: float = NOW, **kwargs: Any) -> Exchange:
    return answer(body, at=at, headers={"etag": tag}, **kwargs)


def _unchanged(tag: str, given: str | None = "", **headers: str) -> Exchange:
    shown = {"etag": tag if given == "" else given, "content-type": None, **headers}
    return answer(b"", 304, sent={"If-None-Match": tag}, headers=shown)


def _coded(stated: str, **headers: str) -> Exchange:
    coded = {"cache-control": stated, "content-encoding": "gzip", **headers}
    return answer(headers=coded)


_KEPT = {"cache-control": "private, max-age=3", "vary": "Authorization"}


def _kept(**headers: str) -> Exchange:
    return answer(at=NOW - 5, headers={"etag": '"1"', **_KEPT, **headers})


def _asked(condition: str, code: int, tag: str = '"1"') -> Exchange:
    body = b"" if code == 304 else None
    return answer(body, code, sent={"If-None-Match": condition}, headers={"etag": tag})


CASES = {
    "private_answer_is_not_public": Case(
        accepts=trace(answer(headers={"cache-control": "private, max-age=5"})),
        rejects=trace(answer(headers={"cache-control": "public, max-age=5"})),
        at="header:cache-control",
    ),
    "entity_tag_changes_with_body": Case(
        accepts=trace(_tagged('"1"', job("processing"), at=NOW - 5), _tagged('"2"')),
        rejects=trace(_tagged('"1"', job("processing"), at=NOW - 5), _tagged('"1"')),
        at="header:etag",
    ),
    "not_modified_means_unchanged": Case(
        accepts=trace(
            _tagged('"1"', job("processing"), at=NOW - 9),
            _tagged('"2"', at=NOW - 5),
            _unchanged('"2"'),
        ),
        rejects=trace(
            _tagged('"1"', job("processing"), at=NOW - 9),
            _tagged('"2"', at=NOW - 5),
            _unchanged('"1"'),
        ),
        at="code",
    ),
    "age_is_within_freshness": Case(
        accepts=trace(answer(headers={"age": "9", "cache-control": "private, max-age=10"})),
        rejects=trace(answer(headers={"age": "90", "cache-control": "private, max-age=10"})),
        at="header:age",
    ),
    "age_is_whole_seconds": Case(
        accepts=trace(answer(headers={"age": "007", "cache-control": "private, max-age=10"})),
        rejects=trace(answer(headers={"age": "1.5", "cache-control": "private, max-age=10"})),
        at="header:age",
    ),
    "cache_control_is_well_formed": Case(
        accepts=trace(answer(headers={"cache-control": 'private="set-cookie, x", , max-age=05'})),
        rejects=trace(answer(headers={"cache-control": "private, max-age=-1"})),
        at="header:cache-control",
    ),
    "coded_answer_varies": Case(
        accepts=trace(_coded("private, max-age=60", vary="Origin, accept-encoding")),
        rejects=trace(_coded("private, max-age=60", vary="Origin")),
        at="header:vary",
    ),
    "not_modified_repeats_the_tag": Case(
        accepts=trace(_tagged('"1"', at=NOW - 5), _unchanged('"1"', given='W/"1"')),
        rejects=trace(_tagged('"1"', at=NOW - 5), _unchanged('"1"', given='"2"')),
        at="header:etag",
    ),
    "not_modified_repeats_the_rest": Case(
        accepts=trace(_kept(vary="Authorization, Accept-Encoding"), _unchanged('"1"', **_KEPT)),
        rejects=trace(
            _kept(vary="Authorization, X-Org"),
            _unchanged('"1"', **{**_KEPT, "vary": "authorization"}),
        ),
        at="header:vary",
    ),
    "condition_is_read_in_every_form": Case(
        accepts=trace(_tagged('"1"', at=NOW - 5), _unchanged('"1"'), _asked("*", 304)),
        rejects=trace(_tagged('"1"', at=NOW - 5), _unchanged('"1"'), _asked("*", 200)),
        at="code",
    ),
    "not_modified_has_true_length": Case(
        accepts=trace(
            _tagged('"1"', at=NOW - 5),
            _unchanged('"1"', **{"content-length": str(len(json.dumps(job())))}),
        ),
        rejects=trace(_tagged('"1"', at=NOW - 5), _unchanged('"1"', **{"content-length": "7"})),
        at="header:content-length",
    ),
}


@pytest.mark.parametrize(
    "stated", ["no-store", "private", "no-store, public", "private, s-maxage=0", "Max-Age=0", ""]
)
def test_what_keeps_an_answer_out_of_shared_caches_is_right(stated: str) -> None:
    assert said(trace(answer(headers={"cache-control": stated}))) == ()


@pytest.mark.parametrize(
    ("age", "stated", "found"),
    [
        ("0000000000090", "private, max-age=10", "90 s"),
        ("90", "private, max-age=0000000000010", "90 s"),
        ("9" * 5_000, "private, max-age=10", f"{2**31} s"),
        ("90", "private, max-age=\u0669\u0669", "90 s"),
        ("90", "private, max-age=" + "9" * 5_000, None),
        ("\u00b2\u00b2", "private", None),
        ("9_0", "private", None),
    ],
    ids=lambda text: str(text)[:30],
)
def test_ages_are_counted_in_digits_alone(age: str, stated: str, found: str | None) -> None:
    seen = trace(answer(headers={"age": age, "cache-control": stated}))
    told = [f.found for f in said(seen) if f.check == "age_is_within_freshness"]
    assert told == ([] if found is None else [found])


@pytest.mark.parametrize("stated", ["PUBLIC", "max-age=9, s-maxage=9", 'public="x"'])
def test_what_invites_shared_caches_is_a_violation(stated: str) -> None:
    seen = trace(answer(headers={"cache-control": stated}))
    assert [f.check for f in said(seen)] == ["private_answer_is_not_public"]


def test_a_public_refusal_gives_nothing_away() -> None:
    refusal = answer(
        {"error": "no"}, 401, credential=Credential.NONE, headers={"cache-control": "public"}
    )
    assert "private_answer_is_not_public" not in {f.check for f in said(trace(refusal))}


def test_a_weak_tag_may_stand_while_signatures_change() -> None:
    first = _tagged('W/"1"', job(result={"urls": links(signed="a")}), at=NOW - 5)
    second = _tagged('W/"1"', job(result={"urls": links(signed="b")}))
    assert said(trace(first, second)) == ()


def test_a_weak_tag_may_not_stand_while_the_status_changes() -> None:
    first, second = _tagged('W/"1"', job("processing"), at=NOW - 5), _tagged('W/"1"')
    assert [f.check for f in said(trace(first, second))] == ["entity_tag_changes_with_body"]


def test_a_weak_tag_means_unchanged_while_only_signatures_change() -> None:
    seen = trace(
        _tagged('W/"1"', job(result={"urls": links(signed="a")}), at=NOW - 9),
        _tagged('W/"2"', job(result={"urls": links(signed="b")}), at=NOW - 5),
        _unchanged('W/"1"'),
    )
    assert said(seen) == ()


@pytest.mark.parametrize(
    ("age", "stated"),
    [
        ("0", ""),
        ("1", "no-cache"),
        ("1", "max-age=0"),
        ("61", "max-age=60"),
        ("70", "max-age=60, stale-while-revalidate=30"),
        ("70", "max-age=60, stale-if-error=86400"),
        ("-5", "max-age=1"),
        ("\u00b2", "max-age=1"),
        ("9" * 5000, "max-age=" + "9" * 5000),
    ],
)
def test_an_age_that_is_allowed_or_unreadable_is_no_staleness(age: str, stated: str) -> None:
    found = said(trace(answer(headers={"age": age, "cache-control": stated})))
    assert {f.check for f in found} <= {"age_is_whole_seconds"}


@pytest.mark.parametrize(
    ("age", "stated"),
    [("30", ""), ("30", "no-store"), ("2", "max-age=0"), ("62", "max-age=60"), ("9" * 5000, "")],
)
def test_an_answer_kept_without_leave_is_a_violation(age: str, stated: str) -> None:
    seen = trace(answer(headers={"age": age, "cache-control": stated}))
    assert [f.check for f in said(seen)] == ["age_is_within_freshness"]


@pytest.mark.parametrize(("late_s", "found"), [(0.0009, 1), (0.002, 0)])
def test_bodies_that_overlap_by_a_clocks_grain_are_in_order(late_s: float, found: int) -> None:
    seen = trace(
        _tagged('"1"', job("processing"), at=NOW - 10, elapsed_s=1 + late_s),
        _tagged('"2"', at=NOW - 9),
        _unchanged('"1"'),
    )
    named = [f for f in said(seen) if f.check == "not_modified_means_unchanged"]
    assert len(named) == found


def test_a_304_is_right_although_a_replica_that_was_behind_has_spoken_last() -> None:
    known = _tagged('"2"', job("completed"), at=NOW - 12)
    seen = (known, _tagged('"1"', job("queued"), at=NOW - 11), _unchanged('"2"'))
    assert _NOT_MODIFIED not in {f.check for f in said(trace(*seen, staleness_s=2.0))}
    assert _NOT_MODIFIED in {f.check for f in said(trace(*seen))}


@pytest.mark.parametrize(
    ("between", "is_wrong"), [("intermediate-complete", False), ("completed", True)]
)
def test_a_304_is_right_for_a_job_that_may_have_come_back_to_where_it_was(
    between: str, is_wrong: bool
) -> None:
    seen = (_tagged('"1"', job("sampling"), at=NOW - 9), _tagged('"2"', job(between), at=NOW - 5))
    found = {f.check for f in said(trace(*seen, _unchanged('"1"')))}
    assert (_NOT_MODIFIED in found) is is_wrong


@pytest.mark.parametrize(
    ("shown", "is_wrong"),
    [(links(3)[::-1], False), (links(3, signed="b"), False), (links(2), True)],
)
def test_a_304_is_right_for_links_that_replicas_write_by_turns(
    shown: list[str], is_wrong: bool
) -> None:
    seen = (
        _tagged('"1"', job(result={"urls": links(3)}), at=NOW - 9),
        _tagged('"2"', job(result={"urls": shown}), at=NOW - 5),
    )
    found = {f.check for f in said(trace(*seen, _unchanged('"1"')))}
    assert (_NOT_MODIFIED in found) is is_wrong


_NOT_MODIFIED = "not_modified_means_unchanged"


@pytest.mark.parametrize(
    ("whole", "short", "pointers"),
    [
        (_KEPT, _KEPT, set()),
        (_KEPT, {"vary": "*", "cache-control": "no-cache"}, set()),
        (_KEPT, {"vary": "Authorization"}, {"header:cache-control"}),
        (_KEPT, {"cache-control": "private"}, {"header:vary"}),
        (_KEPT, {}, {"header:cache-control", "header:vary"}),
        ({"vary": "Accept-Encoding, Origin"}, {}, set()),
        ({"cache-control": "no-cache, no-store, max-age=0", "expires": "0"}, {}, set()),
        ({"cache-control": "private", "expires": "0"}, {"cache-control": "private"}, set()),
        ({"expires": "Sun, 06 Nov 1994 08:49:37 GMT"}, {}, {"header:expires"}),
        ({"content-location": "/v1/jobs/1"}, {}, {"header:content-location"}),
        ({}, _KEPT, set()),
    ],
)
def test_304_leaves_out_nothing_that_caches_live_by(
    whole: dict[str, str], short: dict[str, str], pointers: set[str]
) -> None:
    known = answer(at=NOW - 5, headers={"etag": '"1"', **whole})
    found = said(trace(known, _unchanged('"1"', **short)), Kind.VIOLATION)
    rest = [one for one in found if one.check == "not_modified_repeats_the_rest"]
    assert {one.pointer for one in rest} == pointers
    assert all(one.basis is Basis.RFC for one in rest)


def test_what_a_page_was_told_beside_needn_t_be_in_a_304() -> None:
    known = answer(at=NOW - 5, headers={"etag": '"1"', **_KEPT}, manner=Manner.ORIGIN)
    assert said(trace(known, _unchanged('"1"'))) == ()


@pytest.mark.parametrize("asked", ["*", '"0", "1"', 'W/"1"', '"0", W/"1"', '"0","1" , "2"'])
def test_a_tag_that_is_known_alone_is_known_in_every_form(asked: str) -> None:
    seen = (_tagged('"1"', at=NOW - 5), _unchanged('"1"'))
    check = "condition_is_read_in_every_form"
    assert check in {f.check for f in said(trace(*seen, _asked(asked, 200)))}
    assert check not in {f.check for f in said(trace(*seen, _asked(asked, 304)))}


@pytest.mark.parametrize(
    ("before", "asked", "tag"),
    [
        # Nothing says that it reads conditions at all.
        ([], "*", '"1"'),
        ([_unchanged('"1"')], '"0", "2"', '"1"'),
        # It has changed in between.
        ([_unchanged('"1"')], '"0", "1"', '"2"'),
        ([_unchanged('"1"')], "*", '"2"'),
        # Alone it got a 304 and gets none: the tag of another coding, or another instance.
        ([_unchanged('"1"')], '"1"', '"1"'),
        ([_unchanged("1")], "*", "1"),
    ],
)
def test_what_tells_nothing_of_the_forms_of_a_condition(
    before: list[Exchange], asked: str, tag: str
) -> None:
    lived = trace(_tagged('"1"', at=NOW - 5), *before, _asked(asked, 200, tag))
    assert "condition_is_read_in_every_form" not in {f.check for f in said(lived)}
