"""
An answer that comes again isn't read again, and that is nothing a judgement depends on.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.builders import ENDED, JOB, NOW, answer, api, job, judge, not_found, trace
from tests.contract.lives import exchanges
from tests.threads import at_once

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange, Response, Subject
from jobproof.contract.model.observation import ParsedBody


def _another_reader() -> Api:
    """
    The same API, which has seen no answer yet.
    """
    return replace(api())


def _parsed(which: Api, exchange: Exchange) -> ParsedBody:
    return which.observe(exchange).parsed_body


def test_the_same_bytes_are_parsed_once() -> None:
    reader = _another_reader()
    first, later = _parsed(reader, answer()), _parsed(reader, answer(at=NOW + 30))
    assert first is later
    assert _parsed(_another_reader(), answer()) is not first


@pytest.mark.parametrize(
    "other",
    [
        answer(code=404),
        answer(method="POST"),
        answer(headers={"content-type": "text/html"}),
        answer(job(completed_at=f"{ENDED}")),
    ],
    ids=["code", "method", "media type", "bytes"],
)
def test_another_answer_is_parsed_by_itself(other: Exchange) -> None:
    reader = _another_reader()
    assert _parsed(reader, answer()) is not _parsed(reader, other)


def test_a_body_is_held_to_its_schema_once() -> None:
    reader = _another_reader()
    body = job(status="done", surprise=1)
    first, later = (trace(answer(body, at=at), of=reader) for at in (NOW, NOW + 30))
    assert [error.at for error in first.schema_errors] == ["/status"]
    assert [key for _, key, _ in first.undeclared] == ["surprise"]
    assert later.schema_errors is first.schema_errors
    assert later.undeclared is first.undeclared


def test_a_hostile_id_decides_anew_whether_the_document_speaks() -> None:
    body = {"surprise": 1}
    elsewhere, here = (
        trace(not_found(body, job_id=job_id, subject=Subject.MALFORMED))
        for job_id in ("..", "not-an-id")
    )
    assert elsewhere.latest.parsed_body is here.latest.parsed_body
    assert elsewhere.schema_errors == ()
    assert here.schema_errors != ()


def test_old_bodies_and_large_ones_are_let_go() -> None:
    reader = _another_reader()
    first = _parsed(reader, answer())
    for number in range(127):
        reader.observe(answer(job(completed_at=f"{ENDED + number}")))
    assert _parsed(reader, answer()) is first
    reader.observe(answer(job(status="queued")))
    assert _parsed(reader, answer()) is not first
    large = answer(job(result={"urls": ["https://a.example/" + "a" * 20_000]}))
    assert _parsed(reader, large) is not _parsed(reader, large)


def test_threads_may_share_what_was_read() -> None:
    reader = _another_reader()
    bodies = [[answer(job(completed_at=f"{n * 300 + i}")) for i in range(300)] for n in range(4)]

    def read(exchanges: list[Exchange]) -> None:
        for exchange in exchanges:
            reader.observe(exchange)

    assert at_once(*(partial(read, part) for part in bodies)) == []


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(exchanges(), max_size=2),
    exchanges(),
    st.floats(-7200, 7200),
    st.floats(0, 20),
    st.sampled_from([JOB, JOB.upper(), "another"]),
    st.sampled_from([{}, {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}, {"Age": "900", "ETag": '"1"'}]),
)
def test_an_answer_seen_before_is_judged_like_one_seen_for_the_first_time(
    earlier: list[Exchange],
    seen: Exchange,
    later_s: float,
    elapsed_s: float,
    job_id: str,
    headers: dict[str, str],
) -> None:
    reader = _another_reader()
    judge()(trace(seen, of=reader))
    shown = seen.answer
    if isinstance(shown, Response):
        media = tuple(pair for pair in shown.headers if pair[0].lower() == "content-type")
        shown = replace(shown, headers=(*media, *headers.items()))
    elsewhere = Exchange(
        replace(seen.request, job_id=job_id),
        shown,
        started_at=seen.started_at + later_s,
        elapsed_s=elapsed_s,
    )
    for exchange in (elsewhere, seen):
        again, fresh = (
            trace(*earlier, exchange, baseline=not_found(), of=which)
            for which in (reader, _another_reader())
        )
        assert repr(judge()(again)) == repr(judge()(fresh))
