"""
The image, and what Kubernetes, compose and systemd have it do: started as they start it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema_rs
import pytest
import yaml
from tests.copied.lines import ROOT, container
from tests.copied.sandbox import Sandbox, sandbox
from tests.servers import free_port
from tests.third_party import built_wheel
from tests.tools import PATIENCE_S, run_to_end, tool, until

from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.schema import config_schema

RECIPE = ROOT / "deploy" / "Containerfile"
KUBERNETES = ROOT / "grafana" / "kubernetes"
COMPOSE = ROOT / "grafana" / "example" / "compose.yaml"

pytestmark = pytest.mark.xdist_group("copied")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def pod_container() -> dict[str, Any]:
    (found,) = read(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def started(service: dict[str, Any], *, command: str, arguments: str) -> list[str]:
    """
    What runs in the container: `command` replaces ENTRYPOINT and CMD, `arguments` CMD alone.
    """
    entry, default = container(RECIPE)
    if command in service:
        return [*service[command], *service.get(arguments, ())]
    return [*entry, *service.get(arguments, default)]


def unit() -> str:
    return (ROOT / "deploy" / "jobproof.service").read_text(encoding="utf-8")


STARTED = {
    "image": (
        lambda: started({}, command="command", arguments="args"),
        ROOT / "deploy" / "jobproof.yaml",
    ),
    "kubernetes": (
        lambda: started(pod_container(), command="command", arguments="args"),
        KUBERNETES / "jobproof.yaml",
    ),
    "compose": (
        lambda: started(
            read(COMPOSE)["services"]["jobproof"], command="entrypoint", arguments="command"
        ),
        COMPOSE.parent / "jobproof.yaml",
    ),
    "systemd": (
        lambda: shlex.split(re.findall(r"^ExecStart=(.+)$", unit(), re.MULTILINE)[0]),
        ROOT / "deploy" / "jobproof.yaml",
    ),
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, "targets: []\n") as made:
        for place in ("run/mock", "run/secrets/jobproof", "var/lib/jobproof"):
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
        for place in ("run/mock", "run/secrets/jobproof"):
            (tmp_path / place / "token").write_text(made.server.token, encoding="utf-8")
        yield made


@pytest.mark.parametrize("how", STARTED)
def test_the_daemon_starts_serves_and_ends_as_it_is_started_there(how: str, here: Sandbox) -> None:
    words, config = STARTED[how]
    program, *arguments = words()
    assert Path(program).name == "jobproof"
    assert arguments[0] == "probe"
    installed = here.folder / "etc" / "jobproof" / "jobproof.yaml"
    installed.write_text(here.localised(config.read_text(encoding="utf-8")), encoding="utf-8")
    with here.daemon(arguments[1:]) as url:
        with urllib.request.urlopen(f"{url}/-/healthy", timeout=PATIENCE_S) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{url}/metrics", timeout=PATIENCE_S) as answer:
            assert b'target="krea"' in answer.read()


@pytest.mark.parametrize("how", [how for how in STARTED if how != "systemd"])
def test_a_container_is_heard_outside_of_it_and_keeps_its_state(how: str) -> None:
    words, _ = STARTED[how]
    arguments = words()
    assert arguments[arguments.index("--listen") + 1] == "0.0.0.0:9641"
    kept = "STATE_DIRECTORY=/var/lib/jobproof" in RECIPE.read_text(encoding="utf-8")
    assert kept or "--state" in arguments


def test_everything_that_is_copied_into_the_image_is_all_that_its_wheel_needs(
    tmp_path: Path,
) -> None:
    copied = tmp_path / "source"
    copied.mkdir()
    lines = re.findall(r"^COPY (?!--from)(.+)$", RECIPE.read_text(encoding="utf-8"), re.MULTILINE)
    for line in lines:
        *names, to = line.split()
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copied / to, symlinks=True)
            else:
                shutil.copy2(ROOT / name, copied / to)
    with (
        ZipFile(built_wheel(copied, tmp_path / "image")) as image,
        ZipFile(built_wheel(ROOT, tmp_path / "here")) as whole,
    ):
        assert sorted(image.namelist()) == sorted(whole.namelist())


def test_there_is_one_recipe_and_every_place_names_its_image() -> None:
    recipes = [p for p in ROOT.rglob("*") if p.name in ("Containerfile", "Dockerfile")]
    assert [p for p in recipes if ".tox" not in p.parts and ".venv" not in p.parts] == [RECIPE]
    built = re.search(r"podman build -t (\S+)", RECIPE.read_text(encoding="utf-8"))
    assert built is not None
    assert built[1] == pod_container()["image"] == f"jobproof:{version('jobproof')}"
    services = read(COMPOSE)["services"]
    build = services["mock"]["build"]
    context = (COMPOSE.parent / build["context"]).resolve()
    assert (context / build["dockerfile"]).resolve() == RECIPE
    assert services["jobproof"]["image"] == services["mock"]["image"]


def test_the_pod_is_the_user_whose_folders_the_image_has() -> None:
    text = RECIPE.read_text(encoding="utf-8")
    (user,) = re.findall(r"^USER (\d+)$", text, re.MULTILINE)
    assert f"--uid {user}" in text
    pod = read(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == int(user)


def test_programs_of_health_checks_are_on_the_image_s_path() -> None:
    text = RECIPE.read_text(encoding="utf-8")
    assert re.search(r"^ENV PATH=/opt/jobproof/bin:", text, re.MULTILINE)
    (check,) = re.findall(r"^HEALTHCHECK CMD (\[.+\])$", text, re.MULTILINE)
    services = read(COMPOSE)["services"]
    programs = {yaml.safe_load(check)[0], services["jobproof"]["healthcheck"]["test"][1]}
    assert programs == {"python"}  # the environment's own, beside jobproof


def test_the_mock_of_the_example_leaves_a_token_that_the_endpoint_takes(tmp_path: Path) -> None:
    service = read(COMPOSE)["services"]["mock"]
    shell, script, place = service["entrypoint"]
    assert shell == "sh"
    (mounted,) = (v for v in service["volumes"] if f":{script}:" in v)
    file = (COMPOSE.parent / mounted.partition(":")[0]).resolve()
    # The volume is laid over a folder that the image gives to its user, so it is writable.
    assert f"mock:{Path(place).parent}" in service["volumes"]
    assert str(Path(place).parent) in RECIPE.read_text(encoding="utf-8")
    token, port = tmp_path / "token", free_port()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = subprocess.Popen(
        [shell, file, token, str(port)],
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(token.exists)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/jobs", headers={"Authorization": f"Bearer {_text(token)}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.status == 200
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("jobproof")
    assert command.is_file()
    text = unit().replace("/opt/jobproof/bin/jobproof", str(command))
    (tmp_path / "jobproof.service").write_text(text, encoding="utf-8")
    done = run_to_end(tool("systemd-analyze"), "verify", tmp_path / "jobproof.service")
    assert done.returncode == 0, done.stderr
    assert "jobproof" not in done.stderr


def test_the_example_configuration_is_taken_and_described_by_the_schema() -> None:
    path = ROOT / "deploy" / "jobproof.yaml"
    settings = load_settings(path, environment={"KREA_API_TOKEN": "example-token"})
    assert [canary.name for canary in settings.targets[0].canaries][:2] == ["known", "missing"]
    assert jsonschema_rs.validator_for(config_schema()).is_valid(read(path))


def test_systemd_waits_for_the_longest_time_out() -> None:
    assert "TimeoutStopSec=90" in unit()
    assert "StateDirectory=" in unit()
