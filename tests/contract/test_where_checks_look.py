"""
Where each check looks and where it speaks: a table over the situations, kept as a text, so that
a change shows in review.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from tests.contract.builders import judge
from tests.contract.situations import SITUATIONS
from tests.contract.test_checks_table import CASES_OF_ALL_CHECKS

from jobproof.contract.formats.wording import shorten
from jobproof.contract.judging.judge import CRASHED, Judgement
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import NotRecorded
from jobproof.contract.model.trace import Trace

_TABLE = Path(__file__).with_name("where_checks_look.txt")
_CHECKS = {check.id: check for check in judge().checks}


@cache
def _judgements() -> Mapping[str, Mapping[str, Judgement]]:
    return {
        group: {name: judge().judge(seen) for name, seen in traces.items()}
        for group, traces in SITUATIONS.items()
    }


@cache
def _asked() -> Mapping[str, Mapping[str, Mapping[str, bool]]]:
    """
    By check, group and name: whether it looked, where it was asked.
    """
    found: dict[str, dict[str, dict[str, bool]]] = {}
    for group, judgements in _judgements().items():
        for name, one in judgements.items():
            looked = {check.id for check in one.looked}
            for check in one.asked:
                of_group = found.setdefault(check.id, {}).setdefault(group, {})
                of_group[name] = check.id in looked
    return found


def _traces() -> Iterator[Trace]:
    for traces in SITUATIONS.values():
        yield from traces.values()


def _places(found: Mapping[str, Collection[str]]) -> str:
    """
    Groups with the names in them; `*` for all, and `-` before those that aren't.
    """
    told = []
    for group, all_of_it in SITUATIONS.items():
        names = found.get(group, ())
        others = [name for name in all_of_it if name not in names]
        if names and not others:
            told.append(f"{group} [*]")
        elif names and len(others) < len(names):
            told.append(f"{group} [* - {', '.join(others)}]")
        elif names:
            told.append(f"{group} [{', '.join(names)}]")
    return "; ".join(told) or "nowhere"


def _row(check: Check) -> str:
    asked = _asked().get(check.id, {})
    looks, passes = (
        {
            group: [name for name, has_looked in names.items() if has_looked is which]
            for group, names in asked.items()
        }
        for which in (True, False)
    )
    # Whichever is the shorter one; it is run on all the others that go as deep as it.
    where = min(f"looks: {_places(looks)}", f"passes over: {_places(passes)}", key=len)
    speaks: dict[str, dict[str, list[str]]] = {}
    for group, judgements in _judgements().items():
        for name, one in judgements.items():
            for finding in one.findings:
                if finding.check == check.id:
                    wanted = shorten(str(finding.expected), 60)
                    how = f"{finding.kind} {finding.basis} at {finding.pointer}, not {wanted}"
                    speaks.setdefault(how, {}).setdefault(group, []).append(name)
    case = CASES_OF_ALL_CHECKS[f"{check.family}-{check.id}"]
    said = [finding for finding in judge()(case.rejects) if finding.check == check.id]
    lines = [check.id, where]
    lines += [f"says: {f.message} ({f.expected!r}, not {f.found!r}; {f.source})" for f in said]
    lines += [f"{how}: {_places(places)}" for how, places in sorted(speaks.items())]
    wrapped = [
        textwrap.fill(line, 100, initial_indent=indent, subsequent_indent=indent + "  ")
        for line, indent in zip(lines, ("", *["  "] * len(lines)), strict=False)
    ]
    return "\n".join(wrapped)


def test_where_each_check_looks_and_speaks_stands_in_the_table(tmp_path: Path) -> None:
    rows = [_row(check) for check in sorted(_CHECKS.values(), key=lambda one: one.id)]
    now = tmp_path / _TABLE.name
    now.write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    written = _TABLE.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    differing = [row for row in rows if row not in written]
    told = "\n\n".join(differing)
    assert not differing, f"if this is meant: cp {now} {_TABLE}\n\n{told}"
    assert rows == written, f"checks are gone: cp {now} {_TABLE}"


def test_no_situation_makes_a_check_crash() -> None:
    for judgements in _judgements().values():
        for one in judgements.values():
            assert [f.message for f in one.findings if f.check == CRASHED] == []


@pytest.mark.parametrize("check", _CHECKS.values(), ids=_CHECKS)
def test_by_itself_a_check_can_be_asked_of_anything(check: Check) -> None:
    for seen in _traces():
        try:
            assert isinstance(list(check.run(seen)), list)
            assert check.looks_at(seen) in (True, False)
        except NotRecorded:
            continue  # what a recorder left out


def test_where_a_check_finds_a_violation_it_has_looked() -> None:
    for judgements in _judgements().values():
        for name, one in judgements.items():
            asked, looked = ({check.id for check in found} for found in (one.asked, one.looked))
            assert {f.check for f in one.findings} & asked <= looked, name


def test_a_code_that_is_found_is_that_of_the_answer() -> None:
    for judgements in _judgements().values():
        for one in judgements.values():
            found = [f for f in one.findings if f.pointer == "code" and isinstance(f.found, int)]
            assert {f.found for f in found} <= {
                f.exchange.response and f.exchange.response.code for f in found
            }
