"""
`jobproof once` reaches a target by the same keys as the suite does by its options.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from tests.contract.reaching.parts import Identity, real_proxy
from tests.contract.reaching.token_server import (
    CLIENT_ID,
    CLIENT_SECRET,
    TokenServer,
    token_server,
)
from tests.staging import Front
from tests.tools import JOBPROOF, run_to_end
from tests.wire import Certificates

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api

TENANT = "tenant-never-shown"


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(find_api("krea")) as server:
        yield server


def once(
    folder: Path, mock: MockServer, url: str, *options: str, **keys: object
) -> CompletedProcess[str]:
    job = next(job.id for job in mock.jobs if job.life == "old-image")
    target = {"name": "staging", "api": "krea", "url": url, "requests_per_minute": "unlimited"}
    canaries = {"known": {"ids": [job]}, "missing": {}, "anonymous": {}}
    file = folder / "jobproof.yaml"
    file.write_text(yaml.safe_dump({"targets": [{**target, "canaries": canaries, **keys}]}))
    environment = {**os.environ, "T": mock.token, "CS": CLIENT_SECRET, "TENANT": TENANT}
    done = run_to_end(*JOBPROOF, "once", "--config", file, *options, folder=folder, env=environment)
    assert "Traceback" not in done.stdout + done.stderr
    for secret in (mock.token, CLIENT_SECRET, TENANT):
        assert secret not in done.stdout + done.stderr
    return done


def kept(done: CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def test_by_certificates_and_a_proxy(mock: MockServer, tmp_path: Path) -> None:
    certificates = Certificates.new()
    certificates.bundle(tmp_path)
    context = certificates.good()
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    Identity.issued(certificates.authority, tmp_path)
    shown = {"client_cert": "client.pem", "client_key": "client-key.pem"}
    with real_proxy(tmp_path) as proxy, Front(mock, tls=context) as front:
        way = {"ca_file": "ca.pem", **shown, "proxy": proxy.url, "token_env": "T"}
        kept(once(tmp_path, mock, front.url, **way))
        assert front.requests > 0
        done = once(tmp_path, mock, front.url, **{**way, "client_cert": "no.pem"})
        assert done.returncode == 2
        assert "targets[0].client_cert" in done.stderr
        assert "no.pem can't be read: No such file" in done.stderr
        done = once(tmp_path, mock, front.url, ca_file="ca.pem", token_env="T")
        assert done.returncode == 3, done.stdout
        assert "client_cert FILE.pem shows the server a certificate" in done.stdout


@pytest.mark.parametrize("manner", ["command", "oauth2", "file"])
def test_by_a_token_that_is_got(mock: MockServer, tmp_path: Path, manner: str) -> None:
    (tmp_path / "token").write_text(mock.token)
    reads = f"{sys.executable} -c \"print(open('token').read())\""
    with token_server(TokenServer(["tok-that-has-just-ended", mock.token])) as server:
        secret = {"client_id": CLIENT_ID, "client_secret_env": "CS"}
        keys: dict[str, dict[str, object]] = {
            "command": {"token_command": reads},
            "oauth2": {"oauth2": {"token_url": server.url, **secret}},
            "file": {"token_file": "token"},
        }
        headers = {"X-Tenant": {"env": "TENANT"}, "X-Plain": 7}
        done = once(tmp_path, mock, mock.url, "--json", headers=headers, **keys[manner])
        kept(done)
    assert json.loads(done.stdout)["verdict"] == "kept"


@pytest.mark.parametrize(
    ("keys", "code", "says"),
    [
        ({"token_env": "T", "basic": {"user": "me", "password_env": "T"}}, 2, "keep one of them"),
        ({"basic": {"user": "me"}}, 2, "targets[0].basic"),
        ({"oauth2": {"token_url": "nowhere", "client_id": "x"}}, 2, "targets[0].oauth2.token_url"),
        ({"token_command": "no-such-program"}, 2, "can't be run: no such program"),
        ({"token_command": "false"}, 3, "token command false: ended with 1"),
        ({"headers": {"X-Tenant": {"file": "no"}}}, 2, "no can't be read: No such file"),
        ({"proxy": "me:password-of-mine@proxy"}, 2, "write http://HOST:PORT"),
    ],
)
def test_a_wrong_key_is_one_line(
    mock: MockServer, tmp_path: Path, keys: dict[str, object], code: int, says: str
) -> None:
    done = once(tmp_path, mock, mock.url, **keys)
    assert done.returncode == code, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert says in line
    assert "password-of-mine" not in line
