"""
`jobproof test` against a staging endpoint as it is: kept by the right settings, and each wrong one
is one line.
"""

from __future__ import annotations

import json
import os
import shlex
import ssl
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree

import pytest
from tests.contract.reaching.parts import Identity, nginx, real_proxy
from tests.servers import free_port
from tests.staging import Front
from tests.tools import JOBPROOF, output_of, run_to_end
from tests.wire import Certificates

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api

LOGIN = "me:hunter2-of-the-proxy"
PASSWORD = LOGIN.partition(":")[2]
NO_PROXY = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "no_proxy"), "")


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.new()


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(find_api("krea")) as server:
        yield server


def asked(
    folder: Path, mock: MockServer, url: str, *options: str, **environment: str
) -> CompletedProcess[str]:
    job = next(job.id for job in mock.jobs if job.life == "old-image")
    return run_to_end(
        *(*JOBPROOF, "test", "--api", "krea", "--url", url, "--job", job, "--token-env", "T"),
        *("--effort", "quick", "--seed", "7", "--report", "report.json", *options),
        folder=folder,
        env={**os.environ, **NO_PROXY, "SSL_CERT_FILE": "", "T": mock.token, **environment},
    )


def verdict(done: CompletedProcess[str]) -> str:
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("verdict: ")]
    return line


def one_line(done: CompletedProcess[str]) -> str:
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2, done.stdout
    return line


