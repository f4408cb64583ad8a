"""
What looks at a change before it is committed, and in CI, is one tool of one version.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def hooks() -> list[dict[str, Any]]:
    told = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in told["repos"]] == ["local"]
    return list(told["repos"][0]["hooks"])


def test_a_tool_that_reads_the_code_has_one_version_in_one_place() -> None:
    lint = PROJECT["project"]["optional-dependencies"]["lint"]
    asked = {one.name: one for one in map(Requirement, lint)}
    for tool in ("ruff", "mypy"):
        assert asked[tool].specifier
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    hook_file = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"\b(?:ruff|mypy) *[=<>~]", tox + hook_file) == []


def test_a_hook_runs_what_tox_runs_with_the_same_tools() -> None:
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    programs = set()
    for hook in hooks():
        assert hook["language"] == "system"
        program, *words = shlex.split(hook["entry"])
        programs.add(program)
        if program == "ruff":
            assert re.search(rf"^    ruff {words[0]}\b", tox, re.MULTILINE)
        elif program == "python":
            assert (ROOT / words[0]).is_file()
    assert programs == {"ruff", "mypy", "python"}
