"""
What `python benches/truth.py --write` measured, kept beside the page that tells of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

__all__ = ["TRUTH", "truth_rows"]

TRUTH = Path(__file__).with_name("truth.csv")


def truth_rows() -> tuple[tuple[str, ...], Iterable[tuple[str, ...]]]:
    """
    Head and rows: how a server was down, for how much of the time, and what the metrics say.
    """
    head = (
        *("the server", "slots", "down, by its own log", "failed, by the metrics"),
        *("requests in its log", "by the metrics", "failed unasked", "neither up nor down"),
    )
    with TRUTH.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("world", "slots", "true", "measured", "logged", "probed", "unasked", "neither")
    return head, [tuple(row[name] for name in names) for row in rows]
