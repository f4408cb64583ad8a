"""
What judging costs as a job is polled for longer: twice the polls should take twice the time.

    python benches/long_lives.py [--api NAME] [--polls N] [--most RATIO]

One job is polled N, 2 N and 4 N times, and each life is judged by `check` (a recording, from
the file to the findings), by the suite's run, and by the daemon's judging. Then all the polls
are shown to the daemon within what a replica may be behind, the densest that there is. Exit
code 1 if the longest life takes more than RATIO times as long as the shortest.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from judgement import JOB, NOW, poll

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.contract.model.profile import Phase
from jobproof.contract.plugins import default_api, find_api, load_checks
from jobproof.contract.recordings.har.writer import har
from jobproof.contract.recordings.replay import judge_recordings
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.run import Run
from jobproof.probes.engine.judging import RawResult, ResultJudge

__all__ = ["main"]

_STALENESS_S = 3600.0
_TOKEN = "a-token-of-the-bench"


class _Nobody:
    def send(self, request: Request, *, deadline_s: float) -> Exchange:
        """
        Not called: the bench brings its own exchanges.
        """
        raise AssertionError(f"{request.method} within {deadline_s} s")


def life(api: Api, polls: int) -> list[Exchange]:
    """
    A job that waits all along, and is shown ended by the last few polls.
    """
    pending = poll(api, api.lifecycle.of_phase(Phase.PENDING)[0], NOW)
    succeeded = poll(api, api.lifecycle.of_phase(Phase.SUCCEEDED)[0], NOW)
    return [
        _later(succeeded if number > polls - 5 else pending, 0.2 * number)
        for number in range(polls)
    ]


def main() -> int:
    """
    Print ratios, then seconds; 1 if a longest life takes more than `--most` of a shortest.
    """
    parser = argparse.ArgumentParser(description="The cost of judging a long life.")
    parser.add_argument("--api", default=default_api())
    parser.add_argument("--polls", type=int, default=1_000)
    parser.add_argument("--most", type=float, default=4.5)
    options = parser.parse_args()
    api = find_api(options.api)
    ways: dict[str, Callable[[Sequence[Exchange]], object]] = {
        "check": lambda polls: _check(api, polls),
        "suite": lambda polls: _suite(api, polls),
        "daemon": lambda polls: _daemon(api, polls, staleness_s=0.0),
        "daemon, replicas": lambda polls: _daemon(api, polls, staleness_s=_STALENESS_S),
    }
    counts = [options.polls, 2 * options.polls, 4 * options.polls]
    lives = [life(api, count) for count in counts]
    worst = 0.0
    for name, judge in ways.items():
        spent = [_cpu_s(judge, polls) for polls in lives]
        worst = max(worst, spent[-1] / spent[0])
        seconds = " ".join(f"{s:8.2f} s" for s in spent)
        sys.stdout.write(f"{name:<17} x4 polls take {spent[-1] / spent[0]:5.2f} x  {seconds}\n")
    return 0 if worst <= options.most else 1


def _cpu_s(judge: Callable[[Sequence[Exchange]], object], polls: Sequence[Exchange]) -> float:
    # The best of three: a neighbour on the machine must not be taken for a longer past.
    spent = []
    for _ in range(3):
        start = time.process_time()
        judge(polls)
        spent.append(time.process_time() - start)
    return min(spent)


def _check(api: Api, polls: Sequence[Exchange]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "life.har"
        path.write_text(json.dumps(har(polls)), encoding="utf-8")
        result = judge_recordings(api, [path])
    assert result.judged == len(polls)


def _suite(api: Api, polls: Sequence[Exchange]) -> None:
    values = {"api": api.name, "url": api.profile.server, "job": [JOB], "token_env": "T"}
    target = target_from(values, environ={"T": _TOKEN})
    run = Run(target, load_checks(), _Nobody())
    for exchange in polls:
        run.record(exchange)


def _daemon(api: Api, polls: Sequence[Exchange], *, staleness_s: float) -> None:
    judging = ResultJudge(api, Judge(load_checks()), Secret(_TOKEN), staleness_s=staleness_s)
    for exchange in polls:
        at = exchange.started_at
        judging(RawResult("bench", "known", exchange.request, at, 0.0, 0.1, exchange))


def _later(exchange: Exchange, seconds: float) -> Exchange:
    started_at = exchange.started_at + seconds
    return Exchange(exchange.request, exchange.answer, started_at, exchange.elapsed_s)


if __name__ == "__main__":
    raise SystemExit(main())
