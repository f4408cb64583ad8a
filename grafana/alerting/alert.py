"""
An alerting rule, and what several of them are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobproof.grafana.promql import RULES, sum_by

__all__ = ["RECENT", "Alert", "increase_or_birth", "renamed"]

RECENT = "15m"
"""As far back as an alert looks that speaks of single events."""


@dataclass(frozen=True, slots=True)
class Alert:
    """
    An alerting rule.

    Attributes:
        group: `slo`, `contract`, `jobs` or `prober`.
        hold: How long the expression must hold, as a Prometheus duration.
        summary: A fixed sentence; the description says the rest.
        board: The dashboard to open, without its `jobproof-`.
        labels: Besides `severity` and those of the expression.
        about_a_target: Whether the series has a `target`, which the dashboard is opened for.
    """

    name: str
    group: str
    expr: str
    severity: str
    hold: str
    summary: str
    description: str
    board: str
    labels: tuple[tuple[str, str], ...] = ()
    about_a_target: bool = True


def increase_or_birth(short: str, labels: str, window: str = RECENT, **matchers: str) -> str:
    """
    Where a counter has grown within `window`, or was born in it with more than 0.
    """
    # increase() of a series that is born at 1 is 0; `unless ... offset` sees the birth.
    now = RULES.select(short, **matchers)
    born = f"({now} unless {now} offset {window})"
    increase = RULES.increase(short, window, **matchers)
    return f"{sum_by(labels, increase)} > 0\nor\n{sum_by(labels, born)} > 0"


def renamed(expr: str, label: str, name: str) -> str:
    """
    The same series, with the value of `label` under another name, too.
    """
    return f'label_replace({expr}, "{name}", "$1", "{label}", "(.+)")'
