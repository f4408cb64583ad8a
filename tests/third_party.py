"""
Packages of other people, installed for one test: a wheel in a fresh environment, or a
distribution's bare metadata in a folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from tests.tools import PYTHON, output_of, run_to_end

__all__ = [
    "EXAMPLE",
    "Installation",
    "Said",
    "bare_distribution",
    "built_wheel",
    "install_wheel",
]

EXAMPLE = Path(__file__).parent.parent / "examples" / "plugin"


@dataclass(frozen=True, slots=True)
class Said:
    """
    What a command came to.
    """

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Installation:
    """
    A Python with jobproof and somebody else's package.
    """

    python: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        """
        `jobproof` with these arguments.
        """
        return [str(self.python), "-P", "-m", "jobproof", *arguments]

    def settings(self, **more: str) -> dict[str, str]:
        """
        The environment variables of a command.
        """
        return {**os.environ, **self.environment, **more}

    def jobproof(self, *arguments: str, folder: Path | None = None, **more: str) -> Said:
        """
        Run `jobproof` to its end, outside the checkout.
        """
        done = run_to_end(
            *self.command(*arguments),
            folder=folder or self.python.parent,
            env=self.settings(**more),
        )
        return Said(done.returncode, done.stdout, done.stderr)


def built_wheel(project: Path, folder: Path) -> Path:
    """
    The project's wheel, built into `folder`; its backend comes from this environment.
    """
    output_of(*PYTHON, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=project)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_wheel(project: Path, folder: Path) -> Installation:
    """
    Build the project's wheel and install it into a fresh environment, beside the
    jobproof that is being tested; nothing comes from an index.
    """
    source = shutil.copytree(project, folder / "source")
    wheel = built_wheel(source, folder / "dist")
    home = folder / "venv"
    venv.EnvBuilder(symlinks=True).create(home)
    python = home / "bin" / "python"
    tested = sysconfig.get_path("purelib")
    own = sysconfig.get_path("purelib", "venv", vars={"base": str(home), "platbase": str(home)})
    # addsitedir, because the folder may hold .pth files of its own.
    pth = f"import site; site.addsitedir({tested!r})\n"
    (Path(own) / "tested.pth").write_text(pth, encoding="utf-8")
    quiet = ("--quiet", "--disable-pip-version-check")
    pip = ("-m", "pip", "--python", str(python), "install", *quiet, "--no-deps", "--no-index")
    output_of(*PYTHON, *pip, wheel, folder=folder)
    return Installation(python)


def bare_distribution(
    folder: Path, name: str, entry_points: Mapping[str, Mapping[str, str]], **modules: str
) -> Installation:
    """
    A distribution as an installer leaves it, version 0.1, with these modules.
    """
    metadata = folder / f"{name.replace('-', '_')}-0.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    sections = (
        "\n".join([f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())])
        for group, entries in entry_points.items()
    )
    (metadata / "entry_points.txt").write_text("\n".join(sections) + "\n")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(dedent(text))
    places = (str(folder), os.environ.get("PYTHONPATH", ""))
    return Installation(Path(sys.executable), {"PYTHONPATH": os.pathsep.join(filter(None, places))})
