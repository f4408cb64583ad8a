"""
A key that a file may hold is read by somebody: what nobody reads is no setting.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

import jobproof

pytestmark = pytest.mark.source

ROOT = Path(jobproof.__file__).parent
SOURCES = sorted(
    path for room in ("contract", "probes", "grafana") for path in (ROOT / room).rglob("*.py")
)

UNREAD: Mapping[str, str] = {
    "_HttpServer.http2": "of the exporters' file format; HTTP/1.1 is what is spoken",
}
"""Keys that may be there and change nothing, and why."""


def _models() -> dict[str, type[BaseModel]]:
    """
    Every model of the package, the root ones of a file's parts left out.
    """
    for path in SOURCES:
        place = path.relative_to(ROOT).with_suffix("")
        if place.name not in ("__main__", "test_contract"):
            importlib.import_module(".".join(("jobproof", *place.parts)))
    found: dict[str, type[BaseModel]] = {}
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        for model in waiting.pop().__subclasses__():
            waiting.append(model)
            if model.__module__.startswith("jobproof.") and model.model_fields:
                found[model.__name__] = model
    return dict(sorted(found.items()))


@cache
def _reads() -> frozenset[str]:
    """
    Names of all attributes that some code reads, or asks for by `getattr`.
    """
    return frozenset(name for path in SOURCES for name in _reads_in(path.read_text("utf-8")))


def _reads_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))


def _unread(model: type[BaseModel]) -> list[str]:
    own = model.__annotations__.keys() & model.model_fields.keys()
    keys = (f"{model.__name__}.{name}" for name in sorted(own - _reads()))
    return [key for key in keys if key not in UNREAD]


@pytest.mark.parametrize("name", _models())
def test_every_key_is_read(name: str) -> None:
    assert _unread(_models()[name]) == []


def test_every_file_has_its_models_here() -> None:
    top = {"ConfigFile", "Profile", "Script", "_File", "_Defaults", "ListingOptions", "IdOptions"}
    assert top <= _models().keys()


def test_a_key_that_nobody_reads_is_told() -> None:
    class Planted(BaseModel):
        interval: float = 1.0
        planted_and_never_read: int = 0

    assert _unread(Planted) == ["Planted.planted_and_never_read"]


def test_a_name_that_is_written_or_kept_as_text_is_not_read() -> None:
    source = (
        "self.written = 1\nword = 'text'\ngetattr(x, 'asked')\nprint(x.read)\ndef planted(): ..."
    )
    assert set(_reads_in(source)) == {"read", "asked"}


def test_what_may_stay_unread_is_there_and_unread() -> None:
    for key in UNREAD:
        model, _, name = key.partition(".")
        assert name in _models()[model].model_fields
        assert name not in _reads()
