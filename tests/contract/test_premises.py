"""
Premises: of which answers a check's silence says that its promise was kept, and of which nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import (
    NOW,
    answer,
    api,
    failure,
    job,
    judge,
    not_found,
    trace,
    written,
)

from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.trace import Trace

_CHECKS = {check.id: check for check in judge().checks}


def _foreign(code: int = 404, **kwargs: Any) -> Exchange:
    return not_found(code=code, subject=Subject.FOREIGN, **kwargs)


def _earlier(body: Any = None, code: int = 200, **kwargs: Any) -> Exchange:
    return answer(body, code, at=NOW - 5, **kwargs)


_TAGGED = {"etag": '"1"'}
_DECIDED = [trace(_foreign(code)) for code in (200, 401, 403, 404, 409, 499)]
_UNDECIDED = [
    *(trace(_foreign(code)) for code in (408, 429, 500, 503)),
    trace(_foreign(200, method="OPTIONS")),
]
_UNDOCUMENTED = answer(job("melting"))
_HEADS = [answer(method="HEAD"), answer(method="HEAD", code=404)]

LOOKS: dict[str, list[Trace]] = {
    "foreign_job_is_hidden": _DECIDED,
    "token_is_required": _DECIDED,
    "invalid_token_is_refused": _DECIDED,
    "token_keeps_working": [trace(_earlier(), answer())],
    "foreign_job_looks_unknown": [
        trace(_foreign(), baseline=not_found()),
        trace(_foreign(403), baselines=[not_found(code=503)], baseline=not_found()),
        trace(_foreign(), baselines=[not_found()], baseline=not_found(code=503)),
    ],
    "body_arrives_whole": [trace(answer()), trace(failure())],
    "body_is_within_size_cap": [trace(answer()), trace(failure())],
    "content_coding_was_offered": [trace(answer()), trace(not_found())],
    "code_is_documented": [trace(answer()), trace(not_found())],
    "throttling_says_when": [trace(answer({"error": "later"}, 429))],
    "job_id_is_echoed": [trace(answer()), trace(answer(job(job_id="other")))],
    "job_id_keeps_its_case": [trace(answer())],
    "unknown_id_is_not_found": [trace(not_found(code=code)) for code in (200, 404, 400)],
    "malformed_id_is_refused": [trace(not_found(code=code)) for code in (200, 403, 404)],
    "media_type_is_documented": [trace(answer()), trace(not_found())],
    "charset_is_utf8": [trace(answer())],
    "refused_method_lists_allowed": [trace(answer(code=405, method="PATCH"))],
    "unlisted_method_is_refused": [
        trace(answer(code=code, method="PATCH")) for code in (200, 405, 404, 499, 501)
    ],
    "options_lists_true_methods": [
        trace(answer(method="OPTIONS", headers={"allow": "GET"})),
        trace(answer(code=405, method="PATCH", headers={"allow": "GET"})),
    ],
    "head_is_answered": [trace(_earlier(), _HEADS[0]), trace(_earlier(), _HEADS[1])],
    "head_matches_get": [trace(_earlier(), one) for one in _HEADS],
    "success_has_result": [trace(answer())],
    "success_has_no_failure_reason": [trace(answer()), trace(answer(job("queued")))],
    "failure_has_reason": [trace(answer(job("failed")))],
    "result_comes_with_the_end": [trace(answer(job("queued")))],
    "links_use_safe_schemes": [trace(answer())],
    "body_matches_schema": [trace(answer()), trace(_UNDOCUMENTED)],
    "status_is_documented": [trace(answer()), trace(_UNDOCUMENTED)],
    "keys_are_declared": [trace(answer())],
    "creation_time_is_past": [trace(answer())],
    "creation_time_is_stable": [trace(_earlier(), answer())],
    "end_time_is_past": [trace(answer()), trace(answer(job("failed")))],
    "end_time_follows_creation": [trace(answer())],
    "end_time_only_after_end": [trace(answer(job("queued")))],
    "end_time_is_stable": [
        trace(_earlier(), answer()),
        trace(_earlier(), answer(job(without=["completed_at"]))),
    ],
    "ended_job_has_end_time": [trace(answer()), trace(answer(job(without=["completed_at"])))],
    "server_clock_agrees": [trace(answer()), trace(not_found())],
    "terminal_status_is_final": [trace(_earlier(), answer(job("queued")))],
    "status_moves_forward": [trace(_earlier(job("queued")), answer())],
    "job_ends_in_time": [trace(answer(job("queued")))],
    "known_job_is_found": [
        trace(answer()),
        trace(answer({"error": "Job not found"}, 404)),
        trace(answer(credential=Credential.UNSTATED)),
    ],
    "ended_job_is_frozen": [trace(_earlier(), answer())],
    "private_answer_is_not_public": [trace(answer())],
    "entity_tag_changes_with_body": [
        trace(_earlier(headers=_TAGGED), answer(headers=_TAGGED)),
        trace(_earlier(headers={"etag": '"2"'}), answer(headers=_TAGGED)),
    ],
    "not_modified_means_unchanged": [
        trace(_earlier(headers=_TAGGED), answer(b"", 304, sent={"if-none-match": '"1"'}))
    ],
    "age_is_within_freshness": [
        trace(answer(headers={"age": age, "cache-control": "max-age=9"})) for age in ("0", "5")
    ],
    "answers_within_budget": [trace(*(answer(at=NOW + second) for second in range(3)))],
}
"""By check: answers whose silence counts."""

BLIND: dict[str, list[Trace]] = {
    "foreign_job_is_hidden": _UNDECIDED,
    "token_is_required": _UNDECIDED,
    "invalid_token_is_refused": _UNDECIDED,
    "token_keeps_working": [
        trace(answer()),
        trace(_earlier(), answer(method="HEAD")),
        trace(_earlier(), answer(credential=Credential.NONE)),
        trace(_earlier(method="HEAD"), answer()),
        trace(_earlier(code=404), answer()),
    ],
    "foreign_job_looks_unknown": [
        trace(_foreign()),
        trace(_foreign(method="HEAD"), baseline=not_found()),
        trace(failure(subject=Subject.FOREIGN), baseline=not_found()),
        *(trace(_foreign(code), baseline=not_found()) for code in (200, 299, 408, 425, 429, 500)),
        *(trace(_foreign(), baseline=not_found(code=code)) for code in (200, 408, 425, 429, 500)),
        trace(_foreign(), baseline=failure()),
        trace(_foreign(), baseline=not_found(credential=Credential.NONE)),
    ],
    "content_coding_was_offered": [trace(answer(subject=Subject.UNSTATED))],
    "code_is_documented": [trace(answer(method="HEAD"))],
    "throttling_says_when": [trace(answer()), trace(answer(code=428)), trace(answer(code=430))],
    "job_id_is_echoed": [trace(answer(job(without=["job_id"]))), trace(not_found())],
    "job_id_keeps_its_case": [trace(answer(subject=Subject.RECASED))],
    "id_is_matched_by_case": _UNDECIDED,
    "unknown_id_is_not_found": [
        *(trace(not_found(code=code)) for code in (301, 302, 399, 403, 408, 429, 500)),
    ],
    "malformed_id_is_refused": [trace(not_found(code=code)) for code in (408, 429, 500)],
    "media_type_is_documented": [
        trace(answer(method="HEAD")),
        trace(answer(b"", 304)),
        trace(answer(b"", 204)),
        trace(answer({"error": "no"}, 418)),
    ],
    "charset_is_utf8": [trace(answer(headers={"content-type": "text/plain"}))],
    "refused_method_lists_allowed": [trace(answer(code=404, method="PATCH"))],
    "unlisted_method_is_refused": [
        *(trace(answer(code=code, method="PATCH")) for code in (408, 429, 500, 503)),
        *(trace(answer(method=method)) for method in ("GET", "HEAD", "OPTIONS")),
    ],
    "options_lists_true_methods": [
        trace(answer(headers={"allow": "GET"})),
        trace(answer(method="OPTIONS")),
        trace(failure(method="OPTIONS")),
    ],
    "head_is_answered": [trace(_HEADS[0]), trace(_earlier({"error": "no"}, 404), _HEADS[0])],
    "head_matches_get": [
        trace(_HEADS[0]),
        *(trace(_earlier(), answer(code=code, method="HEAD")) for code in (405, 501, 503, 429)),
    ],
    "success_has_result": [trace(answer(job("queued"))), trace(not_found())],
    "success_has_no_failure_reason": [trace(answer(job("failed"))), trace(_UNDOCUMENTED)],
    "failure_has_reason": [trace(answer()), trace(answer(job("cancelled"))), trace(not_found())],
    "result_comes_with_the_end": [trace(answer()), trace(_UNDOCUMENTED), trace(not_found())],
    "links_use_safe_schemes": [
        trace(answer(job("queued"))),
        trace(answer(job(result={"urls": []}))),
    ],
    "body_matches_schema": [trace(answer({"error": "no"}, 418)), trace(answer(method="HEAD"))],
    "status_is_documented": [
        trace(answer(job(status=3))),  # type: ignore[arg-type]
        trace(answer(job(without=["status"]))),
        trace(not_found()),
    ],
    "keys_are_declared": [trace(answer({"error": "no"}, 418))],
    "creation_time_is_past": [trace(answer(job(without=["created_at"]))), trace(not_found())],
    "creation_time_is_stable": [
        trace(answer()),
        trace(_earlier(job(without=["created_at"])), answer()),
        trace(_earlier(), answer(job(without=["created_at"]))),
    ],
    "end_time_is_past": [trace(answer(job("queued"))), trace(not_found())],
    "end_time_follows_creation": [
        trace(answer(job("queued"))),
        trace(answer(job(without=["created_at"]))),
    ],
    "end_time_only_after_end": [trace(answer()), trace(_UNDOCUMENTED), trace(not_found())],
    "end_time_is_stable": [trace(answer()), trace(_earlier(job("queued")), answer())],
    "ended_job_has_end_time": [trace(answer(job("queued"))), trace(not_found())],
    "server_clock_agrees": [
        trace(answer(headers={"date": None})),
        trace(answer(headers={"date": "yesterday"})),
        trace(answer(headers={"age": "3"})),
        trace(replace(answer(), is_timed=False)),
        trace(failure()),
    ],
    "terminal_status_is_final": [trace(answer()), trace(_earlier(job("queued")), answer())],
    "status_moves_forward": [
        trace(answer()),
        trace(_earlier(), answer()),
        trace(_earlier(job("queued")), _UNDOCUMENTED),
        trace(_earlier(job("melting")), answer()),
        trace(_earlier(job("queued")), not_found()),
    ],
    "job_ends_in_time": [
        trace(answer()),
        trace(answer(job("backlogged"))),
        trace(_UNDOCUMENTED),
        trace(not_found()),
    ],
    "known_job_is_found": [
        trace(answer(method="HEAD")),
        trace(answer({"error": "no"}, 403)),
        trace(answer(credential=Credential.NONE)),
    ],
    "ended_job_is_frozen": [
        trace(answer()),
        trace(_earlier(), answer(job("failed"))),
        trace(_earlier(), not_found()),
    ],
    "private_answer_is_not_public": [
        trace(answer(credential=Credential.NONE)),
        trace(answer({"error": "no"}, 404)),
    ],
    "entity_tag_changes_with_body": [
        trace(answer(headers=_TAGGED)),
        trace(_earlier(headers=_TAGGED), answer()),
    ],
    "not_modified_means_unchanged": [
        trace(_earlier(headers=_TAGGED), answer(b"", 304, sent={"if-none-match": '"2"'})),
        trace(_earlier(headers=_TAGGED), answer(sent={"if-none-match": '"1"'})),
        trace(answer(b"", 304, sent={"if-none-match": '"1"'})),
    ],
    "age_is_within_freshness": [
        trace(answer()),
        trace(answer(headers={"age": "soon"})),
        trace(answer(headers={"age": "5"}, credential=Credential.NONE)),
        trace(answer({"error": "no"}, 404, headers={"age": "5"})),
    ],
    "answers_within_budget": [
        trace(*(answer(at=NOW + second) for second in range(2))),
        *(
            trace(*(replace(answer(at=NOW + n), is_timed=n != odd) for n in range(3)))
            for odd in range(3)
        ),
    ],
}
"""By check: answers whose silence says nothing."""


@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_at_what_shows_right_or_wrong(name: str) -> None:
    assert [_CHECKS[name].looks_at(seen) for seen in LOOKS[name]] == [True] * len(LOOKS[name])


@pytest.mark.parametrize("name", BLIND)
def test_it_doesnt_look_at_what_shows_neither(name: str) -> None:
    assert [_CHECKS[name].looks_at(seen) for seen in BLIND[name]] == [False] * len(BLIND[name])


_OWN = {
    "times": {check.id for check in _CHECKS.values() if check.family == "times"},
    "failure": {"success_has_no_failure_reason", "failure_has_reason"},
    "result": {
        *("success_has_result", "result_comes_with_the_end"),
        *("links_use_safe_schemes", "links_point_to_public_hosts"),
    },
}


@pytest.mark.parametrize("key", _OWN)
@pytest.mark.parametrize("status", ["queued", "completed", "failed", "melting"])
def test_an_api_that_promises_less_is_held_to_less(key: str, status: str) -> None:
    bare = replace(api(), profile=api().profile.model_copy(update={key: None}))
    odd = job(
        status,
        created_at=written(NOW + 9_999),
        completed_at=written(NOW - 9_999),
        result={"urls": ["ftp://10.0.0.1/x"]} if status == "queued" else None,
        error={"code": "x"} if status == "completed" else None,
    )
    for seen in (trace(answer(odd), of=bare), trace(_earlier(), answer(odd), of=bare)):
        judgement = judge().judge(seen)
        assert CRASHED not in {finding.check for finding in judgement.findings}
        assert not _OWN[key] & {finding.check for finding in judgement.findings}
        assert not _OWN[key] & {check.id for check in judgement.looked}
