"""
What a run costs and finds, beside stock Schemathesis on the same servers.

    python benches/runs.py [--faults N] [--variants N] [--rounds N] [--write]

`jobproof test` in each effort and `st run`, as it comes and tuned, are whole commands, one after
the other, against the mock in a process of its own: requests by the server's count, wall clock, and
CPU of the command and all that it starts. Then each is run against every so manyth definite fault
and correct variant (`--faults 0`: all of them). `--write` keeps the figures in docs/runs.csv, from
which `python docs/generate.py` makes the README's table. Ends with 1 where a correct server is
called broken by jobproof.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobproof.contract.mock import MockServer
from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.scoring.stock import document_for_stock

__all__ = ["RUNS", "main"]

RUNS = Path(__file__).parent.parent / "docs" / "runs.csv"
_TOKEN_ENV = "JOBPROOF_BENCH_TOKEN"
# A server that hangs is asked a hundred times; only a command that hangs ends here.
_TIMEOUT_S = 240.0
_SEED = "1"
_RED = 1
_T = TypeVar("_T")


@dataclass(frozen=True)
class Served:
    """
    What a client has to know of a server.
    """

    url: str
    token: str
    jobs: tuple[str, ...]
    foreign_jobs: tuple[str, ...]
    ended: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """
    What one command took, and how it ended.
    """

    code: int
    wall_s: float
    cpu_s: float
    requests: int


@dataclass(frozen=True)
class Contender:
    """
    Who is measured: a name, and the command against a server, for which a folder is there.
    """

    name: str
    command: Callable[[Served, Path], list[str]]


# -- the server -------------------------------------------------------------------------


def _serve() -> None:
    """
    Serve one mock after the other as standard input orders them.
    """
    api = find_api(default_api())
    for order in sys.stdin:
        switched = json.loads(order)
        faults, variants = tuple(switched["faults"]), tuple(switched["variants"])
        with MockServer(api, faults=faults, variants=variants, seed=int(_SEED)) as server:
            now = time.time()
            told = {
                "url": server.url,
                "token": server.token,
                "jobs": [job.id for job in server.jobs],
                "foreign_jobs": [job.id for job in server.foreign_jobs],
                "ended": [job.id for job in server.jobs if job.has_ended(now)],
            }
            print(json.dumps(told), flush=True)
            sys.stdin.readline()
            print(len(server.log), flush=True)


class Server:
    """
    A process that serves one mock after the other, apart from whoever is measured.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, contender: Contender, fault: str = "", variant: str = "") -> Cost:
        """
        Run one command against a new mock.
        """
        names = {"faults": [fault] if fault else [], "variants": [variant] if variant else []}
        told = json.loads(self._ask(json.dumps(names)))
        served = Served(**{k: v if isinstance(v, str) else tuple(v) for k, v in told.items()})
        with tempfile.TemporaryDirectory(prefix="jobproof-runs-") as folder:
            command = contender.command(served, Path(folder))
            code, wall_s, cpu_s = _timed(command, served.token, folder)
        return Cost(code, wall_s, cpu_s, int(self._ask("")))

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def close(self) -> None:
        """
        Let it end.
        """
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)


