"""
Somebody's package that breaks, in a daemon and in the suite: what is broken is named and stands
still, and all else goes on.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.probes.live import write_config
from tests.probes.process import Process, daemon
from tests.third_party import Installation, bare_distribution
from tests.tools import PATIENCE_S, until

from jobproof.contract.client.curl import Client
from jobproof.contract.mock import MockServer
from jobproof.contract.model.request import build_owner_request
from jobproof.contract.plugin_import import ImportHungError, imported
from jobproof.contract.recordings.har.writer import har

PARTS = Path(__file__).with_name("broken_parts.py")
ENTRIES = {
    "jobproof.checks": {"broken": "broken_parts"},
    "jobproof.canaries": {"broken_canary": "broken_parts:Weekday"},
    "jobproof.sources": {"broken_source": "broken_parts:Env"},
    "jobproof.sinks": {"broken_sink": "broken_parts:Lines"},
}


@pytest.fixture
def broken(tmp_path: Path) -> Installation:
    text = PARTS.read_text(encoding="utf-8")
    return bare_distribution(tmp_path / "site", "broken-parts", ENTRIES, broken_parts=text)


def config_of(mock: MockServer, folder: Path) -> Path:
    known = mock.jobs[0].id
    return write_config(
        folder,
        mock,
        canaries=f"      known: {{ids: [{known}]}}\n      missing: {{}}\n"
        f"      broken_canary: {{ids: [{known}]}}\n",
        more=f"    follow: [{{source: broken_source, ids: [{known}]}}]\n"
        f"sinks: [{{sink: broken_sink, path: {folder / 'results.log'}}}]\n",
    )


@contextmanager
def running(broken: Installation, mock: MockServer, folder: Path, how: str) -> Iterator[Process]:
    with daemon(config_of(mock, folder), env=broken.settings(BREAK=how)) as process:
        yield process


def count(process: Process, name: str, labels: str = "") -> float:
    lines = re.findall(rf"^{name}{{([^}}]*)}} (\S+)$", process.get("metrics"), re.MULTILINE)
    return sum(float(value) for found, value in lines if labels in found)


def probes(process: Process, canary: str, outcome: str = "") -> float:
    """
    Those of a canary that were answered rightly; or of one outcome alone.
    """
    labels = f'canary="{canary}",outcome="{outcome or "ok"}"'
    return count(process, "jobproof_probes_total", labels)


@pytest.mark.parametrize(
    ("how", "part", "why"),
    [
        ("canary_hangs", "canary broken_canary", "hung"),
        ("canary_spins", "canary broken_canary", "hung"),
        ("canary_raises", "canary broken_canary", "raised"),
        ("canary_exits", "canary broken_canary", "raised"),
        ("canary_none", "canary broken_canary", "raised"),
        ("canary_number", "canary broken_canary", "raised"),
        ("canary_empty", "canary broken_canary", "raised"),
        ("canary_subject", "canary broken_canary", "raised"),
        ("canary_credential", "canary broken_canary", "raised"),
        ("canary_says_number", "canary broken_canary", "raised"),
        ("canary_wordless", "canary broken_canary", "raised"),
        ("canary_exits_in_words", "canary broken_canary", "raised"),
        ("canary_told_exits", "canary broken_canary", "raised"),
        ("canary_told_hangs", "canary broken_canary", "hung"),
        ("source_hangs", "source broken_source", "hung"),
        ("source_exits", "source broken_source", "raised"),
        ("source_none", "source broken_source", "raised"),
        ("source_wordless", "source broken_source", "raised"),
        ("source_problem", "source broken_source", "raised"),
        ("source_interval", "source broken_source", "raised"),
        ("source_text", "source broken_source", "raised"),
        ("source_no_url", "source broken_source", "raised"),
        ("sink_hangs", "sink broken_sink", "hung"),
        ("sink_exits", "sink broken_sink", "raised"),
        ("sink_wordless", "sink broken_sink", "raised"),
        ("check_hangs", "check broken_promise", "hung"),
        ("check_spins", "check broken_promise", "hung"),
        ("check_exits", "check broken_promise", "raised"),
        ("check_wordless", "check broken_promise", "raised"),
        ("check_exits_in_words", "check broken_promise", "raised"),
        ("check_kind", "check broken_promise", "raised"),
        ("check_interrupts", "check broken_promise", "raised"),
    ],
)
def test_a_part_that_fails_is_named_and_counted_and_the_others_go_on(
    broken: Installation, mock: MockServer, tmp_path: Path, how: str, part: str, why: str
) -> None:
    kind, name = part.split()
    labels = f'kind="{kind}",name="{name}",why="{why}"'
    with running(broken, mock, tmp_path, how) as process:
        until(lambda: count(process, "jobproof_plugin_failures_total", labels) >= 1)
        before = probes(process, "known")
        until(lambda: probes(process, "known") >= before + 5)
        until(lambda: probes(process, "missing") >= 5)
        # Whoever broke it, it wasn't the endpoint: availability doesn't fall for it.
        assert probes(process, "known", "violation") == probes(process, "missing", "violation") == 0
        crashes = count(process, "jobproof_check_crashes_total", f'check="{name}"')
        assert (crashes >= 1) == (kind == "check")
        assert len(re.findall(rf"ERROR .*\b{part}: ", process.said)) == 1
        assert "Traceback" not in process.said
        began = time.monotonic()
        assert process.end() == 0
        assert time.monotonic() - began < PATIENCE_S


def test_a_canary_that_hangs_is_off_until_a_reload_and_fails_every_slot(
    broken: Installation, mock: MockServer, tmp_path: Path
) -> None:
    with running(broken, mock, tmp_path, "canary_hangs") as process:
        until(lambda: probes(process, "broken_canary", "internal") >= 3)
        hung = count(process, "jobproof_plugin_failures_total", 'kind="canary"')
        assert hung == 1
        process.handle.send_signal(signal.SIGHUP)
        until(lambda: count(process, "jobproof_plugin_failures_total", 'kind="canary"') == 2)
        assert process.said.count("it is off until a reload") == 2


def test_ready_names_a_sink_that_hangs_and_its_results_are_dropped(
    broken: Installation, mock: MockServer, tmp_path: Path
) -> None:
    def ready() -> tuple[int, str]:
        try:
            return 200, process.get("-/ready")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    with running(broken, mock, tmp_path, "sink_hangs") as process:
        until(lambda: ready()[0] == 503)
        assert "sink broken_sink hangs" in ready()[1]
        assert process.get("-/healthy") == "jobproof is healthy.\n"


@pytest.mark.parametrize("how", ["close_hangs", "close_raises", "close_exits"])
def test_the_end_comes_whatever_a_sink_does(
    broken: Installation, mock: MockServer, tmp_path: Path, how: str
) -> None:
    with running(broken, mock, tmp_path, how) as process:
        until(lambda: probes(process, "known") >= 3)
        assert process.end() == 0
        assert "sink broken_sink" in process.said


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("canary_holds", "canary broken_canary has held the interpreter"),
        ("check_holds", "check broken_promise has held the interpreter"),
        ("sink_holds", "sink broken_sink has held the interpreter"),
    ],
)
def test_one_that_holds_the_interpreter_ends_the_process_with_4_and_its_name(
    broken: Installation, mock: MockServer, tmp_path: Path, how: str, named: str
) -> None:
    config, log = config_of(mock, tmp_path), tmp_path / "said"
    with log.open("wb") as out:
        handle = subprocess.Popen(
            broken.command("probe", "--config", str(config), "--listen", "127.0.0.1:0"),
            stdout=out,
            stderr=out,
            env=broken.settings(BREAK=how),
            cwd=tmp_path,
        )
        try:
            assert handle.wait(PATIENCE_S) == 4
        finally:
            handle.kill()
            handle.wait(PATIENCE_S)
    said = log.read_text(encoding="utf-8")
    # On a busy machine others may be under way, and then each of them is named.
    part, _, what = named.partition(" has ")
    (line,) = re.findall(rf"ERROR .*: (.*) has {what}", said)
    assert part in line.split(" or ")
    # The traceback of each thread stands there, too.
    assert "in holds_the_interpreter" in said


def test_a_daemon_that_was_stopped_for_long_goes_on(
    broken: Installation, mock: MockServer, tmp_path: Path
) -> None:
    with running(broken, mock, tmp_path, "") as process:
        until(lambda: probes(process, "known") >= 1)
        process.handle.send_signal(signal.SIGSTOP)
        time.sleep(11.0)
        process.handle.send_signal(signal.SIGCONT)
        before = probes(process, "known")
        until(lambda: probes(process, "known") >= before + 3)
        assert process.end() == 0


def test_ids_are_bounded_and_those_that_are_none_are_left_out(
    broken: Installation, mock: MockServer, tmp_path: Path
) -> None:
    with running(broken, mock, tmp_path, "source_rubbish") as process:
        until(lambda: "4 of what it found can't be ids" in process.said)
        until(lambda: probes(process, "followed") >= 1)
        assert "Traceback" not in process.said
    with running(broken, mock, tmp_path, "source_flood") as process:
        until(lambda: "it found more than 10,000 ids; the first are taken" in process.said)
        until(lambda: probes(process, "known") >= 5)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("options_change", "its options can't be told apart"),
        ("options_list", "its options can't be told apart (unhashable type: 'list')"),
        ("import_exits", "can't be loaded: SystemExit: 0"),
    ],
)
def test_what_can_t_be_used_is_one_line_of_config_check(
    broken: Installation, mock: MockServer, tmp_path: Path, how: str, says: str
) -> None:
    config = config_of(mock, tmp_path)
    said = broken.jobproof("config", "check", str(config), BREAK=how)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "(broken-parts 0.1)" in said.err
    assert says in said.err


@pytest.mark.parametrize(
    "command", [("test", "--effort", "quick"), ("checks",), ("check", "x.har"), ("score",)]
)
def test_a_package_that_exits_while_it_is_imported_is_no_green_run(
    broken: Installation, command: tuple[str, ...]
) -> None:
    said = broken.jobproof(*command, BREAK="import_exits")
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert "plug-in 'broken' (broken-parts 0.1): can't be loaded: SystemExit: 0" in said.err


@pytest.mark.parametrize(
    "command", [("test", "--effort", "quick"), ("checks",), ("check", "x.har")]
)
@pytest.mark.parametrize(("how", "code"), [("import_hangs", 2), ("import_hangs_on", 4)])
def test_a_package_whose_import_never_ends_is_one_line(
    broken: Installation, command: tuple[str, ...], how: str, code: int
) -> None:
    said = broken.jobproof(*command, BREAK=how, JOBPROOF_PLUGIN_IMPORT_TIMEOUT="0.5")
    assert said.code == code
    (line,) = said.err.splitlines()
    assert line == (
        "jobproof: plug-in 'broken' (broken-parts 0.1): its import hasn't ended after 0.5 s; "
        "uninstall or mend it, or allow more by JOBPROOF_PLUGIN_IMPORT_TIMEOUT"
    )


@pytest.mark.parametrize("said", ["0", "-1", "nan", "1e400", "soon"])
def test_an_import_s_limit_is_a_number_of_seconds(broken: Installation, said: str) -> None:
    told = broken.jobproof("checks", JOBPROOF_PLUGIN_IMPORT_TIMEOUT=said)
    assert told.code == 2
    assert told.err.splitlines() == [
        f"jobproof: JOBPROOF_PLUGIN_IMPORT_TIMEOUT is {said!r}, and no number of seconds above 0"
    ]


def test_an_import_beside_the_main_thread_is_left_where_it_hangs() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOBPROOF_PLUGIN_IMPORT_TIMEOUT", "0.2")
        gate = threading.Event()
        with pytest.raises(ImportHungError, match=r"hasn't ended after 0\.2 s"):
            pool.submit(imported, gate.wait, "plug-in 'slow'").result()
        gate.set()
        assert pool.submit(imported, gate.wait, "plug-in 'quick'").result() is True
        with pytest.raises(SystemExit):
            pool.submit(imported, sys.exit, "plug-in 'rude'").result()


def test_a_person_s_interrupt_is_no_import_that_hangs() -> None:
    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)

    told = list[int]()
    usual = signal.signal(signal.SIGINT, lambda number, _frame: told.append(number))
    try:
        imported(interrupted, "plug-in 'quick'")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt):
            imported(interrupted, "plug-in 'quick'")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, usual)
    assert told == [signal.SIGINT]


def test_an_import_that_hangs_is_ended_whatever_the_signal_means_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JOBPROOF_PLUGIN_IMPORT_TIMEOUT", "0.2")
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(ImportHungError):
            imported(lambda: time.sleep(PATIENCE_S), "plug-in 'slow'")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


def test_a_round_in_which_a_check_crashes_is_not_kept_and_blames_nobody(
    broken: Installation, mock: MockServer, tmp_path: Path
) -> None:
    said = broken.jobproof("once", "--config", str(config_of(mock, tmp_path)), BREAK="check_exits")
    assert said.code == 4, said.out + said.err
    assert "inconclusive check_crashed at broken_promise" in said.out
    assert "checks failed by themselves: broken_promise" in said.out
    assert "violation" not in said.out


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("canary_raises", "canary broken_canary failed: ValueError: no"),
        ("canary_exits", "canary broken_canary failed: SystemExit: 3"),
        ("canary_hangs", "canary broken_canary failed: no end within 3 s"),
        ("canary_none", "next_request gave None, and no CanaryRequest"),
        ("canary_number", "7 is no job id"),
        ("canary_huge", "round_size is 1000000000, and no number from 1 to 10,000"),
        ("canary_sizeless", "round_size is '3', and no number from 1 to 10,000"),
        ("source_hangs", "source broken_source failed: no end within 3 s"),
    ],
)
def test_in_a_round_a_part_that_fails_is_named_and_the_others_are_asked(
    broken: Installation, mock: MockServer, tmp_path: Path, how: str, says: str
) -> None:
    said = broken.jobproof("once", "--config", str(config_of(mock, tmp_path)), BREAK=how)
    assert said.code == 3, said.out + said.err
    assert says in said.out
    answers = re.findall(r"^mocked +(\w+) .* ok +[0-9]+ ms$", said.out, re.MULTILINE)
    assert {"known", "missing"} <= set(answers), said.out
    assert "not all was asked for that was to be" in said.out


def test_a_recording_at_which_a_check_crashes_is_not_kept_and_blames_nobody(
    broken: Installation, mock: MockServer, tmp_path: Path
) -> None:
    with Client() as client:
        asked = build_owner_request(mock.api, mock.url, mock.jobs[0].id, mock.token)
        seen = [client.send(asked, deadline_s=PATIENCE_S) for _ in range(3)]
    path = tmp_path / "seen.har"
    path.write_text(json.dumps(har(seen)), encoding="utf-8")
    said = broken.jobproof("check", str(path), BREAK="check_exits")
    assert said.code == 4, said.out + said.err
    assert "CRASHED check_crashed: check broken_promise crashed: SystemExit: 3" in said.out
    assert "verdict: inconclusive: jobproof itself failed" in said.out
    assert "BROKEN" not in said.out


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("check_exits", "check broken_promise crashed: SystemExit: 3"),
        ("check_interrupts", "check broken_promise crashed: KeyboardInterrupt"),
        ("check_mutates", "check broken_promise crashed: TypeError: what was seen"),
        ("check_hangs", "check broken_promise hangs: no end within 10 s; it is asked no longer"),
    ],
)
def test_in_the_suite_a_check_that_fails_is_named_and_the_endpoint_is_not_blamed(
    broken: Installation, how: str, says: str
) -> None:
    said = broken.jobproof("test", "--effort", "quick", BREAK=how)
    assert said.code == 4, said.out + said.err
    assert says in said.out
    assert "inconclusive: jobproof itself failed" in said.out
    assert len(said.out) < 20_000


def test_in_the_suite_findings_without_end_are_cut(broken: Installation) -> None:
    said = broken.jobproof("test", "--effort", "quick", BREAK="check_endless")
    assert said.code == 1
    assert "broken: broken_promise" in said.out
