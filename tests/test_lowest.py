"""
The lowest versions that are tested are those that pyproject.toml allows.
"""

from __future__ import annotations

import importlib.util
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lowest", ROOT / ".ci" / "lowest.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def project(dependencies: list[str], **extras: list[str]) -> dict[str, Any]:
    return {
        "dependencies": dependencies,
        "optional-dependencies": {"web-users": [], "test": [], **extras},
    }


def test_the_committed_file_is_what_the_bounds_say() -> None:
    committed = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8")
    assert module().constraints(PROJECT["project"]) == committed, "run python .ci/lowest.py"


def test_every_library_is_in_it_within_its_own_bounds() -> None:
    found = module().lowest(PROJECT["project"])
    extras = PROJECT["project"]["optional-dependencies"]
    asked = [Requirement(r) for r in [*PROJECT["project"]["dependencies"], *extras["test"]]]
    assert {one.name for one in asked} == set(found)
    for one in asked:
        assert one.specifier.contains(found[one.name]), one


def test_what_builds_the_package_is_no_older_than_what_is_tested() -> None:
    (build,) = map(Requirement, PROJECT["build-system"]["requires"])
    assert build.specifier.contains(module().lowest(PROJECT["project"])[build.name])


def test_two_lists_that_ask_for_one_library_are_both_satisfied() -> None:
    both = project(["a>=1.9", "b==2"], test=["a>=1.10,<2"])
    assert module().lowest(both) == {"a": "1.10", "b": "2"}


def test_a_requirement_without_a_lower_bound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a<2 has no lower bound; say >= a version"):
        module().lowest(project(["a<2"]))


def test_what_is_installed_in_another_version_is_named() -> None:
    found = list(module().mismatches({"click": "0.1", "pytest": version("pytest")}))
    assert found == [f"click: {version('click')} is installed, not 0.1"]
