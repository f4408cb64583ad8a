"""
Whose job comes back: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.builders import JOB, MISSING, NOW, answer, api, job, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Basis, Kind
from jobproof.contract.model.trace import Trace

_GIVING = replace(api(), profile=api().profile.model_copy(update={"given": ("/result/style_id",)}))


def _polls(*styles: object) -> Trace:
    seen = [job("sampling", result={"style_id": style}) for style in styles]
    first, *later = (answer(body, at=NOW - 9 + n) for n, body in enumerate(seen))
    return trace(first, *later, of=_GIVING)


CASES = {
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
    ],
)
def test_what_was_given_may_come_late_and_may_not_change(
    styles: tuple[str, ...], message: str | None
) -> None:
    found = [f for f in said(_polls(*styles)) if f.check == "job_keeps_what_it_was_given"]
    assert [f.message for f in found] == ([message] if message else [])
    assert {f.basis for f in found} <= {Basis.INFERRED}


def test_an_api_that_says_nothing_of_what_is_given_is_held_to_nothing() -> None:
    polls = [answer(job("sampling", result={"style_id": s}), at=NOW - 9) for s in ("a", "b")]
    assert said(trace(*polls), Kind.VIOLATION) == ()
