"""
What `python benches/runs.py --write` measured, kept beside the page that tells of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

__all__ = ["RUNS", "run_rows"]

RUNS = Path(__file__).with_name("runs.csv")


def run_rows() -> tuple[tuple[str, ...], Iterable[tuple[str, ...]]]:
    """
    Head and rows: who was measured, what it took, and what it found.
    """
    head = ("", "requests", "wall", "CPU", "definite faults found", "correct servers called broken")
    with RUNS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return head, [
        (
            _in_code(row["name"]),
            # Of the embedded mock nobody counts from outside.
            row["requests"] if row["faults"] else "",
            f"{float(row['wall_s']):.1f} s",
            f"{float(row['cpu_s']):.1f} s",
            row["faults"],
            row["alarms"],
        )
        for row in rows
    ]


def _in_code(name: str) -> str:
    command, comma, how = name.partition(", ")
    return f"`{command}`{comma}{how}"
