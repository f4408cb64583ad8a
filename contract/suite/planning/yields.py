"""
What each question is worth, as measured: `yields.csv`, which `tox -e yield` writes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Self

from jobproof.contract.suite.planning.target import Effort

__all__ = ["ALWAYS", "ASKED_BEFORE", "Yields", "read_yields"]

ALWAYS = ("first owner GET", "missing owner GET")
"""What every run asks: without an answer to both nobody knows that the API itself answers."""
_FOR_THE_FLOOR = ("first again", "first owner GET other_client")
"""What shows a job twice more: of fewer bodies than three no verdict speaks, whatever it is of."""
ASKED_BEFORE = {"another missing": "foreign owner GET"}
"""What no fault needs, and a right server does: it is asked wherever the other is, and before it.
Of one id that nobody has it isn't known what in its answer is another for the next id."""
_EFFORTS = list(Effort)  # written there from the least up


@dataclass(frozen=True, slots=True)
class Yields:
    """
    Attributes:
        ranks: The place of each question in the order of asking.
        efforts: Of each the least effort; what isn't named here is asked by the greatest alone.
        checks: Of each the ids of the checks that it is asked for.
    """

    ranks: Mapping[str, int] = field(default_factory=dict)
    efforts: Mapping[str, Effort] = field(default_factory=dict)
    checks: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, questions: Iterable[tuple[str, Effort, Iterable[str]]]) -> Self:
        """
        Of questions in the order of asking, each with its effort and the checks that need it.
        """
        listed = list(questions)
        return cls(
            {name: rank for rank, (name, _, _) in enumerate(listed)},
            {name: effort for name, effort, _ in listed},
            {name: frozenset(checks) for name, _, checks in listed},
        )

    def needed_by(self, selected: Iterable[str]) -> frozenset[str] | None:
        """
        The questions without which one of these checks finds less; None where that isn't known
        of all of them, as of another's check.
        """
        wanted = frozenset(selected)
        if not wanted <= frozenset().union(*self.checks.values()):
            return None
        needed = {name for name, checks in self.checks.items() if checks & wanted}
        before = (one for one, of in ASKED_BEFORE.items() if of in needed)
        return frozenset((*needed, *ALWAYS, *_FOR_THE_FLOOR, *before))

    def rank(self, name: str) -> int:
        """
        Where it stands; what isn't named comes last.
        """
        return self.ranks.get(ASKED_BEFORE.get(name, name), len(self.ranks))

    def effort(self, name: str) -> Effort:
        """
        The least by which it is asked.
        """
        return self.efforts.get(ASKED_BEFORE.get(name, name), _EFFORTS[-1])

    def is_asked(self, name: str, effort: Effort) -> bool:
        """
        Whether a run of that effort asks it.
        """
        return _EFFORTS.index(self.effort(name)) <= _EFFORTS.index(effort)


@cache
def read_yields() -> Yields:
    """
    Those that were measured.
    """
    text = files(__package__).joinpath("yields.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return Yields.of(
        (row["question"], Effort(row["effort"]), row["checks"].split()) for row in rows
    )
