"""
What each question of a run finds, and which could be left out.

    python benches/yields.py [--faults N] [--workers N] [--write] [--order]

Each fault is asked by every question of the plan, over a socket, and what was exchanged is kept.
Then the exchanges are judged again and again, with questions left out, which costs no request:
for each question one fault that nobody would find without it, and for each check the questions
that its faults need. Last, how many of the definite faults a run has found after so many requests,
in the order in which they were sent. Exit code 1 if a question of the plan finds nothing that
others don't find, or a definite fault isn't found by the plan.

`--faults N` takes every so manyth fault. `--write` keeps what was found, with the curve, in
contract/suite/planning/yields.csv and docs/curve.csv. `--order`, with it, first puts the questions
into the order of what they find, and leaves to `exhaustive` what no fault needs.
"""

from __future__ import annotations

import argparse
import csv
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from jobproof.contract.client.curl import Client
from jobproof.contract.mock import MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.contract.model.finding import Basis, Finding, Kind
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.suite.planning.plan import PlannedRequest
from jobproof.contract.suite.planning.target import Effort, SuiteTarget
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.planning.yields import ALWAYS, ASKED_BEFORE, read_yields
from jobproof.contract.suite.running.properties import send_generated_cases, take_walks
from jobproof.contract.suite.running.rate_limiter import BudgetSpent
from jobproof.contract.suite.running.run import Run

__all__ = [
    "ANYWAY",
    "CURVE",
    "SPARE",
    "YIELDS",
    "Examined",
    "Recording",
    "examine",
    "main",
    "needs",
    "ordered",
    "record",
    "where_found",
]

ROOT = Path(__file__).parent.parent
YIELDS = ROOT / "contract" / "suite" / "planning" / "yields.csv"
CURVE = ROOT / "docs" / "curve.csv"
_POINTS = (10, 20, 40, 60, 80, 100, 120, 150, 200)
_QUICK_REQUESTS = 72
"""As many as twelve a minute, Krea's limit, allow in six minutes."""
_INTERVAL_S = 0.01
# Found in so many other ways, a fault needs no single question.
_MOST_WAYS = 12
_ENDED = "old-image"
ANYWAY = {
    "missing none GET": "a plain refusal, beside which those of tricks are looked at",
    "first none GET": "a plain refusal, beside which those of tricks are looked at",
    "first invalid GET": "a plain refusal, beside which those of tricks are looked at",
    "first again": "over the connection of a refusal, of which something may have stayed there",
    "other again": "where conditions aren't understood, as the mock understands them",
    "recased": "of ids that are no UUIDs another may be meant: the mock's are UUIDs",
    "first invalid GET unsigned_credential": "asked where the token is a JWT: the mock's is none",
}
"""What is asked though no fault of the mock's needs it, and why."""
_DRAWN = {"generated cases": send_generated_cases, "walks": take_walks}
_REPEATS = 8
_METHODS = ("POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY")
# What is asked of each further job costs a request for each of them, or for each end.
# Of what comes at times, and of what may be spoiled: at the end, and as they were told.
SPARE = ("repeat ", "foreign repeat ", "disposable ")
_COSTS = {"other owner GET": 10.0}
_OTHERS_COST = 3.0


@dataclass(frozen=True)
class Recording:
    """
    What one run of the plan exchanged with a server that has one fault.

    Attributes:
        values: What the target is made of again.
        exchanges: In the order of sending, each with the name of its question.
    """

    fault: str
    values: dict[str, Any]
    token: str
    exchanges: tuple[tuple[str, Exchange], ...]

    @property
    def questions(self) -> list[str]:
        """
        The names, in the order of the first time.
        """
        return list(dict.fromkeys(name for name, _ in self.exchanges))


