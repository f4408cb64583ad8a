"""
A real Prometheus finds, scrapes and probes through every guard that the pages have.
"""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest
import trustme
from tests.probes.web_world import StubDaemon, World, krea, open_world
from tests.servers import Prometheus, prometheus, promtool
from tests.tools import until

_HASH = bcrypt.hashpw(b"a password", bcrypt.gensalt(4)).decode()

_WEB = f"""
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus.test]
  min_version: TLS13
http_server_config:
  headers: {{Strict-Transport-Security: max-age=60}}
basic_auth_users:
  prometheus: {_HASH}
"""

_GUARDED = """
    scheme: https
    tls_config: &tls
      ca_file: {folder}/ca.pem
      cert_file: {folder}/client.pem
      key_file: {folder}/client.key
      server_name: localhost
    basic_auth: &auth {{username: prometheus, password: {password}}}
"""

_SCRAPES = """
global: {{scrape_interval: 500ms, scrape_timeout: 450ms}}
scrape_configs:
  - job_name: daemon
    static_configs: [{{targets: ['localhost:{port}']}}]
{guarded}
  - job_name: probes
    metrics_path: /probe
    params: {{canary: [missing]}}
    http_sd_configs:
      - url: https://localhost:{port}/-/sd
        tls_config: *tls
        basic_auth: *auth
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: 'localhost:{port}'}}
    scheme: https
    tls_config: *tls
    basic_auth: *auth
"""


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A folder with a server's pair, a client's pair, and the authority of both.
    """
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, host in (("server", "localhost"), ("client", "prometheus.test")):
        pair = authority.issue_cert(host)
        pair.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.pem").write_bytes(b"".join(p.bytes() for p in pair.cert_chain_pems))
    return folder


def _config(world: World, folder: Path, password: str) -> str:
    guarded = _GUARDED.format(folder=folder, password=password)
    return _SCRAPES.format(port=world.port, guarded=guarded)


def _up(server: Prometheus) -> dict[str, str]:
    return {row["metric"]["instance"]: row["value"][1] for row in server.instant("up")}


def test_prometheus_takes_the_same_file(secured: Path) -> None:
    path = secured / "web.yaml"
    # Debian's promtool is older than this one key.
    path.write_text(_WEB.replace("  client_allowed_sans: [prometheus.test]\n", ""))
    assert "SUCCESS" in promtool("check", "web-config", path)


def test_prometheus_comes_through_tls_certificate_and_password(
    secured: Path, tmp_path: Path
) -> None:
    daemon = StubDaemon(target_infos=(krea("one"), krea("two")))
    with open_world(secured, web_config=_WEB, daemon=daemon) as world:
        config = _config(world, secured, "a password")
        with prometheus(tmp_path, config) as server:
            wanted = {f"localhost:{world.port}": "1", "one": "1", "two": "1"}
            until(lambda: _up(server) == wanted, what="three targets that are up")
            rows = server.instant("probe_success")
    assert {row["metric"]["instance"] for row in rows} == {"one", "two"}
    assert {(target, canary) for target, canary, _ in daemon.probed} == {
        ("one", "missing"),
        ("two", "missing"),
    }
    # Half a second is kept back for the way home, but never more than half of the timeout.
    assert {timeout_s for _, _, timeout_s in daemon.probed} == {0.225}


def test_prometheus_with_a_wrong_password_sees_nothing(secured: Path, tmp_path: Path) -> None:
    with open_world(secured, web_config=_WEB) as world:
        config = _config(world, secured, "wrong")
        with prometheus(tmp_path, config) as server:
            wanted = {f"localhost:{world.port}": "0"}
            until(lambda: _up(server) == wanted, what="a target that is down")
            shown = str(server.ask("targets"))
    assert "401 Unauthorized" in shown
    assert world.daemon.probed == []
