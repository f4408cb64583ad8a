"""
Which other status an answer may show by the profile, read here apart from the checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.model.job import Job
from jobproof.contract.model.observation import Observation
from jobproof.contract.scoring.mutants.mutant import Original

__all__ = ["may_come_between", "may_have_status"]


def may_have_status(original: Original, word: str) -> bool:
    """
    Whether the job could be in that status between its neighbours, with the same body.
    """
    job = original.seen.job
    return job is not None and may_come_between(original, word) and _fits(original, job, word)


def may_come_between(original: Original, word: str) -> bool:
    """
    Whether a life may lead from the status before to that one, and on to the one after.
    """
    before = _first_status(reversed(original.before))
    after = _first_status(original.after)
    path = [status for status in (before, word, after) if status is not None]
    steps = [original.api.lifecycle.step(*pair) for pair in pairwise(path)]
    return all(step is not None and step.verdict != "illegal" for step in steps)


def _fits(original: Original, job: Job, word: str) -> bool:
    profile = original.api.profile
    for stamp in profile.times.later if profile.times else ():
        is_there = stamp.at in job.present
        if is_there and stamp.allowed_in is not None and word not in stamp.allowed_in:
            return False
        if not is_there and word in (stamp.required_in or ()):
            return False
    if profile.result is not None and word in profile.result.required_in and not job.results:
        return False
    if profile.failure is None:
        return True
    has_reason = any(pick(job.body, at) for at in profile.failure.at)
    if has_reason:
        return word in profile.failure.allowed_in
    return word not in profile.failure.required_in


def _first_status(seen: Iterable[Observation]) -> str | None:
    return next((status for one in seen if (status := _status(one)) is not None), None)


def _status(seen: Observation) -> str | None:
    if seen.job is None or seen.method != "GET" or not seen.authorised:
        return None
    return str(seen.job.status)
