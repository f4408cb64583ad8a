"""
What share of known faults the suite finds, and for the right reason; and whether it
calls any correct server broken.

Every figure comes from the real thing: `jobproof test` as a process of its own, over a
socket, against the mock in another process with one fault or one variant switched on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from typing import Literal

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.mock import MockOptions
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.model.api import Api
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.plugins import load_checks
from jobproof.contract.recordings.har.own import NOTES
from jobproof.contract.scoring.leave_one_out import proofs, unproved
from jobproof.contract.scoring.processes import MockProcess, run_suite
from jobproof.contract.scoring.score_row import ScoreRow
from jobproof.contract.scoring.stock import run_stock

__all__ = ["Score", "measure"]


@dataclass(frozen=True, slots=True)
class Score:
    """
    All rows, and what they add up to.

    Attributes:
        beyond: The checks whose faults this API can't have.
    """

    api: str
    rows: tuple[ScoreRow, ...]
    beyond: frozenset[str] = frozenset()

    @property
    def faults(self) -> tuple[ScoreRow, ...]:
        """
        The rows of faults.
        """
        return tuple(row for row in self.rows if row.kind == "fault")

    @property
    def variants(self) -> tuple[ScoreRow, ...]:
        """
        The rows of correct servers.
        """
        return tuple(row for row in self.rows if row.kind == "variant")

    def totals(self) -> JsonDocument:
        """
        The figures that matter.
        """
        definite = [row for row in self.faults if row.definite]
        seconds = [row.seconds for row in self.rows]
        return {
            "faults": len(self.faults),
            "found_strict": sum(row.found_strict for row in self.faults),
            "definite": len(definite),
            "definite_found": sum(row.found for row in definite),
            "definite_right": sum(row.found and row.right for row in definite),
            "right_reason": sum(row.right for row in self.faults if row.found_strict),
            "variants": len(self.variants),
            "false_alarms": sum(row.found for row in self.variants),
            "false_alarms_strict": sum(row.found_strict for row in self.variants),
            "stock_found": _count_known(row.stock for row in self.faults),
            "stock_false_alarms": _count_known(row.stock for row in self.variants),
            "seconds_a_run": round(sum(seconds) / len(seconds), 2) if seconds else 0.0,
        }

    def unsteady(self) -> dict[str, tuple[int, int]]:
        """
        The faults and variants that a run with other random ids judges otherwise: in how many
        runs of how many something wrong was found.
        """
        runs = Counter(row.name for row in self.rows)
        found = Counter(row.name for row in self.rows if row.found_strict)
        red = Counter(row.name for row in self.rows if row.found)
        return {
            name: (found[name], number)
            for name, number in runs.items()
            if 0 < found[name] < number or 0 < red[name] < number
        }

    def unproved(self) -> tuple[str, ...]:
        """
        The checks which nobody would miss: no fault is found by one of them alone.
        """
        checks = [check for check in load_checks() if check.id not in self.beyond]
        return unproved(self.api, checks, self.faults)

    def as_dict(self) -> JsonObject:
        """
        For a program.
        """
        return {
            "api": self.api,
            "totals": self.totals(),
            "proofs": proofs(self.faults),
            "unproved": self.unproved(),
            "unsteady": self.unsteady(),
            "rows": [asdict(row) for row in self.rows],
        }


def measure(
    api: Api,
    *,
    names: Iterable[str] = (),
    stock: bool = False,
    workers: int = 2,
    seeds: int = 1,
    progress: Callable[[ScoreRow], None] = lambda _score_case: None,
) -> Score:
    """
    Run the suite against every fault and variant that applies to `api`.

    Args:
        names: Only these; all where empty.
        stock: Also run stock Schemathesis on the same servers.
        seeds: How often each is run, with other random ids each time; then a total counts runs.
    """
    selected = set(names)
    numbers = range(1, seeds + 1) if seeds > 1 else (0,)
    cases = [
        (*case, number)
        for number in numbers
        for case in _cases(api)
        if not selected or case[1] in selected
    ]
    rows = []
    with ExitStack() as stack, ThreadPoolExecutor(workers) as pool:
        idle: SimpleQueue[MockProcess] = SimpleQueue()
        for _ in range(min(workers, len(cases))):
            idle.put(stack.enter_context(MockProcess(api)))

        def score(case: tuple[Literal["fault", "variant"], str, int]) -> ScoreRow:
            mock = idle.get()
            try:
                return _score_case(api, mock, *case, stock=stock)
            finally:
                idle.put(mock)

        # Threads are enough: they wait for processes.
        for row in pool.map(score, cases):
            rows.append(row)
            progress(row)
    proofs_of = [fault for fault in FAULTS.values() if fault.proves]
    possible = {fault.proves for fault in proofs_of if fault.applies(api)}
    beyond = frozenset(fault.proves for fault in proofs_of) - possible
    return Score(api.name, tuple(rows), beyond)


def _cases(api: Api) -> Iterator[tuple[Literal["fault", "variant"], str]]:
    for name, fault in FAULTS.items():
        if fault.applies(api):
            yield "fault", name
    for name, variant in VARIANTS.items():
        if variant.applies(api):
            yield "variant", name


def _score_case(
    api: Api,
    mock: MockProcess,
    kind: Literal["fault", "variant"],
    name: str,
    seed: int,
    *,
    stock: bool,
) -> ScoreRow:
    started = time.monotonic()
    options: MockOptions = {"faults": (name,)} if kind == "fault" else {"variants": (name,)}
    # Faults that strike at random strike at other times, too.
    options["seed"] = seed
    with mock.serve(options) as served:
        code, report = run_suite(api, served, seed)
    seconds = time.monotonic() - started
    # On a server of its own: faults that count requests must start anew.
    stock_is_red = run_stock(api, options) if stock else None
    violations = [
        f for f in report.get("findings", ()) if f["kind"] == "violation" and not f["accepted"]
    ]
    fault = FAULTS[name] if kind == "fault" else None
    definite = fault is not None and fault.definite
    promises = set(fault.promises) if fault is not None else set()
    checks = tuple(dict.fromkeys(f["check"] for f in violations))
    breaking = tuple(dict.fromkeys(f["check"] for f in violations if f["basis"] != "inferred"))
    # An inferred promise turns no run red: by it alone a definite fault isn't found.
    telling = breaking if definite else checks
    return ScoreRow(
        name=name,
        kind=kind,
        group=fault.letter if fault is not None else "variant",
        definite=definite,
        verdict=report.get("verdict", "none"),
        exit_code=code,
        found=code == 1,
        found_strict=bool(violations),
        right=bool(promises & set(telling)),
        checks=checks,
        breaking=breaking,
        places=tuple(dict.fromkeys(_place(f) for f in violations)),
        requests=report.get("requests", 0),
        seconds=round(seconds, 2),
        seed=seed,
        stock=stock_is_red,
    )


def _place(finding: JsonDocument) -> str:
    """
    At which question it was seen first: whose id, by whose right, by which method and how.
    """
    entry = finding["evidence"]["har"]
    notes = entry[NOTES]
    manner = notes.get("manner", Manner.PLAIN.value)
    return f"{notes['subject']} {notes['credential']} {entry['request']['method']} {manner}"


def _count_known(values: Iterable[bool | None]) -> int | None:
    # None and not 0 where nothing was run: a zero would read as "found nothing".
    known = [value for value in values if value is not None]
    return sum(known) if known else None
