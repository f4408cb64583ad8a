"""
The score is measured by the command that a user would type.
"""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.scoring import fault_score
from jobproof.contract.scoring.cli import score
from jobproof.contract.scoring.fault_score import measure

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


def test_each_seed_is_a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def suite(_api: object, _server: object, seed: int) -> tuple[int, dict[str, Any]]:
        sent.append(seed)
        return (1 if seed > 1 else 0), {}

    sent: list[int] = []
    monkeypatch.setattr(fault_score, "_run_suite", suite)
    found = measure(API, names=("foreign_job_shown",), seeds=3, workers=1)
    assert sent == [1, 2, 3]
    assert [(row.seed, row.found) for row in found.rows] == [(1, False), (2, True), (3, True)]
    assert (found.totals()["definite_found"], found.totals()["definite"]) == (2, 3)
