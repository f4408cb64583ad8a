"""
`jobproof probe`, `jobproof once`, `jobproof config`.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["config", "once", "probe"]

_CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The configuration file.",
)


@click.command()
@_CONFIG
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:9641",
    show_default=True,
    help="Where to serve the pages and metrics.",
)
@click.option(
    "--hostname",
    "hostnames",
    metavar="NAME",
    multiple=True,
    help="A name that a proxy in front of it hands on; may be repeated.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="STATE_DIRECTORY",
    help="Folder for followed jobs and evidence; without it neither survives a restart.",
)
@click.option(
    "--shard",
    metavar="i/n",
    default="0/1",
    show_default=True,
    help="Ask only this part of the targets.",
)
@click.option(
    "--seed",
    metavar="WORD",
    default="",
    help="Tells daemons apart that watch the same targets for each other.",
)
@click.option(
    "--web-config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TLS, client certificates and users, in exporter-toolkit's format.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for a person, or one JSON object each.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="At debug every probe is a line.",
)
def probe(
    config_path: Path,
    listen: str,
    hostnames: tuple[str, ...],
    state: Path | None,
    shard: str,
    seed: str,
    web_config: Path | None,
    log_format: str,
    log_level: str,
) -> int:
    """
    Run the probe daemon.

    SIGHUP reloads the configuration. SIGTERM lets what is under way end and exits 0;
    a second signal exits at once.
    """
    from jobproof.probes.service import ServiceOptions, serve

    return serve(
        ServiceOptions(
            *(config_path, listen, state, shard, seed, web_config, log_format, log_level),
            hostnames,
        )
    )


@click.command()
@_CONFIG
@click.option("--target", "names", multiple=True, help="Only this target; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.option("--metrics", "as_metrics", is_flag=True, help="Print the metrics too.")
@click.option("--pushgateway", metavar="URL", help="Push the metrics there, for cron jobs.")
@click.option("--strict", is_flag=True, help="Our own reading of the promises counts too.")
def once(
    config_path: Path,
    names: tuple[str, ...],
    as_json: bool,
    as_metrics: bool,
    pushgateway: str | None,
    strict: bool,
) -> int:
    """
    Ask every canary of every target once and print what was found.
    """
    from jobproof.contract.formats.secrets.redaction import Redactor
    from jobproof.probes.logs import set_up_logs
    from jobproof.probes.once import print_round, push, run_round

    redactor = Redactor()
    # What a plug-in says of itself is foreign text, too.
    set_up_logs(redactor, level="warning")
    outcome = run_round(config_path, names, strict=strict, redactor=redactor)
    print_round(outcome, as_json=as_json, as_metrics=as_metrics)
    if pushgateway is not None:
        push(outcome, pushgateway)
    return outcome.exit_code


@click.group()
def config() -> None:
    """
    Validate a configuration, or print its JSON Schema.
    """


@config.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def check(file: Path) -> int:
    """
    Say whether FILE can be run, and what it would ask.
    """
    from jobproof.contract.formats.durations import write_duration
    from jobproof.contract.formats.wording import legible
    from jobproof.probes.config.reader import load_settings
    from jobproof.probes.service import refuse_what_cannot_start

    settings = load_settings(file)
    refuse_what_cannot_start(settings)
    for target in settings.targets:
        rates = ", ".join(
            f"{canary.name} every {write_duration(canary.interval_s)}" for canary in target.canaries
        )
        line = f"{target.name}: {target.api.name} at {target.shown_url}: {rates}"
        click.echo(legible(settings.redactor.text(line)))
    click.echo(f"{legible(str(file))}: {len(settings.targets)} target(s), nothing wrong")
    return 0


@config.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def schema(file: Path | None) -> int:
    """
    Print the configuration's JSON Schema, or write it to FILE.
    """
    from jobproof.probes.config.schema import config_schema

    text = json.dumps(config_schema(), indent=2) + "\n"
    if file is None:
        click.echo(text, nl=False)
        return 0
    from jobproof.contract.errors import ConfigError

    try:
        # `config check` takes a configuration here; a slip of the word must not cost it.
        if file.exists() and not _may_be_replaced(file.read_bytes()):
            raise ConfigError(f"{file}: is no JSON Schema, and one would take its place")
        file.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{file}: can't be written: {exc.strerror}") from None
    return 0


def _may_be_replaced(content: bytes) -> bool:
    """
    Whether nothing is lost by writing a JSON Schema over it.
    """
    if not content.strip():
        return True
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "$schema" in found
