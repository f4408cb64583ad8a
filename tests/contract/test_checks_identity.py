"""
Whose job comes back: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.builders import JOB, MISSING, answer, api, job, said, trace
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Kind

CASES = {
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
