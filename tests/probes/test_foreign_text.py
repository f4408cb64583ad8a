"""
What an answer holds is shown in every output of the monitor, and sent to no terminal; its files
are its owner's alone.
"""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sqlite3
import stat
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.probes.live import write_config
from tests.probes.process import Process, daemon
from tests.shouter import FORGED, SHOUT, Shouter, raw_in
from tests.tools import JOBPROOF, PATIENCE_S, run_to_end, until

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.probes.evidence.store import EvidenceStore
from jobproof.probes.export.jsonl import JsonLines, JsonLinesOptions
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.logs import set_up_logs
from jobproof.probes.result import ProbeOutcome, ProbeResult

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
OPENMETRICS = "application/openmetrics-text"
BAD_CONFIGURATIONS = (
    json.dumps({SHOUT: 1}),
    json.dumps({"targets": SHOUT}),
    json.dumps({"targets": [{"name": SHOUT}]}),
    json.dumps({"targets": [{"name": "a", "api": SHOUT}]}),
    f"targets: [{SHOUT}",
)


@pytest.fixture
def shouter() -> Iterator[Shouter]:
    with Shouter().serve() as serving:
        yield serving


@pytest.fixture
def config(shouter: Shouter, tmp_path: Path) -> Path:
    return write_config(
        tmp_path,
        shouter.url,
        canaries=f"      known: {{ids: [{JOB}]}}\n      missing: {{}}\n"
        "      anonymous: {}\n      malformed: {}\n",
        more="    follow:\n      - {source: pushed}\n      - {source: listing, interval: 1s}\n"
        f"      - {{source: static, ids: [{JOB}]}}\n"
        f"sinks: [{{sink: jsonl, path: {tmp_path / 'results.jsonl'}}}]\n",
    )


def _ask(process: Process, path: str, accept: str = "*/*", method: str = "GET") -> str:
    """
    Head and body, whatever the code.
    """
    request = urllib.request.Request(process.url + path, method=method, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return f"{answer.headers}{answer.read().decode()}".replace("\r\n", "\n")
    except urllib.error.HTTPError as refused:
        return f"{refused.headers}{refused.read().decode()}".replace("\r\n", "\n")


def _answers(process: Process, evidence: list[str]) -> Iterator[tuple[str, str]]:
    shout = urllib.parse.quote(SHOUT[:60], safe="")
    paths = ["", "metrics", "probe?target=mocked&canary=known", "-/sd", "-/ready", "-/healthy"]
    paths += [shout, f"probe?target={shout}", f"probe?target=mocked&canary={shout}"]
    paths += [f"evidence/{one}{form}" for one in evidence for form in ("", ".curl", ".har")]
    for path in paths:
        for accept in ("*/*", OPENMETRICS, "application/json"):
            yield path, _ask(process, path, accept)
    for path in (f"jobs/mocked/{shout}", f"jobs/{shout}/x", f"jobs/mocked/{JOB}"):
        yield path, _ask(process, path, method="POST")


def _rows(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path)) as db:
        for table in ("followed", "ended", "sights"):
            for row in db.execute(f"SELECT * FROM {table}"):
                yield from (value for value in row if isinstance(value, str))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_steers_a_terminal_is_sent_nowhere_by_the_daemon(
    config: Path, shouter: Shouter, tmp_path: Path, style: str
) -> None:
    state, good = tmp_path / "state", config.read_text(encoding="utf-8")
    options = ("--state", str(state), "--log-level", "debug", "--log-format", style)
    with _umask(0o022), daemon(config, *options) as process:
        until(lambda: process.count("jobproof_probes_total") > 4 * shouter.turns)
        kept = [path.stem for path in sorted(state.glob("evidence/*.har"))][:20]
        assert kept
        said = dict(_answers(process, kept))
        for number, bad in enumerate(BAD_CONFIGURATIONS, 1):
            config.write_text(bad, encoding="utf-8")
            process.handle.send_signal(signal.SIGHUP)
            until(lambda count=number: process.said.count("reload refused") >= count)
            said[f"reload {number}"] = _ask(process, "-/reload", method="POST")
            until(lambda count=number: process.said.count("reload refused") >= 2 * count)
        config.write_text(good, encoding="utf-8")
        modes = {path: _mode(path) for path in state.rglob("*") if path.suffix != ".new"}
        modes |= {path: _mode(path) for path in (state, tmp_path / "results.jsonl")}
        assert process.end() == 0
        said["log"] = process.said
    assert "forged" in said["log"]
    assert any("\\u202e" in text for text in said.values())
    for number, row in enumerate(_rows(state / "followed.sqlite")):
        said[f"row {number}"] = row
    for path in (*state.glob("evidence/*.har"), *tmp_path.glob("results.jsonl*")):
        said[path.name] = path.read_text(encoding="utf-8")
    found = {name: raw_in(text) for name, text in said.items()}
    for name in found:
        if name.startswith("evidence/"):  # a text of many lines, in an element of its own
            found[name] -= {"a forged line"}
    assert {name: signs for name, signs in found.items() if signs} == {}
    assert all("<script>alert" not in text for name, text in said.items() if "<!doctype" in text)
    assert {path: mode for path, mode in modes.items() if mode & 0o077} == {}
    assert len(modes) > len(kept)


