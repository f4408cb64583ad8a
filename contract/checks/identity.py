"""
Whose job it is that comes back.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.trace import Trace

__all__ = ["job_id_is_echoed", "job_id_keeps_its_case"]


def _has_id(trace: Trace) -> bool:
    job = trace.latest.job
    return job is not None and job.id is not None and not _judged_elsewhere(trace.latest.subject)


def _has_id_as_asked(trace: Trace) -> bool:
    seen = trace.latest
    return seen.subject is not Subject.RECASED and _has_id(trace)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: the operation returns the job with the id in the path",
    severity=Severity.CRITICAL,
    about=Facet.JOB,
    premise=Premise("no job showed its id where the profile says that it stands (id.at)", _has_id),
    essential=True,
)
def job_id_is_echoed(trace: Trace) -> Iterator[Remark]:
    """
    A job that comes back is the job that was asked for.
    """
    seen, promise = trace.latest, trace.api.profile.id
    asked = seen.asked_for
    if asked is None or seen.job is None or _judged_elsewhere(seen.subject):
        return
    found = promise.spelled(seen.job.id)
    if found is None:
        return  # body_matches_schema speaks of a missing id
    if not _is_same(found, asked, case_insensitive=promise.any_case):
        yield violation(
            promise.at, expected=asked, found=found, basis=promise.basis, source=promise.source
        )


@check(
    basis=Basis.INFERRED,
    source="the id is an opaque key for whoever asked with it",
    severity=Severity.LOW,
    about=Facet.JOB,
    premise=Premise(
        "no job showed its id where the profile says that it stands (id.at)", _has_id_as_asked
    ),
)
def job_id_keeps_its_case(trace: Trace) -> Iterator[Remark]:
    """
    The id comes back byte for byte as it was asked for.
    """
    seen, promise = trace.latest, trace.api.profile.id
    # Asked for in the other case, a server may well answer in its own.
    if seen.job is None or seen.asked_for is None or seen.subject is Subject.RECASED:
        return
    found = seen.job.id
    if isinstance(found, str) and found != seen.asked_for:
        if found.lower() == seen.asked_for.lower() and promise.any_case:
            yield violation(promise.at, expected=seen.asked_for, found=found)


def _is_same(found: object, asked: str, *, case_insensitive: bool) -> bool:
    if not isinstance(found, str):
        return False
    return found == asked or (case_insensitive and found.lower() == asked.lower())


def _judged_elsewhere(subject: Subject) -> bool:
    # altered_id_finds_nothing and malformed_id_is_refused speak of these.
    return subject in (Subject.ALTERED, Subject.MALFORMED)
