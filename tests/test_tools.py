"""
A missing program skips a test, and never in CI.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.tools import tool

_TESTS = Path(__file__).parent


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_first_name_that_is_known_is_taken(path: Path) -> None:
    for name in ("chromium-browser", "chrome"):
        (path / name).touch(0o755)
    assert tool("chromium", "chromium-browser", "chrome") == str(path / "chromium-browser")


@pytest.mark.usefixtures("path")
def test_a_missing_program_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="promtool isn't installed"):
        tool("promtool")


@pytest.mark.usefixtures("path")
def test_in_ci_a_missing_program_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="promtool isn't installed"):
        tool("promtool")


def test_nothing_else_skips() -> None:
    skips = re.compile(r"pytest\.skip\(|mark\.skip|skipif|importorskip|shutil\.which")
    elsewhere = [
        str(file.relative_to(_TESTS))
        for file in sorted(_TESTS.rglob("*.py"))
        if skips.search(file.read_text(encoding="utf-8"))
    ]
    assert elsewhere == ["test_tools.py", "tools.py"]
