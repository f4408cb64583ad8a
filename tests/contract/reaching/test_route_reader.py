"""
A wrong setting of the way to a target is one line that says where, and what to do.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trustme
from tests.contract.reaching.parts import Identity

from jobproof.contract.model.asking.route import Route
from jobproof.contract.reaching.route_reader import RouteTexts, read_route
from jobproof.contract.reaching.setting import OPTIONS_PLACE, SettingError, SettingsPlace

URL = "https://staging.example.test"
PASSWORD = "hunter2-of-the-proxy"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    Identity.issued(authority, folder)
    Identity.issued(authority, folder, "other")
    (folder / "text.pem").write_text("no certificate\n")
    os.mkfifo(folder / "pipe")
    return folder


def read(folder: Path, **texts: object) -> Route:
    return read_route(RouteTexts(**texts), URL, SettingsPlace(OPTIONS_PLACE.named, folder))  # type: ignore[arg-type]


def test_nothing_written_is_the_plain_way() -> None:
    assert read(Path()) == Route()


def test_all_of_it_is_read(folder: Path) -> None:
    route = read(
        folder,
        ca_file="ca.pem",
        client_cert="client.pem",
        client_key="client-key.pem",
        proxy=f"HTTP://me:{PASSWORD}@Proxy.Example:3128/",
        resolve=("Staging.Example.test:443:127.0.0.1", "api.example:8443:[::1]"),
        http_version="2",
    )
    assert route.ca_file == folder / "ca.pem"
    assert (route.client_cert, route.client_key) == (
        folder / "client.pem",
        folder / "client-key.pem",
    )
    assert route.proxy == "http://proxy.example:3128"
    assert route.proxy_login == ("me", PASSWORD)
    assert PASSWORD in route.secrets
    assert PASSWORD not in repr(route)
    assert route.resolve == ("staging.example.test:443:127.0.0.1", "api.example:8443:[::1]")
    assert route.http_version == "2"


def test_the_key_may_stand_in_the_file_of_the_certificate(folder: Path) -> None:
    assert read(folder, client_cert="client-both.pem").client_key is None


@pytest.mark.parametrize(
    ("texts", "key", "says"),
    [
        ({"ca_file": "no.pem"}, "ca_file", "no.pem can't be read: No such file"),
        ({"ca_file": "text.pem"}, "ca_file", "text.pem: holds no PEM certificate"),
        ({"client_cert": "no.pem"}, "client_cert", "no.pem can't be read: No such file"),
        ({"client_cert": "text.pem"}, "client_cert", "text.pem: holds no PEM certificate"),
        ({"client_cert": "client.pem"}, "client_cert", "name its file by --client-key"),
        ({"client_key": "client-key.pem"}, "client_key", "give --client-cert, too"),
        (
            {"client_cert": "client.pem", "client_key": "no.pem"},
            "client_key",
            "no.pem can't be read: No such file",
        ),
        (
            {"client_cert": "client.pem", "client_key": "text.pem"},
            "client_key",
            "text.pem: holds no PEM private key",
        ),
        (
            {"client_cert": "client.pem", "client_key": "other-key.pem"},
            "client_key",
            "the key isn't that of the certificate",
        ),
        (
            {"client_cert": "client.pem", "client_key": "client-encrypted.pem"},
            "client_key",
            "write it without a passphrase",
        ),
        ({"proxy": "proxy.example:3128"}, "proxy", "write http://HOST:PORT"),
        ({"proxy": "ftp://proxy.example:3128"}, "proxy", "write http://HOST:PORT"),
        ({"proxy": "http://proxy.example"}, "proxy", "has no port: write http://HOST:PORT"),
        ({"proxy": "http://proxy.example:99999"}, "proxy", "a port that isn't 1 to 65535"),
        ({"proxy": "http://pro xy:3128"}, "proxy", "holds a blank"),
        ({"proxy": f"http://me:{PASSWORD}é@p:1"}, "proxy", "write it in percents"),
        ({"resolve": ("api.example:443",)}, "resolve", "write HOST:PORT:ADDRESS"),
        ({"resolve": ("api.example:0:127.0.0.1",)}, "resolve", "the port isn't 1 to 65535"),
        ({"resolve": ("api.example:443:elsewhere",)}, "resolve", "elsewhere is no IP address"),
        ({"http_version": "3"}, "http_version", "write 1.1, 2, auto"),
        ({"ca_file": "pipe"}, "ca_file", "it is a pipe or a device"),
        ({"ca_file": "."}, "ca_file", "it is a folder"),
        ({"client_cert": "pipe"}, "client_cert", "it is a pipe or a device"),
        (
            {"client_cert": "client.pem", "client_key": "pipe"},
            "client_key",
            "it is a pipe or a device",
        ),
        (
            {"resolve": ("api.exampel:443:127.0.0.1",)},
            "resolve",
            "nothing is asked of api.exampel:443: --url leads to staging.example.test:443",
        ),
    ],
)
def test_a_wrong_one_is_one_line(
    folder: Path, texts: dict[str, object], key: str, says: str
) -> None:
    with pytest.raises(SettingError) as raised:
        read(folder, **texts)
    assert raised.value.key == key
    assert says in raised.value.problem
    assert "\n" not in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_client_certificate_is_refused_where_nobody_would_see_it(folder: Path) -> None:
    place, texts = (
        SettingsPlace(OPTIONS_PLACE.named, folder),
        RouteTexts(client_cert="client-both.pem"),
    )
    with pytest.raises(SettingError, match="is shown by TLS alone: write https:// in --url"):
        read_route(texts, "http://127.0.0.1:8080", place)
    tokens = "https://tokens.example.test/token"
    assert read_route(texts, "http://127.0.0.1:8080", place, token_url=tokens).client_cert


def test_variables_are_heard_only_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:{PASSWORD}@proxy.example:3128")
    assert read(Path()).proxy == ""
    assert read(Path(), proxy="env").proxy == "http://proxy.example:3128"
    monkeypatch.setenv("no_proxy", "example.test")
    assert read(Path(), proxy="env").proxy == ""
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("https_proxy", f"proxy:{PASSWORD}")
    with pytest.raises(SettingError, match="in the environment") as raised:
        read(Path(), proxy="env")
    assert PASSWORD not in str(raised.value)


def test_files_of_another_machine_are_not_looked_for(folder: Path) -> None:
    place = SettingsPlace(str, folder, is_elsewhere=True)
    texts = RouteTexts(ca_file="no.pem", client_cert="no.pem")
    assert read_route(texts, URL, place).ca_file == folder / "no.pem"
