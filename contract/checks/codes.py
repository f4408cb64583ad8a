"""
HTTP codes: documented, expected though undocumented, or wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from jobproof.contract.formats.headers import header_value
from jobproof.contract.formats.http_date import read_retry_after
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.wording import Words, first_few, shorten
from jobproof.contract.model.check import ERRORS, Facet, Premise, check
from jobproof.contract.model.exchange import Credential, Reason, Response, Subject
from jobproof.contract.model.finding import (
    Basis,
    Remark,
    Severity,
    gap,
    inconclusive,
    violation,
)
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.profile import ExpectedCode
from jobproof.contract.model.trace import Trace

__all__ = [
    "code_is_documented",
    "endpoint_is_available",
    "endpoint_stays_in_service",
    "no_redirect",
    "no_server_error",
    "not_modified_only_when_asked",
    "throttling_says_when",
]

_CONDITIONS = ("if-none-match", "if-modified-since")
_WHEN = Words("whole seconds or an HTTP date")
_NO_ERROR = Words("no server error")
_HOSTILE_ID_REFUSED = ExpectedCode(
    code=400,
    description="The id is refused.",
    basis=Basis.INFERRED,
    source="a string that can't be an id may be refused in any way",
)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses",
    severity=Severity.HIGH,
    premise=Premise("no GET was answered", lambda trace: trace.latest.method == "GET"),
)
def code_is_documented(trace: Trace) -> Iterator[Remark]:
    """
    The HTTP code is one that the document lists, or one that is expected here.
    """
    seen = trace.latest
    # The document describes this one operation; the family `methods` judges all others.
    if seen.method != "GET" or seen.spec is not None or _judged_elsewhere(trace, seen):
        return
    # Whoever asks in an odd manner may be refused for that; no document speaks of it.
    manner = seen.manner.spec
    if seen.code in manner.declines:
        return
    # That it may be asked so is our reading: job_is_the_same_however_asked says it as such.
    if manner.source and not manner.is_must and seen.code // 100 == 4:
        return
    expected = trace.api.expected_code(seen.code, seen.subject, seen.credential)
    if expected is None and seen.has_hostile_id and seen.code // 100 == 4:
        # Any refusal is right for what can't be an id; no standard says which one.
        expected = _HOSTILE_ID_REFUSED.model_copy(update={"code": seen.code})
    if expected is not None:
        yield gap(
            "code",
            f"{seen.code} is right here and the document doesn't list it: {expected.description}",
            found=seen.code,
            patch=_overlay(trace, expected),
            basis=expected.basis,
            source=expected.source,
        )
    else:
        listed = sorted(trace.api.operation.responses)
        codes = first_few(listed, most=12)
        yield violation(
            "code",
            f"{seen.code} isn't among the codes that the document lists: {codes}",
            expected=listed,
            found=seen.code,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses list no server error",
    severity=Severity.CRITICAL,
    codes=ERRORS,
)
def no_server_error(trace: Trace) -> Iterator[Remark]:
    """
    No question makes the server fail.
    """
    seen = trace.latest
    # 503 says that it is out of service for now: two checks of their own speak of it.
    if seen.code < 500 or seen.code == 503:
        return
    if seen.code == 501 and seen.method != "GET":
        return  # "not implemented" is a right answer to an unknown method
    if {str(seen.code), "5XX"} & trace.api.operation.responses.keys():
        # Once listed it breaks no written word, so that it is wrong is our reading.
        source = "a server error is a failure, listed or not"
        yield violation(
            "code", expected=_NO_ERROR, found=seen.code, basis=Basis.INFERRED, source=source
        )
    elif seen.spec is not None:
        # A `default` covers what isn't listed, so the document doesn't speak against it.
        source = "RFC 9110 15.6: by a 5xx the server says itself that it has erred"
        yield violation("code", expected=_NO_ERROR, found=seen.code, basis=Basis.RFC, source=source)
    else:
        yield violation("code", expected=_NO_ERROR, found=seen.code)


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.4.5",
    severity=Severity.HIGH,
    codes=(304,),
)
def not_modified_only_when_asked(trace: Trace) -> Iterator[Remark]:
    """
    304 answers a conditional request only.
    """
    seen = trace.latest
    if seen.code != 304:
        return
    request = seen.exchange.request
    # One is enough, where nobody knows of the other.
    if any(header_value(request.headers, name) for name in _CONDITIONS):
        return
    if not any(request.header(name) for name in _CONDITIONS):
        yield violation("code", "304 to a request without a condition", expected=200, found=304)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses list no redirect",
    severity=Severity.HIGH,
    codes=range(300, 400),
)
def no_redirect(trace: Trace) -> Iterator[Remark]:
    """
    A job is answered where it is asked for, not by sending the asker elsewhere.
    """
    seen = trace.latest
    if seen.response is None or seen.code // 100 != 3 or seen.code == 304 or seen.spec:
        return
    if seen.subject in (Subject.MALFORMED, Subject.ALTERED, Subject.RECASED, Subject.DISGUISED):
        # To the usual spelling, as a rule: a redirect shows no job.
        what = "a hostile id" if seen.has_hostile_id else "another spelling of an id"
        yield gap("code", f"{what} is answered by a redirect", found=seen.code)
        return
    url, location = seen.exchange.request.url, seen.response.known_header("location") or ""
    # From https nobody is sent to https: wherever it leads, it isn't for the scheme.
    if urlsplit(url).scheme == "http":
        location = seen.response.header("location") or ""
    # The base URL that we were given is to blame, not the server.
    if _only_adds_tls(url, location):
        yield inconclusive("code", "the server wants https; give the https URL", found=seen.code)
    else:
        yield violation(
            "code", expected=Words("an answer"), found=Words(_redirect(seen.response, location))
        )


@check(
    basis=Basis.INFERRED,
    source="RFC 6585 4: MAY include Retry-After",
    severity=Severity.LOW,
    premise=Premise("no answer was a 429", lambda trace: trace.latest.code == 429),
    codes=(429,),
)
def throttling_says_when(trace: Trace) -> Iterator[Remark]:
    """
    429 says when to come back.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 429:
        return
    # What one says that there is, retry_after_is_well_formed looks at.
    if seen.response.header("retry-after") is None:
        yield violation("header:retry-after", expected=_WHEN, found=Words("no Retry-After"))


