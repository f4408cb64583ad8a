"""
What all tests share.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

# The installed wheel is what is tested, so the checkout's root must stay off sys.path;
# the builders that tests share are reached through this package alone.
_package = sys.modules.setdefault("tests", ModuleType("tests"))
_package.__path__ = [str(Path(__file__).parent)]

# Where these tests themselves are a step of a pipeline, the runs that they make are none.
for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """
    Names packed bytes after their argument: gzip writes the second into them on Python 3.11,
    and pytest-xdist refuses a run whose processes name a test differently.
    """
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return argname
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """
    Keeps a module's `xdist_group` in one process. pytest-xdist 3.8 writes it into a private name
    of an item that pytest 9.2 has no more, so that nobody is kept together by it.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class ByGroup(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            group = _group_of(str(config.rootpath / nodeid.partition("::")[0]))
            return f"@{group}" if group else super()._split_scope(nodeid)

    return ByGroup(config, log)


@cache
def _group_of(file: str) -> str:
    path = Path(file)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"^pytestmark = .*xdist_group\(\"([\w-]+)\"\)", text, re.MULTILINE)
    return found[1] if found else ""
