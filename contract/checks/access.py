"""
Who may see a job, and what others may learn of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobproof.contract.formats.headers import header_names
from jobproof.contract.formats.json_value import Json
from jobproof.contract.model.check import check
from jobproof.contract.model.exchange import Credential, Response, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace

__all__ = [
    "foreign_job_is_hidden",
    "foreign_job_looks_unknown",
    "invalid_token_is_refused",
    "token_is_required",
    "token_keeps_working",
]

# What may differ between any two answers of one server: the moment, the connection,
# the size of the body, and what an edge samples.
_VOLATILE = frozenset(
    {
        "age",
        "alt-svc",
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "etag",
        "expires",
        "keep-alive",
        "nel",
        "report-to",
        "server-timing",
        "set-cookie",
        "transfer-encoding",
    }
)
_IDENTIFIER = re.compile(r"[\w.:+-]{8,}", re.ASCII)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: security",
    severity=Severity.CRITICAL,
    needs=("none",),
    only=("none",),
)
def token_is_required(trace: Trace) -> Iterator[Remark]:
    """
    Nobody sees a job without a token.
    """
    yield from _reveals_job(trace, Credential.NONE, "without a token")


@check(
    basis=Basis.DOCUMENTED,
    source="the document: security",
    severity=Severity.CRITICAL,
    needs=("invalid",),
    only=("invalid",),
)
def invalid_token_is_refused(trace: Trace) -> Iterator[Remark]:
    """
    Nobody sees a job with a token that isn't valid.
    """
    yield from _reveals_job(trace, Credential.INVALID, "with a token that can't be valid")


@check(
    basis=Basis.DOCUMENTED,
    source="the document: security",
    severity=Severity.HIGH,
    needs=("known",),
)
def token_keeps_working(trace: Trace) -> Iterator[Remark]:
    """
    A token that has shown a job goes on showing it.
    """
    seen, access = trace.latest, trace.api.access
    if seen.code not in (401, 403) or seen.credential is not Credential.OWNER:
        return
    if not access.is_required and trace.token is None:
        return  # nothing was shown that could have stopped working
    if seen.code == 403 and "json" not in seen.media_type:
        return  # not the API's own word; endpoint_is_available speaks of it
    if seen.method == "GET" and any(
        o.code == 200 and o.method == "GET" and o.credential is Credential.OWNER
        for o in trace.earlier
    ):
        yield violation(
            "code",
            "the token was good for this job a moment ago",
            expected=200,
            found=seen.code,
            # Where nothing asks for a token, only the meaning of the code speaks of one.
            basis=access.basis if access.is_required else Basis.INFERRED,
            source=access.source or "RFC 9110 15.5.2: the credentials aren't valid",
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found is for jobs that the asker may not see, too",
    severity=Severity.CRITICAL,
    needs=("foreign",),
    only=("foreign",),
)
def foreign_job_is_hidden(trace: Trace) -> Iterator[Remark]:
    """
    Nobody sees somebody else's job.
    """
    seen = trace.latest
    if seen.subject is Subject.FOREIGN and 200 <= seen.code < 300 and seen.method != "OPTIONS":
        yield violation(
            "code",
            "somebody else's job is shown",
            expected=list(trace.api.profile.not_found.codes),
            found=seen.code,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found is for jobs that the asker may not see, too",
    severity=Severity.HIGH,
    # The baseline is an id that nobody has, asked for with the same token: hence "missing".
    needs=("foreign", "missing"),
    only=("foreign",),
)
def foreign_job_looks_unknown(trace: Trace) -> Iterator[Remark]:
    """
    Somebody else's job can't be told from one that doesn't exist.
    """
    seen, baseline = trace.latest, trace.baseline
    if seen.subject is not Subject.FOREIGN or seen.method != "GET" or baseline is None:
        return
    if seen.response is None or baseline.response is None or _is_transient(seen, baseline):
        return
    if seen.code != baseline.code:
        # Another code comes with another body and other headers: one finding says it all.
        yield violation(
            "code", "the code tells that the job exists", expected=baseline.code, found=seen.code
        )
        return
    foreign, unknown = _shape(seen), _shape(baseline)
    if foreign != unknown:
        yield violation(
            "body", "the body tells that the job exists", expected=unknown, found=foreign
        )
    # No document lists every header, so a difference among them is our reading alone.
    names, usual = _header_names(seen.response), _header_names(baseline.response)
    if names != usual:
        yield violation(
            "headers",
            "the headers tell that the job exists",
            expected=sorted(usual - names) or "no more headers",
            found=sorted(names - usual) or "fewer headers",
            basis=Basis.INFERRED,
        )


def _reveals_job(trace: Trace, who: Credential, how: str) -> Iterator[Remark]:
    seen, access = trace.latest, trace.api.access
    if not access.is_required:
        return
    # Browsers send a CORS preflight without credentials, so OPTIONS may answer anybody.
    if seen.credential is not who or seen.method == "OPTIONS" or not 200 <= seen.code < 300:
        return
    refusals = sorted({401, 403, *trace.api.profile.not_found.codes})
    yield violation(
        "code",
        f"answered {how}",
        expected=refusals,
        found=seen.code,
        basis=access.basis,
        source=access.source,
    )


def _is_transient(seen: Observation, baseline: Observation) -> bool:
    # A refusal for load or outage tells about the moment, not about the job.
    return any(
        o.code in (429, 503) or o.code >= 500 or 200 <= o.code < 300 for o in (seen, baseline)
    )


def _shape(seen: Observation) -> Json:
    if seen.body is None or not seen.body.readable:
        return seen.media_type
    return _outline(seen.body.value, seen.asked_for or "")


def _outline(value: Json, asked: str) -> Json:
    if isinstance(value, dict):
        return {key: _outline(item, asked) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_outline(item, asked) for item in value[:3]]
    if isinstance(value, str):
        # An error that echoes the id differs from another one by the id alone.
        text = value.replace(asked, "<id>") if asked else value
        return _IDENTIFIER.sub(_without_identifier, text) if len(text) <= 200 else "text"
    # A number may count requests or seconds, so its type is compared and not its value.
    return type(value).__name__


def _without_identifier(match: re.Match[str]) -> str:
    # Identifiers of the request change each time; words don't, and an error code such
    # as NOT_FOUND_404 is a word: its digits stand together.
    groups = re.findall(r"[0-9]+", match.group())
    return "<id>" if len(groups) > 1 or any(len(g) >= 8 for g in groups) else match.group()


def _header_names(response: Response) -> frozenset[str]:
    return header_names(response.headers) - _VOLATILE
