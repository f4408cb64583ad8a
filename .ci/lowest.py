"""
The lowest versions that pyproject.toml allows, as constraints for pip.

    python .ci/lowest.py            writes .ci/lowest.txt
    python .ci/lowest.py --here     names what is installed here in another version, exit 1
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

__all__ = ["constraints", "lowest", "main", "mismatches"]

HERE = Path(__file__).parent
_HEAD = "# Written by .ci/lowest.py from the lower bounds in pyproject.toml.\n"


def lowest(project: Mapping[str, Any]) -> dict[str, str]:
    """
    The lowest version of everything that the product and its tests require, by name.

    Args:
        project: The file's `[project]`.

    Raises:
        ValueError: A requirement has no lower bound.
    """
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *extras["web-users"], *extras["test"]]
    found: dict[str, str] = {}
    for requirement in map(Requirement, requirements):
        bounds = [
            specifier.version
            for specifier in requirement.specifier
            if specifier.operator in (">=", "==")
        ]
        if not bounds:
            raise ValueError(f"pyproject.toml: {requirement} has no lower bound; say >= a version")
        # A requirement of two lists has to satisfy both.
        found[requirement.name] = max(
            (*bounds, found.get(requirement.name, bounds[0])), key=Version
        )
    return found


def constraints(project: Mapping[str, Any]) -> str:
    """
    The file that pip reads.
    """
    lines = (f"{name}=={bound}\n" for name, bound in lowest(project).items())
    return _HEAD + "".join(sorted(lines, key=str.lower))


def mismatches(bounds: Mapping[str, str]) -> Iterator[str]:
    """
    A sentence for everything that is installed in another version than the lowest.
    """
    for name, bound in bounds.items():
        if Version(version(name)) != Version(bound):
            yield f"{name}: {version(name)} is installed, not {bound}"


def main(arguments: list[str]) -> int:
    """
    Write the constraints, or compare what is installed with them.
    """
    text = (HERE.parent / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    if "--here" not in arguments:
        (HERE / "lowest.txt").write_text(constraints(project), encoding="utf-8")
        return 0
    found = list(mismatches(lowest(project)))
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
