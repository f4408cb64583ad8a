"""
What an answer gives away: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.builders import (
    CREATED,
    JOB,
    MISSING,
    NOW,
    TOKEN,
    answer,
    job,
    not_found,
    said,
    trace,
    written,
)
from tests.contract.cases import Case

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Credential, Exchange
from jobproof.contract.model.finding import Basis, Kind
from jobproof.contract.model.manners.manner import Manner

_ORIGIN, _CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"

OTHER = "9a3f0d52-6a4e-4d0b-8f52-2c1f7a9be001"


def refused(body: Any, code: int = 401, **kwargs: Any) -> Exchange:
    return answer(body, code, **{"credential": Credential.NONE, **kwargs})


CASES = {
    "allowed_origin_is_one": Case(
        accepts=trace(answer(headers={"access-control-allow-origin": "https://krea.ai:8443"})),
        rejects=trace(
            answer(headers={"access-control-allow-origin": "https://a.ai, https://b.ai"})
        ),
        at="header:access-control-allow-origin",
    ),
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
    "error_names_nothing_inside": Case(
        accepts=trace(not_found({"error": "/jobs/1.py isn't in the local store, see /opt out"})),
        rejects=trace(not_found({"error": "connect ECONNREFUSED 10.1.2.3:5432"})),
        at="body",
    ),
    "session_cookie_is_guarded": Case(
        accepts=trace(answer(headers={"set-cookie": "sid=9f86d0; Secure; HttpOnly"})),
        rejects=trace(answer(headers={"set-cookie": "sid=9f86d0; Path=/; Secure"})),
        at="header:set-cookie",
    ),
    "refusal_shows_no_job": Case(
        accepts=trace(answer(at=NOW - 5), refused({"error": "Unauthorized"})),
        rejects=trace(answer(at=NOW - 5), refused({"error": "no", "created_at": written(CREATED)})),
        at="body",
    ),
    "denial_lists_no_ids": Case(
        accepts=trace(not_found({"error": f"no {MISSING}, see {OTHER}"})),
        rejects=trace(not_found({"error": "no", "similar": [OTHER, JOB]})),
        at="body",
        also={"keys_are_declared": "the document of a refusal has no list"},
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


_ASKED = "https://jobproof.example"


@pytest.mark.parametrize(
    ("allowed", "manner", "is_wrong"),
    [
        (_ASKED, Manner.ORIGIN, True),
        ("null", Manner.PLAIN, True),
        # In a recording, it may well be the vendor's own page.
        (_ASKED, Manner.PLAIN, False),
        ("https://app.krea.ai", Manner.ORIGIN, False),
    ],
)
def test_an_origin_that_is_only_given_back_is_any_origin(
    allowed: str, manner: Manner, is_wrong: bool
) -> None:
    headers = {_ORIGIN: allowed, _CREDENTIALS: "true", "vary": "Origin"}
    seen = trace(answer(at=NOW - 5), answer(headers=headers, manner=manner))
    found = [f.check for f in said(seen, Kind.VIOLATION)]
    assert found == (["no_credentialed_wildcard_origin"] if is_wrong else [])
    open_only = trace(answer(at=NOW - 5), answer(headers={_ORIGIN: allowed}, manner=manner))
    assert said(open_only, Kind.VIOLATION) == ()


def test_a_trace_in_a_header_is_found() -> None:
    seen = trace(not_found(headers={"x-exception": "at Object.<anonymous> (/app/index.js:10:15)"}))
    assert [(f.check, f.pointer) for f in said(seen)] == [("no_stack_trace", "header:x-exception")]


@pytest.mark.parametrize(
    "text",
    [
        "You have an error in your SQL syntax; check the manual",
        'relation "jobs" does not exist',
        "duplicate key value violates unique constraint",
        "no such table: jobs",
        "SELECT * FROM jobs WHERE id = 7",
        "psycopg2.OperationalError",
        "PG::ConnectionBad",
        "getaddrinfo ENOTFOUND jobs-db.prod.svc.cluster.local",
        "dial tcp jobs-db.internal:5432: refused",
        "connect ECONNREFUSED 192.168.4.7:6379",
        "can't open /srv/app/config/jobs.yaml",
        "C:\\inetpub\\jobs\\Store.cs",
    ],
)
def test_what_an_error_was_thrown_by_is_none_of_the_asker_s_business(text: str) -> None:
    (finding,) = said(trace(not_found({"error": text})), Kind.VIOLATION)
    assert (finding.check, finding.basis) == ("error_names_nothing_inside", Basis.INFERRED)
    # What a job says of its own failure may be the user's input.
    failed = job("failed", error={"code": "X", "message": text})
    assert said(trace(answer(failed)), Kind.VIOLATION) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Select a job from the list where you have left it",
        "No route to api.krea.ai:443",
        "not found in /jobs/index.html",
        "see https://docs.krea.ai/app/errors.html",
        "your address 10.1.2.3 is blocked",
        "version 10.1.2.3:1",
        "the request to local storage failed",
    ],
)
def test_plain_words_name_nothing_inside(text: str) -> None:
    assert said(trace(not_found({"error": text})), Kind.VIOLATION) == ()


def test_what_the_asker_has_sent_is_nothing_inside() -> None:
    own = not_found(
        {"error": "nothing at http://10.1.2.3:8080/jobs"}, base_url="http://10.1.2.3:8080"
    )
    assert said(trace(own), Kind.VIOLATION) == ()


@pytest.mark.parametrize(
    ("cookie", "is_wrong"),
    [
        ("JSESSIONID=1a2b; Path=/", True),
        ("connect.sid=s%3A1; HttpOnly", True),
        ("access_token=x; secure", True),
        ("connect.sid=s%3A1; HttpOnly; secure", False),
        ("XSRF-TOKEN=x; Secure", False),
        ("AWSALB=x; Path=/", False),
        ("SERVERID=s1", False),
        ("theme=dark", False),
        ("sid=; Max-Age=0", False),
        ("sid=deleted; Max-Age=0", False),
    ],
)
def test_a_cookie_with_a_right_in_it_is_told_by_its_name(cookie: str, is_wrong: bool) -> None:
    found = [f.check for f in said(trace(answer(headers={"set-cookie": cookie})), Kind.VIOLATION)]
    assert found == (["session_cookie_is_guarded"] if is_wrong else [])


def test_by_plain_http_no_cookie_can_be_secure() -> None:
    headers = {"set-cookie": "sid=1; HttpOnly"}
    seen = trace(answer(headers=headers, base_url="http://127.0.0.1:8080"))
    assert said(seen, Kind.VIOLATION) == ()


def test_the_id_of_a_key_in_the_links_that_it_signed_is_no_secret() -> None:
    key = "AKIAIOSFODNN7EXAMPLE"
    for parameter in (f"X-Amz-Credential={key}%2F20260921", f"AWSAccessKeyId={key}"):
        link = f"https://krea.s3.amazonaws.com/1.png?{parameter}&X-Amz-Signature=0"
        found = [f.check for f in said(trace(answer(job(result={"urls": [link]}))))]
        assert "no_secret_in_answer" not in found
    told = not_found({"error": f"the key {key} has no right to read"})
    assert [f.check for f in said(trace(told))] == ["no_secret_in_answer"]


_SHOWN = answer(job(), at=NOW - 5, headers={"etag": '"1"'})


@pytest.mark.parametrize("who", [Credential.NONE, Credential.INVALID])
@pytest.mark.parametrize(
    ("body", "headers", "at", "basis"),
    [
        ({"error": "no", "status": "completed"}, {}, "body", Basis.DOCUMENTED),
        ({"error": "made " + written(CREATED)}, {}, "body", Basis.DOCUMENTED),
        (b"<p>completed_at=" + written(CREATED).encode(), {}, "body", Basis.DOCUMENTED),
        ({"error": "no"}, {"x-job-status": "completed"}, "header:x-job-status", Basis.DOCUMENTED),
        ({"error": "no"}, {"etag": '"1"'}, "header:etag", Basis.INFERRED),
    ],
)
def test_a_refusal_that_shows_the_job_is_found(
    who: Credential, body: Any, headers: dict[str, str], at: str, basis: Basis
) -> None:
    seen = trace(_SHOWN, refused(body, credential=who, headers=headers))
    found = [f for f in said(seen, Kind.VIOLATION) if f.check == "refusal_shows_no_job"]
    assert [(f.pointer, f.basis) for f in found] == [(at, basis)]


@pytest.mark.parametrize(
    "body",
    [
        {"error": f"no right to see {JOB}"},
        {"error": "no", "status": "failed"},
        {"error": "no", "status": 401, "timestamp": written(NOW)},
        {"error": "no", "help": "https://docs.krea.ai/2026/errors"},
    ],
)
def test_what_a_refusal_has_of_the_question_and_of_itself_shows_no_job(body: Any) -> None:
    for shown in (_SHOWN, answer(job("failed"), at=NOW - 5)):
        seen = trace(shown, refused(body))
        assert "refusal_shows_no_job" not in {f.check for f in said(seen)}


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no", "job_status": "completed"},
        {"error": "no", "details": [{"jobState": "completed"}]},
    ],
)
def test_a_refusal_shows_the_job_s_status_under_whichever_key(body: Any) -> None:
    seen = said(trace(_SHOWN, refused(body)), Kind.VIOLATION)
    assert [f.check for f in seen] == ["refusal_shows_no_job"]
    other = said(trace(answer(job("queued"), at=NOW - 5), refused(body)), Kind.VIOLATION)
    assert other == ()


def test_options_without_a_token_may_say_what_there_is_and_not_show_the_job() -> None:
    told = refused(b"", 204, method="OPTIONS", headers={"allow": "GET, HEAD, OPTIONS"})
    assert said(trace(_SHOWN, told), Kind.VIOLATION) == ()
    shown = refused(job(), 200, method="OPTIONS")
    assert [f.check for f in said(trace(_SHOWN, shown), Kind.VIOLATION)] == ["refusal_shows_no_job"]


def test_one_id_in_an_error_may_be_the_error_s_own() -> None:
    for body in (
        {"errors": [{"id": JOB, "status": "404"}]},
        {"error": "no", "request_id": JOB, "trace_id": OTHER},
    ):
        assert "denial_lists_no_ids" not in {f.check for f in said(trace(not_found(body)))}


@pytest.mark.parametrize(
    ("origin", "is_one"),
    [
        *((one, True) for one in ("*", "null", "", "http://[::1]:80", "chrome-extension://abc")),
        *((one, False) for one in ("https://krea.ai/", "krea.ai", "https://*.ai *", "true")),
        ("https://a.ai https://b.ai", False),
    ],
)
def test_the_allowed_origin_is_one_that_a_browser_has(origin: str, is_one: bool) -> None:
    seen = trace(answer(headers={"access-control-allow-origin": origin}))
    assert ("allowed_origin_is_one" in {f.check for f in said(seen)}) is not is_one
