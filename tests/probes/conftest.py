"""
What tests of the daemon ask, and what they ask it through.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.probes.web_world import World, open_world

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api


@pytest.fixture
def mock() -> Iterator[MockServer]:
    """
    An endpoint that keeps its contract.
    """
    with MockServer(find_api("krea")) as server:
        yield server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """
    The web pages of a daemon of values.
    """
    with open_world(tmp_path) as opened:
        yield opened
