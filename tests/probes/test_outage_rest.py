"""
What a 503 or a 429 that says when to come back does to the slots: on a virtual clock.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

import pytest

from jobproof.contract.model.exchange import Response
from jobproof.probes.engine.outage_rest import FEWEST_ASKED, OutageRest
from jobproof.probes.engine.rate_budget import BudgetLimits, RateBudgets, outage_s
from jobproof.probes.engine.schedule import PeriodicProbe, Schedule
from jobproof.probes.result import MissReason

INTERVAL_S = 1.0
NOW_UNIX = 1.8e9
World = Callable[[float], Response]


def answer(code: int, retry_after: str | None = None) -> Response:
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Response(code, headers)


def down_from_to(began: float, ended: float, down: Response) -> World:
    return lambda at: down if began <= at < ended else answer(200)


class Watched:
    """
    Grids whose requests are answered at once, as the prober would do it.
    """

    def __init__(self, *probes: PeriodicProbe) -> None:
        keys = {probe.key: BudgetLimits(math.inf) for probe in probes}
        self.keys = RateBudgets(keys, random.Random(5))
        self.schedule = Schedule(self.keys, wall_offset_s=0.0)
        self.schedule.configure(probes, 0.0)
        self.counted: Counter[str] = Counter()
        self.sent: list[float] = []

    def run(self, until: float, worlds: dict[str, World]) -> None:
        while (at := self.schedule.next_at) is not None and at < until:
            turn = self.schedule.advance(at)
            for missed in turn.missed:
                self.counted[f"{missed.probe.target} {missed.why}"] += missed.count
            for slot in turn.starts:
                response = worlds[slot.probe.target](at)
                self.sent.append(at)
                self.counted[f"{slot.probe.target} {response.code}"] += 1
                self.schedule.ended(slot.probe)
                rest_s = outage_s(response, now_unix=NOW_UNIX + at)
                if rest_s > 0:
                    self.schedule.out_of_service(slot.probe, now=at, until=at + rest_s)
                else:
                    self.schedule.in_service(slot.probe, started=at)
                self.keys.take_answer(
                    slot.probe.key, response, started=at, now=at, now_unix=NOW_UNIX + at
                )


def probe(target: str = "t", key: str = "k", interval_s: float = INTERVAL_S) -> PeriodicProbe:
    return PeriodicProbe(target, "known", key, interval_s, 10.0)


@pytest.mark.parametrize("slots", [500, 1000, 20_000])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.6, 0.97])
@pytest.mark.parametrize(
    "retry_after",
    [
        *("3", "30", "3600", "99999999999", "soon", "-5", "0", None),
        formatdate(NOW_UNIX + 900, usegmt=True),
        formatdate(NOW_UNIX - 900, usegmt=True),
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ],
)
def test_an_outage_is_as_large_as_it_is_whatever_it_says_of_its_end(
    retry_after: str | None, share: float, slots: int
) -> None:
    watched = Watched(probe())
    began = slots * 0.01
    down = down_from_to(began, began + share * slots, answer(503, retry_after))
    watched.run(slots * INTERVAL_S, {"t": down})
    failed = watched.counted["t 503"] + watched.counted["t backoff"]
    assert failed + watched.counted["t 200"] == slots
    assert failed / slots == pytest.approx(share, abs=0.01)


def test_most_slots_of_an_announced_outage_are_spared_and_never_more_than_nine_in_a_row() -> None:
    watched = Watched(probe())
    watched.run(5_000.0, {"t": lambda _at: answer(503, "3600")})
    gaps = [after - before for before, after in zip(watched.sent, watched.sent[1:], strict=False)]
    assert watched.counted["t backoff"] > 5_000 * 0.8
    assert max(gaps) == pytest.approx(FEWEST_ASKED * INTERVAL_S)
    assert gaps[:20] == pytest.approx([INTERVAL_S] * 11 + [2 * INTERVAL_S] * 9)


@pytest.mark.parametrize("share", [0.05, 0.1, 1 / 3, 0.5, 0.75])
def test_a_server_that_sheds_some_of_its_load_is_not_called_down_between(share: float) -> None:
    watched, rng = Watched(probe()), random.Random(9)
    shed = [rng.random() < share for _ in range(20_000)]

    def world(at: float) -> Response:
        return answer(503, "30") if shed[int(at / INTERVAL_S)] else answer(200)

    watched.run(20_000 * INTERVAL_S, {"t": world})
    failed = watched.counted["t 503"] + watched.counted["t backoff"]
    assert failed / 20_000 == pytest.approx(sum(shed) / 20_000, abs=0.01)


@pytest.mark.parametrize("length", [1, 2, 10])
def test_an_endpoint_that_comes_and_goes_is_asked_each_time(length: int) -> None:
    watched = Watched(probe())
    watched.run(
        1_000.0, {"t": lambda at: answer(503, "3600") if int(at) // length % 2 else answer(200)}
    )
    assert watched.counted["t 503"] == 500
    assert watched.counted["t backoff"] == 0


def test_the_end_of_an_outage_is_seen_within_a_slot_and_a_hundredth_of_it() -> None:
    for length in (5, 50, 500, 5_000):
        watched = Watched(probe())
        world = down_from_to(100.0, 100.0 + length, answer(503, "3600"))
        watched.run(100.0 + 2.0 * length + 40.0, {"t": world})
        failed = watched.counted["t 503"] + watched.counted["t backoff"]
        assert length <= failed <= length + 1 + length / 100


def test_an_outage_of_one_target_fails_no_slot_of_another_with_the_same_key() -> None:
    watched = Watched(probe("down"), probe("well"))
    watched.run(200.0, {"down": lambda _at: answer(503, "60"), "well": lambda _at: answer(200)})
    assert watched.counted["well 200"] == 200
    assert watched.counted["down 503"] + watched.counted["down backoff"] == 200


def test_canaries_of_one_target_learn_of_an_outage_each_by_itself() -> None:
    slow = replace(probe(interval_s=7.0), canary="missing")
    watched = Watched(probe(), slow)
    watched.run(700.0, {"t": down_from_to(100.0, 380.0, answer(503, "3600"))})
    # 700 slots of one and 100 of the other, and 40 % of each.
    failed = watched.counted["t 503"] + watched.counted["t backoff"]
    assert failed + watched.counted["t 200"] == 800
    assert 320 <= failed <= 320 + 2 + 4


def test_slots_under_a_429_are_neither_up_nor_down() -> None:
    watched = Watched(probe("limited"), probe("sister"))
    limited = down_from_to(100.0, 110.0, answer(429, "60"))
    watched.run(300.0, {"limited": limited, "sister": lambda _at: answer(200)})
    counted = watched.counted
    assert counted["limited 429"] == 1
    # The key is the same, so its rest is that of both; nothing is called failed for it.
    assert counted["limited throttled"] in (59, 60)
    assert counted["sister throttled"] in (59, 60, 61)
    assert counted["limited backoff"] == counted["sister backoff"] == 0


@pytest.mark.parametrize("asked", ["300", "301", "86400", "99999999999"])
def test_a_429_silences_a_key_for_five_minutes_at_most(asked: str) -> None:
    watched = Watched(probe())
    watched.run(400.0, {"t": down_from_to(0.0, 5.0, answer(429, asked))})
    assert watched.counted["t throttled"] in (299, 300)


def test_a_429_between_503s_lets_nothing_be_said_while_nobody_can_look() -> None:
    turns = [answer(503, "3600"), answer(429, "20")]
    watched = Watched(probe())
    watched.run(1_000.0, {"t": lambda _at: turns[len(watched.sent) % 2]})
    counted = watched.counted
    # Each turn: a 503, a 429, and its rest.
    assert counted["t 503"] == pytest.approx(counted["t 429"], abs=1)
    assert counted["t backoff"] == 0
    assert counted["t throttled"] == pytest.approx(19 * counted["t 429"], abs=20)


def test_after_a_rest_of_the_key_the_next_slot_is_asked_though_an_outage_was_announced() -> None:
    watched = Watched(probe("down"), probe("loud"))
    loud = down_from_to(50.0, 51.5, answer(429, "100"))
    watched.run(300.0, {"down": lambda _at: answer(503, "3600"), "loud": loud})
    after = [at for at in watched.sent if at > 52.0]
    resumed = [at for at in after if at < min(after) + 1.0]
    assert len(resumed) == 2


def test_another_answer_ends_the_rest_and_one_to_an_older_question_does_not() -> None:
    rest = OutageRest()
    for _ in range(12):
        assert not rest.skips(10.0)
        rest.begin(now=10.0, until=100.0)
    rest.end(started=9.9)
    assert rest.skips(11.0)
    rest.end(started=10.0)
    assert not rest.skips(12.0)
    assert rest.until == -math.inf


def test_a_target_that_leads_elsewhere_starts_without_an_outage() -> None:
    watched = Watched(probe("moved"), probe("stays"))
    down = {name: (lambda _at: answer(503, "3600")) for name in ("moved", "stays")}
    watched.run(20.0, down)
    assert set(watched.schedule.rests_until()) == {"moved", "stays"}
    watched.schedule.forget_outages({"moved"})
    assert set(watched.schedule.rests_until()) == {"stays"}


def test_a_slot_under_way_beyond_the_cap_is_no_failure_even_in_an_outage() -> None:
    schedule = Schedule(RateBudgets({}, random.Random(1)), wall_offset_s=0.0)
    one = PeriodicProbe("t", "known", "k", 1.0, 1.0)
    schedule.configure([one], 0.0)
    first = schedule.next_at or 0.0
    assert [len(schedule.advance(first + n).starts) for n in range(2)] == [1, 1]
    for _ in range(12):
        schedule.out_of_service(one, now=first + 1.5, until=first + 100.0)
    whys = [schedule.advance(first + n).missed[0].why for n in range(2, 5)]
    # The one that should be asked can't be, and stays due until it can.
    assert whys == [MissReason.BACKOFF, MissReason.OVERLAP, MissReason.OVERLAP]
    schedule.ended(one)
    assert len(schedule.advance(first + 5).starts) == 1
