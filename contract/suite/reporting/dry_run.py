"""
A dry run: every request that would be sent, and nothing sent.
"""

from __future__ import annotations

from collections.abc import Callable

from jobproof.contract.suite.options import OptionValues
from jobproof.contract.suite.planning.plan import build_plan, request_of
from jobproof.contract.suite.planning.target import SuiteTarget
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
        _print(dry_run_target(values), write)
        return
    with open_target(values) as target:
        _print(target, write)


def _print(target: SuiteTarget, write: Callable[[str], object]) -> None:
    plan = build_plan(target)
    for line in list_requests(target, plan):
        write(f"{line}\n")
    owner = request_of(target, plan[0]).redacted(target.redactor)
    carried = "; ".join(f"{name}: {value}" for name, value in owner.headers)
    write(f"the owner's requests carry {carried}\n")
