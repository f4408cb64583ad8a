"""
A quick run of `jobproof test` loads neither Schemathesis nor Hypothesis, and help loads next to
nothing.
"""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from tests.tools import PYTHON, run_to_end

from jobproof.contract.suite.cli import WITHOUT_ENGINES

_ENGINES = frozenset({"hypothesis", "schemathesis"})
_RUN = """
import sys
from jobproof.contract.cli import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _loaded_by(*arguments: str) -> set[str]:
    done = run_to_end(*PYTHON, "-c", _RUN, *arguments)
    (line,) = (one for one in done.stdout.splitlines() if one.startswith("loaded: "))
    loaded = set(line.split()[1:])
    assert "jobproof" in loaded
    return loaded


def test_a_quick_run_loads_no_engine() -> None:
    loaded = _loaded_by("test", "--effort", "quick")
    assert "pytest" in loaded
    assert not loaded & _ENGINES


def test_a_run_that_draws_loads_them() -> None:
    assert _loaded_by("test", "--budget", "1") >= _ENGINES


def test_the_plug_ins_that_are_left_out_are_those_of_the_engines() -> None:
    names = {
        entry.name
        for entry in entry_points(group="pytest11")
        if entry.dist is not None and entry.dist.name in _ENGINES
    }
    assert set(WITHOUT_ENGINES) == {"-p", *(f"no:{name}" for name in names)}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("tset",)], ids=str)
def test_what_a_command_needs_is_loaded_with_it(arguments: tuple[str, ...]) -> None:
    heavy = {"jsonschema_rs", "pycurl", "pydantic", "pytest", "requests", "yaml"}
    assert not _loaded_by(*arguments) & (heavy | _ENGINES)
