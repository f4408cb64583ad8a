"""
One run, whatever pytest does around it: by the server's own count nothing is sent twice, and what
is told of it is told by verdict line, exit code, JUnit and report alike.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.tools import JOBPROOF, PATIENCE_S, PYTHON, until

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api

API = find_api(default_api())
TOKEN_ENV = "TOKEN_OF_THE_TEST"
PLANNED_ALONE = "not generated_cases and not client_machine"
CRASHING = """
from jobproof.contract.suite.running.run import Run

record = Run.record

def failing(self, *words, **more):
    seen = record(self, *words, **more)
    if self.requests >= 5:
        raise ValueError("raised inside the run, on purpose")
    return seen

Run.record = failing
"""
DYING = """
import os
from jobproof.contract.suite.running.run import Run

record = Run.record

def dying(self, *words, **more):
    if self.requests >= 5:
        os._exit(9)
    return record(self, *words, **more)

Run.record = dying
"""
SIGNALLING = """
import os, signal

def {hook}:
    if {when}:
        os.kill(os.getpid(), signal.{name})
"""


@dataclass
class Ended:
    """
    What a process has left behind.
    """

    code: int
    output: str
    folder: Path
    report: dict[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        (line,) = [one for one in self.output.splitlines() if one.startswith("verdict: ")]
        return line


@dataclass
class Project:
    """
    A repository that isn't ours, with the suite pointed at a mock of this process's.
    """

    folder: Path
    server: MockServer

    @property
    def sent(self) -> int:
        return len(self.server.log)

    def options(self, *, prefix: str = "--job-", url: str = "") -> list[str]:
        job = next(job.id for job in self.server.jobs if job.life == "old-image")
        where = "--job-api-url" if prefix == "--job-" else "--url"
        one = "--job-id" if prefix == "--job-" else "--job"
        return [
            *(where, url or self.server.url, one, job, f"{prefix}token-env", TOKEN_ENV),
            *(
                f"{prefix}effort",
                "standard",
                f"{prefix}seed",
                "7",
                f"{prefix}report",
                "report.json",
            ),
        ]

    def begin(self, *command: str) -> subprocess.Popen[str]:
        environ = {**os.environ, TOKEN_ENV: self.server.token}
        # What this process was started with mustn't speak for those that it starts.
        for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"):
            environ.pop(name, None)
        environ["PYTHONPATH"] = os.pathsep.join(
            [str(self.folder), *environ.get("PYTHONPATH", "").split(os.pathsep)]
        )
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Where these tests are run in the background Ctrl-C would be ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )

    def begin_pytest(self, *arguments: str, plain: bool = False) -> subprocess.Popen[str]:
        # Where nothing is drawn these two only take time to load, in each worker anew.
        spared = () if plain else ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
        return self.begin(
            *(*PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--junitxml", "junit.xml"),
            *("--pyargs", "jobproof.contract.suite", *self.options()),
            *("-k", PLANNED_ALONE, *spared, *arguments),
        )

    def begin_command(
        self, *arguments: str, url: str = "", plugin: str = ""
    ) -> subprocess.Popen[str]:
        options = self.options(prefix="--", url=url)
        return self.begin(
            *(*JOBPROOF, "test", *options, "--junit", "junit.xml", *arguments),
            *("--", "-k", PLANNED_ALONE, *(("-p", plugin) if plugin else ())),
        )

    def end(self, process: subprocess.Popen[str]) -> Ended:
        output, _ = process.communicate(timeout=PATIENCE_S)
        ended = Ended(process.returncode, output, self.folder)
        report, junit = self.folder / "report.json", self.folder / "junit.xml"
        if report.exists():
            ended.report = json.loads(report.read_text(encoding="utf-8"))
        if junit.exists():
            ended.nodes = dict(_nodes(junit))
        return ended

    def run(self, *arguments: str) -> Ended:
        return self.end(self.begin_pytest(*arguments))


def _nodes(junit: Path) -> Iterator[tuple[str, str]]:
    for case in ElementTree.parse(junit).iter("testcase"):
        states = [one.tag for one in case if one.tag in ("failure", "error", "skipped")]
        yield str(case.get("name")), *(states[:1] or ["passed"])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with MockServer(API) as server:
        yield Project(tmp_path, server)


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Project]:
    with MockServer(API, faults=("id_of_another_job",)) as server:
        yield Project(tmp_path, server)


def assert_all_say(ended: Ended, verdict: str, code: int) -> None:
    assert ended.code == code, ended.output
    assert ended.verdict.startswith(f"verdict: {verdict}")
    assert (ended.report["verdict"], ended.report["exit_code"]) == (verdict, code)
    assert ended.nodes["test_verdict"] == ("passed" if verdict == "kept" else "failure")


def test_the_run_and_what_it_says_is_one(project: Project) -> None:
    ended = project.end(project.begin_pytest(plain=True))
    assert_all_say(ended, "kept", 0)
    assert ended.report["requests"] == project.sent


@pytest.mark.parametrize("workers", ["0", "2", "4"])
def test_workers_make_one_run(project: Project, workers: str) -> None:
    ended = project.run("-n", workers, "--job-budget", "4")
    assert project.sent == 4
    assert_all_say(ended, "inconclusive", 3)


@pytest.mark.parametrize("how", ["loadscope", "loadgroup", "worksteal", "each"])
def test_however_the_nodes_are_dealt_out_one_run_is_made(project: Project, how: str) -> None:
    ended = project.run("-n", "2", "--dist", how)
    assert_all_say(ended, "kept", 0)
    assert ended.report["requests"] == project.sent


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_what_fails_inside_the_run_is_told_by_every_node_and_nothing_is_sent_again(
    project: Project, workers: tuple[str, ...]
) -> None:
    (project.folder / "raise_inside.py").write_text(CRASHING, encoding="utf-8")
    ended = project.run("-p", "raise_inside", *workers)
    # Two may have been sent at once.
    assert project.sent in (5, 6)
    assert_all_say(ended, "inconclusive", 4)
    assert set(ended.nodes.values()) == {"failure"}
    assert "raised inside the run, on purpose" in str(ended.report["crash"])
    assert "jobproof itself failed: ValueError: raised inside the run, on purpose" in ended.verdict


def test_what_is_broken_stays_so_where_the_run_fails_afterwards(broken: Project) -> None:
    (broken.folder / "raise_inside.py").write_text(CRASHING.replace("5", "12"), encoding="utf-8")
    ended = broken.run("-p", "raise_inside")
    assert broken.sent == 12
    assert_all_say(ended, "broken", 1)
    assert ended.nodes["test_promise[job_id_is_echoed]"] == "failure"


def test_a_worker_that_dies_in_the_run_isn_t_made_up_for(project: Project) -> None:
    (project.folder / "die_inside.py").write_text(DYING, encoding="utf-8")
    ended = project.run("-p", "die_inside", "-n", "2")
    assert project.sent <= 6
    assert "the process that made the run has died" in ended.verdict
    assert (ended.report["verdict"], ended.report["exit_code"]) == ("inconclusive", 4)


def interrupted(
    project: Project, process: subprocess.Popen[str], number: int, *, after: int = 8
) -> tuple[Ended, int]:
    """
    What a process leaves that a signal ended after so many requests, and how many it had sent.
    """
    until(lambda: project.sent >= after, what=f"{after} requests")
    os.kill(process.pid, number)
    sent = project.sent
    return project.end(process), sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", ["command", "pytest", "workers"])
def test_a_signal_ends_the_run_with_what_was_seen(
    project: Project, number: signal.Signals, how: str
) -> None:
    if how == "command":
        process = project.begin_command("--rate-limit", "120/m")
    else:
        workers = ("-n", "2") if how == "workers" else ()
        rate = "15/m" if how == "workers" else "120/m"
        process = project.begin_pytest("--job-rate-limit", rate, *workers)
    ended, sent = interrupted(project, process, number, after=3 if how == "workers" else 8)
    # One may be on its way, and a worker hears of it through the process that was told.
    assert project.sent <= sent + (2 if how == "workers" else 1)
    assert ended.code == 128 + number, ended.output
    assert ended.verdict.startswith(f"verdict: inconclusive: interrupted ({number.name})")
    assert (ended.report["exit_code"], ended.report["interrupted"]) == (128 + number, number.name)
    assert ended.report["requests"] == project.sent
    if how != "workers":
        assert ended.nodes["test_verdict"] == "failure"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_run_has_nothing_sent(project: Project, number: signal.Signals) -> None:
    text = SIGNALLING.format(hook="pytest_collection(session)", when="True", name=number.name)
    (project.folder / "signal_itself.py").write_text(text, encoding="utf-8")
    ended = project.end(project.begin_command(plugin="signal_itself"))
    assert (ended.code, project.sent) == (128 + number, 0), ended.output
    assert (ended.report["exit_code"], ended.report["interrupted"]) == (128 + number, number.name)
    assert (ended.report["verdict"], ended.report["requests"]) == ("inconclusive", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_run_is_told_beside_what_the_run_says(
    project: Project, number: signal.Signals
) -> None:
    hook, when = "pytest_runtest_logfinish(nodeid)", "'test_verdict' in nodeid"
    text = SIGNALLING.format(hook=hook, when=when, name=number.name)
    (project.folder / "signal_itself.py").write_text(text, encoding="utf-8")
    ended = project.end(project.begin_command(plugin="signal_itself"))
    assert_all_say(ended, "kept", 128 + number)
    assert f"interrupted ({number.name}) after it was judged" in ended.verdict


def test_what_is_broken_stays_so_when_the_run_is_interrupted(broken: Project) -> None:
    process = broken.begin_command("--rate-limit", "120/m")
    ended, sent = interrupted(broken, process, signal.SIGINT)
    assert broken.sent <= sent + 1
    assert_all_say(ended, "broken", 1)
    assert ended.report["interrupted"] == "SIGINT"


def test_a_request_on_its_way_is_given_up(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = project.begin_command("--timeout", "250", url=url)
        connection, _ = listener.accept()
        assert connection.recv(65_536).startswith(b"GET /jobs/")
        process.send_signal(signal.SIGINT)
        ended = project.end(process)
        connection.close()
    assert_all_say(ended, "inconclusive", 130)
    assert ended.report["requests"] == 1


def test_others_tests_aren_t_run_any_more_after_a_signal(project: Project) -> None:
    (project.folder / "test_own.py").write_text("def test_own():\n    open('ran', 'w')\n")
    # As they are named: in another order others' tests may have run before.
    ordered = ("-p", "no:randomly")
    process = project.begin_pytest("test_own.py", "--job-rate-limit", "120/m", *ordered)
    ended, _ = interrupted(project, process, signal.SIGINT)
    assert ended.code == 130
    assert "test_own" not in ended.nodes
    assert not (project.folder / "ran").exists()


def test_somebody_else_s_failing_test_keeps_pytest_s_code(project: Project) -> None:
    (project.folder / "test_own.py").write_text("def test_own():\n    assert False\n")
    ended = project.run("test_own.py", "--job-budget", "3")
    assert ended.code == 1
    assert ended.report["exit_code"] == 3


def test_a_check_that_is_selected_is_told_alone(broken: Project) -> None:
    ended = broken.run("-k", "foreign_job_is_hidden or job_id_is_echoed")
    assert ended.code == 1
    assert ended.report["selected"] == ["foreign_job_is_hidden", "job_id_is_echoed"]
    assert [one["id"] for one in ended.report["checks"]] == ended.report["selected"]
    assert "of foreign_job_is_hidden, job_id_is_echoed alone" in ended.verdict
