"""
Points in time: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from tests.contract.builders import CREATED, ENDED, NOW, answer, job, said, trace, written
from tests.contract.cases import Case

from jobproof.contract.model.finding import Basis, Kind

_NOON = datetime(2026, 9, 21, 12, tzinfo=UTC).timestamp()

CASES = {
    "creation_time_is_past": Case(
        accepts=trace(answer(job("queued", created_at=written(NOW + 59)))),
        rejects=trace(answer(job("queued", created_at=written(NOW + 3600)))),
        at="/created_at",
    ),
    "end_time_is_past": Case(
        accepts=trace(answer(job(completed_at=written(NOW + 59)))),
        rejects=trace(answer(job(completed_at=written(NOW + 3600)))),
        at="/completed_at",
    ),
    "end_time_follows_creation": Case(
        accepts=trace(answer(job(completed_at=written(CREATED)))),
        rejects=trace(answer(job(completed_at=written(CREATED - 5)))),
        at="/completed_at",
    ),
    "end_time_only_after_end": Case(
        accepts=trace(answer(job("cancelled"))),
        rejects=trace(answer(job("intermediate-complete", completed_at=written(ENDED)))),
        at="/completed_at",
    ),
    "ended_job_has_end_time": Case(
        accepts=trace(answer(job("sampling"))),
        rejects=trace(answer(job("failed", without=["completed_at"]))),
        at="/completed_at",
    ),
    "creation_time_is_stable": Case(
        accepts=trace(
            answer(job("queued", created_at=written(CREATED)), at=NOW - 5),
            answer(job("queued", created_at=written(CREATED).replace(".000", ""))),
        ),
        rejects=trace(
            answer(job("queued", created_at=written(CREATED)), at=NOW - 5),
            answer(job("queued", created_at=written(CREATED + 5))),
        ),
        at="/created_at",
    ),
    "end_time_is_stable": Case(
        accepts=trace(answer(job("sampling"), at=NOW - 25), answer(job())),
        rejects=trace(answer(at=NOW - 5), answer(job(completed_at=written(ENDED + 5)))),
        at="/completed_at",
    ),
    "server_clock_agrees": Case(
        accepts=trace(answer(headers={"date": formatdate(NOW - 50, usegmt=True)})),
        rejects=trace(answer(headers={"date": formatdate(NOW - 500, usegmt=True)})),
        at="header:date",
        says=Kind.INCONCLUSIVE,
    ),
}


@pytest.mark.parametrize("ahead_s", [-7200, 7200])
def test_a_server_whose_clock_is_off_is_no_liar(ahead_s: float) -> None:
    body = job(created_at=written(CREATED + ahead_s), completed_at=written(ENDED + ahead_s))
    seen = trace(answer(body, headers={"date": formatdate(NOW + ahead_s, usegmt=True)}))
    assert [(f.check, f.kind) for f in said(seen)] == [("server_clock_agrees", Kind.INCONCLUSIVE)]


def test_one_moment_in_two_offsets_is_the_same_moment() -> None:
    seen = trace(
        answer(job("queued", created_at="2026-09-21T12:00:00Z"), at=_NOON + 5),
        answer(job("queued", created_at="2026-09-21T14:00:00+02:00"), at=_NOON + 9),
    )
    assert said(seen) == ()


def test_two_precisions_of_one_moment_are_the_same_moment() -> None:
    seen = trace(
        answer(job(completed_at=written(ENDED + 0.987)), at=NOW - 5),
        answer(job(completed_at=written(ENDED)), at=NOW),
    )
    assert said(seen) == ()


def test_an_end_written_by_the_second_may_lie_before_its_creation() -> None:
    body = job(created_at=written(CREATED + 0.9), completed_at=written(CREATED))
    assert said(trace(answer(body))) == ()


def test_an_end_that_vanishes_is_a_violation() -> None:
    seen = trace(answer(at=NOW - 5), answer(job(without=["completed_at"])))
    assert "end_time_is_stable" in {f.check for f in said(seen, Kind.VIOLATION)}


def test_a_missing_end_time_is_our_reading_only() -> None:
    (finding,) = said(trace(answer(job(without=["completed_at"]))))
    assert (finding.check, finding.basis) == ("ended_job_has_end_time", Basis.INFERRED)


def test_the_date_of_a_kept_answer_is_no_clock() -> None:
    headers = {
        "date": formatdate(NOW - 500, usegmt=True),
        "age": "500",
        "cache-control": "max-age=900",
    }
    assert said(trace(answer(headers=headers))) == ()


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 32 Foo 99999 00:00:00 GMT", "0"])
def test_a_date_that_cannot_be_read_settles_nothing(date: str | None) -> None:
    assert said(trace(answer(headers={"date": date}))) == ()


@pytest.mark.parametrize("text", ["soon", "", 5, None, "9999-99-99T00:00:00Z", ["x"]])
def test_a_time_that_cannot_be_read_is_the_schemas_affair(text: object) -> None:
    found = {f.check for f in said(trace(answer(job(created_at=text))))}
    assert found <= {"body_matches_schema", "null_only_where_allowed"}
    assert len(found) == 1
