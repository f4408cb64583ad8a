"""
Panels of a dashboard in Grafana's classic JSON, each with the question it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from jobproof.contract.formats.json_value import Json, JsonObject

__all__ = [
    "DATASOURCE",
    "JsonObject",
    "Panel",
    "Query",
    "bargauge",
    "fixed_colour",
    "heatmap",
    "override",
    "range_mapping",
    "stat",
    "table",
    "text",
    "threshold_steps",
    "timeline",
    "timeseries",
    "value_mappings",
]

DATASOURCE: JsonObject = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """
    One PromQL query of a panel.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    format: str = "time_series"
    exemplar: bool = False

    def target(self, ref_id: str) -> JsonObject:
        """
        The query as Grafana's Prometheus data source stores it.
        """
        return {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "exemplar": self.exemplar,
            "expr": self.expr,
            "format": self.format,
            "instant": self.instant,
            "legendFormat": self.legend or "__auto",
            "range": not self.instant,
            "refId": ref_id,
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """
    A panel without its place; the dashboard gives ids and places.

    Attributes:
        width: Of the 24 columns.
        defaults: `fieldConfig.defaults`.
        extra: Anything else at the panel's top level.
    """

    kind: str
    title: str
    description: str
    queries: tuple[Query, ...]
    width: int
    options: JsonObject = field(default_factory=dict)
    defaults: JsonObject = field(default_factory=dict)
    overrides: tuple[JsonObject, ...] = ()
    extra: JsonObject = field(default_factory=dict)

    def linked(self, title: str, url: str) -> Panel:
        """
        The same panel; its values lead to `url`.
        """
        link: JsonObject = {"targetBlank": False, "title": title, "url": url}
        return replace(self, defaults={**self.defaults, "links": [link]})

    def build(self, panel_id: int, place: JsonObject) -> JsonObject:
        """
        The panel as JSON.
        """
        made: JsonObject = {
            "description": self.description,
            "gridPos": place,
            "id": panel_id,
            "options": self.options,
            "title": self.title,
            "type": self.kind,
            **self.extra,
        }
        if self.queries:
            made["datasource"] = DATASOURCE
            made["fieldConfig"] = {"defaults": self.defaults, "overrides": list(self.overrides)}
            made["targets"] = [q.target(_ref_id(i)) for i, q in enumerate(self.queries)]
        return made


def _ref_id(index: int) -> str:
    # A to Z, then AA, AB and so on, as Grafana's editor names them.
    first, last = divmod(index, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + last)


def threshold_steps(base: str, *more: tuple[float, str]) -> JsonObject:
    """
    Thresholds: the base colour, then (from this value, colour).
    """
    first: JsonObject = {"color": base, "value": None}
    return {
        "mode": "absolute",
        "steps": [first, *({"color": colour, "value": value} for value, colour in more)],
    }


def value_mappings(mapping: dict[str, tuple[str, str]]) -> list[JsonObject]:
    """
    Value mappings from a value to (text, colour).
    """
    options: JsonObject = {
        value: {"color": colour, "index": index, "text": shown}
        for index, (value, (shown, colour)) in enumerate(mapping.items())
    }
    return [{"options": options, "type": "value"}]


def range_mapping(low: float, high: float, shown: str, colour: str) -> JsonObject:
    """
    A value mapping for a range, both ends included.
    """
    result: JsonObject = {"color": colour, "index": 0, "text": shown}
    return {"options": {"from": low, "result": result, "to": high}, "type": "range"}


def fixed_colour(name: str, colour: str, *, regex: bool = False) -> JsonObject:
    """
    An override that gives one series a fixed colour.
    """
    return {
        "matcher": {"id": "byRegexp" if regex else "byName", "options": name},
        "properties": [{"id": "color", "value": {"fixedColor": colour, "mode": "fixed"}}],
    }


def override(name: str, **properties: Json) -> JsonObject:
    """
    An override of one column or series; `custom__width` stands for `custom.width`.
    """
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [
            {"id": key.replace("__", "."), "value": value} for key, value in properties.items()
        ],
    }


def _field(
    unit: str,
    *,
    no_value: str = "",
    thresholds: JsonObject | None = None,
    mappings: Iterable[JsonObject] = (),
    colour: str = "palette-classic",
    limits: tuple[float | None, float | None] | None = None,
    decimals: int | None = None,
) -> JsonObject:
    # Without limits Grafana fits the axis to the data, and 0.1 % of errors fills the panel.
    if unit == "percentunit" and limits is None:
        limits = (0, 1)
    made: JsonObject = {
        "color": {"mode": colour},
        "mappings": list(mappings),
        # Grafana's own default is red from 80 on, whatever the unit.
        "thresholds": thresholds or threshold_steps("text"),
        "unit": unit,
    }
    if no_value:
        made["noValue"] = no_value
    if decimals is not None:
        made["decimals"] = decimals
    for key, value in zip(("min", "max"), limits or (None, None), strict=True):
        if value is not None:
            made[key] = value
    return made


def stat(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int,
    no_value: str,
    thresholds: JsonObject | None = None,
    mappings: Iterable[JsonObject] = (),
    limits: tuple[float | None, float | None] | None = None,
    decimals: int | None = None,
    background: bool = False,
    named: bool = True,
) -> Panel:
    """
    One big number a series; `background` fills the tile with the colour.
    """
    options: JsonObject = {
        "colorMode": "background" if background else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showPercentChange": False,
        "textMode": "value_and_name" if named else "value",
        "wideLayout": False,
    }
    defaults = _field(
        unit,
        no_value=no_value,
        thresholds=thresholds,
        mappings=mappings,
        colour="thresholds",
        limits=limits,
        decimals=decimals,
    )
    return Panel("stat", title, description, queries, width, options, defaults)