def test_what_steers_a_terminal_is_sent_nowhere_by_one_round(config: Path) -> None:
    for options in ((), ("--json",), ("--metrics",)):
        done = run_to_end(*JOBPROOF, "once", "--config", config, *options)
        assert done.returncode in (1, 3), done.stderr
        assert (raw_in(done.stdout), raw_in(done.stderr)) == (set(), set())
    assert "mocked" in done.stdout


@pytest.mark.parametrize("number", range(len(BAD_CONFIGURATIONS)))
def test_a_configuration_that_is_refused_forges_no_line(tmp_path: Path, number: int) -> None:
    path = tmp_path / "jobproof.yaml"
    path.write_text(BAD_CONFIGURATIONS[number], encoding="utf-8")
    done = run_to_end(*JOBPROOF, "config", "check", path)
    assert done.returncode == 2
    assert raw_in(done.stderr) == set()
    assert done.stderr.startswith(f"jobproof: {path}:")


@pytest.fixture
def logged(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    root, stream = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    set_up_logs(Redactor(["good-tok-AAAAAA"]), style=request.param, stream=stream)
    yield stream.getvalue
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


@pytest.mark.parametrize("logged", ["text", "json"], indirect=True)
def test_an_entry_of_the_log_begins_where_we_begin_it(logged: Callable[[], str]) -> None:
    log = logging.getLogger("a")
    log.warning("seen: %s", SHOUT, extra={"more": SHOUT})
    try:
        raise ValueError(f"GOOD-tok-aaaaaa {SHOUT}")
    except ValueError:
        log.exception("it failed", stack_info=True)
    lines = logged().splitlines()
    assert raw_in(logged()) == set()
    assert sum("forged" in line for line in lines) >= 2
    assert "tok-" not in logged()
    entries = [line for line in lines if not line.startswith("  ")]
    assert len(entries) == 2
    assert [line for line in lines if line.startswith(FORGED[:10])] == []


@pytest.mark.parametrize("logged", ["json"], indirect=True)
def test_what_a_log_in_json_holds_is_shown_whoever_parses_it(logged: Callable[[], str]) -> None:
    logging.getLogger("a").warning("seen: %s", SHOUT)
    (line,) = logged().splitlines()
    assert "gnp.exe" in line
    assert raw_in(json.loads(line)["message"]) == set()


def test_what_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    evidence, file = tmp_path / "evidence", tmp_path / "followed.sqlite"
    WatchList(file).close()
    evidence.mkdir()
    evidence.chmod(0o755)
    file.chmod(0o644)
    EvidenceStore(evidence)
    WatchList(file).close()
    assert (_mode(evidence), _mode(file)) == (0o700, 0o600)


def test_what_a_link_leads_to_stays_as_its_owner_has_made_it(tmp_path: Path) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "evidence"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    link.symlink_to(elsewhere)
    EvidenceStore(link)
    assert _mode(elsewhere) == 0o755


def test_who_may_read_one_file_of_a_sink_may_read_the_next(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    result = ProbeResult("a", "known", ProbeOutcome.INTERNAL, 0.0, 0.0, 0.0, None, error="x" * 4096)
    with _umask(0o022):
        sink = JsonLines(JsonLinesOptions(path=str(path), max_bytes=4096))
        assert _mode(path) == 0o600
        path.chmod(0o640)
        for _ in range(3):
            sink.write(result)
        sink.close()
    assert (_mode(path), _mode(path.with_name("results.jsonl.1"))) == (0o640, 0o640)
