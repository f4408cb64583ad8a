"""
The project has one name, everywhere: what is installed, typed, scraped and read.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.tools import output_of

ROOT = Path(__file__).parent.parent

# In two parts, or this file would be the first place found.
FORMER = re.compile(b"job[ _-]?" + b"watch", re.IGNORECASE)


def files() -> list[str]:
    """
    What git keeps or would keep, relative to the root: the folder above may have any name.
    """
    options = ("-z", "--cached", "--others", "--exclude-standard")
    listed = output_of("git", "ls-files", *options, folder=ROOT)
    return [name for name in listed.split("\0") if (ROOT / name).is_file()]


def test_the_former_name_stands_in_one_line_of_the_changelog_and_nowhere_else() -> None:
    found = [
        f"{name}:{number}"
        for name in files()
        for number, line in enumerate((ROOT / name).read_bytes().splitlines(), 1)
        if FORMER.search(line)
    ]
    assert len(found) == 1
    assert found[0].startswith("CHANGELOG.md:")


def test_no_file_is_called_by_the_former_name() -> None:
    assert [name for name in files() if FORMER.search(name.encode())] == []
