"""
The way to a target, from the texts of options or of a configuration file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from jobproof.contract.formats.addresses.ip_addresses import parse_address
from jobproof.contract.formats.addresses.urls import Url, UrlError, parse_url, read_host
from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.asking.route import HTTP_VERSIONS, HttpVersion, Route
from jobproof.contract.reaching.certificates import check_authorities, check_identity
from jobproof.contract.reaching.setting import SettingError, SettingsPlace

__all__ = ["RouteTexts", "read_route"]

_PROXY = re.compile(r"(https?|socks5h?)://(?:([^/?#]*)@)?([^/?#@]+)/?", re.IGNORECASE)
_RESOLVE = re.compile(r"([^:\[\]]+):([^:]+):(.+)")


@dataclass(frozen=True, slots=True)
class RouteTexts:
    """
    As somebody wrote them; each may be left out.
    """

    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    resolve: Sequence[str] = ()
    http_version: str | None = None


def read_route(
    texts: RouteTexts, url: str, place: SettingsPlace, *, token_url: str | None = None
) -> Route:
    """
    The way that the texts describe.

    Args:
        url: Of the target: which proxy the usual variables name depends on it.
        token_url: Of a server that is asked the same way.

    Raises:
        SettingError: One of them can't be used, names a file that can't, or would say nothing.
    """
    asked = tuple(_asked(url, token_url))
    ca_file, client_cert = place.path(texts.ca_file), place.path(texts.client_cert)
    client_key = place.path(texts.client_key)
    if client_key is not None and client_cert is None:
        named = place.named("client_cert")
        raise SettingError("client_key", f"it is the key of no certificate: give {named}, too")
    if not place.is_elsewhere:
        if ca_file is not None:
            check_authorities(ca_file)
        if client_cert is not None:
            check_identity(client_cert, client_key, key_named=place.named("client_key"))
    if client_cert is not None and all(one.scheme == "http" for one in asked):
        problem = f"is shown by TLS alone: write https:// in {place.named('url')}"
        raise SettingError("client_cert", problem)
    proxy, credentials = _proxy(texts.proxy, url)
    resolve = tuple(_resolved(entry) for entry in texts.resolve)
    _refuse_idle(resolve, (*asked, *_asked(proxy)), place)
    return Route(
        *(ca_file, client_cert, client_key, proxy, credentials),
        resolve=resolve,
        http_version=_http_version(texts.http_version),
    )


def _asked(*urls: str | None) -> Iterator[Url]:
    for url in filter(None, urls):
        # Of one that can't be read somebody else speaks; a proxy's scheme has no port of its own.
        with suppress(UrlError):
            yield parse_url(re.sub(r"^socks5h?:", "http:", url))


def _refuse_idle(resolve: Sequence[str], asked: Sequence[Url], place: SettingsPlace) -> None:
    """
    Addresses for names that nobody asks are a slip: they change nothing, and nobody would see it.
    One list for several targets is none.
    """
    ports = {"http": 80, "https": 443}
    known = [f"{one.host}:{one.port or ports[one.scheme]}" for one in asked]
    if resolve and known and not any(e.startswith(f"{one}:") for e in resolve for one in known):
        name = ":".join(resolve[0].split(":")[:2])
        problem = f"nothing is asked of {name}: {place.named('url')} leads to {known[0]}"
        raise SettingError("resolve", problem)


def _http_version(text: str | None) -> HttpVersion:
    if text is None:
        return "auto"
    if text not in HTTP_VERSIONS:
        raise SettingError("http_version", f"{text!r}: write {', '.join(HTTP_VERSIONS)}")
    return cast("HttpVersion", text)


def _proxy(text: str | None, url: str) -> tuple[str, Secret | None]:
    if text is None:
        return "", None
    if text.strip().lower() != "env":
        return _read_proxy(text.strip(), "")
    found = _proxy_in_environment(url)
    return _read_proxy(found, " in the environment") if found else ("", None)


def _proxy_in_environment(url: str) -> str:
    """
    What the usual variables say for `url`; "" where they name none, or leave it out.
    """
    # The library knows the variables, and what `no_proxy` leaves out.
    from requests.utils import get_environ_proxies, select_proxy

    found = select_proxy(url, get_environ_proxies(url)) or ""
    return found if not found or "://" in found else f"http://{found}"


def _read_proxy(text: str, where: str) -> tuple[str, Secret | None]:
    # What is wrong may hold a password, so no message shows it.
    found = _PROXY.fullmatch(text)
    if found is None:
        raise SettingError(
            "proxy",
            f"the URL{where} is no proxy's: write http://HOST:PORT, https://, socks5:// or socks5h://",
        )
    scheme, credentials, authority = found[1].lower(), found[2], found[3]
    try:
        # The port is named by its digits: the scheme's own is no proxy's.
        host = parse_url(f"http://{authority}").host
    except UrlError as exc:
        raise SettingError("proxy", f"the URL{where} {exc.problem}: {exc.remedy}") from None
    port = read_digits(authority.rpartition(":")[2], most=65_536)
    if port is None or authority.endswith("]"):
        raise SettingError("proxy", f"the URL{where} has no port: write {scheme}://HOST:PORT")
    secret = _secret(credentials) if credentials else None
    return f"{scheme}://{host}:{port}", secret


def _secret(credentials: str) -> Secret:
    try:
        return Secret(credentials)
    except ValueError:
        problem = "user or password holds a character that can't travel: write it in percents"
        raise SettingError("proxy", problem) from None


def _resolved(entry: str) -> str:
    found = _RESOLVE.fullmatch(entry.strip())
    if found is None:
        raise SettingError("resolve", f"{entry!r}: write HOST:PORT:ADDRESS")
    try:
        host = read_host(found[1])
    except UrlError as exc:
        raise SettingError("resolve", f"{entry!r}: {exc.problem}: write a name") from None
    port = read_digits(found[2], most=65_536)
    if port is None or not 1 <= port <= 65_535:
        raise SettingError("resolve", f"{entry!r}: the port isn't 1 to 65535")
    address = parse_address(found[3].strip("[]"))
    if address is None:
        raise SettingError("resolve", f"{entry!r}: {found[3]} is no IP address")
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{port}:{shown}"
