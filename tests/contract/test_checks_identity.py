"""
Whose job comes back: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.builders import (
    CREATED,
    JOB,
    MISSING,
    NOW,
    answer,
    api,
    failure,
    job,
    judge,
    said,
    trace,
    written,
)
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Basis, Finding, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.trace import Trace
from jobproof.contract.openapi.parameters import Parameter

_GIVING = replace(api(), profile=api().profile.model_copy(update={"given": ("/result/style_id",)}))


def _polls(*styles: object) -> Trace:
    seen = [job("sampling", result={"style_id": style}) for style in styles]
    first, *later = (answer(body, at=NOW - 9 + n) for n, body in enumerate(seen))
    return trace(first, *later, of=_GIVING)


def _otherwise(
    body: Any = None,
    code: int = 200,
    manner: Manner = Manner.LANGUAGE,
    plainly: Exchange | None = None,
    **kwargs: Any,
) -> Trace:
    before = answer(at=NOW - 9) if plainly is None else plainly
    return trace(before, answer(body, code, manner=manner, **kwargs))


CASES = {
    "job_is_the_same_however_asked": Case(
        accepts=_otherwise({"error": "no robots"}, 403, Manner.AGENT),
        rejects=_otherwise(job(created_at=written(CREATED + 1))),
        at="/created_at",
    ),
    "job_keeps_what_it_was_given": Case(
        accepts=_polls("", "a", "a"), rejects=_polls("a", "b"), at="/result/style_id"
    ),
    "job_id_is_echoed": Case(
        accepts=trace(answer(job(job_id=JOB.upper()), job_id=JOB.upper())),
        rejects=trace(answer(job(job_id=MISSING))),
        at="/job_id",
    ),
    "job_id_keeps_its_case": Case(
        accepts=trace(answer(job_id=JOB.upper(), subject=Subject.RECASED)),
        rejects=trace(answer(job(job_id=JOB.upper()))),
        at="/job_id",
    ),
}


def test_recorded_traffic_without_an_id_is_held_to_none() -> None:
    assert said(trace(answer(job_id=None, subject=Subject.UNSTATED))) == ()


def test_where_ids_are_numbers_the_number_names_the_job() -> None:
    promise = api().profile.id.model_copy(update={"shape": "integer"})
    counting = replace(api(), profile=api().profile.model_copy(update={"id": promise}))
    seen = trace(answer(job(job_id=42), job_id="42"), of=counting)
    assert "job_id_is_echoed" not in {f.check for f in said(seen)}


@pytest.mark.parametrize("found", [True, 4, ["4"], {"id": JOB}, ""])
def test_what_is_no_id_names_no_job(found: object) -> None:
    seen = trace(answer(job(job_id=found)))
    assert "job_id_is_echoed" in {f.check for f in said(seen, Kind.VIOLATION)}


@pytest.mark.parametrize(
    ("styles", "message"),
    [
        (("a", ""), "it was 'a' and isn't there any more"),
        (("a", "b"), "it was 'a' and is 'b' now"),
        (("", "b"), None),
        (("b",), None),
        (({"a": 1}, {"a": 1, "b": 2}), None),  # tags, say
        (({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}}), ...),
        (({"a": 1, "b": 2}, {"a": 1}), ...),
        ((["a"], ["a", "b"]), ...),
    ],
)
def test_what_was_given_may_come_late_and_may_not_change(
    styles: tuple[object, ...], message: Any
) -> None:
    found = [f for f in said(_polls(*styles)) if f.check == "job_keeps_what_it_was_given"]
    assert len(found) == (message is not None)
    assert message in (None, ..., *(f.message for f in found))
    assert {f.basis for f in found} <= {Basis.INFERRED}


def test_an_api_that_says_nothing_of_what_is_given_is_held_to_nothing() -> None:
    polls = [answer(job("sampling", result={"style_id": s}), at=NOW - 9) for s in ("a", "b")]
    assert said(trace(*polls), Kind.VIOLATION) == ()


def _of_the_manner(subject: Trace) -> list[Finding]:
    return [f for f in said(subject) if f.check == "job_is_the_same_however_asked"]


def _looks(subject: Trace) -> bool:
    return "job_is_the_same_however_asked" in {c.id for c in judge().judge(subject).looked}


@pytest.mark.parametrize(
    ("plainly", "otherwise", "told"),
    [
        ({}, {"job_id": MISSING}, {"/job_id": (JOB, MISSING)}),
        ({}, {"created_at": written(NOW)}, {"/created_at": (written(CREATED), written(NOW))}),
        (
            {"status": "cancelled", "result": None},
            {"status": "failed", "error": None},
            {"/status": ("cancelled", "failed")},
        ),
        ({}, {"result": None}, {"/result": (..., None)}),
        # The same moment, written less finely.
        ({"created_at": written(CREATED + 0.25)}, {"created_at": written(CREATED)}, {}),
        ({"result": {}}, {"result": {}, "error": {"code": "x"}}, {"/error": (None, ...)}),
        ({}, {"result": {"urls": ["https://gen.krea.ai/b.png"]}}, {}),  # signed anew, say
        # What goes on may have gone on meanwhile.
        ({"status": "queued"}, {"status": "processing", "result": {"urls": []}}, {}),
        ({"status": "queued"}, {"job_id": MISSING}, {"/job_id": (JOB, MISSING)}),
    ],
)
def test_each_fact_of_a_job_is_compared_that_can_not_have_changed(
    plainly: Mapping[str, Any], otherwise: Mapping[str, Any], told: Mapping[str, Any]
) -> None:
    before, after = job(**plainly), job(**{**plainly, **otherwise})
    found = _of_the_manner(_otherwise(after, plainly=answer(before, at=NOW - 9)))
    assert {f.pointer for f in found} == set(told)
    for finding in found:
        expected, value = told[finding.pointer]
        assert expected in (..., finding.expected)
        assert value in (..., finding.found)


def test_it_says_how_it_was_asked_and_what_came_else() -> None:
    (finding,) = _of_the_manner(_otherwise(job("failed", result=None, error=None)))[:1]
    assert finding.message == "asked in another language, it is 'failed', and else 'completed'"
    assert (finding.kind, finding.basis) == (Kind.VIOLATION, Basis.DOCUMENTED)
    (finding,) = _of_the_manner(_otherwise({"error": "no"}, 404))
    assert finding.message == "asked in another language, the job is answered with 404"
    assert (finding.pointer, finding.expected, finding.found) == ("code", 200, 404)
    (finding,) = _of_the_manner(_otherwise(b"[]"))
    assert (finding.pointer, finding.expected, finding.found) == ("body", "a job", "none")


@pytest.mark.parametrize(
    ("manner", "basis"),
    [
        (Manner.LANGUAGE, Basis.DOCUMENTED),
        (Manner.ACCEPT_ANY, Basis.RFC),
        (Manner.TAG_OVER_DATE, Basis.RFC),
        (Manner.ENCODED, Basis.INFERRED),
        (Manner.SCHEME_CASE, Basis.INFERRED),
        (Manner.FIELD_CASE, Basis.RFC),
        (Manner.NO_DATE, Basis.RFC),
        (Manner.IF_ANY, Basis.INFERRED),
    ],
)
def test_its_basis_is_whose_word_it_is(manner: Manner, basis: Basis) -> None:
    for subject in (
        _otherwise({"error": "no"}, 404, manner),
        _otherwise(job("failed"), 200, manner),
    ):
        found = _of_the_manner(subject)
        assert {(f.basis, f.source) for f in found} == {(basis, manner.spec.source)}


@pytest.mark.parametrize(
    ("subject", "looks"),
    [
        (_otherwise(), True),
        (_otherwise({"error": "no"}, 404), True),
        (_otherwise({"error": "no"}, 403, Manner.AGENT), False),  # it may decline
        (_otherwise({"error": "no"}, 403, Manner.QUERY), False),
        (_otherwise({"error": "no"}, 421, Manner.OTHER_HOST), False),
        (_otherwise({"error": "no"}, 412, Manner.IF_ANY), True),
        (_otherwise({"error": "no"}, 400, Manner.NO_TAG), False),
        *((_otherwise({"error": "x"}, code), False) for code in (408, 425, 429, 500, 503)),
        (_otherwise({"error": "x"}, 501), True),
        # Such a question promises nothing of the job.
        (_otherwise({"error": "no"}, 404, Manner.CLAIMS), False),
        (_otherwise({"error": "no"}, 404, method="HEAD"), False),
        (_otherwise({"error": "no"}, 404, method="DELETE"), False),
        (_otherwise({"error": "no"}, 404, subject=Subject.FOREIGN), False),
        (_otherwise({"error": "no"}, 401, credential=Credential.NONE), False),
        # Nobody has seen it plainly.
        (trace(answer(manner=Manner.LANGUAGE)), False),
        (_otherwise(plainly=failure(at=NOW - 30)), False),
        (_otherwise(plainly=answer({"error": "no"}, 404, at=NOW - 9)), False),
        (_otherwise(plainly=answer(b"[]", at=NOW - 9)), False),
        (_otherwise(plainly=answer(at=NOW - 9, credential=Credential.NONE)), False),
    ],
)
def test_it_looks_where_a_job_shown_plainly_is_asked_for_otherwise(
    subject: Trace, looks: bool
) -> None:
    assert _looks(subject) is looks
    assert looks or _of_the_manner(subject) == []


def test_one_without_its_own_times_and_places_is_held_to_its_id_and_status() -> None:
    bare = replace(
        api(),
        profile=api().profile.model_copy(update={"times": None, "result": None, "failure": None}),
    )
    changed = job("failed", job_id=MISSING, created_at=written(NOW), result=None)
    seen = trace(answer(at=NOW - 9), answer(changed, manner=Manner.LANGUAGE), of=bare)
    assert {f.pointer for f in _of_the_manner(seen)} == {"/job_id", "/status"}


@pytest.mark.parametrize(
    ("plainly", "otherwise", "told"),
    [
        ("https://gen.krea.ai/a.png", "https://jobproof.example/a.png", True),
        ("https://gen.krea.ai/a.png", "https://JOBPROOF.example:8443/a.png", True),
        ("https://gen.krea.ai/a.png", "https://cdn.krea.ai/b.png", False),
        ("https://jobproof.example/a.png", "https://jobproof.example/b.png", False),
    ],
)
def test_a_link_leads_elsewhere_only_where_the_asker_names_the_place(
    plainly: str, otherwise: str, told: bool
) -> None:
    before, after = (job(result={"urls": [link]}) for link in (plainly, otherwise))
    subject = _otherwise(after, manner=Manner.OTHER_HOST, plainly=answer(before, at=NOW - 9))
    assert {f.pointer for f in _of_the_manner(subject)} == ({"/result/urls"} if told else set())


@pytest.mark.parametrize(
    ("plainly", "otherwise", "told"),
    [
        (("a", "a"), "b", True),
        (("a", "a"), "a", False),
        (("a",), "b", False),
        # One that is new at each sight may be new at the next one.
        (("a", "b"), "c", False),
        (("a", "b", "b"), "c", False),
    ],
)
def test_files_that_have_stayed_the_same_are_the_same_for_whoever_asks(
    plainly: tuple[str, ...], otherwise: str, told: bool
) -> None:
    def shown(name: str) -> Any:
        # Signed anew and by another host, it is the same file.
        return job(result={"urls": [f"https://{name}.krea.ai/{name}.png?Signature={name}"]})

    before = [answer(shown(name), at=NOW - 9 + n) for n, name in enumerate(plainly)]
    after = answer(shown(otherwise), manner=Manner.OTHER_HOST)
    found = {f.pointer for f in _of_the_manner(trace(*before, after))}
    assert found == ({"/result/urls"} if told else set())


def test_when_a_job_ended_is_said_to_whoever_asks() -> None:
    for manner in (Manner.TOOL, Manner.LANGUAGE):
        subject = _otherwise(job(completed_at=None), manner=manner)
        assert {f.pointer for f in _of_the_manner(subject)} == {"/completed_at"}


def test_what_the_document_lets_a_client_say_may_make_a_difference() -> None:
    operation = api().operation
    said_by = Parameter("accept-LANGUAGE", "header", required=False)
    more = replace(operation, parameters=(*operation.parameters, said_by))
    subject = trace(
        answer(at=NOW - 9),
        answer({"error": "no"}, 404, manner=Manner.LANGUAGE),
        of=replace(api(), operation=more),
    )
    assert _of_the_manner(subject) == []
    assert not _looks(subject)


@pytest.mark.parametrize(("shown_s", "speaks"), [(1, False), (60, True)])
def test_only_what_was_shown_lately_may_be_news_to_a_replica(
    shown_s: float, *, speaks: bool
) -> None:
    before = answer(at=NOW - shown_s)
    otherwise = answer(job(created_at=written(NOW)), manner=Manner.LANGUAGE)
    assert bool(_of_the_manner(trace(before, otherwise, staleness_s=5))) is speaks
