"""
The client takes the way that it is told, and says which part of it failed.
"""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest
import trustme
from tests.contract.client.sending import failure, get
from tests.contract.reaching.parts import (
    Identity,
    http2_alone,
    never_heard_of_http2,
    nginx,
    real_proxy,
)
from tests.servers import free_port
from tests.tools import until
from tests.wire import BODY, Certificates, Wire

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import Exchange, Reason
from jobproof.contract.reaching.remedy import remedy_of
from jobproof.contract.reaching.setting import OPTIONS_PLACE

LOGIN = "me:hunter2-of-the-proxy"


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.new()


@pytest.fixture
def trust(certificates: Certificates, tmp_path: Path) -> Path:
    return certificates.bundle(tmp_path)


@pytest.fixture
def leaf(certificates: Certificates) -> trustme.LeafCert:
    return certificates.authority.issue_cert("127.0.0.1")


def ask(route: Route, url: str) -> Exchange:
    with Client(route=route) as client:
        return get(client, url)


def remedy(exchange: Exchange, route: Route) -> str:
    return remedy_of(failure(exchange).detail, route, OPTIONS_PLACE)


def answered(exchange: Exchange) -> tuple[int, bytes | None, str]:
    assert exchange.response is not None, exchange.answer
    return exchange.response.code, exchange.response.body, exchange.response.http_version


def asking_for_a_certificate(certificates: Certificates) -> ssl.SSLContext:
    context = certificates.good()
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    # By TLS 1.3 it says no after the handshake, and a request that is on its way meanwhile may
    # have the refusal lost in a reset.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_a_server_gets_the_certificate_that_it_asks_for(
    certificates: Certificates, tmp_path: Path
) -> None:
    own = Identity.issued(certificates.authority, tmp_path)
    stranger = Identity.issued(Certificates.new().authority, tmp_path, "stranger")
    trust = certificates.bundle(tmp_path)
    with Wire(tls=asking_for_a_certificate(certificates)) as server:
        url = server.url("ok")
        assert answered(ask(Route(trust, own.certificate, own.key), url))[1] == BODY
        assert answered(ask(Route(trust, own.both), url))[1] == BODY
        for route, says in (
            (Route(trust), "--client-cert FILE.pem shows the server a certificate"),
            (Route(trust, stranger.both), "it doesn't take the certificate of --client-cert"),
        ):
            failed = ask(route, url)
            assert failure(failed).reason is Reason.TLS
            assert says in remedy(failed, route)


def test_the_cure_of_an_unknown_authority_is_named(
    certificates: Certificates, tmp_path: Path
) -> None:
    other = Certificates.new().bundle(tmp_path)
    with Wire(tls=certificates.good()) as server:
        assert remedy(ask(Route(), server.url("ok")), Route()).startswith("--ca-file FILE.pem")
        route = Route(other)
        assert "no CA in " in remedy(ask(route, server.url("ok")), route)


def test_a_name_stands_for_the_address_that_is_given(
    certificates: Certificates, tmp_path: Path
) -> None:
    with Wire() as server:
        url = server.url("ok", host="api.staging.test")
        route = Route(resolve=(f"api.staging.test:{server.port}:127.0.0.1",))
        assert answered(ask(route, url))[1] == BODY
        assert b"Host: api.staging.test" in server.requests[-1]


def test_what_is_asked_goes_through_the_proxy(certificates: Certificates, tmp_path: Path) -> None:
    trust = certificates.bundle(tmp_path)
    with (
        real_proxy(tmp_path) as proxy,
        Wire() as plain,
        Wire(tls=certificates.good()) as secure,
    ):
        route = Route(trust, proxy=proxy.url)
        assert answered(ask(route, plain.url("ok")))[1] == BODY
        assert b"\r\nVia: " in plain.requests[-1]
        assert answered(ask(route, secure.url("ok")))[1] == BODY
        until(lambda: "CONNECT" in proxy.said(), what="the tunnel in the proxy's log")
        assert answered(ask(Route(trust), plain.url("ok")))[1] == BODY
        assert b"\r\nVia: " not in plain.requests[-1]


def test_a_tunnel_grows_old_and_the_next_request_has_another(
    certificates: Certificates, tmp_path: Path
) -> None:
    trust = certificates.bundle(tmp_path)
    with real_proxy(tmp_path) as proxy, Wire(tls=certificates.good()) as server:
        with Client(route=Route(trust, proxy=proxy.url), max_age_s=0.2) as ageing:
            get(ageing, server.url("ok"))
            time.sleep(0.3)
            again = get(ageing, server.url("ok"))
        assert (server.connections, len(server.requests)) == (2, 2)
    assert not again.reused
    assert again.phases.tls > 0


@pytest.mark.parametrize("is_clear", [False, True], ids=["by TLS", "in clear"])
def test_a_proxy_that_asks_who_asks_is_told(
    certificates: Certificates, tmp_path: Path, *, is_clear: bool
) -> None:
    trust = certificates.bundle(tmp_path)
    tls = None if is_clear else certificates.good()
    with real_proxy(tmp_path, login=LOGIN) as proxy, Wire(tls=tls) as server:
        url = server.url("ok")
        assert answered(ask(Route(trust, proxy=proxy.url, proxy_credentials=Secret(LOGIN)), url))
        for route, says in (
            (Route(trust, proxy=proxy.url), "before the host in --proxy tells it who asks"),
            (
                Route(trust, proxy=proxy.url, proxy_credentials=Secret("me:wrong-password")),
                "it doesn't take user and password of --proxy",
            ),
        ):
            failed = ask(route, url)
            assert failure(failed).reason is Reason.CONNECT
            assert f"the proxy {proxy.url} answers 407" in failure(failed).detail
            assert says in remedy(failed, route)


