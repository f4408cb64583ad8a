"""
Bytes: whole, of bearable size, and JSON that every reader reads the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from jobproof.contract.formats.field_values.grammar import is_uri_reference
from jobproof.contract.formats.json_body import Flaw
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.wording import Words, told
from jobproof.contract.model.check import ERRORS, Facet, Premise, check
from jobproof.contract.model.exchange import Reason, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.promises.sources import content_source
from jobproof.contract.model.trace import Trace

__all__ = [
    "body_arrives_whole",
    "body_has_no_byte_order_mark",
    "body_is_json",
    "body_is_utf8",
    "body_is_within_size_cap",
    "content_coding_was_offered",
    "json_keys_are_unique",
    "json_numbers_are_exact",
    "json_numbers_are_finite",
    "json_text_is_unicode",
    "problem_members_have_their_types",
    "problem_repeats_the_code",
]

# What the client offers where a request states nothing. `x-gzip` is another name of gzip (RFC
# 9110 8.4.1.3), and identity needs no offer.
_OFFERED = frozenset({"gzip", "x-gzip", "deflate", "identity"})


def _has_size(trace: Trace) -> bool:
    response, failure = trace.latest.response, trace.latest.exchange.failure
    return failure is not None or (response is not None and response.body is not None)


def _was_offered(trace: Trace) -> bool:
    return trace.latest.subject is not Subject.UNSTATED


@check(
    basis=Basis.RFC,
    source="RFC 9112 8, RFC 9110 8.4",
    severity=Severity.HIGH,
    about=Facet.EXCHANGE,
    premise=Premise("no body was recorded", _has_size),
)
def body_arrives_whole(trace: Trace) -> Iterator[Remark]:
    """
    An answer whose head arrives has the body that its head announces.
    """
    failure = trace.latest.exchange.failure
    # Without a head nobody answered: endpoint_is_available speaks of it.
    if failure is None or failure.partial is None:
        return
    # A timeout amid the body isn't here: a slow network cuts an answer off, too.
    if failure.reason in (Reason.PROTOCOL, Reason.ENCODING):
        yield violation(
            "body",
            f"the head came, the body is broken: {failure.detail}",
            expected=Words("a whole body"),
            found=Words("a broken one"),
        )


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: body.limit",
    severity=Severity.MEDIUM,
    about=Facet.EXCHANGE,
    premise=Premise("no body was recorded", _has_size),
)
def body_is_within_size_cap(trace: Trace) -> Iterator[Remark]:
    """
    A job fits into the size that a poller can be expected to read.
    """
    limit = trace.api.profile.body
    failure, response = trace.latest.exchange.failure, trace.latest.response
    size = len(response.body or b"") if response else 0
    if failure is not None and failure.reason is Reason.TOO_LARGE:
        yield violation(
            "body",
            f"the body passed the cap and was cut: {failure.detail}",
            expected=Words(f"at most {limit.limit} bytes"),
            # The client stops reading at its own cap, so nobody knows the true size.
            found=Words("more"),
            basis=limit.basis,
            source=limit.source,
        )
    elif size > limit.limit:
        yield violation(
            "body",
            f"the body has {size} bytes, and {limit.limit} are the limit",
            expected=Words(f"at most {limit.limit} bytes"),
            found=size,
            basis=limit.basis,
            source=limit.source,
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 12.5.3",
    premise=Premise("recorded bodies are decoded already", _was_offered),
    fields=("content-encoding",),
)
def content_coding_was_offered(trace: Trace) -> Iterator[Remark]:
    """
    A body is encoded only in a way that the request offered.
    """
    response = trace.latest.response
    if response is None or trace.latest.subject is Subject.UNSTATED:
        return  # recorded bodies are decoded already
    stated = response.header("content-encoding")
    if stated is None:
        return
    asked = (trace.latest.exchange.request.header("accept-encoding") or "").lower()
    offered = _OFFERED | {part.partition(";")[0].strip() for part in asked.split(",")}
    for coding in stated.lower().split(","):
        if coding.strip() and coding.strip() not in offered:
            yield violation(
                "header:content-encoding",
                f"encoded as {told(coding.strip())}, which the request didn't offer",
                expected=sorted(_OFFERED),
                found=coding.strip(),
            )


def _has_flaw(trace: Trace) -> bool:
    body = trace.latest.body
    return body is not None and bool(body.flaws)


def _flaw(trace: Trace, kind: Flaw, expected: str) -> Iterator[Remark]:
    seen = trace.latest
    detail = seen.body.flaw(kind) if seen.body is not None and seen.body.flaws else None
    # A hostile id may have led to another route, whose body isn't this operation's.
    if detail is not None and seen.speaks_for_document:
        yield violation(
            "body", f"expected {expected}: {detail}", expected=Words(expected), found=kind.value
        )


@check(
    basis=Basis.RFC,
    source="RFC 8259 8.1",
    severity=Severity.HIGH,
    about=Facet.BODY,
    condition=_has_flaw,
)
def body_is_utf8(trace: Trace) -> Iterator[Remark]:
    """
    A JSON body is UTF-8.
    """
    return _flaw(trace, Flaw.NOT_UTF8, "UTF-8")


@check(
    basis=Basis.RFC,
    source="RFC 8259 8.1",
    about=Facet.BODY,
    condition=_has_flaw,
)
def body_has_no_byte_order_mark(trace: Trace) -> Iterator[Remark]:
    """
    A JSON body starts with JSON, not with a byte order mark.
    """
    return _flaw(trace, Flaw.BYTE_ORDER_MARK, "no byte order mark")


def _is_text(trace: Trace) -> bool:
    # In what isn't UTF-8 nobody has looked for JSON.
    seen = trace.latest
    return seen.body is None or seen.body.flaw(Flaw.NOT_UTF8) is None


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses.<code>.content lists JSON",
    severity=Severity.HIGH,
    about=Facet.BODY,
    premise=Premise("no body was UTF-8", _is_text),
    condition=_has_flaw,
)
def body_is_json(trace: Trace) -> Iterator[Remark]:
    """
    A body that is to be JSON is one JSON value and nothing else.
    """
    for remark in _flaw(trace, Flaw.NOT_JSON, "one JSON value"):
        seen = trace.latest
        content = seen.parsed_body.held_to
        if seen.spec is not None and content is not None:
            yield replace(remark, source=content_source(seen.spec, content))
        else:
            # No document asked for JSON here, so the answer is held to its own Content-Type
            # alone.
            yield replace(remark, basis=Basis.RFC, source="RFC 8259: the head calls it JSON")


@check(
    basis=Basis.RFC,
    source="RFC 8259 4",
    about=Facet.VALUE,
    condition=_has_flaw,
)
def json_keys_are_unique(trace: Trace) -> Iterator[Remark]:
    """
    A key stands in an object once; readers differ on which of two counts.
    """
    return _flaw(trace, Flaw.DUPLICATE_KEY, "each key once")


@check(
    basis=Basis.RFC,
    source="RFC 8259 6",
    about=Facet.VALUE,
    condition=_has_flaw,
)
def json_numbers_are_finite(trace: Trace) -> Iterator[Remark]:
    """
    NaN and Infinity are no JSON.
    """
    return _flaw(trace, Flaw.NOT_FINITE, "a finite number")


@check(
    basis=Basis.INFERRED,
    source="RFC 8259 6, on interoperability",
    severity=Severity.LOW,
    about=Facet.VALUE,
    condition=_has_flaw,
)
def json_numbers_are_exact(trace: Trace) -> Iterator[Remark]:
    """
    Numbers survive a reader that keeps them as doubles.
    """
    return _flaw(trace, Flaw.INEXACT_NUMBER, "a number within 2^53")


@check(
    basis=Basis.RFC,
    source="RFC 8259 8.2",
    severity=Severity.LOW,
    about=Facet.VALUE,
    condition=_has_flaw,
)
def json_text_is_unicode(trace: Trace) -> Iterator[Remark]:
    """
    Text holds whole characters, no half of a surrogate pair.
    """
    return _flaw(trace, Flaw.LONE_SURROGATE, "whole characters")


def _problem(trace: Trace) -> JsonDocument | None:
    """
    The members of the problem that the answer describes; None where it describes none.
    """
    seen = trace.latest
    is_problem = seen.media_type == "application/problem+json" and seen.code >= 400
    if not is_problem or seen.body is None:
        return None
    value = seen.body.value
    return value if isinstance(value, dict) else None


def _is_problem(trace: Trace) -> bool:
    return _problem(trace) is not None


@check(
    basis=Basis.RFC,
    source="RFC 9457 3.1.2: MUST use the same status code",
    about=Facet.VALUE,
    premise=Premise("no answer was a problem by RFC 9457", _is_problem),
    codes=ERRORS,
)
def problem_repeats_the_code(trace: Trace) -> Iterator[Remark]:
    """
    A problem's status is the HTTP code under which it comes.
    """
    stated = (_problem(trace) or {}).get("status")
    if isinstance(stated, int | float) and not isinstance(stated, bool):
        if stated != trace.latest.code:
            yield violation("/status", expected=trace.latest.code, found=stated)


@check(
    # Readers have to pass over a member of another type, so nothing breaks but what it would say.
    basis=Basis.INFERRED,
    source="RFC 9457 3.1: types of the members",
    severity=Severity.LOW,
    about=Facet.VALUE,
    premise=Premise("no answer was a problem by RFC 9457", _is_problem),
    codes=ERRORS,
)
def problem_members_have_their_types(trace: Trace) -> Iterator[Remark]:
    """
    A problem's members are of the types that readers look for.
    """
    problem = _problem(trace) or {}
    status = problem.get("status")
    if status is not None and (isinstance(status, bool) or not isinstance(status, int | float)):
        yield violation("/status", expected=Words("a number"), found=status)
    for name in ("type", "title", "detail", "instance"):
        value = problem.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            yield violation(f"/{name}", expected=Words("a text"), found=value)
        elif name in ("type", "instance") and not is_uri_reference(value):
            yield violation(f"/{name}", expected=Words("a URI reference"), found=value)