class _RecordedRun(Run):
    """
    A run that keeps what it exchanges.
    """

    exchanges: list[tuple[str, Exchange]]
    asking: threading.local
    drawn = ""

    def keep(self) -> list[tuple[str, Exchange]]:
        """
        Begin, and give the list that is filled.
        """
        self.exchanges, self.asking = [], threading.local()
        return self.exchanges

    def send(
        self, planned: PlannedRequest, *, fresh: bool = False
    ) -> tuple[Any, tuple[Finding, ...]]:
        self.asking.name = planned.name or self.drawn
        return super().send(planned, fresh=fresh)

    def send_at_once(
        self, planned: PlannedRequest, beside: PlannedRequest
    ) -> tuple[Any, tuple[Finding, ...]]:
        self.asking.name = planned.name
        return super().send_at_once(planned, beside)

    def record(
        self, exchange: Exchange, *, generated: bool = False
    ) -> tuple[Any, tuple[Finding, ...]]:
        name = self.drawn or getattr(self.asking, "name", "")
        self.exchanges.append((name, exchange))
        return super().record(exchange, generated=generated)


class _Mute:
    """
    Sends nothing: whoever judges again what was exchanged has no server.
    """

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        raise BudgetSpent


@cache
def _checks() -> tuple[Check, ...]:
    return tuple(load_checks())


def _target(values: dict[str, Any], token: str) -> SuiteTarget:
    target = target_from({**values, "token_env": "T"}, environ={"T": token})
    return replace(target, poll_interval_s=_INTERVAL_S)


def record(fault: str, effort: Effort, *, life: str = "") -> Recording:
    """
    Carry out the plan of that effort, by the real client, against a mock with that fault, if any:
    about all of its jobs, or about one that has that life and one of somebody else's.
    """
    with (
        MockServer(find_api(default_api()), faults=(fault,) if fault else ()) as server,
        Client(exact_framing=True) as client,
    ):
        values = {
            "url": server.url,
            "job": [job.id for job in server.jobs if life in ("", job.life)],
            "foreign_job": [job.id for job in server.foreign_jobs][: 1 if life else None],
            "effort": effort.value,
            "timeout": 3.0,
            "seed": 1,
        }
        run = _RecordedRun(_target(values, server.token), _checks(), client)
        exchanges = run.keep()
        run.execute()
        for run.drawn, draw in _DRAWN.items():
            if run.target.effort.generated and not run.is_over:
                draw(run)
    return Recording(fault, values, server.token, tuple(exchanges))


def where_found(recording: Recording, kept: Iterable[str] | None = None) -> Counter[str]:
    """
    At which questions the fault is found for the right reason, if only `kept` are asked; how
    often each.
    """
    names = None if kept is None else set(kept)
    run = Run(_target(recording.values, recording.token), _checks(), _Mute(), plan=())
    found: Counter[str] = Counter()
    for name, exchange in recording.exchanges:
        if names is None or name in names:
            said = run.record(exchange)[1]
            found[name] += any(_tells(recording.fault, finding) for finding in said)
    return +found


def first_found(recording: Recording) -> int | None:
    """
    After how many requests the fault is found for the right reason; None where it isn't.
    """
    run = Run(_target(recording.values, recording.token), _checks(), _Mute(), plan=())
    for number, (_, exchange) in enumerate(recording.exchanges, 1):
        if any(_tells(recording.fault, finding) for finding in run.record(exchange)[1]):
            return number
    return None


def _tells(name: str, finding: Finding) -> bool:
    fault = FAULTS[name]
    if finding.kind is not Kind.VIOLATION or finding.accepted is not None:
        return False
    # An inferred promise turns no run red.
    counts = finding.basis is not Basis.INFERRED or not fault.definite
    return counts and finding.check in fault.promises


def needs(recording: Recording) -> tuple[list[str], list[list[str]]]:
    """
    A few questions that are enough to find the fault, none of them to spare; and others that
    would be enough each alone. Both empty where it isn't found.
    """
    found = where_found(recording)
    alone = [[name] for name in list(found)[:_MOST_WAYS] if where_found(recording, [name])]
    if alone or not found:
        return (alone[0] if alone else []), alone
    best: list[str] = []
    for name in list(found)[:3]:
        enough = _fewest(recording, name)
        if enough and (not best or len(enough) < len(best)):
            best = enough
    return best, [best] if best else []


