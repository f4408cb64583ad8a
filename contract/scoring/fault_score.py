"""
What share of known faults the suite finds, and for the right reason; and whether it
calls any correct server broken.

Every figure comes from the real thing: `jobproof test` as a process of its own, over a
socket, against the mock with one fault or one variant switched on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.mock import MockOptions, MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.model.api import Api

__all__ = ["Score", "ScoreRow", "measure"]

# A run takes seconds; only one that hangs ends here.
_TIMEOUT_S = 300
_STOCK_TIMEOUT_S = 1200  # hundreds of requests to a slow server, one after the other


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """
    One run against one mocked server.

    Attributes:
        group: The fault's class letter, or `variant`.
        definite: Whether the document, the vendor's prose or an RFC calls it wrong.
        found: Whether the run was red (exit 1).
        found_strict: Whether it is red with `--strict`.
        right: Whether a finding names a promise that the fault breaks.
        seed: Of the run's random ids; 0 where they are fresh ones each time.
        stock: Whether stock Schemathesis was red; None where it wasn't run.
    """

    name: str
    kind: Literal["fault", "variant"]
    group: str
    definite: bool
    verdict: str
    exit_code: int
    found: bool
    found_strict: bool
    right: bool
    checks: tuple[str, ...]
    requests: int
    seconds: float
    seed: int = 0
    stock: bool | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """
    All rows, and what they add up to.
    """

    api: str
    rows: tuple[ScoreRow, ...]

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
            "right_reason": sum(row.right for row in self.faults if row.found_strict),
            "variants": len(self.variants),
            "false_alarms": sum(row.found for row in self.variants),
            "false_alarms_strict": sum(row.found_strict for row in self.variants),
            "stock_found": _count_known(row.stock for row in self.faults),
            "stock_false_alarms": _count_known(row.stock for row in self.variants),
            "seconds_a_run": round(sum(seconds) / len(seconds), 2) if seconds else 0.0,
        }

    def as_dict(self) -> JsonObject:
        """
        For a program.
        """
        return {
            "api": self.api,
            "totals": self.totals(),
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
    # Threads are enough: the work is done in processes of their own.
    with ThreadPoolExecutor(workers) as pool:
        for row in pool.map(lambda case: _score_case(api, *case, stock=stock), cases):
            rows.append(row)
            progress(row)
    return Score(api.name, tuple(rows))


def _cases(api: Api) -> Iterator[tuple[Literal["fault", "variant"], str]]:
    for name, fault in FAULTS.items():
        if fault.applies(api):
            yield "fault", name
    for name, variant in VARIANTS.items():
        if variant.applies(api):
            yield "variant", name


def _score_case(
    api: Api, kind: Literal["fault", "variant"], name: str, seed: int, *, stock: bool
) -> ScoreRow:
    started = time.monotonic()
    options: MockOptions = {"faults": (name,)} if kind == "fault" else {"variants": (name,)}
    with MockServer(api, **options) as server:
        code, report = _run_suite(api, server, seed)
        seconds = time.monotonic() - started
    # On a server of its own: faults that count requests must start anew.
    stock_is_red = _run_stock(api, options) if stock else None
    violations = [
        f for f in report.get("findings", ()) if f["kind"] == "violation" and not f["accepted"]
    ]
    checks = tuple(dict.fromkeys(f["check"] for f in violations))
    promises = set(FAULTS[name].promises) if kind == "fault" else set()
    return ScoreRow(
        name=name,
        kind=kind,
        group=FAULTS[name].letter if kind == "fault" else "variant",
        definite=kind == "fault" and FAULTS[name].definite,
        verdict=report.get("verdict", "none"),
        exit_code=code,
        found=code == 1,
        found_strict=bool(violations),
        right=bool(promises & set(checks)),
        checks=checks,
        requests=report.get("requests", 0),
        seconds=round(seconds, 2),
        seed=seed,
        stock=stock_is_red,
    )


def _run_suite(api: Api, server: MockServer, seed: int) -> tuple[int, JsonDocument]:
    with tempfile.TemporaryDirectory(prefix="jobproof-score-") as folder:
        report = Path(folder) / "report.json"
        # -P: a folder named jobproof where the user stands mustn't be imported instead.
        command = [sys.executable, "-P", "-m", "jobproof", "test", "--api", str(api.folder)]
        command += ["--url", server.url, "--token-env", "JOBPROOF_SCORE_TOKEN"]
        command += [f"--job={job.id}" for job in server.jobs]
        command += [f"--foreign-job={job.id}" for job in server.foreign_jobs]
        command += [f"--param={name}=any" for name in api.with_any_values().values.path]
        command += ["--timeout", "5", "--report", str(report), "--seed", str(seed)]
        done = subprocess.run(  # noqa: S603 -- our own command line
            command,
            # By environment, as a user would: arguments can be read by every process.
            env={**os.environ, "JOBPROOF_SCORE_TOKEN": server.token},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
        # No report where the suite itself broke: the exit code says so, and finds nothing.
        return done.returncode, json.loads(report.read_text()) if report.exists() else {}


def _run_stock(api: Api, options: MockOptions) -> bool:
    """
    Whether stock Schemathesis is red, at its best: 401 and 429 added to the document,
    and a finished job under the document's own example id.
    """
    with MockServer(api, **options) as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.json"
        path.write_text(json.dumps(_document_for_stock(api, server)))
        at = api.access.token_at
        command = [sys.executable, "-P", "-m", "schemathesis.cli", "run", str(path)]
        command += ["-u", server.url]
        if at.place == "header":
            command += ["-H", f"{at.name}: {at.written(server.token)}"]
        command += ["--seed", "1", "--continue-on-failure"]
        command += ["--max-response-time", "1", "--request-timeout", "5", "--no-color"]
        done = subprocess.run(  # noqa: S603 -- our own command line
            command,
            cwd=folder,  # its example database and any configuration stay out of the comparison
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_STOCK_TIMEOUT_S,
            check=False,
        )
        return done.returncode != 0


def _document_for_stock(api: Api, server: MockServer) -> JsonDocument:
    # A copy by way of JSON: the API's own document is shared and must stay as it is.
    document: dict[str, Any] = json.loads(json.dumps(api.operation.document))
    operation = document["paths"][api.operation.path][api.operation.method.lower()]
    # Undocumented, a 401 makes it red on every server, a 429 on each that throttles politely.
    for code in ("401", "429"):
        operation["responses"].setdefault(code, {"description": "added for the comparison"})
    ended = next(job for job in server.jobs if job.has_ended(time.time()))
    for parameter in operation["parameters"]:
        if parameter["name"] == api.operation.parameter:
            parameter["example"] = ended.id
    return document


def _count_known(values: Iterable[bool | None]) -> int | None:
    # None and not 0 where nothing was run: a zero would read as "found nothing".
    known = [value for value in values if value is not None]
    return sum(known) if known else None
