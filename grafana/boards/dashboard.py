"""
A whole dashboard: variables, links, alert annotations, and panels put in their places.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from jobproof.contract.formats.json_value import JsonObject
from jobproof.grafana.boards.panels import DATASOURCE, Panel
from jobproof.grafana.promql import metric_name

__all__ = ["TAG", "Dashboard", "PanelRow", "Row", "Variable", "encode"]

TAG = "jobproof"
SCHEMA_VERSION = 42
COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Variable:
    """
    A drop-down filled from a label's values.

    Attributes:
        label: What the page calls it.
        series: Short name of the metric whose label is read, or a recorded series.
        source_label: The label.
        matching: Matchers of the series, in braces.
        multi: Several values at once, and All.
        default: Chosen at first where it isn't `multi`.
    """

    name: str
    label: str
    series: str
    source_label: str
    matching: str = ""
    multi: bool = True
    default: str = ""

    def build(self) -> JsonObject:
        """
        The variable as JSON.
        """
        series = self.series if ":" in self.series else metric_name(self.series)
        query = f"label_values({series}{self.matching}, {self.source_label})"
        all_values: JsonObject = {"selected": True, "text": ["All"], "value": ["$__all"]}
        chosen: JsonObject = {"selected": True, "text": self.default, "value": self.default}
        made: JsonObject = {
            "current": all_values if self.multi else chosen,
            "datasource": DATASOURCE,
            "definition": query,
            "hide": 0,
            "includeAll": self.multi,
            "label": self.label,
            "multi": self.multi,
            "name": self.name,
            "options": [],
            "query": {"qryType": 1, "query": query, "refId": f"Variable-{self.name}"},
            # When the time range changes: an old range has targets that today's hasn't.
            "refresh": 2,
            "regex": "",
            "sort": 1,
            "type": "query",
        }
        if self.multi:
            # Grafana would list every value otherwise: a long query, and none that is new.
            made["allValue"] = ".+"
        return made


@dataclass(frozen=True, slots=True)
class PanelRow:
    """
    Panels of one height, side by side.
    """

    height: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """
    Rows of panels under a heading; without a title they have none and can't be collapsed.
    """

    title: str
    panel_rows: tuple[PanelRow, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """
    One dashboard.

    Attributes:
        start: Left end of its time range, as Grafana writes it.
    """

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    start: str = "now-6h"
    refresh: str = "30s"

    def build(self) -> JsonObject:
        """
        The dashboard in the classic JSON format, ready for file provisioning or import.
        """
        return {
            "annotations": {"list": _annotations()},
            "description": self.description,
            # What is changed on the page is lost with the next provisioning.
            "editable": False,
            "fiscalYearStartMonth": 0,
            # A shared crosshair: the same moment is marked on every panel.
            "graphTooltip": 1,
            "links": [_dashboard_links()],
            "panels": self._panels(),
            "refresh": self.refresh,
            "schemaVersion": SCHEMA_VERSION,
            "tags": [TAG, "generated"],
            "templating": {"list": [_datasource(), *(v.build() for v in self.variables)]},
            "time": {"from": self.start, "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "title": self.title,
            "uid": self.uid,
            "weekStart": "",
        }

    def _panels(self) -> list[JsonObject]:
        made: list[JsonObject] = []
        next_id, y = 1, 0
        for row in self.rows:
            # Grafana keeps the panels of a collapsed row inside of it, of an open one beside it.
            collapsed_panels: list[JsonObject] = []
            if row.title:
                made.append(_heading(row, next_id, y, collapsed_panels))
                next_id, y = next_id + 1, y + 1
            into = collapsed_panels if row.title and row.collapsed else made
            for panel_row in row.panel_rows:
                x = 0
                for panel in panel_row.panels:
                    place: JsonObject = {"h": panel_row.height, "w": panel.width, "x": x, "y": y}
                    into.append(panel.build(next_id, place))
                    next_id, x = next_id + 1, x + panel.width
                y += panel_row.height
        return made


def encode(document: JsonObject) -> str:
    """
    JSON text that is the same on every run and every machine.
    """
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _heading(row: Row, panel_id: int, y: int, collapsed_panels: list[JsonObject]) -> JsonObject:
    return {
        "collapsed": row.collapsed,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        "id": panel_id,
        "panels": collapsed_panels,
        "title": row.title,
        "type": "row",
    }


def _datasource() -> JsonObject:
    return {
        "current": {},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "type": "datasource",
    }


def _dashboard_links() -> JsonObject:
    return {
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "jobproof dashboards",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }


def _annotations() -> list[JsonObject]:
    return [
        _alerts("Critical alerts", "critical", "red"),
        _alerts("Warnings", "warning", "orange"),
    ]


def _alerts(name: str, severity: str, colour: str) -> JsonObject:
    chosen = f'alertname=~"Jobproof.+",alertstate="firing",severity="{severity}"'
    # Alerts about the prober itself carry no target: the empty alternative keeps them.
    return {
        "datasource": DATASOURCE,
        "enable": True,
        "expr": f'max by (alertname, target) (ALERTS{{{chosen},target=~"$target|"}})',
        "hide": False,
        "iconColor": colour,
        "name": name,
        "step": "60s",
        "tagKeys": "alertname,target",
        "textFormat": "{{target}}",
        "titleFormat": "{{alertname}}",
        "useValueForTime": False,
    }