def _fewest(recording: Recording, always: str) -> list[str]:
    """
    `always`, and as few others as do: halves are left out, then quarters, as long as any can.
    """
    left, parts = [name for name in recording.questions if name != always], 2
    if not where_found(recording, [always, *left]):
        return []
    while left:
        size = max(1, len(left) // parts)
        for start in range(0, len(left), size):
            rest = left[:start] + left[start + size :]
            if where_found(recording, [always, *rest]):
                left, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(left), parts * 2)
    kept = {always, *left}
    return [name for name in recording.questions if name in kept]


def ordered(wanted: Sequence[list[list[str]]]) -> list[str]:
    """
    Questions in the order of how many faults each newly finds.

    Args:
        wanted: Of each fault, the sets of which one is enough to find it.
    """
    order, open_ = [*ALWAYS], [ways for ways in wanted if ways]
    while open_ := [ways for ways in open_ if not any(set(w) <= set(order) for w in ways)]:
        gains: Counter[tuple[str, ...]] = Counter()
        for ways in open_:
            for way in {tuple(name for name in one if name not in order) for one in ways}:
                gains[way] += 1
        best = max(gains, key=lambda way: (gains[way] / sum(map(_cost, way)), -len(way), way))
        order.extend(best)
    return _after_what_they_need(order, wanted)


def _cost(name: str) -> float:
    return _COSTS.get(name, _OTHERS_COST if name.startswith("other ") else 1.0)


def _after_what_they_need(order: list[str], wanted: Sequence[list[list[str]]]) -> list[str]:
    # What is compared comes after what it is compared with, as it was asked when it was recorded.
    pairs = [
        pair
        for ways in wanted
        if len(ways) == 1
        for pair in zip(ways[0], ways[0][1:], strict=False)
    ]
    for _ in order:
        for before, after in pairs:
            if order.index(before) > order.index(after):
                order.remove(before)
                order.insert(order.index(after), before)
    return order


@dataclass(frozen=True)
class Examined:
    """
    What became of one fault.

    Attributes:
        first: After how many requests it was found; None where it wasn't.
        ways: Sets of questions of which one is enough.
        required: The questions without which it isn't found.
    """

    fault: str
    first: int | None
    ways: tuple[tuple[str, ...], ...]
    required: tuple[str, ...]

    @property
    def is_definite(self) -> bool:
        """
        Whether it turns a run red.
        """
        return FAULTS[self.fault].definite

    def is_found_by(self, names: Iterable[str]) -> bool:
        """
        Whether these questions are known to be enough.
        """
        asked = set(names)
        return any(set(way) <= asked for way in self.ways)


def examine(fault: str, effort: Effort) -> Examined:
    """
    Record a run against that fault, and find out what of it was needed.
    """
    recording = record(fault, effort)
    first = first_found(recording)
    # What is drawn is drawn whatever it finds: it makes no question needless.
    planned = tuple(one for one in recording.exchanges if one[0] not in _DRAWN)
    recording = replace(recording, exchanges=planned)
    fewest, ways = needs(recording)
    required = [
        name
        for name in fewest
        if not where_found(recording, [one for one in recording.questions if one != name])
    ]
    return Examined(fault, first, tuple(map(tuple, ways)), tuple(required))


def _examine_all(faults: Sequence[str], effort: Effort, workers: int) -> list[Examined]:
    context = get_context("spawn")
    # What takes longest begins first, so that nobody waits for it alone.
    faults = sorted(faults, key=lambda name: "slow" not in name)
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return [*pool.map(examine, faults, [effort] * len(faults))]


def _spared(order: Sequence[str], examined: Sequence[Examined]) -> list[str]:
    """
    The same questions but those that others make needless, the last ones first.
    """
    kept = [*order]
    for name in reversed(order):
        rest = [one for one in kept if one != name]
        if name not in ALWAYS and all(
            one.is_found_by(rest) for one in examined if one.is_found_by(kept)
        ):
            kept = rest
    return kept


