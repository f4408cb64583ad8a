"""
An API whose document asks for user and password: kept by the suite and by the monitor, with both
of them in no output.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from tests.contract.small_api import JOB, ReceivedRequest, job_server, small_folder
from tests.servers import http_server
from tests.tools import JOBPROOF, run_to_end

USER, PASSWORD = "ann", 'hunter2:"$of the"\\password'
SENT = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
OUTSIDE = ("token_is_required", "invalid_token_is_refused")


@dataclass
class Login:
    """
    A right server that lets in whoever has the password.
    """

    url: str
    asked: list[ReceivedRequest]
    folder: Path

    def run(self, *words: str | Path, **environment: str) -> CompletedProcess[str]:
        done = run_to_end(
            *(*JOBPROOF, *words),
            folder=self.folder,
            env={**os.environ, "PASSWORD": PASSWORD, **environment},
        )
        self.shows_nothing(done.stdout + done.stderr)
        return done

    def tested(self, *options: str, **environment: str) -> CompletedProcess[str]:
        files = ("--report", "report.json", "--html", "report.html", "--effort", "quick")
        api = ("--api", str(self.folder / "api"), "--url", self.url, "--job", JOB)
        done = self.run("test", *api, *files, *options, **environment)
        for name in files[1:4:2]:
            if (self.folder / name).exists():
                self.shows_nothing((self.folder / name).read_text("utf-8"))
        return done

    def shows_nothing(self, text: str) -> None:
        assert PASSWORD not in text
        assert json.dumps(PASSWORD)[1:-1] not in text
        assert SENT not in text


@pytest.fixture
def login(tmp_path: Path) -> Iterator[Login]:
    handler, asked = job_server(
        lambda one: one.headers.get("authorization") == f"Basic {SENT}", challenge="Basic"
    )
    small_folder(tmp_path / "api", security=[{"basic": []}])
    with http_server(handler) as url:
        yield Login(url, asked, tmp_path)


def test_the_suite_keeps_it(login: Login) -> None:
    done = login.tested("--basic-user", USER, "--basic-password-env", "PASSWORD")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((login.folder / "report.json").read_text("utf-8"))
    states = {check["id"]: check["state"] for check in report["checks"]}
    assert [states[check] for check in OUTSIDE] == ["kept", "kept"]
    sent = {one.headers.get("authorization", "") for one in login.asked}
    assert f"Basic {SENT}" in sent
    # Who has no right is refused in the same scheme.
    assert {one.partition(" ")[0].lower() for one in sent} <= {"basic", "bearer", ""}


def test_a_variable_may_hold_both(login: Login) -> None:
    variable = {"JOBPROOF_TOKEN": f"{USER}:{PASSWORD}"}
    assert login.tested(**variable).returncode == 0


@pytest.mark.parametrize("is_a_file", [False, True], ids=["variable", "file"])
def test_the_monitor_keeps_it(login: Login, *, is_a_file: bool) -> None:
    (login.folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    held = {"password_file": "password"} if is_a_file else {"password_env": "PASSWORD"}
    canaries = {"known": {"ids": [JOB]}, "missing": {}, "malformed": {}, "anonymous": {}}
    target = {"name": "small", "api": "./api", "url": login.url, "canaries": canaries}
    target |= {"requests_per_minute": "unlimited", "basic": {"user": USER, **held}}
    config = login.folder / "jobproof.yaml"
    config.write_text(yaml.safe_dump({"targets": [target]}), encoding="utf-8")
    for options in ((), ("--json",), ("--metrics",)):
        done = login.run("once", "--config", config, *options)
        assert done.returncode == 0, done.stdout + done.stderr
    sent = [one.headers.get("authorization") for one in login.asked]
    assert f"Basic {SENT}" in sent
    assert None in sent


def test_a_wrong_password_is_no_verdict_and_says_so(login: Login) -> None:
    options = ("--basic-user", USER, "--basic-password-env", "PASSWORD")
    done = login.tested(*options, PASSWORD="another-one")
    assert done.returncode == 3, done.stdout + done.stderr
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("verdict: ")]
    assert "the token isn't accepted: 401" in line
    assert "another-one" not in done.stdout + done.stderr
