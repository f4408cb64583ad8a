"""
The score of the mutants as lines and as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.scoring.mutants.listed import FILE, Sorted
from jobproof.contract.scoring.mutants.measure import JudgedMutant

__all__ = ["LEAST_SHARE", "as_dict", "has_failed", "table_of"]

LEAST_SHARE = 0.95
"""Of the mutants that aren't equivalent, so many have to be noticed with `--strict`."""
_MOST_SHOWN = 20


def has_failed(score: Sorted) -> bool:
    """
    Whether too few are noticed, a legal change is called broken, or the list isn't true.
    """
    too_few = score.share(strict=True) < LEAST_SHARE
    return too_few or bool(score.unlisted or score.false_alarms or score.stale)


def table_of(score: Sorted) -> Iterator[str]:
    """
    One line an operator, then the shares, then what is wrong with them.
    """
    heads = f"{'made':>5} {'killed':>7} {'strict':>7} {'schema':>7} {'equivalent':>11}"
    yield f"{'operator':28} {heads}"
    for operator, mutants in _by_operator(score.wrong):
        counts = _counts(mutants, score.equivalent)
        numbers = f"{counts['made']:5} {counts['killed']:7} {counts['killed_strict']:7}"
        yield f"{operator:28} {numbers} {counts['schema']:7} {counts['equivalent']:11}"
    schema = sum(mutant.schema for mutant in score.wrong) / max(len(score.wrong), 1)
    yield (
        f"{len(score.wrong)} mutants: {score.share(strict=False, raw=True):.1%} killed, "
        f"{score.share(strict=True, raw=True):.1%} with --strict, "
        f"{schema:.1%} by the document's schema alone"
    )
    yield (
        f"without {len(score.equivalent)} equivalent ones: {score.share(strict=False):.1%} killed, "
        f"{score.share(strict=True):.1%} with --strict"
    )
    plain = sum(mutant.killed for mutant in score.false_alarms)
    yield (
        f"legal changes: {len(score.legal)}, {plain} called broken; "
        f"with --strict {len(score.false_alarms)}"
    )
    yield from _complaints(score)


def _complaints(score: Sorted) -> Iterator[str]:
    for what, mutants in (
        (f"survivor that {FILE} doesn't list", score.unlisted),
        ("legal change called broken", score.false_alarms),
    ):
        lines = dict.fromkeys(f"{m.operator} at {m.place} of {m.state}" for m in mutants)
        for line in list(lines)[:_MOST_SHOWN]:
            yield f"{what}: {line}"
        if len(lines) > _MOST_SHOWN:
            yield f"{what}: {len(lines) - _MOST_SHOWN} more; --json F has them all"
    yield from (f"{FILE}: {line}" for line in score.stale)


def as_dict(score: Sorted) -> JsonObject:
    """
    All of it: figures, operators, survivors.
    """
    return {
        "made": len(score.wrong),
        "equivalent": len(score.equivalent),
        "killed": score.share(strict=False),
        "killed_strict": score.share(strict=True),
        "killed_raw": score.share(strict=False, raw=True),
        "killed_strict_raw": score.share(strict=True, raw=True),
        "legal": len(score.legal),
        "operators": [
            {"operator": operator, **_counts(mutants, score.equivalent)}
            for operator, mutants in _by_operator(score.wrong)
        ],
        "survivors": [_row(m) for m in score.wrong if not m.killed_strict],
        "unlisted": [_row(mutant) for mutant in score.unlisted],
        "false_alarms": [_row(mutant) for mutant in score.false_alarms],
        "stale": list(score.stale),
    }


def _by_operator(
    mutants: Sequence[JudgedMutant],
) -> Iterator[tuple[str, list[JudgedMutant]]]:
    groups: dict[str, list[JudgedMutant]] = {}
    for mutant in mutants:
        groups.setdefault(mutant.operator, []).append(mutant)
    yield from sorted(groups.items())


def _counts(mutants: Sequence[JudgedMutant], equivalent: Sequence[JudgedMutant]) -> dict[str, int]:
    operator = mutants[0].operator
    return {
        "made": len(mutants),
        "killed": sum(mutant.killed for mutant in mutants),
        "killed_strict": sum(mutant.killed_strict for mutant in mutants),
        "schema": sum(mutant.schema for mutant in mutants),
        "equivalent": sum(mutant.operator == operator for mutant in equivalent),
    }


def _row(mutant: JudgedMutant) -> JsonObject:
    return {
        "operator": mutant.operator,
        "place": mutant.place,
        "seen": mutant.state,
        "checks": list(mutant.checks),
    }
