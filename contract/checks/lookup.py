"""
Ids that name no job: unknown, hostile, or almost right.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from jobproof.contract.formats.wording import told
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.promises.sources import denial
from jobproof.contract.model.trace import Trace

__all__ = [
    "altered_id_finds_nothing",
    "id_is_matched_by_case",
    "malformed_id_is_refused",
    "unknown_id_is_not_found",
]


def _is_decided(trace: Trace) -> bool:
    # An outage, or a refusal for load or for the token, says nothing of the id.
    seen = trace.latest
    if seen.method != "GET" or not seen.authorised:
        return False
    return seen.is_not_found or (200 <= seen.code < 500 and seen.code not in (401, 408, 429))


def _tells_whether_there(trace: Trace) -> bool:
    # A refusal with 403 may be about the token, and a redirect leads elsewhere; only the profile
    # can say that they deny the job.
    seen = trace.latest
    says_so = seen.code != 403 and not 300 <= seen.code < 400
    return _is_decided(trace) and (seen.is_not_found or says_so)


def _case_counts(trace: Trace) -> bool:
    return not trace.api.profile.id.any_case and _is_decided(trace)


def _shows_whether_job(trace: Trace) -> bool:
    """
    Whether a 200 without a job is known to be one.

    Raises:
        NotRecorded: A recorder left out what tells.
    """
    seen = trace.latest
    if seen.response is not None and seen.code == 200 and seen.job is None:
        _ = seen.response.recorded_body
        for name in trace.api.profile.status.headers:
            seen.response.header(name)
    return _is_decided(trace)


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found",
    severity=Severity.CRITICAL,
    needs=("missing",),
    only=("missing",),
    premise=Premise(
        "no answer to an unknown id says whether there is such a job", _tells_whether_there
    ),
    essential=True,
)
def unknown_id_is_not_found(trace: Trace) -> Iterator[Remark]:
    """
    An id that nobody has is not found.
    """
    seen, promise = trace.latest, trace.api.profile.not_found
    if seen.subject is not Subject.MISSING or seen.method != "GET" or not seen.authorised:
        return
    # Of a wrong refusal, such as 400, code_is_documented speaks.
    if 200 <= seen.code < 300:
        yield violation(
            "code",
            f"a fresh random id is answered with {seen.code}",
            expected=list(promise.codes),
            found=seen.code,
            basis=promise.basis,
            source=promise.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found",
    severity=Severity.CRITICAL,
    needs=("malformed",),
    only=("malformed",),
    premise=Premise(
        "no answer to a hostile id says whether there is such a job", _shows_whether_job
    ),
)
def malformed_id_is_refused(trace: Trace) -> Iterator[Remark]:
    """
    A hostile string finds nobody's job.
    """
    seen = trace.latest
    # An object without an id is no job but another route's answer, such as a list.
    if seen.subject is Subject.MALFORMED and seen.job is not None and seen.job.id is not None:
        promise = denial(trace.api.profile)
        yield violation(
            "code",
            f"a string that can't be an id finds the job {told(seen.job.id)}",
            expected=list(trace.api.profile.not_found.codes),
            found=seen.code,
            basis=promise.basis,
            source=promise.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found, id",
    severity=Severity.CRITICAL,
    needs=("altered",),
    only=("altered",),
    premise=Premise(
        "no answer to an altered id says whether there is such a job", _shows_whether_job
    ),
)
def altered_id_finds_nothing(trace: Trace) -> Iterator[Remark]:
    """
    Part of an id, or an id with something added, finds nothing.
    """
    seen = trace.latest
    if seen.subject is not Subject.ALTERED or seen.code != 200 or seen.job is None:
        return
    promise = trace.api.profile.id
    asked, found = seen.asked_for or "", promise.spelled(seen.job.id)
    if promise.shape == "integer" and found == asked:
        return  # half of a number is a number, and may be another job's
    # A reader that takes another spelling harms nobody, so that it is wrong is our reading.
    respelled = isinstance(found, str) and _respells(found, asked, shape=promise.shape)
    written = denial(trace.api.profile)
    # An object without an id may be anything; that it isn't "not found" is what is wrong.
    what = "finds something without an id" if found is None else f"finds the job {told(found)}"
    yield violation(
        "code",
        f"the id {told(asked)} {what}",
        expected=list(trace.api.profile.not_found.codes),
        found=200,
        basis=Basis.INFERRED if respelled else written.basis,
        source="the id is an opaque key" if respelled else written.source,
    )


def _respells(found: str, asked: str, *, shape: str) -> bool:
    """
    Whether `asked` is `found` in another spelling that a lenient reader takes.
    """
    if asked.strip() == found:
        return True
    try:
        return shape == "uuid" and UUID(asked) == UUID(found)
    except ValueError:
        return False


@check(
    basis=Basis.INFERRED,
    source="the id is an opaque key",
    severity=Severity.LOW,
    needs=("recased",),
    only=("recased",),
    premise=Premise("ids here name the same job in either letter case", _case_counts),
)
def id_is_matched_by_case(trace: Trace) -> Iterator[Remark]:
    """
    An id in the other letter case finds nothing, where ids are no UUIDs.
    """
    seen = trace.latest
    if seen.subject is not Subject.RECASED or seen.code != 200:
        return
    # UUIDs are read in either case (RFC 9562 4).
    if not trace.api.profile.id.any_case:
        yield violation(
            "code",
            f"the id in the other letter case is answered with {seen.code}",
            expected=list(trace.api.profile.not_found.codes),
            found=seen.code,
        )
