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

__all__ = ["Yields", "read_yields"]

_EFFORTS = list(Effort)  # written there from the least up


@dataclass(frozen=True, slots=True)
class Yields:
    """
    Attributes:
        ranks: The place of each question in the order of asking.
        efforts: Of each the least effort; what isn't named here is asked by the greatest alone.
    """

    ranks: Mapping[str, int] = field(default_factory=dict)
    efforts: Mapping[str, Effort] = field(default_factory=dict)

    @classmethod
    def of(cls, questions: Iterable[tuple[str, Effort]]) -> Self:
        """
        Of questions in the order of asking, each with its effort.
        """
        listed = list(questions)
        ranks = {name: rank for rank, (name, _) in enumerate(listed)}
        return cls(ranks, dict(listed))

    def rank(self, name: str) -> int:
        """
        Where it stands; what isn't named comes last.
        """
        return self.ranks.get(name, len(self.ranks))

    def effort(self, name: str) -> Effort:
        """
        The least by which it is asked.
        """
        return self.efforts.get(name, _EFFORTS[-1])

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
    return Yields.of((row["question"], Effort(row["effort"])) for row in rows)
