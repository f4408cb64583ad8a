"""
What is written in one file and meant in another is the same in both: ports, paths, mounts,
names of secrets, alerts and users.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from tests.copied.lines import ROOT, all_lines, container, programs_in

from jobproof.contract.plugins import load_group

DEPLOY = ROOT / "deploy"
KUBERNETES = ROOT / "grafana" / "kubernetes"
EXAMPLE = ROOT / "grafana" / "example"
PROVISIONING = ROOT / "grafana" / "provisioning"
PORT = 9641
HEALTHY = "/-/healthy"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def read(path: Path) -> Any:
    return yaml.safe_load(text(path))


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def within(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)


@pytest.fixture
def pod() -> dict[str, Any]:
    return dict(read(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"])


@pytest.fixture
def services() -> dict[str, Any]:
    return dict(read(EXAMPLE / "compose.yaml")["services"])


class TestKubernetes:
    def test_what_the_daemon_is_told_of_is_mounted(self, pod: dict[str, Any]) -> None:
        (one,) = pod["containers"]
        mounts = {mount["mountPath"]: mount for mount in one["volumeMounts"]}
        config, state = option(one["args"], "--config"), option(one["args"], "--state")
        (target,) = read(KUBERNETES / "jobproof.yaml")["targets"]
        for path in (config, state, target["token_file"]):
            assert any(within(path, mount) for mount in mounts), path
        assert not mounts[state].get("readOnly")
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in mounts.values()} == volumes.keys()
        made = read(KUBERNETES / "kustomization.yaml")["configMapGenerator"][0]
        holder = mounts[str(PurePosixPath(config).parent)]["name"]
        assert volumes[holder]["configMap"]["name"] == made["name"]
        assert PurePosixPath(config).name in made["files"]

    def test_the_secret_is_the_one_that_the_page_has_a_reader_make(
        self, pod: dict[str, Any]
    ) -> None:
        (target,) = read(KUBERNETES / "jobproof.yaml")["targets"]
        (secret,) = (v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v)
        key = PurePosixPath(target["token_file"]).name
        said = text(KUBERNETES / "kustomization.yaml")
        assert f"the secret {secret} with a key `{key}`" in said

    def test_ports_have_one_number_and_one_name(self, pod: dict[str, Any]) -> None:
        (one,) = pod["containers"]
        (port,) = one["ports"]
        assert port_of(option(one["args"], "--listen")) == port["containerPort"] == PORT
        (served,) = read(KUBERNETES / "service.yaml")["spec"]["ports"]
        assert (served["port"], served["targetPort"]) == (PORT, port["name"])
        (let_in,) = read(KUBERNETES / "networkpolicy.yaml")["spec"]["ingress"][0]["ports"]
        (scraped,) = read(KUBERNETES / "servicemonitor.yaml")["spec"]["endpoints"]
        assert let_in["port"] == scraped["port"] == served["name"]
        probes = [one[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")]
        assert [probe["path"] for probe in probes] == [HEALTHY, "/-/ready"]
        assert {probe["port"] for probe in probes} == {port["name"]}

    def test_users_and_accounts_are_those_that_there_are(self, pod: dict[str, Any]) -> None:
        (user,) = re.findall(r"^USER (\d+)$", text(DEPLOY / "Containerfile"), re.MULTILINE)
        security = pod["securityContext"]
        assert {security[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {int(user)}
        account = read(KUBERNETES / "serviceaccount.yaml")
        assert pod["serviceAccountName"] == account["metadata"]["name"]


class TestImage:
    def test_its_folders_and_its_port_are_those_of_its_command(self) -> None:
        recipe = text(DEPLOY / "Containerfile")
        _, command = container(DEPLOY / "Containerfile")
        (state,) = re.findall(r"STATE_DIRECTORY=(\S+)", recipe)
        assert re.findall(r"^VOLUME (\S+)$", recipe, re.MULTILINE) == [state]
        assert re.findall(r"--home-dir (\S+) --create-home (\S+)", recipe) == [(state, "jobproof")]
        assert re.findall(r"^EXPOSE (\d+)$", recipe, re.MULTILINE) == [str(PORT)]
        assert port_of(option(command, "--listen")) == PORT
        assert f"http://127.0.0.1:{PORT}{HEALTHY}" in recipe

    def test_the_command_of_its_page_mounts_what_it_reads(self) -> None:
        line = next(one for one in all_lines() if one.text.startswith("podman run"))
        words = programs_in(line.text)[0]
        _, command = container(DEPLOY / "Containerfile")
        mounts = [after.split(":") for before, after in pairwise(words) if before == "-v"]
        assert mounts[0][0] == "./deploy/jobproof.yaml"
        assert mounts[0][1] == option(command, "--config")
        (state,) = re.findall(r"STATE_DIRECTORY=(\S+)", text(DEPLOY / "Containerfile"))
        assert mounts[1][1] == state
        assert option(words, "-p") == f"127.0.0.1:{PORT}:{PORT}"
        (target,) = read(DEPLOY / "jobproof.yaml")["targets"]
        assert option(words, "--env") == target["token_env"]


class TestCompose:
    def test_what_the_daemon_is_told_of_is_mounted(self, services: dict[str, Any]) -> None:
        daemon, mock = services["jobproof"], services["mock"]
        mounts = dict(volume.split(":")[1::-1] for volume in daemon["volumes"])
        assert mounts[option(daemon["command"], "--config")] == "./jobproof.yaml"
        assert mounts[option(daemon["command"], "--state")] == "state"
        (target,) = read(EXAMPLE / "jobproof.yaml")["targets"]
        token = PurePosixPath(target["token_file"])
        assert mounts[str(token.parent)] == "mock"
        written = PurePosixPath(mock["entrypoint"][-1])
        assert f"mock:{written.parent}" in mock["volumes"]
        assert written.name == token.name
        assert mock["healthcheck"]["test"][-1] == str(written)

    def test_ports_are_those_that_are_listened_on(self, services: dict[str, Any]) -> None:
        daemon = services["jobproof"]
        assert port_of(option(daemon["command"], "--listen")) == PORT
        assert daemon["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
        assert f"http://127.0.0.1:{PORT}{HEALTHY}" in daemon["healthcheck"]["test"][-1]
        (target,) = read(EXAMPLE / "jobproof.yaml")["targets"]
        (default,) = re.findall(r'--port "\$\{2:-(\d+)\}"', text(EXAMPLE / "mock.sh"))
        assert target["url"] == f"http://mock:{default}"
        own = {"prometheus": 9090, "alertmanager": 9093, "grafana": 3000}
        for name, port in own.items():
            assert services[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
            assert f"http://127.0.0.1:{port}/" in services[name]["healthcheck"]["test"][-1]
        page = text(EXAMPLE / "compose.yaml").partition("name:")[0]
        assert {int(port) for port in re.findall(r":(\d{4})\b", page)} == {PORT, *own.values()}

    def test_servers_are_asked_where_they_are(self) -> None:
        sources = read(PROVISIONING / "datasources" / "jobproof.yaml")["datasources"]
        own = {"prometheus": 9090, "alertmanager": 9093}
        assert {urlsplit(s["url"]).hostname: urlsplit(s["url"]).port for s in sources} == own
        (exemplar,) = sources[0]["jsonData"]["exemplarTraceIdDestinations"]
        assert urlsplit(exemplar["url"]).port == PORT
        alertmanagers = read(EXAMPLE / "prometheus.yml")["alerting"]["alertmanagers"]
        assert alertmanagers[0]["static_configs"][0]["targets"] == ["alertmanager:9093"]


def scrapes() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in (DEPLOY / "prometheus.yml", EXAMPLE / "prometheus.yml"):
        yield from ((path.name, job) for job in read(path)["scrape_configs"])
    for block in re.findall(r"```yaml\n(.*?)```", text(ROOT / "docs" / "scaling.md"), re.DOTALL):
        yield from (("scaling.md", job) for job in yaml.safe_load(block).get("scrape_configs", ()))


@pytest.mark.parametrize(("page", "job"), list(scrapes()), ids=str)
def test_a_scrape_asks_the_daemon_where_it_is_and_for_what_there_is(
    page: str, job: dict[str, Any]
) -> None:
    if job["job_name"] == "prometheus":
        return
    asked = [
        *(target for one in job.get("static_configs", ()) for target in one["targets"]),
        *(urlsplit(one["url"]).netloc for one in job.get("http_sd_configs", ())),
        *(
            rule["replacement"]
            for rule in job.get("relabel_configs", ())
            if rule.get("target_label") == "__address__"
        ),
    ]
    assert asked
    assert {port_of(address) for address in asked} == {PORT}
    assert job.get("metrics_path", "/metrics") in ("/metrics", "/probe")
    assert set(job.get("params", {}).get("canary", ())) <= load_group("jobproof.canaries").keys()
    assert all(urlsplit(one["url"]).path == "/-/sd" for one in job.get("http_sd_configs", ()))


def test_inhibited_alerts_exist() -> None:
    rules = read(ROOT / "grafana" / "rules" / "jobproof-alerts.yml")
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    config = read(EXAMPLE / "alertmanager.yml")
    matchers = [matcher for route in config["route"]["routes"] for matcher in route["matchers"]]
    for rule in config["inhibit_rules"]:
        matchers += [*rule["source_matchers"], *rule["target_matchers"]]
    named = [re.findall(r'^alertname!?=~?"(.+)"$', matcher) for matcher in matchers]
    patterns = [pattern for found in named for pattern in _alternatives(found)]
    assert len(patterns) >= 5
    for pattern in patterns:
        assert any(re.fullmatch(pattern, alert) for alert in alerts), pattern


def _alternatives(found: list[str]) -> Iterator[str]:
    """
    What `a|b(c|d)` stands for: a, bc, bd.
    """
    for whole in found:
        for one in re.split(r"\|(?![^(]*\))", whole):
            head, _, rest = one.partition("(")
            inner, _, tail = rest.partition(")")
            yield from (f"{head}{middle}{tail}" for middle in inner.split("|"))


def test_the_unit_starts_what_its_page_has_a_reader_install() -> None:
    unit = text(DEPLOY / "jobproof.service")
    (program,) = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    home = str(PurePosixPath(program).parents[1])
    assert re.findall(r"python3 -m venv (\S+)", unit) == [home]
    assert re.findall(r"(\S+)/bin/pip install", unit) == [home]
    (config,) = re.findall(r"--config (\S+)", unit)
    (secrets,) = re.findall(r"^EnvironmentFile=(\S+)$", unit, re.MULTILINE)
    assert PurePosixPath(secrets).parent == PurePosixPath(config).parent
    (listen,) = re.findall(r"--listen (\S+)", unit)
    scraped = read(DEPLOY / "prometheus.yml")["scrape_configs"][0]["static_configs"]
    assert scraped[0]["targets"] == [listen]
    (target,) = read(DEPLOY / "jobproof.yaml")["targets"]
    assert f"# {target['token_env']}=" in unit


def test_the_workflow_keeps_what_it_writes() -> None:
    steps = read(ROOT / "examples" / "ci" / "contract.yml")["jobs"]["contract"]["steps"]
    (command,) = (" ".join(s["run"].split()) for s in steps if s.get("name"))
    (kept,) = (s["with"]["path"].split() for s in steps if "upload-artifact" in s.get("uses", ""))
    assert sorted(kept) == sorted(re.findall(r"--(?:report|junit|html) (\S+)", command))
