"""
The token occurs in no output of the probes, in whatever spelling the server sends it back.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.parrot import TOKEN, Parrot, shown_in
from tests.probes.live import write_config
from tests.probes.process import Process, daemon
from tests.tools import JOBPROOF, PATIENCE_S, run_to_end, until

JOBS = ["4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20", "0b3f3f0e-7d0e-4b6a-9d7e-3c9f5a1b2c3d"]


@pytest.fixture
def parrot() -> Iterator[Parrot]:
    with Parrot().serve() as serving:
        yield serving


@pytest.fixture
def config(parrot: Parrot, tmp_path: Path) -> Path:
    ids, sink = json.dumps(JOBS), tmp_path / "results.jsonl"
    return write_config(
        tmp_path,
        parrot.url,
        token=TOKEN,
        canaries=f"      known: {{ids: {ids}}}\n      missing: {{}}\n"
        "      anonymous: {}\n      malformed: {}\n",
        more="    follow:\n      - {source: pushed}\n      - {source: listing, interval: 1s}\n"
        f"      - {{source: static, ids: {json.dumps([*JOBS, TOKEN])}}}\n"
        f"sinks: [{{sink: jsonl, path: {sink}}}]\n",
    )


def _pages(process: Process) -> Iterator[str]:
    openmetrics = "application/openmetrics-text"
    for path in ("", "metrics", "probe?target=mocked&canary=known", "-/sd", "-/ready"):
        yield _ask(process, path, openmetrics)
    yield _ask(process, "metrics", "text/plain")


def _ask(process: Process, path: str, accept: str = "*/*", method: str = "GET") -> str:
    request = urllib.request.Request(process.url + path, method=method, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def _bodies(path: Path) -> Iterator[str]:
    for entry in json.loads(path.read_text())["log"]["entries"]:
        content = entry["response"]["content"]
        if content.get("encoding") == "base64":
            yield base64.b64decode(content["text"]).decode("latin-1")


def _bodies_of_lines(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        encoded = (json.loads(line).get("response") or {}).get("body_base64")
        if encoded is not None:
            yield base64.b64decode(encoded).decode("latin-1")


def _rows(path: Path) -> Iterator[str]:
    # Of itself a connection ends its transaction there, and stays open.
    with closing(sqlite3.connect(path)) as db:
        for table in ("followed", "ended", "sights"):
            yield from map(repr, db.execute(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_token_that_is_sent_back_stands_in_no_output(
    config: Path, parrot: Parrot, tmp_path: Path, style: str
) -> None:
    state = tmp_path / "state"
    options = ("--state", str(state), "--log-level", "debug", "--log-format", style)
    said: list[str] = []
    with daemon(config, *options) as process:
        enough = 3 * len(parrot.spellings)
        until(lambda: process.count("jobproof_probes_total") > enough)
        said += _pages(process)
        pushed = _ask(process, f"jobs/mocked/{urllib.parse.quote(TOKEN, safe='')}", method="POST")
        assert pushed == "a job id that holds a secret isn't followed\n"
        kept = sorted(state.glob("evidence/*.har"))
        assert kept
        for path in kept[:20]:
            said += [_ask(process, f"evidence/{path.stem}{form}") for form in ("", ".curl", ".har")]
        good = config.read_text()
        config.write_text(f"token: {TOKEN}", encoding="utf-8")
        process.handle.send_signal(signal.SIGHUP)
        until(lambda: "reload refused" in process.said)
        config.write_text(good)
        assert process.end() == 0
        said.append(process.said)
    for path in state.glob("evidence/*.har"):
        said += [path.read_text(), *_bodies(path)]
    said += _rows(state / "followed.sqlite")
    for path in tmp_path.glob("results.jsonl*"):
        said += [path.read_text(), *_bodies_of_lines(path)]
    assert any("startedDateTime" in text for text in said)
    assert {name for text in said for name in shown_in(text)} == set()
    for path in state.rglob("*"):
        if path.is_file():
            assert shown_in(path.read_bytes().decode("latin-1")) == [], path
    checked = run_to_end(*JOBPROOF, "check", str(state / "evidence"), "--api", "krea")
    assert checked.returncode == 1, checked.stderr
    assert shown_in(checked.stdout + checked.stderr) == []


def test_one_round_tells_no_token(config: Path) -> None:
    for options in ((), ("--json",), ("--metrics",)):
        done = run_to_end(*JOBPROOF, "once", "--config", str(config), *options)
        assert done.returncode in (1, 3), done.stderr
        assert "***" in done.stdout
        assert shown_in(done.stdout + done.stderr) == []


def test_what_the_environment_puts_into_a_configuration_is_not_printed(tmp_path: Path) -> None:
    path = write_config(tmp_path, "http://127.0.0.1:9", token=TOKEN, canaries="      missing: {}\n")
    for old, new in (("name: mocked", "name: a-${WORD}"), ("interval: 100ms", "interval: ${WORD}")):
        path.write_text(path.read_text().replace(old, new))
        done = run_to_end(
            *JOBPROOF, "config", "check", path, env={**os.environ, "WORD": "s3cret-word"}
        )
        assert "s3cret-word" not in done.stdout + done.stderr
        assert "***" in done.stdout + done.stderr
