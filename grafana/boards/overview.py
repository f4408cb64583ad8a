"""
Is the endpoint healthy? If not: since when, for whom, and where does it hurt?
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobproof.contract.formats.json_value import JsonObject
from jobproof.grafana.alerting.slo import sli
from jobproof.grafana.boards.dashboard import Dashboard, PanelRow, Row
from jobproof.grafana.boards.panels import (
    Panel,
    Query,
    fixed_colour,
    heatmap,
    override,
    range_mapping,
    stat,
    table,
    threshold_steps,
    timeline,
    timeseries,
    value_mappings,
)
from jobproof.grafana.boards.variables import CANARY, COMMON, dashboard_link
from jobproof.grafana.promql import BOARD, any_of, quantile, ratio, sum_by
from jobproof.grafana.settings import DashboardSettings

__all__ = ["board"]

SCOPE = replace(BOARD, if_labelled=(*BOARD.if_labelled, ("canary", "=~$canary")))
# The empty alternative keeps alerts about the prober itself, which have no target.
FIRING = (
    'ALERTS{alertname=~"Jobproof.+",alertname!="JobproofWatchdog",'
    'alertstate="firing",target=~"$target|"}'
)
FIRING_SEVERE = FIRING.replace("}", ',severity=~"critical|warning"}')
OUTCOME_COLOURS = (
    fixed_colour("violation", "purple"),
    fixed_colour("not_found", "orange"),
    fixed_colour("server_error", "dark-red"),
    fixed_colour("unexpected_code", "light-red"),
    fixed_colour("timeout", "dark-orange"),
    fixed_colour("connect", "dark-yellow"),
    fixed_colour("auth", "blue"),
    fixed_colour("rate_limited", "light-orange"),
    fixed_colour("internal", "#8e8e8e"),
)


def board(settings: DashboardSettings) -> Dashboard:
    """
    The dashboard to open first.
    """
    return Dashboard(
        uid="jobproof-overview",
        title="jobproof: overview",
        description=(
            "Whether the job endpoint keeps its promises: health and error budget first, then "
            "answers, latency and the denied jobs that should and shouldn't be denied."
        ),
        variables=(*COMMON, CANARY),
        rows=(
            Row("", (PanelRow(5, _tiles(settings)),)),
            Row(
                "What is wrong",
                (
                    PanelRow(7, (_canaries(), _firing())),
                    PanelRow(8, (_codes(settings), _failures(), _error_ratio())),
                ),
            ),
            Row("Latency", (PanelRow(8, (_percentiles(settings), _latency_map(), _phases())),)),
            Row(
                f"{_denials(settings)} and undocumented codes",
                (PanelRow(7, (_not_found(settings), _undocumented(settings), _last_success())),),
            ),
        ),
    )


def _tiles(settings: DashboardSettings) -> tuple[Panel, ...]:
    health = stat(
        "Health now",
        "Is the endpoint answering as promised right now? Share of right answers over the last "
        "few probes: all right is HEALTHY, at least half is DEGRADED, fewer is DOWN.",
        Query(_success_ratio(settings), "{{target}}", instant=True),
        unit="percentunit",
        width=6,
        no_value="NO PROBES",
        # Not 1: sums of rates may miss it by a rounding error.
        thresholds=threshold_steps("red", (0.5, "orange"), (0.9999, "green")),
        mappings=[
            range_mapping(0.9999, 1.1, "HEALTHY", "green"),
            range_mapping(0.5, 0.9999, "DEGRADED", "orange"),
            range_mapping(0, 0.5, "DOWN", "red"),
        ],
        background=True,
    )
    return (
        health.linked("SLO details", dashboard_link("slo")),
        _alert_count(),
        _availability(settings),
        _budget(),
        _p95(settings),
        _violations(),
    )


def _success_ratio(settings: DashboardSettings) -> str:
    successes = sum_by("target", SCOPE.rate("probes_total", outcome="ok"))
    counted = "!~" + any_of(list(settings.not_the_endpoint))
    return ratio(successes, sum_by("target", SCOPE.rate("probes_total", outcome=counted)))


def _alert_count() -> Panel:
    return stat(
        "Alerts firing",
        "Is somebody being woken? Number of critical and warning alerts that fire for the chosen "
        "targets or for the prober itself. Zero is also shown when no rules are loaded.",
        Query(
            f"count({FIRING_SEVERE}) or vector(0)",
            "alerts",
            instant=True,
        ),
        unit="none",
        width=3,
        no_value="0",
        thresholds=threshold_steps("green", (1, "red")),
        decimals=0,
        background=True,
        named=False,
    )


def _availability(settings: DashboardSettings) -> Panel:
    return stat(
        f"Availability, {settings.period}",
        f"How much of the SLO period's probes were right? The objective is "
        f"{settings.objective * 100:g} %; red is below it.",
        Query(
            f"1 - {BOARD.recorded(sli(settings.period), sloth_slo='availability')}",
            "{{target}}",
            instant=True,
        ),
        unit="percentunit",
        width=4,
        no_value="no rules loaded",
        thresholds=threshold_steps("red", (settings.objective, "green")),
        decimals=2,
    ).linked("SLO details", dashboard_link("slo"))


def _budget() -> Panel:
    return stat(
        "Error budget left",
        "How much of the failures that the objective allows is left in this SLO period? Orange "
        "is less than a quarter, red is overdrawn.",
        Query(
            BOARD.recorded("slo:period_error_budget_remaining:ratio", sloth_slo="availability"),
            "{{target}}",
            instant=True,
        ),
        unit="percentunit",
        width=4,
        no_value="no rules loaded",
        thresholds=threshold_steps("red", (0, "orange"), (0.25, "green")),
        limits=(0, 1),
        decimals=0,
    ).linked("SLO details", dashboard_link("slo"))


def _p95(settings: DashboardSettings) -> Panel:
    return stat(
        "p95 latency now",
        f"How long do the slowest 5 % of probes take at the moment, all outcomes included? Red "
        f"is over the promised {settings.latency_s:g} s.",
        Query(
            quantile(0.95, "target", SCOPE.rate("probe_duration_seconds", part="_bucket")),
            "{{target}}",
            instant=True,
        ),
        unit="s",
        width=3,
        no_value="no probes",
        thresholds=threshold_steps("green", (settings.latency_s, "red")),
    )


def _violations() -> Panel:
    found = BOARD.recorded(
        "target_check_kind:jobproof_contract_findings:increase1d", kind="violation"
    )
    return stat(
        "Broken promises, 24 h",
        "How many times did an answer break the contract in the last 24 hours, over all checks?",
        Query(sum_by("target", found), "{{target}}", instant=True),
        unit="locale",
        width=4,
        no_value="no rules loaded",
        thresholds=threshold_steps("green", (0.5, "red")),
        decimals=0,
    ).linked("Contract details", dashboard_link("contract"))


def _canaries() -> Panel:
    return timeline(
        "Canaries",
        "Which kind of probe fails, and since when? Each row is one canary; a red stretch means "
        "that its last probe was not answered as promised.",
        Query(
            f"min by (target, canary) ({SCOPE.select('probe_success')})", "{{target}} {{canary}}"
        ),
        width=14,
        mappings=value_mappings({"1": ("as promised", "green"), "0": ("not as promised", "red")}),
        no_value="no probes yet",
    )


def _firing() -> Panel:
    return table(
        "Firing alerts",
        "What fires at this moment, and for which target? Empty is good news; the runbooks "
        "dashboard says what to do about each.",
        Query(f"max by (severity, alertname, target) ({FIRING})", instant=True, format="table"),
        unit="none",
        width=10,
        no_value="Nothing fires",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "Value": True},
                    "indexByName": {"severity": 0, "alertname": 1, "target": 2},
                    "renameByName": {
                        "alertname": "Alert",
                        "severity": "Severity",
                        "target": "Target",
                    },
                },
            }
        ],
        overrides=[
            override(
                "Severity",
                mappings=value_mappings(
                    {
                        "critical": ("critical", "red"),
                        "warning": ("warning", "orange"),
                        "info": ("info", "blue"),
                    }
                ),
                custom__cellOptions={"mode": "basic", "type": "color-background"},
                custom__width=100,
            )
        ],
    )


def _denials(settings: DashboardSettings) -> str:
    return " or ".join(settings.not_found_codes)


def _code_colours(settings: DashboardSettings) -> tuple[dict[str, Any], ...]:
    return (
        fixed_colour("^2..$", "green", regex=True),
        fixed_colour("^3..$", "blue", regex=True),
        fixed_colour("^4..$", "yellow", regex=True),
        *(fixed_colour(f"^{code}$", "#8e8e8e", regex=True) for code in settings.not_found_codes),
        fixed_colour("^429$", "orange", regex=True),
        fixed_colour("^5..$", "dark-red", regex=True),
    )


def _codes(settings: DashboardSettings) -> Panel:
    return timeseries(
        "Answers by HTTP code",
        f"What does the endpoint answer? {_denials(settings)} is grey because the missing-id "
        "canary provokes it; the panel of denied jobs below tells right from wrong.",
        Query(sum_by("code", SCOPE.increase("http_responses_total")) + " > 0", "{{code}}"),
        unit="short",
        width=8,
        stacked="normal",
        bars=True,
        overrides=_code_colours(settings),
        limits=(0, None),
        no_value="no answers",
    )


def _failures() -> Panel:
    return timeseries(
        "Failed probes by outcome",
        "In which way do probes fail? Only failures are shown, so an empty panel is a healthy "
        "endpoint; auth, rate_limited and internal don't count against the SLO.",
        Query(
            sum_by("outcome", SCOPE.increase("probes_total", outcome="!=ok")) + " > 0",
            "{{outcome}}",
        ),
        unit="short",
        width=8,
        stacked="normal",
        bars=True,
        overrides=OUTCOME_COLOURS,
        limits=(0, None),
        no_value="no failures",
    )


def _error_ratio() -> Panel:
    return timeseries(
        "Error ratio and what is allowed",
        "Is the share of failed probes within what the objective allows? The dashed line is the "
        "error budget: on average the other line must stay under it.",
        Query(BOARD.recorded(sli("5m"), sloth_slo="availability"), "{{target}} failed"),
        Query(
            BOARD.recorded("slo:error_budget:ratio", sloth_slo="availability"),
            "{{target}} allowed",
        ),
        unit="percentunit",
        width=8,
        overrides=[_dashed("/ allowed$/")],
        limits=(0, None),
        no_value="no rules loaded",
    )


def _dashed(regex: str) -> JsonObject:
    return {
        "matcher": {"id": "byRegexp", "options": regex},
        "properties": [
            {"id": "custom.lineStyle", "value": {"dash": [8, 6], "fill": "dash"}},
            {"id": "custom.fillOpacity", "value": 0},
            {"id": "color", "value": {"fixedColor": "red", "mode": "fixed"}},
        ],
    }


def _percentiles(settings: DashboardSettings) -> Panel:
    buckets = SCOPE.rate("probe_duration_seconds", part="_bucket")
    return timeseries(
        "Latency percentiles",
        "How long do probes take, from the instant they were due to the last byte, all outcomes "
        f"included? The dashed line is the promised {settings.latency_s:g} s; diamonds are single "
        "jobs.",
        *(
            Query(quantile(q, "", buckets), f"p{q * 100:g}", exemplar=True)
            for q in (0.5, 0.95, 0.99)
        ),
        unit="s",
        width=8,
        thresholds=threshold_steps("transparent", (settings.latency_s, "red")),
        overrides=[
            fixed_colour("p50", "green"),
            fixed_colour("p95", "yellow"),
            fixed_colour("p99", "orange"),
        ],
        limits=(0, None),
        no_value="no probes",
    )


def _latency_map() -> Panel:
    buckets = SCOPE.increase("probe_duration_seconds", part="_bucket")
    return heatmap(
        "Latency distribution",
        "Are there two kinds of answers, fast and slow, that percentiles would blur? Brighter "
        "cells hold more probes.",
        Query(sum_by("le", buckets), "{{le}}", format="heatmap", exemplar=True),
        unit="s",
        width=8,
    )


def _phases() -> Panel:
    spent = SCOPE.rate("probe_phase_duration_seconds", part="_sum")
    times = SCOPE.rate("probe_phase_duration_seconds", part="_count")
    return timeseries(
        "Where the time goes",
        "Which part of a request takes the time: name lookup, connect, TLS, waiting for the "
        "first byte, or transfer? Means, stacked; all canaries together.",
        Query(ratio(sum_by("phase", spent), sum_by("phase", times)), "{{phase}}"),
        unit="s",
        width=8,
        stacked="normal",
        overrides=[
            fixed_colour("resolve", "purple"),
            fixed_colour("connect", "blue"),
            fixed_colour("tls", "#37a2a2"),
            fixed_colour("wait", "orange"),
            fixed_colour("transfer", "green"),
        ],
        limits=(0, None),
        no_value="no probes",
    )


def _not_found(settings: DashboardSettings) -> Panel:
    return timeseries(
        f"{_denials(settings)}: expected and unexpected",
        "Are jobs being denied that exist? Expected denials answer ids that nobody may see and "
        "prove that the endpoint refuses them; a single unexpected one means a lost job or a lost "
        "permission.",
        Query(sum_by("expected", SCOPE.rate("not_found_total", expected="true")), "expected"),
        Query(sum_by("expected", SCOPE.rate("not_found_total", expected="false")), "unexpected"),
        unit="reqps",
        width=9,
        overrides=[fixed_colour("expected", "#8e8e8e"), fixed_colour("unexpected", "red")],
        limits=(0, None),
        no_value="none denied",
    )


def _undocumented(settings: DashboardSettings) -> Panel:
    # The codes are regular expressions already (`2..`); any_of() would escape the dots.
    documented = "!~" + "|".join(settings.documented_codes)
    name = "target_canary_code:jobproof_http_responses:increase1d"
    return table(
        "Undocumented codes, 24 h",
        "Which answers does the API's document not describe? 401 and 429 are usual gaps in a "
        "document; a 5xx is an outage; anything else deserves a look.",
        Query(f"{BOARD.recorded(name, code=documented)} > 0", instant=True, format="table"),
        unit="locale",
        width=8,
        no_value="none",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "__name__": True},
                    "indexByName": {"target": 0, "canary": 1, "code": 2, "Value": 3},
                    "renameByName": {
                        "Value": "Answers",
                        "canary": "Canary",
                        "code": "Code",
                        "target": "Target",
                    },
                },
            }
        ],
        sort="Answers",
        decimals=0,
    )


def _last_success() -> Panel:
    last = SCOPE.select("last_success_timestamp_seconds")
    return table(
        "Last right answer",
        "How long ago was each canary last answered as promised? Canaries that ask every five "
        "minutes are at most that old; orange is ten minutes, red an hour.",
        Query(f"time() - max by (target, canary) ({last})", instant=True, format="table"),
        unit="s",
        width=7,
        no_value="none yet",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {"target": 0, "canary": 1, "Value": 2},
                    "renameByName": {"Value": "Ago", "canary": "Canary", "target": "Target"},
                },
            }
        ],
        thresholds=threshold_steps("semi-dark-green", (600, "orange"), (3600, "semi-dark-red")),
        sort="Ago",
        decimals=0,
    )
