"""
Ids that name no job: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import JOB, MISSING, answer, api, job, judge, not_found, said, trace
from tests.contract.cases import Case

from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange, Subject
from jobproof.contract.model.finding import Basis, Kind
from jobproof.contract.model.trace import Trace


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


_OTHER_SPELLINGS = [
    *(f" {JOB}", f"{JOB} ", f"{JOB}.json", f"{JOB};a=b", f"{{{JOB}}}", JOB.replace("-", "")),
    *(JOB.upper(), f"urn:uuid:{JOB}", f"x/../{JOB}", f"%34{JOB[1:]}", f"{JOB}/"),
    f"{chr(0xFF14)}{JOB[1:]}",
]


@pytest.mark.parametrize("asked", _OTHER_SPELLINGS)
def test_another_spelling_of_the_same_id_is_our_reading_only(asked: str) -> None:
    (finding,) = said(trace(answer(job_id=asked, subject=Subject.ALTERED)))
    assert (finding.check, finding.basis) == ("altered_id_finds_nothing", Basis.INFERRED)


_OTHER_IDS = [
    *(JOB[:8], JOB[:-1], JOB[1:], JOB[:18], f"{JOB}x", f"{JOB}0", f"{JOB}\x00", f"{JOB}\x00x"),
    *(f"{JOB}/x", f"{JOB[:-1]}%", f"{JOB[:-1]}[0]", f"{JOB[:-1]}*", f"{JOB[:-1]}.", f"{JOB},x"),
    f"4{chr(0xFF44)}{JOB[2:]}",
]


@pytest.mark.parametrize("asked", _OTHER_IDS)
def test_another_id_that_finds_the_job_is_documented_as_wrong(asked: str) -> None:
    (finding,) = said(trace(answer(job_id=asked, subject=Subject.ALTERED)))
    assert (finding.check, finding.basis) == ("altered_id_finds_nothing", Basis.DOCUMENTED)


@pytest.mark.parametrize("path", [f"{JOB}/", f"/{JOB}", f"./{JOB}", f"x/../{JOB}", f"%34{JOB[1:]}"])
def test_a_path_that_a_router_tidies_names_the_same_job(path: str) -> None:
    seen = answer(job_id=path, subject=Subject.ALTERED)
    url = api().target("https://api.krea.ai", path, as_it_is=True)
    assert said(trace(_asked_at(seen, url))) == ()


def test_a_path_that_finds_another_job_than_the_one_in_it_is_wrong() -> None:
    path = f"{JOB}/"
    seen = answer(job(job_id=MISSING), job_id=path, subject=Subject.ALTERED)
    (finding,) = said(trace(_asked_at(seen, f"https://api.krea.ai/jobs/{path}")))
    assert (finding.check, finding.basis) == ("altered_id_finds_nothing", Basis.DOCUMENTED)


@pytest.mark.parametrize("asked", ["007", "+7", " 7", f"{chr(0xFF17)}", "7.json"])
def test_a_number_in_another_spelling_is_our_reading_only(asked: str) -> None:
    assert _found_by_number(asked) == [Basis.INFERRED]


@pytest.mark.parametrize("asked", ["7x", "70", "7/x", "%"])
def test_another_number_or_none_is_documented_as_wrong(asked: str) -> None:
    assert _found_by_number(asked) == [Basis.DOCUMENTED]


@pytest.mark.parametrize("shape", ["token", "integer"])
def test_part_of_an_id_may_be_another_job_of_the_askers(shape: str) -> None:
    seen = answer(job(job_id="job-1"), job_id="job-1", subject=Subject.ALTERED)
    assert _altered(trace(seen, of=_shaped(shape))) == []


def test_an_echo_of_what_is_no_id_is_wrong() -> None:
    for asked in (f"{JOB[:-1]}%", JOB[:-1], f"{JOB}x"):
        seen = answer(job(job_id=asked), job_id=asked, subject=Subject.ALTERED)
        assert _altered(trace(seen)) == [Basis.DOCUMENTED], asked


@pytest.mark.parametrize("code", [301, 302, 307, 308])
@pytest.mark.parametrize("subject", [Subject.ALTERED, Subject.RECASED, Subject.DISGUISED])
def test_another_spelling_may_be_redirected(subject: Subject, code: int) -> None:
    path = f"{JOB}/"
    seen = answer(b"", code, job_id=path, subject=subject, headers={"location": f"/jobs/{JOB}"})
    assert said(trace(seen), Kind.VIOLATION) == ()


@pytest.mark.parametrize("subject", [Subject.ALTERED, Subject.DISGUISED])
@pytest.mark.parametrize("code", [400, 403, 404, 406, 414, 422])
def test_whoever_sees_it_first_may_refuse_an_odd_spelling(subject: Subject, code: int) -> None:
    seen = answer(
        b"<html>no</html>",
        code,
        job_id=f"{JOB}\x00x",
        subject=subject,
        headers={"content-type": "text/html"},
    )
    assert said(trace(seen), Kind.VIOLATION) == ()


def _asked_at(seen: Exchange, url: str) -> Exchange:
    return replace(seen, request=replace(seen.request, url=url))


def _shaped(shape: str) -> Api:
    changed = {"shape": shape, "case_insensitive": False}
    promise = api().profile.id.model_copy(update=changed)
    return replace(api(), profile=api().profile.model_copy(update={"id": promise}))


def _altered(seen: Trace) -> list[Basis]:
    return [f.basis for f in said(seen) if f.check == "altered_id_finds_nothing"]


def _found_by_number(asked: str) -> list[Basis]:
    seen = answer(job(job_id=7), job_id=asked, subject=Subject.ALTERED)
    return _altered(trace(seen, of=_shaped("integer")))


def test_what_has_no_id_is_not_called_the_job_null() -> None:
    told = said(trace(answer({"error": "none"}, job_id=JOB[:8], subject=Subject.ALTERED)))
    (finding,) = (f for f in told if f.check == "altered_id_finds_nothing")
    assert finding.message == f"the id '{JOB[:8]}' finds something without an id"


def test_a_uuid_in_the_other_case_may_name_the_job() -> None:
    assert said(trace(answer(**_RECASED))) == ()


@pytest.mark.parametrize("body", [[], "text", 3, None, b""])
@pytest.mark.parametrize("subject", [Subject.ALTERED, Subject.DISGUISED])
def test_what_holds_no_job_is_nothing_found(subject: Subject, body: object) -> None:
    shown = b"null" if body is None else body
    seen = trace(answer(shown, subject=subject, job_id=f"{JOB}x"))
    judgement = judge().judge(seen)
    names = {f.check for f in judgement.findings}
    assert not names & {CRASHED, "altered_id_finds_nothing"}
    assert "altered_id_finds_nothing" in {check.id for check in judgement.looked}