@check(
    basis=Basis.INFERRED,
    source="nothing can be judged without an answer",
    severity=Severity.MEDIUM,
    about=Facet.EXCHANGE,
)
def endpoint_is_available(trace: Trace) -> Iterator[Remark]:
    """
    The endpoint answers at all, and lets the given token in.
    """
    seen = trace.latest
    failure = seen.exchange.failure
    if seen.intermediary is not None:
        who = shorten(seen.intermediary, 400)
        yield inconclusive("code", f"the API doesn't answer itself: {who}", found=seen.code)
    elif failure is not None:
        # A head that arrived is an answer; that its body is broken, body_arrives_whole says. A
        # timeout stays silence, whatever came before it.
        if failure.partial is None or failure.reason is Reason.TIMEOUT:
            yield inconclusive("code", f"no answer: {failure.detail}", found=failure.reason.value)
    elif seen.code == 503:
        if not _has_been_in_service(trace):  # else endpoint_stays_in_service speaks of it
            yield inconclusive("code", "out of service for now", found=503)
    elif _is_refused(seen) and not _token_works(trace):
        message = "the token isn't accepted, so its jobs can't be judged"
        if not trace.has_token:
            message = "a token is asked for and none was given, so no job can be judged"
        elif seen.subject is Subject.MISSING:
            # The token may be good for the jobs that there are.
            message = (
                f"{seen.code} for an id that nobody has: the token isn't accepted, or an unknown "
                "job is denied so; then the profile's not_found.codes say it"
            )
        yield inconclusive("code", message, found=seen.code)


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.6.4: an overload or a maintenance, which passes",
    codes=(503,),
)
def endpoint_stays_in_service(trace: Trace) -> Iterator[Remark]:
    """
    The endpoint doesn't go out of service in between other answers.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 503 or not _has_been_in_service(trace):
        return
    # A right server may be out of service for a moment, so nobody's promise is broken.
    when = seen.response.known_header("retry-after")
    back = "" if read_retry_after(when, now=trace.now) is None else ", and says when to come back"
    yield gap("code", f"out of service in between other answers{back}", found=503)


def _has_been_in_service(trace: Trace) -> bool:
    # A stranger may be refused while those who may see the job find nobody in.
    served = trace.dealings.in_service
    if trace.latest.credential in served or any(one.authorised for one in served.values()):
        return True
    known = trace.baseline
    if known is None or known.response is None or known.code == 503:
        return False
    return known.authorised or known.credential is trace.latest.credential


def _judged_elsewhere(trace: Trace, seen: Observation) -> bool:
    """
    Whether `seen` has no code, or one that another check speaks of.
    """
    if seen.code >= 500 or seen.code // 100 == 3:
        return True
    if seen.is_not_found and seen.subject is Subject.KNOWN and seen.authorised:
        return True  # known_job_is_found says that it should have been
    if not _is_refused(seen):
        return False
    # foreign_job_looks_unknown compares the codes; token_keeps_working knows better days.
    is_foreign = seen.subject in (Subject.FOREIGN, Subject.DISGUISED)
    return is_foreign or _was_accepted(trace) or not _token_works(trace)


def _is_refused(seen: Observation) -> bool:
    """
    Whether it looks as if the token itself wasn't accepted.
    """
    if seen.code == 403 and seen.has_hostile_id:
        return False  # a firewall may refuse a hostile id whatever the token
    if seen.is_not_found:
        return False  # some vendors deny a job that isn't there with 403
    asks = seen.method in ("GET", "HEAD") and seen.credential is Credential.OWNER
    return asks and seen.code in (401, 403)


def _was_accepted(trace: Trace) -> bool:
    return trace.dealings.accepted is not None


def _token_works(trace: Trace) -> bool:
    """
    Whether the token is known to be good: it has shown a job, or was told of an
    unknown id that there is no such job.
    """
    baseline = trace.baseline
    baseline_accepted = baseline is not None and baseline.is_not_found
    return baseline_accepted or _was_accepted(trace)


def _overlay(trace: Trace, expected: ExpectedCode) -> JsonObject:
    operation = trace.api.operation
    # An Overlay names the place it changes by JSONPath (RFC 9535 2.3.1: quotes are escaped).
    path = operation.path.replace("\\", "\\\\").replace("'", "\\'")
    target = f"$.paths['{path}'].{operation.method.lower()}.responses"
    return {
        "target": target,
        "update": {str(expected.code): {"description": expected.description}},
    }


def _only_adds_tls(url: str, location: str) -> bool:
    asked, sent = urlsplit(url), _split(location)
    return asked.scheme == "http" and sent.scheme == "https" and asked.hostname == sent.hostname


def _split(location: str) -> SplitResult:
    try:
        return urlsplit(location)
    except ValueError:
        # Foreign text: urlsplit raises on brackets that aren't an IPv6 address.
        return urlsplit("")


def _redirect(response: Response, location: str) -> str:
    if not location and not response.has_all_headers:
        return f"{response.code}"
    return f"{response.code} to {_host(location)}"


def _host(location: str) -> str:
    parts = _split(location)
    # What stands before the `@` may be a password.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "a path"
