"""
Dashboards read back: their panels, their queries, and what Grafana would ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobproof.contract.formats.durations import parse_duration, write_duration

__all__ = ["PanelQuery", "every_panel", "every_query", "expand", "selectors"]

Json = dict[str, Any]
SCRAPE_S = 60.0
POINTS = 800


@dataclass(frozen=True)
class PanelQuery:
    """
    One query of one panel, at its place.
    """

    board: str
    panel: Json
    target: Json

    def __str__(self) -> str:
        return f"{self.board}: {self.panel['title']}: {self.target['refId']}"


def every_panel(board: Json) -> Iterator[Json]:
    """
    All panels, those in collapsed rows included; rows too.
    """
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def every_query(boards: dict[str, Json]) -> Iterator[PanelQuery]:
    """
    All queries of all dashboards.
    """
    for uid, board in boards.items():
        for panel in every_panel(board):
            for target in panel.get("targets", ()):
                yield PanelQuery(uid, panel, target)


def expand(text: str, *, step_s: float = 60.0, variables: dict[str, str] | None = None) -> str:
    """
    What Grafana sends for a query: with its variables and intervals in place.
    """
    values = {
        **dict.fromkeys(("job", "instance", "target", "canary"), ".+"),
        "slo": "availability",
        **(variables or {}),
        "__rate_interval": write_duration(max(step_s + SCRAPE_S, 4 * SCRAPE_S)),
        "__interval": write_duration(step_s),
    }
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], text)


def span_s(board: Json) -> float:
    """
    How much time a dashboard shows when it is opened.
    """
    return parse_duration(board["time"]["from"].removeprefix("now-"))


def step_of(board: Json, panel: Json) -> float:
    """
    The step that Grafana takes for a panel, in whole scrapes.
    """
    natural = span_s(board) / panel.get("maxDataPoints", POINTS)
    return max(SCRAPE_S, round(natural / SCRAPE_S) * SCRAPE_S)


def selectors(node: Any) -> Iterator[Any]:
    """
    Every vector selector inside a parsed PromQL expression.
    """
    if type(node).__name__ == "VectorSelector":
        yield node
        return
    for name in ("expr", "lhs", "rhs", "vector_selector", "vs", "param"):
        inner = getattr(node, name, None)
        if inner is not None and not isinstance(inner, str):
            yield from selectors(inner)
    for inner in getattr(node, "args", None) or ():
        yield from selectors(inner)
