"""
Rules and dashboards as the objects that the Prometheus operator and Grafana's sidecar read.
"""

from __future__ import annotations

from typing import Any

from jobproof.grafana.alerting.rules import HEADER, rule_groups, write
from jobproof.grafana.settings import DashboardSettings

__all__ = ["dashboard_config_maps", "kubernetes_files", "prometheus_rule"]

Json = dict[str, Any]
NAME = "jobproof"
LABELS = {"app.kubernetes.io/name": NAME}


def kubernetes_files(settings: DashboardSettings, boards: dict[str, str]) -> dict[str, str]:
    """
    Generated manifests by file name; the others in the folder are written by hand.
    """
    maps = dashboard_config_maps(boards)
    return {
        "dashboards.yaml": HEADER + "---\n".join(write(one) for one in maps),
        "prometheusrule.yaml": HEADER + write(prometheus_rule(settings)),
    }


def prometheus_rule(settings: DashboardSettings) -> Json:
    """
    All groups in one PrometheusRule.
    """
    groups = [group for members in rule_groups(settings).values() for group in members]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        # The operator of kube-prometheus-stack selects by its release's name.
        "metadata": {"name": NAME, "labels": {**LABELS, "release": "kube-prometheus-stack"}},
        "spec": {"groups": groups},
    }


def dashboard_config_maps(boards: dict[str, str]) -> list[Json]:
    """
    One ConfigMap a dashboard: together they would come near the limit of 1 MiB.
    """
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name.removesuffix(".json"),
                "labels": {**LABELS, "grafana_dashboard": "1"},
                "annotations": {"grafana_folder": NAME},
            },
            "data": {name: text},
        }
        for name, text in boards.items()
    ]
