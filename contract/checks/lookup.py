"""
Ids that name no job: unknown, hostile, or almost right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobproof.contract.formats.addresses.id_spellings import Spelling
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

_PLAIN_ID = re.compile(r"[\w-]*", re.ASCII)
# What is left of a UUID that was cut, or has something after it, is nobody's id.
_CUT_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{0,12}){0,4}x?", re.IGNORECASE)


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
    only=("altered", "disguised"),
    premise=Premise(
        "no answer to an altered id says whether there is such a job", _shows_whether_job
    ),
)
def altered_id_finds_nothing(trace: Trace) -> Iterator[Remark]:
    """
    Part of an id, or an id with something added, finds nothing.
    """
    seen = trace.latest
    # Of a job that is shown without a token, token_is_required speaks.
    if seen.subject not in (Subject.ALTERED, Subject.DISGUISED) or not seen.authorised:
        return
    if seen.code != 200 or seen.job is None:
        return
    asked, found = seen.asked_for or "", trace.api.profile.id.spelled(seen.job.id)
    if found == asked and _may_be_an_id(asked, trace.api.profile.id.shape):
        return  # part of an id may be another one, and that job the asker's, too
    spelling = seen.spelling_of(found)
    # foreign_job_is_hidden speaks of somebody else's job.
    if spelling is not Spelling.OTHER and seen.subject is Subject.DISGUISED:
        return
    if spelling is Spelling.EQUAL and found != asked:
        return  # a router tidies the path before anybody reads the id
    # A reader that takes another spelling harms nobody, so that it is wrong is our reading.
    respelled = spelling is Spelling.LENIENT
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


def _may_be_an_id(text: str, shape: str) -> bool:
    if shape == "uuid" and _CUT_UUID.fullmatch(text):
        return False
    return _PLAIN_ID.fullmatch(text) is not None


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
