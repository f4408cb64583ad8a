"""
Which way a request takes: whom it trusts, what it shows of itself, and through whom it goes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import unquote

from jobproof.contract.formats.secrets.secret import Secret

__all__ = ["HTTP_VERSIONS", "HttpVersion", "Route"]

HttpVersion = Literal["1.1", "2", "auto"]
HTTP_VERSIONS: tuple[str, ...] = get_args(HttpVersion)


@dataclass(frozen=True, slots=True)
class Route:
    """
    How a target is reached; the same for each request to it.

    Attributes:
        ca_file: PEM bundle of those who are trusted, instead of the system's.
        client_cert: PEM file of the certificate that is shown to the server.
        client_key: Its key; None where it stands in the same file.
        proxy: Its URL, without user and password; "" for none, whatever variables say.
        proxy_credentials: User and password for it, percent-encoded as in a URL.
        resolve: `HOST:PORT:ADDRESS`: which address a name stands for.
        http_version: `auto` is HTTP/1.1, and HTTP/2 where the server speaks nothing else.
    """

    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    proxy: str = ""
    proxy_credentials: Secret | None = field(default=None, repr=False)
    resolve: tuple[str, ...] = ()
    http_version: HttpVersion = "auto"

    @property
    def proxy_login(self) -> tuple[str, str]:
        """
        User and password as the proxy is told them; ("", "") where it is told none.
        """
        written = "" if self.proxy_credentials is None else self.proxy_credentials.reveal()
        user, _, password = written.partition(":")
        return unquote(user), unquote(password)

    @property
    def secrets(self) -> tuple[str, ...]:
        """
        What no output may show.
        """
        if self.proxy_credentials is None:
            return ()
        written, (user, password) = self.proxy_credentials.reveal(), self.proxy_login
        # By themselves: a proxy may name either in what it refuses.
        return tuple(filter(None, (written, f"{user}:{password}", password or user)))

    def curl_words(self) -> Iterator[str]:
        """
        What has curl take the same way, as words of a shell; a secret is a variable.
        """
        for option, value in (
            ("--cacert", self.ca_file),
            ("--cert", self.client_cert),
            ("--key", self.client_key),
            ("--proxy", self.proxy),
        ):
            if value:
                yield f"{option} {shlex.quote(str(value))}"
        if self.proxy_credentials is not None:
            yield '--proxy-user "$PROXY_USER"'
        yield from (f"--resolve {shlex.quote(entry)}" for entry in self.resolve)
