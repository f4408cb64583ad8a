"""
The `jobproof` command: a group whose commands plug in, loaded only when asked for.
"""

from __future__ import annotations

import sys
from functools import cached_property
from traceback import format_exception

import click

from jobproof.contract.entry_points import Plugin, plugins
from jobproof.contract.errors import JobproofError, did_you_mean
from jobproof.contract.formats.wording import legible_lines

__all__ = ["main"]

_GROUP = "jobproof.commands"
# --help shows these lines without importing what is behind them.
_SUMMARIES = {
    "test": "Hold an endpoint to its contract, as a pytest suite.",
    "demo": "See it all at work on a mocked job API.",
    "mock": "Serve the mocked endpoint, right or with faults.",
    "faults": "List the faults and correct variants of the mock.",
    "score": "Measure which known faults the suite finds.",
    "check": "Judge recorded traffic offline: HAR files or kept evidence.",
    "accept": "Accept for a while what breaks a run.",
    "render": "Write the page, the summary and their like from a kept report.",
    "apis": "List the job APIs that are installed.",
    "checks": "List the checks that are installed.",
    "probe": "Run the probe daemon.",
    "once": "Ask every target once and print what was found.",
    "config": "Validate a configuration, or print its JSON Schema.",
    "dashboards": "Write the Grafana dashboards.",
    "rules": "Write the Prometheus recording rules and alerts.",
}


class _LazyGroup(click.Group):
    """
    Finds its commands among the entry points of `jobproof.commands`.
    """

    @cached_property
    def _plugins(self) -> dict[str, Plugin]:
        return {plugin.name: plugin for plugin in plugins(_GROUP)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = list(self._plugins)
        # Ours in the order in which one meets them, then those of plug-ins by name.
        order = list(_SUMMARIES)
        return sorted(names, key=lambda n: (order.index(n) if n in order else len(order), n))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # Only the command that is meant gets imported, so that no other one delays or breaks it.
        plugin = self._plugins.get(cmd_name)
        return _load(plugin) if plugin else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, _SUMMARIES.get(name, "From a plug-in.")) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"no command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)


def _load(plugin: Plugin) -> click.Command:
    command = plugin.load()
    if not isinstance(command, click.Command):
        raise plugin.error(f"is no click.Command but a {type(command).__name__}")
    return command


def _told(failure: Exception) -> str:
    """
    The traceback of a failure of our own, without what steers a terminal or looks like a secret.
    """
    from jobproof.contract.formats.secrets.redaction import Redactor

    return legible_lines(Redactor().text("".join(format_exception(failure))))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit codes: 0 kept, 1 broken, 2 usage or configuration, 3 inconclusive, "
        "4 a failure of jobproof's own, 130 or 143 interrupted."
    ),
)
@click.version_option(package_name="jobproof", prog_name="jobproof")
def _jobproof() -> None:
    """
    Write down once what a job endpoint promises, then hold it to that promise in CI
    and in production with the same checks.
    """


def main(args: list[str] | None = None) -> None:
    """
    Run the command line; every mistake a person can mend is one line, never a traceback.

    A failure of our own is one, and exit code 4.
    """
    try:
        # On its own click would print and exit: JobproofError would never get its line.
        code = _jobproof.main(args, standalone_mode=False)
    except click.exceptions.Exit as exc:
        code = exc.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        # As shells have it: 128 and the number of SIGINT.
        code = 130
    except click.ClickException as exc:
        exc.show()
        code = 2
    except JobproofError as exc:
        click.echo(f"jobproof: {legible_lines(str(exc))}", err=True)
        code = exc.exit_code
    except Exception as exc:  # noqa: BLE001 -- what it says may be foreign, and 1 would be a verdict
        click.echo(_told(exc), err=True, nl=False)
        code = 4
    # A command that simply ended has returned None.
    sys.exit(code if isinstance(code, int) else 0)
