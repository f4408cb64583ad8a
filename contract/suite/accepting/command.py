"""
`jobproof accept`: a run's report in, a file for `--accept-file` out.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.text_file import write_text
from jobproof.contract.model.acceptance.accepted import day_of
from jobproof.contract.plugins import load_checks
from jobproof.contract.suite.accepting.accept_file import accept_file_of
from jobproof.contract.suite.accepting.kept_report import read_report

__all__ = ["accept_report"]

_DAYS = 14
_SHORTEST_REASON = 8


def accept_report(
    path: Path,
    *,
    until: str | None,
    reason: str | None,
    output: Path | None,
    today: date | None = None,
) -> None:
    """
    Write an entry for each finding of the report that breaks its run, and say how many.

    Args:
        output: None prints them. What a file has already stays in it.
        today: In UTC; None for the clock's.

    Raises:
        ConfigError: The report, the file or an option can't be used.
    """
    today = today or datetime.now(UTC).date()
    last_day = _last_day(until, today)
    if reason is not None and len(reason) < _SHORTEST_REASON:
        raise ConfigError(f"--reason {reason!r}: say it in {_SHORTEST_REASON} letters at least")
    # Bytes that are no text come from the command line as halves of characters.
    if reason is not None and not _can_be_written(reason):
        raise ConfigError("--reason isn't UTF-8 text")
    report = read_report(path)
    known = {check.id for check in load_checks()}
    made = accept_file_of(report, known, until=last_day, reason=reason)
    for line in made.left_out:
        click.echo(f"left out: {line}", err=True)
    if last_day < today:
        click.echo(f"--until {last_day} is over: nothing is accepted by it", err=True)
    if not made.entries:
        click.echo(f"{path}: no finding breaks this run that could be accepted", err=True)
        return
    if output is None:
        click.echo(made.text(), nl=False)
        return
    if output.exists():
        count = made.merge_into(output, known, today)
    else:
        count = len(made.entries)
        write_text(made.text(), output, ConfigError)
    entries = "entry" if count == 1 else "entries"
    click.echo(f"{output}: {count} {entries} added, accepted until {last_day}", err=True)


def _can_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _last_day(until: str | None, today: date) -> date:
    if until is None:
        return today + timedelta(days=_DAYS)
    try:
        return day_of(until)
    except ValueError as exc:
        raise ConfigError(f"--until {exc}") from None
