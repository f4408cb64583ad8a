"""
Which promises are broken, where, since when; and how much was looked at?
"""

from __future__ import annotations

from jobproof.grafana.boards.dashboard import Dashboard, PanelRow, Row
from jobproof.grafana.boards.lifecycle import by_status, status_colours
from jobproof.grafana.boards.panels import (
    Panel,
    Query,
    bargauge,
    fixed_colour,
    override,
    stat,
    table,
    threshold_steps,
    timeseries,
)
from jobproof.grafana.boards.variables import COMMON
from jobproof.grafana.promql import BOARD, sum_by
from jobproof.grafana.settings import DashboardSettings

__all__ = ["board"]

FINDINGS_1D = "target_check_kind:jobproof_contract_findings:increase1d"
KIND_COLOURS = (
    fixed_colour("violation", "red"),
    fixed_colour("gap", "blue"),
    fixed_colour("drift", "orange"),
    fixed_colour("inconclusive", "#8e8e8e"),
)


def board(settings: DashboardSettings) -> Dashboard:
    """
    The dashboard about what answers say, not about how fast they come.
    """
    return Dashboard(
        uid="jobproof-contract",
        title="jobproof: contract",
        description=(
            "Every check against every target: broken promises, gaps in the document, drift, "
            "and how much of the contract was reached at all."
        ),
        variables=COMMON,
        rows=(
            Row(
                "",
                (
                    PanelRow(4, _tiles()),
                    PanelRow(12, (_matrix(), _violations_by_check(), _by_kind())),
                ),
            ),
            Row("New and allowed", (PanelRow(8, (_drift(), _drift_over_time())),)),
            Row(
                "What was reached",
                (PanelRow(9, (_codes(), _statuses(settings), _documents())),),
            ),
        ),
        start="now-24h",
    )


def _tiles() -> tuple[Panel, ...]:
    def finding_stat(kind: str, title: str, question: str, colour: str) -> Panel:
        return stat(
            f"{title}, 24 h",
            question,
            Query(
                sum_by("target", BOARD.recorded(FINDINGS_1D, kind=kind)), "{{target}}", instant=True
            ),
            unit="locale",
            width=5,
            no_value="no rules loaded",
            thresholds=threshold_steps("green", (0.5, colour)),
            decimals=0,
            background=kind == "violation",
        )

    # The raw counter, not increase(): a series that is born at 1 has no increase, and a single
    # crash must be seen.
    crashed = BOARD.select("check_crashes_total")
    return (
        finding_stat(
            "violation",
            "Broken promises",
            "How often did an answer break the contract in the last 24 hours?",
            "red",
        ),
        finding_stat(
            "drift",
            "Drift",
            "How often did answers hold something new that is allowed? Worth reading before "
            "clients depend on it.",
            "orange",
        ),
        finding_stat(
            "gap",
            "Gaps in the document",
            "How often was the answer right but not described by the API's document?",
            "blue",
        ),
        finding_stat(
            "inconclusive",
            "Inconclusive",
            "How often could nothing be said: the endpoint was down, or told us to come back?",
            "blue",
        ),
        stat(
            "Checks that crashed",
            "Are the checks themselves sound? How many of them have crashed or hung, and judged "
            "nothing, since the prober started?",
            Query(f"sum({sum_by('check', crashed)} > bool 0)", "checks", instant=True),
            unit="short",
            width=4,
            no_value="0",
            thresholds=threshold_steps("green", (0.5, "red")),
            decimals=0,
            named=False,
        ),
    )


def _matrix() -> Panel:
    findings = BOARD.recorded(FINDINGS_1D, kind="violation")
    return table(
        "Checks and targets: broken promises, 24 h",
        "Which check fails at which target? One row a check; green held in the last 24 hours, "
        "red was broken so many times. Broken ones lead the list.",
        Query(sum_by("check, target", findings), instant=True, format="table"),
        unit="locale",
        width=10,
        no_value="-",
        transformations=[
            {
                "id": "sortBy",
                "options": {"fields": {}, "sort": [{"desc": True, "field": "Value"}]},
            },
            {
                "id": "groupingToMatrix",
                "options": {"columnField": "target", "rowField": "check", "valueField": "Value"},
            },
        ],
        overrides=[
            override(
                "check\\target",
                displayName="Check",
                custom__width=330,
            )
        ],
        thresholds=threshold_steps("semi-dark-green", (0.5, "semi-dark-red")),
        decimals=0,
    )


