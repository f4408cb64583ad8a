"""
How often something was wrong: the interval, which answers count, and how it is told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import answer, api, asked, failure, judge, not_found, trace

from jobproof.contract.judging.coverage import Coverage
from jobproof.contract.judging.rates import (
    AnswerRates,
    answers_needed,
    excluded_above,
    percent,
    seen_in,
    wilson,
)
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import group


@pytest.mark.parametrize(
    ("found", "answers", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, score method without correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
        (3, 60, 0.0171, 0.1370),
    ],
)
def test_the_interval_is_the_published_one(
    found: int, answers: int, low: float, high: float
) -> None:
    assert wilson(found, answers) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("answers", [1, 2, 59, 299, 10_000])
def test_with_none_found_its_end_is_as_the_documentation_says(answers: int) -> None:
    square = 1.959964**2
    assert wilson(0, answers)[0] == 0.0
    assert wilson(0, answers)[1] == pytest.approx(square / (answers + square), rel=1e-5)


@pytest.mark.parametrize("answers", [1, 2, 5, 6, 7, 20, 59, 299])
def test_what_is_excluded_would_have_been_seen_with_the_confidence_that_is_claimed(
    answers: int,
) -> None:
    share = excluded_above(0, answers)
    assert 1 - (1 - share) ** answers >= 0.95 - 1e-9
    # Wilson's own end says more than that of a handful.
    assert (share == wilson(0, answers)[1]) is (answers > 6)
    assert excluded_above(1, answers + 1) == wilson(1, answers + 1)[1]


@pytest.mark.parametrize(("found", "answers"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_has_no_interval(found: int, answers: int) -> None:
    with pytest.raises(ValueError, match=f"{found} of {answers}"):
        wilson(found, answers)


def test_it_takes_so_many_answers_to_see_a_fault_of_a_rate() -> None:
    assert [answers_needed(rate) for rate in (0.5, 0.1, 0.05, 0.01)] == [5, 29, 59, 299]
    assert 0.95**59 < 0.05 < 0.95**58


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.997, "100"),
        (0.125, "12"),
        (0.0999, "10"),
        (0.05, "5"),
        (0.0602, "6"),
        (0.658, "66"),
        (0.0128, "1.3"),
        (1.0, "100"),
        (0.0, "0"),
    ],
)
def test_a_share_is_told_in_two_digits(share: float, text: str) -> None:
    assert percent(share) == text


def test_in_how_many_answers_it_was_seen_is_told_with_its_interval() -> None:
    assert seen_in(3, 60) == "in 3 of 60 answers: 5 %, 95 % interval 1.7-13.7 %"
    assert seen_in(60, 60) == "in all 60 answers looked at"


def _counted(*exchanges: Exchange) -> list[tuple[str, int, int]]:
    rates = AnswerRates()
    for one in exchanges:
        of_one = trace(one)
        rates.add(of_one.latest, judge()(of_one))
    kinds: Any = rates.as_dict()["kinds"]
    return [(one["kind"], one["answers"], one["wrong"]) for one in kinds]


def test_answers_are_counted_by_what_was_asked_and_by_whose_right() -> None:
    refused = {"code": 401, "body": {"error": "Unauthorized"}}
    assert _counted(
        answer(),
        answer(),
        not_found(),
        answer(credential=Credential.NONE, **refused),
        not_found(credential=Credential.INVALID, **refused),
        not_found(subject=Subject.FOREIGN),
    ) == [
        ("polls", 2, 0),
        ("unknown ids", 1, 0),
        ("somebody else's jobs", 1, 0),
        ("questions without a token", 1, 0),
        ("questions with an invalid token", 1, 0),
    ]


def test_a_wrong_answer_is_counted_as_wrong_once() -> None:
    # Two promises are broken by it.
    assert _counted(answer(), answer({"status": "nonsense"})) == [("polls", 2, 1)]


@pytest.mark.parametrize(
    "exchange",
    [
        answer(b"", 304, headers={"etag": '"1"'}),
        answer({"error": "slow down"}, 429, headers={"retry-after": "1"}),
        answer({"error": "later"}, 503, headers={"retry-after": "1"}),
        answer(headers={"age": "3"}),
        answer(method="HEAD"),
        failure(),
    ],
    ids=["304", "429", "503", "out of a cache", "HEAD", "none"],
)
def test_what_is_no_further_look_is_not_counted(exchange: Exchange) -> None:
    assert _counted(exchange) == []
    assert _counted(answer(headers={"age": "0"})) == [("polls", 1, 0)]


def test_every_other_code_is_an_answer_to_its_question() -> None:
    for code in (200, 303, 305, 400, 404, 407, 409, 425, 428, 430, 500, 502, 504):
        assert [one[:2] for one in _counted(answer({"error": "no"}, code))] == [("polls", 1)]
    assert _counted(answer({"error": "late"}, 408)) == []


def test_what_is_accepted_or_a_drift_is_no_wrong_answer() -> None:
    rates, seen = AnswerRates(), trace(answer({"status": "nonsense"}))
    findings = judge()(seen)
    rates.add(seen.latest, [replace(one, accepted="known") for one in findings])
    rates.add(seen.latest, [one for one in findings if one.kind is not Kind.VIOLATION])
    rates.add(seen.latest, ())
    kinds: Any = rates.as_dict()["kinds"]
    assert [(one["answers"], one["wrong"]) for one in kinds] == [(3, 0)]


def test_a_report_says_which_rates_are_excluded() -> None:
    rates = AnswerRates()
    for _ in range(20):
        rates.add(trace(answer()).latest, ())
    assert rates.as_dict() == {
        "confidence": 0.95,
        "answers_needed": {"0.1": 29, "0.05": 59, "0.01": 299},
        "kinds": [{"kind": "polls", "answers": 20, "wrong": 0, "excluded_above": 0.1611}],
    }


def test_a_finding_says_on_how_many_answers_its_check_has_looked() -> None:
    coverage = Coverage(api(), judge().checks)
    findings = []
    for number in range(20):
        subject = trace(answer({"job_id": "another"} if number == 7 else None))
        judgement = judge().judge(subject)
        coverage.add(subject.latest, judgement)
        findings += judgement.findings
    found = {one.first.check: one for one in coverage.of_looked(group(findings))}
    echoed = found["job_id_is_echoed"]
    assert (echoed.answers, echoed.looked) == (1, 20)


def test_an_answer_with_it_in_several_places_is_one_answer() -> None:
    wrong = answer({"job_id": 1, "status": 2, "created_at": 3})
    twice = [*judge()(trace(wrong)), *judge()(trace(replace(wrong, request=asked())))]
    (schema,) = [
        one
        for one in group([replace(f, pointer="/urls/0") for f in twice])
        if one.first.check == "body_matches_schema"
    ]
    assert schema.count > schema.answers == 2
