"""
Every query of every panel, run on a real Prometheus as Grafana would run it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.grafana.reading import PanelQuery, every_query, expand, span_s, step_of
from tests.servers import Prometheus, promtool
from tests.tools import run_to_end, tool

from jobproof.grafana.settings import DashboardSettings

pytestmark = [pytest.mark.ladder, pytest.mark.xdist_group("month")]

Json = dict[str, Any]
QUIET_NOW = {
    "Firing alerts": "no alert fires in a past that was written without rules",
}
"""Panels that may be empty after a month, and why."""

NOTHING_YET = {
    "Failed probes by outcome": "nothing failed",
    "Broken promises by check": "nothing was broken",
    "Drift by place": "nothing new was seen",
    "Drift over time": "nothing new was seen",
    "Firing alerts": "nothing fires",
    "Jobs that ended, by how": "no job ends within a minute",
    "Time spent in a status, p95": "no job left a status yet",
    "Time from creation to the end": "no job ended yet",
    "Statuses read in answers, share": "needs two answers",
}
"""Panels that may be empty one minute after the start, beside those on recorded series."""

# What a value of a unit may be, seconds since whenever included.
PLAUSIBLE = {
    "percentunit": (-3.0, 1.0001),
    "s": (-5.0, 120 * 86_400.0),
    "dtdurations": (0.0, 120 * 86_400.0),
    "reqps": (0.0, 100.0),
    "cps": (0.0, 100.0),
    "bytes": (0.0, 1e10),
    "none": (0.0, 1e4),
    "short": (0.0, 1e5),
    "locale": (0.0, 1e6),
}


def ask(server: Prometheus, board: Json, query: PanelQuery, now: float) -> list[Any]:
    """
    What the panel gets: one value a series, or values over the dashboard's range.
    """
    step = step_of(board, query.panel)
    text = expand(query.target["expr"], step_s=step)
    if query.target["instant"]:
        return server.instant(text, now)
    return server.over(text, start=now - span_s(board), end=now, step=step)


def values(series: Json) -> list[float]:
    """
    The numbers of one series.
    """
    points = series["values"] if "values" in series else [series["value"]]
    return [float(value) for _, value in points]


def test_after_a_month_every_panel_shows_plausible_values(
    boards: dict[str, Json], old: Prometheus, now: float
) -> None:
    empty, wrong = [], []
    for query in every_query(boards):
        found = ask(old, boards[query.board], query, now)
        if not found and query.panel["title"] not in QUIET_NOW:
            empty.append(str(query))
        unit = query.panel["fieldConfig"]["defaults"]["unit"]
        low, high = PLAUSIBLE[unit]
        for series in found:
            numbers = values(series)
            # A percentile of a window without observations is NaN, which Grafana leaves out.
            real = [n for n in numbers if not math.isnan(n)]
            if not real:
                wrong.append(f"{query}: only NaN")
            elif not (low <= min(real) and max(real) <= high):
                wrong.append(f"{query}: {min(real)} to {max(real)} {unit}")
    assert empty == []
    assert wrong == []


def test_a_panel_that_may_be_empty_exists(boards: dict[str, Json]) -> None:
    titles = {query.panel["title"] for query in every_query(boards)}
    assert QUIET_NOW.keys() | NOTHING_YET.keys() <= titles


def test_single_values_are_single_for_one_target(
    boards: dict[str, Json], old: Prometheus, now: float
) -> None:
    for query in every_query(boards):
        if query.panel["type"] in ("stat", "bargauge"):
            assert len(ask(old, boards[query.board], query, now)) == 1, str(query)


def test_one_minute_after_the_start_nothing_errs_and_nothing_alarms(
    boards: dict[str, Json], young: Prometheus, now: float
) -> None:
    empty = []
    for query in every_query(boards):
        found = ask(young, boards[query.board], query, now)
        recorded = ":" in query.target["expr"]
        if not found and not recorded and query.panel["title"] not in NOTHING_YET:
            empty.append(str(query))
        if query.panel["type"] == "stat":
            numbers = [n for series in found for n in values(series)]
            assert not any(math.isnan(n) or math.isinf(n) for n in numbers), str(query)
            assert not numbers or _colour(query, numbers[0]) != "red", str(query)
    assert empty == []


def _colour(query: PanelQuery, value: float) -> str:
    reached = [
        step["color"]
        for step in query.panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        if step["value"] is None or value >= step["value"]
    ]
    return str(reached[-1])


def test_dashboards_drop_downs_are_filled(
    boards: dict[str, Json], old: Prometheus, settings: DashboardSettings
) -> None:
    for board in boards.values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                series, label = variable["query"]["query"][len("label_values(") : -1].rsplit(
                    ", ", 1
                )
                found = old.ask(f"label/{label}/values", **{"match[]": expand(series)})
                assert found, variable["name"]
                if label == "target":
                    assert found == [target.name for target in settings.targets]


def test_the_month_shows_the_incidents_that_were_put_into_it(old: Prometheus, now: float) -> None:
    def at(hours: float, expression: str) -> float:
        return float(old.instant(expression, now - hours * 3600)[0]["value"][1])

    errors = 'slo:sli_error:ratio_rate5m{sloth_slo="availability"}'
    assert at(2.65, errors) > 0.15
    assert at(8.0, errors) == 0.0
    slow = 'slo:sli_error:ratio_rate5m{sloth_slo="latency"}'
    assert at(4.4, slow) > 0.2
    left = 'slo:period_error_budget_remaining:ratio{sloth_slo="availability"}'
    assert 0.3 < at(0.0, left) < 0.95
    assert at(0.0, left) < at(4.0, left)


def test_this_promtool_accepts_every_query(boards: dict[str, Json], tmp_path: Path) -> None:
    rules = [
        {"record": f"query:number:{index}", "expr": expand(query.target["expr"])}
        for index, query in enumerate(every_query(boards))
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


def test_promtool_refuses_a_query_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "queries.yml"
    file.write_text("groups: [{name: a, rules: [{record: a, expr: 'sum(rate(x[5m])'}]}]")
    assert run_to_end(tool("promtool"), "check", "rules", file).returncode != 0
