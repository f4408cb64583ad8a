"""
Who is spoken to is who the certificate says.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.contract.client.sending import AUTH, body, failure, get
from tests.wire import BODY, Certificates, Wire

from jobproof.contract.client.curl import Client
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import Reason

DEADLINE_S = 0.4


class TestTls:
    def test_trusted_server_answers_and_shows_its_expiry(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        not_after = datetime(2040, 5, 6, 7, 8, 9, tzinfo=UTC)
        trust = certificates.bundle(tmp_path)
        with (
            Wire(tls=certificates.good(not_after=not_after)) as server,
            Client(route=Route(ca_file=trust)) as trusting,
        ):
            cold, warm = (get(trusting, server.url("ok"), AUTH) for _ in range(2))
        assert body(cold) == body(warm) == BODY
        assert cold.certificate_expires_at == not_after.timestamp()
        assert warm.certificate_expires_at == not_after.timestamp()
        assert (cold.reused, warm.reused) == (False, True)
        assert cold.phases.tls > 0
        assert warm.phases.tls == 0.0

    @pytest.mark.parametrize(
        ("server", "says"),
        [
            ("expired", "expired"),
            ("wrong_host", "127.0.0.1"),
            ("self_signed", "self-signed certificate"),
        ],
    )
    def test_certificate_that_cant_be_trusted_is_a_tls_failure(
        self, certificates: Certificates, tmp_path: Path, server: str, says: str
    ) -> None:
        trust = certificates.bundle(tmp_path)
        context = getattr(certificates, server)()
        with Wire(tls=context) as peer, Client(route=Route(ca_file=trust)) as trusting:
            failed = failure(get(trusting, peer.url("ok"), AUTH))
            assert peer.requests == [], "the token must not reach a stranger"
        assert failed.reason is Reason.TLS
        assert says in failed.detail

    def test_unknown_authority_is_a_tls_failure(
        self, client: Client, certificates: Certificates
    ) -> None:
        with Wire(tls=certificates.good()) as server:
            failed = failure(get(client, server.url("ok")))
        assert failed.reason is Reason.TLS
        assert "issuer" in failed.detail

    def test_verification_can_be_switched_off(self, certificates: Certificates) -> None:
        with Wire(tls=certificates.expired()) as server, Client(verify=False) as trusting:
            exchange = get(trusting, server.url("ok"))
        assert body(exchange) == BODY
        assert exchange.certificate_expires_at is not None
        assert exchange.certificate_expires_at < time.time()

    def test_handshake_that_hangs_ends(self, client: Client) -> None:
        with Wire(mute=True) as server:
            exchange = get(client, server.url("ok"), deadline_s=DEADLINE_S)
        assert failure(exchange).reason is Reason.TIMEOUT
        # Before 8.22 libcurl counts an unfinished handshake as connecting.
        assert exchange.phases.connect + exchange.phases.tls > DEADLINE_S / 2

    def test_plain_http_behind_https_is_a_tls_failure(self, client: Client, wire: Wire) -> None:
        exchange = get(client, wire.url("ok", scheme="https"))
        assert failure(exchange).reason is Reason.TLS

    def test_short_body_over_tls_is_a_protocol_failure(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        trust = certificates.bundle(tmp_path)
        with (
            Wire(tls=certificates.good()) as server,
            Client(route=Route(ca_file=trust)) as trusting,
        ):
            for script in ("short-body", "extra-bytes", "truncated-chunk", "reset-in-body"):
                failed = failure(get(trusting, server.url(script)))
                assert failed.reason is Reason.PROTOCOL, script
                assert failed.partial is not None, script
            for script in ("ok", "chunked", "no-content", "interim", "gzip"):
                assert get(trusting, server.url(script)).response is not None, script

    def test_a_certificate_that_is_replaced_is_seen_once_the_connection_is_old(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        given_out = certificates.good(not_after=datetime(2040, 1, 1, tzinfo=UTC))
        renewed = datetime(2041, 1, 1, tzinfo=UTC)
        trust = certificates.bundle(tmp_path)
        with (
            Wire(tls=given_out) as server,
            Client(route=Route(ca_file=trust), max_age_s=0.2) as ageing,
        ):
            get(ageing, server.url("ok"))
            certificates.authority.issue_cert("127.0.0.1", not_after=renewed).configure_cert(
                given_out
            )
            time.sleep(0.3)
            following = get(ageing, server.url("ok"))
            certificates.authority.issue_cert("other.test").configure_cert(given_out)
            time.sleep(0.3)
            for_another = get(ageing, server.url("ok"))
        assert following.certificate_expires_at == renewed.timestamp()
        assert failure(for_another).reason is Reason.TLS
