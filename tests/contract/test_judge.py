"""
The judge: silent about correct lives, never silent about a check that crashes, and pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.builders import (
    NOW,
    TOKEN,
    answer,
    api,
    failure,
    job,
    judge,
    not_found,
    replay,
    trace,
)
from tests.contract.lives import exchanges, lives

from jobproof.contract.judging.judge import CRASHED, Judge
from jobproof.contract.model.acceptance.accepted import AcceptedFinding, Policy
from jobproof.contract.model.api import Api
from jobproof.contract.model.check import Check, Facet, Premise, check
from jobproof.contract.model.exchange import Exchange, Reason, Response
from jobproof.contract.model.finding import Basis, Kind, Remark, Severity, violation
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import find_api

_CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _replayed(life: list[Exchange]) -> list[str]:
    seen = [api().observe(exchange) for exchange in life]
    findings = replay(judge(), trace(life[0]), seen)
    return [f"{f.check} at {f.pointer}: {f.message}" for f in findings if f.kind is Kind.VIOLATION]


@settings(_CALM, max_examples=200)
@given(lives())
def test_a_correct_life_breaks_no_promise_not_even_in_our_reading(life: list[Exchange]) -> None:
    assert _replayed(life) == []


@settings(_CALM, max_examples=200)
@given(
    st.lists(exchanges(), min_size=1, max_size=4),
    st.none() | exchanges(),
    st.sampled_from([find_api("krea"), find_api("openai-batch")]),
)
def test_no_answer_makes_a_check_crash(
    seen: list[Exchange], baseline: Exchange | None, of: Api
) -> None:
    found = judge()(trace(*seen, baseline=baseline, of=of))
    assert [f.message for f in found if f.check == CRASHED] == []


@settings(_CALM, max_examples=40)
@given(st.lists(exchanges(), min_size=1, max_size=4))
def test_the_same_trace_is_judged_the_same_and_left_as_it_was(seen: list[Exchange]) -> None:
    subject = trace(*seen, baseline=not_found())
    before = repr((subject.latest, subject.past, subject.dealings))
    first, second = judge()(subject), judge()(subject)
    assert repr(first) == repr(second)
    assert repr((subject.latest, subject.past, subject.dealings)) == before
    assert repr(judge()(trace(*seen, baseline=not_found()))) == repr(first)


@settings(_CALM, max_examples=40)
@given(exchanges())
def test_no_finding_shows_the_token(seen: Exchange) -> None:
    for finding in judge()(trace(seen)):
        told = (finding.message, finding.expected, finding.found, finding.source, finding.pointer)
        assert TOKEN not in repr(told)


def _check(about: Facet, name: str = "it_holds"):  # type: ignore[no-untyped-def]
    def asked(trace: Trace) -> Iterator[Remark]:
        """
        It holds.
        """
        yield violation("body", expected=1, found=2)

    asked.__name__ = name
    return check(basis=Basis.INFERRED, source="a test of ours", about=about)(asked)


@pytest.mark.parametrize(
    ("seen", "facets"),
    [
        (failure(), {Facet.EXCHANGE}),
        (answer(method="HEAD"), {Facet.EXCHANGE, Facet.RESPONSE}),
        (answer(b"{"), {Facet.EXCHANGE, Facet.RESPONSE, Facet.BODY}),
        (not_found(), set(Facet) - {Facet.JOB}),
        (answer(), set(Facet)),
    ],
    ids=["no answer", "no body", "no JSON", "no job", "a job"],
)
def test_a_check_is_asked_only_where_it_has_something_to_look_at(
    seen: Exchange, facets: set[Facet]
) -> None:
    found = Judge([_check(facet, f"about_{facet}") for facet in Facet])(trace(seen))
    assert {f.check for f in found} == {f"about_{facet}" for facet in facets}


def test_a_check_that_crashes_is_a_finding_and_the_others_go_on() -> None:
    @check(basis=Basis.RFC, source="a test of ours")
    def it_crashes(trace: Trace) -> Iterator[Remark]:
        """
        It never comes so far.
        """
        yield violation("body", "before")
        raise KeyError("gone")

    found = Judge([it_crashes, _check(Facet.EXCHANGE)])(trace(answer()))
    assert [f.check for f in found] == ["it_crashes", CRASHED, "it_holds"]
    assert found[1].message == "check it_crashes crashed: KeyError: 'gone'"
    assert found[1].breaks(strict=False)


def test_a_remark_may_say_better_than_its_check_where_the_promise_stands() -> None:
    @check(basis=Basis.INFERRED, source="the check's own", severity=Severity.LOW)
    def it_knows_better(trace: Trace) -> Iterator[Remark]:
        """
        It knows better.
        """
        yield violation("body", "own")
        yield violation("body", "better", basis=Basis.RFC, source="RFC 1")

    own, better = Judge([it_knows_better])(trace(answer()))
    assert (own.basis, own.source, own.severity) == (Basis.INFERRED, "the check's own", "low")
    assert (better.basis, better.source) == (Basis.RFC, "RFC 1")
    assert own.exchange is better.exchange


@pytest.mark.parametrize(
    ("rule", "accepted"),
    [
        ({}, True),
        ({"pointer": "/result/urls"}, True),
        ({"pointer": "/result"}, False),
        ({"check": "failure_has_reason"}, False),
        ({"expires": date(2026, 9, 20)}, False),
        ({"expires": date(2026, 9, 21)}, True),
    ],
    ids=["by name", "by place", "other place", "other check", "expired", "last day"],
)
def test_a_deviation_is_accepted_by_name_with_a_reason_until_it_expires(
    rule: dict[str, object], accepted: bool
) -> None:
    given_rule = {
        "check": "success_has_result",
        "reason": "known to the vendor",
        "expires": date(2027, 1, 1),
        **rule,
    }
    policy = Policy(accept=(AcceptedFinding.model_validate(given_rule),))
    lenient = replace(api(), profile=api().profile.model_copy(update={"policy": policy}))
    (finding,) = judge()(trace(answer(job(result={})), of=lenient))
    assert finding.accepted == ("known to the vendor" if accepted else None)
    assert finding.breaks(strict=True) is not accepted


def test_a_life_is_replayed_each_answer_with_those_before_it() -> None:
    polls = [answer(job("sampling"), at=NOW - 9), answer(at=NOW - 5), answer(job("failed"))]
    found = replay(judge(), trace(polls[0]), [api().observe(poll) for poll in polls])
    assert [(f.check, f.exchange) for f in found] == [("terminal_status_is_final", polls[2])]


# -- who has looked ---------------------------------------------------------------------------


def _looking(premise: Premise | None = None, **settings: Any) -> Check:
    @check(basis=Basis.RFC, source="a test of ours", premise=premise, **settings)
    def it_looks(trace: Trace) -> Iterator[Remark]:
        """
        It looks.
        """
        yield from ()

    return it_looks


SAMPLING = Premise("no job was sampling", lambda trace: trace.latest.code == 200)


@pytest.mark.parametrize(
    ("one", "seen", "looked"),
    [
        (_looking(), answer(), True),
        (_looking(), failure(), False),
        (_looking(about=Facet.EXCHANGE), failure(), False),
        (_looking(about=Facet.EXCHANGE), failure(partial=Response(200)), False),
        (_looking(about=Facet.EXCHANGE), failure(Reason.PROTOCOL, partial=Response(200)), True),
        (_looking(about=Facet.JOB), not_found(), False),
        (_looking(only=("foreign",)), answer(), False),
        (_looking(SAMPLING), answer(), True),
        (_looking(SAMPLING), not_found(), False),
    ],
    ids=[
        *("a plain check", "no answer", "no answer at all", "a time-out", "half an answer"),
        *("no job", "of others' jobs", "its premise holds", "its premise doesn't"),
    ],
)
def test_a_check_has_looked_only_where_it_saw_what_it_speaks_of(
    one: Check, seen: Exchange, looked: bool
) -> None:
    # The time-out is told by the check of ours that calls it silence.
    checks = [*(c for c in judge().checks if c.id == "endpoint_is_available"), one]
    assert (one in Judge(checks).judge(trace(seen)).looked) is looked


def test_an_answer_of_which_nothing_can_be_said_is_a_look_of_nobody() -> None:
    seen = trace(answer({"error": "maintenance"}, 503))
    judgement = judge().judge(seen)
    assert {f.kind for f in judgement.findings} == {Kind.INCONCLUSIVE}
    assert (judgement.asked, judgement.looked) == ((), ())


def test_a_check_that_found_something_has_looked_whatever_its_premise_says() -> None:
    never = Premise("never", lambda _trace: False)
    one = replace(_check(Facet.RESPONSE), premise=never)
    assert Judge([one]).judge(trace(answer())).looked == (one,)


def test_a_premise_that_crashes_is_a_finding_and_no_look() -> None:
    broken = Premise("never", lambda trace: trace.latest.headers["x"])  # type: ignore[attr-defined]
    one = _looking(broken)
    judgement = Judge([one]).judge(trace(answer()))
    assert [f.check for f in judgement.findings] == [CRASHED]
    assert judgement.looked == ()


@settings(_CALM, max_examples=200)
@given(st.lists(exchanges(), min_size=1, max_size=4), st.none() | exchanges())
def test_no_answer_makes_a_premise_crash(seen: list[Exchange], baseline: Exchange | None) -> None:
    for of in (find_api("krea"), find_api("openai-batch")):
        found = judge().judge(trace(*seen, baseline=baseline, of=of)).findings
        assert [f.message for f in found if f.check == CRASHED] == []


def test_a_history_is_of_no_staleness_and_of_32_sights_unless_it_is_said() -> None:
    history = judge().history_of(api())
    for second in range(40):
        history.add(api().observe(answer(job("queued"), at=NOW + second)))
    assert history.staleness_s == 0.0
    assert len(history.between(NOW - 99, NOW + 99)) == 32
