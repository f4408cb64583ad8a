"""
What all tests share.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

# The installed wheel is what is tested, so the checkout's root must stay off sys.path;
# the builders that tests share are reached through this package alone.
_package = sys.modules.setdefault("tests", ModuleType("tests"))
_package.__path__ = [str(Path(__file__).parent)]


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """
    Names packed bytes after their argument: gzip writes the second into them on Python 3.11,
    and pytest-xdist refuses a run whose processes name a test differently.
    """
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return argname
    return None
