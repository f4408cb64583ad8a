"""
Survivors that are known: `mutants.yaml` in an API's folder says of each why nobody notices it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BeforeValidator, Field

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.formats.yaml_file import read_yaml
from jobproof.contract.model.api import Api
from jobproof.contract.scoring.mutants.measure import JudgedMutant

__all__ = ["ListedMutants", "Sorted", "read_listed", "sort_mutants"]

FILE = "mutants.yaml"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Words = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class ListedMutant(StrictModel):
    """
    Mutants that nobody notices, and why.

    Attributes:
        change: The operators.
        at: Where, and to what it is changed; `*` stands for anything.
        seen: In which statuses, or ways to ask; likewise.
    """

    change: _Words = Field(min_length=1)
    at: _Words = ("*",)
    seen: _Words = ("*",)
    why: str = Field(min_length=20)

    def is_about(self, mutant: JudgedMutant) -> bool:
        """
        Whether it speaks of that mutant.
        """

        def fits(text: str, patterns: Iterable[str]) -> bool:
            return any(fnmatchcase(text, pattern) for pattern in patterns)

        here = fits(mutant.place, self.at) and fits(mutant.state, self.seen)
        return mutant.operator in self.change and here


class ListedMutants(StrictModel):
    """
    Attributes:
        equivalent: No answer that follows, and nothing that is written, tells them from right.
        missed: They are wrong, and no check says so.
    """

    equivalent: tuple[ListedMutant, ...] = ()
    missed: tuple[ListedMutant, ...] = ()


@dataclass(frozen=True, slots=True)
class Sorted:
    """
    What became of all mutants of an API.

    Attributes:
        wrong: Those that are no legal change, equivalent ones included.
        equivalent: Survivors that are listed as such.
        unlisted: Survivors that nobody listed.
        false_alarms: Legal changes that were called broken.
        stale: Entries of the list that are about no survivor, or about a mutant that is noticed.
    """

    wrong: tuple[JudgedMutant, ...]
    legal: tuple[JudgedMutant, ...]
    equivalent: tuple[JudgedMutant, ...]
    unlisted: tuple[JudgedMutant, ...]
    false_alarms: tuple[JudgedMutant, ...]
    stale: tuple[str, ...]

    def share(self, *, strict: bool, raw: bool = False) -> float:
        """
        How many of the wrong ones are noticed, from 0 to 1.

        Args:
            raw: Count equivalent ones as missed.
        """
        killed = sum(m.killed_strict if strict else m.killed for m in self.wrong)
        return killed / max(len(self.wrong) - (0 if raw else len(self.equivalent)), 1)


def read_listed(api: Api) -> ListedMutants:
    """
    What the API's folder lists; nothing where it has no such file.

    Raises:
        ConfigError: The file can't be read as a list of mutants; with the line.
    """
    path = api.folder / FILE
    return read_yaml(path, ConfigError).parse(ListedMutants) if path.is_file() else ListedMutants()


def sort_mutants(listed: ListedMutants, mutants: Iterable[JudgedMutant]) -> Sorted:
    """
    The mutants held against the list, and the list against them.
    """
    wrong: list[JudgedMutant] = []
    legal: list[JudgedMutant] = []
    for mutant in mutants:
        (legal if mutant.legal else wrong).append(mutant)
    survivors = [mutant for mutant in wrong if not mutant.killed_strict]
    equivalent = [m for m in survivors if any(e.is_about(m) for e in listed.equivalent)]
    known = (*listed.equivalent, *listed.missed)
    stale = []
    for entry in known:
        about = [mutant for mutant in wrong if entry.is_about(mutant)]
        noticed = next((mutant for mutant in about if mutant.killed_strict), None)
        name = f"{', '.join(entry.change)} at {', '.join(entry.at)}"
        if not about:
            stale.append(f"{name}: there is no such mutant any more; drop the entry")
        elif noticed is not None:
            place = f"{noticed.place} of {noticed.state}"
            stale.append(f"{name}: {noticed.checks[0]} notices {place}; narrow or drop the entry")
    return Sorted(
        tuple(wrong),
        tuple(legal),
        tuple(equivalent),
        tuple(m for m in survivors if not any(e.is_about(m) for e in known)),
        tuple(m for m in legal if m.killed_strict),
        tuple(stale),
    )
