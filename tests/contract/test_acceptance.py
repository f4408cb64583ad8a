"""
One format for a known fault, wherever it is written; and it hides nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.builders import NOW, answer, api, job, judge, trace
from tests.contract.small_api import small_folder

from jobproof.contract.errors import ConfigError, ProfileError
from jobproof.contract.judging.acceptance_use import AcceptanceState, uses_of
from jobproof.contract.model.acceptance.accepted import AcceptedFinding
from jobproof.contract.model.acceptance.reader import (
    GIVEN_REASON,
    read_accept_file,
    read_accept_option,
)
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.verdict import group
from jobproof.contract.plugins import find_api, load_checks

KNOWN = sorted(check.id for check in load_checks())
TODAY = datetime.fromtimestamp(NOW, UTC).date()
GOOD = "- {check: body_is_json, pointer: /a, reason: ticket 4711, expires: 2027-03-31}\n"

_steps = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(
    lambda step: step.replace("~", "~0").replace("/", "~1")
)
_pointers = st.lists(_steps, min_size=1, max_size=4).map(lambda steps: "/" + "/".join(steps))
_places = st.one_of(st.none(), _pointers, st.sampled_from(["code", "body", "header:link"]))
_reasons = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=60)


def entry(**changed: Any) -> AcceptedFinding:
    usual = {"check": "status_is_documented", "reason": "ticket 4711", "expires": "2100-01-01"}
    return AcceptedFinding.model_validate({**usual, **changed})


def written(one: AcceptedFinding, *, has_reason: bool = True) -> str:
    at = "" if one.pointer is None else f"@{one.pointer}"
    return f"{one.check}{at}:{one.expires}{f':{one.reason}' if has_reason else ''}"


# -- how it is written --------------------------------------------------------------------------


@given(st.sampled_from(KNOWN), _places, st.dates(), _reasons)
def test_an_option_is_read_as_it_was_written(
    check: str, pointer: str | None, expires: date, reason: str
) -> None:
    one = entry(check=check, pointer=pointer, expires=expires, reason=reason)
    assert read_accept_option(written(one), KNOWN) == one
    without = read_accept_option(written(one, has_reason=False), KNOWN)
    assert without == one.model_copy(update={"reason": GIVEN_REASON})


@pytest.mark.parametrize(
    ("text", "pointer", "reason"),
    [
        (
            "body_is_json@header:link:2027-03-31:see: https://h/4711",
            "header:link",
            "see: https://h/4711",
        ),
        ("body_is_json@/a:b/@type:2027-03-31:until:2028-01-01", "/a:b/@type", "until:2028-01-01"),
        ("body_is_json:2027-03-31", None, GIVEN_REASON),
    ],
)
def test_pointer_and_reason_may_hold_colons(text: str, pointer: str | None, reason: str) -> None:
    found = read_accept_option(text, KNOWN)
    assert (found.check, found.pointer, found.reason) == ("body_is_json", pointer, reason)
    assert found.expires == date(2027, 3, 31)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("body_is_jsno:2027-03-31", "unknown check 'body_is_jsno'. Did you mean 'body_is_json'?"),
        ("xyz:2027-03-31", "unknown check 'xyz'. `jobproof checks` lists them."),
        ("body_is_json", "write CHECK[@POINTER]:DATE[:REASON], the date as 2026-12-31"),
        ("body_is_json:tomorrow", "write CHECK[@POINTER]:DATE[:REASON], the date as 2026-12-31"),
        ("", "write CHECK[@POINTER]:DATE[:REASON], the date as 2026-12-31"),
        ("body_is_json:2027-02-30", "expires: 2027-02-30 is no day of the calendar"),
        ("body_is_json@status.x:2027-03-31", "pointer: 'status.x' is no place of a finding: write"),
        ("body_is_json@:2027-03-31", "pointer: '' is no place of a finding: write"),
        ("body_is_json@/a~2:2027-03-31", "pointer: '/a~2' is no place of a finding: write"),
        ("body_is_json:2027-03-31:why", "reason: String should have at least 8 characters"),
    ],
)
def test_an_option_that_cant_be_used_is_refused_in_a_line(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_accept_option(text, KNOWN)
    assert str(caught.value).startswith(f"--accept {text!r}: {told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "body_is_json",
            "body_is_jsno",
            "2: [1].check: unknown check 'body_is_jsno'. Did you mean",
        ),
        ("/a", "a.b", "2: [1].pointer: 'a.b' is no place of a finding"),
        ("2027-03-31", "soon", "2: [1].expires: 'soon' is no date: write it as 2026-12-31"),
        ("2027-03-31", "20270331", "2: [1].expires: '20270331' is no date"),
        ("expires", "expire", "2: [1].expire: unknown key. Did you mean 'expires'?"),
        (", expires: 2027-03-31", "", "2: [1]: key 'expires' is missing"),
        (", reason: ticket 4711", "", "2: [1]: key 'reason' is missing"),
        ("- {check", "- 7 #{check", "2: [1]: expected a mapping with check, reason and expires"),
    ],
)
def test_a_file_that_cant_be_used_says_in_which_line(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "accept.yaml"
    path.write_text(GOOD + GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_accept_file(path, KNOWN)
    assert str(caught.value).startswith(f"{path}:{told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: 1\n", "accept\n", "3\n"])
def test_a_file_that_holds_no_list_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "accept.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"accept\.yaml:1: expected a list of entries"):
        read_accept_file(path, KNOWN)


def test_a_misspelt_check_in_a_profiles_policy_is_refused_with_its_line(tmp_path: Path) -> None:
    rule = {"check": "body_is_jsno", "reason": "ticket 4711", "expires": "2027-03-31"}
    folder = small_folder(tmp_path / "api", policy={"accept": [rule]})
    profile = folder / "profile.yaml"
    line = profile.read_text().splitlines().index("  - check: body_is_jsno") + 1
    with pytest.raises(ProfileError) as caught:
        find_api(str(folder))
    place = f"{profile}:{line}: policy.accept[0].check"
    expected = f"{place}: unknown check 'body_is_jsno'. Did you mean 'body_is_json'?"
    assert str(caught.value) == expected
    profile.write_text(profile.read_text().replace("jsno", "json"))
    assert find_api(str(folder)).profile.policy.accept[0].check == "body_is_json"


# -- what it hides ------------------------------------------------------------------------------


def said(*entries: AcceptedFinding, status: str = "reticulating") -> tuple[Finding, ...]:
    return judge()(trace(answer(job(status)), of=api().with_accepted(entries)))


def accepted(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(f.check, f.kind.value) for f in findings if f.accepted is not None]


def test_an_accepted_violation_leaves_the_drift_of_its_check_news() -> None:
    kinds = [f.kind for f in said() if f.check == "status_is_documented"]
    assert kinds == [Kind.VIOLATION, Kind.DRIFT]
    assert accepted(said(entry())) == [("status_is_documented", "violation")]
    assert accepted(said(entry(kind="drift"))) == [("status_is_documented", "drift")]
    assert any(f.breaks(strict=False) for f in said(entry(kind="drift")))


@pytest.mark.parametrize(
    "other",
    [{"check": "body_is_json"}, {"pointer": "/job_id"}, {"pointer": "/status/0"}, {"kind": "gap"}],
    ids=str,
)
def test_another_check_another_place_and_another_kind_still_count(other: dict[str, str]) -> None:
    assert accepted(said(entry(**{"pointer": "/status", **other}))) == []
    assert accepted(said(entry(pointer="/status"))) == [("status_is_documented", "violation")]


@pytest.mark.parametrize(
    ("pointer", "is_covered"),
    [("/urls/3", True), ("/urls/*", True), ("/urls/4", False), ("/urls", False), ("/*/3", False)],
)
def test_a_star_is_any_item_of_a_list(pointer: str, is_covered: bool) -> None:
    one = entry(pointer=pointer)
    assert one.covers("status_is_documented", "violation", ["/urls/3"]) is is_covered


def test_a_finding_says_that_its_acceptance_has_expired_and_when() -> None:
    over = TODAY - timedelta(days=1)
    earlier = entry(expires=over - timedelta(days=9), reason="an older ticket")
    found = [f for f in said(entry(expires=over), earlier) if f.kind is Kind.VIOLATION]
    (one,) = [f for f in found if f.check == "status_is_documented"]
    assert one.message.endswith(f" (its acceptance expired on {over}: ticket 4711)")
    assert one.breaks(strict=False)
    renewed = said(entry(expires=over), entry(expires=TODAY, reason="once more, until today"))
    assert [f.accepted for f in renewed if f.accepted] == ["once more, until today"]


# -- what became of it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "state", "count"),
    [
        ({}, AcceptanceState.USED, 2),
        ({"pointer": "/status"}, AcceptanceState.USED, 2),
        ({"expires": TODAY - timedelta(days=1)}, AcceptanceState.LAPSED, 2),
        ({"pointer": "/job_id"}, AcceptanceState.UNUSED, 0),
        ({"check": "body_is_json"}, AcceptanceState.UNUSED, 0),
        ({"check": "cors_headers_agree"}, AcceptanceState.NOT_REACHED, 0),
    ],
    ids=str,
)
def test_each_entry_is_used_lapsed_unused_or_not_reached(
    changed: dict[str, Any], state: AcceptanceState, count: int
) -> None:
    one = entry(**changed)
    groups = group([*said(one), *said(one)])
    (use,) = uses_of([one], groups, {"status_is_documented", "body_is_json"})
    assert (use.state, use.count) == (state, count)
    assert use.as_dict()["expires"] == one.expires.isoformat()


def test_the_api_of_others_accepts_no_more_than_before() -> None:
    lenient = api().with_accepted([entry()])
    assert lenient.profile.policy.accept == (entry(),)
    assert api().profile.policy.accept == ()
    twice = replace(lenient).with_accepted([entry(check="body_is_json")])
    assert [one.check for one in twice.profile.policy.accept] == [
        "status_is_documented",
        "body_is_json",
    ]
