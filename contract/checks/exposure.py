"""
What an answer must not give away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import Words, shorten
from jobproof.contract.model.check import check
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.trace import Trace

__all__ = ["no_credentialed_wildcard_origin", "no_secret_in_answer", "no_stack_trace"]

# Foreign bytes: this, and an upper bound in every repetition, bounds what a search costs.
_SEARCHED_BYTES = 65_536
_STACK_TRACE = re.compile(
    rb"Traceback \(most recent call last\)"
    rb'|File "[^"\n]{1,200}", line \d'
    rb"|\bat [\w.$<>]{1,120} ?\([^()\n]{1,160}:\d{1,6}(?::\d{1,5})?\)"
    rb"|Exception in thread"
    rb"|goroutine \d{1,6} \["
    rb"|panic: "
    rb"|SQLSTATE\["
    rb"|\bORA-\d{5}\b"
    rb"|System\.\w{1,60}Exception"
)
# No trace is without one of these; looking for them first is ten times as fast.
_STACK_TRACE_MARKS = (
    b"Traceback ",
    b'", line ',
    b"at ",
    b"Exception",
    b"routine ",
    b"panic: ",
    b"SQL",
    b"ORA-",
)
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b")


@check(basis=Basis.INFERRED, source="Fetch standard: CORS protocol and credentials")
def no_credentialed_wildcard_origin(trace: Trace) -> Iterator[Remark]:
    """
    Answers for any origin aren't open to credentials.
    """
    response = trace.latest.response
    if response is None or response.header("access-control-allow-origin") != "*":
        return
    # Browsers refuse this pair, so whoever sends it means to open what can't be opened.
    if (response.header("access-control-allow-credentials") or "").lower() == "true":
        yield violation(
            "header:access-control-allow-origin",
            expected=Words("one origin"),
            found=Words("* with credentials"),
        )


@check(
    basis=Basis.INFERRED,
    source="a stack trace names files, versions and lines to anybody",
    severity=Severity.HIGH,
)
def no_stack_trace(trace: Trace) -> Iterator[Remark]:
    """
    An answer holds no stack trace.
    """
    response = trace.latest.response
    body = response.recorded_body if response is not None else b""
    if not any(mark in body for mark in _STACK_TRACE_MARKS):
        return
    found = _STACK_TRACE.search(body[:_SEARCHED_BYTES])
    if found:
        yield violation(
            "body",
            expected=Words("no stack trace"),
            found=shorten(found.group().decode("utf-8", "replace"), 40),
        )


@check(
    basis=Basis.RFC,
    source="RFC 6750 5.2: tokens are kept confidential",
    severity=Severity.CRITICAL,
)
def no_secret_in_answer(trace: Trace) -> Iterator[Remark]:
    """
    An answer holds neither the asker's token nor a private key.
    """
    response = trace.latest.response
    if response is None:
        return
    if trace.token:
        redactor = _redactor(trace.token)
        if response.body is not None and redactor.holds_secret(response.body):
            yield violation(
                "body", "the token is sent back", expected=Words("no token"), found=Words("a token")
            )
        if redactor.holds_secret("\n".join(part for header in response.headers for part in header)):
            yield violation(
                "headers",
                "the token is sent back",
                expected=Words("no token"),
                found=Words("a token"),
            )
    # Looking for fixed bytes first is cheap, and nearly every answer ends here.
    body = response.recorded_body
    if trace.token:
        response.need_all_headers()
    has_mark = b"-----BEGIN " in body or b"AKIA" in body
    if has_mark and _PRIVATE_KEY.search(body[:_SEARCHED_BYTES]):
        yield violation("body", "a private key", expected=Words("no key"), found=Words("a key"))


@lru_cache(maxsize=64)
def _redactor(token: str) -> Redactor:
    # A token has many spellings; they are worked out once a token, not once an answer.
    return Redactor([token])
