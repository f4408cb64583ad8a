"""
One reader of base URLs: the option, the configuration and the client take and refuse the same.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.tools import PATIENCE_S
from tests.wire import Wire

from jobproof.contract.client.address_policy import AddressPolicy
from jobproof.contract.client.curl import Client
from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import (
    UrlError,
    is_loopback,
    parse_url,
    read_base_url,
    read_host,
)
from jobproof.contract.model.api import load_api
from jobproof.contract.model.exchange import Credential, Reason, Request, Subject
from jobproof.contract.plugins import find_api
from jobproof.contract.suite.cli import test as suite_command
from jobproof.contract.suite.running.generated_cases import GeneratedCase, request_of_case
from jobproof.probes.config.reader import load_settings

ID = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
KREA = Path(str(find_api("krea").folder))

HERE = {
    # text: as it is asked; PORT is that of the server
    "http://127.0.0.1:PORT": "http://127.0.0.1:PORT",
    "http://127.0.0.1:PORT/": "http://127.0.0.1:PORT",
    "http://127.0.0.1:PORT//": "http://127.0.0.1:PORT",
    "  http://127.0.0.1:PORT/v1 \n": "http://127.0.0.1:PORT/v1",
    "\u00a0http://127.0.0.1:PORT\t": "http://127.0.0.1:PORT",
    "HTTP://LocalHost:PORT/V1/": "http://localhost:PORT/V1",
    "http://127.0.0.1:0PORT": "http://127.0.0.1:PORT",
    "http://127.1:PORT": "http://127.0.0.1:PORT",
    "http://2130706433:PORT/a": "http://127.0.0.1:PORT/a",
    "http://0x7f.1:PORT": "http://127.0.0.1:PORT",
    "http://0X7F000001:PORT": "http://127.0.0.1:PORT",
    "http://0177.0.0.01:PORT": "http://127.0.0.1:PORT",
    "http://017700000001:PORT": "http://127.0.0.1:PORT",
    "http://127.0.0.1.:PORT": "http://127.0.0.1:PORT",
    "http://127.1.:PORT": "http://127.0.0.1:PORT",
    "http://１２７。０.0.1:PORT": "http://127.0.0.1:PORT",
    "http://[::ffff:127.0.0.1]:PORT": "http://[::ffff:127.0.0.1]:PORT",
    "http://[::FFFF:7F00:1]:PORT": "http://[::ffff:127.0.0.1]:PORT",
    "http://localhost.:PORT": "http://localhost.:PORT",
    "http://jobs_api.localhost:PORT": "http://jobs_api.localhost:PORT",
    "http://bücher.localhost:PORT/ä": "http://xn--bcher-kva.localhost:PORT/%C3%A4",
    "http://BÜCHER.localhost:PORT": "http://xn--bcher-kva.localhost:PORT",
    "http://faß.localhost:PORT": "http://xn--fa-hia.localhost:PORT",
    "http://xn--bcher-kva.localhost:PORT": "http://xn--bcher-kva.localhost:PORT",
    "http://127.0.0.1:PORT/ä/%C3%A4/{v}/../b": "http://127.0.0.1:PORT/%C3%A4/%C3%A4/{v}/../b",
}
ELSEWHERE = {
    "https://API.Example.COM:443/v1/": "https://api.example.com/v1",
    "https://api.example.com:": "https://api.example.com",
    "http://api.example.com:443": "http://api.example.com:443",
    "https://api.example.com.:8443": "https://api.example.com.:8443",
    "https://[2001:DB8:0:0::1]:443/": "https://[2001:db8::1]",
    "https://例え.テスト/パス": "https://xn--r8jz45g.xn--zckzah/%E3%83%91%E3%82%B9",
}
_WRITE_HOST = "write a name, 127.0.0.1 or [::1]"
_NO_HOST = f"has a host that is no name and no address: {_WRITE_HOST}"
_PORT = "has a port that isn't 1 to 65535: write one, or leave it out"
REFUSED = {
    "": "'' is empty: write https://api.example.com",
    " \t\n": "'' is empty: write https://api.example.com",
    "api.example.com": "'api.example.com' has no scheme: write https://api.example.com",
    "//api.example.com": "'//api.example.com' has no scheme: write https://api.example.com",
    "localhost:8080": "'localhost:8080' has no scheme: write http://localhost:8080",
    "127.1:80/v1": "'127.1:80/v1' has no scheme: write http://127.1:80/v1",
    "ftp://127.0.0.1/": "'ftp://127.0.0.1/' has a scheme that can't be asked: "
    "write http:// or https://",
    "https://": "'https://' has no host: write https://api.example.com",
    "http:/jobs": "'http:/jobs' has no host: write https://api.example.com",
    "http://:80": "'http://:80' has no host: write https://api.example.com",
    "http://0.0.0.0:8080": "'http://0.0.0.0:8080' has a host that stands for all addresses: "
    "write 127.0.0.1",
    "http://0": "'http://0' has a host that stands for all addresses: write 127.0.0.1",
    "http://0x0.0": "'http://0x0.0' has a host that stands for all addresses: write 127.0.0.1",
    "http://[::]:1": "'http://[::]:1' has a host that stands for all addresses: write [::1]",
    "http://h:0": f"'http://h:0' {_PORT}",
    "http://h:65536": f"'http://h:65536' {_PORT}",
    "http://h:８０": f"'http://h:８０' {_PORT}",
    "http://h:-1": f"'http://h:-1' {_PORT}",
    "http://::1:80": f"'http://::1:80' {_NO_HOST}",
    "http://[::1": f"'http://[::1' {_NO_HOST}",
    "http://[127.0.0.1]": f"'http://[127.0.0.1]' {_NO_HOST}",
    "http://[fe80::1%25eth0]": f"'http://[fe80::1%25eth0]' {_NO_HOST}",
    "http://256.1.1.1": f"'http://256.1.1.1' {_NO_HOST}",
    "http://1.2.3.4.5": f"'http://1.2.3.4.5' {_NO_HOST}",
    "http://127.0.0.08": f"'http://127.0.0.08' {_NO_HOST}",
    "http://a..b": f"'http://a..b' {_NO_HOST}",
    "http://a%2eb": f"'http://a%2eb' {_NO_HOST}",
    "http://h\\x": f"'http://h\\\\x' {_NO_HOST}",
    f"http://{'a' * 64}.example": f"'http://{'a' * 64}.example' {_NO_HOST}",
    "http://☃.example": "'http://☃.example' has a host that IDNA 2008 can't encode: "
    "write its xn-- form, or another name",
    "http://h/a b": "'http://h/a b' holds a blank: leave it out, or write %20",
    "http://h/a\r\nX: 1": "'http://h/a  X: 1' holds the character U+000D: leave it out",
    "\ufeffhttp://h": "' http://h' holds the character U+FEFF: leave it out",
    "http://h/\u202e": "'http://h/ ' holds the character U+202E: leave it out",
    "http://h:1:" + "9" * 200: f"'http://h:1:{'9' * 89}…' {_NO_HOST}",
    "http://h/" + "a" * 100_000: f"'http://h/{'a' * 91}…' has more than 100000 characters: "
    "write a shorter one",
}
NO_BASE = {
    "http://h/?key=sk-1": "'http://h/?' has a query or a fragment: give the base URL alone",
    "http://h?": "'http://h?' has a query or a fragment: give the base URL alone",
    "http://h#sk-1": "'http://h#' has a query or a fragment: give the base URL alone",
    "http://h/" + "a" * 2_000: f"'http://h/{'a' * 91}…' has more than 2000 characters: "
    "write a shorter one",
}
"""What the client does send, since a request's URL may be longer and have a query."""


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as server:
        yield server


