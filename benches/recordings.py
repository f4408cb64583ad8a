"""
What judging a large recording costs: time and memory, as a HAR file gets longer.

    python benches/recordings.py [--entries N] [--megabytes M] [--most RATIO]

A HAR file of N / 4, N / 2 and N polls, each of a job of its own, is judged by `check`, each in a
process of its own, from the file to the verdict. The measure beside it is `json.load` of the
same file. Exit code 1 if the longest takes more than RATIO times as long as the shortest, or
more than M megabytes of memory at its peak.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from random import Random

from judgement import JOB, NOW, poll

from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Phase
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.recordings.har.writer import har_entry
from jobproof.contract.recordings.replay import judge_recordings

__all__ = ["Cost", "main", "measure", "write_recording"]


@dataclass(frozen=True, slots=True)
class Cost:
    """
    Of one process.

    Attributes:
        seconds: Of CPU.
        megabytes: Of memory at the peak.
    """

    seconds: float
    megabytes: float


def write_recording(api: Api, path: Path, entries: int) -> None:
    """
    A HAR file of so many polls, as a browser writes them, each of another job.
    """
    entry = har_entry(poll(api, api.lifecycle.of_phase(Phase.SUCCEEDED)[0], NOW))
    del entry["_jobproof"]
    template = json.dumps(entry, separators=(",", ":"))
    ids = Random(1)  # the same file at each run
    with path.open("w", encoding="utf-8") as file:
        file.write('{"log":{"version":"1.2","creator":{"name":"bench","version":"1"},"entries":[')
        for number in range(entries):
            job = str(uuid.UUID(int=ids.getrandbits(128), version=4))
            file.write("," if number else "")
            file.write(template.replace(JOB, job))
        file.write("]}}")


def measure(path: Path, api: str, *, peer: bool = False) -> Cost:
    """
    Judge a recording in a process of its own, or only load it.
    """
    own = [sys.executable, __file__, "--api", api, "--judge", str(path)]
    answer = subprocess.check_output([*own, *(["--peer"] if peer else [])])
    return Cost(**json.loads(answer))


def main() -> int:
    """
    Print ratios, then seconds and megabytes; 1 if a limit is passed.
    """
    parser = argparse.ArgumentParser(description="The cost of judging a large recording.")
    parser.add_argument("--api", default=default_api())
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--megabytes", type=float, default=300.0)
    parser.add_argument("--most", type=float, default=4.5)
    parser.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    api = find_api(options.api)
    if options.judge is not None:
        sys.stdout.write(json.dumps(_judged(api, options.judge, peer=options.peer)))
        return 0
    counts = [options.entries // 4, options.entries // 2, options.entries]
    costs, peers = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.har"
        for count in counts:
            write_recording(api, path, count)
            costs.append(measure(path, options.api))
            peers.append(measure(path, options.api, peer=True))
        size_mb = path.stat().st_size / 1e6
    ratio = costs[-1].seconds / costs[0].seconds
    sys.stdout.write(f"x4 entries take {ratio:.2f} x the time (limit {options.most:g})\n")
    sys.stdout.write(f"check / json.load        {costs[-1].seconds / peers[-1].seconds:6.1f} x\n\n")
    for count, cost, peer in zip(counts, costs, peers, strict=True):
        sys.stdout.write(
            f"{count:>8} entries: {cost.seconds:6.1f} s, {count / cost.seconds:6.0f} entries/s, "
            f"peak {cost.megabytes:4.0f} MB (json.load {peer.seconds:.1f} s, "
            f"{peer.megabytes:.0f} MB)\n"
        )
    sys.stdout.write(f"{size_mb:.0f} MB; limit {options.megabytes:g} MB of memory\n")
    within = ratio <= options.most and costs[-1].megabytes <= options.megabytes
    return 0 if within else 1


def _judged(api: Api, path: Path, *, peer: bool) -> dict[str, float]:
    start = time.process_time()
    if peer:
        with path.open(encoding="utf-8") as file:
            json.load(file)
    else:
        run = judge_recordings(api, [path])
        assert run.judged
        assert not run.skipped.counts
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": spent, "megabytes": peak}


if __name__ == "__main__":
    raise SystemExit(main())
