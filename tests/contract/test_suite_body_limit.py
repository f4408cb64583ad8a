"""
How much of an answer the suite reads is what the profile says, no matter what is usual.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.edited_api import copied, put_key
from tests.tools import PYTHON, run_to_end

_MORE_THAN_USUAL = 1_500_000


@pytest.mark.parametrize(("limit", "exit_code"), [(2_000_000, 0), (1_200_000, 1)])
def test_the_suite_reads_as_far_as_the_profile_says(
    tmp_path: Path, limit: int, exit_code: int
) -> None:
    folder = copied(
        tmp_path,
        profile=lambda value: (
            put_key("body", {"limit": limit, "basis": "documented", "source": "a page"})(value),
            put_key("declared_elsewhere", ["/preview", "/result/error"])(value),
        ),
        mock=put_key("job.preview", "x" * _MORE_THAN_USUAL),
    )
    options = ("--api", folder, "--effort", "quick")
    done = run_to_end(*PYTHON, "-m", "jobproof", "test", *options)
    assert done.returncode == exit_code, done.stdout
    assert ("body_is_within_size_cap" in done.stdout) == bool(exit_code)
