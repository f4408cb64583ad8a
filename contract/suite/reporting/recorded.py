"""
`jobproof check`: recordings are judged, and told like a run of the suite.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.model.api import Api
from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.recordings.replay import judge_recordings
from jobproof.contract.suite.accepting.baseline import read_baseline
from jobproof.contract.suite.options import OptionValues
from jobproof.contract.suite.planning.target_options import accepting, read_staleness
from jobproof.contract.suite.reporting.explain import evidence_of, explain_all
from jobproof.contract.suite.reporting.junit import junit as as_junit
from jobproof.contract.suite.reporting.junit import properties_of, write_junit
from jobproof.contract.suite.reporting.outcome import Outcome, outcome_of_recordings
from jobproof.contract.suite.reporting.report import (
    build_recorded_report,
    report_text,
)
from jobproof.contract.suite.reporting.summary import summarise

__all__ = ["broken_lines", "check_recordings"]


def check_recordings(
    paths: Sequence[Path],
    values: OptionValues,
    *,
    junit: str | None,
    as_json: bool,
    publish: Callable[[JsonDocument], Iterable[str]],
) -> int:
    """
    Judge recordings, print what was found, and write the files that are asked for.

    Args:
        publish: Writes the report and what is made of it, and says what couldn't be written.

    Returns:
        0 kept, 1 broken, 3 inconclusive, 4 a check crashed.

    Raises:
        RecordingError: A recording can't be read.
        ConfigError: An option can't be used, or a file can't be written.
    """
    api: Api = accepting(find_api(values["api"] or default_api()), values)
    baseline = read_baseline(values["baseline"], api.name)
    staleness_s = read_staleness(values["staleness"])
    started_at, start = time.time(), time.monotonic()
    run = judge_recordings(
        api, paths, base_url=values["url"], strict=values["strict"], staleness_s=staleness_s
    )
    token_env = values["token_env"] or api.profile.token_env
    outcome = outcome_of_recordings(run, token_env=token_env)
    duration_s = time.monotonic() - start
    report = build_recorded_report(run, outcome, started_at=started_at, duration_s=duration_s)
    if baseline is not None:
        report = baseline.compared(report)
    mistakes = list(publish(report))
    if junit:
        text = as_junit(
            outcome,
            moment=report["started_at"],
            duration_s=duration_s,
            properties=properties_of(report),
        )
        try:
            write_junit(text, Path(junit))
        except ConfigError as exc:
            mistakes.append(str(exc))
    if as_json:
        _print([report_text(report)])
    else:
        _print((*broken_lines(outcome, report=values["report"]), *summarise(report)))
    if mistakes:
        raise ConfigError("; ".join(mistakes))
    return outcome.exit_code


def _print(lines: Iterable[str]) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal may have no sign for what a server wrote, and half a character has none at all.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        for line in lines:
            click.echo(line)
    except OSError as exc:
        # What is left would be written once more at the interpreter's end, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Who has read enough is no mistake, and the verdict is known all the same.
        if not isinstance(exc, BrokenPipeError):
            said = f"standard output: can't be written: {exc.strerror}"
            raise ConfigError(said) from None


def broken_lines(outcome: Outcome, *, report: str | None = None) -> Iterator[str]:
    """
    What breaks the contract, as a failing test of the suite tells it; and checks that crashed.

    Args:
        report: The file that the report goes to, if one is written.
    """
    evidence = evidence_of(outcome.groups, report)
    for one in outcome.of_checks():
        for text in explain_all(one.broken, one.check, target=outcome, evidence=evidence):
            yield f"BROKEN {text}"
    # Of the endpoint that says nothing.
    for text in explain_all(outcome.crashed(), None, target=outcome, evidence=evidence):
        yield f"CRASHED {text}"
