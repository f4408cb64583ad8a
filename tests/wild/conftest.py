"""
The servers: each installed, started and given jobs once, and ended by its own process.
"""

from __future__ import annotations

import json
import os
import shutil
import string
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.servers import free_port, serving
from tests.tools import PATIENCE_S, output_of, until
from tests.wild.conformance import ask
from tests.wild.environments import HERE, node_environment, python_environment

from jobproof.contract import apis


@dataclass(frozen=True)
class WildServer:
    """
    A server that somebody else wrote, with jobs that it runs.

    Attributes:
        api: The folder that describes it.
        jobs: Ids of its jobs, by how they end; `running` does once `gate` exists.
    """

    url: str
    api: Path
    jobs: Mapping[str, str]
    gate: Path

    @property
    def ended(self) -> dict[str, str]:
        """
        The jobs that have come to their end.
        """
        return {kind: job for kind, job in self.jobs.items() if kind != "running"}


def _described(name: str, folder: Path) -> Path:
    """
    A copy of the API's folder, to which its document may be added.
    """
    api = folder / name
    api.mkdir()
    for file in (HERE / name).glob("*.yaml"):
        shutil.copy(file, api)
    return api


@contextmanager
def _flow_runs(python: Path, folder: Path, env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    ids, log = folder / "ids.json", folder / "flows.log"
    command = [str(python), str(HERE / "prefect" / "flows.py"), str(ids), str(folder / "gate")]
    with log.open("wb") as sink:
        flows = subprocess.Popen(command, stdout=sink, stderr=sink, env=env, cwd=folder)
    try:
        until(lambda: ids.exists() or flows.poll() is not None, what=f"the flows, see {log}")
        assert ids.exists(), log.read_text(encoding="utf-8")
        yield json.loads(ids.read_text(encoding="utf-8"))
    finally:
        (folder / "gate").touch()
        flows.wait(PATIENCE_S)


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WildServer]:
    folder = tmp_path_factory.mktemp("prefect")
    programs = python_environment("prefect", folder)
    port = free_port()
    env = {
        "PATH": f"{programs}{os.pathsep}{os.defpath}",
        "HOME": str(folder),
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
    }
    command = [str(programs / "prefect"), "server", "start", "--host", "127.0.0.1"]
    log = folder / "server.log"
    ready = f"{port}/api/health"
    with serving(*command, "--port", str(port), log=log, ready=ready, env=env) as url:
        api = _described("prefect", folder)
        document = ask(f"{url}/api/openapi.json").body
        (api / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
        with _flow_runs(programs / "python", folder, env) as jobs:
            yield WildServer(f"{url}/api", api, jobs, folder / "gate")


@pytest.fixture(scope="session")
def pygeoapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WildServer]:
    folder = tmp_path_factory.mktemp("pygeoapi")
    programs = python_environment("pygeoapi", folder)
    port = free_port()
    settings = string.Template((HERE / "pygeoapi" / "server.yaml").read_text(encoding="utf-8"))
    config, document = folder / "server.yaml", folder / "document.yaml"
    config.write_text(settings.substitute(port=port, folder=folder), encoding="utf-8")
    env = {
        "PATH": f"{programs}{os.pathsep}{os.defpath}",
        "HOME": str(folder),
        "PYTHONPATH": str(HERE / "pygeoapi"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYGEOAPI_CONFIG": str(config),
        "PYGEOAPI_OPENAPI": str(document),
    }
    make = [str(programs / "pygeoapi"), "openapi", "generate", str(config)]
    output_of(*make, "--output-file", document, env=env)
    command = [str(programs / "flask"), "--app", "pygeoapi.flask_app:APP", "run"]
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-reload", "--no-debugger"]
    log = folder / "server.log"
    with serving(*command, *options, log=log, ready=f"{port}/conformance", env=env) as url:
        api = _described("pygeoapi", folder)
        shutil.copy(document, api / "own.yaml")
        gate = folder / "gate"
        jobs = {
            "successful": _executed(url, "hello-world", name="World"),
            "failed": _executed(url, "hello-world", message="to nobody"),
            "running": _executed(url, "gated", gate=str(gate)),
        }
        for kind in ("successful", "failed"):
            until(lambda kind=kind: ask(f"{url}/jobs/{jobs[kind]}").body["status"] == kind)
        try:
            yield WildServer(url, api, jobs, gate)
        finally:
            gate.touch()


def _executed(url: str, process: str, **inputs: str) -> str:
    answer = ask(
        f"{url}/processes/{process}/execution",
        "POST",
        {"inputs": inputs},
        Prefer="respond-async",
    )
    assert answer.code == 201, answer
    return answer.headers["location"].rpartition("/")[2]


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    Prism, which makes a mock of the document that jobproof ships for Krea; its URL.
    """
    folder = tmp_path_factory.mktemp("prism")
    programs = node_environment("prism", folder)
    port = free_port()
    document = Path(apis.__file__).parent / "krea" / "openapi.yaml"
    command = [str(programs / "prism"), "mock", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "server.log"
    # It answers "no such path" once it listens.
    with serving(*command, str(document), log=log, ready=f"{port}/") as url:
        yield url
