"""
Environments of other people's servers: each has one of its own, for their pins are not ours.

`JOBPROOF_SERVERS` names a folder in which they are kept, so that a second run installs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from tests.tools import output_of, tool

__all__ = ["HERE", "node_environment", "python_environment"]

HERE = Path(__file__).parent


def python_environment(name: str, folder: Path) -> Path:
    """
    The programs of a virtual environment with what `<name>/requirements.txt` pins.
    """
    wanted = HERE / name / "requirements.txt"

    def build(home: Path) -> None:
        venv.EnvBuilder(symlinks=True, with_pip=True).create(home)
        pip = (home / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
        output_of(*pip, "install", "--quiet", "--no-compile", "--no-deps", "--requirement", wanted)

    return _kept(name, folder, [wanted], build) / "bin"


def node_environment(name: str, folder: Path) -> Path:
    """
    The programs of a folder with what `<name>/package-lock.json` pins.
    """
    wanted = [HERE / name / file for file in ("package.json", "package-lock.json")]

    def build(home: Path) -> None:
        home.mkdir()
        for file in wanted:
            shutil.copy(file, home)
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        output_of(tool("npm"), "ci", *quiet, folder=home)

    tool("node")
    return _kept(name, folder, wanted, build) / "node_modules" / ".bin"


def _kept(name: str, folder: Path, wanted: list[Path], build: Callable[[Path], None]) -> Path:
    pinned = sys.version.encode() + b"".join(file.read_bytes() for file in wanted)
    kept = Path(os.environ.get("JOBPROOF_SERVERS") or folder).resolve()
    home = kept / f"{name}-{hashlib.sha256(pinned).hexdigest()[:12]}"
    done = home / "complete"
    if not done.exists():
        shutil.rmtree(home, ignore_errors=True)
        kept.mkdir(parents=True, exist_ok=True)
        build(home)
        done.touch()
    return home
