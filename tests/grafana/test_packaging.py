"""
What surrounds the dashboards: provisioning, examples, compose, Kubernetes; that they agree.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from tests.servers import promtool
from tests.tools import output_of, tool

from jobproof.contract.formats.durations import parse_duration
from jobproof.grafana.cli import dashboards, rules
from jobproof.grafana.files import HOME
from jobproof.grafana.settings import DashboardSettings
from jobproof.probes.config.reader import load_settings

Json = dict[str, Any]


def load(name: str) -> Any:
    return yaml.safe_load((HOME / name).read_text(encoding="utf-8"))


@pytest.fixture
def compose() -> Json:
    return dict(load("example/compose.yaml"))


def test_data_source_counts_in_the_interval_that_prometheus_scrapes_in(
    settings: DashboardSettings,
) -> None:
    source = load("provisioning/datasources/jobproof.yaml")["datasources"][0]
    scraped = load("example/prometheus.yml")
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
    assert scraped["global"]["scrape_interval"] == settings.scrape_interval
    monitor = load("kubernetes/servicemonitor.yaml")["spec"]["endpoints"][0]
    assert monitor["interval"] == settings.scrape_interval


def test_scrape_job_is_the_one_that_alerts_ask_for(settings: DashboardSettings) -> None:
    jobs = [job["job_name"] for job in load("example/prometheus.yml")["scrape_configs"]]
    assert settings.scrape_job in jobs
    monitor = load("kubernetes/servicemonitor.yaml")["spec"]
    service = load("kubernetes/service.yaml")
    assert service["metadata"]["labels"][monitor["jobLabel"]] == settings.scrape_job


def test_dashboards_are_mounted_where_grafana_looks(compose: Json) -> None:
    provider = load("provisioning/dashboards/jobproof.yaml")["providers"][0]
    mounts = dict(v.split(":")[:2] for v in compose["services"]["grafana"]["volumes"])
    assert mounts["../dashboards"] == provider["options"]["path"]
    environment = compose["services"]["grafana"]["environment"]
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(provider["options"]["path"])
    assert (HOME / "dashboards" / Path(home).name).is_file()


def test_every_file_that_compose_mounts_exists(compose: Json) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (HOME / "example" / source).exists(), source
            else:
                assert source in compose["volumes"], source


def test_compose_opens_no_port_to_the_outside(compose: Json) -> None:
    ports = [p for s in compose["services"].values() for p in s.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_pins_images_and_watches_every_service(compose: Json) -> None:
    for name, service in compose["services"].items():
        assert re.search(r":(v?\d+\.\d+\.\d+|local)$", service["image"]), name
        assert service["healthcheck"]["test"][0] == "CMD", name
    assert set(compose["services"]) == {"mock", "jobproof", "prometheus", "alertmanager", "grafana"}


def test_compose_keeps_data_for_longer_than_the_slo_period(
    compose: Json, settings: DashboardSettings
) -> None:
    command = " ".join(compose["services"]["prometheus"]["command"])
    kept = re.search(r"retention\.time=(\w+)", command)
    assert kept is not None
    assert parse_duration(kept[1]) > parse_duration(settings.period)


def test_services_are_called_by_their_names_in_compose(compose: Json) -> None:
    scraped = load("example/prometheus.yml")
    hosts = {scraped["scrape_configs"][0]["static_configs"][0]["targets"][0].split(":")[0]}
    hosts.add(
        scraped["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0].split(":")[0]
    )
    for source in load("provisioning/datasources/jobproof.yaml")["datasources"]:
        hosts.add(source["url"].removeprefix("http://").split(":")[0])
    hosts.add(
        load("example/jobproof.yaml")["targets"][0]["url"].removeprefix("http://").split(":")[0]
    )
    assert hosts <= set(compose["services"])


@pytest.mark.parametrize("name", ["example/jobproof.yaml", "kubernetes/jobproof.yaml"])
def test_the_daemon_takes_the_examples(name: str, tmp_path: Path) -> None:
    text = re.sub(r"token_file: \S+", "token_file: token", (HOME / name).read_text("utf-8"))
    (tmp_path / "token").write_text("t0ken-0123456789", encoding="utf-8")
    (tmp_path / "jobproof.yaml").write_text(text, encoding="utf-8")
    target = load_settings(tmp_path / "jobproof.yaml").targets[0]
    assert (target.name, target.availability, target.latency_s) == ("krea", 0.995, 1.0)


def test_promtool_accepts_the_example(tmp_path: Path) -> None:
    shutil.copytree(HOME / "rules", tmp_path / "rules")
    text = (HOME / "example" / "prometheus.yml").read_text(encoding="utf-8")
    file = tmp_path / "prometheus.yml"
    file.write_text(text.replace("/etc/prometheus/rules", "rules"), encoding="utf-8")
    said = promtool("check", "config", file)
    assert "2 rule files found" in said


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=JobproofErrorBudgetBurn severity=critical", "on-call"),
        ("alertname=JobproofErrorBudgetBurn severity=warning", "team"),
        ("alertname=JobproofContractDrift severity=info", "nobody"),
        ("alertname=JobproofWatchdog severity=none", "dead-mans-switch"),
    ],
)
def test_alerts_are_routed_by_severity(labels: str, receiver: str) -> None:
    config = HOME / "example" / "alertmanager.yml"
    routing = ("config", "routes", "test", f"--config.file={config}")
    printed = output_of(tool("amtool"), *routing, f"--verify.receivers={receiver}", *labels.split())
    assert receiver in printed


MANIFESTS = {"dashboards.yaml": dashboards, "prometheusrule.yaml": rules}


@pytest.fixture
def kustomization(tmp_path: Path) -> Path:
    """
    The folder as `kubectl` gets it, with the manifests that the two commands write.
    """
    folder = tmp_path / "kubernetes"
    shutil.copytree(HOME / "kubernetes", folder, ignore=lambda *_: [*MANIFESTS])
    for name, command in MANIFESTS.items():
        arguments = ["--kubernetes", "--out", str(folder)]
        assert CliRunner().invoke(command, arguments).output == f"{folder / name}\n"
    return folder


def test_manifests_that_are_written_are_not_committed() -> None:
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text(encoding="utf-8").split()
    assert {f"**/grafana/kubernetes/{name}" for name in MANIFESTS} <= {*ignored}


def test_kubernetes_objects_agree_with_each_other(kustomization: Path) -> None:
    resources = load("kubernetes/kustomization.yaml")["resources"]
    objects = [
        o
        for name in resources
        for o in yaml.safe_load_all((kustomization / name).read_text("utf-8"))
    ]
    kinds = {o["kind"] for o in objects}
    assert kinds == {
        *("ConfigMap", "Deployment", "NetworkPolicy", "PrometheusRule", "Service"),
        *("ServiceAccount", "ServiceMonitor"),
    }
    deployment = next(o for o in objects if o["kind"] == "Deployment")["spec"]["template"]
    service = next(o for o in objects if o["kind"] == "Service")
    assert service["spec"]["selector"].items() <= deployment["metadata"]["labels"].items()
    left = {f.name for f in kustomization.iterdir()} - set(resources)
    assert left == {"kustomization.yaml", "jobproof.yaml"}


def test_the_pod_runs_with_no_more_rights_than_it_needs() -> None:
    pod = load("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_config_maps_hold_the_committed_dashboards_and_fit(kustomization: Path) -> None:
    maps = list(yaml.safe_load_all((kustomization / "dashboards.yaml").read_text("utf-8")))
    held = dict(item for one in maps for item in one["data"].items())
    assert held == {file.name: file.read_text("utf-8") for file in HOME.glob("dashboards/*.json")}
    assert all(len(one["data"]) == 1 for one in maps)
    assert max(map(len, held.values())) < 900_000
    assert {one["metadata"]["labels"]["grafana_dashboard"] for one in maps} == {"1"}


def test_the_prometheus_rule_holds_the_committed_rules(kustomization: Path) -> None:
    rule = yaml.safe_load((kustomization / "prometheusrule.yaml").read_text("utf-8"))
    committed = [load(f"rules/jobproof-{part}.yml")["groups"] for part in ("recording", "alerts")]
    assert rule["spec"]["groups"] == [*committed[0], *committed[1]]


def test_pictures_are_small_and_shown() -> None:
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    pictures = sorted((HOME / "pictures").glob("*.png"))
    assert [p.stem for p in pictures] == ["contract", "lifecycle", "overview", "prober", "slo"]
    for picture in pictures:
        assert picture.stat().st_size <= 200_000, picture.name
        assert f"(pictures/{picture.name})" in readme
