"""
What does each dashboard show?
"""

from __future__ import annotations

from jobproof.grafana.boards import contract, lifecycle, overview, prober, runbooks, slo
from jobproof.grafana.boards.dashboard import Dashboard
from jobproof.grafana.settings import DashboardSettings

__all__ = ["dashboards"]


def dashboards(settings: DashboardSettings) -> tuple[Dashboard, ...]:
    """
    All of them; the runbooks come last, as pages to read.
    """
    return (
        overview.board(settings),
        lifecycle.board(settings),
        contract.board(settings),
        slo.board(settings),
        prober.board(),
        runbooks.board(),
    )