def by_option(text: str) -> str:
    """
    The base URL that `--url` leads to, which stands in the complaint that there is no job.
    """
    done = CliRunner().invoke(suite_command, ["--url", text], env={"KREA_API_TOKEN": "t"})
    assert isinstance(done.exception, ConfigError), done.output
    base_url, needs, _ = str(done.exception).partition(" needs a known job: ")
    if not needs:
        raise ConfigError(base_url.removeprefix("--url "))
    return base_url


def by_configuration(text: str, folder: Path) -> str:
    path = folder / "jobproof.yaml"
    target = {"name": "x", "api": "krea", "url": text}
    # Quoted: what one library writes as a word another may read as a number, as 0E0.
    written = yaml.safe_dump({"targets": [target]}, sort_keys=False, default_style='"')
    path.write_text(written, encoding="utf-8")
    place = f"{path}:4: targets[0].url: "
    try:
        found = load_settings(path, environment={}).targets[0]
    except ConfigError as exc:
        before, _, message = str(exc).partition(place)
        raise ConfigError(before + message) from None
    assert found.shown_url == found.url
    return found.url


@pytest.mark.parametrize("text", HERE)
def test_all_three_ask_the_same(text: str, wire: Wire, tmp_path: Path) -> None:
    url, port = text.replace("PORT", str(wire.port)), str(wire.port)
    right = HERE[text].replace("PORT", port)
    assert by_option(url) == right
    assert by_configuration(url, tmp_path) == right
    wire.requests.clear()
    with Client() as client:
        exchange = client.send(Request("GET", url), deadline_s=PATIENCE_S)
    assert exchange.response is not None, exchange.answer
    asked, host = wire.requests[-1].decode("latin-1").split("\r\n")[:2]
    path = asked.removeprefix("GET ").removesuffix(" HTTP/1.1").rstrip("/")
    assert f"http://{host.removeprefix('Host: ')}{path}" == right
    assert is_loopback(url)


