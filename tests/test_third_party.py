"""
What somebody else's package can bring, and what happens when it is wrong.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from time import monotonic
from types import ModuleType

import pytest
from tests.third_party import EXAMPLE, Installation, Said, bare_distribution, install_wheel
from tests.tools import PATIENCE_S, run_to_end

from jobproof.contract.judging.judge import Judge
from jobproof.contract.mock import MockServer
from jobproof.contract.model.api import load_api
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.trace import Trace

FOLDER = EXAMPLE / "acme_jobs" / "apis" / "acme-renders"
PLAIN = Installation(Path(sys.executable))

ladder = pytest.mark.ladder


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install_wheel(EXAMPLE, tmp_path_factory.mktemp("acme"))


@ladder
def test_an_installed_api_is_listed_with_who_brings_it(acme: Installation) -> None:
    said = acme.jobproof("apis", "--json")
    assert (said.code, said.err) == (0, "")
    rows = {row["name"]: row for row in json.loads(said.out)}
    assert rows["krea"]["from"].startswith("jobproof ")
    assert (Path(rows["acme-renders"].pop("folder")) / "profile.yaml").is_file()
    assert rows["acme-renders"] == {
        "name": "acme-renders",
        "title": "Acme Renders: get a render",
        "operation": "GET /renders/{renderId}",
        "statuses": ["WAITING", "RENDERING", "DONE", "BROKEN", "WITHDRAWN"],
        "from": "acme-jobs 1.2.0",
    }


@ladder
def test_an_installed_check_is_listed_with_the_others(acme: Installation) -> None:
    said = acme.jobproof("checks", "--json")
    assert (said.code, said.err) == (0, "")
    found = {row["id"]: row for row in json.loads(said.out)}
    assert found["progress_never_falls"]["basis"] == "documented"
    assert "job_id_is_echoed" in found


@ladder
def test_the_suite_holds_an_installed_api_to_its_contract(
    acme: Installation, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    said = acme.jobproof(
        "test", "--api", "acme-renders", "--effort", "standard", "--strict", "--report", str(report)
    )
    assert said.code == 0, said.out + said.err
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["verdict"] == "kept"
    assert [f for f in found["findings"] if f["kind"] == "violation"] == []
    states = {check["id"]: check["state"] for check in found["checks"]}
    assert states["progress_never_falls"] == "kept"
    assert found["reach"]["unreached_statuses"] == []


@ladder
def test_a_check_of_one_api_says_nothing_of_another(acme: Installation, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = (
        "--effort",
        "quick",
        "--report",
        str(report),
        "--",
        "-k",
        "progress or id_is_echoed",
    )
    said = acme.jobproof("test", "--api", "openai-batch", *arguments)
    assert said.code == 0, said.out + said.err
    states = {c["id"]: c["state"] for c in json.loads(report.read_text(encoding="utf-8"))["checks"]}
    assert states["progress_never_falls"] == "not_reached"
    assert states["job_id_is_echoed"] == "kept"


@ladder
def test_the_example_configuration_is_valid_where_the_package_is_installed(
    acme: Installation,
) -> None:
    said = acme.jobproof(
        "config", "check", str(EXAMPLE / "jobproof.yaml"), ACME_KEY="a-key-of-acme"
    )
    assert (said.code, said.err) == (0, "")
    assert "known every 30s, missing every 30s, expired every 5m" in said.out


@ladder
def test_the_daemon_runs_an_installed_canary_source_and_sink(
    acme: Installation, tmp_path: Path
) -> None:
    with MockServer(load_api(FOLDER)) as mock, _Statsd() as statsd:
        clip, known = mock.jobs[0], mock.jobs[1]
        (tmp_path / "spool").mkdir()
        (tmp_path / "spool" / f"{clip.id}.render").touch()
        (tmp_path / "jobproof.yaml").write_text(
            f"""
targets:
  - name: acme
    api: acme-renders
    url: {mock.url}
    token_env: ACME_KEY
    interval: 200ms
    requests_per_minute: unlimited
    canaries:
      known: {{ids: ["{known.id}"]}}
      expired: {{ids: ["4611686018427387911"]}}
    follow:
      - {{source: spool, folder: spool, interval: 200ms}}
sinks:
  - {{sink: statsd, port: {statsd.port}, prefix: acme.jobproof}}
