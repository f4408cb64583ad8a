"""
What an answer gives away: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

import pytest
from tests.contract.builders import TOKEN, answer, job, not_found, said, trace
from tests.contract.cases import Case

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Basis

_ORIGIN, _CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"

CASES = {
    "no_credentialed_wildcard_origin": Case(
        accepts=trace(answer(headers={_ORIGIN: "*"})),
        rejects=trace(answer(headers={_ORIGIN: "*", _CREDENTIALS: "true"})),
        at=f"header:{_ORIGIN}",
    ),
    "no_stack_trace": Case(
        accepts=trace(not_found({"error": "Nothing found at 12:30:05 (UTC) in File store"})),
        rejects=trace(not_found({"error": "Traceback (most recent call last):"})),
        at="body",
    ),
    "no_secret_in_answer": Case(
        accepts=trace(not_found({"error": "no job for token krea-***"})),
        rejects=trace(not_found({"error": f"no job for token {TOKEN}"})),
        at="body",
    ),
}


@pytest.mark.parametrize(
    "text",
    [
        b'File "/srv/app/jobs.py", line 12, in get',
        b'File "/srv/\xff.py", line 12',
        b"at Object.<anonymous> (/app/index.js:10:15)",
        b"at com.acme.jobs.Store.find(Store.java:99)",
        b"panic: runtime error",
        b"goroutine 17 [running]:",
        b"SQLSTATE[42P01]: undefined table",
        b"System.NullReferenceException",
    ],
)
def test_a_trace_of_any_language_is_found_and_is_our_reading_only(text: bytes) -> None:
    findings = [f for f in said(trace(not_found(text))) if f.check == "no_stack_trace"]
    assert [f.basis for f in findings] == [Basis.INFERRED]


@pytest.mark.parametrize(
    "text", ["Meet at the pier (gate 4: 12)", "File not found", "look at https://krea.ai:443"]
)
def test_plain_words_are_no_trace(text: str) -> None:
    assert said(trace(not_found({"error": text}))) == ()


def test_a_token_in_a_header_is_found() -> None:
    seen = trace(answer(headers={"x-echo": f"Bearer {TOKEN}"}))
    assert [(f.check, f.pointer) for f in said(seen)] == [("no_secret_in_answer", "headers")]


def test_a_token_is_never_shown_in_the_finding_about_it() -> None:
    (finding,) = said(trace(answer(headers={"x-echo": TOKEN})))
    assert TOKEN not in f"{finding.message} {finding.expected} {finding.found} {finding.source}"


def test_a_private_key_is_found() -> None:
    body = job("failed", error={"code": "-----BEGIN RSA PRIVATE KEY-----"})
    assert [f.check for f in said(trace(answer(body)))] == ["no_secret_in_answer"]


def test_a_word_that_happens_to_be_the_token_is_no_leak() -> None:
    assert said(trace(answer(), token="url")) == ()


@pytest.mark.parametrize(
    "seen",
    [
        answer({"error": "busy"}, 429, headers={"retry-after": "x" * 66 + TOKEN}),
        not_found(b"at Object.<a> (" + b"x" * 14 + TOKEN.encode() + b".js:1)"),
        answer(job(**{"x" * 180 + TOKEN: 1})),
        answer(job(status="x" * 183 + TOKEN)),
    ],
)
def test_a_token_that_a_finding_cuts_off_is_masked_all_the_same(seen: Exchange) -> None:
    findings = [f.redacted(Redactor([TOKEN])) for f in said(trace(seen))]
    assert findings
    for finding in findings:
        shown = f"{finding.pointer} {finding.message} {finding.expected} {finding.found}"
        assert TOKEN[:8] not in shown
