"""
A test has the same name in every process: pytest-xdist refuses a run in which two differ.
"""

from __future__ import annotations

import gzip
import zlib

import pytest


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"job"), gzip.compress(b"job", mtime=1), zlib.compress(b"job")]
)
def test_packed_bytes_are_not_part_of_a_name(packed: bytes, request: pytest.FixtureRequest) -> None:
    name = request.node.name.removeprefix("test_packed_bytes_are_not_part_of_a_name")
    assert name in ("[packed0]", "[packed1]", "[packed2]"), "it changes from second to second"


@pytest.mark.parametrize("sent", [b'{"job_id": 1}'])
def test_bytes_that_can_be_read_are(sent: bytes, request: pytest.FixtureRequest) -> None:
    assert sent.decode() in request.node.name


def test_nobody_names_a_test_by_unprintable_bytes(request: pytest.FixtureRequest) -> None:
    named = [item.nodeid for item in request.session.items if "\\x1f\\x8b" in item.nodeid]
    assert not named, named