def kept(done: CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_private_authority_and_a_client_certificate(
    certificates: Certificates, mock: MockServer, tmp_path: Path
) -> None:
    context = certificates.good()
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    own = Identity.issued(certificates.authority, tmp_path)
    trust = ("--ca-file", str(certificates.bundle(tmp_path)))
    shown = ("--client-cert", str(own.certificate), "--client-key", str(own.key))
    with Front(mock, tls=context) as front:
        kept(asked(tmp_path, mock, front.url, *trust, *shown))
        assert front.requests > 0
        for options, says in (
            (shown, "(--ca-file FILE.pem names certificates to trust)"),
            (trust, "(--client-cert FILE.pem shows the server a certificate)"),
        ):
            done = asked(tmp_path, mock, front.url, *options)
            assert done.returncode == 3, done.stdout
            assert says in verdict(done)


def test_a_wrong_setting_is_one_line_before_anything_is_sent(
    certificates: Certificates, mock: MockServer, tmp_path: Path
) -> None:
    own = Identity.issued(certificates.authority, tmp_path)
    other = Identity.issued(certificates.authority, tmp_path, "other")
    with Front(mock) as front:
        for options, says in (
            (("--ca-file", "no.pem"), "--ca-file no.pem can't be read: No such file"),
            (("--client-cert", str(own.key)), "holds no PEM certificate"),
            (
                ("--client-cert", str(own.certificate), "--client-key", str(other.key)),
                "the key isn't that of the certificate",
            ),
            (("--proxy", f"{LOGIN}@proxy"), "--proxy the URL is no proxy's: write http://"),
            (("--resolve", "staging:443"), "--resolve 'staging:443': write HOST:PORT:ADDRESS"),
        ):
            line = one_line(asked(tmp_path, mock, front.url, *options))
            assert says in line
            assert PASSWORD not in line
        assert front.requests == 0


def test_a_proxy_that_wants_to_know_who_asks(
    certificates: Certificates, mock: MockServer, tmp_path: Path
) -> None:
    trust = ("--ca-file", str(certificates.bundle(tmp_path)))
    with (
        real_proxy(tmp_path, login=LOGIN) as proxy,
        Front(mock, tls=certificates.good()) as front,
    ):
        url = f"http://{LOGIN}@{proxy.address}"
        done = asked(tmp_path, mock, front.url, *trust, "--proxy", url)
        kept(done)
        assert PASSWORD not in done.stdout + done.stderr
        assert PASSWORD not in (tmp_path / "report.json").read_text("utf-8")
        kept(asked(tmp_path, mock, front.url, *trust, "--proxy", "env", https_proxy=url))
        for options, says in (
            (
                ("--proxy", proxy.url),
                "(USER:PASSWORD@ before the host in --proxy tells it who asks)",
            ),
            (("--proxy", f"http://127.0.0.1:{free_port()}"), "(--proxy says which proxy"),
        ):
            done = asked(tmp_path, mock, front.url, *trust, *options)
            assert done.returncode == 3, done.stdout
            assert says in verdict(done)
        # Whoever doesn't ask for them gets nothing of the usual variables.
        elsewhere = f"http://127.0.0.1:{free_port()}"
        kept(asked(tmp_path, mock, front.url, *trust, https_proxy=elsewhere))


@pytest.mark.parametrize("is_clear", [False, True], ids=["by TLS", "in clear"])
def test_http2(
    certificates: Certificates, mock: MockServer, tmp_path: Path, *, is_clear: bool
) -> None:
    trust = ("--ca-file", str(certificates.bundle(tmp_path)))
    leaf = None if is_clear else certificates.authority.issue_cert("127.0.0.1")
    with Front(mock) as front, nginx(tmp_path, front.url, leaf=leaf) as port:
        scheme = "http" if is_clear else "https"
        url = f"{scheme}://127.0.0.1:{port}"
        done = asked(tmp_path, mock, url, *trust, "--http-version", "2")
    kept(done)
    spoken = (tmp_path / "access.log").read_text("utf-8")
    assert "HTTP/2.0" in spoken
    assert "HTTP/1.1" not in spoken


def test_the_line_that_asks_again_takes_the_same_way(
    certificates: Certificates, tmp_path: Path
) -> None:
    trust = certificates.bundle(tmp_path)
    with (
        MockServer(find_api("krea"), faults=("id_malformed",)) as mock,
        real_proxy(tmp_path, login=LOGIN) as proxy,
        Front(mock, tls=certificates.good()) as front,
    ):
        port = front.url.rpartition(":")[2].partition("/")[0]
        url = front.url.replace("127.0.0.1", "localhost")
        done = asked(
            *(tmp_path, mock, url, "--ca-file", str(trust)),
            *("--proxy", f"http://{LOGIN}@{proxy.address}"),
            *("--resolve", f"localhost:{port}:127.0.0.1"),
        )
        assert done.returncode == 1, done.stdout
        report = json.loads((tmp_path / "report.json").read_text("utf-8"))
        line = report["findings"][0]["evidence"]["curl"]
        for words in (f"--cacert {shlex.quote(str(trust))}", f"--proxy http://{proxy.address}"):
            assert words in line
        assert PASSWORD not in json.dumps(report)
        said = output_of(
            *("bash", "-c", line), env={**os.environ, "T": mock.token, "PROXY_USER": LOGIN}
        )
    assert said.splitlines()[-1].startswith("{"), said


@pytest.mark.parametrize("workers", [(), ("--", "-n", "2")], ids=["alone", "workers"])
def test_where_no_token_is_to_be_had_the_verdict_says_so_everywhere(
    mock: MockServer, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    job = mock.jobs[0].id
    done = run_to_end(
        *(*JOBPROOF, "test", "--api", "krea", "--url", mock.url, "--job", job),
        *("--token-command", "false", "--report", "report.json", "--summary", "summary.md"),
        *("--junit", "junit.xml", *workers),
        folder=tmp_path,
        env={**os.environ, **NO_PROXY},
    )
    why = "token command false: ended with 1: run it by hand to see why"
    assert done.returncode == 3, done.stdout
    assert verdict(done).startswith(f"verdict: inconclusive: {why} [0 requests, ")
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (report["verdict"], report["exit_code"], report["why"]) == ("inconclusive", 3, why)
    assert why in (tmp_path / "summary.md").read_text("utf-8")
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    (failed,) = suites.iterfind(".//testcase[failure]")
    assert failed.attrib["name"] == "test_verdict"
    skipped = suites.findall(".//testcase/skipped")
    assert len(skipped) > 100
    assert {one.attrib["message"] for one in skipped} == {f"not reached: inconclusive: {why}"}
    assert not mock.log
