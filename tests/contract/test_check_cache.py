"""
What is known of an answer that comes again is what every check would say of it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.builders import ENDED, JOB, NOW, answer, api, job, not_found, trace
from tests.contract.lives import exchanges

from jobproof.contract.judging.judge import CRASHED, Judge
from jobproof.contract.model.check import Check, Facet, check
from jobproof.contract.model.exchange import Exchange, Response, Subject
from jobproof.contract.model.finding import Basis, Finding, Remark, violation
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import load_checks

_SIGHTS = 10
_AT_FIRST = 4
"""Runs before a check is known: the first sight, the second, and two more to learn by."""


class _Counting:
    """
    A check of ours that says what it is told to, and how often it was asked.
    """

    def __init__(self, look: Callable[[Trace], Any], *, of: str = "body") -> None:
        self.runs = 0

        def it_looks(trace: Trace) -> Iterator[Remark]:
            """
            It looks.
            """
            self.runs += 1
            found = look(trace)
            if of == "body":
                yield violation("body", found=found)

        made = check(basis=Basis.RFC, source="a test of ours", about=Facet.EXCHANGE)
        self.check: Check = made(it_looks)


def _sights(counting: _Counting, seen: Callable[[int], Trace]) -> list[tuple[Finding, ...]]:
    judge = Judge([counting.check])
    return [judge(seen(number)) for number in range(_SIGHTS)]


def _again(number: int) -> Trace:
    return trace(answer(at=NOW + 30 * number))


def _job_id(seen: Trace) -> object:
    return seen.latest.job.id if seen.latest.job else None


@pytest.mark.parametrize(
    "look",
    [
        lambda seen: seen.latest.code,
        lambda seen: seen.latest.media_type,
        lambda seen: (seen.latest.method, seen.latest.subject, seen.latest.credential),
        lambda seen: len(seen.schema_errors) + len(seen.undeclared),
        lambda seen: seen.latest.is_view and seen.latest.authorised,
        lambda seen: seen.latest.response.code,
        lambda seen: len(seen.latest.response.body),
        lambda seen: seen.latest.exchange.failure,
        lambda seen: seen.latest.speaks_for_document,
        lambda seen: seen.api.name,
        _job_id,
    ],
)
def test_what_looks_at_the_answer_alone_is_asked_no_more(look: Callable[[Trace], Any]) -> None:
    counting = _Counting(look)
    told = _sights(counting, _again)
    assert counting.runs == _AT_FIRST
    assert [[f.found for f in found] for found in told] == [[look(_again(0))]] * _SIGHTS
    # It is about the exchange that was judged, not about the one that taught us.
    assert [found[0].exchange.started_at for found in told] == [
        NOW + 30 * number for number in range(_SIGHTS)
    ]


@pytest.mark.parametrize(
    "look",
    [
        lambda seen: seen.now,
        lambda seen: len(seen.earlier),
        lambda seen: len(seen.views),
        lambda seen: next(seen.views_backwards(), None),
        lambda seen: seen.baseline,
        lambda seen: seen.token,
        lambda seen: seen.deadline_s,
        lambda seen: seen.latest.asked_for,
        lambda seen: seen.latest.exchange.elapsed_s,
        lambda seen: seen.latest.exchange.ended_at,
        lambda seen: seen.latest.exchange.request.url,
        lambda seen: seen.latest.exchange.response.headers,
        lambda seen: seen.latest.response.header("date"),
        lambda seen: seen.latest.response.header_values("vary"),
        lambda seen: seen.latest.response.raw,
        lambda seen: seen.latest.response.http_version,
        lambda seen: isinstance(seen.latest.response, Response),
        lambda seen: isinstance(seen.latest.exchange, Exchange),
        lambda seen: seen.latest == answer(),
        lambda seen: len({seen.latest.exchange}),
        lambda seen: repr(seen.latest),
        lambda seen: f"{seen.latest.response}",
        lambda seen: seen.latest.exchange.answer.code,
    ],
)
def test_what_looks_further_is_asked_each_time(look: Callable[[Trace], Any]) -> None:
    counting = _Counting(look)
    told = _sights(counting, _again)
    assert counting.runs == _SIGHTS + 1
    assert [found[0].found for found in told] == [look(_again(n)) for n in range(_SIGHTS)]


def _matched(seen: Trace) -> object:
    match seen.latest.response:
        case Response(code=200):
            return seen.now
    return None


def _typed(seen: Trace) -> object:
    return seen.now if type(seen.latest.response) is Response else None


@pytest.mark.parametrize("look", [_matched, _typed])
def test_what_goes_by_class_is_judged_as_ever(look: Callable[[Trace], Any]) -> None:
    told = _sights(_Counting(look), _again)
    assert [found[0].found for found in told] == [look(_again(n)) for n in range(_SIGHTS)]


def test_what_has_nothing_to_say_stays_silent_and_unasked() -> None:
    counting = _Counting(lambda seen: seen.latest.code, of="nothing")
    assert _sights(counting, _again) == [()] * _SIGHTS
    assert counting.runs == _AT_FIRST


def test_another_kind_of_question_is_judged_by_itself() -> None:
    counting = _Counting(lambda seen: seen.latest.subject)
    subjects = (Subject.KNOWN, Subject.FOREIGN)
    told = _sights(counting, lambda n: trace(answer(subject=subjects[n % 2])))
    assert [found[0].found for found in told] == [*subjects] * (_SIGHTS // 2)
    assert counting.runs == 2 * _AT_FIRST


def test_a_hostile_id_is_judged_anew_each_time() -> None:
    counting = _Counting(lambda seen: seen.latest.speaks_for_document)
    ids = ("..", "not-an-id")
    hostile = {"subject": Subject.MALFORMED}
    told = _sights(counting, lambda n: trace(not_found(job_id=ids[n % 2], **hostile)))
    assert [found[0].found for found in told] == [False, True] * (_SIGHTS // 2)
    assert counting.runs == _SIGHTS


def test_another_contract_is_another_judgement() -> None:
    counting = _Counting(lambda seen: seen.api.name)
    apis = (api(), replace(api(), name="another"))
    told = _sights(counting, lambda n: replace(trace(answer()), api=apis[n // 5]))
    assert [found[0].found for found in told] == ["krea"] * 5 + ["another"] * 5


def test_a_check_that_crashes_crashes_each_time() -> None:
    counting = _Counting(lambda seen: seen.latest.code / 0)
    told = _sights(counting, _again)
    assert [[f.check for f in found] for found in told] == [[CRASHED]] * _SIGHTS


def test_a_changed_answer_is_judged_by_what_it_says_now() -> None:
    judge = Judge(_checks())
    good, bad = answer(), answer(job(status="done"))
    for _ in range(_SIGHTS):
        assert judge(trace(good)) == ()
    assert {f.check for f in judge(trace(bad))} == {"status_is_documented"}


@cache
def _checks() -> tuple[Check, ...]:
    return tuple(load_checks())


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(exchanges(), max_size=2),
    exchanges(),
    st.floats(-7200, 7200),
    st.floats(0, 20),
    st.sampled_from([JOB, JOB.upper(), "another"]),
    st.sampled_from([{}, {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}, {"Age": "900", "ETag": '"1"'}]),
)
def test_a_warm_judge_says_what_a_fresh_one_says(
    earlier: list[Exchange],
    seen: Exchange,
    later_s: float,
    elapsed_s: float,
    job_id: str,
    headers: dict[str, str],
) -> None:
    warm = Judge(_checks())
    for _ in range(4):
        warm(trace(seen))
    shown = seen.answer
    if isinstance(shown, Response):
        media = tuple(pair for pair in shown.headers if pair[0].lower() == "content-type")
        shown = replace(shown, headers=(*media, *headers.items()))
    elsewhere = Exchange(
        replace(seen.request, job_id=job_id),
        shown,
        started_at=seen.started_at + later_s,
        elapsed_s=elapsed_s,
    )
    for exchange in (elsewhere, seen):
        subject = trace(*earlier, exchange, baseline=not_found())
        assert repr(warm(subject)) == repr(Judge(_checks())(subject))


def test_old_readings_are_let_go() -> None:
    counting = _Counting(lambda seen: seen.latest.code)
    judge = Judge([counting.check])
    for number in range(1_000):
        judge(trace(answer(job(completed_at=f"{ENDED + number}"))))
    assert len(judge._recall._known) <= 128