""",
            encoding="utf-8",
        )
        daemon = subprocess.Popen(
            acme.command("probe", "--config", "jobproof.yaml", "--listen", "127.0.0.1:0"),
            cwd=tmp_path,
            env=acme.settings(ACME_KEY=mock.token),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            wanted = {f"acme.jobproof.acme.{c}.ok:1|c" for c in ("known", "expired", "followed")}
            assert statsd.wait_for(wanted, deadline_s=PATIENCE_S) == wanted, _ended(daemon)
        finally:
            _ended(daemon)
        asked = {entry.job_id for entry in mock.log}
        assert {clip.id, known.id, "4611686018427387911"} <= asked


@ladder
def test_all_of_other_peoples_plugins_can_be_switched_off(acme: Installation) -> None:
    said = acme.jobproof("apis", JOBPROOF_NO_PLUGINS="1")
    assert said.code == 0
    assert "acme" not in said.out
    said = acme.jobproof("test", "--api", "acme-renders", JOBPROOF_NO_PLUGINS="1")
    assert said.code == 2
    assert said.err.startswith("jobproof: unknown API 'acme-renders'. Known: krea")


@ladder
def test_a_folder_that_is_not_installed_can_be_tested(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "renders")
    said = PLAIN.jobproof("test", "--api", "renders", "--effort", "quick", folder=tmp_path)
    assert said.code == 0, said.out + said.err
    assert "verdict: kept" in said.out
    assert folder.is_dir()


def test_authors_of_plugins_get_our_types() -> None:
    assert (files("jobproof") / "py.typed").is_file()


def test_a_folder_without_a_profile_is_no_api(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = PLAIN.jobproof("test", "--api", "empty", folder=tmp_path)
    assert said == Said(2, "", "jobproof: empty: the folder has no profile.yaml, so it is no API\n")


@pytest.mark.parametrize(
    ("had", "has", "kept"), [(40, 40, True), (40, 55, True), (40, 39, False)], ids=str
)
def test_progress_that_falls_is_a_violation(had: int, has: int, *, kept: bool) -> None:
    check = _example("checks").progress_never_falls
    assert isinstance(check, Check)
    api = load_api(FOLDER)

    def seen(progress: int, at: float) -> Exchange:
        body = {"id": 7, "state": "RENDERING", "progress": progress, "createdAt": 1_700_000_000}
        content = json.dumps({"render": body}).encode()
        answer = Response(200, (("Content-Type", "application/json"),), content, content)
        url = api.target("http://127.0.0.1", "7")
        request = Request("GET", url, (), "7", Subject.KNOWN, Credential.OWNER)
        return Exchange(request, answer, at, 0.1)

    first, second = api.observe(seen(had, 1_700_000_100.0)), api.observe(seen(has, 1_700_000_110.0))
    findings = Judge([check])(Trace.of(api, [first, second]))
    assert [f.pointer for f in findings] == ([] if kept else ["/render/progress"])


# What is wrong with a plug-in, and the one line that says so.
WRONG: dict[str, tuple[dict[str, dict[str, str]], dict[str, str], tuple[str, ...], str]] = {
    "module that is missing": (
        {"jobproof.checks": {"ttl": "nowhere.to.be.found"}},
        {},
        ("checks",),
        "can't be loaded: ModuleNotFoundError: No module named 'nowhere'",
    ),
    "module that fails": (
        {"jobproof.checks": {"ttl": "acme_ttl"}},
        {"acme_ttl": "1 / 0"},
        ("checks",),
        "can't be loaded: ZeroDivisionError: division by zero",
    ),
    "check that takes nothing": (
        {"jobproof.checks": {"ttl": "acme_ttl"}},
        {
            "acme_ttl": """
            from jobproof.contract.model.check import check
            from jobproof.contract.model.finding import Basis

            @check(basis=Basis.RFC, source="RFC 9111")
            def ttl():
                '''Answers have a time to live.'''
            """
        },
        ("checks",),
        "can't be loaded: TypeError: check takes 0 arguments; write def ttl(trace)",
    ),
    "plain function": (
        {"jobproof.checks": {"ttl": "acme_ttl:ttl"}},
        {"acme_ttl": "def ttl(trace): return []"},
        ("checks",),
        "is a plain function; decorate it with @check(...) of jobproof.contract.model.check",
    ),
    "module without checks": (
        {"jobproof.checks": {"ttl": "acme_ttl"}},
        {"acme_ttl": "TTL = 1"},
        ("checks",),
        "holds no check; name them in the module's __all__",
    ),
    "check whose id is taken": (
        {"jobproof.checks": {"ttl": "acme_ttl"}},
        {
            "acme_ttl": """
            from jobproof.contract.model.check import check
            from jobproof.contract.model.finding import Basis

            __all__ = ["no_server_error"]

            @check(basis=Basis.RFC, source="RFC 9111")
            def no_server_error(trace):
                '''No question makes the server fail.'''
                return []
            """
        },
        ("checks",),
        "check 'no_server_error' exists already, from jobproof ",
    ),
    "check at a suite's start": (
        {"jobproof.checks": {"ttl": "acme_ttl"}},
        {"acme_ttl": "TTL = 1"},
        ("test", "--effort", "quick"),
        "holds no check; name them in the module's __all__",
    ),
    "canary that lacks its protocol": (
        {"jobproof.canaries": {"ttl": "acme_ttl:Ttl"}},
        {"acme_ttl": "class Ttl: Options = None; round_size = 1"},
        ("config", "schema"),
        "class Ttl has no absence_is_right, next_request, on_result",
    ),
    "source without options": (
        {"jobproof.sources": {"ttl": "acme_ttl:Ttl"}},
        {"acme_ttl": "class Ttl: Options = dict; next_request = on_answer = print"},
        ("config", "schema"),
        "Ttl.Options is no pydantic model",
    ),
    "sink that is a function": (
        {"jobproof.sinks": {"ttl": "acme_ttl:write"}},
        {"acme_ttl": "def write(result): pass"},
        ("config", "schema"),
        "is no class but a function; name it as package:Class",
    ),
    "canary whose name is taken": (
        {"jobproof.canaries": {"known": "acme_ttl:Known"}},
        {"acme_ttl": "from jobproof.probes.canaries.known import KnownCanary"},
        ("config", "schema"),
        "the name is taken in jobproof.canaries by jobproof ",
    ),
    "API in a module": (
        {"jobproof.apis": {"ttl": "acme_ttl"}},
        {"acme_ttl": ""},
        ("apis",),
        "'acme_ttl' is a module; an API is a package with data in it",
    ),
    "API without a profile": (
        {"jobproof.apis": {"ttl": "json"}},
        {},
        ("apis",),
        "no profile.yaml in package 'json'",
    ),
    "API in no package": (
        {"jobproof.apis": {"ttl": "nowhere"}},
        {},
        ("apis",),
        "package 'nowhere' can't be found",
    ),
}


@pytest.mark.parametrize("case", WRONG, ids=lambda name: name.replace(" ", "_"))
def test_a_wrong_plugin_stops_the_start_by_its_distributions_name(
    case: str, tmp_path: Path
) -> None:
    points, modules, arguments, message = WRONG[case]
    wrong = bare_distribution(tmp_path, "acme-ttl", points, **modules)
    said = wrong.jobproof(*arguments, folder=tmp_path)
    (name,) = next(iter(points.values()))
    assert said.code == 2, said.out + said.err
    assert said.err.startswith(f"jobproof: plug-in {name!r} (acme-ttl 0.1): {message}")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("canaries", "canaries: {ttl: {}}"),
        ("sources", "follow: [{source: ttl}]"),
        ("sinks", "canaries: {missing: {}}"),
    ],
    ids=["canary", "source", "sink"],
)
def test_a_plugin_that_fails_to_set_itself_up_is_one_line(
    group: str, text: str, tmp_path: Path
) -> None:
    wrong = bare_distribution(
        tmp_path,
        "acme-ttl",
        {f"jobproof.{group}": {"ttl": "acme_ttl:Ttl"}},
        acme_ttl="""
        from jobproof.probes.canaries.canary import CanaryOptions

        class Ttl:
            Options = CanaryOptions
            absence_is_right = round_size = 1
            next_request = on_result = on_answer = write = close = print

            def __init__(self, *_):
                raise KeyError("boom")
        """,
    )
    sinks = "sinks: [{sink: ttl}]" if group == "sinks" else ""
    target = f"name: a, api: krea, requests_per_minute: unlimited, {text}"
    (tmp_path / "jobproof.yaml").write_text(f"targets: [{{{target}}}]\n{sinks}\n")
    arguments = ("probe", "--config", "jobproof.yaml", "--listen", "127.0.0.1:0")
    said = wrong.jobproof(*arguments, folder=tmp_path)
    assert said.code == 2
    assert said.err.splitlines()[-1] == (
        "jobproof: plug-in 'ttl' (acme-ttl 0.1): can't be set up: KeyError: 'boom'"
    )
    assert "Traceback" not in said.err


def test_a_wrong_plugin_ends_plain_pytest_by_the_same_line(tmp_path: Path) -> None:
    wrong = bare_distribution(tmp_path, "acme-ttl", {"jobproof.checks": {"ttl": "nowhere"}})
    pytest_alone = (wrong.python, "-m", "pytest", "-p", "no:cacheprovider")
    done = run_to_end(
        *(*pytest_alone, "--pyargs", "jobproof.contract.suite"),
        folder=tmp_path,
        env=wrong.settings(),
    )
    assert done.returncode == 2
    assert "jobproof: plug-in 'ttl' (acme-ttl 0.1): can't be loaded" in done.stdout


def test_an_api_whose_profile_is_wrong_is_named_with_the_line(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "acme_apis" / "renders")
    (tmp_path / "acme_apis" / "__init__.py").touch()
    text = (folder / "profile.yaml").read_text(encoding="utf-8")
    (folder / "profile.yaml").write_text(text.replace("cadence: {poll", "cadence: {pol"))
    wrong = bare_distribution(tmp_path, "acme-ttl", {"jobproof.apis": {"renders": "acme_apis"}})
    said = wrong.jobproof("apis", folder=tmp_path)
    line = text[: text.index("cadence:")].count("\n") + 1
    assert said.code == 2
    assert said.err == (
        f"jobproof: plug-in 'renders' (acme-ttl 0.1): {folder}/profile.yaml:{line}: "
        "cadence.pol: unknown key. Did you mean 'poll'?\n"
    )


def test_an_api_has_the_name_that_its_profile_says(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "acme_apis" / "renders")
    (tmp_path / "acme_apis" / "__init__.py").touch()
    wrong = bare_distribution(tmp_path, "acme-ttl", {"jobproof.apis": {"renders": "acme_apis"}})
    said = wrong.jobproof("apis", folder=tmp_path)
    assert said.code == 2
    assert said.err == (
        "jobproof: plug-in 'renders' (acme-ttl 0.1): its profile says `api: acme-renders`; "
        "both names must be the same\n"
    )


def test_switching_plugins_off_ends_a_wrong_ones_harm(tmp_path: Path) -> None:
    points = {"jobproof.checks": {"ttl": "nowhere"}}
    wrong = bare_distribution(tmp_path, "acme-ttl", points)
    assert wrong.jobproof("checks", folder=tmp_path).code == 2
    assert wrong.jobproof("checks", folder=tmp_path, JOBPROOF_NO_PLUGINS="1").code == 0


def test_help_is_shown_whatever_a_plugin_does(tmp_path: Path) -> None:
    points = {"jobproof.checks": {"ttl": "nowhere"}, "jobproof.commands": {"ttl": "nowhere:ttl"}}
    wrong = bare_distribution(tmp_path, "acme-ttl", points)
    said = wrong.jobproof("--help", folder=tmp_path)
    assert said.code == 0
    assert "ttl" in said.out


class _Statsd:
    """
    A StatsD server that remembers what it was told.
    """

    def __enter__(self) -> _Statsd:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def wait_for(self, wanted: set[str], *, deadline_s: float) -> set[str]:
        """
        Those of `wanted` that came in time.
        """
        until, came = monotonic() + deadline_s, set[str]()
        while not wanted <= came and monotonic() < until:
            self._socket.settimeout(max(0.01, until - monotonic()))
            try:
                came.add(self._socket.recv(4096).decode())
            except TimeoutError:
                break
        return came & wanted


def _example(module: str) -> ModuleType:
    path = EXAMPLE / "acme_jobs" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"acme_jobs_{module}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def _ended(process: subprocess.Popen[str]) -> str:
    if process.poll() is None:
        process.terminate()
    try:
        return process.communicate(timeout=PATIENCE_S)[0] or ""
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0] or ""
    except ValueError:
        return ""
