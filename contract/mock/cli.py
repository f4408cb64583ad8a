"""
`jobproof mock` and `jobproof faults`.
"""

from __future__ import annotations

import json
import shlex
import signal
import threading
from collections.abc import Iterator

import click

from jobproof.contract.formats.json_value import JsonDocument, JsonObject
from jobproof.contract.mock.faults import FAULT_GROUPS
from jobproof.contract.mock.grounds import grounds_of
from jobproof.contract.mock.serving.server import MockServer
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.plugins import default_api, find_api, load_checks

__all__ = ["faults", "mock"]

_VARIANT = "V"


@click.command()
@click.option("--api", "api_name", metavar="NAME", help="The job API: a name, or a folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=0, show_default=True, help="0 takes a free one.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Go wrong in this way.")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help="Be right this way.")
@click.option("--life", "lives", multiple=True, metavar="NAME", help="Have one more such job.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same ids and tokens.")
@click.option(
    "--lively",
    "jobs_per_minute",
    default=0.0,
    metavar="N",
    type=click.FloatRange(0, 6000),
    help="New jobs in a minute, so that there is always something going on.",
)
def mock(
    api_name: str | None,
    host: str,
    port: int,
    faults: tuple[str, ...],
    variants: tuple[str, ...],
    lives: tuple[str, ...],
    seed: int,
    jobs_per_minute: float,
) -> None:
    """
    Serve the mocked endpoint, right or with faults, until interrupted.

    Prints one line of JSON: url, tokens and jobs. They are the mock's own, made up
    for this run.
    """
    given = api_name or default_api()
    api = find_api(given)
    stop = threading.Event()
    # SIGTERM too: it is what containers and process managers send to end a program.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with MockServer(
        api,
        faults=faults,
        variants=variants,
        seed=seed,
        host=host,
        port=port,
        jobs_per_minute=jobs_per_minute,
        lives=lives,
    ) as server:
        click.echo(json.dumps(_description(server, faults, variants)))
        # Standard output stays one line of JSON: programs read it.
        click.echo(f"Ask it: {_test_command(server, given)}", err=True)
        stop.wait()


@click.command()
@click.option("--api", "api_name", metavar="NAME", help="Only those that this API can have.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def faults(api_name: str | None, as_json: bool) -> None:
    """
    List the mock's faults, and the correct variants.
    """
    rows = list(_behaviour_rows(api_name))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(row["name"]) for row in rows)
    letter = ""
    for row in rows:
        if row["class"] != letter:
            letter = row["class"]
            click.echo(f"\n{letter}: {row['title']}")
        arguable = "" if row["definite"] else "  (arguable)"
        click.echo(f"  {row['name']:<{width}}  {row['summary']}{arguable}")
        for line in _grounds_in_words(row):
            click.echo(f"  {'':<{width}}  {line}")


def _grounds_in_words(row: JsonDocument) -> Iterator[str]:
    if row["class"] == _VARIANT:
        yield f"right by {row['why']}"
        return
    yield f"{row['severity']}, {row['basis']}: {row['source']}"
    yield f"found by {', '.join(row['promises'])}"


def _description(
    server: MockServer, faults: tuple[str, ...], variants: tuple[str, ...]
) -> JsonObject:
    return {
        "api": server.api.name,
        "url": server.url,
        "token": server.token,
        "other_token": server.other_token,
        "jobs": {job.id: job.life for job in server.jobs},
        "foreign_jobs": {job.id: job.life for job in server.foreign_jobs},
        "listing": server.api.profile.listing is not None,
        "faults": faults,
        "variants": variants,
    }


def _test_command(server: MockServer, api_name: str) -> str:
    """
    A command for the shell that tests this mock, with the API as it was given: by its name
    alone a folder isn't found.
    """
    words = ["jobproof", "test", "--api", api_name, "--url", server.url]
    values = server.api.with_any_values().values
    for name, value in (*values.path.items(), *values.required_query):
        words += ["--param", f"{name}={value}"]
    # Jobs that keep coming may be forgotten before somebody gets to type the command.
    generated = server.mock.script.jobs.lively
    for job in server.jobs:
        if job.life not in generated:
            words += ["--job", job.id]
    for job in server.foreign_jobs:
        words += ["--foreign-job", job.id]
    return f"{server.api.profile.token_env}={server.token} {shlex.join(words)}"


def _behaviour_rows(api_name: str | None) -> Iterator[JsonDocument]:
    api = find_api(api_name) if api_name else None
    checks = {check.id: check for check in load_checks()}
    for group in FAULT_GROUPS:
        for fault in group.faults:
            if api is None or fault.applies(api):
                grounds = grounds_of(fault, checks)
                yield {
                    "name": fault.name,
                    "class": group.letter,
                    "title": group.title,
                    "summary": fault.summary,
                    "definite": fault.definite,
                    "basis": grounds.basis.value,
                    "source": grounds.source,
                    "severity": grounds.severity.value,
                    "promises": list(fault.promises),
                    "proves": fault.proves or None,
                }
    for variant in VARIANTS.values():
        if api is None or variant.applies(api):
            yield {
                "name": variant.name,
                "class": _VARIANT,
                "title": "correct variants",
                "summary": variant.summary,
                "definite": True,
                "why": variant.why,
                "promises": [],
            }
