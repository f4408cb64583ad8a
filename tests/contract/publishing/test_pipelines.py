"""
What people copy into their pipelines: the commands of the action, GitLab and Jenkins are run by a
real shell in a folder of somebody else's, against a mock with a fault and one without.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from tests.tools import run_to_end, tool

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api

ROOT = Path(__file__).parents[3]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
EXAMPLES = ROOT / "examples" / "ci"
GITLAB = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))
JENKINS = (EXAMPLES / "Jenkinsfile").read_text(encoding="utf-8")
CHECK = "job_id_is_echoed"


@pytest.fixture(scope="module", params=[(), ("id_of_another_job",)], ids=["right", "wrong"])
def server(request: pytest.FixtureRequest) -> Iterator[MockServer]:
    with MockServer(find_api(default_api()), faults=request.param) as running:
        yield running


@pytest.fixture
def is_wrong(request: pytest.FixtureRequest) -> bool:
    return "wrong" in request.node.callspec.id


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """
    A folder for PATH: what would be installed is noted and is there already.
    """
    folder = tmp_path / "programs"
    folder.mkdir()
    note = f'echo "$@" >>{tmp_path}/installed; exit 0'
    write_program(folder / "pip", note)
    own = f'exec {sys.executable} -P "$@"'
    write_program(folder / "python", f'case "$*" in *"pip install"*) {note};; *) {own};; esac')
    write_program(folder / "jobproof", f'exec {sys.executable} -P -m jobproof "$@"')
    return folder


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def in_shell(
    script: str, programs: Path, folder: Path, env: Mapping[str, str], *, shell: str = "bash"
) -> CompletedProcess[str]:
    ours = {n: v for n, v in os.environ.items() if not n.startswith(("GITHUB_", "PYTEST_", "CI_"))}
    path = f"{programs}:{os.environ['PATH']}"
    # As GitHub and GitLab have their scripts run.
    flags = ["-eo", "pipefail"] if shell == "bash" else ["-e"]
    given = {**ours, "PATH": path, **env}
    return run_to_end(tool(shell), *flags, "-c", script, folder=folder, env=given)


# The action.


def action_run(
    programs: Path, folder: Path, **inputs: str
) -> tuple[list[CompletedProcess[str]], dict[str, str], str]:
    """
    Each step that the action runs, its outputs, and the summary of the step.
    """
    defaults = {name: told["default"] for name, told in ACTION["inputs"].items()}
    values = {**defaults, **inputs}
    files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = []
    for step in ACTION["runs"]["steps"]:
        if "run" not in step:
            assert re.fullmatch(r"actions/setup-python@v\d+", step["uses"])
            continue
        given = {name: filled(value, values) for name, value in step["env"].items()}
        own = {"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": "/of/the/action"}
        env = {**given, **own, **{name: str(path) for name, path in files.items()}}
        done.append(in_shell(step["run"], programs, folder, env))
        if done[-1].returncode:
            break
    outputs = files["GITHUB_OUTPUT"].read_text(encoding="utf-8")
    summary = files["GITHUB_STEP_SUMMARY"]
    told = dict(line.split("=", 1) for line in outputs.splitlines())
    return done, told, summary.read_text(encoding="utf-8") if summary.exists() else ""


def filled(value: str, inputs: Mapping[str, str]) -> str:
    named = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)
    assert named is not None
    return inputs[named[1]]


def test_the_action_holds_an_endpoint_to_its_contract(
    server: MockServer, programs: Path, tmp_path: Path, is_wrong: bool
) -> None:
    jobs = "\n".join(job.id for job in server.jobs if job.life in ("image", "old-image"))
    done, outputs, summary = action_run(
        programs, tmp_path, url=server.url, jobs=jobs, token=server.token, effort="quick"
    )
    assert [one.returncode for one in done] == [0, int(is_wrong)], done[-1].stdout
    assert outputs["verdict"] == ("broken" if is_wrong else "kept")
    assert outputs["exit-code"] == str(int(is_wrong))
    for name in ("report", "summary", "sarif", "html", "junit"):
        text = (tmp_path / outputs[name]).read_text(encoding="utf-8")
        assert CHECK in text or name in ("summary", "sarif")
        assert server.token not in text
    assert (f"`{CHECK}`" in summary) is is_wrong
    assert (f"title={CHECK}::" in done[-1].stdout) is is_wrong
    assert server.token not in summary + done[-1].stdout + done[-1].stderr


def test_the_actions_options_are_handed_on_word_by_word(programs: Path, tmp_path: Path) -> None:
    write_program(programs / "python", f'printf "%s\\n" "$@" >{tmp_path}/words')
    words = "--strict --header 'X-Team: a b' --param \"v=$(touch owned)*\""
    action_run(programs, tmp_path, args=words, **{"foreign-jobs": "a  b"})
    heard = (tmp_path / "words").read_text(encoding="utf-8").splitlines()
    assert heard[:5] == ["-m", "jobproof", "test", "--effort", "standard"]
    assert heard[5:9] == ["--foreign-job", "a", "--foreign-job", "b"]
    assert heard[9:14] == ["--strict", "--header", "X-Team: a b", "--param", "v=$(touch owned)*"]
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("inputs", "source"),
    [
        ({}, "/of/the/action"),
        ({"version": "0.1.0"}, "jobproof==0.1.0"),
        ({"path": "./jobproof.whl", "version": "0.1.0"}, "./jobproof.whl"),
    ],
)
def test_the_action_installs_what_is_named(
    programs: Path, tmp_path: Path, inputs: dict[str, str], source: str
) -> None:
    action_run(programs, tmp_path, url="nowhere", **inputs)
    assert (tmp_path / "installed").read_text(encoding="utf-8").split()[-1] == source


def test_a_mistake_in_an_input_is_told_and_ends_the_step(programs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "jobproof-report"
    folder.mkdir()
    for name in ("report.json", "contract.sarif"):
        (folder / name).write_text('{"verdict": "kept"}')  # of an earlier step
    done, outputs, _ = action_run(programs, tmp_path, url="nowhere")
    assert done[-1].returncode == 2
    assert "jobproof: --url 'nowhere' has no scheme" in done[-1].stderr
    # A file that there isn't is none to upload.
    assert outputs == {"verdict": "", "exit-code": "2"}
    assert not any(folder.iterdir())


def test_the_action_puts_no_text_of_others_into_a_command() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    written = set(re.findall(r'(?:echo "|told )([a-z-]+)[= ]', ACTION["runs"]["steps"][-1]["run"]))
    assert written == set(ACTION["outputs"])
    for name, told in ACTION["outputs"].items():
        assert told["value"] == f"${{{{ steps.contract.outputs.{name} }}}}"


# GitLab and Jenkins.


def variables(server: MockServer) -> dict[str, str]:
    job = next(job.id for job in server.jobs if job.life == "old-image")
    api = find_api(default_api())
    return {
        "JOB_API": api.name,
        "JOB_API_URL": server.url,
        "FINISHED_JOB_ID": job,
        api.profile.token_env: server.token,
    }


def without_rate(line: str) -> str:
    """
    The line at the pace of a target on this machine.
    """
    assert "--rate-limit 30/m" in line
    return line.replace("--rate-limit 30/m", "--effort quick")


def test_gitlabs_job_leaves_the_reports_that_it_names(
    server: MockServer, programs: Path, tmp_path: Path, is_wrong: bool
) -> None:
    job: dict[str, Any] = GITLAB["contract"]
    assert job["variables"].keys() < variables(server).keys()
    install, line = job["script"]
    assert in_shell(install, programs, tmp_path, {}).returncode == 0
    done = in_shell(without_rate(line), programs, tmp_path, variables(server))
    assert done.returncode == int(is_wrong), done.stdout + done.stderr
    kept = [*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()]
    for name in kept:
        assert server.token not in (tmp_path / name).read_text(encoding="utf-8")
    quality = json.loads((tmp_path / "code-quality.json").read_text(encoding="utf-8"))
    named = {entry["check_name"] for entry in quality if entry["severity"] == "blocker"}
    assert named == ({CHECK} if is_wrong else set())


def test_jenkins_stage_leaves_the_reports_that_it_names(
    server: MockServer, programs: Path, tmp_path: Path, is_wrong: bool
) -> None:
    install, line = (a or b for a, b in re.findall(r"sh (?:'''(.*?)'''|'([^']*)')", JENKINS, re.S))
    assert '"jobproof~=' in install
    folder = tmp_path / ".jobproof"
    folder.mkdir()
    (folder / "bin").symlink_to(programs)
    done = in_shell(without_rate(line), programs, tmp_path, variables(server), shell="sh")
    assert done.returncode == int(is_wrong), done.stdout + done.stderr
    (names,) = re.findall(r"junit '(.*?)'\s+archiveArtifacts '(.*?)'", JENKINS)
    for name in ", ".join(names).split(", "):
        assert CHECK in (tmp_path / name).read_text(encoding="utf-8")


def test_the_snippets_give_every_variable_that_they_use() -> None:
    used = set(re.findall(r'"\$([A-Z_]+)"', "".join(GITLAB["contract"]["script"])))
    assert used == set(GITLAB["contract"]["variables"])
    assert set(re.findall(r'"\$([A-Z_]+)"', JENKINS)) < set(re.findall(r"([A-Z_]+) = ", JENKINS))
