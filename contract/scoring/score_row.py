"""
What one run of the suite against one mock came to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ScoreRow"]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """
    One run against one mocked server.

    Attributes:
        group: The fault's class letter, or `variant`.
        definite: Whether the document, the vendor's prose or an RFC calls it wrong.
        found: Whether the run was red (exit 1).
        found_strict: Whether it is red with `--strict`.
        right: Whether a finding names a promise that the fault breaks; of a definite fault one
            that turns the run red by itself.
        seed: Of the run's random ids; 0 where they are fresh ones each time.
        checks: Every check that has found something wrong, `--strict` or not.
        breaking: Those of them that turn the run red without `--strict`.
        places: At which questions they saw it first: whose id, by whose right, by which method
            and in which manner.
        stock: Whether stock Schemathesis was red; None where it wasn't run.
    """

    name: str
    kind: Literal["fault", "variant"]
    group: str
    definite: bool
    verdict: str
    exit_code: int
    found: bool
    found_strict: bool
    right: bool
    checks: tuple[str, ...]
    breaking: tuple[str, ...]
    requests: int
    seconds: float
    places: tuple[str, ...] = ()
    seed: int = 0
    stock: bool | None = None
