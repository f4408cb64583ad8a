"""
TLS, client certificates and users, as Prometheus' own exporters take them.
"""

from __future__ import annotations

import base64
import logging
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
import trustme
from tests.probes.web_world import World, open_world
from tests.tools import PATIENCE_S

from jobproof.contract.errors import ConfigError
from jobproof.probes.web.access.users import RateLimit, Users
from jobproof.probes.web.access.web_config import WebConfig

_PASSWORD = "correct horse: battery"
_HASH = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
_USERS = f"basic_auth_users:\n  prometheus: {_HASH}\n"
_PATHS = ("/", "/metrics", "/probe?target=krea", "/-/healthy", "/-/ready", "/-/sd", "/nothing")


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path, web_config=_USERS) as opened:
        yield opened


def _write_pair(folder: Path, authority: trustme.CA, *names: str) -> None:
    pair = authority.issue_cert(*(names or ("localhost",)))
    pair.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.pem").write_bytes(b"".join(p.bytes() for p in pair.cert_chain_pems))


def _client(authority: trustme.CA, identity: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if identity is not None:
        identity.configure_cert(context)
    return context


_TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"


def test_nobody_comes_in_without_a_password(guarded: World) -> None:
    for path in _PATHS:
        answer = guarded.ask(path)
        assert answer.code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="jobproof"'
    assert guarded.ask("/-/reload", "POST").code == 401
    assert guarded.ask("/jobs/krea/abc", "POST").code == 401
    assert (guarded.daemon.reloads, guarded.daemon.followed) == (0, [])


def test_the_right_password_opens(guarded: World) -> None:
    right = _basic("prometheus", _PASSWORD)
    assert guarded.ask("/metrics", Authorization=right).code == 200
    assert guarded.ask("/-/reload", "POST", Authorization=right).code == 200


@pytest.mark.parametrize(
    "header",
    [
        _basic("prometheus", "wrong"),
        _basic("prometheus", ""),
        _basic("prometheus", _PASSWORD + "\0more"),
        _basic("Prometheus", _PASSWORD),
        _basic("", _PASSWORD),
        _basic("nobody", _PASSWORD),
        f"Bearer {_PASSWORD}",
        "Basic",
        "Basic ????",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
    ],
)
def test_anything_else_does_not(guarded: World, header: str) -> None:
    assert guarded.ask("/metrics", Authorization=header).code == 401


def test_a_known_password_costs_its_bcrypt_once() -> None:
    slow = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(11)).decode()
    users = Users({"prometheus": slow})
    # In CPU time, which is the same however busy the machine is.
    start = time.process_time()
    assert users.admits("prometheus", _PASSWORD)
    first_s = time.process_time() - start
    start = time.process_time()
    for _ in range(100):
        assert users.admits("prometheus", _PASSWORD)
    assert (time.process_time() - start) / 100 < first_s / 20


def test_an_unknown_name_takes_as_long_as_a_known_one() -> None:
    stored = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    users = Users({"prometheus": stored})

    def cost_s(name: str) -> float:
        took = []
        for number in range(5):
            start = time.process_time()
            assert not users.admits(name, f"guess {number}")
            took.append(time.process_time() - start)
        return min(took)

    known_s, unknown_s = cost_s("prometheus"), cost_s("nobody")
    assert 0.5 < unknown_s / known_s < 2.0


def test_what_is_remembered_holds_no_password() -> None:
    users = Users({"prometheus": _HASH})
    users.admits("prometheus", _PASSWORD)
    assert _PASSWORD not in repr(vars(users))
    assert _HASH not in repr(users)


def test_remembered_answers_are_bounded() -> None:
    users = Users({"prometheus": bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()})
    for number in range(150):
        users.admits("prometheus", str(number))
    assert len(users._verified) == 100


