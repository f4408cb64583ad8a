"""
URLs that a person wrote down: read once, normalised, or refused in one line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Annotated, NoReturn
from urllib.parse import quote

import idna
from pydantic import AfterValidator

from jobproof.contract.formats.addresses.ip_addresses import (
    IpAddress,
    ends_in_number,
    is_loopback_address,
    parse_address,
)
from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.secrets.redaction import without_userinfo

__all__ = ["BaseUrl", "Url", "UrlError", "is_loopback", "parse_url", "read_base_url", "read_host"]

_EXAMPLE = "https://api.example.com"
_LONGEST = 100_000
_LONGEST_BASE = 2_000
# RFC 1035 2.3.4: 255 octets in a message are 253 characters as text.
_LONGEST_HOST = 253
_LONGEST_SHOWN = 100
_DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_PLAIN = re.compile(r"[!-~]*")
# RFC 1123 has no underscore in a host's name; DNS has, and so do services in clusters.
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_JOINERS = "\u200c\u200d"  # unseen, yet letters of Persian and of Indic names


class UrlError(ValueError):
    """
    A URL that can't be used; as text one line: the URL, what is wrong, what to do.

    Attributes:
        problem: What is wrong, without a word of the URL itself, which may hold a secret.
    """

    def __init__(self, problem: str, remedy: str, url: str | None = None) -> None:
        self.problem = problem
        self.remedy = remedy
        shown = "" if url is None else f"{_displayed(url)!r} "
        super().__init__(f"{shown}{problem}: {remedy}")


@dataclass(frozen=True, slots=True)
class Url:
    """
    A URL as it is asked: all ASCII, host in lower case, no port where it is the scheme's own.

    Attributes:
        host: A name, an IPv4 address in four parts, or an IPv6 address in brackets.
        path: Percent-encoded; "" or from its first slash on.
        query: What follows `?`; None where there is no `?`.
        fragment: What follows `#`; None where there is no `#`. It is never sent.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str | None = None
    fragment: str | None = None

    @property
    def origin(self) -> str:
        """
        Scheme, host and port.
        """
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def target(self) -> str:
        """
        What the request line names: path and query.
        """
        return (self.path or "/") + ("" if self.query is None else f"?{self.query}")

    @property
    def is_loopback(self) -> bool:
        """
        Whether it leads to this machine: an address of loopback, `localhost` or a name below.
        """
        name = self.host.removesuffix(".")
        # RFC 6761 6.3: whoever resolves these answers with loopback.
        if name == "localhost" or name.endswith(".localhost"):
            return True
        address = parse_address(self.host.strip("[]"))
        return address is not None and is_loopback_address(address)


def parse_url(text: str, *, instead: str = "leave it out") -> Url:
    """
    The http or https URL that `text` is.

    Blanks around it are left out, what isn't ASCII is encoded (a host by IDNA 2008, the
    rest as UTF-8 in percents), an address becomes its usual form; all else stays byte for
    byte, dot segments included.

    Args:
        instead: What to do where it holds a user name or password.

    Raises:
        UrlError: It is none, or carries credentials.
    """
    text = text.strip()
    try:
        _check_characters(text)
        found = _URL.fullmatch(text)
        if "@" in (found["authority"] if found else text):
            # Not even cut or masked: which part of it is the password, nobody can tell.
            raise UrlError("holds a user name or password", instead)
        if found is None:
            _refuse_scheme(text)
        scheme = found["scheme"].lower()
        host, port = _parse_authority(found["authority"])
        return Url(
            scheme,
            host,
            # One server has one origin, whether its port is written out or not.
            None if port == _DEFAULT_PORTS[scheme] else port,
            _percent_encoded(found["path"]),
            None if found["query"] is None else _percent_encoded(found["query"]),
            found["fragment"],
        )
    except _RefusedError as exc:
        raise UrlError(exc.problem, exc.remedy, text) from None


def read_base_url(text: str, *, instead: str = "leave it out") -> str:
    """
    The URL to which paths are added: normalised, without a slash at its end.

    Args:
        instead: What to do where it holds a user name or password.

    Raises:
        UrlError: It is no URL, or has credentials, a query or a fragment.
    """
    url = parse_url(text, instead=instead)
    if url.query is not None or url.fragment is not None:
        raise UrlError("has a query or a fragment", "give the base URL alone", text)
    base_url = (url.origin + url.path).rstrip("/")
    if len(base_url) > _LONGEST_BASE:
        raise UrlError(f"has more than {_LONGEST_BASE} characters", "write a shorter one", text)
    return base_url


def read_host(text: str) -> str:
    """
    A host as a URL bears it: an IDN in its `xn--` form, an address in its usual one.

    Raises:
        UrlError: It is neither a name nor an address.
    """
    try:
        return _parse_host(text)
    except _RefusedError as exc:
        raise UrlError(exc.problem, exc.remedy, text) from None


