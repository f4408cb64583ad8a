"""
What the pages show of people's own tests is run as it stands there, by a real pytest.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.tools import PYTHON, run_to_end

from jobproof.testing import JobApi, JobEndpoint, MockedJobApi

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "testing.md"
SHOP = '''
"""
The code of whoever reads the page: makes images somewhere, and waits for them.
"""

import json
import os
import urllib.error
import urllib.request


def create_image(prompt, at=os.environ["STAGING_URL"]):
    return os.environ["JOB_OF_" + at.rpartition(":")[2]]


def wait_for_image(url, token, job_id):
    while True:
        request = urllib.request.Request(f"{url}/jobs/{job_id}")
        request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request) as answer:
                job = json.load(answer)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            continue
        if job["status"] == "completed":
            return job["result"]
        if job["status"] in ("failed", "cancelled"):
            return None
'''


def files(page: Path) -> dict[str, str]:
    """
    The files that a page shows, by the names in their first lines.
    """
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return dict(blocks)


class Repository:
    """
    Somebody's repository, and the places that their tests are about.
    """

    def __init__(self, folder: Path, staging: MockedJobApi, canary: MockedJobApi) -> None:
        self.folder = folder
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self.env = {
            **ours,
            "PYTHONPATH": os.pathsep.join((str(folder), ours.get("PYTHONPATH", ""))),
            "STAGING_URL": staging.url,
            "CANARY_URL": canary.url,
            "KREA_API_TOKEN": staging.token,
        }
        for mock in (staging, canary):
            # An ended one is seen as it is as often as anybody follows it.
            self.env[f"JOB_OF_{mock.url.rpartition(':')[2]}"] = mock.job_ids[0]
        self.write("shop.py", SHOP)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def take(self, page: Path) -> list[str]:
        """
        Write what the page shows; the names of the files.
        """
        shown = files(page)
        for name, text in shown.items():
            self.write(name, text)
        return [*shown]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """
        Pytest, as it is run there.
        """
        asyncio = ("-o", "asyncio_default_fixture_loop_scope=function")
        command = (*PYTHON, "-m", "pytest", "-v", "-p", "no:cacheprovider", *asyncio, *arguments)
        return run_to_end(*command, folder=self.folder, env=self.env)


@pytest.fixture
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Repository]:
    fault = getattr(request, "param", ())
    with (
        MockedJobApi(fault=fault, life="old-image") as staging,
        MockedJobApi(life="image") as canary,
    ):
        yield Repository(tmp_path, staging, canary)


def passed(run: subprocess.CompletedProcess[str]) -> int:
    """
    How many tests passed in a run in which all did.
    """
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"=+ (\d+) passed in ", run.stdout)
    assert found, run.stdout
    return int(found[1])


def test_the_few_lines_of_the_readme_work(repository: Repository) -> None:
    assert repository.take(README) == ["test_images.py"]
    code = [line for line in files(README)["test_images.py"].splitlines() if line.strip()]
    assert len(code) <= 12
    assert passed(repository.run()) == 2


@pytest.mark.parametrize("repository", ["id_of_another_job"], indirect=True)
def test_what_it_shows_fails_where_the_server_is_wrong(repository: Repository) -> None:
    repository.take(README)
    run = repository.run()
    assert run.returncode == 1
    assert "1 failed, 1 passed" in run.stdout
    for line in (
        "job_id_is_echoed: ",
        "  promised  documented: ",
        "  again     curl ",
        "look  at ",
    ):
        assert f"E       {line}" in run.stdout
    assert repository.env["KREA_API_TOKEN"] not in run.stdout + run.stderr


def _cells(table: str) -> list[list[str]]:
    """
    The table's rows, without the moments and the tags, which are others each time.
    """
    rows = (re.split(r"  +", line) for line in table.splitlines())
    return [[re.sub(r'"\w+\.{3}', "tag", cell) for cell in [row[0], *row[3:]]] for row in rows]


def test_the_table_shown_is_what_a_follower_prints() -> None:
    (shown,) = re.findall(r"```text\n(look .*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    life = [("queued", 0.0), ("processing", "2 polls"), ("completed", "9 polls")]
    with MockedJobApi(fault="status_goes_back", life=life) as mock:
        asker = JobApi(mock.url, token=mock.token, poll_interval=0.01)
        with JobEndpoint(asker) as endpoint:
            printed = str(endpoint.follow(mock.job_ids[0]).life)
    assert _cells(shown) == _cells(printed)


MODES = {
    "strict": ("-o", "asyncio_mode=strict"),
    "auto": ("-o", "asyncio_mode=auto"),
    "xdist": ("-n", "2"),
}


@pytest.mark.parametrize("how", MODES)
def test_the_page_works_as_it_stands(repository: Repository, how: str) -> None:
    names = repository.take(PAGE)
    assert sorted(names) == [
        *("conftest.py", "test_client.py", "test_images.py", "test_with_unittest.py")
    ]
    # Two places for each of the two that follow, one with unittest, three of a client.
    assert passed(repository.run(*MODES[how])) == 2 * 2 + 1 + 3


def test_the_options_of_the_run_name_the_api(repository: Repository) -> None:
    repository.write(
        "test_own.py",
        "def test_own(job_endpoint):\n"
        "    from shop import create_image\n"
        "    job_endpoint.follow(create_image('', at=job_endpoint.api.url)).assert_kept()\n",
    )
    given = ("--job-api-url", repository.env["STAGING_URL"], "--job-api", "krea")
    assert passed(repository.run(*given, "--job-timeout", "60")) == 1
    run = repository.run()
    assert run.returncode == 1
    assert "jobproof: where are the jobs? Give --job-api-url URL, or have a fixture" in run.stdout
    # An option that can't be used is one line as well.
    run = repository.run(*given, "--job-rate-limit", "often")
    assert "\njobproof: rate limit 'often': write 30/m, 2/s or unlimited\n" in run.stdout


def test_the_mocks_of_a_test_are_stopped_with_it(repository: Repository) -> None:
    repository.write(
        "test_own.py",
        "import socket\n"
        "import pytest\n"
        "PORTS = []\n"
        "def test_first(mock_job_api):\n"
        "    for life in ('image', 'video'):\n"
        "        PORTS.append(int(mock_job_api(life=life).url.rpartition(':')[2]))\n"
        "def test_second():\n"
        "    assert len(PORTS) == 2\n"
        "    for port in PORTS:\n"
        "        with pytest.raises(OSError):\n"
        "            socket.create_connection(('127.0.0.1', port))\n",
    )
    assert passed(repository.run("-p", "no:randomly")) == 2


def test_the_fixtures_are_described_for_who_asks_pytest(repository: Repository) -> None:
    run = repository.run("--fixtures")
    for name in ("job_api", "job_endpoint", "mock_job_api"):
        assert re.search(rf"^{name} -- .*\n    \S", run.stdout, re.MULTILINE), name


def test_a_run_that_takes_no_fixture_loads_nothing_heavy(repository: Repository) -> None:
    heavy = ("pycurl", "pydantic", "yaml", "anyio", "jsonschema_rs", "requests", "hypothesis")
    repository.write("conftest.py", "from jobproof.testing import JobApi\n")
    repository.write(
        "test_own.py",
        "import sys\n"
        "def test_own(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.has_plugin('jobproof-testing')\n"
        f"    assert not {{*{heavy!r}}} & sys.modules.keys()\n",
    )
    others = ("asyncio", "hypothesispytest", "schemathesis", "anyio", "randomly", "xdist")
    left = [word for name in others for word in ("-p", f"no:{name}")]
    run = run_to_end(
        *(*PYTHON, "-m", "pytest", *left), folder=repository.folder, env=repository.env
    )
    assert passed(run) == 1
