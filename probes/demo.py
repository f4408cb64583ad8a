"""
`jobproof demo`: the mock, the suite and the daemon at work, each as the command that a
user would type.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import yaml

from jobproof.contract.errors import InconclusiveError
from jobproof.contract.formats.json_value import JsonDocument, JsonObject

__all__ = ["demo"]

_TOKEN_ENV = "JOBPROOF_DEMO_TOKEN"  # noqa: S105 -- the name of a variable
_START_S = 20


@click.command()
@click.option("--once", is_flag=True, help="End after one round.")
@click.option("--api", "api_name", metavar="NAME", help="The job API: a name, or a folder.")
@click.option("--listen", default="127.0.0.1:9641", show_default=True, help="HOST:PORT to serve.")
def demo(once: bool, api_name: str | None, listen: str) -> int:
    """
    See it all at work on a mocked job API.

    Starts a mock with a lively mix of jobs, holds it to its contract once, and then
    watches it with the probe daemon until Ctrl-C.
    """
    with _mock(api_name) as card:
        click.echo(f"A mocked job API ({card['api']}) answers at {card['url']}\n")
        code = _suite(card, api_name or card["api"])
        click.echo()
        with tempfile.TemporaryDirectory(prefix="jobproof-demo-") as folder:
            config = Path(folder) / "jobproof.yaml"
            value = _config(card, api_name or card["api"])
            config.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
            if once:
                watched = _jobproof("once", "--config", str(config), card=card).wait()
                return code or watched
            _watch(config, listen, card, folder)
    return code


@contextmanager
def _mock(api_name: str | None) -> Iterator[JsonDocument]:
    arguments = ["mock", "--lively", "20", *(["--api", api_name] if api_name else [])]
    process = _jobproof(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield json.loads(_first_line(process))
    finally:
        _end(process)


def _first_line(process: subprocess.Popen[str]) -> str:
    lines: list[str] = []
    stdout = process.stdout
    assert stdout is not None
    # In a thread, since a pipe's readline has no time-out: a mock that hangs must not hang this.
    reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
    reader.start()
    reader.join(_START_S)
    if not lines or not lines[0].startswith("{"):
        # Only of an ended process: a living one's stderr would be read without end.
        text = process.stderr.read() if process.poll() is not None and process.stderr else ""
        raise InconclusiveError(f"the mock didn't start: {text.strip() or 'no word from it'}")
    return lines[0]


def _suite(card: JsonDocument, api: str) -> int:
    arguments = ["test", "--api", api, "--url", card["url"], "--token-env", _TOKEN_ENV]
    arguments += [f"--job={job_id}" for job_id in _scripted(card["jobs"])]
    arguments += [f"--foreign-job={job_id}" for job_id in _scripted(card["foreign_jobs"])]
    return _jobproof(*arguments, card=card).wait()


def _scripted(jobs: Mapping[str, str]) -> list[str]:
    """
    One job of every life.
    """
    return list({life: job_id for job_id, life in jobs.items()}.values())


def _config(card: JsonDocument, api: str) -> JsonObject:
    ended = _scripted(card["jobs"])[:6]
    target: JsonObject = {
        "name": "demo",
        "api": api,
        "url": card["url"],
        "token_env": _TOKEN_ENV,
        "interval": "2s",
        "timeout": "5s",
        "requests_per_minute": "unlimited",
        "slo": {"availability": 0.995, "latency": "250ms"},
        "canaries": {
            "known": {"ids": ended},
            "missing": {},
            "malformed": {"interval": "10s"},
            "anonymous": {"interval": "10s"},
            "foreign": {"ids": _scripted(card["foreign_jobs"])},
        },
    }
    if card.get("listing"):
        target["follow"] = [{"source": "listing"}]
    return {"targets": [target]}


def _watch(config: Path, listen: str, card: JsonDocument, folder: str) -> None:
    click.echo(f"status page   http://{listen}/")
    click.echo(f"metrics       http://{listen}/metrics")
    click.echo("Ctrl-C ends it.\n")
    process = _jobproof(
        *("probe", "--config", str(config), "--listen", listen),
        *("--state", str(Path(folder) / "state"), "--log-level", "warning"),
        card=card,
    )
    try:
        process.wait()
    except KeyboardInterrupt:
        click.echo("ending")
    finally:
        _end(process)


def _jobproof(
    *arguments: str, card: JsonDocument | None = None, **options: Any
) -> subprocess.Popen[str]:
    environ = {**os.environ, **({_TOKEN_ENV: card["token"]} if card else {})}
    # -P: a folder of the user's that is called like a library must not be imported.
    command = [sys.executable, "-P", "-m", "jobproof", *arguments]
    return subprocess.Popen(command, env=environ, text=True, **options)  # noqa: S603


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
