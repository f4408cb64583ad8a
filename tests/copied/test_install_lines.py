"""
Every `pip install` that is shown installs what was built here, and nobody else's program.
"""

from __future__ import annotations

import email
import re
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.copied.lines import ROOT, CommandLine, all_lines, programs_in
from tests.third_party import built_wheel
from tests.tools import run_to_end

TOOLS = frozenset({"tox"})
"""Other people's programs that our pages tell a reader to install."""


def _install_lines() -> list[tuple[CommandLine, list[str]]]:
    """
    Whoever installs, as if it were pip.
    """
    found = []
    for line in all_lines():
        for words in programs_in(line.text):
            said = " ".join([words[0].rpartition("/")[2], *words[1:]])
            way = re.match(r"(pip|python3? -m pip|pipx|uv pip|uv tool) install ", said)
            if way:
                found.append((line, ["pip", "install", *words[len(way[0].split()) :]]))
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize(("line", "words"), _install_lines(), ids=str)
def test_what_is_installed_is_ours(line: CommandLine, words: list[str], wheel: Path) -> None:
    options = [word for word in words[2:] if word.startswith("-")]
    wanted = [word for word in words[2:] if not word.startswith("-")]
    assert wanted
    for what in wanted:
        folder, extras = _folder(what)
        if folder is not None:
            assert (ROOT / folder / "pyproject.toml").is_file()
        elif canonicalize_name(Requirement(what).name) not in TOOLS:
            extras = Requirement(what).extras
            _resolve(what, options, wheel)
        if what not in TOOLS:
            assert extras <= _extras_of(wheel)


def _folder(what: str) -> tuple[str | None, set[str]]:
    found = re.fullmatch(r"(\.[\w/-]*)(?:\[([\w,-]+)\])?", what)
    return (found[1], set((found[2] or "").split(",")) - {""}) if found else (None, set())


def _resolve(what: str, options: list[str], wheel: Path) -> None:
    """
    Have pip itself choose, with the built wheel as all that there is to choose from.
    """
    only_ours = ("--dry-run", "--no-deps", "--no-index", f"--find-links={wheel.parent}")
    pip = (sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "install")
    into = ("--ignore-installed", "--target", wheel.parent)
    done = run_to_end(*pip, *options, *only_ours, *into, what)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Would install jobproof-" in done.stdout
    assert "WARNING" not in done.stderr  # an extra that doesn't exist is only warned of


def _extras_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    return set(metadata.get_all("Provides-Extra", ()))