def test_users_follow_the_file_without_a_restart(guarded: World, tmp_path: Path) -> None:
    right = _basic("prometheus", _PASSWORD)
    assert guarded.ask("/-/healthy", Authorization=right).code == 200
    fresh = bcrypt.hashpw(b"fresh", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yaml").write_text(f"basic_auth_users: {{other: '{fresh}'}}\n")
    assert guarded.ask("/-/healthy", Authorization=right).code == 401
    assert guarded.ask("/-/healthy", Authorization=_basic("other", "fresh")).code == 200


def test_a_file_that_breaks_changes_nothing(
    guarded: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "web.yaml").write_text("basic_auth_users: {prometheus: plain}\n")
    with caplog.at_level(logging.ERROR):
        right = _basic("prometheus", _PASSWORD)
        assert guarded.ask("/-/healthy", Authorization=right).code == 200
        assert guarded.ask("/-/healthy").code == 401
    assert "who may come in stays as it was" in caplog.text
    assert "plain" not in caplog.text.replace(str(tmp_path), "")


def test_headers_of_the_file_go_out_with_every_answer(tmp_path: Path) -> None:
    config = "http_server_config: {headers: {Strict-Transport-Security: max-age=1}}\n"
    with open_world(tmp_path, web_config=config) as world:
        for path in ("/", "/nothing", "/-/reload"):
            assert world.ask(path).headers["strict-transport-security"] == "max-age=1"


def test_requests_beyond_the_limit_are_refused_before_the_password(tmp_path: Path) -> None:
    config = _USERS + "rate_limit: {interval: 1h, burst: 3}\n"
    with open_world(tmp_path, web_config=config) as world:
        codes = [world.ask("/-/healthy").code for _ in range(5)]
    assert codes == [401, 401, 401, 429, 429]


def test_the_limit_refills_with_time() -> None:
    rate_limit = RateLimit(2.0, 3)
    assert [rate_limit.admits(now) for now in (0.0, 0.0, 0.0, 0.0)] == [True, True, True, False]
    assert [rate_limit.admits(now) for now in (1.9, 2.0, 2.1)] == [False, True, False]
    assert [rate_limit.admits(100.0) for _ in range(4)] == [True, True, True, False]


def test_tls_serves_everything_and_plain_http_nothing(
    tmp_path: Path, authority: trustme.CA
) -> None:
    _write_pair(tmp_path, authority)
    with open_world(tmp_path, web_config=_TLS) as world:
        with pytest.raises(OSError):  # noqa: PT011 -- reset or end of stream, as it comes
            world.ask("/-/healthy")
        world.context = _client(authority)
        assert world.ask("/-/healthy").code == 200


def test_old_tls_is_refused(tmp_path: Path, authority: trustme.CA) -> None:
    _write_pair(tmp_path, authority)
    with open_world(tmp_path, web_config=_TLS + "  min_version: TLS13\n") as world:
        world.context = _client(authority)
        world.context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            world.ask("/-/healthy")
        world.context = _client(authority)
        assert world.ask("/-/healthy").code == 200


def test_go_names_of_ciphers_are_understood(tmp_path: Path, authority: trustme.CA) -> None:
    _write_pair(tmp_path, authority)
    (tmp_path / "web.yaml").write_text(
        _TLS
        + "  cipher_suites:\n"
        + "    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"
        + "    - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n"
        + "    - TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256\n"
        + "    - TLS_RSA_WITH_AES_128_CBC_SHA\n"
        + "    - TLS_AES_128_GCM_SHA256\n"
    )
    tls = WebConfig(tmp_path / "web.yaml").tls
    assert tls is not None
    names = {cipher["name"] for cipher in tls.context.get_ciphers()}
    assert {
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "AES128-SHA",
    } <= names
    assert "ECDHE-RSA-AES256-GCM-SHA384" not in names


def test_a_renewed_certificate_is_served_without_a_restart(
    tmp_path: Path, authority: trustme.CA
) -> None:
    _write_pair(tmp_path, authority)
    fresh = trustme.CA()
    with open_world(tmp_path, web_config=_TLS) as world:
        world.context = _client(authority)
        assert world.ask("/-/healthy").code == 200
        _write_pair(tmp_path, fresh)
        world.context = _client(fresh)
        assert _code_once_renewed(world) == 200


def _code_once_renewed(world: World) -> int:
    # The handshake that notices the change may itself still show the old certificate.
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return world.ask("/-/healthy").code
        except ssl.SSLError:
            assert time.monotonic() < until


def test_half_a_renewed_pair_does_not_replace_a_whole_one(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    _write_pair(tmp_path, authority)
    with open_world(tmp_path, web_config=_TLS) as world:
        world.context = _client(authority)
        (tmp_path / "server.key").write_text("nonsense")
        with caplog.at_level(logging.ERROR):
            assert world.ask("/-/healthy").code == 200
            assert world.ask("/-/healthy").code == 200
    assert "the old certificate stays" in caplog.text


_MUTUAL = _TLS + "  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n"


def test_only_certified_clients_come_in(tmp_path: Path, authority: trustme.CA) -> None:
    _write_pair(tmp_path, authority)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with open_world(tmp_path, web_config=_MUTUAL) as world:
        for identity in (None, trustme.CA().issue_cert("prometheus.test")):
            world.context = _client(authority, identity)
            with pytest.raises(OSError):  # noqa: PT011 -- an alert or a reset, as it comes
                world.ask("/-/healthy")
        world.context = _client(authority, authority.issue_cert("prometheus.test"))
        assert world.ask("/-/healthy").code == 200


def test_only_named_clients_come_in(tmp_path: Path, authority: trustme.CA) -> None:
    _write_pair(tmp_path, authority)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    config = _MUTUAL + "  client_allowed_sans: [prometheus.test]\n"
    with open_world(tmp_path, web_config=config) as world:
        world.context = _client(authority, authority.issue_cert("grafana.test"))
        with pytest.raises(OSError):  # noqa: PT011 -- an alert or a reset, as it comes
            world.ask("/-/healthy")
        world.context = _client(authority, authority.issue_cert("prometheus.test"))
        assert world.ask("/-/healthy").code == 200


def test_a_handshake_that_hangs_is_ended(tmp_path: Path, authority: trustme.CA) -> None:
    import socket

    from jobproof.probes.web.server import WebLimits

    _write_pair(tmp_path, authority)
    limits = WebLimits(handshake_s=0.5)
    with (
        open_world(tmp_path, web_config=_TLS, limits=limits) as world,
        socket.create_connection(("127.0.0.1", world.port), timeout=PATIENCE_S) as connection,
    ):
        assert connection.recv(10) == b""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("basic_auth_user: {}", "web.yaml:1: basic_auth_user: unknown key. Did you mean"),
        ("basic_auth_users: {a: secret-word}", "write a bcrypt hash of cost 4 to 16"),
        (
            "basic_auth_users: {a: $2b$\u00b2$" + "x" * 54 + "}",
            "write a bcrypt hash of cost 4 to 16",
        ),
        ("basic_auth_users: {a: 12345678}", "write a bcrypt hash of cost 4 to 16"),
        ("tls_server_config: {cert_file: a}", "key 'key_file' is missing"),
        (_TLS, "server.pem can't be read: no such file"),
        (_TLS + "  client_auth_type: RequestClientCert", "client_auth_type"),
        (_MUTUAL.replace("  client_ca_file: ca.pem\n", ""), "needs client_ca_file"),
        (_TLS + "  client_allowed_sans: [a]\n", "client certificates are named but not asked for"),
        ("rate_limit: {burst: 0}", "web.yaml:1: rate_limit.burst"),
        ("", "the file is empty"),
        ("- a", "expected a mapping"),
    ],
)
def test_a_wrong_file_says_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "web.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        WebConfig(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    for secret in ("secret-word", "12345678"):
        assert secret not in str(caught.value)


def test_a_key_that_is_not_the_certificates_is_named(tmp_path: Path, authority: trustme.CA) -> None:
    _write_pair(tmp_path, authority)
    other = authority.issue_cert("localhost")
    other.private_key_pem.write_to_path(tmp_path / "server.key")
    (tmp_path / "web.yaml").write_text(_TLS)
    with pytest.raises(ConfigError, match="are no certificate and its key"):
        WebConfig(tmp_path / "web.yaml")


def test_an_encrypted_key_does_not_ask_on_the_terminal(
    tmp_path: Path, authority: trustme.CA
) -> None:
    from cryptography.hazmat.primitives import serialization

    _write_pair(tmp_path, authority)
    plain = serialization.load_pem_private_key((tmp_path / "server.key").read_bytes(), None)
    (tmp_path / "server.key").write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"a password"),
        )
    )
    (tmp_path / "web.yaml").write_text(_TLS)
    with pytest.raises(ConfigError, match="are no certificate and its key"):
        WebConfig(tmp_path / "web.yaml")
