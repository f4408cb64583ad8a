"""
An hour of probing a mock that goes wrong: does memory stay flat, is every slot accounted for?

    python benches/soak.py [--seconds 3600]

Prints one line a minute and a verdict; exits with 1 if memory grew by more than a tenth
after the first fifth of the time, or a slot was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

FAULTS = ("id_of_another_job", "crash_at_times", "not_found_at_times", "huge", "json_truncated")
INTERVAL_S = 0.2
MAX_GROWTH = 0.1
SAMPLE = re.compile(r"^(\w+)(?:\{[^}]*\})? ([0-9.e+-]+)", re.MULTILINE)


def main() -> int:
    """
    Run the soak and say how it went.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=3600.0)
    seconds = parser.parse_args().seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobproof-soak-")))
        mock_info = stack.enter_context(mock())
        daemon, url = stack.enter_context(probe(mock_info, folder))
        return watch(daemon, url, seconds)


def watch(daemon: subprocess.Popen[str], url: str, seconds: float) -> int:
    """
    Sample memory and slots until the time is up.
    """
    started = time.monotonic()
    sample_interval_s = max(1.0, min(60.0, seconds / 20))
    samples: list[tuple[float, float]] = []
    first = last = totals(url)
    while (passed := time.monotonic() - started) < seconds:
        time.sleep(sample_interval_s)
        last = totals(url)
        samples.append((passed, rss_mib(daemon.pid)))
        print(
            f"{passed:7.0f} s  {samples[-1][1]:6.1f} MiB  {last['probes']:9.0f} probes  "
            f"{last['missed']:6.0f} missed",
            flush=True,
        )
    # The first fifth is left out: caches and pools still fill, which is no leak.
    settled = [mib for passed, mib in samples if passed > seconds / 5] or [samples[-1][1]]
    growth = settled[-1] / settled[0] - 1
    elapsed = time.monotonic() - started
    slots = last["probes"] + last["missed"] - first["probes"] - first["missed"]
    due = elapsed / INTERVAL_S
    print(f"memory {growth:+.1%} after settling; {slots:.0f} slots accounted for, {due:.0f} due")
    return int(growth > MAX_GROWTH or abs(slots - due) > max(5.0, 0.005 * due))


def totals(url: str) -> dict[str, float]:
    """
    Probes that ended and slots that were missed, over all canaries.
    """
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    sums = {"jobproof_probes_total": 0.0, "jobproof_slots_missed_total": 0.0}
    # These are in both.
    text = re.sub(r"^.*reason=\"backoff\".*$", "", text, flags=re.MULTILINE)
    for name, value in SAMPLE.findall(text):
        if name in sums:
            sums[name] += float(value)
    return {"probes": sums["jobproof_probes_total"], "missed": sums["jobproof_slots_missed_total"]}


def rss_mib(pid: int) -> float:
    """
    Resident memory of a process, in MiB.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


@contextmanager
def mock() -> Iterator[dict[str, object]]:
    """
    The mocked endpoint with faults, as a process of its own.
    """
    arguments = [part for name in FAULTS for part in ("--fault", name)]
    with process("mock", *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())


@contextmanager
def probe(
    mock_info: dict[str, object], folder: Path
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """
    The daemon, probing known jobs at a short interval.
    """
    config = folder / "jobproof.yaml"
    jobs = json.dumps(list(mock_info["jobs"])[:3])  # type: ignore[call-overload]
    config.write_text(
        f"targets:\n  - name: soak\n    api: {mock_info['api']}\n    url: {mock_info['url']}\n"
        f"    token_env: SOAK_TOKEN\n    interval: {INTERVAL_S * 1000:.0f}ms\n    timeout: 2s\n"
        f"    requests_per_minute: unlimited\n    canaries:\n      known: {{ids: {jobs}}}\n"
    )
    port = free_port()
    arguments = ["--config", str(config), "--listen", f"127.0.0.1:{port}"]
    arguments += ["--state", str(folder / "state"), "--log-level", "error"]
    with process("probe", *arguments, env={"SOAK_TOKEN": str(mock_info["token"])}) as child:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/-/healthy")
        yield child, url


@contextmanager
def process(
    *arguments: str, env: dict[str, str] | None = None, **options: int
) -> Iterator[subprocess.Popen[str]]:
    """
    One jobproof command, ended when done with.
    """
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "jobproof", *arguments],
        env={**os.environ, **(env or {})},
        text=True,
        **options,
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)
        if child.stdout is not None:
            child.stdout.close()


def wait_for(url: str, *, seconds: float = 20.0) -> None:
    """
    Return once `url` answers.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def free_port() -> int:
    """
    A port that nobody listens on.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