@pytest.mark.parametrize("text", ELSEWHERE)
def test_what_is_elsewhere_is_read_alike(text: str, tmp_path: Path) -> None:
    right = ELSEWHERE[text]
    assert by_option(text) == right
    assert by_configuration(text, tmp_path) == right
    url = parse_url(text)
    assert (url.origin + url.path).rstrip("/") == right
    assert not is_loopback(text)


@pytest.mark.parametrize("text", [*REFUSED, *NO_BASE], ids=lambda text: text[:40])
def test_all_three_refuse_in_the_same_words(text: str, tmp_path: Path) -> None:
    message = {**REFUSED, **NO_BASE}[text]
    with pytest.raises(ConfigError) as by_cli:
        by_option(text)
    assert str(by_cli.value) == message
    with pytest.raises(ConfigError) as by_file:
        by_configuration(text, tmp_path)
    assert str(by_file.value) == message
    if text in REFUSED:
        with Client() as client, pytest.raises(UrlError) as by_client:
            client.send(Request("GET", text), deadline_s=PATIENCE_S)
        assert str(by_client.value) == message
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        "https://me:pa55word@api.example.com",
        "https://pa55word@api.example.com",
        "https://me:pa55word@",
        "me:pa55word@api.example.com",
        "http://h\\me:pa55word@api.example.com",
        "https://me:pa55word/x@api.example.com",
        "https://me:pa55word?x@api.example.com",
        "https://me:pa55word#x@api.example.com",
        "ftp://me:pa55word@api.example.com",
        "https://me:pa55word @api.example.com",
        "https://api.example.com/?token=pa55word",
        "https://api.example.com/#pa55word",
    ],
)
def test_a_password_is_refused_unseen(text: str, tmp_path: Path) -> None:
    for read in (by_option, lambda url: by_configuration(url, tmp_path)):
        with pytest.raises(ConfigError) as refused:
            read(text)
        assert "pa55" not in str(refused.value)
    if "@" in text:
        with Client() as client, pytest.raises(UrlError) as by_client:
            client.send(Request("GET", text), deadline_s=PATIENCE_S)
        assert "pa55" not in str(by_client.value)


def test_each_says_where_its_token_goes(tmp_path: Path) -> None:
    text, problem = "https://me:pw@h", "holds a user name or password: give the token by "
    with pytest.raises(ConfigError, match=f"{problem}--token-env"):
        by_option(text)
    with pytest.raises(ConfigError, match=f"{problem}token_env or token_file"):
        by_configuration(text, tmp_path)
    with Client() as client, pytest.raises(UrlError, match=f"{problem}an Authorization header"):
        client.send(Request("GET", text), deadline_s=PATIENCE_S)


def test_a_profile_s_server_is_read_so_too(tmp_path: Path) -> None:
    for path in KREA.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    profile = (tmp_path / "profile.yaml").read_text(encoding="utf-8")

    def server(text: str) -> str:
        changed = profile.replace("server: https://api.krea.ai", f"server: {text}")
        (tmp_path / "profile.yaml").write_text(changed, encoding="utf-8")
        return load_api(tmp_path).profile.server

    assert server("https://bücher.example/ä/") == "https://xn--bcher-kva.example/%C3%A4"
    with pytest.raises(ConfigError) as refused:
        server("api.krea.ai")
    place, _, problem = str(refused.value).partition(": server: ")
    assert place.endswith("profile.yaml:7")
    assert problem == "'api.krea.ai' has no scheme: write https://api.krea.ai"


def test_what_the_environment_put_in_is_not_shown_in_part(tmp_path: Path) -> None:
    path = tmp_path / "jobproof.yaml"
    path.write_text("targets:\n  - {name: x, api: krea, url: 'http://${HOST}'}\n", encoding="utf-8")
    secret = "s3cret-" * 30
    with pytest.raises(ConfigError) as refused:
        load_settings(path, environment={"HOST": secret})
    assert "s3c" not in str(refused.value)
    assert str(refused.value).endswith(
        "targets[0].url: 'http://${HOST}', its variables filled in, "
        "has a host that is no name and no address"
    )


def test_an_empty_option_is_no_reason_to_test_the_mock() -> None:
    done = CliRunner().invoke(suite_command, ["--url", "", "--dry-run"])
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith("--url '' is empty: ")


