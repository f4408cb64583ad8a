"""
The classes that a configuration may name: canaries, sources, sinks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from jobproof.contract.plugins import load_group

__all__ = ["load_options"]


def load_options(group: str) -> Mapping[str, Any]:
    """
    The classes installed in an entry-point group, by name.

    Raises:
        PluginError: One of them can't be loaded.
    """
    return _load_once(group, os.environ.get("JOBPROOF_NO_PLUGINS", ""))


@cache
def _load_once(group: str, _switch: str) -> Mapping[str, Any]:
    # What is installed doesn't change while a process runs, and a reload shouldn't read
    # the metadata of every distribution again.
    return load_group(group)
