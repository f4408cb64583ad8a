"""
A daemon on loopback answers to this machine's names, not to one that a web page points at it.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from tests.probes.live import write_config
from tests.probes.process import daemon
from tests.tools import PATIENCE_S

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api
from jobproof.probes.web.access.hosts import Hosts


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:9641", "127.8.8.8:1", "[::1]", "[::1]:9641", "10.0.0.7:80"),
        *("localhost", "localhost:9641", "LOCALHOST.:9641", "a.localhost:9641"),
        *("monitor-7", "monitor-7:9641", "jobs.example.com", "Jobs.Example.com.:443"),
        *("", None),
    ],
)
def test_this_machine_s_names_are_known(host: str | None) -> None:
    assert Hosts(["jobs.example.COM"]).admits(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.test", "evil.test:9641", "127.0.0.1.evil.test", "localhost.evil.test"),
        *("jobs.example.com.evil.test", "xjobs.example.com", "127.0.0.1.", "1.2.3", "evil.test."),
    ],
)
def test_names_of_the_public_dns_are_not(host: str) -> None:
    assert Hosts(["jobs.example.com"]).admits(host) is (host == "127.0.0.1.")


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with MockServer(find_api("krea")) as mock:
        yield write_config(tmp_path, mock)


def ask(port: int, path: str, host: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Host": host}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


_ELSEWHERE = "evil.test:9641"


def test_a_rebound_name_reads_nothing_and_posts_nothing(config: Path) -> None:
    names = ("--hostname", "jobs.example.com", "--hostname", "Bücher.example")
    with daemon(config, *names) as process:
        port = int(process.url.rstrip("/").rpartition(":")[2])
        for path in ("/", "/metrics", "/probe?target=mocked", "/-/sd", "/evidence/x", "/nothing"):
            code, text = ask(port, path, _ELSEWHERE)
            assert code == 421
            assert text == (
                "jobproof listens on loopback and isn't known as 'evil.test'. Where a proxy hands "
                "that name on, start it with --hostname evil.test, or name users in "
                "--web-config.\n"
            )
        assert ask(port, "/-/reload", _ELSEWHERE, "POST")[0] == 421
        assert ask(port, "/-/reload", "jobs.example.com", "POST")[0] == 200
        assert ask(port, "/metrics", "xn--bcher-kva.example")[0] == 200
        assert ask(port, "/metrics", f"localhost:{port}")[0] == 200


def test_a_name_with_a_port_is_no_host_name(config: Path) -> None:
    command = [*(sys.executable, "-P", "-m", "jobproof", "probe", "--config", str(config))]
    done = subprocess.run(
        [*command, "--listen", "127.0.0.1:0", "--hostname", "jobs.example.com:443"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "jobproof: --hostname 'jobs.example.com:443' has a host that is no name and no address: "
        "write a name, 127.0.0.1 or [::1]"
    )


def test_users_or_a_wider_address_make_the_name_nobody_s_business(
    config: Path, tmp_path: Path
) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    web = tmp_path / "web.yaml"
    web.write_text(f"basic_auth_users: {{a: '{hashed}'}}\n", encoding="utf-8")
    with daemon(config, "--web-config", str(web)) as process:
        port = int(process.url.rstrip("/").rpartition(":")[2])
        assert ask(port, "/metrics", _ELSEWHERE)[0] == 401
    with daemon(config, "--listen", "0.0.0.0:0") as process:
        port = int(process.url.rstrip("/").rpartition(":")[2])
        assert ask(port, "/-/sd", _ELSEWHERE)[0] == 200
