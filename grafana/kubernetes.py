"""
Rules and dashboards as the objects that the Prometheus operator and Grafana's sidecar read.
"""

from __future__ import annotations

from jobproof.contract.formats.json_value import JsonObject
from jobproof.grafana.alerting.rules import HEADER, rule_groups, write
from jobproof.grafana.settings import DashboardSettings

__all__ = ["dashboard_manifest", "rule_manifest"]

NAME = "jobproof"
LABELS = {"app.kubernetes.io/name": NAME}


def rule_manifest(settings: DashboardSettings) -> dict[str, str]:
    """
    All groups in one PrometheusRule, by file name.
    """
    return {"prometheusrule.yaml": HEADER + write(_prometheus_rule(settings))}


def dashboard_manifest(boards: dict[str, str]) -> dict[str, str]:
    """
    One ConfigMap a dashboard, by file name: together they would come near the limit of 1 MiB.

    Args:
        boards: Every dashboard's JSON, by its own file name.
    """
    maps = (_config_map(name, text) for name, text in boards.items())
    return {"dashboards.yaml": HEADER + "---\n".join(map(write, maps))}


def _prometheus_rule(settings: DashboardSettings) -> JsonObject:
    groups = [group for members in rule_groups(settings).values() for group in members]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        # The operator of kube-prometheus-stack selects by its release's name.
        "metadata": {"name": NAME, "labels": {**LABELS, "release": "kube-prometheus-stack"}},
        "spec": {"groups": groups},
    }


def _config_map(name: str, board: str) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name.removesuffix(".json"),
            "labels": {**LABELS, "grafana_dashboard": "1"},
            "annotations": {"grafana_folder": NAME},
        },
        "data": {name: board},
    }
