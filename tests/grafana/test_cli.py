"""
`jobproof dashboards` and `jobproof rules`, for somebody's own targets and APIs.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.servers import promtool

from jobproof.contract.errors import ConfigError
from jobproof.contract.plugins import find_api
from jobproof.grafana.cli import dashboards, rules
from jobproof.grafana.files import HOME
from jobproof.grafana.settings import FOLLOWED
from jobproof.probes import result


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """
    Two targets: one of an API that is shipped, one of an API that is only a folder.
    """
    folder = tmp_path / "bakery"
    shutil.copytree(find_api("krea").folder, folder)
    profile = folder / "profile.yaml"
    text = profile.read_text(encoding="utf-8")
    document = folder / "openapi.yaml"
    profile.write_text(
        text.replace("api: krea", "api: bakery")
        .replace("sampling", "baking")
        .replace("#a352cc", "#123456"),
        encoding="utf-8",
    )
    document.write_text(document.read_text("utf-8").replace("sampling", "baking"), encoding="utf-8")
    path = tmp_path / "jobproof.yaml"
    path.write_text(
        "targets:\n"
        "  - name: pictures\n"
        "    api: krea\n"
        "    token_env: A_TOKEN_THAT_NOBODY_HAS_SET\n"
        "    slo: {availability: 0.99, latency: 750ms}\n"
        "    requests_per_minute: unlimited\n"
        "    canaries: {missing: {interval: 1m}}\n"
        "  - name: bread\n"
        "    api: ./bakery\n"
        "    url: ${BAKERY_URL}\n"
        "    slo: {availability: 0.999, latency: 2s}\n"
        "    requests_per_minute: unlimited\n"
        "    canaries: {missing: {}}\n",
        encoding="utf-8",
    )
    return path


def test_the_canary_of_followed_jobs_is_named_as_the_daemon_names_it() -> None:
    assert FOLLOWED == result.FOLLOWED


def test_rules_are_written_for_the_configured_targets(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "rules"
    done = CliRunner().invoke(rules, ["--out", str(out), "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert done.output.split() == [
        str(path) for path in (out / "jobproof-recording.yml", out / "jobproof-alerts.yml")
    ]
    assert promtool("check", "rules", *out.iterdir()).count("SUCCESS") == 2
    recording = (out / "jobproof-recording.yml").read_text(encoding="utf-8")
    assert 'target="pictures",le="0.75"' in recording
    assert 'target="bread",le="2.0"' in recording
    assert "vector(0.999)" in recording
    assert "vector(0.001)" in recording
    assert "krea-availability" not in recording
    alerts = (out / "jobproof-alerts.yml").read_text(encoding="utf-8")
    assert '{target="pictures",canary=~"missing"}) > 190' in alerts


def test_dashboards_know_the_words_of_every_configured_api(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "dashboards"
    done = CliRunner().invoke(dashboards, ["--out", str(out), "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert len(list(out.glob("*.json"))) == 6
    board = json.loads((out / "jobproof-lifecycle.json").read_text(encoding="utf-8"))
    text = json.dumps(board)
    assert '"baking"' in text
    assert "#123456" in text
    assert '"sampling"' in text


def test_without_a_configuration_the_committed_files_are_written(tmp_path: Path) -> None:
    for command, folder in ((dashboards, "dashboards"), (rules, "rules")):
        done = CliRunner().invoke(command, ["--out", str(tmp_path / folder)])
        assert done.exit_code == 0, done.output
        written = {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        assert written == {path.name: path.read_bytes() for path in (HOME / folder).iterdir()}


def test_no_file_of_the_daemons_own_machine_is_needed(config: Path, tmp_path: Path) -> None:
    text = config.read_text(encoding="utf-8").replace(
        "token_env: A_TOKEN_THAT_NOBODY_HAS_SET",
        "token_file: /run/secrets/none/token\n    ca_file: /run/secrets/none/ca.pem",
    )
    config.write_text(text, encoding="utf-8")
    for command in (dashboards, rules):
        done = CliRunner().invoke(command, ["--out", str(tmp_path), "--config", str(config)])
        assert (done.exit_code, done.exception) == (0, None), done.output
    assert 'target="pictures"' in (tmp_path / "jobproof-recording.yml").read_text("utf-8")


def test_links_lead_where_one_says(tmp_path: Path) -> None:
    arguments = [
        "--out",
        str(tmp_path),
        "--grafana-url",
        "https://g.example/",
        "--scrape-job",
        "eyes",
    ]
    assert CliRunner().invoke(rules, arguments).exit_code == 0
    text = (tmp_path / "jobproof-alerts.yml").read_text(encoding="utf-8")
    assert "https://g.example/d/jobproof-slo?var-target" in text
    assert "https://g.example/d/jobproof-runbooks#jobproofproberdown" in text
    assert 'up{job="eyes"} == 0' in text


@pytest.mark.parametrize(
    ("option", "url", "message"),
    [
        ("--grafana-url", "g.example", "'g.example' has no scheme: write https://g.example"),
        ("--grafana-url", "https://me:pw@g.example", "holds a user name or password: leave it out"),
        ("--runbook-url", "", "'' is empty: write https://api.example.com"),
        (
            "--runbook-url",
            "https://wiki.example/page#top",
            "'https://wiki.example/page#' has a fragment: leave it out, the alert's name is added",
        ),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(
    tmp_path: Path, option: str, url: str, message: str
) -> None:
    done = CliRunner().invoke(rules, ["--out", str(tmp_path), option, url])
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == f"{option} {message}"


def test_a_page_of_runbooks_may_have_a_query(tmp_path: Path) -> None:
    page = " https://wiki.example/übersicht?page=7 "
    arguments = ["--out", str(tmp_path), "--runbook-url", page]
    assert CliRunner().invoke(rules, arguments).exit_code == 0
    text = (tmp_path / "jobproof-alerts.yml").read_text(encoding="utf-8")
    assert "https://wiki.example/%C3%BCbersicht?page=7#jobproofproberdown" in text


def test_manifests_hold_the_same(config: Path, tmp_path: Path) -> None:
    for command in (dashboards, rules):
        arguments = ["--out", str(tmp_path / "k8s"), "--config", str(config), "--kubernetes"]
        assert CliRunner().invoke(command, arguments).exit_code == 0
    rule = yaml.safe_load((tmp_path / "k8s" / "prometheusrule.yaml").read_text("utf-8"))
    assert rule["kind"] == "PrometheusRule"
    assert "bread" in json.dumps(rule)
    maps = list(yaml.safe_load_all((tmp_path / "k8s" / "dashboards.yaml").read_text("utf-8")))
    assert len(maps) == 6


def test_a_wrong_configuration_is_refused_with_its_line(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text("utf-8").replace("slo:", "slos:", 1), encoding="utf-8")
    done = CliRunner().invoke(rules, ["--out", str(tmp_path / "r"), "--config", str(config)])
    assert isinstance(done.exception, ConfigError)
    assert "jobproof.yaml:5: targets[0].slos: unknown key. Did you mean 'slo'?" in str(
        done.exception
    )
    assert not (tmp_path / "r").exists()
