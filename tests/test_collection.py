"""
A test has the same name in every process: pytest-xdist refuses a run in which two differ.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from pathlib import Path

import pytest
from tests.tools import PYTHON, output_of


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


GROUPED = """
import os
import pytest

pytestmark = pytest.mark.xdist_group("one")

@pytest.mark.parametrize("number", range(20))
def test_who(number):
    open(f"{os.getpid()}.pid", "w").close()
"""


def test_what_belongs_together_is_run_in_one_process(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path / "conftest.py")
    (tmp_path / "test_grouped.py").write_text(GROUPED, encoding="utf-8")
    bare = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
    output_of(*PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *bare, folder=tmp_path)
    assert len(list(tmp_path.glob("*.pid"))) == 1