def test_generated_cases_reach_a_name_below_localhost(wire: Wire) -> None:
    from jobproof.contract.suite.planning.target_options import target_from

    values = {"url": f"http://bücher.localhost:{wire.port}/ä", "job": [ID], "token_env": "T"}
    case = GeneratedCase(ID, Subject.KNOWN, Credential.OWNER, {}, {"a": ["1", "é"]}, False)
    with Client(exact_framing=True) as client:
        request = request_of_case(target_from(values, environ={"T": "t"}), case)
        exchange = client.send(request, deadline_s=10.0)
    assert exchange.response is not None, exchange.answer
    head = wire.requests[-1].decode("latin-1")
    assert head.startswith(f"GET /%C3%A4/jobs/{ID}?a=1&a=%C3%A9 HTTP/1.1\r\n")
    assert f"Host: xn--bcher-kva.localhost:{wire.port}\r\n" in head


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://127.255.0.9:8080", True),
        ("http://[::1]:1", True),
        ("http://a.b.localhost.", True),
        ("https://api.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://notlocalhost", False),
        ("http://localhost.example.com", False),
        ("http://128.0.0.1", False),
        ("http://[64:ff9b::7f00:1]", False),
        ("no URL", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, ours: bool) -> None:
    assert is_loopback(url) is ours


@pytest.mark.parametrize(
    ("text", "right"),
    [("BÜCHER.example", "xn--bcher-kva.example"), ("127.1", "127.0.0.1"), ("[::1]", "[::1]")],
)
def test_a_host_alone_is_read_as_in_a_url(text: str, right: str) -> None:
    assert read_host(text) == right


@pytest.mark.parametrize("text", ["", "a b", "a:80", "a/b", "[::1", "a@b"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(UrlError):
        read_host(text)


_HOSTS = st.sampled_from(
    (
        *("127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.1", "0", "08", "256.1", "127.1."),
        *("localhost", "bücher.localhost", "a_b.localhost.", "[::1]", "[::ffff:127.0.0.1]"),
        *("[::]", "[", "☃", "", "x@127.1", "%31", "é", "１.0"),
    )
) | st.text(max_size=8)
_PORTS = st.sampled_from(("", ":", ":9", ":09", ":0", ":70000", ":x", ":９"))
_TAILS = st.text(max_size=6) | st.sampled_from(("/", "/ä/", "/%zz", "//", "/\u200d", "?a", "#"))
_TEXTS = st.builds(
    lambda blank, scheme, host, port, tail: blank + scheme + host + port + tail,
    st.sampled_from(("", "", " ", "\n")),
    st.sampled_from(("http://", "http://", "https://", "HTTP://", "http:/", "ftp://", "")),
    *(_HOSTS, _PORTS, _TAILS),
) | st.text(max_size=30)


def outcome(read: Any, text: str) -> str:
    try:
        return f"right {read(text)}"
    except (ConfigError, UrlError) as exc:
        message = str(exc).partition(": give the token by")[0]
        assert message.isprintable()
        assert len(message) < 400
        return message


@given(_TEXTS.filter(lambda text: "${" not in text and not text.startswith("-")))
@example("http://bücher.localhost:9/ä")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_they_agree_whatever_is_written(tmp_path: Path, text: str) -> None:
    read = outcome(read_base_url, text).replace(": leave it out", "", 1)
    assert outcome(by_option, text).replace(": leave it out", "", 1) == read
    found = outcome(lambda url: by_configuration(url, tmp_path), text)
    assert found.replace(": leave it out", "", 1) == read
    # Whatever it leads to, nothing is dialled on this machine and nobody else is asked.
    with Client(policy=AddressPolicy(allow_private=False)) as client:
        if is_loopback(text):
            sent = client.send(Request("GET", text), deadline_s=PATIENCE_S)
            assert sent.failure is not None
            assert sent.failure.reason is Reason.BLOCKED
        elif outcome(parse_url, text) == read:
            with pytest.raises(UrlError):
                client.send(Request("GET", text), deadline_s=PATIENCE_S)
    if read.startswith("right "):
        base_url = read.removeprefix("right ")
        assert base_url.isascii()
        assert read_base_url(base_url) == base_url
        assert parse_url(text).origin == parse_url(base_url).origin


def test_the_port_of_a_server_that_is_gone_is_no_mistake_of_the_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Client() as client:
        exchange = client.send(Request("GET", f"http://127.1:{port}/"), deadline_s=PATIENCE_S)
    assert exchange.failure is not None
    assert exchange.failure.reason is Reason.CONNECT
