"""
A dry run: every request that would be sent, and nothing sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.accepting.baseline import read_baseline
from jobproof.contract.suite.options import OptionValues
from jobproof.contract.suite.planning.forecast import forecast_of
from jobproof.contract.suite.planning.plan import PlannedRequest, build_plan, request_of
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.planning.target_options import dry_run_target, open_target

__all__ = ["list_requests", "print_plan"]


def print_plan(values: OptionValues, write: Callable[[str], object]) -> None:
    """
    Write the plan for these options, a line a request; the token is in none.

    Raises:
        ConfigError: An option or a plug-in can't be used: whatever a run would refuse but for a
            token that isn't there.
    """
    load_checks()
    if values.get("url") is not None:
        _print(dry_run_target(values), values.get("baseline"), write)
        return
    with open_target(values) as target:
        _print(target, values.get("baseline"), write)


def list_requests(target: SuiteTarget, plan: Sequence[PlannedRequest]) -> Iterator[str]:
    """
    Every question of a plan, one line each, without the token.
    """
    for planned in plan:
        request = request_of(target, planned).redacted(target.redactor)
        notes = [planned.subject.value, planned.credential.value]
        if planned.follows:
            notes.append(f"every {target.poll_interval_s:g} s or more, to its end")
        if planned.beside:
            notes.append("two at once")
        if planned.each_end:
            notes.append("of jobs that end alike, one")
        yield f"{planned.method:7} {request.url}  [{', '.join(notes)}] {planned.why}"
    effort = target.effort
    yield forecast_of(target, plan).told
    yield (
        f"then up to {effort.generated} generated GET requests and {effort.walks} walks of a "
        "client (GET, HEAD, OPTIONS on these jobs; other methods on fresh random ids only)"
    )


def _print(target: SuiteTarget, baseline: str | None, write: Callable[[str], object]) -> None:
    read_baseline(baseline, target.api.name)
    plan = build_plan(target)
    for line in list_requests(target, plan):
        write(f"{line}\n")
    for planned in plan[:1]:
        owner = request_of(target, planned).redacted(target.redactor)
        carried = "; ".join(f"{name}: {value}" for name, value in owner.headers)
        write(f"the owner's requests carry {carried}\n")
