"""
Programs that tests run for real: Prometheus and its kin, a browser, a compiler.
"""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["tool"]


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