def _timed(command: Sequence[str], token: str, folder: str) -> tuple[int, float, float]:
    """
    Exit code, wall clock and CPU in seconds, of the command and all that it has waited for.
    """
    # By environment, as a user would; and nothing of ours but what is measured.
    environment = {**os.environ, _TOKEN_ENV: token, "PYTHONDONTWRITEBYTECODE": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    watchdog = threading.Timer(_TIMEOUT_S, process.kill)
    watchdog.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    finally:
        watchdog.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.perf_counter() - started, used.ru_utime + used.ru_stime


# -- who is measured --------------------------------------------------------------------


def _jobproof(effort: str) -> Contender:
    def command(served: Served, _folder: Path) -> list[str]:
        arguments = ["test", "--api", default_api(), "--url", served.url, "--effort", effort]
        arguments += ["--token-env", _TOKEN_ENV, "--timeout", "5", "--seed", _SEED]
        arguments += [f"--job={job}" for job in served.jobs]
        arguments += [f"--foreign-job={job}" for job in served.foreign_jobs]
        return [sys.executable, "-P", "-m", "jobproof", *arguments]

    return Contender(f"jobproof test --effort {effort}", command)


def _embedded(effort: str) -> Contender:
    def command(_served: Served, _folder: Path) -> list[str]:
        return [sys.executable, "-P", "-m", "jobproof", "test", "--effort", effort]

    return Contender(f"jobproof test --effort {effort}, mock embedded", command)


def _stock(name: str, *options: str, is_tuned: bool) -> Contender:
    def command(served: Served, folder: Path) -> list[str]:
        api = find_api(default_api())
        document = document_for_stock(api, served.ended) if is_tuned else api.operation.document
        path = folder / "openapi.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        at = api.access.token_at
        header = f"{at.name}: {at.written(served.token)}"
        arguments = ["run", str(path), "-u", served.url, "-H", header, "--seed", _SEED]
        arguments += ["--request-timeout", "5", "--no-color", *options]
        return [sys.executable, "-P", "-m", "schemathesis.cli", *arguments]

    return Contender(name, command)


_TUNED = ("--continue-on-failure", "--checks", "all", "--max-examples", "300")
_TUNED_TIME = ("--max-response-time", "1")
OURS = tuple(_jobproof(effort) for effort in ("quick", "standard", "exhaustive"))
THEIRS = (
    _stock("st run", is_tuned=False),
    _stock(f"st run {shlex.join(_TUNED)}", *_TUNED, *_TUNED_TIME, is_tuned=True),
)
EMBEDDED = tuple(_embedded(effort) for effort in ("quick", "standard"))


# -- the figures ------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """
    What one contender came to; shares as `found of asked`, "" where nothing was asked.
    """

    name: str
    requests: int
    wall_s: float
    cpu_s: float
    faults: str = ""
    alarms: str = ""


def _cost(server: Server, contender: Contender, rounds: int) -> Row:
    costs = [server.run(contender) for _ in range(rounds)]
    codes = {cost.code for cost in costs}
    # On the right server whoever is red would find each fault for no reason.
    if codes != {0}:
        raise SystemExit(f"{contender.name}: exit codes {sorted(codes)} on the right server")
    return Row(
        contender.name,
        round(statistics.median(cost.requests for cost in costs)),
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
    )


def _found(
    servers: Sequence[Server], contender: Contender, kind: str, names: Sequence[str]
) -> list[str]:
    """
    On which of these servers it is red.
    """
    idle = list(servers)
    lock = threading.Lock()

    def is_red(name: str) -> bool:
        with lock:
            server = idle.pop()
        try:
            cost = server.run(contender, **{kind: name})
        finally:
            with lock:
                idle.append(server)
        # What crashes or hangs has found nothing, and what is inconclusive says so.
        return cost.code == _RED

    with ThreadPoolExecutor(len(servers)) as pool:
        reds = list(pool.map(is_red, names))
    return [name for name, red in zip(names, reds, strict=True) if red]


def _spread(names: Sequence[_T], number: int) -> list[_T]:
    """
    So many of them, evenly spread, always the same; all of them where `number` is 0.
    """
    if not number or number >= len(names):
        return list(names)
    return [names[index * len(names) // number] for index in range(number)]


def measure(faults: int, variants: int, rounds: int) -> tuple[list[Row], bool]:
    """
    The rows, and whether jobproof called a correct server broken.
    """
    api = find_api(default_api())
    wrong = _spread(
        [name for name, one in FAULTS.items() if one.definite and one.applies(api)], faults
    )
    right = _spread([name for name, one in VARIANTS.items() if one.applies(api)], variants)
    rows, alarmed = [], False
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(contextlib.closing(Server())) for _ in range(2)]
        # One after the other: beside another command each would take longer.
        costs = [_cost(servers[0], one, rounds) for one in (*OURS, *THEIRS, *EMBEDDED)]
        for contender, cost in zip((*OURS, *THEIRS), costs, strict=False):
            found = _found(servers, contender, "fault", wrong)
            alarms = _found(servers, contender, "variant", right)
            alarmed = alarmed or (contender in OURS and bool(alarms))
            shares = (f"{len(found)} of {len(wrong)}", f"{len(alarms)} of {len(right)}")
            rows.append(Row(cost.name, cost.requests, cost.wall_s, cost.cpu_s, *shares))
            missed = [name for name in wrong if name not in found]
            print(f"{contender.name}: missed {', '.join(missed) or 'none'}", flush=True)
            if alarms:
                print(f"{contender.name}: called broken {', '.join(alarms)}", flush=True)
    # The embedded mock isn't counted from outside, and its CPU is the command's.
    rows += [Row(one.name, 0, one.wall_s, one.cpu_s) for one in costs[len(rows) :]]
    return rows, alarmed


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield f"{'':58} {'requests':>8} {'wall':>8} {'CPU':>8} {'faults':>11} {'alarms':>10}"
    for row in rows:
        yield (
            f"{row.name:58} {row.requests or '-':>8} {row.wall_s:6.2f} s {row.cpu_s:6.2f} s "
            f"{row.faults or '-':>11} {row.alarms or '-':>10}"
        )
    by_name = {row.name: row for row in rows}
    for ours in OURS:
        for theirs in THEIRS:
            one, other = by_name[ours.name], by_name[theirs.name]
            yield (
                f"{ours.name} / {theirs.name.partition(' --')[0]}"
                f"{' tuned' if theirs is THEIRS[1] else ''}: "
                f"requests {one.requests / other.requests:.2f} x, "
                f"wall {one.wall_s / other.wall_s:.2f} x, CPU {one.cpu_s / other.cpu_s:.2f} x"
            )


def _write(rows: Sequence[Row], command: str) -> None:
    with RUNS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", "requests", "wall_s", "cpu_s", "faults", "alarms", "by"))
        for row in rows:
            figures = (row.requests, f"{row.wall_s:.2f}", f"{row.cpu_s:.2f}")
            writer.writerow((row.name, *figures, row.faults, row.alarms, command))


def main() -> int:
    """
    Measure, and print.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--faults", type=int, default=24, help="so many definite faults; 0: all")
    parser.add_argument("--variants", type=int, default=12, help="so many of them; 0: all")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/runs.csv")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve()
        return 0
    rows, alarmed = measure(arguments.faults, arguments.variants, arguments.rounds)
    for line in _table(rows):
        print(line)
    if arguments.write:
        _write(rows, shlex.join(["python", "benches/runs.py", *sys.argv[1:]]))
    return int(alarmed)


if __name__ == "__main__":
    sys.exit(main())
