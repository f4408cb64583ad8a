"""
`jobproof test`, `check`, `accept`, `apis` and `checks`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.wording import legible
from jobproof.contract.suite.options import OPTIONS, OptionValues, SuiteOption

__all__ = ["WITHOUT_ENGINES", "accept", "apis", "check", "checks", "test"]


WITHOUT_ENGINES = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""A quick run draws nothing, and these plug-ins alone take longer to load than it takes."""


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = click.option(f"--{option.name}", option.key, **_settings(option))(command)
    return command


def _settings(option: SuiteOption) -> dict[str, Any]:
    settings: dict[str, Any] = {"help": option.help, "metavar": option.metavar or None}
    if option.kind == "flag":
        return {"help": option.help, "is_flag": True}
    if option.kind == "many":
        settings["multiple"] = True
    elif option.kind == "number":
        settings["type"] = float
    elif option.kind == "count":
        settings["type"] = int
    elif option.kind == "choice":
        settings["type"] = click.Choice(option.choices)
    return settings


@click.command()
@_with_options
@click.option("--junit", metavar="F.xml", help="Write pytest's JUnit XML.")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def test(junit: str | None, pytest_args: tuple[str, ...], **values: Any) -> None:
    """
    Hold an endpoint to its contract, as a pytest suite.

    Without --url the embedded mock is tested. What follows -- goes to pytest.
    """
    from jobproof.contract.suite.planning.target_options import dry_run_target
    from jobproof.contract.suite.reporting.dry_run import print_plan

    _refuse_address(pytest_args)
    if values["dry_run"]:
        print_plan(values, lambda line: click.echo(line, nl=False))
        return
    if values["url"] is not None:
        dry_run_target(values)  # a mistake is one line, before pytest says anything
        _require_token(values)
    elif values["api"]:
        _require_api(values["api"])
    _require_checks()
    _require_baseline(values)
    raise SystemExit(run_suite(values, junit=junit, pytest_args=pytest_args))


def _refuse_address(pytest_args: tuple[str, ...]) -> None:
    """
    An address by itself is the endpoint that somebody meant; pytest would look for such a file.
    """
    for before, word in pairwise(("", *pytest_args)):
        if word.startswith(("http://", "https://")) and not before.startswith("-"):
            raise ConfigError("the endpoint's address needs its option: --url https://…")


def run_suite(
    values: OptionValues, *, junit: str | None = None, pytest_args: tuple[str, ...] = ()
) -> int:
    """
    Run the suite in this process, apart from any pytest configuration around it.

    Returns:
        0 kept, 1 broken, 2 usage, 3 inconclusive, 4 a failure of our own, 130 or 143 interrupted.
    """
    import pytest

    from jobproof.contract.suite.ending import Heard
    from jobproof.contract.suite.session.signals import terminating_as_interruption

    suite_folder = files("jobproof.contract.suite")
    # Our own ini file, and no cache: nothing of the project around may change the verdict, and
    # nothing is written into the installed package.
    arguments = [
        str(suite_folder / "test_contract.py"),
        "-c",
        str(suite_folder / "pytest.ini"),
        f"--rootdir={suite_folder}",
        "-p",
        "no:cacheprovider",
        "-q",
        "--no-header",
        "--tb=short",
        "-rN",
        # Without it pytest rewrites every module of its plug-ins at the first run after each
        # installation, which in CI is every run: two seconds for messages that ours bring along.
        "--assert=plain",
    ]
    if values.get("effort") == "quick":
        arguments += WITHOUT_ENGINES
    for option in OPTIONS:
        arguments += _as_pytest(option, values.get(option.key))
    if junit:
        arguments.append(f"--junitxml={Path(junit).absolute()}")
    heard = Heard()
    with terminating_as_interruption():
        try:
            code = int(pytest.main([*arguments, *pytest_args], plugins=[heard]))
        except KeyboardInterrupt as exc:
            # Before pytest has begun, or after its end: it has no code of its own for that.
            heard.note_interruption(exc)
            code = int(pytest.ExitCode.INTERRUPTED)
    if heard.interrupted is not None and code == pytest.ExitCode.INTERRUPTED:
        return _end_without_run(values, heard.interrupted)
    # pytest's own code for misuse is 4, and for a failure inside it 3.
    ours: dict[int, int] = {pytest.ExitCode.USAGE_ERROR: 2, pytest.ExitCode.INTERNAL_ERROR: 4}
    return code if heard.told else ours.get(code, code)


def _end_without_run(values: OptionValues, signal: str) -> int:
    from jobproof.contract.suite.publishing.publish import publish
    from jobproof.contract.suite.session.told import told_without_run

    told = told_without_run(values, interrupted=signal)
    published = publish(told.report or {}, values)
    for line in published.printed:
        click.echo(line)
    if published.mistakes:
        raise ConfigError("; ".join(published.mistakes))
    return told.exit_code


