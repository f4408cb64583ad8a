"""
Who may see a job: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import (
    JOB,
    MISSING,
    NOW,
    TOKEN,
    answer,
    api,
    job,
    judge,
    not_found,
    said,
    trace,
)
from tests.contract.cases import Case

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.exchange import Credential, Exchange, Response, Subject
from jobproof.contract.model.finding import Basis, Kind, Severity
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.request import build_request
from jobproof.contract.model.trace import Trace

FOREIGN = "9a3f0d52-6a4e-4d0b-8f52-2c1f7a9be001"


def _foreign(body: Any = None, code: int = 404, **kwargs: Any) -> Exchange:
    return not_found(body, code, job_id=FOREIGN, subject=Subject.FOREIGN, **kwargs)


def _outside(code: int = 401, **kwargs: Any) -> Exchange:
    body = b"" if code == 304 else {"error": "no token"}
    return answer(body, code, **{"credential": Credential.NONE, **kwargs})


CASES = {
    "token_is_required": Case(
        accepts=trace(answer({"error": "no token"}, 401, credential=Credential.NONE)),
        rejects=trace(answer(credential=Credential.NONE)),
        at="code",
    ),
    "invalid_token_is_refused": Case(
        accepts=trace(not_found(job_id=JOB, subject=Subject.KNOWN, credential=Credential.INVALID)),
        rejects=trace(answer(credential=Credential.INVALID)),
        at="code",
    ),
    "token_keeps_working": Case(
        accepts=trace(
            answer(at=NOW - 5), answer({"error": "no token"}, 401, credential=Credential.NONE)
        ),
        rejects=trace(answer(at=NOW - 5), answer({"error": "expired"}, 401)),
        at="code",
    ),
    "foreign_job_is_hidden": Case(
        accepts=trace(_foreign()),
        rejects=trace(answer(job(job_id=FOREIGN), job_id=FOREIGN, subject=Subject.FOREIGN)),
        at="code",
    ),
    "foreign_job_looks_unknown": Case(
        accepts=trace(_foreign(), baseline=not_found()),
        rejects=trace(_foreign({"error": "This job is not yours"}), baseline=not_found()),
        at="body",
    ),
    "existence_is_hidden_from_outsiders": Case(
        accepts=trace(_outside(), baseline=not_found(code=401, credential=Credential.NONE)),
        rejects=trace(_outside(), baseline=not_found(credential=Credential.NONE)),
        at="code",
    ),
    "condition_opens_nothing": Case(
        accepts=trace(_outside(manner=Manner.ANY_TAG)),
        rejects=trace(_outside(304, manner=Manner.ANY_TAG)),
        at="code",
    ),
}


@pytest.mark.parametrize("code", [401, 403, 404])
@pytest.mark.parametrize("credential", [Credential.NONE, Credential.INVALID])
def test_each_way_of_refusing_a_stranger_is_right(code: int, credential: Credential) -> None:
    seen = trace(answer({"error": "no"}, code, credential=credential))
    assert [f for f in said(seen) if f.kind is not Kind.GAP] == []


def test_a_preflight_without_a_token_lets_nobody_in() -> None:
    preflight = answer(b"", 204, method="OPTIONS", credential=Credential.NONE)
    assert said(trace(preflight)) == ()


def test_another_code_for_a_foreign_job_tells_that_it_exists() -> None:
    seen = trace(_foreign({"error": "Forbidden"}, 403), baseline=not_found())
    assert [(f.check, f.kind, f.pointer) for f in said(seen)] == [
        ("foreign_job_looks_unknown", Kind.VIOLATION, "code")
    ]


def test_more_headers_for_a_foreign_job_are_our_reading_only() -> None:
    telling = _foreign(headers={"x-owner": "acme"})
    before = _foreign(headers={"x-owner": "acme"}, at=NOW - 5)
    # Which headers come every time, one answer alone can't show.
    assert said(trace(before, telling, baseline=not_found()), Kind.VIOLATION) == ()
    assert said(trace(telling, baselines=[not_found()], baseline=not_found())) == ()
    once = _foreign(at=NOW - 5)
    assert said(trace(once, telling, baselines=[not_found()], baseline=not_found())) == ()
    (finding,) = said(trace(before, telling, baselines=[not_found()], baseline=not_found()))
    assert (finding.check, finding.pointer) == ("foreign_job_looks_unknown", "headers")
    assert finding.basis is Basis.INFERRED
    assert finding.found == ["x-owner"]


def _by_turns(*kinds: dict[str, Any], times: int = 3, between: int = 2) -> Trace:
    """
    A foreign job asked for by turns with unknown ids; each kind is what one of the answers has
    that is different, the last one's for all that follow.
    """
    asked = [_foreign(at=NOW - 2 * n, **kinds[0]) for n in reversed(range(times))]
    unknown = [
        not_found(at=NOW - 2 * n - 1, **kinds[min(n + 1, len(kinds) - 1)]) for n in range(between)
    ]
    before = [not_found(at=NOW - 60, **kinds[-1]), not_found(at=NOW - 59, **kinds[-1])]
    return trace(*asked, baselines=[*before, *reversed(unknown)])


@pytest.mark.parametrize(
    ("foreign", "unknown", "pointer"),
    [
        ({"headers": {"x-owner": "acme"}}, {}, "headers"),
        ({"headers": {"last-modified": "Sun, 06 Nov 1994 08:49:37 GMT"}}, {}, "headers"),
        ({}, {"headers": {"x-owner": "acme"}}, "headers"),
        ({"headers": {"set-cookie": "denied=1"}}, {}, "headers"),
        ({"headers": {"cache-control": "private"}}, {"headers": {"cache-control": "no-store"}},
         "header:cache-control"),
        ({"headers": {"content-type": "application/json; charset=utf-8"}}, {},
         "header:content-type"),
        ({"body": b'{"error": "Job not found"}\n'}, {}, "body"),
        ({"body": b'{"error":"Job not found"}'}, {}, "body"),
    ],
    ids=str,
)  # fmt: skip
def test_what_tells_a_foreign_job_each_time_and_an_unknown_one_never_is_no_accident(
    foreign: dict[str, Any], unknown: dict[str, Any], pointer: str
) -> None:
    (finding,) = said(_by_turns(foreign, unknown), Kind.VIOLATION)
    assert (finding.check, finding.pointer) == ("foreign_job_looks_unknown", pointer)
    assert finding.basis is Basis.DOCUMENTED


@pytest.mark.parametrize(
    "foreign",
    [
        {"headers": {"x-owner": "acme"}},
        {"headers": {"set-cookie": "denied=1"}},
        {"body": b'{"error": "Job not found"}\n'},
    ],
    ids=str,
)
def test_what_may_be_an_accident_is_our_reading_at_most(foreign: dict[str, Any]) -> None:
    rare = (
        _by_turns(foreign, {}, times=2),
        _by_turns(foreign, {}, between=1),
        _by_turns(foreign, {}, foreign, {}),  # an unknown id was answered so, too
    )
    for seen in rare:
        found = said(seen, Kind.VIOLATION)
        assert all(one.basis is Basis.INFERRED for one in found)


def test_what_differs_from_id_to_id_or_from_moment_to_moment_tells_nothing() -> None:
    for name, values in {
        "etag": ('"a"', '"b"', '"c"'),
        "x-cell": ("cell-1", "cell-2"),
        "set-cookie": ("lb=a; Path=/", "lb=b"),
        "x-request-id": ("0a1b2c3d4e5f", "8f2b3c4d5e6f"),
    }.items():
        kinds = [{"headers": {name: value}} for value in values]
        assert said(_by_turns(*kinds), Kind.VIOLATION) == ()


@pytest.mark.parametrize("manner", [Manner.OTHER_IN_QUERY, Manner.OTHER_IN_HEADER])
def test_a_job_that_is_named_beside_the_path_is_not_shown(manner: Manner) -> None:
    request = build_request(
        *(api(), "https://api.krea.ai", JOB),
        subject=Subject.KNOWN,
        credential=Credential.OWNER,
        token=Secret(TOKEN),
        manner=manner,
        other_id=FOREIGN,
    )
    for shown, told in ((FOREIGN, True), (JOB, False), (MISSING, False)):
        seen = trace(replace(answer(job(job_id=shown)), request=request))
        found = [one for one in said(seen) if one.check == "foreign_job_is_hidden"]
        assert [one.severity for one in found] == ([Severity.CRITICAL] if told else [])
    # Whoever takes the path from the head, or no such parameter, may say so.
    for code in sorted(manner.spec.declines):
        declined = trace(replace(answer({"error": "no"}, code), request=request))
        assert said(declined, Kind.VIOLATION) == ()


@pytest.mark.parametrize(
    ("foreign", "unknown"),
    [
        ({"error": f"no job {FOREIGN}"}, {"error": "no job 0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"}),
        (
            {"error": "gone", "request_id": "8f2b3c4d5e6f"},
            {"error": "gone", "request_id": "0a1b2c3d4e5f"},
        ),
        (
            {"error": "not found (request 8f2b3c4d5e6f)"},
            {"error": "not found (request 0a1b2c3d4e5f)"},
        ),
        ({"error": "gone", "at": 1_790_000_000}, {"error": "gone", "at": 1_790_000_005}),
    ],
    ids=["the id itself", "a request id", "a request id in a sentence", "a time"],
)
def test_what_differs_between_any_two_answers_is_no_oracle(
    foreign: object, unknown: object
) -> None:
    seen = trace(_foreign(foreign), baseline=not_found(unknown))
    assert [f for f in said(seen) if f.check == "foreign_job_looks_unknown"] == []


def test_error_codes_that_differ_are_an_oracle() -> None:
    seen = trace(
        _foreign({"error": "no", "code": "JOB_FORBIDDEN_403"}),
        baseline=not_found({"error": "no", "code": "JOB_MISSING_404"}),
    )
    assert "foreign_job_looks_unknown" in {f.check for f in said(seen, Kind.VIOLATION)}


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_refusal_for_load_tells_nothing_about_the_job(code: int) -> None:
    seen = trace(_foreign({"error": "later"}, code), baseline=not_found())
    assert "foreign_job_looks_unknown" not in {f.check for f in said(seen)}


def test_headers_that_follow_the_size_of_a_body_are_no_oracle() -> None:
    plain = {"content-length": "25"}
    chunked = {"transfer-encoding": "chunked", "content-encoding": "gzip", "age": "0"}
    seen = trace(_foreign(headers=chunked), baseline=not_found(headers=plain))
    assert said(seen) == ()


def test_a_known_job_refused_although_the_token_is_good_is_a_violation() -> None:
    seen = trace(answer({"error": "forbidden"}, 403), baseline=not_found())
    assert [(f.check, f.kind) for f in said(seen)] == [("code_is_documented", Kind.VIOLATION)]


def test_a_token_refused_everywhere_is_inconclusive() -> None:
    baseline = not_found({"error": "bad token"}, 401)
    seen = trace(answer({"error": "bad token"}, 401), baseline=baseline)
    assert [(f.check, f.kind) for f in said(seen)] == [("endpoint_is_available", Kind.INCONCLUSIVE)]


@pytest.mark.parametrize("media_type", ["text/html", "text/plain; charset=UTF-8", None])
def test_a_firewall_s_page_says_nothing_of_the_token(media_type: str | None) -> None:
    headers = {"content-type": media_type, "server": "cloudflare"}
    blocked = answer(b"error code: 1010", 403, headers=headers)
    for before in ([], [answer(at=NOW - 5)]):
        (finding,) = said(trace(*before, blocked))
        assert (finding.check, finding.kind) == ("endpoint_is_available", Kind.INCONCLUSIVE)
        assert finding.message.startswith("the API doesn't answer itself: Cloudflare, by")


@pytest.mark.parametrize("media_type", ["text/html", "text/plain; charset=UTF-8", None])
def test_a_page_that_nothing_gives_away_is_taken_for_the_api_s_own(media_type: str | None) -> None:
    refused = answer(b"<h1>Forbidden</h1>", 403, headers={"content-type": media_type})
    expected = [
        (trace(refused), ("endpoint_is_available", Kind.INCONCLUSIVE)),
        (trace(refused, baseline=not_found()), ("code_is_documented", Kind.VIOLATION)),
        (trace(answer(at=NOW - 5), refused), ("token_keeps_working", Kind.VIOLATION)),
    ]
    for seen, told in expected:
        assert [(f.check, f.kind) for f in said(seen)] == [told]
    assert "the token isn't accepted" in said(expected[0][0])[0].message


def test_a_refused_unknown_id_says_nothing_of_the_token_alone() -> None:
    refused = answer({"error": "no"}, 403, subject=Subject.MISSING)
    (finding,) = said(trace(refused))
    assert (finding.check, finding.kind) == ("endpoint_is_available", Kind.INCONCLUSIVE)
    assert finding.message.startswith("403 for an id that nobody has: ")
    assert "not_found.codes" in finding.message


def test_the_api_s_own_403_does() -> None:
    (finding,) = said(trace(answer(at=NOW - 5), answer({"error": "no"}, 403)))
    assert (finding.check, finding.kind) == ("token_keeps_working", Kind.VIOLATION)


def test_a_header_that_says_another_why_tells_that_a_job_exists() -> None:
    def denied(reason: str, **kwargs: Any) -> Exchange:
        return not_found(headers={"x-error-code": reason}, **kwargs)

    one = denied("NO_SUCH_JOB")
    assert said(trace(denied("NO_SUCH_JOB", subject=Subject.FOREIGN), baseline=one)) == ()
    for baselines in ([], [one]):
        seen = trace(
            denied("NOT_YOURS", subject=Subject.FOREIGN), baselines=baselines, baseline=one
        )
        (finding,) = said(seen, Kind.VIOLATION)
        assert (finding.pointer, finding.basis) == ("header:x-error-code", Basis.INFERRED)
        assert (finding.expected, finding.found) == ("NO_SUCH_JOB", "NOT_YOURS")
    # What says another thing to each unknown id tells nothing.
    seen = trace(
        denied("NOT_YOURS", subject=Subject.FOREIGN), baselines=[denied("GONE")], baseline=one
    )
    assert said(seen, Kind.VIOLATION) == ()


_DISGUISES = [
    FOREIGN.upper(),
    f"{FOREIGN}/",
    f"{FOREIGN}.json",
    f"%39{FOREIGN[1:]}",
    f"{FOREIGN};a=b",
]


@pytest.mark.parametrize("asked", _DISGUISES)
def test_somebody_elses_job_is_hidden_under_any_spelling_of_its_id(asked: str) -> None:
    seen = answer(job(job_id=FOREIGN), job_id=asked, subject=Subject.DISGUISED)
    (finding,) = said(trace(seen))
    assert (finding.check, finding.basis) == ("foreign_job_is_hidden", Basis.DOCUMENTED)
    assert finding.message == f"somebody else's job is shown under the id '{asked}'"


def test_an_echo_of_the_spelling_shows_somebody_elses_job_too() -> None:
    asked = FOREIGN.upper()
    seen = answer(job(job_id=asked), job_id=asked, subject=Subject.DISGUISED)
    assert [f.check for f in said(trace(seen))] == ["foreign_job_is_hidden"]


@pytest.mark.parametrize("body", [{"items": []}, [], b"<html>an application</html>"])
def test_another_spelling_may_lead_to_another_route(body: object) -> None:
    html = {"content-type": "text/html"} if isinstance(body, bytes) else None
    for subject, who in ((Subject.DISGUISED, Credential.OWNER), (Subject.ALTERED, Credential.NONE)):
        seen = answer(body, job_id=f"{JOB}/", subject=subject, credential=who, headers=html)
        told = {f.check for f in said(trace(seen), Kind.VIOLATION)}
        assert not told & {"foreign_job_is_hidden", "token_is_required"}, subject


def test_a_job_of_the_askers_may_have_the_id_in_the_other_case() -> None:
    promise = api().profile.id.model_copy(update={"shape": "token", "case_insensitive": False})
    by_case = replace(api(), profile=api().profile.model_copy(update={"id": promise}))
    for found, told in ((FOREIGN.upper(), set()), (FOREIGN, {"foreign_job_is_hidden"})):
        shown = job(job_id=found)
        seen = answer(shown, job_id=FOREIGN.upper(), subject=Subject.DISGUISED)
        assert {f.check for f in said(trace(seen, of=by_case))} == told


def test_a_disguised_id_that_finds_a_third_job_is_an_altered_id_that_finds_something() -> None:
    seen = answer(job(job_id=MISSING), job_id=f"{FOREIGN}/", subject=Subject.DISGUISED)
    assert [f.check for f in said(trace(seen))] == ["altered_id_finds_nothing"]


@pytest.mark.parametrize("code", [401, 403, 404, 400, 422, 308])
def test_a_disguised_id_may_be_refused_in_any_way(code: int) -> None:
    known = not_found()
    refusal = not_found({"error": "no"}, code, job_id=f"{FOREIGN}/", subject=Subject.DISGUISED)
    assert said(trace(refusal, baselines=[known]), Kind.VIOLATION) == ()


@pytest.mark.parametrize("path", [f"{JOB}/", f"%34{JOB[1:]}"])
def test_no_spelling_of_an_id_shows_its_job_without_a_token(path: str) -> None:
    shown = answer(job_id=path, subject=Subject.ALTERED, credential=Credential.NONE)
    assert [f.check for f in said(trace(shown))] == ["token_is_required"]


_LOOKS_UNKNOWN = "foreign_job_looks_unknown"


@pytest.mark.parametrize(
    ("manner", "code"),
    [
        (manner, code)
        for manner in Manner
        for code in sorted(manner.spec.declines & {400, 403, 416, 422})
    ],
)
def test_a_question_that_is_declined_for_its_manner_tells_nothing_of_the_job(
    manner: Manner, code: int
) -> None:
    seen = trace(_foreign({"error": "no"}, code, manner=manner), baseline=not_found())
    assert said(seen, Kind.VIOLATION) == ()


@pytest.mark.parametrize("manner", [Manner.ORIGIN, Manner.ACCEPT_ANY, Manner.QUERY])
def test_asked_in_another_manner_only_the_code_is_compared_with_plain_answers(
    manner: Manner,
) -> None:
    plain: dict[str, Any] = {"baselines": [not_found()], "baseline": not_found()}
    said_otherwise = _foreign({"error": "Job not found?debug=true"}, manner=manner, headers=_VARY)
    assert said(trace(said_otherwise, **plain), Kind.VIOLATION) == ()
    gone = _foreign({"error": "gone"}, 410, manner=manner)
    found = [f.check for f in said(trace(gone, **plain), Kind.VIOLATION)]
    assert _LOOKS_UNKNOWN in found


_VARY = {"vary": "Origin", "access-control-allow-origin": "https://jobproof.example"}


def test_with_an_unknown_id_asked_in_the_same_manner_all_is_compared() -> None:
    alike = not_found(manner=Manner.QUERY)
    telling = _foreign({"error": "Job not found", "owner": "acme"}, manner=Manner.QUERY)
    same = _foreign(manner=Manner.QUERY)
    known: dict[str, Any] = {"baselines": [alike, alike], "baseline": not_found()}
    assert said(trace(same, **known), Kind.VIOLATION) == ()
    (finding,) = said(trace(telling, **known), Kind.VIOLATION)
    assert (finding.check, finding.pointer) == (_LOOKS_UNKNOWN, "body")


def test_by_head_a_foreign_job_is_compared_with_an_unknown_one_asked_for_by_head() -> None:
    known: dict[str, Any] = {"baselines": [not_found(method="HEAD")], "baseline": not_found()}
    assert said(trace(_foreign(method="HEAD"), **known)) == ()
    (finding,) = said(trace(_foreign(code=403, method="HEAD"), **known))
    assert (finding.check, finding.pointer) == (_LOOKS_UNKNOWN, "code")
    # By a GET nobody knows how HEAD is answered.
    refused = _foreign(code=405, method="HEAD", headers={"allow": "GET"})
    assert said(trace(refused, baseline=not_found()), Kind.VIOLATION) == ()


def test_a_tag_that_foreign_jobs_alone_have_tells_that_they_exist() -> None:
    known: dict[str, Any] = {"baselines": [not_found()], "baseline": not_found()}
    tagged = _foreign(headers={"etag": '"1"'})
    before = _foreign(headers={"etag": '"1"'}, at=NOW - 5)
    assert said(trace(tagged, **known), Kind.VIOLATION) == ()
    (finding,) = said(trace(before, tagged, **known), Kind.VIOLATION)
    assert (finding.found, finding.basis) == (["etag"], Basis.INFERRED)


@pytest.mark.parametrize("who", [Credential.NONE, Credential.INVALID])
def test_what_outsiders_are_told_of_ids_is_our_reading_and_of_the_same_right_alone(
    who: Credential,
) -> None:
    known = _outside(credential=who)
    (finding,) = said(trace(known, baseline=not_found(credential=who)), Kind.VIOLATION)
    assert (finding.check, finding.basis) == ("existence_is_hidden_from_outsiders", Basis.INFERRED)
    assert (finding.expected, finding.found) == (404, 401)
    # Some hide all behind 404; and 429 tells of the moment.
    for other in (_outside(404, credential=who), _outside(429, credential=who)):
        found = said(trace(other, baseline=not_found(credential=who)), Kind.VIOLATION)
        assert "existence_is_hidden_from_outsiders" not in {f.check for f in found}
    assert said(trace(known, baseline=not_found()), Kind.VIOLATION) == ()


def test_a_firewall_that_refuses_a_manner_tells_outsiders_nothing() -> None:
    refused = _outside(403, manner=Manner.CLAIMS)
    plain = not_found(code=401, credential=Credential.NONE)
    assert said(trace(refused, baseline=plain), Kind.VIOLATION) == ()


@pytest.mark.parametrize("subject", [Subject.MISSING, Subject.FOREIGN])
def test_a_condition_is_no_right(subject: Subject) -> None:
    asked: dict[str, Any] = {"subject": subject, "manner": Manner.ANY_TAG}
    found = said(trace(not_found(b"", 304, **asked), baseline=not_found()), Kind.VIOLATION)
    assert [(f.check, f.basis) for f in found] == [("condition_opens_nothing", Basis.RFC)]


def test_the_owner_s_304_is_no_fault() -> None:
    sent = {"If-None-Match": '"1"'}
    seen = trace(answer(at=NOW - 5, headers={"etag": '"1"'}), answer(b"", 304, sent=sent))
    assert "condition_opens_nothing" not in {f.check for f in said(seen)}


def test_a_part_of_a_job_is_no_json_and_none_is_asked_for_by_who_has_no_right() -> None:
    part = answer(b'{"job_id', 206, manner=Manner.RANGE, headers={"content-range": "bytes 0-7/99"})
    assert said(trace(answer(at=NOW - 5), part), Kind.VIOLATION) == ()
    outside = replace(part, request=replace(part.request, credential=Credential.NONE))
    found = {f.check for f in said(trace(answer(at=NOW - 5), outside), Kind.VIOLATION)}
    assert found == {"token_is_required"}


def test_an_empty_token_may_be_called_invalid_and_malformed() -> None:
    challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
    for code in (400, 401):
        told = _outside(code, manner=Manner.EMPTY, headers=challenge)
        assert said(trace(told), Kind.VIOLATION) == ()


@pytest.mark.parametrize("subject", [Subject.ALTERED, Subject.DISGUISED])
def test_whether_a_body_that_was_left_out_showed_a_job_isnt_known(subject: Subject) -> None:
    for who in (Credential.NONE, Credential.OWNER):
        shown = answer(job_id=f"{FOREIGN}/", subject=subject, credential=who)
        assert isinstance(shown.answer, Response)
        cut = replace(shown, answer=replace(shown.answer, body=None, raw=None))
        judgement = judge().judge(trace(cut))
        names = {f.check for f in judgement.findings} | {check.id for check in judgement.looked}
        assert not names & {"token_is_required", "foreign_job_is_hidden"}
