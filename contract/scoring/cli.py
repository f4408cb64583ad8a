"""
`jobproof score`: which known faults the suite finds, as a table.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobproof.contract.formats.json_value import Json

if TYPE_CHECKING:
    from jobproof.contract.model.api import Api
    from jobproof.contract.scoring.fault_score import Score
    from jobproof.contract.scoring.score_row import ScoreRow


__all__ = ["score"]


@click.command()
@click.option("--api", "api_name", metavar="NAME", help="The job API: a name, or a folder.")
@click.option(
    "--fault", "names", multiple=True, metavar="NAME", help="Only this fault or correct variant."
)
@click.option("--stock", is_flag=True, help="Run stock Schemathesis beside, on the same servers.")
@click.option("--mutants", is_flag=True, help="Score the judge on mutated answers instead.")
@click.option("--leave-one-out", is_flag=True, help="Fail if a check has no fault of its own.")
@click.option("--json", "json_path", metavar="F", help="Write everything as JSON.")
@click.option(
    "--workers",
    default=4,
    show_default=True,
    type=click.IntRange(1),
    help="Runs at once; most of a run is waiting.",
)
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="How often each is run, with other random ids each time.",
)
def score(
    api_name: str | None,
    names: tuple[str, ...],
    stock: bool,
    mutants: bool,
    leave_one_out: bool,
    json_path: str | None,
    workers: int,
    seeds: int,
) -> int:
    """
    Measure which known faults the suite finds.

    Exits with 1 if a definite fault is missed, or found for another reason alone, or if a
    correct server is called broken; with --mutants, if fewer than 95 % are noticed, or one
    passes that nobody has listed.
    """
    from jobproof.contract.plugins import default_api, find_api, load_checks

    api = find_api(api_name or default_api())
    load_checks()  # what can't be loaded is said here, and not by each of the processes
    if mutants:
        return _score_mutants(api, json_path)
    _check_names(names)
    from jobproof.contract.scoring.fault_score import measure

    result = measure(
        api, names=names, stock=stock, workers=workers, seeds=seeds, progress=_print_row
    )
    _write_json(json_path, result.as_dict())
    _print_totals(result)
    totals = result.totals()
    # A missed fault that is arguable fails nothing: without --strict the suite may let it pass.
    missed = totals["definite"] - totals["definite_right"]
    failed = missed or totals["false_alarms"] or totals["false_alarms_strict"]
    # Told whatever else failed: a fault that was missed hides no check that nothing proves.
    unproved = leave_one_out and _print_unproved(result)
    return int(bool(failed or unproved))


def _print_unproved(result: Score) -> int:
    unproved = result.unproved()
    click.echo("each check left out: " + ("some would not be missed" if unproved else "all missed"))
    for check in unproved:
        click.echo(f"not proved: {check}; no fault is found by it alone")
    return len(unproved)


def _check_names(names: tuple[str, ...]) -> None:
    from jobproof.contract.errors import ConfigError, did_you_mean
    from jobproof.contract.mock.faults import FAULTS
    from jobproof.contract.mock.variants import VARIANTS

    # Before the first run: a misspelt name would else measure nothing, and pass.
    known = (*FAULTS, *VARIANTS)
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown fault {name!r}. {did_you_mean(name, known)}")


def _print_row(row: ScoreRow) -> None:
    if row.kind == "variant":
        state = "FALSE ALARM" if row.found or row.found_strict else row.verdict
    elif row.found:
        state = "found" if row.right else "found, other reason"
    else:
        state = "strict only" if row.found_strict else "MISSED"
    stock = "" if row.stock is None else f"  stock: {'red' if row.stock else '-'}"
    click.echo(
        f"{row.group:7} {row.name:32} {state:20} {row.requests:5} requests {row.seconds:6.1f} s"
        f"{stock}  {', '.join(row.checks[:3])}"
    )


def _print_totals(result: Score) -> None:
    totals = result.totals()
    click.echo()
    for letter in dict.fromkeys(row.group for row in result.faults):
        rows = [row for row in result.faults if row.group == letter]
        strict = sum(row.found_strict for row in rows)
        click.echo(f"class {letter}: {strict} of {len(rows)} found with --strict")
    click.echo(
        f"definite faults found: {totals['definite_found']} of {totals['definite']}, "
        f"{totals['definite_right']} for the right reason; "
        f"with --strict {totals['found_strict']} of all {totals['faults']}, "
        f"{totals['right_reason']} for the right reason"
    )
    click.echo(
        f"correct servers called broken: {totals['false_alarms']} of {totals['variants']}; "
        f"with --strict {totals['false_alarms_strict']}"
    )
    for name, (found, runs) in result.unsteady().items():
        click.echo(f"found by some seeds alone: {name}, in {found} of {runs} runs")
    if totals["stock_found"] is not None:
        click.echo(
            f"stock Schemathesis, same servers: {totals['stock_found']} of {totals['faults']} "
            f"found, {totals['stock_false_alarms']} of {totals['variants']} called broken"
        )


def _score_mutants(api: Api, json_path: str | None) -> int:
    from jobproof.contract.scoring.mutants.listed import read_listed, sort_mutants
    from jobproof.contract.scoring.mutants.measure import measure_mutants
    from jobproof.contract.scoring.mutants.table import as_dict, has_failed, table_of

    result = sort_mutants(read_listed(api), measure_mutants(api))
    _write_json(json_path, as_dict(result))
    for line in table_of(result):
        click.echo(line)
    return int(has_failed(result))


def _write_json(path: str | None, value: Json) -> None:
    if path is not None:
        Path(path).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
