"""
What tests of the mock ask.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.requests_to_mock import api_named

from jobproof.contract.mock import MockServer


@pytest.fixture
def server() -> Iterator[MockServer]:
    """
    A mock on a socket that keeps its contract.
    """
    with MockServer(api_named("krea")) as running:
        yield running
