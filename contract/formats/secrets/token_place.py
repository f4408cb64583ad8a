"""
Where in a request a token stands, and how it is written there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from jobproof.contract.formats.headers import header_value, header_values

__all__ = ["TokenPlace", "cookies_in", "queried"]

# RFC 6265 4.1.1: what a cookie's value consists of.
_COOKIE = re.compile(r"[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]+")


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """
    Attributes:
        place: `header`, `query` or `cookie`.
        name: Of the header, query parameter or cookie.
        prefix: Stands before the token in a header: `Bearer `.
        is_pair: The token is `user:password`, sent in base64 (RFC 7617).
    """

    place: str = "header"
    name: str = "Authorization"
    prefix: str = "Bearer "
    is_pair: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """
        The place and the name, as `Request.secret_at` has them.
        """
        return self.place, self.name.lower() if self.place == "header" else self.name

    @property
    def header(self) -> str:
        """
        The header that it stands in, in small letters; "" for one in the query.
        """
        return {"header": self.name.lower(), "cookie": "cookie"}.get(self.place, "")

    def written(self, token: str) -> str:
        """
        The value of the header, query parameter or cookie, not yet percent-encoded.
        """
        text = base64.b64encode(token.encode()).decode() if self.is_pair else token
        return f"{self.prefix}{text}"

    def problem_with(self, token: str) -> str | None:
        """
        Why `token` can't be sent there; None where it can.
        """
        if self.is_pair and not token.partition(":")[1]:
            return "basic authentication takes user:password, with the colon"
        if self.place == "cookie" and _COOKIE.fullmatch(token) is None:
            return "a cookie holds no blank, comma, semicolon, quote or backslash"
        return None

    def secrets_in(self, token: str) -> tuple[str, ...]:
        """
        What of `token` no output may show: of a pair, the password by itself, too.
        """
        password = token.partition(":")[2] if self.is_pair else ""
        return (token, password) if password else (token,)

    def read(self, headers: Iterable[tuple[str, str]], query: str) -> str | None:
        """
        The token in a request; None where there is none, "" where what is there can't be one.
        """
        if self.place == "query":
            return next((v for n, v in parse_qsl(query, True) if n == self.name), None)
        if self.place == "cookie":
            return next((v for n, v in cookies_in(headers) if n == self.name), None)
        value = header_value(headers, self.name)
        if value is None:
            return None
        # RFC 9110 11.1: the scheme in any case, the token as it is.
        scheme, token = value[: len(self.prefix)], value[len(self.prefix) :]
        if scheme.lower() != self.prefix.lower():
            return ""
        return _pair(token) if self.is_pair else token


def cookies_in(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """
    Name and value of every cookie that a request sends.
    """
    for line in header_values(headers, "cookie"):
        for part in line.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals:
                yield name, value


def queried(url: str, names: Iterable[str]) -> tuple[str, ...]:
    """
    The values that the query of `url` gives these parameters: as written, and decoded.
    """
    wanted = set(names)
    found = [value for name, value in _parts(url) if unquote_plus(name) in wanted and value]
    return tuple(dict.fromkeys((*found, *map(unquote_plus, found))))


def _parts(url: str) -> Iterator[tuple[str, str]]:
    query = url.partition("?")[2].partition("#")[0]
    for part in query.split("&"):
        name, _, value = part.partition("=")
        yield name, value


def _pair(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
