"""
What nobody names is no part of the product: tests alone don't keep a name alive.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path

import pytest

import jobproof

pytestmark = pytest.mark.source

ROOT = Path(jobproof.__file__).parent
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("contract", "probes", "grafana")
    for path in (ROOT / package).rglob("*.py")
)

KEPT = {
    "contract/suite/schemathesis_check.py: JobContract": "the hooks' module registers it",
    "contract/suite/schemathesis_check.py: ask_for_known_jobs": "the hooks' module registers it",
    "contract/suite/schemathesis_check.py: note_answer": "the hooks' module registers it",
    "contract/suite/schemathesis_check.py: note_question": "the hooks' module registers it",
    "contract/suite/schemathesis_check.py: JobContract.after_response": "Schemathesis calls it",
    "contract/suite/schemathesis_check.py: JobContract.after_run": "Schemathesis calls it",
    "contract/testing/followed_life.py: FollowedLife.assert_kept": "people's tests call it",
    "contract/testing/job_endpoint.py: JobEndpoint.afollow": "people's tests call it",
    "contract/testing/lives/strategies.py: illegal_lives": "people's tests call it",
    "contract/testing/lives/strategies.py: legal_lives": "people's tests call it",
    "contract/testing/mocked_job_api.py: MockedJobApi.foreign_job_ids": "people's tests read it",
    "contract/testing/mocked_job_api.py: MockedJobApi.job_ids": "people's tests read it",
    "probes/config/settings.py: TargetSettings.api_digest": "a reload compares it with the others",
    "probes/export/families.py: LABEL_VALUES": "docs/metrics.md is written from it",
    "probes/export/metrics.py: Metrics.describe": "the registry of prometheus_client asks for it",
}
"""What is named nowhere else in the package, and why it stays."""

# What stands under any other decorator was handed to whoever wrote that: a check, a command.
_PLAIN = frozenset(
    {"abstractmethod", "cache", "cached_property", "classmethod", "contextmanager", "dataclass"}
    | {"lru_cache", "override", "property", "runtime_checkable", "setter", "staticmethod"}
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class _Definition:
    """
    Attributes:
        owner: The class that it belongs to; "" for a module's own.
        own_uses: How often it names itself, as what recurs does.
    """

    module: Path
    owner: str
    name: str
    own_uses: int = 0

    def __str__(self) -> str:
        return f"{self.module.as_posix()}: {f'{self.owner}.' * bool(self.owner)}{self.name}"


def _names_read(tree: ast.AST) -> Iterator[str]:
    """
    Every name that is read: by itself, behind a dot, in a class pattern, or as a word for
    `getattr`; a docstring and `__all__` read nothing.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
            yield ast.unparse(node)
        elif isinstance(node, ast.MatchClass):
            yield from node.kwd_attrs
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "attrgetter"):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def _is_registered(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    names = (re.match(r"[\w.]+", ast.unparse(d)) for d in decorators)
    return any(name and name.group().rpartition(".")[2] not in _PLAIN for name in names)


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        yield from node.targets
    elif isinstance(node, ast.AnnAssign):
        yield node.target


def _definitions(module: Path) -> Iterator[_Definition]:
    yield from _defined_in(module, _tree(module).body, "")


def _defined_in(module: Path, body: list[ast.stmt], owner: str) -> Iterator[_Definition]:
    for node in body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            if not _is_registered(node):
                own = Counter(_names_read(node))[node.name]
                yield _Definition(module, owner, node.name, own)
            if isinstance(node, ast.ClassDef):
                yield from _defined_in(module, node.body, node.name)
            elif owner:
                yield from _attributes_set(module, node, owner)
        for target in _targets(node):
            if isinstance(target, ast.Name):
                yield _Definition(module, owner, target.id)


def _attributes_set(module: Path, method: ast.AST, owner: str) -> Iterator[_Definition]:
    for node in ast.walk(method):
        for target in _targets(node):
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                yield _Definition(module, owner, target.attr)


@cache
def _tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


@cache
def _uses() -> Counter[str]:
    """
    How often each name is read: by our modules, a package's face, templates and entry points.
    """
    found: Counter[str] = Counter()
    for module in MODULES:
        found.update(_names_read(_tree(module)))
        if module.name == "__init__.py":
            for node in ast.walk(_tree(module)):
                if isinstance(node, ast.ImportFrom):
                    found.update(alias.name for alias in node.names)
    for page in ROOT.glob("*/**/*.html"):
        found.update(re.findall(r"\.(\w+)", page.read_text(encoding="utf-8")))
    for entry in distribution("jobproof").entry_points:
        found.update(entry.value.partition(":")[2].split("."))
    return found


def _sought(definition: _Definition) -> str:
    # A member of an enum is read behind its class, so it can't hide behind a namesake.
    cls = _class_of(definition)
    is_member = cls is not None and issubclass(cls, Enum) and definition.name in cls.__members__
    return f"{definition.owner}.{definition.name}" if is_member else definition.name


def _class_of(definition: _Definition) -> type | None:
    parts = ("jobproof", *definition.module.with_suffix("").parts)
    found = getattr(import_module(".".join(parts)), definition.owner or "", None)
    return found if inspect.isclass(found) else None


def _is_called_for(definition: _Definition) -> bool:
    """
    Whether somebody else's code asks for it by its name: Python, pytest, or a library's class.
    """
    name = definition.name
    if name.startswith(("__", "pytest_", "test_")) or name == "_":
        return True
    cls = _class_of(definition)
    others = (c for c in (cls.__mro__ if cls else ()) if not c.__module__.startswith("jobproof."))
    return any(name in vars(c) or name in getattr(c, "__annotations__", {}) for c in others)


def unused() -> list[str]:
    """
    Every definition that nothing in the package names, but where it stands.
    """
    uses = _uses()
    return sorted(
        {
            str(d)
            for module in MODULES
            for d in _definitions(module)
            if uses[_sought(d)] <= d.own_uses and not _is_called_for(d)
        }
    )


def test_every_name_is_used() -> None:
    assert [name for name in unused() if name not in KEPT] == []


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_is_still_there(name: str) -> None:
    assert name in unused()
