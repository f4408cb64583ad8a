"""
A check that isn't run on an answer, for what it declares, would have had nothing to say of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.builders import answer, trace
from tests.contract.lives import exchanges
from tests.contract.situations import SITUATIONS

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.check import Check, check
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Basis, Finding, Remark, violation
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import load_checks

CHECKS = load_checks()
SELECTING = Judge(CHECKS)
ALWAYS = Judge([replace(one, codes=None, condition=None, fields=()) for one in CHECKS])


def _told(findings: Iterable[Finding]) -> list[tuple[str, str, str, str]]:
    return [(f.check, f.kind.value, f.pointer, f.message) for f in findings]


def test_there_are_checks_that_declare_each() -> None:
    for name in ("codes", "condition", "fields"):
        assert len([one for one in CHECKS if getattr(one, name)]) > 3


@pytest.mark.parametrize("name", SITUATIONS)
def test_whatever_a_check_declares_nothing_is_lost(name: str) -> None:
    for seen in SITUATIONS[name].values():
        assert _told(SELECTING(seen)) == _told(ALWAYS(seen))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
@given(st.lists(exchanges(), min_size=1, max_size=3))
def test_nor_of_answers_of_any_kind(seen: list[Exchange]) -> None:
    for last in range(len(seen)):
        judged = trace(*seen[: last + 1])
        assert _told(SELECTING(judged)) == _told(ALWAYS(judged))


def _never(_: Trace) -> bool:
    return False


def _speaking(**declared: object) -> Check:
    def speaks_always(_: Trace) -> Iterable[Remark]:
        """
        It says something of every answer.
        """
        yield violation("code", "anything", expected=1, found=2)

    return check(basis=Basis.RFC, source="RFC 9110", **declared)(speaks_always)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("declared", "runs"),
    [
        ({}, True),
        ({"codes": frozenset({200})}, True),
        ({"codes": frozenset({404})}, False),
        ({"fields": ("content-type",)}, True),
        ({"fields": ("retry-after",)}, False),
        ({"condition": _never}, False),
    ],
)
def test_what_declares_too_little_would_be_seen(declared: dict[str, object], *, runs: bool) -> None:
    found = Judge([_speaking(**declared)])(trace(answer()))
    assert bool(found) is runs


def test_a_check_that_declares_codes_and_fields_is_run_where_both_are() -> None:
    one = _speaking(codes=(429,), fields=("retry-after",))
    later = {"retry-after": "1"}
    for code, headers, spoken in ((429, later, 1), (429, {}, 0), (200, later, 0), (200, {}, 0)):
        assert len(Judge([one])(trace(answer({}, code, headers=headers)))) == spoken
