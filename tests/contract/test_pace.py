"""
How long until a job is polled again.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from tests.contract.builders import NOW, answer, api, failure, job

from jobproof.contract.model.exchange import Exchange, Reason
from jobproof.contract.suite.running.pace import PollPace

INTERVAL_S = 2.0


def _waits(*seen: Exchange, pace: PollPace | None = None) -> list[float]:
    pace = pace or PollPace(INTERVAL_S)
    return [pace.after(api().observe(one), now=NOW) for one in seen]


def _in(status: str, **more: Any) -> Exchange:
    return answer(job(status), **more)


def test_where_nothing_happens_polls_slow_down_to_a_bound() -> None:
    waits = _waits(*[_in("queued")] * 9)
    assert waits[:4] == [2.0, 3.0, 4.5, 6.75]
    assert waits == sorted(waits)
    assert waits[-2:] == [16.0, 16.0]


def test_where_something_happens_they_speed_up() -> None:
    waits = _waits(*[_in("queued")] * 4, _in("processing"), _in("processing"))
    assert waits[3] == 6.75
    assert waits[4:] == [2.0, 3.0]


def test_each_job_has_a_pace_of_its_own() -> None:
    pace = PollPace(INTERVAL_S)
    _waits(*[_in("queued")] * 4, pace=pace)
    assert _waits(answer(job("queued"), job_id="another"), pace=pace) == [INTERVAL_S]


def test_an_error_that_lasts_is_asked_about_more_slowly_and_its_end_is_news() -> None:
    busy = answer({"error": "busy"}, 503)
    assert _waits(busy, busy, busy, _in("queued")) == [2.0, 3.0, 4.5, 2.0]
    lost = failure(Reason.TIMEOUT)
    assert _waits(lost, lost, _in("queued")) == [2.0, 3.0, 2.0]


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [
        ("10", 10.0),
        ("10.5", 10.5),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        # Sooner than anybody asks here, and no wait at all.
        ("1", 2.0),
        ("0", 2.0),
        (formatdate(NOW - 30, usegmt=True), 2.0),
        ("soon", 2.0),
        # A job that nobody looks at for so long can't be said anything of.
        ("86400", 60.0),
    ],
)
def test_what_the_server_asks_for_is_waited_for(retry_after: str, wait_s: float) -> None:
    assert _waits(_in("queued", headers={"retry-after": retry_after})) == [wait_s]


def test_a_wait_that_was_asked_for_makes_the_next_one_no_longer() -> None:
    asked = _in("queued", headers={"retry-after": "30"})
    assert _waits(asked, _in("queued")) == [30.0, 3.0]
