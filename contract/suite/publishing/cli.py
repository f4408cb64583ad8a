"""
`jobproof render`: what a run tells people, made again of the report that it kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from jobproof.contract.errors import ConfigError
from jobproof.contract.suite.options import OPTIONS

__all__ = ["render"]

_MOST_BYTES = 64 * 1024 * 1024
_KEYS = ("summary", "annotations", "sarif", "code_quality", "html")


def _with_outputs(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed([option for option in OPTIONS if option.key in _KEYS]):
        name, key = f"--{option.name}", option.key
        command = click.option(name, key, help=option.help, metavar=option.metavar)(command)
    return command


@click.command()
@click.argument("report", type=click.Path(path_type=Path))
@_with_outputs
def render(report: Path, **values: str | None) -> None:
    """
    Write the summary, the page and their like from a report that --report has kept.
    """
    from jobproof.contract.suite.publishing.publish import publish_report
    from jobproof.contract.suite.publishing.shown_report import read_shown_report

    asked = {key: values[key] or "" for key in _KEYS}
    if not any(asked.values()):
        names = ", ".join(f"--{option.name}" for option in OPTIONS if option.key in _KEYS)
        raise click.UsageError(f"nothing to write; give one of {names}")
    try:
        shown = read_shown_report(_read(report))
    except ConfigError as exc:
        raise ConfigError(f"{report}: {exc}") from None
    told = publish_report(shown, asked)
    for line in told.printed:
        click.echo(line)
    if told.mistakes:
        raise ConfigError("; ".join(told.mistakes))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"can't be read: {exc.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"no report: longer than {_MOST_BYTES >> 20} MiB")
    try:
        found = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ConfigError("no report: not JSON") from None
    if not isinstance(found, dict):
        raise ConfigError("no report: not a JSON object")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
