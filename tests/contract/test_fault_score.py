"""
The score is measured by the command that a user would type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.recordings.har.own import NOTES
from jobproof.contract.scoring import fault_score
from jobproof.contract.scoring.cli import score
from jobproof.contract.scoring.fault_score import Score, measure
from jobproof.contract.scoring.leave_one_out import proofs, sole_finder, unproved
from jobproof.contract.scoring.score_row import ScoreRow

API = find_api(default_api())
FEW = ("status_unheard_of_at_times", "foreign_job_shown", "json_truncated", "internal_key")


@pytest.mark.ladder
def test_the_command_line_finds_faults_and_spares_correct_servers() -> None:
    variant = next(name for name, v in VARIANTS.items() if v.applies(API))
    found = measure(API, names=(*FEW, variant), workers=2)
    totals = found.totals()
    assert {row.name for row in found.rows} == {*FEW, variant}
    definite = sum(FAULTS[name].definite for name in FEW)
    assert (totals["definite"], totals["definite_found"]) == (definite, definite)
    assert totals["found_strict"] == totals["right_reason"] == len(FEW)
    assert (totals["false_alarms"], totals["false_alarms_strict"]) == (0, 0)
    codes = {row.name: row.exit_code for row in found.rows}
    assert codes[variant] == 0
    assert codes["internal_key"] == 0  # a warning, unless --strict
    assert codes["foreign_job_shown"] == 1


def test_an_unknown_fault_is_named_with_its_neighbour() -> None:
    done = CliRunner().invoke(score, ["--fault", "foreign_job_show"])
    assert isinstance(done.exception, ConfigError)
    assert (
        str(done.exception) == "unknown fault 'foreign_job_show'. Did you mean 'foreign_job_shown'?"
    )


def _run_of(report: dict[str, Any], code: Callable[[int], int]) -> Callable[..., Any]:
    return lambda _api, _served, seed: (code(seed), report)


def _finding(check: str, basis: str = "documented") -> dict[str, Any]:
    notes = {"subject": "foreign", "credential": "owner"}
    evidence = {"har": {NOTES: notes, "request": {"method": "GET"}}}
    return {
        "check": check,
        "kind": "violation",
        "basis": basis,
        "accepted": None,
        "evidence": evidence,
    }


def test_each_seed_is_a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found_by_the_second = _run_of({}, lambda seed: int(seed > 1))
    monkeypatch.setattr(fault_score, "run_suite", found_by_the_second)
    found = measure(API, names=("foreign_job_shown",), seeds=3, workers=1)
    assert [(row.seed, row.found) for row in found.rows] == [(1, False), (2, True), (3, True)]
    assert (found.totals()["definite_found"], found.totals()["definite"]) == (2, 3)


@pytest.mark.parametrize(
    ("finding", "code"),
    [
        (_finding("foreign_job_is_hidden"), 0),
        (_finding("foreign_job_is_hidden", "inferred"), 1),
        (_finding("body_is_json"), 1),
    ],
    ids=["right reason", "right reason, by inference alone", "other reason"],
)
def test_a_definite_fault_that_is_found_for_another_reason_fails_the_score(
    finding: dict[str, Any], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_score, "run_suite", _run_of({"findings": [finding]}, lambda _: 1))
    done = CliRunner().invoke(score, ["--fault", "foreign_job_shown"], standalone_mode=False)
    assert done.return_value == code
    assert "definite faults found: 1 of 1" in done.output
    assert f"{1 - code} for the right reason" in done.output


def _row(name: str, *checks: str, kind: Literal["fault", "variant"] = "fault") -> ScoreRow:
    found = bool(checks)
    return ScoreRow(
        name, kind, "S", True, "broken", int(found), found, found, found, checks, checks, 1, 1.0
    )


def test_a_check_is_proved_by_a_fault_that_it_alone_finds_in_every_run() -> None:
    rows = [
        *(_row("steady", "body_is_json"), _row("steady", "body_is_json")),
        *(_row("at_times", "known_job_is_found"), _row("at_times")),
        _row("twice", "known_job_is_found", "body_is_utf8"),
        _row("right", "token_is_required", kind="variant"),
    ]
    assert proofs(rows) == {"body_is_json": ("steady",)}
    missing = unproved("krea", load_checks(), rows)
    assert "body_is_json" not in missing
    assert {"known_job_is_found", "body_is_utf8", "token_is_required"} <= set(missing)


@pytest.mark.parametrize(
    ("checks", "breaking", "sole"),
    [
        (("a",), ("a",), "a"),
        (("a",), (), "a"),
        (("a", "inferred"), ("a",), "a"),
        (("a", "b"), ("a", "b"), None),
        (("a", "b"), (), None),
        ((), (), None),
    ],
)
def test_a_check_decides_where_nothing_else_would_turn_the_run_red(
    checks: tuple[str, ...], breaking: tuple[str, ...], sole: str | None
) -> None:
    assert sole_finder(checks, breaking) == sole


def test_what_the_seeds_disagree_on_is_named() -> None:
    rows = (_row("steady", "body_is_json"), _row("at_times", "body_is_json"), _row("at_times"))
    assert Score("krea", rows).unsteady() == {"at_times": (1, 2)}


def test_a_check_without_a_fault_of_its_own_fails_the_score_that_asks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = {"findings": [_finding("foreign_job_is_hidden")]}
    monkeypatch.setattr(fault_score, "run_suite", _run_of(report, lambda _: 1))
    arguments = ["--fault", "foreign_job_shown", "--leave-one-out"]
    done = CliRunner().invoke(score, arguments, standalone_mode=False)
    assert done.return_value == 1
    assert "not proved: body_is_json; no fault is found by it alone" in done.output
    assert "not proved: foreign_job_is_hidden" not in done.output
