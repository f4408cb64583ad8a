"""
Findings: what breaks a run, what is the same news, and how the shorthands read.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from tests.contract.builders import answer
from tests.steps import steps_of

from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import (
    Basis,
    Drift,
    Finding,
    Kind,
    Severity,
    drift,
    gap,
    inconclusive,
    violation,
)
from jobproof.contract.model.verdict import (
    FindingTally,
    Verdict,
    few_a_check,
    group,
    overlay,
    state_of,
)


def _finding(
    kind: Kind = Kind.VIOLATION,
    basis: Basis = Basis.DOCUMENTED,
    pointer: str = "/a",
    accepted: str | None = None,
) -> Finding:
    return Finding(
        check="it_holds",
        kind=kind,
        basis=basis,
        source="a test of ours",
        severity=Severity.LOW,
        pointer=pointer,
        message="m",
        expected=1,
        found=2,
        exchange=answer(),
        accepted=accepted,
    )


@pytest.mark.parametrize(
    ("finding", "plain", "strict"),
    [
        (_finding(), True, True),
        (_finding(basis=Basis.RFC), True, True),
        (_finding(basis=Basis.INFERRED), False, True),
        (_finding(accepted="known to the vendor"), False, False),
        (_finding(kind=Kind.GAP), False, False),
        (_finding(kind=Kind.DRIFT), False, False),
        (_finding(kind=Kind.INCONCLUSIVE), False, False),
    ],
)
def test_only_a_violation_that_nobody_accepts_breaks_a_run(
    finding: Finding, plain: bool, strict: bool
) -> None:
    assert finding.breaks(strict=False) is plain
    assert finding.breaks(strict=True) is strict


def test_the_same_news_about_two_items_of_a_list_is_one_piece() -> None:
    first, second = _finding(pointer="/urls/0"), _finding(pointer="/urls/17")
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint != _finding(pointer="/urls").fingerprint
    assert first.fingerprint != _finding(pointer="/urls/\u00b2").fingerprint
    assert first.fingerprint != replace(first, kind=Kind.DRIFT).fingerprint
    assert first.fingerprint != replace(first, check="other").fingerprint


def test_a_finding_cannot_be_changed() -> None:
    finding = _finding()
    with pytest.raises(FrozenInstanceError):
        finding.message = "other"  # type: ignore[misc]


def test_a_violation_without_words_says_what_was_expected_and_found() -> None:
    assert violation("/a", expected=1, found="x").message == "expected 1, found 'x'"
    assert violation("/a", "in words", expected=1, found=2).message == "in words"


def test_each_shorthand_makes_its_own_kind() -> None:
    assert violation("/a").kind is Kind.VIOLATION
    assert gap("code", "m", found=401).kind is Kind.GAP
    assert drift("/a", "m", of=Drift.UNDECLARED_KEY).drift is Drift.UNDECLARED_KEY
    assert inconclusive("code", "m").kind is Kind.INCONCLUSIVE


def test_a_verdict_is_an_exit_code() -> None:
    assert [(v.value, v.exit_code) for v in Verdict] == [
        ("kept", 0),
        ("broken", 1),
        ("inconclusive", 3),
    ]


def test_of_findings_alike_the_plainest_alone_is_held() -> None:
    groups = FindingTally()
    for number in range(200):
        basis = Basis.RFC if number == 150 else Basis.INFERRED
        groups.add(_finding(basis=basis, pointer=f"/a/{number % 3}"))
    (found,) = groups.groups()
    assert (found.first.basis, found.count) == (Basis.RFC, 200)
    assert found.pointers == ("/a/0", "/a/1", "/a/2")


def test_answers_are_counted_apart_from_what_is_found_in_them() -> None:
    one, other = _finding(pointer="/a/0"), _finding(pointer="/a/1")
    groups = FindingTally()
    for finding in (
        one,
        replace(one, pointer="/a/7"),
        other,
        replace(other, exchange=one.exchange),
    ):
        groups.add(finding)
    (found,) = groups.groups()
    assert (found.count, found.answers) == (4, 3)


def test_news_beyond_what_is_told_apart_is_counted_with_its_own_sort() -> None:
    groups = FindingTally()
    for number in range(1_001):
        groups.add(_finding(basis=Basis.INFERRED, pointer=f"/{number:x}x"))
    assert len(groups.groups()) == 1_000
    # What breaks a run isn't hidden among what only warns.
    groups.add(_finding(pointer="/new"))
    groups.add(_finding(kind=Kind.DRIFT, pointer="/new"))
    found = [(one.first.kind, one.first.basis, one.count) for one in groups.groups()]
    assert len(found) == 1_002
    assert (Kind.VIOLATION, Basis.DOCUMENTED, 1) in found
    assert (Kind.VIOLATION, Basis.INFERRED, 2) in found
    assert found[-1] == (Kind.DRIFT, Basis.DOCUMENTED, 1)


def test_of_one_piece_of_news_a_thousand_places_are_told_apart() -> None:
    drift_ = replace(_finding(kind=Kind.DRIFT), drift=Drift.UNDECLARED_KEY)
    (found,) = group(replace(drift_, pointer=f"/{number:x}x") for number in range(1_200))
    assert (found.count, len(found.pointers)) == (1_200, 1_000)


@pytest.mark.parametrize(
    ("places", "shown"),
    [
        (["/a/x", "/a/y"], "/a"),
        (["/x", "/y"], "body"),
        (["/a/x", "/b/y"], "body"),
        (["/a/0/x", "/a/7/x"], "/a/0/x"),
        (["/a/x"], "/a/x"),
    ],
)
def test_keys_that_are_many_stand_at_the_place_that_they_share(
    places: list[str], shown: str
) -> None:
    new = replace(_finding(kind=Kind.DRIFT), drift=Drift.UNDECLARED_KEY)
    (found,) = group(replace(new, pointer=place) for place in places)
    assert found.pointer == shown


@pytest.mark.parametrize(
    ("findings", "looked", "plain", "strict"),
    [
        ([], False, "not_reached", "not_reached"),
        ([], True, "kept", "kept"),
        ([_finding()], True, "broken", "broken"),
        ([_finding()], False, "broken", "broken"),
        ([_finding(basis=Basis.INFERRED)], True, "warned", "broken"),
        ([_finding(accepted="known")], True, "warned", "warned"),
        ([_finding(kind=Kind.GAP), _finding(kind=Kind.DRIFT)], True, "kept", "kept"),
        ([_finding(kind=Kind.INCONCLUSIVE)], False, "not_reached", "not_reached"),
        ([_finding(basis=Basis.INFERRED), _finding()], True, "broken", "broken"),
    ],
)
def test_a_promise_has_one_state(
    findings: list[Finding], looked: bool, plain: str, strict: str
) -> None:
    states = [state_of(findings, looked=looked, strict=how).value for how in (False, True)]
    assert states == [plain, strict]


def test_what_was_found_to_be_missing_in_a_document_is_one_overlay() -> None:
    patched = replace(_finding(kind=Kind.GAP), patch={"target": "$"})
    other = replace(_finding(pointer="/b"), patch={"target": "$.b"})
    assert overlay(group([_finding(), _finding(kind=Kind.GAP), other]), title="A") is None
    assert overlay(group([patched, other]), title="A") == {
        "overlay": "1.0.0",
        "info": {"title": "What A answers and doesn't document", "version": "1"},
        "actions": [{"target": "$"}],
    }


@pytest.mark.parametrize("many", [1, 5, 6, 11])
def test_the_first_five_of_a_check_are_shown_and_the_rest_left_out(many: int) -> None:
    groups = group(_finding(pointer=f"/{number:x}x") for number in range(many))
    shown = list(few_a_check(groups))
    assert [one for one, _ in shown] == list(groups[:5])
    assert [len(rest) for _, rest in shown] == [0] * (len(shown) - 1) + [max(0, many - 5)]


def test_kinds_are_listed_from_the_one_that_breaks_to_the_one_that_says_nothing() -> None:
    kinds = [Kind.INCONCLUSIVE, Kind.GAP, Kind.DRIFT, Kind.VIOLATION]
    groups = group(_finding(kind=kind, pointer=f"/{kind}") for kind in kinds)
    assert [one.first.kind for one in groups] == kinds[::-1]
    grave = replace(_finding(pointer="/z"), severity=Severity.CRITICAL)
    assert group([_finding(), grave])[0].first is grave


@pytest.mark.parametrize("behind", [[1.0, 3.5, 2.0], [None, 4], ["soon", 0.0], [0.0, "soon"]])
def test_the_stalest_answer_is_the_one_that_was_most_behind(behind: list[object]) -> None:
    groups = FindingTally()
    for seconds in behind:
        stale = _finding(kind=Kind.DRIFT)
        groups.add(replace(stale, drift=Drift.STALE_ANSWER, found=seconds))
    assert groups.stalest is not None
    assert groups.stalest.found == max(one for one in behind if isinstance(one, int | float))


def test_of_findings_alike_that_of_a_known_job_with_a_patch_is_told_first() -> None:
    plain = _finding(kind=Kind.GAP)
    hostile = replace(plain, exchange=answer(subject=Subject.MALFORMED))
    patched = replace(hostile, patch={"target": "$"})
    for order in ([hostile, plain], [plain, hostile]):
        assert group(order)[0].first is plain
    for order in ([patched, plain], [plain, patched]):
        assert group(order)[0].first is patched


def test_many_groups_are_listed_in_steps_that_grow_as_they_do() -> None:
    def listed(many: int) -> int:
        groups = group(_finding(pointer=f"/{number:x}x") for number in range(many))
        assert len(groups) == many
        return steps_of(lambda: list(few_a_check(groups)))

    assert listed(800) <= 4.1 * listed(200)


def test_groups_are_listed_the_gravest_first() -> None:
    kinds = [Kind.VIOLATION, Kind.DRIFT, Kind.GAP, Kind.INCONCLUSIVE]
    severities = [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    wanted = [(kind, severity) for kind in kinds for severity in severities]
    found = group(
        replace(_finding(kind), severity=severity, check=f"{kind}_{severity}")
        for kind, severity in reversed(wanted)
    )
    assert [(one.first.kind, one.first.severity) for one in found] == wanted


def test_of_findings_alike_the_one_about_the_simplest_request_is_shown() -> None:
    asked_for = [Subject.MALFORMED, Subject.KNOWN, Subject.MISSING]
    (found,) = group(replace(_finding(), exchange=answer(subject=one)) for one in asked_for)
    assert found.first.exchange.request.subject is Subject.KNOWN
    assert found.count == 3


def test_of_findings_alike_the_one_that_brings_a_patch_is_shown() -> None:
    patched = replace(_finding(Kind.GAP), patch={"target": "$"})
    for alike in ([patched, _finding(Kind.GAP)], [_finding(Kind.GAP), patched]):
        (found,) = group(alike)
        assert found.first is patched


def test_what_breaks_a_strict_run_is_shown_before_what_is_accepted() -> None:
    counted, accepted = _finding(basis=Basis.INFERRED), _finding(accepted="known")
    for alike in ([counted, accepted], [accepted, counted]):
        (found,) = group(alike)
        assert found.first is counted


def test_the_finding_of_the_answer_that_was_most_behind_is_held() -> None:
    tally = FindingTally()
    assert tally.stalest is None
    for behind in (1.5, 7, "unknown", 2.0):
        tally.add(replace(_finding(Kind.DRIFT), drift=Drift.STALE_ANSWER, found=behind))
    tally.add(replace(_finding(Kind.DRIFT), drift=Drift.LIMIT_EXCEEDED, found=99.0))
    assert tally.stalest is not None
    assert tally.stalest.found == 7