def timeseries(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int,
    stacked: str = "",
    bars: bool = False,
    thresholds: JsonObject | None = None,
    overrides: Iterable[JsonObject] = (),
    limits: tuple[float | None, float | None] | None = None,
    decimals: int | None = None,
    legend_calcs: Sequence[str] = (),
    log: bool = False,
    no_value: str = "",
) -> Panel:
    """
    Lines over time; `stacked` is `normal` or `percent`; thresholds are drawn as lines.
    """
    custom: JsonObject = {
        "axisPlacement": "auto",
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 80 if bars else 65 if stacked else 8,
        "gradientMode": "none",
        "lineInterpolation": "linear",
        # A line on top of a stack paints every series that is zero there.
        "lineWidth": 0 if bars or stacked else 1,
        "pointSize": 4,
        "scaleDistribution": {"log": 10, "type": "log"} if log else {"type": "linear"},
        "showPoints": "never" if stacked or bars else "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": stacked or "none"},
        "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
    }
    options: JsonObject = {
        "legend": {
            "calcs": list(legend_calcs),
            "displayMode": "table" if legend_calcs else "list",
            "placement": "right" if legend_calcs else "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = _field(
        unit, thresholds=thresholds, limits=limits, decimals=decimals, no_value=no_value
    )
    defaults["custom"] = custom
    return Panel(
        "timeseries", title, description, queries, width, options, defaults, tuple(overrides)
    )


def heatmap(title: str, description: str, query: Query, *, unit: str, width: int) -> Panel:
    """
    A Prometheus histogram over time, one row a bucket.
    """
    options: JsonObject = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short"},
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": False,
            "scale": "exponential",
            "scheme": "Oranges",
            "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        # Empty buckets are left blank instead of being painted in the palest colour.
        "filterValues": {"le": 1e-09},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }
    defaults: JsonObject = {"custom": {"scaleDistribution": {"type": "linear"}}, "unit": unit}
    return Panel(
        "heatmap", title, description, (query,), width, options, defaults, (), {"maxDataPoints": 60}
    )


def bargauge(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int,
    no_value: str,
    thresholds: JsonObject | None = None,
    overrides: Iterable[JsonObject] = (),
    limits: tuple[float | None, float | None] | None = None,
) -> Panel:
    """
    One horizontal bar a series, of its last value.
    """
    options: JsonObject = {
        "displayMode": "basic",
        "minVizHeight": 12,
        "minVizWidth": 8,
        "namePlacement": "left",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "sizing": "auto",
        "text": {"titleSize": 13, "valueSize": 15},
        "valueMode": "color",
    }
    defaults = _field(
        unit,
        no_value=no_value,
        thresholds=thresholds,
        colour="thresholds",
        limits=limits or (0, None),
    )
    return Panel(
        "bargauge", title, description, queries, width, options, defaults, tuple(overrides)
    )


def table(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    width: int,
    no_value: str,
    transformations: Sequence[JsonObject],
    overrides: Iterable[JsonObject] = (),
    thresholds: JsonObject | None = None,
    mappings: Iterable[JsonObject] = (),
    sort: str = "",
    decimals: int | None = None,
) -> Panel:
    """
    Rows of labels and values; `sort` names the column that leads, largest first.
    """
    options: JsonObject = {
        "cellHeight": "sm",
        "showHeader": True,
        "sortBy": [{"desc": True, "displayName": sort}] if sort else [],
    }
    defaults = _field(
        unit,
        no_value=no_value,
        thresholds=thresholds,
        mappings=mappings,
        colour="thresholds",
        decimals=decimals,
    )
    defaults["custom"] = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": False,
        "minWidth": 60,
    }
    coloured_numbers = [_COLOURED_NUMBERS] if thresholds else []
    return Panel(
        "table",
        title,
        description,
        queries,
        width,
        options,
        defaults,
        (*coloured_numbers, *overrides),
        {"transformations": list(transformations)},
    )


# By type: thresholds would paint the columns of labels too, in their base colour.
_COLOURED_NUMBERS: JsonObject = {
    "matcher": {"id": "byType", "options": "number"},
    "properties": [
        {"id": "custom.cellOptions", "value": {"mode": "basic", "type": "color-background"}}
    ],
}


def timeline(
    title: str,
    description: str,
    query: Query,
    *,
    width: int,
    mappings: Iterable[JsonObject],
    no_value: str,
) -> Panel:
    """
    States over time, one row a series.
    """
    options: JsonObject = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.85,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    defaults = _field("short", no_value=no_value, mappings=mappings, colour="thresholds")
    defaults["custom"] = {"fillOpacity": 80, "lineWidth": 0}
    return Panel(
        "state-timeline",
        title,
        description,
        (query,),
        width,
        options,
        defaults,
        (),
        {"maxDataPoints": 100},
    )


def text(title: str, description: str, content: str, *, width: int) -> Panel:
    """
    Markdown.
    """
    options: JsonObject = {"content": content, "mode": "markdown"}
    return Panel("text", title, description, (), width, options)
