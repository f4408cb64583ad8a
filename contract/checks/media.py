"""
Media types: what the head says that the body is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobproof.contract.formats.json_body import is_json_type
from jobproof.contract.formats.wording import Words
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.promises.sources import response_source
from jobproof.contract.model.trace import Trace

__all__ = ["charset_is_utf8", "media_type_is_documented"]

_CHARSET = re.compile(r'charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)


def _has_listed_type(trace: Trace) -> bool:
    seen = trace.latest
    if seen.spec is None or not seen.spec.contents or not seen.speaks_for_document:
        return False
    return seen.method == "GET" and seen.code not in (204, 304)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses.<code>.content",
    severity=Severity.HIGH,
    premise=Premise(
        "no answer has a body for which the document lists a media type", _has_listed_type
    ),
)
def media_type_is_documented(trace: Trace) -> Iterator[Remark]:
    """
    The Content-Type is one that the document lists for the code.
    """
    seen = trace.latest
    if seen.spec is None or seen.response is None or not seen.speaks_for_document:
        return
    # Other methods have other answers, and 204 and 304 have no body that could have a type.
    if seen.method != "GET" or seen.code in (204, 304):
        return
    # An empty body of no stated type is as good an empty text as any.
    if not seen.media_type and seen.response.header("content-type") is None:
        if seen.body is None and not seen.response.recorded_body:
            return
    # A code documented without any content leaves open what comes.
    if seen.content is None and seen.spec.contents:
        listed = [content.media_type for content in seen.spec.contents]
        yield violation(
            "header:content-type",
            expected=listed[0] if len(listed) == 1 else listed,
            found=seen.media_type or Words("no Content-Type"),
            source=f"{response_source(seen.spec)}.content",
        )


@check(
    basis=Basis.INFERRED,
    source="RFC 8259 8.1 and 11: no charset parameter is defined",
    premise=Premise(
        "no answer called itself JSON", lambda trace: is_json_type(trace.latest.media_type)
    ),
)
def charset_is_utf8(trace: Trace) -> Iterator[Remark]:
    """
    A JSON answer names no charset but UTF-8.
    """
    seen = trace.latest
    if seen.response is None or not is_json_type(seen.media_type):
        return
    match = _CHARSET.search(seen.response.header("content-type") or "")
    # ASCII is UTF-8 already, and `utf8` is a misspelling that every reader knows.
    if match and match.group(1).lower() not in ("utf-8", "utf8", "us-ascii"):
        yield violation("header:content-type", expected="utf-8", found=match.group(1))
