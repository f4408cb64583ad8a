"""
Recording and alerting rules as files that Prometheus, Mimir and the operator load.
"""

from __future__ import annotations

import yaml

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.grafana.alerting.alert import Alert
from jobproof.grafana.alerting.alerts import alert_groups
from jobproof.grafana.alerting.slo import RuleGroup, probe_group, slo_groups
from jobproof.grafana.settings import DashboardSettings

__all__ = ["rule_files", "rule_groups"]

HEADER = "# Written by `jobproof rules`: change its configuration, not this file.\n"


def rule_groups(settings: DashboardSettings) -> dict[str, list[JsonObject]]:
    """
    Groups by the file they belong to.
    """
    recording = [probe_group(), *slo_groups(settings)]
    alerting = alert_groups(settings)
    return {
        "jobproof-recording.yml": [_recording(group) for group in recording],
        "jobproof-alerts.yml": [
            {"name": name, "rules": [_alert(alert, settings) for alert in members]}
            for name, members in alerting.items()
        ],
    }


def rule_files(settings: DashboardSettings) -> dict[str, str]:
    """
    File name and text of every rule file.
    """
    return {
        name: HEADER + write({"groups": groups}) for name, groups in rule_groups(settings).items()
    }


def write(document: Json) -> str:
    """
    YAML that is the same on every run, with queries as readable blocks.
    """
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True, indent=2
    )


class _Dumper(yaml.SafeDumper):
    """
    Blocks for texts of several lines; lists indented under their key.
    """

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """
        Indent lists too, as everybody writes rule files.
        """
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # PyYAML would quote a text of several lines, and nobody could read the query.
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _recording(group: RuleGroup) -> JsonObject:
    rules: list[JsonObject] = []
    for record in group.records:
        rule: JsonObject = {"record": record.name, "expr": record.expr}
        if record.labels:
            rule["labels"] = dict(record.labels)
        rules.append(rule)
    return {"name": group.name, "interval": group.interval, "rules": rules}


def _alert(alert: Alert, settings: DashboardSettings) -> JsonObject:
    board = f"{settings.grafana_url.rstrip('/')}/d/jobproof-{alert.board}"
    if alert.about_a_target:
        board += "?var-target={{ $labels.target }}"
    rule: JsonObject = {"alert": alert.name, "expr": alert.expr}
    if alert.hold != "0s":
        rule["for"] = alert.hold
    rule["labels"] = {"severity": alert.severity, **dict(alert.labels)}
    rule["annotations"] = {
        "summary": alert.summary,
        "description": alert.description,
        "dashboard_url": board,
        "runbook_url": f"{settings.runbook_url}#{alert.name.lower()}",
    }
    return rule
