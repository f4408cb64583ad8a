"""
Ids that name no job: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import JOB, MISSING, answer, api, job, not_found, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Basis, Kind


def _case_sensitive() -> Api:
    promise = api().profile.id.model_copy(update={"case_insensitive": False})
    return replace(api(), profile=api().profile.model_copy(update={"id": promise}))


_RECASED: dict[str, Any] = {"job_id": JOB.upper(), "subject": Subject.RECASED}

CASES = {
    "unknown_id_is_not_found": Case(
        accepts=trace(not_found()),
        rejects=trace(answer(job(job_id=MISSING), job_id=MISSING, subject=Subject.MISSING)),
        at="code",
    ),
    "malformed_id_is_refused": Case(
        accepts=trace(
            answer({"items": [], "next_cursor": None}, job_id="", subject=Subject.MALFORMED)
        ),
        rejects=trace(answer(job_id="' OR '1'='1", subject=Subject.MALFORMED)),
        at="code",
    ),
    "altered_id_finds_nothing": Case(
        accepts=trace(not_found(job_id=JOB[:8], subject=Subject.ALTERED)),
        rejects=trace(answer(job_id=JOB[:8], subject=Subject.ALTERED)),
        at="code",
    ),
    "id_is_matched_by_case": Case(
        accepts=trace(not_found(**_RECASED), of=_case_sensitive()),
        rejects=trace(answer(job(job_id=JOB.upper()), **_RECASED), of=_case_sensitive()),
        at="code",
    ),
}


@pytest.mark.parametrize("code", [200, 202, 204])
def test_a_fresh_id_that_is_answered_is_a_violation_whatever_the_body(code: int) -> None:
    seen = trace(answer({"error": "not found"}, code, job_id=MISSING, subject=Subject.MISSING))
    assert "unknown_id_is_not_found" in {f.check for f in said(seen, Kind.VIOLATION)}


@pytest.mark.parametrize("asked", ["a/../b", "../../etc/passwd", "..;/", "a%2Fb", "..\\x", ".", ""])
@pytest.mark.parametrize("body", [{"detail": "Not Found"}, {"statusCode": 404, "message": "no"}])
def test_a_hostile_id_that_leaves_the_route_may_be_refused_in_other_words(
    asked: str, body: object
) -> None:
    assert said(trace(not_found(body, job_id=asked, subject=Subject.MALFORMED))) == ()


def test_a_hostile_id_that_stays_on_the_route_is_refused_in_the_documented_words() -> None:
    seen = trace(not_found({"detail": "x"}, job_id="not-an-id", subject=Subject.MALFORMED))
    assert "body_matches_schema" in {f.check for f in said(seen, Kind.VIOLATION)}


def test_a_wrong_route_may_answer_in_html() -> None:
    seen = not_found(
        b"<!doctype html>",
        job_id="a/../b",
        subject=Subject.MALFORMED,
        headers={"content-type": "text/html"},
    )
    assert said(trace(seen)) == ()


@pytest.mark.parametrize("asked", [f" {JOB}", f"{JOB} ", f"{{{JOB}}}", JOB.replace("-", "")])
def test_another_spelling_of_the_same_id_is_our_reading_only(asked: str) -> None:
    (finding,) = said(trace(answer(job_id=asked, subject=Subject.ALTERED)))
    assert (finding.check, finding.basis) == ("altered_id_finds_nothing", Basis.INFERRED)


@pytest.mark.parametrize("asked", [JOB[:8], JOB[:-1], f"{JOB}0", f"{JOB}\x00"])
def test_another_id_that_finds_the_job_is_documented_as_wrong(asked: str) -> None:
    (finding,) = said(trace(answer(job_id=asked, subject=Subject.ALTERED)))
    assert (finding.check, finding.basis) == ("altered_id_finds_nothing", Basis.DOCUMENTED)


def test_what_has_no_id_is_not_called_the_job_null() -> None:
    told = said(trace(answer({"error": "none"}, job_id=JOB[:8], subject=Subject.ALTERED)))
    (finding,) = (f for f in told if f.check == "altered_id_finds_nothing")
    assert finding.message == f"the id '{JOB[:8]}' finds something without an id"


def test_a_uuid_in_the_other_case_may_name_the_job() -> None:
    assert said(trace(answer(**_RECASED))) == ()
