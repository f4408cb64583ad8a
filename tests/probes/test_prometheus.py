"""
A real Prometheus scrapes the daemon; what it answers is what the mock did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.probes.live import running, write_config
from tests.servers import QuietHandler, http_server, prometheus
from tests.tools import PATIENCE_S, until

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock import MockServer
from jobproof.contract.model.finding import Kind
from jobproof.probes.daemon import Daemon
from jobproof.probes.export.prometheus import expose, new_registry, push

SCRAPING = """\
global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}
scrape_configs:
  - {{job_name: jobproof, static_configs: [{{targets: ['{target}']}}]}}
"""


@contextmanager
def exposed(daemon: Daemon) -> Iterator[str]:
    """
    The daemon's metrics on a port of their own: `host:port`.
    """

    class Scrape(QuietHandler):
        def do_GET(self) -> None:
            answer = expose(daemon.registry, accept=self.headers["accept"])
            self.send_response(200)
            self.send_header("Content-Type", answer.content_type)
            self.end_headers()
            self.wfile.write(answer.body)

    with http_server(Scrape) as url:
        yield url.removeprefix("http://")


def test_queries_return_what_the_mock_did_to_the_count(mock: MockServer, tmp_path: Path) -> None:
    ended = next(job.id for job in mock.jobs if job.life.startswith("old"))
    config = write_config(
        tmp_path, mock, canaries=f"      known: {{ids: [{ended}]}}\n      missing: {{}}\n"
    )
    with (
        running(config) as (daemon, heard),
        exposed(daemon) as target,
        prometheus(tmp_path, SCRAPING.format(target=target)) as server,
    ):
        until(lambda: len(heard.results) >= 20)
        for fault in ("never_found", "status_unheard_of", "crash_on_unknown_id"):
            mock.set_faults(fault)
            count = len(heard.results)
            until(lambda count=count: len(heard.results) >= count + 20)
        mock.set_faults()
        assert daemon.stop(within_s=PATIENCE_S)
        total = len(heard.results)
        until(lambda: server.values("sum(jobproof_probes_total)").get("") == total)
        assert total == len(mock.log)
        by_code = {
            str(code): sum(entry.code == code for entry in mock.log) for code in (200, 404, 500)
        }
        seen = server.values("sum by (code) (jobproof_http_responses_total) > 0")
        assert seen == by_code
        denied = sum(entry.code == 404 and entry.job_id == ended for entry in mock.log)
        query = 'sum by (expected) (jobproof_not_found_total{canary="known"})'
        assert server.values(query) == {"false": denied}
        query = 'sum by (expected) (jobproof_not_found_total{canary="missing"})'
        assert server.values(query) == {"true": by_code["404"] - denied}
        strange = sum(
            f.check == "status_is_documented" and f.kind is Kind.VIOLATION
            for r in heard.results
            for f in r.findings
        )
        query = (
            "sum by (check) (jobproof_contract_findings_total"
            '{check="status_is_documented",kind="violation"})'
        )
        assert server.values(query) == {"status_is_documented": strange}
        assert strange >= 5
        completed = server.values(
            "sum by (job_status) (jobproof_job_status_observations_total) > 0"
        )
        assert completed["unknown"] == strange
        for quantile in (0.5, 0.99):
            query = (
                f"histogram_quantile({quantile}, sum by (le) "
                "(jobproof_probe_duration_seconds_bucket))"
            )
            measured = sorted(result.duration_s for result in heard.results)
            truth = measured[min(total - 1, int(quantile * total))]
            upper = next(edge for edge in (0.005, 0.01, 0.025, 0.05, 0.1, 2.5) if truth <= edge)
            assert 0 < server.values(query)[""] <= upper


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://[::1", "'http://[::1' has a host that is no name and no address"),
        ("http://cron:pa55@[::1", "'http://[::1' has a host that is no name and no address"),
        ("cron:pa55@gw.example:x", "'http://gw.example:x' has a port that isn't 1 to 65535"),
        ("http://cron:pa55/x@gw.example", "'http://***@gw.example' has a port that isn't"),
        ("http://gw.example/?pa55", "'http://gw.example/?' has a query or a fragment"),
        ("", "'http://' has no host"),
    ],
)
def test_a_gateway_that_is_no_url_is_refused_without_its_password(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        push(new_registry(process=False), url)
    assert str(refused.value).startswith(f"--pushgateway {message}")
    assert "pa55" not in str(refused.value)
