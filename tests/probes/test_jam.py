"""
What one target answers costs another nothing.
"""

from __future__ import annotations

from pathlib import Path

from tests.probes.live import running, sample, write_config
from tests.servers import QuietHandler, http_server
from tests.tools import until

from jobproof.contract.mock import MockServer

KEYS = 60_000
JOB = (
    '{"job_id": "%s", "status": "completed", "created_at": "2026-11-20T00:00:00Z", '
    '"completed_at": "2026-11-20T00:01:00Z", "result": {"urls": ["https://gen.krea.ai/a.png"]}'
)


def test_sixty_thousand_keys_hold_up_nobody_and_are_counted(
    mock: MockServer, tmp_path: Path
) -> None:
    job_id = mock.jobs[0].id
    keys = "".join(f', "k{number}": 1' for number in range(KEYS))
    body = f"{JOB % job_id}{keys}}}".encode()

    class Jamming(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http_server(Jamming) as url:
        config = write_config(tmp_path, mock)
        fine = config.read_text(encoding="utf-8")
        bad = fine.removeprefix("targets:\n").replace("mocked", "bad").replace(mock.url, url)
        config.write_text(fine + bad.replace("      missing: {}\n", ""), encoding="utf-8")
        with running(config) as (daemon, heard):

            def probed(target: str) -> int:
                return sum(one.target == target for one in heard.results)

            until(lambda: probed("mocked") >= 20 and probed("bad") >= 5)
            assert sample(daemon, "jobproof_probes_total", target="mocked", outcome="ok") >= 20
            jammed = [one for one in heard.results if one.target == "bad" and one.findings]
            assert {len(one.findings) for one in jammed} <= set(range(100, 110))
            assert {one.dropped for one in jammed} == {KEYS - 100}
        dropped = sample(daemon, "jobproof_findings_dropped_total", target="bad")
        jammed = [one for one in heard.results if one.target == "bad" and one.findings]
        assert dropped == (KEYS - 100) * len(jammed)
        assert sample(daemon, "jobproof_findings_dropped_total", target="mocked") == 0
