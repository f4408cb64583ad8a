"""
A process for each thing that is measured: the mock, and the command line that a user would type.

Its imports take a run longer than the run itself. So they happen once, in a process that starts
no thread and sends nothing, and each run is a fork of it: a process of its own, with its own
arguments, environment and exit code, which executes `python -m jobproof test` from the start.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import entry_points
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.mock import MockOptions, MockServer
from jobproof.contract.model.api import Api
from jobproof.contract.plugins import find_api

__all__ = ["MockProcess", "Served", "run_suite"]

_TOKEN_ENV = "JOBPROOF_SCORE_TOKEN"  # noqa: S105 -- the name of a variable
# A run takes seconds; only one that hangs ends here.
_TIMEOUT_S = 300.0
_STOPPING_S = 10.0
_SAFE_PATH = "PYTHONSAFEPATH"

_FORKING = get_context("forkserver")
# What `jobproof test` imports in the course of a run.
_FORKING.set_forkserver_preload(
    [
        __name__,
        "jobproof.contract.cli",
        "jobproof.contract.suite.cli",
        "jobproof.contract.suite.test_contract",
        "jobproof.contract.suite.planning.target_options",
        "jobproof.contract.suite.reporting.dry_run",
        "jobproof.contract.suite.reporting.outcome",
        "jobproof.contract.suite.reporting.report",
        "jobproof.contract.suite.running.properties",
        "jobproof.contract.suite.session.session",
        "schemathesis.pytest.plugin",
        "schemathesis.specs.openapi.schemas",
        *(point.module for point in entry_points(group="jobproof.checks")),
    ]
)


class Served(NamedTuple):
    """
    What a client has to know of a mock.
    """

    url: str
    token: str
    jobs: tuple[str, ...]
    foreign_jobs: tuple[str, ...]


class MockProcess(AbstractContextManager["MockProcess"]):
    """
    Serves one mock after the other, apart from whoever measures: many at once in one process
    would wait for each other, and their answers would come late.
    """

    def __init__(self, api: Api) -> None:
        _ensure_forking()
        self._ours, theirs = _FORKING.Pipe()
        # A daemon: it must not outlive a score that breaks off.
        self._process = _FORKING.Process(
            target=_serve_until_told, args=(str(api.folder), theirs), daemon=True
        )
        self._process.start()
        theirs.close()

    @contextmanager
    def serve(self, options: MockOptions) -> Iterator[Served]:
        """
        Have a new mock, whose counts start anew.

        Raises:
            EOFError: The process has died.
        """
        self._ours.send(options)
        served = self._ours.recv()
        try:
            yield served
        finally:
            self._ours.send(None)
            self._ours.recv()

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.join(_STOPPING_S)
        if self._process.is_alive():
            self._process.kill()


def _ensure_forking() -> None:
    """
    Start the process that all others are forks of; it takes nothing from the folder it is
    started in, whatever lies there under a module's name.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _serve_until_told(api_folder: str, orders: Connection) -> None:
    api = find_api(api_folder)
    while True:
        try:
            options: MockOptions = orders.recv()
            with MockServer(api, **options) as server:
                jobs = tuple(job.id for job in server.jobs)
                foreign = tuple(job.id for job in server.foreign_jobs)
                orders.send(Served(server.url, server.token, jobs, foreign))
                orders.recv()
        except EOFError:
            return  # whoever measures has gone
        orders.send(None)


def run_suite(api: Api, served: Served, seed: int) -> tuple[int, JsonDocument]:
    """
    The exit code and the report of `jobproof test` against that mock.

    Raises:
        TimeoutError: It hangs.
    """
    with tempfile.TemporaryDirectory(prefix="jobproof-score-") as folder:
        report = Path(folder) / "report.json"
        arguments = ["test", "--api", str(api.folder)]
        arguments += ["--url", served.url, "--token-env", _TOKEN_ENV]
        arguments += [f"--job={job}" for job in served.jobs]
        arguments += [f"--foreign-job={job}" for job in served.foreign_jobs]
        arguments += [f"--param={name}=any" for name in api.with_any_values().values.path]
        arguments += ["--timeout", "5", "--report", str(report), "--seed", str(seed)]
        # By environment, as a user would: arguments can be read by every process.
        environment = {**os.environ, _TOKEN_ENV: served.token}
        process = _FORKING.Process(target=_run_command_line, args=(arguments, environment))
        process.start()
        process.join(_TIMEOUT_S)
        code = process.exitcode
        if code is None:
            process.kill()
            raise TimeoutError(f"a run takes longer than {_TIMEOUT_S:.0f} s: {' '.join(arguments)}")
        # No report where the suite itself broke: the exit code says so, and finds nothing.
        return code, json.loads(report.read_text()) if report.exists() else {}


def _run_command_line(arguments: list[str], environment: Mapping[str, str]) -> None:
    # pytest collects at its end: what was imported before the fork isn't this run's garbage.
    gc.freeze()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    # As they were where the score began, and not where the imports were made.
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["jobproof", *arguments]
    runpy.run_module("jobproof", run_name="__main__", alter_sys=True)
