"""
What all tests share.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

# The installed wheel is what is tested, so the checkout's root must stay off sys.path;
# the builders that tests share are reached through this package alone.
_package = sys.modules.setdefault("tests", ModuleType("tests"))
_package.__path__ = [str(Path(__file__).parent)]