def is_loopback(url: str) -> bool:
    """
    Whether `url` leads to this machine; False where it leads nowhere.
    """
    try:
        return parse_url(url).is_loopback
    except UrlError:
        return False


def _profile_url(text: str) -> str:
    return read_base_url(text, instead="give the token by token_env")


BaseUrl = Annotated[str, AfterValidator(_profile_url)]
"""A base URL in a file of ours."""


class _RefusedError(Exception):
    """
    On its way to whoever knows the whole text.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def _check_characters(text: str) -> None:
    if not text:
        raise _RefusedError("is empty", f"write {_EXAMPLE}")
    if len(text) > _LONGEST:
        raise _RefusedError(f"has more than {_LONGEST} characters", "write a shorter one")
    if _PLAIN.fullmatch(text):
        return
    for character in text:
        if character == " ":
            raise _RefusedError("holds a blank", "leave it out, or write %20")
        if not character.isprintable() and character not in _JOINERS:
            raise _RefusedError(f"holds the character U+{ord(character):04X}", "leave it out")


def _refuse_scheme(text: str) -> NoReturn:
    if re.match(r"(?i)https?:", text):
        raise _RefusedError("has no host", f"write {_EXAMPLE}")
    if "://" in text:
        raise _RefusedError("has a scheme that can't be asked", "write http:// or https://")
    bare = _displayed(text).lstrip("/")
    scheme = "http" if is_loopback(f"http://{bare}") else "https"
    raise _RefusedError("has no scheme", f"write {scheme}://{bare}")


@lru_cache(maxsize=256)
def _parse_authority(authority: str) -> tuple[str, int | None]:
    found = _AUTHORITY.fullmatch(authority)
    # `::1:80` could be one address, or another one with a port.
    bare_ipv6 = authority.count(":") > 1 and not authority.startswith("[")
    if found is None or bare_ipv6:
        raise _RefusedError(*_BAD_HOST)
    host = _parse_host(found["host"])
    # A colon with nothing behind it is right (RFC 3986 3.2.3).
    if not found["port"]:
        return host, None
    port = read_digits(found["port"], most=65_536)
    if port is None or not 1 <= port <= 65_535:
        raise _RefusedError("has a port that isn't 1 to 65535", "write one, or leave it out")
    return host, port


_BAD_HOST = ("has a host that is no name and no address", "write a name, 127.0.0.1 or [::1]")


def _parse_host(text: str) -> str:
    if not text:
        raise _RefusedError("has no host", f"write {_EXAMPLE}")
    if text.startswith("["):
        # A zone index after `%` means something on one machine alone.
        address = parse_address(text[1:-1]) if ":" in text and "%" not in text else None
        if address is None or not text.endswith("]"):
            raise _RefusedError(*_BAD_HOST)
        return _format_address(address)
    name = _to_ascii(text).lower()
    address = None if ":" in name else parse_address(name)
    if address is not None:
        return _format_address(address)
    if len(name.removesuffix(".")) > _LONGEST_HOST or not _NAME.fullmatch(name):
        raise _RefusedError(*_BAD_HOST)
    if ends_in_number(name):
        raise _RefusedError(*_BAD_HOST)
    return name


def _to_ascii(name: str) -> str:
    if name.isascii():
        return name
    if len(name) > _LONGEST_HOST:
        raise _RefusedError(*_BAD_HOST)
    try:
        # As browsers do, uts46 first maps capitals and full-width letters.
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        problem = "has a host that IDNA 2008 can't encode"
        raise _RefusedError(problem, "write its xn-- form, or another name") from None


def _format_address(address: IpAddress) -> str:
    mapped = None if isinstance(address, IPv4Address) else address.ipv4_mapped
    # What connecting to it leads to differs between systems.
    if (mapped or address).is_unspecified:
        instead = "[::1]" if mapped is None and address.version == 6 else "127.0.0.1"
        raise _RefusedError("has a host that stands for all addresses", f"write {instead}")
    if isinstance(address, IPv4Address):
        return str(address)
    # Python 3.13 spells a mapped address otherwise than those before.
    return f"[::ffff:{mapped}]" if mapped is not None else f"[{address}]"


def _percent_encoded(text: str) -> str:
    return re.sub(r"[^\x00-\x7f]+", lambda found: quote(found[0]), text)


def _displayed(text: str) -> str:
    """
    The text without what may be a secret in it, clean, and cut.
    """
    text = without_userinfo(text)
    # A query or a fragment may hold a token, so the text ends before it.
    clean = "".join(c if c.isprintable() else " " for c in re.split(r"(?<=[?#])", text)[0])
    return clean if len(clean) <= _LONGEST_SHOWN else f"{clean[:_LONGEST_SHOWN]}…"
