"""
Programs that tests run for real (Prometheus and its kin, a browser, a compiler), and how
long a test waits for anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import pytest

__all__ = [
    "JOBPROOF",
    "PATIENCE_S",
    "PYTHON",
    "WITHOUT_OTHERS",
    "few_of",
    "output_of",
    "own_mounts",
    "run_to_end",
    "time_zone",
    "tool",
    "until",
]

PYTHON = (sys.executable, "-P")
JOBPROOF = (*PYTHON, "-m", "jobproof")

WITHOUT_OTHERS = ("-p", "no:asyncio", "-p", "no:randomly")
"""For pytest in pytest, as in this repository's ini file: they are there to be met elsewhere."""

PATIENCE_S = 300.0
"""What only a hang takes, on whatever machine: a test waits so long and asserts no less."""


def tool(*names: str) -> str:
    """
    The path of the program, by the first of its names that is known here.

    Where it isn't installed the test is skipped, for it has nothing to speak of; in CI,
    which installs every one of them, that is a failure.
    """
    for name in names:
        if found := shutil.which(name):
            return found
    missing = f"{names[0]} isn't installed; .ci/run installs it on Debian"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def own_mounts(*mounts: tuple[Path, str]) -> tuple[str, ...]:
    """
    What to write before a command that is to see files of ours in the place of the system's, as
    none but it does.

    Where the kernel lets nobody do so the test is skipped; in CI that is a failure.
    """
    unshare = (tool("unshare"), "--user", "--map-root-user", "--mount")
    binding = " && ".join(f"mount --bind {source} {place}" for source, place in mounts)
    probe = subprocess.run([*unshare, "sh", "-c", binding], capture_output=True, check=False)
    if probe.returncode == 0:
        return (*unshare, "sh", "-c", f'{binding} && exec "$@"', "sh")
    missing = f"no mounts of one's own here: {probe.stderr.decode().strip()}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def few_of(names: Iterable[str], *, one_in: int) -> list[str]:
    """
    Some of the names, the same ones as long as they are called so; all of them with
    JOBPROOF_EVERY_FAULT=1. `jobproof score` asks after every one, and CI runs that beside.
    """
    if os.environ.get("JOBPROOF_EVERY_FAULT") == "1":
        return list(names)
    return [name for name in names if crc32(name.encode()) % one_in == 0]


def run_to_end(
    *command: str | Path,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """
    What a command comes to that is run to its end, with what it prints.

    Args:
        env: All of its environment; without, it has the tests' own.
    """
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def output_of(
    *command: str | Path, folder: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """
    What a command prints that has to succeed.
    """
    done = run_to_end(*command, folder=folder, env=env)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def until(condition: Callable[[], object], *, what: str = "a condition") -> None:
    """
    Wait for what has to come true.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s in vain for {what}"
        time.sleep(0.02)


@contextmanager
def time_zone(name: str) -> Iterator[None]:
    """
    As if this machine stood in the zone of that name.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()
