"""
Programs that tests run for real (Prometheus and its kin, a browser, a compiler), and how
long a test waits for anything.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

__all__ = ["PATIENCE_S", "time_zone", "tool", "until"]

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
