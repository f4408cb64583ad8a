"""
HTTP codes: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.builders import NOW, answer, api, failure, judge, not_found, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Credential, Reason, Response, Subject
from jobproof.contract.model.finding import Basis, Kind
from jobproof.contract.model.manners.manner import Manner

CASES = {
    "code_is_documented": Case(
        accepts=trace(answer({"error": "slow down"}, 429, headers={"retry-after": "5"})),
        rejects=trace(answer(b"", 204)),
        at="code",
    ),
    "no_server_error": Case(
        accepts=trace(answer(b"", 501, method="TRACE", subject=Subject.MISSING)),
        rejects=trace(answer({"error": "oops"}, 500)),
        at="code",
    ),
    "not_modified_only_when_asked": Case(
        accepts=trace(answer(b"", 304, sent={"If-None-Match": '"1"'})),
        rejects=trace(answer(b"", 304)),
        at="code",
    ),
    "no_redirect": Case(
        accepts=trace(
            answer(
                b"",
                301,
                job_id="a/../b",
                subject=Subject.MALFORMED,
                headers={"location": "/jobs/b"},
            )
        ),
        rejects=trace(answer(b"", 302, headers={"location": "https://www.krea.ai/login"})),
        at="code",
    ),
    "throttling_says_when": Case(
        accepts=trace(
            answer({"error": "x"}, 429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})
        ),
        rejects=trace(answer({"error": "slow down"}, 429)),
        at="header:retry-after",
    ),
    "endpoint_is_available": Case(
        accepts=trace(answer({"error": "no token"}, 401, credential=Credential.NONE)),
        rejects=trace(failure(Reason.CONNECT)),
        at="code",
        says=Kind.INCONCLUSIVE,
    ),
    "endpoint_stays_in_service": Case(
        accepts=trace(
            answer(at=NOW - 9), answer({"error": "x"}, 429, headers={"retry-after": "5"})
        ),
        rejects=trace(answer(at=NOW - 9), answer({"error": "deploying"}, 503)),
        at="code",
        says=Kind.GAP,
    ),
}


@pytest.mark.parametrize("code", [400, 403, 405, 406, 414, 421, 422, 431])
def test_each_way_of_refusing_a_hostile_id_is_a_gap(code: int) -> None:
    seen = trace(
        not_found(
            {"error": "no"}, code, job_id="%00", subject=Subject.MALFORMED, headers={"allow": "GET"}
        )
    )
    assert [(f.check, f.kind) for f in said(seen)] == [("code_is_documented", Kind.GAP)]


@pytest.mark.parametrize("subject", [Subject.ALTERED, Subject.RECASED])
@pytest.mark.parametrize("code", [400, 422])
def test_an_altered_id_may_be_called_malformed(code: int, subject: Subject) -> None:
    seen = trace(not_found({"error": "no"}, code, subject=subject))
    assert [f.kind for f in said(seen)] == [Kind.GAP]


@pytest.mark.parametrize("code", [400, 422, 402, 405, 410, 418, 206])
def test_an_undocumented_code_for_a_known_job_is_a_violation(code: int) -> None:
    seen = trace(answer({"error": "no"}, code, headers={"allow": "GET"}))
    assert ("code_is_documented", Kind.VIOLATION) in {(f.check, f.kind) for f in said(seen)}


@pytest.mark.parametrize(
    ("manner", "credential"),
    [
        *((m, Credential.OWNER) for m in (Manner.SCHEME_CASE, Manner.ENCODED)),
        *((m, Credential.NONE) for m in (Manner.EMPTY, Manner.OTHER_SCHEME)),
        *((m, Credential.NONE) for m in (Manner.IN_QUERY, Manner.IN_COOKIE)),
    ],
)
def test_what_is_put_oddly_may_be_called_malformed(manner: Manner, credential: Credential) -> None:
    seen = trace(answer({"error": "no"}, 400, manner=manner, credential=credential))
    assert said(seen) == ()


def test_a_gap_brings_the_patch_that_closes_it() -> None:
    (finding,) = said(trace(answer({"error": "no"}, 401, credential=Credential.NONE)))
    assert finding.kind is Kind.GAP
    assert finding.patch == {
        "target": "$.paths['/jobs/{id}'].get.responses",
        "update": {"401": {"description": "The token is missing or not valid."}},
    }


@pytest.mark.parametrize("credential", list(Credential))
def test_an_outage_is_inconclusive_whoever_asks(credential: Credential) -> None:
    seen = trace(
        answer(
            b"<html>",
            503,
            credential=credential,
            headers={"retry-after": "60", "content-type": "text/html"},
        )
    )
    assert [(f.check, f.kind) for f in said(seen)] == [("endpoint_is_available", Kind.INCONCLUSIVE)]


@pytest.mark.parametrize("code", [500, 502, 504, 519, 528, 599])
@pytest.mark.parametrize("subject", list(Subject))
def test_a_server_error_is_a_violation_whatever_was_asked(code: int, subject: Subject) -> None:
    seen = trace(answer(b"<html>", code, subject=subject, headers={"content-type": "text/html"}))
    assert [f.check for f in said(seen)] == ["no_server_error"]


@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.TOO_LARGE])
def test_silence_is_inconclusive(reason: Reason) -> None:
    assert [f.kind for f in said(trace(failure(reason)))] == [Kind.INCONCLUSIVE]


def test_a_redirect_to_https_is_the_askers_affair() -> None:
    seen = answer(
        b"",
        301,
        base_url="http://api.krea.ai",
        headers={"location": "https://api.krea.ai/jobs/x"},
    )
    assert [(f.check, f.kind) for f in said(trace(seen))] == [("no_redirect", Kind.INCONCLUSIVE)]


@pytest.mark.parametrize("location", ["http://[::1", "", "//evil.example", "https://u:p@x.example"])
def test_a_redirect_anywhere_is_a_violation_and_shows_no_password(location: str) -> None:
    (finding,) = said(trace(answer(b"", 307, headers={"location": location})))
    assert (finding.check, finding.kind) == ("no_redirect", Kind.VIOLATION)
    assert "u:p" not in str(finding.found)


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "0.493",
        "\u00b2",
        "",
        "Mon, 01 Jan 2026 00:00:00 +9999999999999999",
        "99 Foo 9999999999",
    ],
)
def test_a_retry_after_that_says_nothing_is_none_by_its_rfc(text: str) -> None:
    seen = trace(answer({"error": "slow down"}, 429, headers={"retry-after": text}))
    (finding,) = said(seen, Kind.VIOLATION)
    assert (finding.check, finding.basis) == ("retry_after_is_well_formed", Basis.INFERRED)


def test_recorded_traffic_may_hold_any_expected_code() -> None:
    seen = answer({"error": "no"}, 401, subject=Subject.UNSTATED, credential=Credential.UNSTATED)
    assert [f.kind for f in said(trace(seen))] == [Kind.GAP]


def test_a_token_that_was_good_a_moment_ago_is_told_of_once() -> None:
    seen = trace(answer(at=NOW - 5), answer({"error": "expired"}, 403), baseline=not_found())
    assert [f.check for f in said(seen)] == ["token_keeps_working"]


def test_a_server_error_that_the_document_lists_is_our_reading_only() -> None:
    operation = api().operation
    listed = {**operation.responses, "5XX": operation.responses["404"]}
    open_minded = replace(api(), operation=replace(operation, responses=listed))
    (finding,) = said(trace(answer({"error": "x"}, 500), of=open_minded))
    assert (finding.check, finding.basis) == ("no_server_error", Basis.INFERRED)


def test_every_code_that_the_document_lists_is_documented() -> None:
    assert set(api().operation.responses) == {"200", "404"}


def test_where_a_redirect_leads_is_asked_of_http_alone() -> None:
    moved = answer({"error": "moved"}, 302)
    assert isinstance(moved.answer, Response)
    partly = replace(moved, answer=replace(moved.answer, has_all_headers=False))
    assert "no_redirect" in {f.check for f in said(trace(partly))}
    plain = answer({"error": "moved"}, 302, base_url="http://api.krea.ai")
    assert isinstance(plain.answer, Response)
    unread = replace(plain, answer=replace(plain.answer, has_all_headers=False))
    judgement = judge().judge(trace(unread))
    assert "no_redirect" not in {f.check for f in judgement.findings}
    assert "no_redirect" in judgement.unrecorded


@pytest.mark.parametrize(
    ("code", "method", "is_wrong"),
    [(501, "GET", True), (501, "HEAD", False), (500, "HEAD", True), (500, "GET", True)],
)
def test_not_implemented_is_right_for_other_methods_alone(
    code: int, method: str, *, is_wrong: bool
) -> None:
    seen = trace(answer({"error": "oops"}, code, method=method))
    assert ("no_server_error" in {f.check for f in said(seen)}) is is_wrong


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_a_redirect_to_another_scheme_than_https_is_the_servers_affair(scheme: str) -> None:
    headers = {"location": f"{scheme}://api.krea.ai/jobs/x"}
    seen = answer({"error": "moved"}, 302, base_url="http://api.krea.ai", headers=headers)
    assert [f.kind for f in said(trace(seen)) if f.check == "no_redirect"] == [Kind.VIOLATION]


@pytest.mark.parametrize(
    ("location", "is_whole", "found"),
    [
        ("https://a.example/x", True, "302 to https://a.example"),
        ("https://a.example/x", False, "302 to https://a.example"),
        ("/x", False, "302 to a path"),
        (None, True, "302 to a path"),
        (None, False, "302"),
    ],
)
def test_where_a_redirect_leads_is_told_as_far_as_it_is_known(
    location: str | None, is_whole: bool, found: str
) -> None:
    seen = answer(b"", 302, headers={"location": location})
    assert isinstance(seen.answer, Response)
    partly = replace(seen, answer=replace(seen.answer, has_all_headers=is_whole))
    told = [str(f.found) for f in said(trace(partly)) if f.check == "no_redirect"]
    assert told == [found]


def test_several_choices_are_a_redirect_too() -> None:
    found = {f.check for f in said(trace(answer({}, 300)))}
    assert "no_redirect" in found


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("api.krea.ai", Kind.INCONCLUSIVE),
        ("a.krea.ai", Kind.VIOLATION),
        ("z.krea.ai", Kind.VIOLATION),
    ],
)
def test_only_the_same_host_by_tls_is_the_fault_of_the_base_url(host: str, kind: Kind) -> None:
    leads = {"location": f"https://{host}/jobs/1"}
    seen = trace(answer({}, 301, headers=leads, base_url="http://api.krea.ai"))
    (found,) = (f for f in said(seen) if f.check == "no_redirect")
    assert found.kind is kind
