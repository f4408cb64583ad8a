"""
The table of all checks: each is seen accepting and seen rejecting, and says what it promises.
"""

from __future__ import annotations

import inspect
import re

import pytest
from tests.contract import (
    test_checks_access,
    test_checks_body,
    test_checks_caching,
    test_checks_codes,
    test_checks_exposure,
    test_checks_fields,
    test_checks_framing,
    test_checks_identity,
    test_checks_latency,
    test_checks_lifecycle,
    test_checks_lookup,
    test_checks_media,
    test_checks_methods,
    test_checks_outcome,
    test_checks_schema,
    test_checks_times,
)
from tests.contract.builders import said
from tests.contract.cases import Case

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.check import Check, Facet
from jobproof.contract.model.finding import Basis, Finding, Kind
from jobproof.contract.plugins import load_checks

_FAMILIES = {
    module.__name__.rpartition("test_checks_")[2]: module.CASES
    for module in (
        *(test_checks_access, test_checks_body, test_checks_caching, test_checks_codes),
        *(test_checks_exposure, test_checks_identity, test_checks_latency, test_checks_lifecycle),
        *(test_checks_lookup, test_checks_media, test_checks_methods, test_checks_outcome),
        *(test_checks_schema, test_checks_times, test_checks_fields, test_checks_framing),
    )
}
CASES_OF_ALL_CHECKS = {
    f"{family}-{check}": case
    for family, cases in _FAMILIES.items()
    for check, case in cases.items()
}
"""Those of one check are under its family and its name."""
_LOUD = (Kind.VIOLATION, Kind.DRIFT, Kind.INCONCLUSIVE)

CHECKS = load_checks()
JUDGE = Judge(CHECKS)
every_check = pytest.mark.parametrize("check", CHECKS, ids=[check.id for check in CHECKS])
every_case = pytest.mark.parametrize(
    ("check", "case"),
    [
        pytest.param(check, case, id=f"{family}-{check}")
        for family, cases in _FAMILIES.items()
        for check, case in cases.items()
    ],
)


def _told(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{f.check} [{f.kind}] at {f.pointer}: {f.message}" for f in findings]


@every_case
def test_a_correct_answer_is_accepted_by_every_check(check: str, case: Case) -> None:
    assert _told(said(case.accepts, *_LOUD)) == []  # gaps aren't against it


@every_case
def test_the_fault_is_found_by_its_own_check_alone(check: str, case: Case) -> None:
    found = said(case.rejects, *_LOUD, case.says)
    mine = [f for f in found if f.check == check]
    assert [(f.kind, f.pointer) for f in mine if f.kind is case.says] == [(case.says, case.at)]
    others = {f.check for f in found} - {check}
    assert others == set(case.also), _told(found)


@every_case
def test_where_it_finds_a_fault_its_premise_holds(check: str, case: Case) -> None:
    (mine,) = (one for one in CHECKS if one.id == check)
    # Else a run might say that it never looked, although it would have seen the fault.
    assert mine.looks_at(case.rejects)
    assert mine in JUDGE.judge(case.rejects).looked or case.says is Kind.INCONCLUSIVE


def test_every_check_is_seen_accepting_and_rejecting() -> None:
    shown = {(family, name) for family, cases in _FAMILIES.items() for name in cases}
    assert shown == {(check.family, check.id) for check in CHECKS}


def test_no_id_is_taken_twice() -> None:
    ids = [check.id for check in CHECKS]
    assert len(ids) == len(set(ids))


@every_check
def test_its_promise_is_one_sentence(check: Check) -> None:
    assert re.fullmatch(r"\S.{10,110}\S\.", check.summary), check.summary


@every_check
def test_its_id_reads_as_a_sentence_and_says_where_it_stands_written(check: Check) -> None:
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", check.id)
    assert len(check.source) >= 10
    assert not check.source.endswith(".")


@every_check
def test_it_takes_a_trace_and_nothing_else(check: Check) -> None:
    assert list(inspect.signature(check.run).parameters) == ["trace"]
    assert isinstance(check.basis, Basis)
    assert isinstance(check.about, Facet)


def test_where_another_check_must_speak_as_well_the_table_says_why() -> None:
    cases: list[Case] = [case for family in _FAMILIES.values() for case in family.values()]
    reasons = [why for case in cases for why in case.also.values()]
    assert all(len(why) > 20 for why in reasons)
    assert sum(bool(case.also) for case in cases) <= len(cases) // 10
