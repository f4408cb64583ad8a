"""
Points in time: each promise kept and broken, and what must not be called broken.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from tests.contract.builders import CREATED, ENDED, NOW, answer, job, said, trace, written
from tests.contract.cases import Case

from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Basis, Kind
from jobproof.contract.plugins import find_api

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
    "creation_time_is_set": Case(
        accepts=trace(answer(job(created_at="2004-02-29T23:59:60Z"))),
        rejects=trace(answer(job(created_at="1970-01-01T00:00:00Z"))),
        at="/created_at",
    ),
    "end_time_follows_last_sight": Case(
        # A replica may be a minute behind.
        accepts=trace(
            answer(job("processing", created_at=written(NOW - 900)), at=NOW - 30),
            answer(job(created_at=written(NOW - 900), completed_at=written(NOW - 89))),
        ),
        rejects=trace(
            answer(job("processing", created_at=written(NOW - 900)), at=NOW - 30),
            answer(job(created_at=written(NOW - 900), completed_at=written(NOW - 300))),
        ),
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


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00"])
def test_a_zero_is_no_time_of_creation(text: str) -> None:
    found = said(trace(answer(job(created_at=text))), Kind.VIOLATION)
    assert [(f.check, f.found) for f in found] == [("creation_time_is_set", text)]


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        (1_790_000_000_000, ["creation_time_is_set"]),  # milliseconds
        (0, ["creation_time_is_set"]),
        (1_789_999_940, []),
    ],
)
def test_a_number_that_is_no_moment_in_seconds_is_no_time(seconds: int, found: list[str]) -> None:
    batches = find_api("openai-batch")
    body = {
        "id": "batch_1",
        "object": "batch",
        "endpoint": "/v1",
        "input_file_id": "f",
        "completion_window": "24h",
        "status": "completed",
        "output_file_id": "g",
        "created_at": seconds,
        "completed_at": 1_789_999_990,
    }
    seen = trace(answer(body, job_id="batch_1"), of=batches)
    others = {"body_matches_schema"}  # most of a batch's keys are left out
    assert {f.check for f in said(seen, Kind.VIOLATION)} - others == set(found)


def test_a_time_that_creeps_is_measured_from_where_it_was() -> None:
    polls = [
        answer(job(completed_at=written(ENDED + 0.4 * step)), at=NOW + step) for step in range(4)
    ]
    assert said(trace(*polls[:3])) == ()
    (finding,) = said(trace(*polls))
    assert finding.check == "end_time_is_stable"
    assert (finding.expected, finding.found) == (written(ENDED), written(ENDED + 1.2))


@pytest.mark.parametrize("key", ["created_at", "completed_at"])
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (".123", ".457", True),  # two moments, each to the millisecond
        (".123", ".127", False),  # a database that counts in three milliseconds
        (".623", ".000", False),  # one without fractions
        (".623", "", False),
        (".6", ".9", False),
        (".123456", ".123", False),
        (".123456789", ".456789123", True),
    ],
)
def test_two_moments_are_told_apart_as_finely_as_they_are_written(
    key: str, old: str, new: str, found: bool
) -> None:
    second = written(CREATED + 5).replace(".000+00:00", "")
    seen = trace(
        answer(job(**{key: f"{second}{old}Z"}), at=NOW - 5), answer(job(**{key: f"{second}{new}Z"}))
    )
    check = {"created_at": "creation_time_is_stable", "completed_at": "end_time_is_stable"}[key]
    assert [f.check for f in said(seen)] == ([check] if found else [])


@pytest.mark.parametrize(
    ("before_s", "found"),
    [(0.123, False), (0.234, False), (0.511, True), (1.0, True), (1.001, True)],
)
def test_an_end_before_its_creation_is_seen_as_finely_as_it_is_written(
    before_s: float, found: bool
) -> None:
    body = job(created_at=written(ENDED + 0.777), completed_at=written(ENDED + 0.777 - before_s))
    checks = ["end_time_follows_creation"] if found else []
    assert [f.check for f in said(trace(answer(body)))] == checks


@pytest.mark.parametrize(("ago_s", "found"), [(300, True), (80_000, True), (2e6, False)])
def test_times_that_are_made_up_are_no_live_ones(ago_s: float, found: bool) -> None:
    created = written(NOW - ago_s - 60)
    # It waits behind the limit first, so its age is none of job_ends_in_time's affair.
    seen = trace(
        answer(job("backlogged", created_at=created), at=NOW - 30),
        answer(job(created_at=created, completed_at=written(NOW - ago_s))),
    )
    assert [f.check for f in said(seen)] == (["end_time_follows_last_sight"] if found else [])


def test_the_clock_of_the_server_says_when_the_job_was_unfinished() -> None:
    created = written(NOW - 900)
    # By its own clock, which is two minutes behind ours, the job ended after the last sight.
    early = formatdate(NOW - 150, usegmt=True)
    seen = trace(
        answer(job("sampling", created_at=created), at=NOW - 30, headers={"date": early}),
        answer(job(created_at=created, completed_at=written(NOW - 140))),
    )
    assert said(seen) == ()


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
    found = said(trace(answer(headers={"date": date})))
    assert {f.check for f in found} <= {"dates_have_the_one_form"}


@pytest.mark.parametrize("text", ["soon", "", 5, None, "9999-99-99T00:00:00Z", ["x"]])
def test_a_time_that_cannot_be_read_is_the_schemas_affair(text: object) -> None:
    found = {f.check for f in said(trace(answer(job(created_at=text))))}
    assert found <= {"body_matches_schema", "null_only_where_allowed"}
    assert len(found) == 1


@pytest.mark.parametrize(("unit", "speaks"), [(1, False), (1000, True)])
def test_an_end_in_another_unit_is_ahead_of_every_clock(unit: int, *, speaks: bool) -> None:
    ended = int(NOW - 5) * unit
    body = {"id": "b", "status": "failed", "created_at": int(NOW - 60), "failed_at": ended}
    found = said(trace(answer(body), of=find_api("openai-batch")))
    told = [f.message for f in found if f.check == "end_time_is_past"]
    assert told == ([f"{ended} is beyond any calendar: is its unit another?"] if speaks else [])


def _messages(*polls: Exchange) -> list[str]:
    return [f.message for f in said(trace(*polls), Kind.VIOLATION)]


def test_a_wrong_time_is_told_by_how_much() -> None:
    late = job("queued", created_at=written(NOW + 4_000.1))
    assert _messages(answer(late)) == ["4000 s in the future"]
    assert _messages(answer(job(completed_at=written(NOW + 4_000.1)))) == ["4000 s in the future"]
    early = job(completed_at=written(CREATED - 90))
    assert _messages(answer(early)) == ["90 s before the job's creation"]


def test_an_end_long_before_the_creation_is_told_by_how_much() -> None:
    (message,) = _messages(answer(job(completed_at=written(86_400.0))))
    assert message == "1.79e+09 s before the job's creation"
    (message,) = _messages(answer(job(completed_at=written(CREATED * 0.4))))
    assert message == "1.07e+09 s before the job's creation"


@pytest.mark.parametrize(("apart_s", "found"), [(0.998, 0), (1.002, 1), (-0.998, 0), (-1.002, 1)])
def test_two_writings_of_one_time_may_differ_by_less_than_a_second(
    apart_s: float, found: int
) -> None:
    created = job("queued", created_at=written(CREATED + apart_s))
    assert len(_messages(answer(job("queued"), at=NOW - 5), answer(created))) == found
    ended = job(completed_at=written(ENDED + apart_s))
    assert len(_messages(answer(at=NOW - 5), answer(ended))) == found


@pytest.mark.parametrize(("early_s", "found"), [(0.998, 0), (1.002, 1)])
def test_an_end_may_seem_a_second_before_the_creation(early_s: float, found: int) -> None:
    assert len(_messages(answer(job(completed_at=written(CREATED - early_s))))) == found


def test_an_end_that_is_gone_is_told_so() -> None:
    (gone,) = (
        f
        for f in said(trace(answer(at=NOW - 5), answer(job(without=["completed_at"]))))
        if f.check == "end_time_is_stable"
    )
    assert gone.message.endswith("and isn't there any more")


@pytest.mark.parametrize(
    ("date_s", "created_s", "found"), [(0, 59, 0), (0, 61, 1), (100, 159, 0), (100, 161, 1)]
)
def test_a_time_to_come_is_measured_by_the_servers_own_clock(
    date_s: float, created_s: float, found: int
) -> None:
    body = job("queued", created_at=written(NOW + created_s))
    seen = answer(body, elapsed_s=0, headers={"date": formatdate(NOW + date_s, usegmt=True)})
    assert len(_messages(seen)) == found


@pytest.mark.parametrize(("apart_s", "found"), [(60, 0), (62, 1), (-60, 0), (-62, 1)])
def test_clocks_agree_within_the_skew_and_the_time_that_the_answer_took(
    apart_s: float, found: int
) -> None:
    stated = formatdate(NOW + 1 + apart_s, usegmt=True)
    seen = answer(job("queued"), elapsed_s=1, headers={"date": stated})
    assert len(said(trace(seen), Kind.INCONCLUSIVE)) == found


def test_an_end_before_the_creation_is_told_of_old_jobs_too() -> None:
    old = job(created_at="1969-07-20T20:17:40.000Z", completed_at="1969-07-16T13:32:00.000Z")
    found = {f.check for f in said(trace(answer(old)))}
    assert "end_time_follows_creation" in found


def test_a_creation_is_held_to_its_first_sight_and_not_to_the_last_alone() -> None:
    first, rounded, last = (
        answer(job("queued", created_at=f"2026-02-01T10:00:0{second}Z"), at=NOW + number)
        for number, second in enumerate(("1.9", "1", "1.1"))
    )
    told = [f for f in said(trace(first, rounded, last)) if f.check == "creation_time_is_stable"]
    assert not told
    drifts = (
        answer(job("queued", created_at=written(CREATED + 0.9 * number)), at=NOW + number)
        for number in range(3)
    )
    told = [f for f in said(trace(*drifts)) if f.check == "creation_time_is_stable"]
    assert [f.expected for f in told] == [written(CREATED)]
