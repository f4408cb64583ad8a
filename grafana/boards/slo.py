"""
How much failure is left to spend, and how fast is it being spent?
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.grafana.alerting.slo import sli
from jobproof.grafana.boards.dashboard import Dashboard, PanelRow, Row, Variable
from jobproof.grafana.boards.panels import Panel, Query, stat, threshold_steps, timeseries
from jobproof.grafana.boards.variables import COMMON
from jobproof.grafana.promql import BOARD
from jobproof.grafana.settings import BurnRate, DashboardSettings

__all__ = ["board"]

SLO = Variable(
    "slo", "SLO", "slo:objective:ratio", "sloth_slo", multi=False, default="availability"
)
OF_SLO = {"sloth_slo": "=~$slo"}


def board(settings: DashboardSettings) -> Dashboard:
    """
    The dashboard behind the burn-rate alerts.
    """
    burn_panels = tuple(_burn_panels(settings))
    return Dashboard(
        uid="jobproof-slo",
        title="jobproof: SLO",
        description=(
            "Objectives, error budgets and burn rates against the thresholds that alert. "
            "Series are recorded in Sloth's names."
        ),
        variables=(*COMMON, SLO),
        rows=(
            Row("", (PanelRow(5, _tiles(settings)), PanelRow(8, (_budget(settings),)))),
            Row(
                "Burn rates against their alert thresholds",
                tuple(
                    PanelRow(7, burn_panels[at : at + 2]) for at in range(0, len(burn_panels), 2)
                ),
            ),
            Row("What the objective is made of", (PanelRow(7, (_error_ratio(), _p95(settings))),)),
        ),
        start="now-7d",
        refresh="1m",
    )


def _tiles(settings: DashboardSettings) -> tuple[Panel, ...]:
    return (*_objective_stats(settings), *_burn_rate_stats(settings))


def _objective_stats(settings: DashboardSettings) -> tuple[Panel, ...]:
    return (
        stat(
            "Objective",
            "What was promised for the chosen SLO: the share of probes that must be right, or "
            "fast enough.",
            Query(BOARD.recorded("slo:objective:ratio", **OF_SLO), "{{target}}", instant=True),
            unit="percentunit",
            width=4,
            no_value="no rules loaded",
            decimals=2,
        ),
        stat(
            f"Achieved, {settings.period}",
            "What was kept of it in the SLO period so far? Red is below the objective.",
            Query(
                f"1 - {BOARD.recorded(sli(settings.period), **OF_SLO)}",
                "{{target}}",
                instant=True,
            ),
            unit="percentunit",
            width=5,
            no_value="no rules loaded",
            thresholds=threshold_steps("red", (settings.objective, "green")),
            decimals=2,
        ),
        stat(
            "Budget left",
            "How much of the allowed failures is left in this period? Red is overdrawn; slow "
            "down changes on orange.",
            Query(
                BOARD.recorded("slo:period_error_budget_remaining:ratio", **OF_SLO),
                "{{target}}",
                instant=True,
            ),
            unit="percentunit",
            width=6,
            no_value="no rules loaded",
            thresholds=threshold_steps("red", (0, "orange"), (0.25, "green")),
            decimals=0,
            background=True,
        ),
    )


def _burn_rate_stats(settings: DashboardSettings) -> tuple[Panel, ...]:
    return (
        stat(
            "Burn rate, 1 h",
            "How fast is the budget being spent? 1 lasts exactly the period; at 14.4 a month's "
            "budget is gone in 50 hours.",
            Query(_burn_rate("1h"), "{{target}}", instant=True),
            unit="none",
            width=5,
            no_value="no rules loaded",
            thresholds=threshold_steps(
                "green", (1, "orange"), (settings.burn_rates[0].factor, "red")
            ),
            limits=(0, None),
            decimals=1,
        ),
        stat(
            "Burn rate, period",
            "Would the whole period keep its objective at the pace so far? Below 1 it would.",
            Query(
                BOARD.recorded("slo:period_burn_rate:ratio", **OF_SLO), "{{target}}", instant=True
            ),
            unit="none",
            width=4,
            no_value="no rules loaded",
            thresholds=threshold_steps("green", (1, "red")),
            limits=(0, None),
            decimals=2,
        ),
    )


def _burn_rate(window: str) -> str:
    recorded = BOARD.recorded(sli(window), **OF_SLO)
    budget = BOARD.recorded("slo:error_budget:ratio", **OF_SLO)
    return f"{recorded}\n/ ignoring (sloth_window)\n{budget}"


def _budget(settings: DashboardSettings) -> Panel:
    return timeseries(
        f"Error budget left of the {settings.period} period",
        "When was the budget spent? A step down is an incident, a slope is a steady trickle of "
        "failures; under zero the objective is missed.",
        Query(BOARD.recorded("slo:period_error_budget_remaining:ratio", **OF_SLO), "{{target}}"),
        unit="percentunit",
        width=24,
        # Two steps so close together draw one line, at zero.
        thresholds=threshold_steps("transparent", (0, "red"), (0.0001, "transparent")),
        limits=(None, 1),
        no_value="no rules loaded",
    )


def _burn_panels(settings: DashboardSettings) -> Iterator[Panel]:
    for burn in settings.burn_rates:
        yield _burn_panel(burn)


def _burn_panel(burn: BurnRate) -> Panel:
    return timeseries(
        f"Burn rate over {burn.long} and {burn.short}: {burn.severity} at {burn.factor:g}",
        f"Does this pair of windows alert? It does when both lines stay above the dashed "
        f"{burn.factor:g} for {burn.hold}, and stops soon after the {burn.short} line falls.",
        Query(_burn_rate(burn.long), f"{{{{target}}}} {burn.long}"),
        Query(_burn_rate(burn.short), f"{{{{target}}}} {burn.short}"),
        unit="none",
        width=12,
        thresholds=threshold_steps(
            "transparent", (burn.factor, "red" if burn.severity == "critical" else "orange")
        ),
        limits=(0, None),
        no_value="no rules loaded",
    )


def _error_ratio() -> Panel:
    return timeseries(
        "Share of probes that broke the objective, 5 min",
        "When exactly did probes fail, or answers come too late? The raw material of every "
        "burn rate above.",
        Query(BOARD.recorded(sli("5m"), **OF_SLO), "{{target}}"),
        unit="percentunit",
        width=12,
        limits=(0, None),
        no_value="no rules loaded",
    )


def _p95(settings: DashboardSettings) -> Panel:
    return timeseries(
        "p95 latency, 5 min",
        f"Was it slow when the budget burned? The dashed line is the promised "
        f"{settings.latency_s:g} s.",
        Query(BOARD.recorded("target:jobproof_probe_duration_seconds:p95_rate5m"), "{{target}}"),
        unit="s",
        width=12,
        thresholds=threshold_steps("transparent", (settings.latency_s, "red")),
        limits=(0, None),
        no_value="no rules loaded",
    )
