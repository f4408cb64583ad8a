"""
`jobproof dashboards` and `jobproof rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import UrlError, parse_url, read_base_url
from jobproof.grafana.settings import DashboardSettings, default_settings

__all__ = ["dashboards", "rules"]

_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write into; it is made if need be.",
)
_CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The daemon's configuration: its targets, SLOs and APIs. No secret is needed.",
)
_KUBERNETES = click.option(
    "--kubernetes", is_flag=True, help="As manifests: ConfigMaps, or a PrometheusRule."
)


@click.command()
@_OUT
@_CONFIG
@_KUBERNETES
def dashboards(out: Path, config: Path | None, kubernetes: bool) -> None:
    """
    Write the Grafana dashboards as JSON.

    Statuses, their colours and thresholds come from the targets in --config, else from
    the ones that jobproof ships with.
    """
    from jobproof.grafana.files import dashboard_files, write_files
    from jobproof.grafana.kubernetes import dashboard_manifest

    files = dashboard_files(_settings(config))
    _say(write_files(out, dashboard_manifest(files) if kubernetes else files))


@click.command()
@_OUT
@_CONFIG
@_KUBERNETES
@click.option("--grafana-url", metavar="URL", help="Where links to dashboards lead.")
@click.option("--runbook-url", metavar="URL", help="Page with the runbooks; #alert is added.")
@click.option("--scrape-job", metavar="NAME", help="Name of the scrape job in prometheus.yml.")
def rules(
    out: Path,
    config: Path | None,
    kubernetes: bool,
    grafana_url: str | None,
    runbook_url: str | None,
    scrape_job: str | None,
) -> None:
    """
    Write the Prometheus recording rules and alerts.
    """
    from jobproof.grafana.alerting.rules import rule_files
    from jobproof.grafana.files import write_files
    from jobproof.grafana.kubernetes import rule_manifest

    settings = _settings(config)
    if grafana_url is not None:
        there = _read("--grafana-url", read_base_url, grafana_url)
        board = f"{there}/d/jobproof-runbooks"
        settings = replace(settings, grafana_url=there, runbook_url=board)
    if runbook_url is not None:
        settings = replace(settings, runbook_url=_read("--runbook-url", _read_page, runbook_url))
    if scrape_job:
        settings = replace(settings, scrape_job=scrape_job)
    _say(write_files(out, rule_manifest(settings) if kubernetes else rule_files(settings)))


def _settings(config: Path | None) -> DashboardSettings:
    if config is None:
        return default_settings()
    from jobproof.grafana.configured import configured_settings

    return configured_settings(config)


def _read(option: str, read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except UrlError as exc:
        raise ConfigError(f"{option} {exc}") from None


def _read_page(text: str) -> str:
    url = parse_url(text)
    if url.fragment is not None:
        raise UrlError("has a fragment", "leave it out, the alert's name is added", text)
    return url.origin + url.path + ("" if url.query is None else f"?{url.query}")


def _say(written: list[Path]) -> None:
    for path in written:
        click.echo(path)
