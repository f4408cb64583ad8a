"""
Codes that are right although nobody listed them: for every API, without a word in its profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.builders import JOB, MISSING, answer, judge, not_found, trace
from tests.contract.edited_api import Edit, edited, put_key

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Basis, Finding, Kind
from jobproof.contract.model.verdict import group, overlay
from jobproof.contract.plugins import api_names, find_api
from jobproof.probes.engine.judging import outcome_of
from jobproof.probes.result import ProbeOutcome

_OWNER, _NONE, _INVALID = Credential.OWNER, Credential.NONE, Credential.INVALID
_HOSTILE = [Subject.MALFORMED, Subject.ALTERED, Subject.RECASED]


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """
    An API whose profile says nothing of codes, and whose document lists 200 alone.
    """
    return _silent(tmp_path_factory.mktemp("silent"))


def _silent(folder: Path, *edits: Edit) -> Api:
    def document(root: dict) -> None:  # type: ignore[type-arg]
        del root["paths"]["/jobs/{id}"]["get"]["responses"]["404"]
        for edit in edits:
            edit(root)

    return edited(folder, profile=lambda profile: profile.pop("expected"), document=document)


def _seen(
    code: int,
    subject: Subject = Subject.KNOWN,
    credential: Credential = _OWNER,
    *,
    method: str = "GET",
) -> Exchange:
    job_id = {Subject.MISSING: MISSING, Subject.MALFORMED: "not-an-id"}.get(subject, JOB)
    headers = {"retry-after": "5", "allow": "GET"}
    return answer(
        {"error": "no"},
        code,
        subject=subject,
        credential=credential,
        method=method,
        headers=headers,
        job_id=job_id,
    )


def _said(of: Api, seen: Exchange) -> list[Finding]:
    # With nothing to compare it with, the answer about a foreign job is judged by its code alone.
    foreign = seen.request.subject is Subject.FOREIGN
    return list(judge()(trace(seen, of=of, baseline=None if foreign else not_found())))


RIGHT = [
    *((code, Subject.KNOWN, who) for code in (401, 403, 404) for who in (_NONE, _INVALID)),
    *((code, Subject.MISSING, who) for code in (401, 403, 404) for who in (_NONE, _INVALID)),
    *((code, s, _OWNER) for code in (400, 404, 414, 422, 431) for s in _HOSTILE),
    *((code, s, w) for code in (408, 429) for s in Subject for w in (_OWNER, _NONE, _INVALID)),
    *((404, subject, _OWNER) for subject in (Subject.MISSING, Subject.FOREIGN)),
    *((code, Subject.MALFORMED, _OWNER) for code in (403, 405, 406, 410, 418, 421, 451)),
    *((c, Subject.UNSTATED, Credential.UNSTATED) for c in (401, 403, 404, 400, 422, 406, 416)),
]


@pytest.mark.parametrize(("code", "subject", "credential"), RIGHT)
def test_a_right_code_is_a_gap_with_its_patch(
    silent: Api, code: int, subject: Subject, credential: Credential
) -> None:
    found = _said(silent, _seen(code, subject, credential))
    assert [(f.check, f.kind) for f in found] == [("code_is_documented", Kind.GAP)]
    assert found[0].patch is not None
    assert found[0].patch["target"] == "$.paths['/jobs/{id}'].get.responses"
    assert list(found[0].patch["update"]) == [str(code)]


WRONG = [
    *((code, Subject.KNOWN, _OWNER) for code in (400, 402, 405, 406, 409, 410, 413, 414, 415)),
    *((code, Subject.KNOWN, _OWNER) for code in (416, 418, 422, 431, 451, 201, 204, 206)),
    *((code, Subject.MISSING, _OWNER) for code in (400, 405, 409, 410, 418, 422, 451)),
    *((code, Subject.KNOWN, _NONE) for code in (400, 402, 405, 409, 418, 422)),
    *((code, Subject.ALTERED, _OWNER) for code in (405, 409, 410, 413, 418, 451)),
]


@pytest.mark.parametrize(("code", "subject", "credential"), WRONG)
def test_any_other_code_that_nobody_listed_is_a_violation(
    silent: Api, code: int, subject: Subject, credential: Credential
) -> None:
    broken = {
        f.check for f in _said(silent, _seen(code, subject, credential)) if f.breaks(strict=False)
    }
    assert "code_is_documented" in broken


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("code", [405, 501])
def test_no_document_can_list_the_refusal_of_a_method_that_it_lacks(
    silent: Api, code: int, method: str
) -> None:
    assert _said(silent, _seen(code, Subject.MISSING, method=method)) == []
    assert silent.expected_code(code, Subject.MISSING, _OWNER, method=method) is not None
    assert silent.expected_code(code, Subject.MISSING, _OWNER) is None


def test_a_method_that_the_document_has_is_held_to_its_own_codes(tmp_path: Path) -> None:
    api = _silent(tmp_path, put_key("paths./jobs/{id}.delete", {"responses": {}}))
    assert api.expected_code(405, Subject.KNOWN, _OWNER, method="DELETE") is None


@pytest.mark.parametrize("security", [[], [{}], [{}, {"bearerAuth": []}]])
def test_a_document_that_asks_for_no_credential_asks_everybody_in(
    tmp_path: Path, security: list[object]
) -> None:
    api = _silent(tmp_path, put_key("security", security))
    assert api.expected_code(401, Subject.KNOWN, _NONE) is None
    # A wrong one may be refused even where none is needed.
    assert api.expected_code(401, Subject.KNOWN, _INVALID) is not None
    assert api.expected_code(403, Subject.UNSTATED, Credential.UNSTATED) is not None


def test_a_profile_that_says_who_needs_a_token_knows_better(tmp_path: Path) -> None:
    promise = {"basis": "documented", "source": "the vendor's handbook"}
    api = edited(
        tmp_path,
        profile=put_key("auth.required", promise),
        document=put_key("security", []),
    )
    assert api.expected_code(403, Subject.KNOWN, _NONE) is not None


def test_a_document_that_says_nothing_of_credentials_lets_nobody_in(tmp_path: Path) -> None:
    api = _silent(tmp_path, lambda root: root.pop("security"))
    assert api.expected_code(401, Subject.KNOWN, _NONE) is not None


@pytest.mark.parametrize("code", [404, 410])
def test_a_known_job_that_is_denied_is_said_once(tmp_path: Path, code: int) -> None:
    api = _silent(tmp_path)
    profile = api.profile.model_copy(
        update={"not_found": api.profile.not_found.model_copy(update={"codes": (code,)})}
    )
    denied = Api("krea", api.folder, profile, api.operation)
    assert [f.check for f in _said(denied, _seen(code))] == ["known_job_is_found"]
    found = _said(denied, _seen(code, Subject.MISSING))
    assert [(f.kind, f.source) for f in found] == [(Kind.GAP, api.profile.not_found.source)]
    other = {404: 410, 410: 404}[code]
    assert "code_is_documented" in {f.check for f in _said(denied, _seen(other))}


def test_a_vendor_may_deny_a_job_by_403(tmp_path: Path) -> None:
    api = _silent(tmp_path)
    not_found_ = api.profile.not_found.model_copy(update={"codes": (403,)})
    profile = api.profile.model_copy(update={"not_found": not_found_})
    denied = Api("krea", api.folder, profile, api.operation)
    for subject in (Subject.MISSING, Subject.ALTERED):
        found = judge()(trace(_seen(403, subject), of=denied))
        assert [(f.check, f.kind) for f in found] == [("code_is_documented", Kind.GAP)]
    assert [f.check for f in judge()(trace(_seen(403), of=denied))] == ["known_job_is_found"]


def test_a_token_that_is_refused_says_nothing_about_codes(silent: Api) -> None:
    found = Judge(judge().checks)(trace(_seen(401), of=silent))
    assert [(f.check, f.kind) for f in found] == [("endpoint_is_available", Kind.INCONCLUSIVE)]


def test_the_profile_is_asked_before_the_defaults() -> None:
    for name in api_names():
        api = find_api(name)
        expected = api.expected_code(429, Subject.KNOWN, _OWNER)
        assert expected is not None
        assert expected.basis is Basis.DOCUMENTED, "the vendor's page, not the RFC"


def test_no_shipped_profile_repeats_a_default(silent: Api) -> None:
    for name in api_names():
        for entry in find_api(name).profile.expected:
            assert entry.basis is not Basis.RFC


def test_each_code_is_reported_once_and_documented_by_one_action(silent: Api) -> None:
    def findings() -> Iterator[Finding]:
        for subject in (*_HOSTILE, Subject.MALFORMED):
            yield from _said(silent, _seen(400, subject))
        yield from _said(silent, _seen(401, Subject.KNOWN, _NONE))
        yield from _said(silent, _seen(401, Subject.MISSING, _INVALID))

    groups = group(findings())
    assert [(g.first.found, g.count) for g in groups] == [(400, 4), (401, 2)]
    patch = overlay(groups, title="x")
    assert patch is not None
    assert len(patch["actions"]) == 2  # type: ignore[arg-type]


def test_an_odd_path_is_named_so_that_a_tool_finds_it(tmp_path: Path) -> None:
    path = "/o'clock/{id}"

    def rename(root: dict) -> None:  # type: ignore[type-arg]
        root["paths"] = {path: root["paths"]["/jobs/{id}"]}

    api = edited(tmp_path, profile=put_key("operation.path", path), document=rename)
    (found,) = _said(api, _seen(401, Subject.KNOWN, _NONE))
    assert found.patch is not None
    assert found.patch["target"] == "$.paths['/o\\'clock/{id}'].get.responses"


@pytest.mark.parametrize(
    ("code", "subject", "credential", "outcome"),
    [
        (401, Subject.KNOWN, _NONE, ProbeOutcome.OK),
        (403, Subject.MISSING, _NONE, ProbeOutcome.OK),
        (404, Subject.KNOWN, _NONE, ProbeOutcome.OK),
        (404, Subject.MISSING, _OWNER, ProbeOutcome.OK),
        (400, Subject.MALFORMED, _OWNER, ProbeOutcome.OK),
        (431, Subject.MALFORMED, _OWNER, ProbeOutcome.OK),
        (404, Subject.FOREIGN, _OWNER, ProbeOutcome.OK),
        (401, Subject.MISSING, _OWNER, ProbeOutcome.AUTH),
        (401, Subject.KNOWN, _OWNER, ProbeOutcome.AUTH),
        (403, Subject.FOREIGN, _OWNER, ProbeOutcome.AUTH),
        (404, Subject.KNOWN, _OWNER, ProbeOutcome.NOT_FOUND),
        (400, Subject.MISSING, _OWNER, ProbeOutcome.UNEXPECTED_CODE),
        (429, Subject.KNOWN, _NONE, ProbeOutcome.RATE_LIMITED),
        (429, Subject.MISSING, _OWNER, ProbeOutcome.RATE_LIMITED),
        (408, Subject.MISSING, _OWNER, ProbeOutcome.UNEXPECTED_CODE),
        (408, Subject.MALFORMED, _OWNER, ProbeOutcome.UNEXPECTED_CODE),
        (503, Subject.MISSING, _OWNER, ProbeOutcome.SERVER_ERROR),
        (501, Subject.MALFORMED, _OWNER, ProbeOutcome.SERVER_ERROR),
    ],
)
def test_a_probe_is_right_by_the_same_codes(
    silent: Api, code: int, subject: Subject, credential: Credential, outcome: ProbeOutcome
) -> None:
    seen = silent.observe(_seen(code, subject, credential))
    assert outcome_of(silent, seen, ()) is outcome
