"""
Small changes of recorded answers: the wrong ones are noticed, the legal ones pass, and each
survivor is known by its reason.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.contract.measured_mutants import measured

from jobproof.contract.errors import ConfigError
from jobproof.contract.plugins import find_api
from jobproof.contract.scoring.cli import score
from jobproof.contract.scoring.mutants import measure
from jobproof.contract.scoring.mutants.listed import (
    ListedMutants,
    Sorted,
    read_listed,
    sort_mutants,
)
from jobproof.contract.scoring.mutants.measure import JudgedMutant
from jobproof.contract.scoring.mutants.table import LEAST_SHARE, as_dict, has_failed, table_of

# What is measured once is kept for all of them.
pytestmark = pytest.mark.xdist_group("mutants")

APIS = ("krea", "openai-batch")
every_api = pytest.mark.parametrize("name", APIS)
WHY = "a reason that is long enough to say something"
WRONG = JudgedMutant("text emptied", "/a", "queued", False, (), False, False, False)
SEEN = replace(WRONG, place="/b", checks=("x",), killed=True, killed_strict=True)
LEGAL = replace(WRONG, operator="text respelled", legal=True)


def _sorted(name: str) -> Sorted:
    return sort_mutants(read_listed(find_api(name)), measured(name))


@every_api
def test_each_survivor_is_listed_with_its_reason(name: str) -> None:
    unlisted = {(m.operator, m.place, m.state) for m in _sorted(name).unlisted}
    assert unlisted == set(), "list it in mutants.yaml, or write the check that is missing"


@every_api
def test_no_entry_of_the_list_is_stale(name: str) -> None:
    assert _sorted(name).stale == ()


@every_api
def test_a_legal_change_is_never_called_broken(name: str) -> None:
    found = _sorted(name)
    assert len(found.legal) > 1000
    assert [(m.operator, m.place, m.state, m.checks) for m in found.false_alarms] == []


@every_api
def test_nearly_all_wrong_changes_are_noticed(name: str) -> None:
    found = _sorted(name)
    assert len(found.wrong) > 5000
    assert found.share(strict=True) >= LEAST_SHARE
    assert found.share(strict=True) >= found.share(strict=True, raw=True)
    # Most of what is said of a batch over time is our reading.
    assert found.share(strict=False) > (0.85 if name == "krea" else 0.75)
    assert sum(mutant.schema for mutant in found.wrong) / len(found.wrong) < 0.75
    assert not has_failed(found)


@every_api
def test_every_way_to_ask_is_changed(name: str) -> None:
    states = {mutant.state.partition(" at ")[0] for mutant in measured(name)}
    ways = {"unknown", "outsider", "foreign", "malformed", "unchanged", "head", "options"}
    assert states >= {*ways, "refused method", *find_api(name).lifecycle.statuses} - {"backlogged"}


def test_two_measurements_are_the_same_to_the_last_mutant(tmp_path: Path) -> None:
    out = tmp_path / "mutants.json"
    done = CliRunner().invoke(score, ["--mutants", "--json", str(out)], standalone_mode=False)
    assert done.return_value == 0
    assert json.loads(out.read_text()) == json.loads(json.dumps(as_dict(_sorted("krea"))))
    assert "by the document's schema alone" in done.output
    assert "legal changes: " in done.output


def test_an_answer_that_is_wrong_from_the_start_ends_the_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = measure.record_lives

    def wrong(api):  # type: ignore[no-untyped-def]
        found = record(api)
        first = found.lives[1].exchanges[0]
        odd = replace(first, answer=replace(first.response, code=418))
        life = replace(found.lives[1], exchanges=(odd, *found.lives[1].exchanges[1:]))
        return replace(found, lives=(found.lives[0], life, *found.lives[2:]))

    monkeypatch.setattr(measure, "record_lives", wrong)
    with pytest.raises(ValueError, match="speaks against an answer that nobody changed"):
        measure.measure_mutants(find_api("krea"))


def listed(**entries: object) -> ListedMutants:
    return ListedMutants.model_validate(entries)


def test_an_equivalent_mutant_counts_in_the_raw_figure_alone() -> None:
    entry = {"change": "text emptied", "at": "/a", "why": WHY}
    found = sort_mutants(listed(equivalent=[entry]), [WRONG, SEEN, LEGAL])
    assert (found.share(strict=True), found.share(strict=True, raw=True)) == (1.0, 0.5)
    assert (found.unlisted, found.stale, has_failed(found)) == ((), (), False)
    missed = sort_mutants(listed(missed=[entry]), [WRONG, SEEN, LEGAL])
    assert (missed.share(strict=True), missed.equivalent, missed.unlisted) == (0.5, (), ())
    assert has_failed(missed)  # too few


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"at": "/c"}, "text emptied at /c: there is no such mutant any more; drop the entry"),
        ({"at": "/b"}, "text emptied at /b: x notices /b of queued; narrow or drop the entry"),
        ({}, "text emptied at *: x notices /b of queued; narrow or drop the entry"),
        (
            {"at": "/a", "seen": "failed"},
            "text emptied at /a: there is no such mutant any more; drop the entry",
        ),
    ],
)
def test_an_entry_that_is_about_no_survivor_is_stale(entry: object, complaint: str) -> None:
    assert isinstance(entry, dict)
    found = sort_mutants(
        listed(equivalent=[{"change": ["text emptied"], "why": WHY, **entry}]), [WRONG, SEEN]
    )
    assert found.stale == (complaint,)
    assert has_failed(found)
    assert f"mutants.yaml: {complaint}" in table_of(found)


def test_what_is_wrong_is_said_in_lines() -> None:
    alarm = replace(LEGAL, killed_strict=True, checks=("x",))
    found = sort_mutants(listed(), [WRONG, SEEN, alarm])
    lines = list(table_of(found))
    assert "survivor that mutants.yaml doesn't list: text emptied at /a of queued" in lines
    assert "legal change called broken: text respelled at /a of queued" in lines
    assert "legal changes: 1, 0 called broken; with --strict 1" in lines
    assert "2 mutants: 50.0% killed, 50.0% with --strict, 0.0% by the document's schema alone" in (
        lines
    )
    many = [replace(WRONG, place=f"/{n}") for n in range(25)]
    assert "survivor that mutants.yaml doesn't list: 5 more; --json F has them all" in list(
        table_of(sort_mutants(listed(), many))
    )


def test_a_list_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    api = replace(find_api("krea"), folder=tmp_path)
    assert read_listed(api) == ListedMutants()
    (tmp_path / "mutants.yaml").write_text("missed:\n  - change: text cut\n    why: short\n")
    with pytest.raises(ConfigError, match=r"mutants\.yaml:3: missed\[0\]\.why"):
        read_listed(api)
