"""
How much of an answer the suite reads is what the profile says, no matter what is usual.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.contract.edited_api import copied, put_key
from tests.tools import PATIENCE_S

_MORE_THAN_USUAL = 1_500_000


@pytest.mark.parametrize(("limit", "exit_code"), [(2_000_000, 0), (1_200_000, 1)])
def test_the_suite_reads_as_far_as_the_profile_says(
    tmp_path: Path, limit: int, exit_code: int
) -> None:
    folder = copied(
        tmp_path,
        profile=lambda value: (
            put_key("body", {"limit": limit, "basis": "documented", "source": "a page"})(value),
            put_key("declared_elsewhere", ["/preview"])(value),
        ),
        mock=put_key("job.preview", "x" * _MORE_THAN_USUAL),
    )
    command = ("-P", "-m", "jobproof", "test", "--api", str(folder), "--effort", "quick")
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == exit_code, done.stdout
    assert ("body_is_within_size_cap" in done.stdout) == bool(exit_code)
