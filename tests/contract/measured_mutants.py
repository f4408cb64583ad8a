"""
The mutants of an API, measured once for all tests of a process.
"""

from __future__ import annotations

from functools import cache

from jobproof.contract.plugins import find_api
from jobproof.contract.scoring.mutants.measure import JudgedMutant, measure_mutants

__all__ = ["measured"]


@cache
def measured(api: str) -> tuple[JudgedMutant, ...]:
    """
    What became of all mutants of that API.
    """
    return measure_mutants(find_api(api))