def _as_pytest(option: SuiteOption, value: Any) -> list[str]:
    if value is None or value is False or value == ():
        return []
    if option.kind == "flag":
        return [f"--{option.pytest_name}"]
    if option.kind == "many":
        return [f"--{option.pytest_name}={item}" for item in value]
    return [f"--{option.pytest_name}={value}"]


def _require_token(values: OptionValues) -> None:
    from jobproof.contract.suite.planning.target_options import target_from

    target_from(values, fetch=False)


def _require_api(name: str) -> None:
    from jobproof.contract.plugins import find_api

    find_api(name)


def _require_checks() -> None:
    from jobproof.contract.plugins import load_checks

    load_checks()


def _require_baseline(values: OptionValues) -> None:
    from jobproof.contract.plugins import default_api, find_api
    from jobproof.contract.suite.accepting.baseline import read_baseline

    if values["baseline"] is not None:
        read_baseline(values["baseline"], find_api(values["api"] or default_api()).name)


_OF_CHECK = (
    *("api", "url", "token-env", "staleness", "strict"),
    *("accept", "accept-file", "baseline"),
    *("report", "summary", "annotations", "sarif", "code-quality", "html"),
)
"""The options of a run that recordings have, too."""
_HELP_OF_CHECK = {
    "url": "Judge only what was asked of the API at this URL; without, of the document's servers.",
    "token-env": "The environment variable that the curl lines name; it isn't read.",
}


def _with_options_of_check(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed([option for option in OPTIONS if option.name in _OF_CHECK]):
        own = replace(option, help=_HELP_OF_CHECK.get(option.name, option.help))
        command = click.option(f"--{own.name}", own.key, **_settings(own))(command)
    return command


@click.command()
@click.argument("recordings", nargs=-1, required=True, type=click.Path(path_type=Path))
@_with_options_of_check
@click.option("--junit", metavar="F.xml", help="Write JUnit XML, a test case a check.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check(recordings: tuple[Path, ...], junit: str | None, *, as_json: bool, **values: Any) -> None:
    """
    Judge recorded traffic offline: HAR and other recordings, or kept evidence.

    Files, folders and - for standard input; together they are one history. Nothing is sent.
    """
    from jobproof.contract.suite.publishing.publish import publish
    from jobproof.contract.suite.reporting.recorded import check_recordings

    def tell(report: JsonDocument) -> tuple[str, ...]:
        published = publish(report, values)
        for line in published.printed:
            # What is printed as JSON is JSON alone; GitHub reads both.
            click.echo(line, err=as_json)
        return published.mistakes

    code = check_recordings(recordings, values, junit=junit, as_json=as_json, publish=tell)
    raise SystemExit(code)


@click.command()
@click.argument("report", type=click.Path(path_type=Path), metavar="REPORT.json")
@click.option("--until", metavar="DATE", help="The last day; without, two weeks from today.")
@click.option("--reason", metavar="TEXT", help="Why, for every entry.")
@click.option(
    "-o",
    "output",
    type=click.Path(path_type=Path),
    metavar="F.yaml",
    help="Where to; entries are added to a file that is there. Without, it is printed.",
)
def accept(report: Path, until: str | None, reason: str | None, output: Path | None) -> None:
    """
    Accept for a while what breaks a run, as --accept-file takes it.
    """
    from jobproof.contract.suite.accepting.command import accept_report

    accept_report(report, until=until, reason=reason, output=output)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def apis(as_json: bool) -> None:
    """
    List the job APIs that are installed.
    """
    from jobproof.contract.plugins import api_names, find_api

    rows = []
    for name in api_names():
        api = find_api(name)
        rows.append(
            {
                "name": api.name,
                "title": api.profile.title,
                "operation": f"{api.operation.method} {api.operation.path}",
                "statuses": list(api.lifecycle.statuses),
                "from": api.provider,
                "folder": str(api.folder),
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        shown = f"{row['name']:16} {row['operation']:28} {row['title']}  [{row['from']}]"
        click.echo(legible(shown))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def checks(as_json: bool) -> None:
    """
    List the checks that are installed.
    """
    from jobproof.contract.plugins import load_checks

    found = load_checks()
    if as_json:
        rows = [
            {
                "id": c.id,
                "promise": c.summary,
                "basis": c.basis.value,
                "severity": c.severity.value,
                "source": c.source,
                "family": c.family,
                "apis": list(c.apis),
            }
            for c in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for c in found:
        click.echo(legible(f"{c.id:32} {c.basis.value:10} {c.severity.value:8} {c.summary}"))
