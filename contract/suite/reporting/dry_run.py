"""
A dry run: every request that would be sent, and nothing sent.
"""

from __future__ import annotations

from collections.abc import Callable

from jobproof.contract.suite.options import OptionValues
from jobproof.contract.suite.planning.plan import build_plan
from jobproof.contract.suite.planning.target_options import dry_run_target, open_target
from jobproof.contract.suite.reporting.summary import list_requests

__all__ = ["print_plan"]


def print_plan(values: OptionValues, write: Callable[[str], object]) -> None:
    """
    Write the plan for these options, a line a request; the token is in none.

    Raises:
        ConfigError: An option can't be used.
    """
    if values.get("url") is not None:
        target = dry_run_target(values)
        for line in list_requests(target, build_plan(target)):
            write(f"{line}\n")
        return
    with open_target(values) as target:
        for line in list_requests(target, build_plan(target)):
            write(f"{line}\n")
