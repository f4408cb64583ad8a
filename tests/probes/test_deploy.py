"""
The deployment examples do what they say, as far as that can be said without deploying.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import jsonschema_rs
import yaml
from tests.tools import tool

from jobproof.probes.cli import probe
from jobproof.probes.config.reader import load_settings
from jobproof.probes.config.schema import config_schema

DEPLOY = Path(__file__).parents[2] / "deploy"


def options_of(command: list[str]) -> set[str]:
    return {word for word in command if word.startswith("--")}


def known_options() -> set[str]:
    return {name for parameter in probe.params for name in parameter.opts}


def test_the_example_configuration_is_taken() -> None:
    path = DEPLOY / "jobproof.yaml"
    settings = load_settings(path, environment={"KREA_API_TOKEN": "example-token"})
    assert [canary.name for canary in settings.targets[0].canaries][:2] == ["known", "missing"]
    schema = jsonschema_rs.validator_for(config_schema())
    assert schema.is_valid(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_the_unit_starts_a_command_that_exists() -> None:
    unit = (DEPLOY / "jobproof.service").read_text(encoding="utf-8")
    line = re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert line is not None
    command = shlex.split(line[1])
    assert command[1] == "probe"
    assert options_of(command) <= known_options()
    # The daemon ends in order within its longest time-out, which systemd has to wait for.
    assert "TimeoutStopSec=90" in unit
    assert "StateDirectory=" in unit


def test_the_container_starts_a_command_that_exists() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    entry = re.search(r"^ENTRYPOINT (\[.+\])$", text, re.MULTILINE)
    assert entry is not None
    command = json.loads(entry[1])
    assert command[1] == "probe"
    assert options_of(command) <= known_options()
    assert re.search(r"^USER \d+$", text, re.MULTILINE)


def test_prometheus_takes_the_scrape_configuration() -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "config", str(DEPLOY / "prometheus.yml")],
        capture_output=True,
        timeout=30,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
