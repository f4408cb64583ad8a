"""
`jobproof once --pushgateway` against a real Pushgateway, for those who probe from cron.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.probes.live import write_config
from tests.servers import free_port, serving
from tests.tools import JOBPROOF, PATIENCE_S, run_to_end, tool

from jobproof.contract.mock import MockServer


@contextmanager
def gateway(folder: Path, *options: str) -> Iterator[str]:
    """
    A Pushgateway on a free port: `host:port`.
    """
    program, port = tool("prometheus-pushgateway", "pushgateway"), free_port()
    listen = f"--web.listen-address=127.0.0.1:{port}"
    ready = f"{port}/-/ready"
    with serving(program, listen, *options, log=folder / "gateway.log", ready=ready) as url:
        yield url.removeprefix("http://")


@pytest.fixture
def config(mock: MockServer, tmp_path: Path) -> Path:
    job_id = next(job.id for job in mock.jobs if job.life.startswith("old"))
    return write_config(
        tmp_path, mock, canaries=f"      known: {{ids: [{job_id}]}}\n      missing: {{}}\n"
    )


def once(config: Path, url: str) -> tuple[int, str]:
    done = run_to_end(*JOBPROOF, "once", "--config", config, "--pushgateway", url)
    return done.returncode, done.stdout + done.stderr


def shown(where: str) -> dict[tuple[str, str], float]:
    """
    Probes that the gateway shows, by canary and outcome, those at 0 left out.
    """
    with urllib.request.urlopen(f"http://{where}/metrics", timeout=PATIENCE_S) as answer:
        text = answer.read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name == "jobproof_probes_total" and one.value:
                assert one.labels["job"] == "jobproof"
                found[one.labels["canary"], one.labels["outcome"]] = one.value
    return found


def test_a_round_is_pushed_in_place_of_the_one_before(
    mock: MockServer, config: Path, tmp_path: Path
) -> None:
    with gateway(tmp_path) as where:
        code, said = once(config, f"http://{where}")
        assert code == 0, said
        assert shown(where) == {("known", "ok"): 1, ("missing", "ok"): 1}
        mock.set_faults("never_found")
        code, said = once(config, where)  # a bare host:port is fine too
        assert code == 1, said
        assert shown(where) == {("known", "not_found"): 1, ("missing", "ok"): 1}


def test_a_password_opens_the_gateway_and_is_never_shown(config: Path, tmp_path: Path) -> None:
    password = "pa:ss word"
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    users = tmp_path / "web.yml"
    users.write_text(f"basic_auth_users: {{cron: '{hashed}'}}\n", encoding="utf-8")
    with gateway(tmp_path, f"--web.config.file={users}") as where:
        assert once(config, f"http://cron:pa%3Ass%20word@{where}")[0] == 0
        code, said = once(config, f"http://cron:wr0ng-one@{where}")
        assert code == 2
        assert said.endswith(
            f"jobproof: --pushgateway http://{where}: HTTP Error 401: Unauthorized\n"
        )
        assert "wr0ng-one" not in said


def test_a_gateway_that_is_not_there_is_said_after_the_round(config: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    code, said = once(config, where)
    assert code == 2
    assert "2 of 2 questions were answered as promised" in said
    assert f"jobproof: --pushgateway http://{where}: " in said
    assert "Connection refused" in said
