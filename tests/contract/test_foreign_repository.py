"""
In somebody else's repository, with the plug-ins that are common there: kept, twice, and by the
server's own count with the same number of requests.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.tools import PATIENCE_S, PYTHON

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api

TOKEN_ENV = "TOKEN_OF_THE_TEST"
INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
addopts = --strict-markers -ra
"""
CONFTEST = """
import pytest

@pytest.fixture(autouse=True)
async def of_the_project():
    yield
"""
OWN_TESTS = """
async def test_of_the_project(of_the_project):
    pass
"""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[Path, MockServer]]:
    (tmp_path / "pytest.ini").write_text(INI, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_own.py").write_text(OWN_TESTS, encoding="utf-8")
    with MockServer(find_api(default_api())) as server:
        yield tmp_path, server


def ended(repository: tuple[Path, MockServer], *arguments: str) -> subprocess.CompletedProcess[str]:
    """
    What a run of the whole repository came to.
    """
    folder, server = repository
    job = next(job.id for job in server.jobs if job.life == "old-image")
    # What this process was started with mustn't speak for those that it starts; tox's folder is
    # where pytest would keep what failed last, for all of them together, and the file of a
    # coverage around us is not for the coverage that these runs measure themselves.
    others = ("PYTEST_", "TOX_", "COVERAGE_", "COV_")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return subprocess.run(
        [
            *(*PYTHON, "-m", "pytest", "test_own.py", "--pyargs", "jobproof.contract.suite"),
            *("--job-api-url", server.url, "--job-id", job, "--job-token-env", TOKEN_ENV),
            *("--job-seed", "7", "--job-report", "report.json", *arguments),
        ],
        cwd=folder,
        env={**ours, TOKEN_ENV: server.token},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def sent(repository: tuple[Path, MockServer], *arguments: str) -> int:
    """
    How many requests a run of the whole repository sends; that it is kept is made sure of.
    """
    folder, server = repository
    before = len(server.log)
    run = ended(repository, "-k", "not generated_cases and not client_machine", *arguments)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert (run.returncode, report["verdict"]) == (0, "kept"), run.stdout
    assert report["requests"] == len(server.log) - before
    return len(server.log) - before


@pytest.mark.parametrize(
    "arguments",
    [
        # All of them together on every Python and with the lowest versions, each on one.
        *(
            pytest.param(arguments, marks=pytest.mark.ladder)
            for arguments in (
                ("-p", "no:randomly"),
                ("-x",),
                ("--reruns", "2"),
                ("--disable-socket", "--allow-unix-socket"),
                ("--cov", "."),
                ("--lf",),
            )
        ),
        ("-n", "2", "--reruns", "2", "--cov", ".", "--timeout", "60"),
    ],
    ids=" ".join,
)
def test_a_run_is_kept_twice_with_the_same_requests(
    repository: tuple[Path, MockServer], arguments: tuple[str, ...]
) -> None:
    assert sent(repository, *arguments) == sent(repository, *arguments)


@pytest.mark.ladder
@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_time_out_of_each_node_neither_ends_the_run_nor_begins_it_anew(
    repository: tuple[Path, MockServer], method: str
) -> None:
    plain = sent(repository)
    limited = ("--job-rate-limit", "20/s", "--timeout", "2", "--timeout-method", method)
    assert sent(repository, *limited) == plain


@pytest.mark.ladder
@pytest.mark.parametrize("arguments", [(), ("-n", "2"), ("-vv",)], ids=" ".join)
def test_no_node_is_named_by_where_the_package_is_installed(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "pytest.ini").write_text(INI, encoding="utf-8")
    (tmp_path / "test_own.py").write_text(OWN_TESTS.replace("(of_the_project)", "()"), "utf-8")
    with MockServer(find_api(default_api()), faults=("id_missing",)) as server:
        quick = ("--job-effort", "quick", "--junitxml", "junit.xml")
        run = ended((tmp_path, server), *quick, *arguments)
    assert run.returncode == 1, run.stdout
    module = "jobproof.contract.suite.test_contract"
    told = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "SKIPPED"))]
    assert f"FAILED {module}::test_promise[body_matches_schema]" in "\n".join(told)
    assert any(line.startswith("SKIPPED") for line in told)
    assert all(f" {module}:" in line for line in told)
    cases = ElementTree.parse(tmp_path / "junit.xml").iter("testcase")
    assert {case.attrib["classname"] for case in cases} == {"test_own", module}


def test_what_failed_last_is_kept_once_it_is_mended(
    repository: tuple[Path, MockServer],
) -> None:
    folder, server = repository
    with MockServer(find_api(default_api()), faults=("id_missing",)) as broken:
        assert ended((folder, broken), "--job-effort", "quick").returncode == 1
    again = ended((folder, server), "--job-effort", "quick", "--lf")
    assert again.returncode == 0, again.stdout
    assert "verdict: kept, of body_matches_schema alone" in again.stdout
