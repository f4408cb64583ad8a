"""
What the last whole score came to, kept beside the pages that tell of it.

`jobproof score --json F` measures; `python docs/generate.py --measured F` takes it over.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.plugins import default_api, find_api

__all__ = ["SCORE", "Rows", "keep", "measurable", "score_rows", "seen_rows"]

SCORE = Path(__file__).with_name("score.csv")
_HEAD = ("name", "found", "found_strict", "right", "checks", "places")

Rows = Iterable[tuple[str, ...]]


def measurable() -> list[str]:
    """
    The faults and the variants that the default API can have, in their order.
    """
    api = find_api(default_api())
    return [one.name for one in (*FAULTS.values(), *VARIANTS.values()) if one.applies(api)]


def keep(path: Path) -> None:
    """
    Take a score's rows over to `SCORE`, a line a row, so that a change of it can be read.

    Raises:
        OSError: There is no such file.
        ValueError: It isn't what `score --json` writes.
        KeyError: The same.
    """
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    if [row["name"] for row in rows] != measurable():
        raise ValueError(f"{path}: not every fault and every variant was measured")
    with SCORE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _HEAD, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            lists = {"checks": " ".join(row["checks"]), "places": "; ".join(row["places"])}
            writer.writerow(row | lists)


@cache
def _measured() -> Mapping[str, Mapping[str, str]]:
    with SCORE.open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def score_rows() -> tuple[tuple[str, ...], Rows]:
    """
    Head and rows: who was measured, and what of the faults and the variants is red with it.
    """
    definite = [name for name in measurable() if name in FAULTS and FAULTS[name].definite]
    head = (
        "",
        "known faults found",
        f"the {len(definite)} that are wrong beyond taste",
        "correct servers called broken",
    )
    who = (("jobproof", "found"), ("jobproof `--strict`", "found_strict"))
    of = (FAULTS, definite, VARIANTS)
    return head, [(name, *(_share(names, key) for names in of)) for name, key in who]


def _share(names: Iterable[str], key: str) -> str:
    # What was never measured isn't among those that it is a share of; a test finds it.
    rows = [_measured()[name] for name in names if name in _measured()]
    return f"{sum(row[key] == 'True' for row in rows)} of {len(rows)}"


def seen_rows() -> tuple[tuple[str, ...], Rows]:
    """
    Head and rows: cell by cell of what is asked, the checks that were the first to see a fault
    there, each with one of these faults.
    """
    seen: dict[str, dict[str, list[str]]] = {}
    for name, fault in FAULTS.items():
        row = _measured().get(name, {})
        for place in row.get("places", "").split("; "):
            for check in row.get("checks", "").split():
                if place and check in fault.promises:
                    seen.setdefault(place, {}).setdefault(check, []).append(name)
    head = ("whose id, by whose right", "how it is asked", "faults", "seen by, with one of them")
    return head, [_cell(place, checks) for place, checks in sorted(seen.items())]


def _cell(place: str, checks: Mapping[str, list[str]]) -> tuple[str, ...]:
    subject, who, method, manner = place.split()
    how = method if manner == Manner.PLAIN.value else f"{method} {Manner(manner).spec.why}"
    faults = {name for names in checks.values() for name in names}
    often = sorted(checks.items(), key=lambda item: (-len(item[1]), item[0]))
    told = ", ".join(f"`{check}`: `{names[0]}`" for check, names in often)
    return f"{subject}, {who}", how, str(len(faults)), told
