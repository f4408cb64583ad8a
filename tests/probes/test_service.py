"""
The daemon as a process: signals, ports, kill -9, and what it never says.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.probes.live import write_config
from tests.probes.process import Process, daemon
from tests.tools import JOBPROOF, PATIENCE_S, PYTHON, output_of, run_to_end, until

from jobproof.contract.mock import MockServer
from jobproof.contract.model.api import load_api
from jobproof.contract.model.request import build_owner_request
from jobproof.contract.plugins import find_api
from jobproof.probes.engine.target_state import ClientSettings
from jobproof.probes.following.watch_list import FollowedJob, WatchList
from jobproof.probes.service import connect


def test_sigterm_ends_in_order(mock: MockServer, tmp_path: Path) -> None:
    with daemon(write_config(tmp_path, mock)) as process:
        until(lambda: process.count("jobproof_probes_total") >= 4)
        assert process.end() == 0
        assert "Traceback" not in process.said
        assert process.said.rstrip().endswith("ended")


def test_sigterm_waits_for_what_is_under_way_and_a_second_one_doesn_t(
    mock: MockServer, tmp_path: Path
) -> None:
    mock.set_faults("hang")
    config = write_config(tmp_path, mock)
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("timeout: 2s", "timeout: 60s"), encoding="utf-8")
    with daemon(config) as process:
        until(lambda: process.count("jobproof_probes_in_flight") >= 1)
        process.handle.send_signal(signal.SIGTERM)
        until(lambda: "ending" in process.said)
        assert process.handle.poll() is None
        assert process.end() == 128 + signal.SIGTERM


def test_a_probe_dials_anew_once_its_connection_is_a_minute_old(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(ClientSettings())
    request = build_owner_request(mock.api, mock.url, mock.jobs[0].id, mock.token)
    with closing(client):
        first, second = (client.send(request, deadline_s=PATIENCE_S) for _ in range(2))
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 61.0)
        monkeypatch.setattr("jobproof.contract.client.curl.time", later)
        third = client.send(request, deadline_s=PATIENCE_S)
    assert [one.reused for one in (first, second, third)] == [False, True, False]


def test_sighup_reloads(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    with daemon(config) as process:
        config.write_text("nonsense", encoding="utf-8")
        process.handle.send_signal(signal.SIGHUP)
        until(lambda: "reload refused" in process.said)
        assert process.count("jobproof_config_last_reload_successful") == 0.0
        write_config(tmp_path, mock)
        process.handle.send_signal(signal.SIGHUP)
        until(lambda: "1 as before" in process.said)
        assert process.count("jobproof_config_last_reload_successful") == 1.0


def run(*arguments: str) -> tuple[int, str]:
    done = run_to_end(*JOBPROOF, *arguments)
    return done.returncode, done.stdout + done.stderr


def test_a_taken_port_is_one_line(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        code, said = run("probe", "--config", str(config), "--listen", where)
    assert (code, said) == (2, f"jobproof: --listen {where}: Address already in use\n")


@pytest.mark.parametrize(
    "listen", ["9641", "localhost:http", "127.0.0.1:99999", ":", "a:\u00b2", "a:" + "9" * 5_000]
)
def test_an_address_that_is_none_says_how_to_write_one(
    mock: MockServer, tmp_path: Path, listen: str
) -> None:
    code, said = run("probe", "--config", str(write_config(tmp_path, mock)), "--listen", listen)
    assert (code, said.count("\n")) == (2, 1)
    assert "write HOST:PORT, for example 127.0.0.1:9641" in said


def test_a_file_that_isn_t_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    code, said = run("probe", "--config", str(path))
    assert (code, said) == (2, f"jobproof: {path}: can't be read: No such file or directory\n")


def quick_api(folder: Path) -> Path:
    """
    The API as it is, but its jobs may be polled ten times a second.
    """
    copy = folder / "api"
    shutil.copytree(find_api("krea").folder, copy)
    profile = copy / "profile.yaml"
    text, edits = re.subn(
        r"cadence: {poll: 5s, slowest: 60s",
        "cadence: {poll: 100ms, slowest: 500ms",
        profile.read_text(encoding="utf-8"),
    )
    assert edits == 1
    profile.write_text(text, encoding="utf-8")
    return copy


def following_what_is_pushed(folder: Path, server: MockServer) -> Path:
    canaries, more = "      missing: {interval: 10s}\n", "    follow: [{source: pushed}]\n"
    return write_config(folder, server, api="./api", canaries=canaries, more=more)


def push(process: Process, job_id: str) -> None:
    """
    Have a job followed.
    """
    wanted = urllib.request.Request(f"{process.url}jobs/mocked/{job_id}", method="POST")
    with urllib.request.urlopen(wanted, timeout=PATIENCE_S) as answer:
        assert answer.status == 202


def followed(state: Path) -> tuple[FollowedJob, ...]:
    """
    The jobs that a daemon which has ended was following.
    """
    kept = WatchList(state / "followed.sqlite")
    found = kept.all("mocked")
    kept.close()
    return found


@pytest.mark.parametrize("older_s", [0.0, 9.0], ids=["none-ended", "some-ended"])
def test_kill_9_while_following_a_hundred_jobs_loses_none(tmp_path: Path, older_s: float) -> None:
    # The endpoint's time stands still, so that it is told who has ended, however long this takes.
    now = [time.time()]
    api = load_api(quick_api(tmp_path))
    with MockServer(api, jobs_per_minute=6000, clock=lambda: now[0]) as server:
        jobs = server.jobs[-100:]
        ids = {job.id for job in jobs}
        config = following_what_is_pushed(tmp_path, server)
        state = tmp_path / "state"
        with daemon(config, "--state", str(state)) as process:
            for job in jobs:
                push(process, job.id)
            now[0] += older_s
            ended = {job.id for job in jobs if job.has_ended(now[0])}
            assert bool(ended) == bool(older_s)
            # Killed while most of them are under way.
            until(lambda: process.count("jobproof_probes_total") >= 60)
            until(lambda: not ended or process.count("jobproof_job_completion_seconds_count") >= 1)
            process.handle.kill()
            process.handle.wait(PATIENCE_S)
        kept = followed(state)
        # One that was seen to end is asked once more, and then no longer.
        assert ids - {job.job_id for job in kept} <= ended
        left = {job.job_id for job in kept if job.ended_at is None}
        assert left >= ids - ended
        assert len(ids - ended) > 50
        # A day later the endpoint has forgotten them all: that alone is no reason to let them go.
        now[0] += 86_400.0
        until(lambda: not ids & {job.id for job in server.jobs})
        mark = len(server.log)
        with daemon(config, "--state", str(state)) as process:
            until(lambda: {entry.job_id for entry in server.log[mark:]} >= {j.job_id for j in kept})
            until(lambda: process.count("jobproof_not_found_total") > 3 * len(left))
            assert process.end() == 0
        assert {job.job_id for job in followed(state)} == left


def test_kill_9_and_a_hundred_jobs_are_followed_to_their_ends_and_each_is_counted_once(
    tmp_path: Path,
) -> None:
    api = load_api(quick_api(tmp_path))
    # Their lives go on by being polled, and the mock forgets none of them.
    with MockServer(api, lives=["image"] * 100) as server:
        ids = [job.id for job in server.jobs[-100:]]
        config = following_what_is_pushed(tmp_path, server)
        state, ends = tmp_path / "state", "jobproof_job_completion_seconds_count"
        with daemon(config, "--state", str(state)) as process:
            for job_id in ids:
                push(process, job_id)
            until(lambda: process.count(ends) >= 20)
            counted = process.count(ends)
            process.handle.kill()
            process.handle.wait(PATIENCE_S)
        left = {job.job_id: job.ended_at is not None for job in followed(state)}
        under_way = {job_id for job_id, has_ended in left.items() if not has_ended}
        # Those that were seen to end are asked once more, whether it is final.
        assert 0 < len(under_way) <= 100 - counted
        mark = len(server.log)
        with daemon(config, "--state", str(state)) as process:
            until(lambda: process.count(ends) >= len(under_way))
            until(lambda: process.count("jobproof_followed_jobs") == 0)
            assert process.count(ends) == len(under_way)
            assert process.end() == 0
        asked = {entry.job_id for entry in server.log[mark:]}
        assert asked & set(ids) == left.keys()
        assert followed(state) == ()
        assert {job.peek(time.time()).status for job in server.jobs[-100:]} == {"completed"}


def test_evidence_that_is_no_folder_is_one_line(mock: MockServer, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "evidence").write_bytes(b"")
    config = write_config(tmp_path, mock)
    code, said = run("probe", "--config", str(config), "--state", str(state))
    assert (code, said) == (2, f"jobproof: --state {state}: evidence: File exists\n")


def test_an_unreadable_watch_list_is_moved_aside_and_said(mock: MockServer, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "followed.sqlite").write_bytes(b"this is no database" * 100)
    with daemon(write_config(tmp_path, mock), "--state", str(state)) as process:
        assert "the watch list couldn't be used; it is" in process.said
        until(lambda: process.count("jobproof_probes_total") >= 2)
    assert list(state.glob("followed.sqlite.unreadable-*"))


def test_the_token_occurs_in_no_output_whatever(mock: MockServer, tmp_path: Path) -> None:
    token = mock.token
    config = write_config(
        tmp_path,
        mock,
        canaries=f"      known: {{ids: [{mock.jobs[0].id}]}}\n"
        "      missing: {}\n      anonymous: {}\n      malformed: {}\n",
        more=f"    follow: [{{source: static, ids: {json.dumps([job.id for job in mock.jobs])}}}]\n"
        f"sinks: [{{sink: jsonl, path: {tmp_path / 'results.jsonl'}}}]\n",
    )
    state = tmp_path / "state"
    said = []
    with daemon(
        config, "--state", str(state), "--log-level", "debug", "--log-format", "json"
    ) as process:
        for fault in ("status_unheard_of", "stack_trace_in_404", "body_short", "hang"):
            mock.set_faults(fault)
            before = process.count("jobproof_probes_total")
            until(lambda before=before: process.count("jobproof_probes_total") > before + 8)
        for path in ("", "metrics", "probe?target=mocked&canary=known", "-/sd", "-/ready"):
            try:
                said.append(process.get(path, "application/openmetrics-text"))
            except urllib.error.HTTPError as exc:
                said.append(exc.read().decode())
        mock.set_faults()
        config.write_text(f"token: {token}", encoding="utf-8")
        process.handle.send_signal(signal.SIGHUP)
        until(lambda: "reload refused" in process.said)
        process.end()
        said.append(process.said)
    config.unlink()
    (tmp_path / "token").unlink()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".har" for path in files)
    assert any(b"startedDateTime" in path.read_bytes() for path in state.glob("followed.sqlite*"))
    said += [path.read_bytes().decode("utf-8", "replace") for path in files]
    assert sum(map(len, said)) > 20_000
    assert not [text for text in said if token in text]


def test_once_prints_no_token_and_its_exit_code_is_the_verdict(
    mock: MockServer, tmp_path: Path
) -> None:
    job_id = next(job.id for job in mock.jobs if job.life.startswith("old"))
    config = write_config(
        tmp_path, mock, canaries=f"      known: {{ids: [{job_id}]}}\n      missing: {{}}\n"
    )
    for faults, expected in [((), 0), (("status_unheard_of",), 1), (("never_found",), 1)]:
        mock.set_faults(*faults)
        for options in ((), ("--json",), ("--metrics",)):
            code, said = run("once", "--config", str(config), *options)
            assert code == expected, said
            assert mock.token not in said
    mock.stop()
    assert run("once", "--config", str(config))[0] == 3
    code, said = run("once", "--config", str(config), "--target", "moked")
    assert (code, said) == (2, "jobproof: unknown target 'moked'. Did you mean 'mocked'?\n")


def test_the_process_doesn_t_load_the_test_tools(tmp_path: Path) -> None:
    code = (
        "import sys, jobproof.probes.service, jobproof.probes.once\n"
        "heavy = {'pytest', 'hypothesis', 'schemathesis', 'requests', 'jobproof.contract.suite'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert output_of(*PYTHON, "-c", code, folder=tmp_path) == "[]\n"
