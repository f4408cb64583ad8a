"""
The first command of the README does what the README says.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from tests.servers import free_port
from tests.tools import PATIENCE_S, output_of

DEMO = [sys.executable, "-P", "-m", "jobproof", "demo"]


@pytest.mark.ladder
def test_one_round_says_kept_and_ends() -> None:
    printed = output_of(*DEMO, "--once")
    assert "verdict: kept" in printed
    assert "questions were answered as promised" in printed


@pytest.mark.ladder
def test_it_goes_on_as_a_monitor_until_it_is_interrupted() -> None:
    port = free_port()
    demo = subprocess.Popen(
        [*DEMO, "--listen", f"127.0.0.1:{port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        text = _scrape(f"http://127.0.0.1:{port}/metrics")
        assert 'jobproof_probes_total{target="demo",canary="known",outcome="ok"}' in text
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        told, _ = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 0, told
    assert f"status page   http://127.0.0.1:{port}/" in told
    assert "Traceback" not in told


def _scrape(url: str) -> str:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
