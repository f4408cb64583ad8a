"""
An outage on real sockets and a real clock: each slot of it is a failed probe, whatever the
time-out. That its share is measured within a hundredth is a figure, in `benches/outage.py`.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.probes.live import running, sample, write_config
from tests.tools import PATIENCE_S, until

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api

_INTERVAL_S = 0.1
_TIMEOUTS_S = {"mocked": 0.3, "patient": 1.2}


def test_no_slot_of_a_hang_is_left_out_or_succeeds_whatever_the_timeout(tmp_path: Path) -> None:
    with MockServer(find_api("krea")) as server:
        config = write_config(
            tmp_path, server, canaries=f"      known: {{ids: [{server.jobs[0].id}]}}\n"
        )
        text = config.read_text(encoding="utf-8")
        short = text.replace("timeout: 2s", "timeout: 300ms")
        patient = text.split("targets:\n")[1].replace("name: mocked", "name: patient")
        config.write_text(short + patient.replace("2s", "1200ms"), encoding="utf-8")
        with running(config) as (daemon, heard):
            until(lambda: any(result.outcome.success for result in heard.results))
            began = time.time()
            server.set_faults("hang")
            until(lambda: time.time() > began + 3.0)
            ended = time.time()
            server.set_faults()
            until(lambda: any(r.outcome.success and r.intended_at > ended for r in heard.results))
            assert daemon.stop(within_s=PATIENCE_S)
            missed = {
                name: sample(daemon, "jobproof_slots_missed_total", target=name)
                for name in _TIMEOUTS_S
            }
        for name, timeout_s in _TIMEOUTS_S.items():
            results = [result for result in heard.results if result.target == name]
            slots = sorted(result.intended_at for result in results)
            grid = round((slots[-1] - slots[0]) / _INTERVAL_S) + 1
            assert len(slots) + missed[name] >= grid
            hung = [
                result
                for result in results
                if result.exchange is not None
                and began < result.exchange.started_at < ended - timeout_s
            ]
            assert hung
            assert not any(result.outcome.success for result in hung)
            # They overlap: a loop that waits for its answers would have started far fewer.
            assert len(hung) + missed[name] > (ended - began - timeout_s) / timeout_s + 2
