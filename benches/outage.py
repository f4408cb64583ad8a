"""
An outage of known size, in real time: how large does it come out?

    python benches/outage.py [--seconds 300]

The mocked endpoint hangs for a fifth of the time while the daemon probes it sixty times, once
with a time-out of twice the interval and once of six times. In the same run two loops send
their next request only after the answer to the last one, as most probers do. Ends with 1
where the daemon's share of failures is further than 0.01 from the truth.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from soak import free_port, process, wait_for

from jobproof.contract.client.curl import Client
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Request
from jobproof.contract.plugins import find_api

TRUTH = 0.2
PROBES = 60
TIMEOUT_INTERVALS = (2, 6)
TOLERANCE = 0.01
START_DELAY_S = 3.0
Results = list[tuple[float, bool]]
"""When a request was due, Unix seconds, and whether it was answered."""


@dataclass
class Loop:
    """
    A prober that sends its next request only once it has an answer (a closed loop).

    Attributes:
        skips: Keeps a grid and one tick of it, as Go's ticker does: of those that pass while
            it waits, all but the first are dropped. Otherwise it rests for an interval.
    """

    request: Request
    interval_s: float
    timeout_s: float
    drops_ticks: bool
    results: Results = field(default_factory=list)

    def run(self, until: float) -> None:
        """
        Send requests until the time is up.
        """
        first = due = time.time()
        with Client() as client:
            while due < until:
                time.sleep(max(0.0, due - time.time()))
                answer = client.send(self.request, deadline_s=self.timeout_s)
                self.results.append((due, answer.response is not None))
                now = time.time()
                if self.drops_ticks:
                    ticks = math.floor((due - first) / self.interval_s + 1e-6) + 1
                    due = max(now, first + ticks * self.interval_s)
                else:
                    due = now + self.interval_s


@contextmanager
def daemon(
    server: MockServer, folder: Path, interval_s: float, timeouts_s: dict[int, float]
) -> Iterator[Callable[[int], Results]]:
    """
    The daemon, probing with every time-out at once; yields the results for one of them.
    """
    (folder / "token").write_text(server.token, encoding="utf-8")
    targets = "".join(
        f"  - name: patience-{times}\n    api: krea\n    url: {server.url}\n"
        f"    token_file: token\n    interval: {interval_s * 1000:.0f}ms\n"
        f"    timeout: {timeout_s * 1000:.0f}ms\n    requests_per_minute: unlimited\n"
        f"    canaries: {{known: {{ids: [{known_job(server)}]}}}}\n"
        for times, timeout_s in timeouts_s.items()
    )
    results_file = folder / "results.jsonl"
    config = folder / "jobproof.yaml"
    config.write_text(f"targets:\n{targets}sinks: [{{sink: jsonl, path: {results_file}}}]\n")
    port = free_port()
    arguments = ["--config", str(config), "--listen", f"127.0.0.1:{port}", "--log-level", "error"]

    def results(times: int) -> Results:
        rows = [json.loads(line) for line in results_file.read_text(encoding="utf-8").splitlines()]
        return [
            (datetime.fromisoformat(row["at"]).timestamp(), row["outcome"] == "ok")
            for row in rows
            if row["target"] == f"patience-{times}"
        ]

    with process("probe", *arguments):
        wait_for(f"http://127.0.0.1:{port}/-/healthy")
        yield results


def known_job(server: MockServer) -> str:
    """
    A job that is over, so that it answers the same all the time.
    """
    return next(job.id for job in server.jobs if job.life.startswith("old"))


def failure_share(results: Results, begin: float, end: float) -> tuple[float, int]:
    """
    The share of failures among the requests that were due in between, and their number.
    """
    inside = [answered for due, answered in results if begin <= due < end]
    return inside.count(False) / len(inside), len(inside)


@dataclass(frozen=True)
class Shares:
    """
    What the same outage came to with one time-out.
    """

    timeout_s: float
    ours: float
    probes: int
    dropping: float
    resting: float


def measure(seconds: float) -> list[Shares]:
    """
    Hang for a fifth of `seconds`, and let the daemon and the loops measure it.
    """
    interval_s = seconds / PROBES
    timeouts_s = {times: interval_s * times for times in TIMEOUT_INTERVALS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobproof-outage-")))
        server = stack.enter_context(MockServer(find_api("krea")))
        ours = stack.enter_context(daemon(server, folder, interval_s, timeouts_s))
        begin = time.time() + START_DELAY_S
        end = begin + seconds
        token = ("Authorization", f"Bearer {server.token}")
        request = Request("GET", f"{server.url}/jobs/{known_job(server)}", (token,))
        loops = {
            (times, drops_ticks): Loop(request, interval_s, timeouts_s[times], drops_ticks)
            for times in TIMEOUT_INTERVALS
            for drops_ticks in (True, False)
        }
        hang_at = begin + seconds * 0.4
        threads = [threading.Thread(target=loop.run, args=[end]) for loop in loops.values()]
        threads += [
            threading.Timer(hang_at - time.time(), server.set_faults, ["hang"]),
            threading.Timer(hang_at + seconds * TRUTH - time.time(), server.set_faults),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # The last probes were due before the end and may still be open for a whole time-out.
        time.sleep(max(timeouts_s.values()) + 1.0)
        return [
            Shares(
                timeouts_s[times],
                *failure_share(ours(times), begin, end),
                failure_share(loops[times, True].results, begin, end)[0],
                failure_share(loops[times, False].results, begin, end)[0],
            )
            for times in TIMEOUT_INTERVALS
        ]


def main() -> int:
    """
    Print each share beside the truth; 1 where ours is too far from it.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0].strip())
    parser.add_argument("--seconds", type=float, default=300.0)
    seconds: float = parser.parse_args().seconds
    all_within_tolerance = True
    print(f"{seconds * TRUTH:g} s of {seconds:g} s: the true share is {TRUTH:.3f}", flush=True)
    for shares in measure(seconds):
        within_tolerance = abs(shares.ours - TRUTH) <= TOLERANCE
        all_within_tolerance = all_within_tolerance and within_tolerance
        label = "ok " if within_tolerance else "NOT"
        print(
            f"{label} time-out {shares.timeout_s:g} s: {shares.ours:.3f} of {shares.probes} "
            f"probes; a loop that drops ticks {shares.dropping:.3f}, one that "
            f"rests {shares.resting:.3f}"
        )
    return 0 if all_within_tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