def test_a_proxy_that_says_nothing_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        route = Route(proxy=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with Client(route=route) as client:
            failed = get(client, "https://api.staging.test/", deadline_s=0.5)
    assert failure(failed).reason is Reason.TIMEOUT
    assert f"the proxy {route.proxy} opens no tunnel in time" in failure(failed).detail
    assert remedy(failed, route) == "is --proxy a proxy that may reach it?"


@pytest.mark.parametrize(
    ("detail", "says"),
    [
        ("Received HTTP/0.9 when not allowed", "--http-version 2, if it speaks HTTP/2 alone"),
        ("TLS connect error: error:0A00010B:SSL routines::wrong version number", "--url http://"),
        ("OpenSSL: error:0A0000C6:SSL routines::packet length too long", "--url http://"),
    ],
)
def test_what_another_protocol_looks_like_has_a_cure(detail: str, says: str) -> None:
    assert says in remedy_of(detail, Route(), OPTIONS_PLACE)


def test_a_proxy_that_isnt_there_is_named() -> None:
    route = Route(proxy=f"http://127.0.0.1:{free_port()}")
    failed = ask(route, "http://127.0.0.1:9/")
    assert failure(failed).reason is Reason.CONNECT
    assert f"the proxy {route.proxy} can't be connected to" in failure(failed).detail
    assert remedy(failed, route).startswith("--proxy ")


class TestHttp2:
    def test_it_is_spoken_where_it_is_asked_for(
        self, trust: Path, leaf: trustme.LeafCert, tmp_path: Path
    ) -> None:
        with Wire() as behind, nginx(tmp_path, behind.url()[:-1], leaf=leaf) as port:
            url = f"https://127.0.0.1:{port}/ok"
            for wanted, spoken in (("2", "2"), ("1.1", "1.1"), ("auto", "1.1")):
                route = Route(trust, http_version=wanted)  # type: ignore[arg-type]
                assert answered(ask(route, url)) == (200, BODY, spoken), wanted

    def test_several_requests_go_over_one_connection(
        self, trust: Path, leaf: trustme.LeafCert, tmp_path: Path
    ) -> None:
        with (
            Wire() as behind,
            nginx(tmp_path, behind.url()[:-1], leaf=leaf) as port,
            Client(route=Route(trust, http_version="2"), exact_framing=True) as client,
        ):
            several = [get(client, f"https://127.0.0.1:{port}/ok") for _ in range(3)]
        assert [answered(one)[2] for one in several] == ["2"] * 3
        assert [one.reused for one in several] == [False, True, True]

    def test_a_connection_of_it_grows_old_as_well(
        self, trust: Path, leaf: trustme.LeafCert, tmp_path: Path
    ) -> None:
        route = Route(trust, http_version="2")
        with (
            Wire() as behind,
            nginx(tmp_path, behind.url()[:-1], leaf=leaf) as port,
            Client(route=route, max_age_s=0.2) as ageing,
        ):
            url = f"https://127.0.0.1:{port}/ok"
            get(ageing, url)
            time.sleep(0.3)
            again = get(ageing, url)
        assert answered(again)[2] == "2"
        assert not again.reused
        assert again.phases.tls > 0

    def test_auto_speaks_it_where_nothing_else_is_understood(
        self, trust: Path, leaf: trustme.LeafCert, tmp_path: Path
    ) -> None:
        with (
            Wire() as behind,
            nginx(tmp_path, behind.url()[:-1]) as clear,
            http2_alone(leaf, clear) as port,
        ):
            url = f"https://127.0.0.1:{port}/ok"
            with Client(route=Route(trust)) as client:
                assert [answered(get(client, url))[2] for _ in range(2)] == ["2", "2"]
            assert len(behind.requests) == 2
            route = Route(trust, http_version="1.1")
            failed = ask(route, url)
            assert failure(failed).reason is Reason.TLS
            assert remedy(failed, route) == "--http-version 2 is what the server speaks"

    def test_in_clear_it_is_spoken_only_where_it_is_asked_for(self, tmp_path: Path) -> None:
        with Wire() as behind, nginx(tmp_path, behind.url()[:-1]) as port:
            url = f"http://127.0.0.1:{port}/ok"
            assert answered(ask(Route(http_version="2"), url)) == (200, BODY, "2")
            assert failure(ask(Route(), url)).reason is Reason.PROTOCOL

    def test_a_server_that_speaks_none_is_said_so(
        self,
        certificates: Certificates,
        trust: Path,
        leaf: trustme.LeafCert,
        tmp_path: Path,
    ) -> None:
        route = Route(trust, http_version="2")
        context = certificates.good()
        # It refuses HTTP/2 in the handshake; one that has never heard of it, at its first line.
        with never_heard_of_http2(context) as port:
            failed = ask(route, f"https://127.0.0.1:{port}/ok")
        assert failure(failed).reason is Reason.CONNECT
        assert remedy(failed, route) == "--http-version 1.1 is what the server speaks"
        with nginx(tmp_path, "http://127.0.0.1:9", leaf=leaf, http2=False) as port:
            failed = ask(route, f"https://127.0.0.1:{port}/ok")
        assert failure(failed).reason is Reason.TLS
        assert remedy(failed, route) == "--http-version 1.1 is what the server speaks"
