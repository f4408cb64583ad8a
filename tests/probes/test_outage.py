"""
An outage of known size, on real sockets and a real clock.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from tests.probes.live import running, until, write_config

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api

_RUN_S = 15.0
_HANG_S = 3.0


def test_a_hang_is_measured_at_its_true_size_whatever_the_timeout(tmp_path: Path) -> None:
    with MockServer(find_api("krea")) as server:
        config = write_config(
            tmp_path, server, canaries=f"      known: {{ids: [{server.jobs[0].id}]}}\n"
        )
        text = config.read_text(encoding="utf-8")
        short = text.replace("timeout: 2s", "timeout: 200ms")
        patient = text.split("targets:\n")[1].replace("name: mocked", "name: patient")
        config.write_text(short + patient.replace("2s", "600ms"), encoding="utf-8")
        with running(config) as (_daemon, heard):
            until(lambda: len(heard.results) >= 2)
            begin = time.time()
            timers = [
                threading.Timer(6.0, server.set_faults, ["hang"]),
                threading.Timer(6.0 + _HANG_S, server.set_faults),
            ]
            for timer in timers:
                timer.start()
            until(lambda: time.time() > begin + _RUN_S + 1.0, within_s=30.0)
        for name in ("mocked", "patient"):
            counted = [
                result.outcome.success
                for result in heard.results
                if result.target == name and begin <= result.intended_at < begin + _RUN_S
            ]
            assert len(counted) == pytest.approx(_RUN_S / 0.1, abs=1)
            assert counted.count(False) / len(counted) == pytest.approx(0.200, abs=0.01)
