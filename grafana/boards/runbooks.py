"""
The runbooks as pages in Grafana, where somebody woken at night already is.
"""

from __future__ import annotations

import re
from importlib.resources import files

from jobproof.grafana.boards.dashboard import Dashboard, PanelRow, Row
from jobproof.grafana.boards.panels import Panel, text
from jobproof.grafana.boards.variables import COMMON

__all__ = ["board", "sections"]

_HEADING = re.compile(r"^## (Jobproof\w+)\n", re.MULTILINE)
_LINES_A_UNIT = 1.05


def board() -> Dashboard:
    """
    One page an alert.
    """
    return Dashboard(
        uid="jobproof-runbooks",
        title="jobproof: runbooks",
        description="What each alert means, how to confirm it, what to do, and false alarms.",
        variables=COMMON,
        rows=tuple(
            Row(name, (PanelRow(_height(body), (_page(name, body),)),), collapsed=False)
            for name, body in sections().items()
        ),
        refresh="",
    )


def sections() -> dict[str, str]:
    """
    The runbook of every alert, by its name.
    """
    pieces = _HEADING.split(files("jobproof.grafana").joinpath("runbooks.md").read_text("utf-8"))
    # With a group in the pattern, split() returns the names between the bodies.
    return dict(zip(pieces[1::2], (body.strip() for body in pieces[2::2]), strict=True))


def _page(name: str, body: str) -> Panel:
    return text(name, f"What to do when {name} fires.", body, width=24)


def _height(body: str) -> int:
    # A grid unit is 38 px, a line of text about 22; long lines wrap near 200 characters.
    lines = sum(1 + len(line) // 190 for line in body.splitlines())
    return max(4, round(lines * 22 / 38 * _LINES_A_UNIT) + 2)
