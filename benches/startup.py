"""
How long the commands take that one waits for, beside Python alone: CPU of the whole process.

    python benches/startup.py [--rounds N]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from statistics import median

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import click'": ("-c", "import click"),
    "jobproof --help": ("-m", "jobproof", "--help"),
    "jobproof test --effort quick": ("-m", "jobproof", "test", "--effort", "quick"),
    "jobproof test": ("-m", "jobproof", "test"),
}


def cpu_s(arguments: tuple[str, ...]) -> float:
    """
    Of one run to its end, user and system, in seconds.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-P", *arguments], stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """
    Measure in turns, so that a busy moment falls upon all.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            taken[name].append(cpu_s(arguments))
    alone = median(taken["python -c pass"]) or 0.001
    for name, seconds in taken.items():
        print(f"{name:32} {median(seconds) * 1000:6.0f} ms CPU   {median(seconds) / alone:5.1f} x")


if __name__ == "__main__":
    main()
