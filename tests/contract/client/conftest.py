"""
A server that does its worst on real sockets, and the client that asks it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.wire import Certificates, Wire

from jobproof.contract.client.curl import Client


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as server:
        yield server


@pytest.fixture
def client() -> Iterator[Client]:
    with Client() as asking:
        yield asking


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.new()