def _violations_by_check() -> Panel:
    findings = BOARD.increase("contract_findings_total", kind="violation")
    return timeseries(
        "Broken promises by check",
        "When did which check begin to fail, and does it still? Only checks that found something "
        "are shown, so an empty panel is good news.",
        Query(f"{sum_by('check', findings)} > 0", "{{check}}"),
        unit="short",
        width=8,
        stacked="normal",
        bars=True,
        limits=(0, None),
        no_value="none broken",
    )


def _by_kind() -> Panel:
    findings = BOARD.increase("contract_findings_total")
    return timeseries(
        "Findings by kind",
        "What sort of news comes in? Red is broken promises; grey is an endpoint about which "
        "nothing could be said.",
        Query(sum_by("kind", findings), "{{kind}}"),
        unit="short",
        width=6,
        stacked="normal",
        bars=True,
        overrides=KIND_COLOURS,
        limits=(0, None),
        no_value="no findings",
    )


def _drift() -> Panel:
    return table(
        "Drift by place",
        "What is new in answers, and where in the body? Counted since the prober started; the "
        "places that vendors make up are held to 50.",
        Query(
            f"{sum_by('target, drift, pointer', BOARD.select('contract_drift_total'))} > 0",
            instant=True,
            format="table",
        ),
        unit="locale",
        width=12,
        no_value="nothing new",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {"target": 0, "drift": 1, "pointer": 2, "Value": 3},
                    "renameByName": {
                        "Value": "Answers",
                        "drift": "What",
                        "pointer": "Where",
                        "target": "Target",
                    },
                },
            }
        ],
        sort="Answers",
        decimals=0,
    )


def _drift_over_time() -> Panel:
    return timeseries(
        "Drift over time",
        "When did something new begin? A step from nothing is a release at the vendor's.",
        Query(sum_by("drift", BOARD.increase("contract_drift_total")), "{{drift}}"),
        unit="short",
        width=12,
        stacked="normal",
        bars=True,
        limits=(0, None),
        no_value="nothing new",
    )


def _codes() -> Panel:
    responses = BOARD.recorded("target_canary_code:jobproof_http_responses:increase1d")
    return table(
        "Codes reached, 24 h",
        "Which kinds of answers did the checks get to see? Columns are HTTP codes; a canary "
        "without numbers has proven nothing.",
        Query(f"{sum_by('canary, code', responses)} > 0", instant=True, format="table"),
        unit="locale",
        width=9,
        no_value="-",
        transformations=[
            {
                "id": "groupingToMatrix",
                "options": {"columnField": "code", "rowField": "canary", "valueField": "Value"},
            }
        ],
        overrides=[override("canary\\code", displayName="Canary", custom__width=110)],
        thresholds=threshold_steps("transparent", (0.5, "semi-dark-blue")),
        decimals=0,
    )


def _statuses(settings: DashboardSettings) -> Panel:
    recorded = "target_status:jobproof_job_status_observations:increase1d"
    return bargauge(
        "Job statuses reached, 24 h",
        "Which statuses were seen, so that their promises were tested at all? A status at zero "
        "is untested, not healthy.",
        *by_status(settings.words, lambda word: BOARD.recorded(recorded, job_status=word)),
        unit="locale",
        width=7,
        no_value="no rules loaded",
        overrides=status_colours(settings),
    )


def _documents() -> Panel:
    return table(
        "Documents in force",
        "Which version of the contract are answers held to? The digest changes with the meaning "
        "of the operation, not with prose.",
        Query(
            f"max by (target, api, openapi_version, spec_sha256) ({BOARD.select('contract_info')})",
            instant=True,
            format="table",
        ),
        unit="none",
        width=8,
        no_value="no prober",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "Value": True},
                    "indexByName": {
                        "target": 0,
                        "api": 1,
                        "openapi_version": 2,
                        "spec_sha256": 3,
                    },
                    "renameByName": {
                        "api": "API",
                        "openapi_version": "OpenAPI",
                        "spec_sha256": "Digest",
                        "target": "Target",
                    },
                },
            }
        ],
    )
