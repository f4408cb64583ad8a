"""
What prose can't hold: which way imports point, what Python may know, and how modules look.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import jobproof
from jobproof.contract.formats.json_pointer import walk
from jobproof.contract.model.api import Api, load_api

# The installed package is what is guarded, wherever it is installed.
ROOT = Path(jobproof.__file__).parent
PACKAGES = ("contract", "probes", "grafana")
MODULES = sorted(
    path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)

every_module = pytest.mark.parametrize("module", MODULES, ids=[str(path) for path in MODULES])

APART = ("http", "incoming", "mock", "suite", "score", "scoreboard", "mutants", "cli")
"""What of `contract` may open a socket, or drive what does; the rest is the core."""

NETWORK = ("socket", "ssl", "http", "urllib.request", "asyncio", "pycurl", "requests", "urllib3")
ENGINES = ("pytest", "hypothesis", "schemathesis")
FRAMEWORKS = (*ENGINES, "prometheus_client", "starlette", "uvicorn")

VALUES = (
    "contract.body",
    "contract.check",
    "contract.content",
    "contract.date",
    "contract.exchange",
    "contract.finding",
    "contract.job",
    "contract.lifecycle",
    "contract.pointer",
    "contract.profile",
    "contract.trace",
)
"""What a check may look at."""


@cache
def _tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def _imports(node: ast.AST) -> Iterator[str]:
    """
    Names of the modules imported when the code runs, wherever the import stands.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        yield from _imports(child)


def _is(name: str, *of: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in of)


def _is_core(module: Path) -> bool:
    return module.parts[0] == "contract" and Path(module.parts[1]).stem not in APART


def _known_to(module: Path, *of: str) -> list[str]:
    """
    What the module imports of these: a library, or a part of ours by its place in the house.
    """
    names = {name.removeprefix("jobproof.") for name in _imports(_tree(module))}
    return sorted(name for name in names if _is(name, *of))


@every_module
def test_imports_point_one_way(module: Path) -> None:
    package = module.parts[0]
    if package == "contract":
        assert _known_to(module, "probes", "grafana", "tests") == []
    if package == "probes":
        barred = ("contract.suite", "contract.mock", "contract.score", "grafana", "tests")
        assert _known_to(module, *barred, "pytest", "hypothesis", "schemathesis") == []
    if package == "grafana":
        allowed = ("probes.metrics", "probes.config")
        assert [n for n in _known_to(module, "probes") if not _is(n, *allowed)] == []
        assert _known_to(module, *(f"contract.{part}" for part in (*APART, "checks"))) == []


@pytest.mark.parametrize("module", [m for m in MODULES if _is_core(m)], ids=str)
def test_the_core_opens_no_socket_and_needs_no_framework(module: Path) -> None:
    assert _known_to(module, *NETWORK, *FRAMEWORKS) == []
    assert _known_to(module, *(f"contract.{part}" for part in APART)) == []


@pytest.mark.parametrize("module", [m for m in MODULES if m.parent.name == "checks"], ids=str)
def test_a_check_knows_values_alone(module: Path) -> None:
    assert [n for n in _known_to(module, "contract") if not _is(n, *VALUES)] == []


@pytest.mark.parametrize("value", [name for name in VALUES if name != "contract.check"])
def test_values_know_neither_checks_nor_the_judge(value: str) -> None:
    module = Path(*value.split(".")).with_suffix(".py")
    above = ("checks", "check", "judge", "plugins", "api", "verdict", "reach", "recording")
    assert _known_to(module, *(f"contract.{part}" for part in above)) == []


def test_the_client_knows_values_alone() -> None:
    known = ("contract.address", "contract.errors", "contract.exchange", "contract.incoming")
    client = Path("contract", "http.py")
    assert [n for n in _known_to(client, "contract") if not _is(n, *known)] == []


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("pycurl", {"contract/http.py"}),
        ("prometheus_client", {"probes/metrics.py", "probes/sinks/prometheus.py"}),
        ("jsonschema_rs", {"contract/content.py", "contract/document.py"}),
        ("schemathesis", {"contract/suite/generated.py"}),
        ("uvicorn", {"probes/web/server.py"}),
    ],
)
def test_a_library_comes_in_through_one_door(library: str, doors: set[str]) -> None:
    assert {m.as_posix() for m in MODULES if _known_to(m, library)} <= doors


@pytest.mark.parametrize(
    ("load", "barred"),
    [
        (
            "jobproof.contract.judging.judge, jobproof.contract.plugins",
            (*FRAMEWORKS, "pycurl", "requests"),
        ),
        ("jobproof.contract.cli", (*FRAMEWORKS, "pycurl", "requests")),
        (
            "jobproof.probes.service",
            (*ENGINES, "requests", "jobproof.grafana"),
        ),
    ],
)
def test_nothing_heavy_comes_along(load: str, barred: tuple[str, ...]) -> None:
    code = f"import sys, {load}; print(*sorted({set(barred)!r} & sys.modules.keys()))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.split() == []


