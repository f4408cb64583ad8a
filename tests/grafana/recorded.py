"""
The recording rules, evaluated by a real Prometheus over a month that has passed.

promtool can do that too, two hours at a time: half an hour of work for a month.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.grafana.history import DAY_S
from tests.servers import Prometheus, prometheus, promtool

from jobproof.contract.formats.durations import parse_duration
from jobproof.grafana.alerting.rules import rule_groups
from jobproof.grafana.settings import DashboardSettings

__all__ = ["record_past"]

STEP_S = 240.0
RECENT_D = 7.5
Rule = dict[str, Any]


def record_past(
    folder: Path, data: Path, end: float, settings: DashboardSettings, *, days: float
) -> None:
    """
    Add what the rules would have recorded by `end` to the blocks in `data`.
    """
    left = [r for g in rule_groups(settings)["jobproof-recording.yml"] for r in g["rules"]]
    done: set[str] = set()
    while left:
        names = {rule["record"] for rule in left}
        # Rules that rest on no rule that is still to be evaluated.
        ready = [r for r in left if not any(n in r["expr"] for n in names - {r["record"]})]
        assert ready, f"recording rules rest on each other: {sorted(names)}"
        file = folder / f"recorded{len(done)}.txt"
        with prometheus(folder / f"serving{len(done)}", data=data) as server:
            text = "".join(_lines(server, ready, end, days, settings.period))
        file.write_text(text + "# EOF\n", encoding="utf-8")
        promtool(
            "tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics", file, data
        )
        left = [rule for rule in left if rule not in ready]
        done |= {rule["record"] for rule in ready}


def _lines(
    server: Prometheus, rules: list[Rule], end: float, days: float, period: str
) -> Iterator[str]:
    for rule in rules:
        base = rule["record"].endswith("ratio_rate5m")  # what the whole period is summed from
        span_d = days if base else min(days, RECENT_D)
        assert parse_duration(period) >= RECENT_D * DAY_S
        found = server.over(rule["expr"], start=end - span_d * DAY_S, end=end, step=STEP_S)
        for series in found:
            labels = {**series["metric"], **rule.get("labels", {})}
            labels.pop("__name__", None)
            inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
            for at, value in series["values"]:
                yield f"{rule['record']}{{{inside}}} {value} {at}\n"
