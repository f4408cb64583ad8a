"""
The dashboards as files: the same on every run, and without the faults that published ones have.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser
import pytest
from tests.grafana.reading import every_panel, every_query, expand, selectors

from jobproof.grafana.files import HOME, committed_files
from jobproof.grafana.settings import DashboardSettings

Json = dict[str, Any]
DRAWN = ("stat", "timeseries", "bargauge", "table", "heatmap", "state-timeline")
BOARDS = ("contract", "lifecycle", "overview", "prober", "runbooks", "slo")
FLAT = {"up", "ALERTS"}


def test_committed_files_are_what_the_generator_writes(settings: DashboardSettings) -> None:
    for name, text in committed_files(settings).items():
        assert (HOME / name).read_text(encoding="utf-8") == text, (
            f"{name} differs: run `python -m jobproof.grafana`"
        )


def test_no_committed_dashboard_is_left_over(settings: DashboardSettings) -> None:
    made = {name for name in committed_files(settings) if name.startswith("dashboards/")}
    assert {f"dashboards/{file.name}" for file in (HOME / "dashboards").iterdir()} == made


def test_generator_says_the_same_twice(settings: DashboardSettings) -> None:
    assert committed_files(settings) == committed_files(settings)


def test_every_status_word_has_its_colour_wherever_statuses_are_drawn(
    settings: DashboardSettings, boards: dict[str, Json]
) -> None:
    words = {status.word: status.colour for status in settings.statuses}
    found = 0
    for query in every_query(boards):
        by_status = query.target["legendFormat"] == "{{job_status}}"
        if query.panel["type"] not in ("timeseries", "bargauge") or not by_status:
            continue
        found += 1
        overrides = query.panel["fieldConfig"]["overrides"]
        colours = {
            o["matcher"]["options"]: o["properties"][0]["value"]["fixedColor"] for o in overrides
        }
        assert colours.pop("unknown"), str(query)
        assert colours == words, str(query)
    assert found >= 4


# -- the rules of Grafana's dashboard-linter, and more ------------------------------------


def _parsed(query: Any) -> Any:
    return promql_parser.parse(expand(query.target["expr"]))


def _datasource_variable(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        found = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
        if [(v["name"], v["label"]) for v in found] != [("datasource", "Data source")]:
            yield uid


def _job_and_instance_variables(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        found = {v["name"]: v for v in board["templating"]["list"]}
        for name in ("job", "instance"):
            one = found.get(name, {})
            right = (
                one.get("type") == "query"
                and one["datasource"]["uid"] == "${datasource}"
                and one["label"] == name.title()
                and one["multi"]
                and one["allValue"] == ".+"
            )
            if not right:
                yield f"{uid}: ${name}"


def _variable_queries_parse(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        for variable in board["templating"]["list"]:
            if variable["type"] != "query":
                continue
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            if not found or variable["definition"] != variable["query"]["query"]:
                yield f"{uid}: ${variable['name']}"
            else:
                promql_parser.parse(expand(found[1]))


def _variables_reload_with_the_time_range(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        for v in board["templating"]["list"]:
            if v["type"] == "query" and v["refresh"] != 2:
                yield f"{uid}: ${v['name']}"


def _panels_use_the_datasource_variable(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        for place in (query.panel, query.target):
            if place["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
                yield str(query)


def _panels_ask_a_question(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        for panel in every_panel(board):
            if panel["type"] not in DRAWN:
                continue
            text = panel.get("description", "")
            if not panel["title"] or len(text) < 40 or text[-1] not in ".?":
                yield f"{uid}: {panel['title']}"


def _panels_have_a_unit_grafana_knows(boards: dict[str, Json]) -> Iterator[str]:
    from grafana_foundation_sdk.models import units

    known = {value for value in vars(units).values() if isinstance(value, str)}
    for query in every_query(boards):
        if query.panel["fieldConfig"]["defaults"].get("unit") not in known:
            yield str(query)


def _panels_have_targets(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        for panel in every_panel(board):
            if panel["type"] in DRAWN and not panel.get("targets"):
                yield f"{uid}: {panel['title']}"


def _queries_parse(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        try:
            _parsed(query)
        except ValueError as exc:
            yield f"{query}: {exc}"


def _rates_use_the_rate_interval(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        windows = re.findall(r"\[([^\]]+)\]", query.target["expr"])
        if any(window != "$__rate_interval" for window in windows):
            yield str(query)


def _selectors_are_scoped(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        for found in selectors(_parsed(query)):
            matchers = {m.name: m.value for m in found.matchers.matchers}
            if ":" in found.name or found.name in ("ALERTS", "sloth_slo_info"):
                scoped = "target" in matchers
            else:
                scoped = matchers.get("job") == ".+" and matchers.get("instance") == ".+"
            if not scoped:
                yield f"{query}: {found.name}"


def _counters_are_rated_before_they_are_summed(boards: dict[str, Json]) -> Iterator[str]:
    # Since the start of the process is what these two say, and say that they do.
    absolute = {"Checks that crashed", "Drift by place"}
    for query in every_query(boards):
        text = re.sub(r"(rate|increase)\([^()]*\)", "", query.target["expr"])
        raw = re.search(r"jobproof_\w+_(total|bucket|sum|count)\b", text)
        if raw and query.panel["title"] not in absolute:
            yield f"{query}: {raw[0]}"


def _boards_are_not_editable(boards: dict[str, Json]) -> Iterator[str]:
    yield from (uid for uid, board in boards.items() if board["editable"] is not False)


def _ids_are_unique(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        ids = Counter(panel["id"] for panel in every_panel(board))
        yield from (f"{uid}: panel id {one}" for one, count in ids.items() if count > 1)
        for panel in every_panel(board):
            refs = Counter(target["refId"] for target in panel.get("targets", ()))
            yield from (f"{uid}: {panel['title']}: {r}" for r, n in refs.items() if n > 1)


def _panels_do_not_overlap(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        taken: dict[tuple[int, int], str] = {}
        for panel in every_panel(board):
            place = panel["gridPos"]
            if place["x"] + place["w"] > 24:
                yield f"{uid}: {panel['title']} is wider than the page"
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    other = taken.setdefault((x, y), panel["title"])
                    if other != panel["title"]:
                        yield f"{uid}: {panel['title']} over {other}"


def _rows_are_full(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        widths: Counter[int] = Counter()
        for panel in every_panel(board):
            widths[panel["gridPos"]["y"]] += panel["gridPos"]["w"]
        yield from (f"{uid}: row {y} is {w} wide" for y, w in widths.items() if w != 24)


def _every_panel_says_what_no_data_means(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        silent = query.panel["type"] == "heatmap"
        if not silent and not query.panel["fieldConfig"]["defaults"].get("noValue"):
            yield str(query)


def _no_default_threshold_is_left(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        limits = query.panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
        if any(step["value"] == 80 for step in limits):
            yield str(query)


def _series_have_names(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        if query.target["format"] != "table" and query.target["legendFormat"] == "__auto":
            yield str(query)


def _legends_name_labels_that_survive(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        for label in re.findall(r"\{\{(\w+)\}\}", query.target["legendFormat"]):
            grouped_by = re.findall(r"by \(([^)]*)\)", query.target["expr"])
            plain = not grouped_by and (
                "{target" in expand(query.target["expr"]) or "process" in query.target["expr"]
            )
            if not plain and not any(label in re.split(r",\s*", k) for k in grouped_by):
                yield f"{query}: {label}"


def _buckets_are_spelled_as_exposed(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        if re.search(r'le="\d+"', query.target["expr"]):
            yield str(query)


def _heatmaps_keep_their_buckets(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        if query.panel["type"] == "heatmap":
            right = query.target["format"] == "heatmap" and "by (le)" in query.target["expr"]
            if not right:
                yield str(query)


def _links_lead_to_a_board(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        for linked in re.findall(r'"/d/([\w-]+)', json.dumps(board)):
            if linked not in boards:
                yield f"{uid}: {linked}"


def _alerts_are_drawn_as_annotations(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        for found in board["annotations"]["list"]:
            promql_parser.parse(expand(found["expr"]))
        if len(board["annotations"]["list"]) != 2:
            yield uid


def _ratios_have_limits(boards: dict[str, Json]) -> Iterator[str]:
    for query in every_query(boards):
        defaults = query.panel["fieldConfig"]["defaults"]
        if defaults.get("unit") == "percentunit" and not {"min", "max"} & defaults.keys():
            yield str(query)


def _boards_are_small(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        queries = sum(1 for _ in every_query({uid: board}))
        if queries > 60 or len(json.dumps(board)) > 500_000:
            yield f"{uid}: {queries} queries"


def _texts_are_unique(boards: dict[str, Json]) -> Iterator[str]:
    for uid, board in boards.items():
        titles = Counter(p["title"] for p in every_panel(board) if p["type"] in DRAWN)
        yield from (f"{uid}: {title}" for title, count in titles.items() if count > 1)


LINT: tuple[Callable[[dict[str, Json]], Iterator[str]], ...] = (
    _datasource_variable,
    _job_and_instance_variables,
    _variable_queries_parse,
    _variables_reload_with_the_time_range,
    _panels_use_the_datasource_variable,
    _panels_ask_a_question,
    _panels_have_a_unit_grafana_knows,
    _panels_have_targets,
    _queries_parse,
    _rates_use_the_rate_interval,
    _selectors_are_scoped,
    _counters_are_rated_before_they_are_summed,
    _boards_are_not_editable,
    _ids_are_unique,
    _panels_do_not_overlap,
    _rows_are_full,
    _every_panel_says_what_no_data_means,
    _no_default_threshold_is_left,
    _series_have_names,
    _legends_name_labels_that_survive,
    _buckets_are_spelled_as_exposed,
    _heatmaps_keep_their_buckets,
    _links_lead_to_a_board,
    _alerts_are_drawn_as_annotations,
    _ratios_have_limits,
    _boards_are_small,
    _texts_are_unique,
)


@pytest.mark.parametrize("rule", LINT, ids=lambda rule: rule.__name__.strip("_"))
def test_lint_finds_nothing(
    rule: Callable[[dict[str, Json]], Iterator[str]], boards: dict[str, Json]
) -> None:
    assert sorted(boards) == [f"jobproof-{name}" for name in BOARDS]
    assert list(rule(boards)) == []


def _set_expr(board: Json, expr: str) -> None:
    board["panels"][0]["targets"][0]["expr"] = expr


MUTATIONS: dict[str, Callable[[Json], object]] = {
    "datasource_variable": lambda b: b["templating"]["list"].pop(0),
    "job_and_instance_variables": lambda b: b["templating"]["list"].pop(1),
    "variable_queries_parse": lambda b: b["templating"]["list"][1].update(
        definition="label_values("
    ),
    "variables_reload_with_the_time_range": lambda b: b["templating"]["list"][1].update(refresh=1),
    "panels_use_the_datasource_variable": lambda b: b["panels"][0].update(datasource="x"),
    "panels_ask_a_question": lambda b: b["panels"][0].update(description=""),
    "panels_have_a_unit_grafana_knows": lambda b: b["panels"][0]["fieldConfig"]["defaults"].update(
        unit="furlong"
    ),
    "panels_have_targets": lambda b: b["panels"][0].update(targets=[]),
    "queries_parse": lambda b: _set_expr(b, "sum(rate(x[5m])"),
    "rates_use_the_rate_interval": lambda b: _set_expr(b, "rate(x[5m])"),
    "selectors_are_scoped": lambda b: _set_expr(b, "up"),
    "counters_are_rated_before_they_are_summed": lambda b: _set_expr(
        b, "sum(jobproof_probes_total)"
    ),
    "boards_are_not_editable": lambda b: b.update(editable=True),
    "ids_are_unique": lambda b: b["panels"][0].update(id=b["panels"][1]["id"]),
    "panels_do_not_overlap": lambda b: b["panels"][1]["gridPos"].update(x=0),
    "rows_are_full": lambda b: b["panels"][0]["gridPos"].update(w=1),
    "every_panel_says_what_no_data_means": lambda b: b["panels"][0]["fieldConfig"][
        "defaults"
    ].update(noValue=""),
    "no_default_threshold_is_left": lambda b: b["panels"][0]["fieldConfig"]["defaults"].update(
        thresholds={"steps": [{"value": 80}]}
    ),
    "series_have_names": lambda b: b["panels"][0]["targets"][0].update(legendFormat="__auto"),
    "legends_name_labels_that_survive": lambda b: b["panels"][0]["targets"][0].update(
        legendFormat="{{gone}}"
    ),
    "buckets_are_spelled_as_exposed": lambda b: _set_expr(b, 'x_bucket{le="1"}'),
    "heatmaps_keep_their_buckets": lambda b: b["panels"][0].update(type="heatmap"),
    "links_lead_to_a_board": lambda b: b["panels"][0].update(links=[{"url": "/d/nowhere"}]),
    "alerts_are_drawn_as_annotations": lambda b: b["annotations"]["list"].pop(),
    "ratios_have_limits": lambda b: [
        b["panels"][0]["fieldConfig"]["defaults"].pop(key, None) for key in ("min", "max")
    ],
    "boards_are_small": lambda b: b["panels"][0].update(targets=b["panels"][0]["targets"] * 70),
    "texts_are_unique": lambda b: b["panels"][0].update(title=b["panels"][1]["title"]),
}


@pytest.mark.parametrize("rule", LINT, ids=lambda rule: rule.__name__.strip("_"))
def test_each_rule_finds_the_fault_that_it_is_there_for(
    rule: Callable[[dict[str, Json]], Iterator[str]], boards: dict[str, Json]
) -> None:
    mutated = json.loads(json.dumps(boards["jobproof-overview"]))
    MUTATIONS[rule.__name__.strip("_")](mutated)
    assert list(rule({"jobproof-overview": mutated}))


# -- Grafana's own schema -----------------------------------------------------------------


def _lost_keys(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    if isinstance(ours, dict):
        for key, value in ours.items():
            if not isinstance(theirs, dict) or key not in theirs:
                # What says nothing may be dropped; a key that says something may not.
                if value not in (None, "", [], {}, False, 0):
                    yield f"{at}/{key}"
            else:
                yield from _lost_keys(value, theirs[key], f"{at}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        for index, value in enumerate(ours):
            yield from _lost_keys(
                value, theirs[index] if index < len(theirs) else None, f"{at}/{index}"
            )


def _round_trip(board: Json) -> Json:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins

    with warnings.catch_warnings():
        # The classic format is "deprecated" there in favour of one that older Grafanas can't read.
        warnings.simplefilter("ignore", DeprecationWarning)
        from grafana_foundation_sdk.models import dashboard

        register_default_plugins()
        model = dashboard.Dashboard.from_json(board)
    return dict(json.loads(JSONEncoder(sort_keys=True).encode(model)))


def test_grafanas_schema_knows_every_key(boards: dict[str, Json]) -> None:
    for uid, board in boards.items():
        assert list(_lost_keys(board, _round_trip(board))) == [], uid


def test_a_key_that_grafana_does_not_know_is_seen(boards: dict[str, Json]) -> None:
    mutated = json.loads(json.dumps(boards["jobproof-overview"]))
    mutated["panels"][0]["options"]["colourMode"] = "background"
    assert list(_lost_keys(mutated, _round_trip(mutated))) == ["/panels/0/options/colourMode"]