@every_module
def test_a_module_says_what_it_promises(module: Path) -> None:
    tree = _tree(module)
    if module.name == "__init__.py" and not tree.body:
        return
    docstring = ast.get_docstring(tree) or ""
    assert docstring.partition("\n\n")[0].rstrip().endswith((".", "?", ":")), (
        "a sentence comes first"
    )
    has_code = any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in tree.body)
    named = [
        target.id
        for n in tree.body
        if isinstance(n, ast.Assign | ast.AnnAssign)
        for target in (n.targets if isinstance(n, ast.Assign) else [n.target])
        if isinstance(target, ast.Name)
    ]
    is_collected = module.name.startswith("test_")
    assert "__all__" in named or is_collected or module.name == "__main__.py" or not has_code


@every_module
def test_nothing_prints_past_the_console(module: Path) -> None:
    calls = [n for n in ast.walk(_tree(module)) if isinstance(n, ast.Call)]
    assert [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"] == []


@every_module
def test_no_name_says_nothing(module: Path) -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "base", "manager", "core", "misc"}
    assert not empty & {part.removesuffix(".py") for part in module.parts}


TABLES = {
    "contract/http.py": 600,
    "grafana/alerts.py": 500,
    "grafana/boards/overview.py": 500,
    "grafana/panels.py": 500,
    "probes/config.py": 650,
    "probes/evidence_store.py": 500,
    "probes/metrics.py": 800,
    "probes/prober.py": 600,
}
"""Modules that are longer than one idea usually takes; none may join unnoticed."""


@every_module
def test_a_module_holds_one_idea(module: Path) -> None:
    lines = (ROOT / module).read_text(encoding="utf-8").count("\n")
    assert lines <= TABLES.get(module.as_posix(), 450)


# What a vendor calls things stands in `contract/apis/<name>/` and nowhere in Python.
#
# Names (of the API, its host, its token's variable) may stand nowhere at all, comments
# included. Fields and statuses are looked for in string literals, docstrings apart: a
# word with `_` or `-` in it anywhere in the text, a plain word as the whole text. Words
# that every API has, and those that are our own, are no vendor's.

ORDINARY = frozenset(
    {"id", "jobs", "status", "result", "error", "errors", "items", "data", "object", "metadata"}
    | {"model", "endpoint", "url", "code", "message"}
)
OURS = {
    "created_at": "our own name of the creation time, as of a job and a column",
    "failed": "a phase of our own",
    "cancelled": "a phase of our own",
    "job_id": "our own name of the id, in requests, evidence and logs",
    "processing": "a phase of a probe, as the blackbox exporter names it",
}

APIS = [load_api(p.parent) for p in sorted((ROOT / "contract/apis").glob("*/profile.yaml"))]


def _pointers(value: Any) -> Iterator[str]:
    if isinstance(value, str) and re.fullmatch(r"(/[\w-]+)+", value):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _pointers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _pointers(item)


def _names(api: Api) -> set[str]:
    host = urlsplit(api.profile.server).hostname or ""
    vendor = api.name.partition("-")[0]
    return {api.name, vendor, host, api.profile.token_env}


def _words(api: Api) -> set[str]:
    words = set(api.profile.status.words)
    for pointer in _pointers(api.profile.model_dump(mode="json")):
        words.update(walk(pointer))
    for spec in api.operation.responses.values():
        for content in spec.contents:
            words |= content.declared
    return words - ORDINARY - OURS.keys()


def _literals(module: Path) -> Iterator[tuple[int, str]]:
    tree = _tree(module)
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in prose:
                yield node.lineno, node.value


def test_there_are_vendors_to_keep_out() -> None:
    assert len(APIS) >= 2
    words = set().union(*map(_words, APIS))
    assert {"completed_at", "intermediate-complete", "in_progress", "sampling"} <= words


@every_module
def test_python_knows_no_vendors_name(module: Path) -> None:
    text = (ROOT / module).read_text(encoding="utf-8")
    for name in set().union(*map(_names, APIS)):
        assert not re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", text, re.IGNORECASE)


@every_module
def test_python_knows_no_vendors_field_and_no_vendors_status(module: Path) -> None:
    words = set().union(*map(_words, APIS))
    marked = {word for word in words if "_" in word or "-" in word}
    found = [
        (line, text)
        for line, text in _literals(module)
        if text in words or marked & set(re.findall(r"[A-Za-z][\w-]*", text))
    ]
    assert found == []
