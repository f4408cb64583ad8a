"""
A parameter's value that a variable or a file holds is sent, and is shown nowhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from subprocess import CompletedProcess
from typing import ClassVar
from urllib.parse import unquote

import pytest
import yaml
from tests.contract.small_api import JOB, ReceivedRequest, small_folder
from tests.probes.process import daemon
from tests.servers import QuietHandler, http_server
from tests.tools import JOBPROOF, run_to_end, until

from jobproof.contract.suite.publishing.publish import OUTPUTS

PLACES = {"project": "path", "region": "query", "tenant": "header", "locale": "cookie"}
HELD = {
    "project": "project/4711&never shown",
    "region": "region+never=shown ~1",
    "tenant": "tenant-never-shown",
    "locale": "locale-never-shown",
}
IN_VARIABLES = {name.upper(): value for name, value in HELD.items()}


class _Echo(QuietHandler):
    """
    Says back whatever it is asked with, where a job's id and status stand.
    """

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[ReceivedRequest]]

    def do_GET(self) -> None:
        one = ReceivedRequest(self)
        self.asked.append(one)
        said = [one.line, unquote(one.path), *one.query.values(), *one.cookies.values()]
        said.append(one.headers.get("tenant", ""))
        data = json.dumps({"id": said, "status": "/".join(said)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Asked", one.line)
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def echo() -> Iterator[tuple[str, list[ReceivedRequest]]]:
    _Echo.asked = []
    with http_server(_Echo) as url:
        yield url, _Echo.asked


@pytest.fixture
def api(tmp_path: Path) -> Path:
    parameters = tuple(
        {"in": place, "name": name, "required": True, "schema": {"type": "string"}}
        for name, place in PLACES.items()
    )
    path = "/projects/{project}/jobs/{id}"
    return small_folder(tmp_path / "api", path=path, parameters=parameters)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **IN_VARIABLES, **more}


def not_shown(text: str) -> None:
    # A page and a line of a command spell their signs anew.
    for spelled in (text, unescape(text), unquote(text)):
        assert [value for value in HELD.values() if value in spelled] == []


def was_asked_with_all(asked: list[ReceivedRequest]) -> None:
    plain = [one for one in asked if one.path.endswith(JOB) and one.headers.get("tenant")]
    assert plain
    for one in plain:
        assert unquote(one.path) == f"/projects/{HELD['project']}/jobs/{JOB}"
        assert one.query["region"] == HELD["region"]
        assert one.headers["tenant"] == HELD["tenant"]
        assert one.cookies["locale"] == HELD["locale"]


def run(folder: Path, api: Path, url: str, *options: str) -> CompletedProcess[str]:
    return run_to_end(
        *(*JOBPROOF, "test", "--api", str(api), "--url", url, "--job", JOB),
        *("--effort", "quick", *options),
        folder=folder,
        env=environment(GITHUB_ACTIONS="", GITHUB_STEP_SUMMARY=""),
    )


@pytest.mark.parametrize("kind", ["variable", "file"])
def test_a_run_sends_it_and_shows_it_nowhere(
    api: Path, echo: tuple[str, list[ReceivedRequest]], tmp_path: Path, kind: str
) -> None:
    url, asked = echo
    given = []
    for name, value in HELD.items():
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
        given += ["--param", f"{name}={f'${name.upper()}' if kind == 'variable' else f'@{name}'}"]
    made = [*OUTPUTS, "report", "junit"]
    files = [f"--{name.replace('_', '-')}={tmp_path / f'made-{name}'}" for name in made]
    done = run(tmp_path, api, url, *given, *files, "--", "-vv", "--showlocals", "--tb=long")
    assert done.returncode == 1, done.stdout + done.stderr
    was_asked_with_all(asked)
    not_shown(done.stdout + done.stderr)
    for name in made:
        not_shown((tmp_path / f"made-{name}").read_text("utf-8"))
    report = json.loads((tmp_path / "made-report").read_text("utf-8"))
    lines = [one["evidence"]["curl"] for one in report["findings"] if "evidence" in one]
    held = "$REGION" if kind == "variable" else "$(cat region)"
    assert any(f'--data-urlencode region="{held}"' in line for line in lines), lines[0]
    dry = run(tmp_path, api, url, *given, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "/projects/***/jobs/" in dry.stdout
    not_shown(dry.stdout + dry.stderr)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("region=$UNSET", "--param: environment variable UNSET isn't set"),
        ("region=@no", "--param: no can't be read: No such file or directory"),
        ("project=$SHORT", "which can't be done for fewer than 6 signs in a path: if it is no"),
        ("region=$ACCENT", "--param region: what a variable or a file holds is kept out of every"),
    ],
)
def test_one_that_cant_be_used_is_one_line(
    api: Path, echo: tuple[str, list[ReceivedRequest]], tmp_path: Path, given: str, says: str
) -> None:
    url, asked = echo
    rest = [f"--param={name}=in-clear" for name in PLACES if name != given.partition("=")[0]]
    done = run_to_end(
        *(*JOBPROOF, "test", "--api", str(api), "--url", url, "--job", JOB),
        *("--param", given, *rest),
        folder=tmp_path,
        env=environment(SHORT="ab12", ACCENT="côte-ab12"),
    )
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert says in line
    assert "ab12" not in line
    assert asked == []


def configured(folder: Path, url: str, params: dict[str, object]) -> Path:
    target = {"name": "small", "api": "./api", "url": url, "requests_per_minute": "unlimited"}
    target |= {"interval": "100ms", "canaries": {"known": {"ids": [JOB]}, "missing": {}}}
    target |= {"follow": [{"source": "static", "ids": [JOB]}]}
    file = folder / "jobproof.yaml"
    file.write_text(yaml.safe_dump({"targets": [{**target, "params": params}]}), encoding="utf-8")
    return file


def test_the_monitor_sends_it_and_shows_it_nowhere(
    api: Path,
    echo: tuple[str, list[ReceivedRequest]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, asked = echo
    for name, value in IN_VARIABLES.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "held").write_text(f"{HELD['project']}\n", encoding="utf-8")
    params: dict[str, object] = {name: {"env": name.upper()} for name in HELD}
    config = configured(tmp_path, url, {**params, "project": {"file": "held"}})
    for options in ((), ("--json",), ("--metrics",)):
        done = run_to_end(*JOBPROOF, "once", "--config", config, *options)
        assert done.returncode == 1, done.stdout + done.stderr
        not_shown(done.stdout + done.stderr)
    was_asked_with_all(asked)
    state = tmp_path / "state"
    with daemon(config, "--state", str(state), "--log-level", "debug") as process:
        until(lambda: any(state.glob("evidence/*.har")))
        kept = sorted(state.glob("evidence/*.har"))[0].stem
        lines = process.get(f"evidence/{kept}.curl")
        shown = [lines, *(process.get(path) for path in ("", "metrics", f"evidence/{kept}"))]
        process.end()
        shown.append(process.said)
    assert '--data-urlencode region="$REGION"' in lines
    for path in state.rglob("*"):
        if path.is_file():
            shown.append(path.read_bytes().decode("utf-8", "replace"))
    for text in shown:
        not_shown(text)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"region": {"env": "UNSET"}}, "targets[0].params.region.env: environment variable UNSET"),
        ({"region": {"file": "no"}}, "no can't be read: No such file"),
        ({"region": {}}, "targets[0].params.region: write {env: VAR} or {file: F}"),
        ({"project": {"env": "SHORT"}}, "targets[0].params: params.project: what a variable"),
    ],
)
def test_a_wrong_key_of_the_monitor_is_one_line(
    api: Path, tmp_path: Path, params: dict[str, object], says: str
) -> None:
    plain: dict[str, object] = dict.fromkeys(HELD, "in-clear")
    config = configured(tmp_path, "http://127.0.0.1:9", {**plain, **params})
    done = run_to_end(*JOBPROOF, "config", "check", config, env=environment(SHORT="ab12"))
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert says in line
    assert "ab12" not in line
