"""
The project has one name, everywhere: what is installed, typed, scraped and read.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent

# In two parts, or this file would be the first place found.
FORMER = "job" + "watch"


def committed_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_the_former_name_stands_in_one_line_of_the_changelog_and_nowhere_else() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed_files()
        if path.is_file()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if FORMER.encode() in line.lower()
    ]
    assert len(found) == 1
    assert found[0].startswith("CHANGELOG.md:")


def test_no_file_is_called_by_the_former_name() -> None:
    assert [path for path in committed_files() if FORMER in path.as_posix().lower()] == []