def _quick_count(order: Sequence[str]) -> int:
    """
    How many of the first questions a run may ask about one ended job, and one of somebody else's,
    before it has sent what a quick run may.
    """
    sent = Counter(name for name, _ in record("", Effort.STANDARD, life=_ENDED).exchanges)
    left = _QUICK_REQUESTS
    for count, name in enumerate(order):
        left -= sent[name] + sum(sent[one] for one, of in ASKED_BEFORE.items() if of == name)
        if left < 0:
            return count
    return len(order)


def _curve(examined: Sequence[Examined]) -> list[tuple[int, float]]:
    definite = [one for one in examined if one.is_definite]
    firsts = [one.first for one in definite if one.first is not None]
    last = max(firsts, default=0)
    points = [*(point for point in _POINTS if point < last), last]
    return [(n, sum(first <= n for first in firsts) / len(definite)) for n in points]


def _write_order(order: Sequence[str], examined: Sequence[Examined]) -> None:
    quick = _quick_count(order)
    turns = range(1, _REPEATS + 1)
    repeats = [f"{who}repeat {number}" for who in ("", "foreign ") for number in turns]
    last = [name for name in repeats if name not in order]
    disposable = [f"disposable {method}" for method in _METHODS]
    with YIELDS.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("question", "effort", "needed_for", "checks"))
        for number, name in enumerate((*order, *last, *disposable)):
            effort = Effort.QUICK if number < quick else Effort.STANDARD
            rows.writerow(
                (name, effort.value, _needed_for(name, examined), _checks_of(name, examined))
            )


def _needed_for(name: str, examined: Sequence[Examined]) -> str:
    lost = sorted(examined, key=lambda one: not one.is_definite)
    return next((one.fault for one in lost if name in one.required), "")


def _checks_of(name: str, examined: Sequence[Examined]) -> str:
    """
    The checks one of whose faults is found by that question, with others or alone.
    """
    found = {
        check
        for one in examined
        if any(name in way for way in one.ways[:1])
        for check in FAULTS[one.fault].promises
    }
    return " ".join(sorted(found))


def _print(examined: Sequence[Examined]) -> int:
    """
    Tell what was measured.

    Returns:
        The exit code.
    """
    definite = [one for one in examined if one.is_definite]
    missed = [one.fault for one in definite if one.first is None]
    print(f"definite faults found: {len(definite) - len(missed)} of {len(definite)}")
    for requests, share in _curve(examined):
        print(f"after {requests:4} requests {share:6.1%}")
    useless = []
    for name, effort in read_yields().efforts.items():
        is_spare = name in (*ALWAYS, *ANYWAY) or name.startswith(SPARE)
        lost = _needed_for(name, examined)
        print(f"{effort.value:9} {name:52} {lost or ('-' if is_spare else 'nothing')}")
        useless += [] if lost or is_spare else [name]
    for name in missed:
        print(f"not found by the plan: {name}")
    for name in useless:
        print(f"no fault needs: {name}")
    return 1 if missed or useless else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Measure, print, and keep it if told so.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[1])
    parser.add_argument("--faults", type=int, default=1, metavar="N")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--order", action="store_true")
    chosen = parser.parse_args(arguments)
    api = find_api(default_api())
    faults = [name for name, fault in FAULTS.items() if fault.applies(api)][:: chosen.faults]
    if chosen.write and chosen.order:
        examined = _examine_all(faults, Effort.EXHAUSTIVE, chosen.workers)
        order = ordered([[list(way) for way in one.ways] for one in examined])
        _write_order(_spared(order, examined), examined)
        read_yields.cache_clear()
    examined = _examine_all(faults, Effort.STANDARD, chosen.workers)
    if chosen.write:
        kept = list(read_yields().efforts)
        _write_order([n for n in kept if not n.startswith(SPARE)], examined)
        with CURVE.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("requests", "share"))
            rows.writerows((count, f"{share:.3f}") for count, share in _curve(examined))
    return _print(examined)


if __name__ == "__main__":
    sys.exit(main())
