"""
TLS, client certificates and users, in the file format of Prometheus' own exporters.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
import os
import secrets
import ssl
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contract.duration import Duration
from contract.errors import ConfigError
from contract.yamlfile import read_yaml

__all__ = ["Pace", "Tls", "Users", "WebConfig"]

_LOG = logging.getLogger(__name__)
_REMEMBERED = 100

# Of a password that nobody has: who tries an unknown name waits as long as for a known one.
_NOBODY = b"$2b$10$0OnsCNUWUzsGwxTzdLybb.VvKyi4MTsiYmZWoXT5XmzbBs5J7053S"

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


def _bcrypt(value: object) -> str:
    # Before pydantic looks at it: its messages show the value, which may be a password.
    text = value if isinstance(value, str) else ""
    parts = text.split("$")
    known = len(parts) == 4 and parts[1] in ("2a", "2b", "2x", "2y") and len(text) == 60
    if not known or not parts[2].isdigit() or not 4 <= int(parts[2]) <= 16:
        raise ValueError("write a bcrypt hash of cost 4 to 16, for example from: htpasswd -nBC 10")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _TlsServer(_Part):
    cert_file: str
    key_file: str
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    client_ca_file: str | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True


class _HttpServer(_Part):
    http2: bool = True
    """Taken for the format's sake; HTTP/1.1 is what is spoken."""
    headers: dict[
        Literal[
            "Content-Security-Policy",
            "Strict-Transport-Security",
            "X-Content-Type-Options",
            "X-Frame-Options",
            "X-XSS-Protection",
        ],
        str,
    ] = Field(default_factory=dict)


class _RateLimit(_Part):
    interval: Annotated[Duration, Field(ge=0)] = 0.0
    burst: int = Field(default=1, ge=1, le=1_000_000)


class _File(_Part):
    tls_server_config: _TlsServer | None = None
    http_server_config: _HttpServer = _HttpServer()
    basic_auth_users: dict[str, Annotated[str, BeforeValidator(_bcrypt)]] = Field(
        default_factory=dict
    )
    rate_limit: _RateLimit = _RateLimit()


class Tls:
    """
    The server's side of TLS. A renewed certificate is picked up without a restart.
    """

    def __init__(self, cert: Path, key: Path, config: _TlsServer, client_ca: Path | None) -> None:
        self._files = (cert, key)
        self._sans = frozenset(config.client_allowed_sans)
        self.context = _context(config, client_ca)
        self._stamp = self._stamps()
        self._load()
        self.context.sni_callback = self._on_hello

    def admits(self, transport: asyncio.BaseTransport) -> bool:
        """
        Whether the peer's certificate carries one of the allowed names.
        """
        if not self._sans:
            return True
        certificate = transport.get_extra_info("peercert") or {}
        names = {value for _, value in certificate.get("subjectAltName", ())}
        return not self._sans.isdisjoint(names)

    def _on_hello(self, _socket: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        stamp = self._stamps()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._load()
        except ConfigError as wrong:
            _LOG.error("%s; the old certificate stays", wrong)

    def _stamps(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stamp(path) for path in self._files)

    def _load(self) -> None:
        cert, key = self._files
        for path in self._files:
            if not path.is_file():
                raise ConfigError(f"{path} can't be read: no such file")
        try:
            # Tried on another context first: half a pair must not replace a whole one.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, _no_password)
            self.context.load_cert_chain(cert, key, _no_password)
        except (OSError, ValueError) as wrong:
            raise ConfigError(f"{cert} and {key} are no certificate and its key: {wrong}") from None


@dataclass
class Users:
    """
    Who may come in. Each check of a password costs its bcrypt once; the last answers
    are remembered, without the passwords.
    """

    hashes: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        self._turn = threading.Lock()
        self._salt = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, bool] = OrderedDict()

    def admits(self, name: str, password: str) -> bool:
        """
        Whether that is the user's password; as slow for users that don't exist.
        """
        import bcrypt

        wanted = self.hashes.get(name)
        stored = wanted.encode() if wanted is not None else _NOBODY
        # bcrypt reads 72 bytes; the libraries disagree about what follows.
        given = password.encode()[:72]
        text = b"\0".join((name.encode(), stored, password.encode()))
        memory = hmac.digest(self._salt, text, hashlib.sha256)
        # One at a time: a hundred guesses at once would take every core.
        with self._turn:
            right = self._known.get(memory)
            if right is None:
                right = b"\0" not in given and bcrypt.checkpw(given, stored)
                self._known[memory] = right
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return right and wanted is not None


class Pace:
    """
    So many requests at once, and one more each interval; asked from one thread.
    """

    def __init__(self, interval_s: float, burst: int) -> None:
        self._interval_s = interval_s
        self._burst = burst
        self._full_at = -math.inf

    def admits(self, now: float) -> bool:
        """
        Whether a request may come in at `now`, a monotonic clock's seconds.
        """
        full_at = max(self._full_at, now) + self._interval_s
        if full_at > now + self._interval_s * self._burst + 1e-9:
            return False
        self._full_at = full_at
        return True


@dataclass(frozen=True, slots=True)
class _Guards:
    """
    What one reading of the file came to.
    """

    tls: Tls | None = None
    users: Users | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pace: Pace | None = None


class WebConfig:
    """
    How the web server is guarded. Users and headers follow the file while the server
    runs; a file that breaks meanwhile changes nothing.

    Attributes:
        tls: None for plain HTTP; only the certificate's files are read again.

    Args:
        path: The file that `--web-config` names; None for an open door.

    Raises:
        ConfigError: With file, line and key of what is wrong.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._seen = _stamp(path) if path is not None else None
        self._guards = _read(path) if path is not None else _Guards()
        self.tls = self._guards.tls

    @property
    def users(self) -> Users | None:
        """
        Who may come in; None where everybody may.
        """
        return self._now().users

    @property
    def headers(self) -> Mapping[str, str]:
        """
        Sent with every answer.
        """
        return self._now().headers

    @property
    def pace(self) -> Pace | None:
        """
        How many requests are taken; None for as many as come.
        """
        return self._now().pace

    def _now(self) -> _Guards:
        if self._path is not None and (seen := _stamp(self._path)) != self._seen:
            self._seen = seen
            try:
                self._guards = _read(self._path)
            except ConfigError as wrong:
                _LOG.error("%s; who may come in stays as it was", wrong)
        return self._guards


def _read(path: Path) -> _Guards:
    file = read_yaml(path, ConfigError)
    config = file.parse(_File, ConfigError)
    tls = _tls(path, config.tls_server_config) if config.tls_server_config else None
    users = Users(config.basic_auth_users) if config.basic_auth_users else None
    if users is not None:
        _need_bcrypt(path)
    headers = {
        str(name): value for name, value in config.http_server_config.headers.items() if value
    }
    limit = config.rate_limit
    pace = Pace(limit.interval, limit.burst) if limit.interval else None
    return _Guards(tls, users, headers, pace)


def _tls(path: Path, config: _TlsServer) -> Tls:
    folder = path.parent
    asks = config.client_auth_type != "NoClientCert"
    at = f"{path}: tls_server_config"
    if asks and config.client_ca_file is None:
        raise ConfigError(f"{at}: client_auth_type {config.client_auth_type} needs client_ca_file")
    if not asks and (config.client_ca_file or config.client_allowed_sans):
        raise ConfigError(
            f"{at}: client certificates are named but not asked for; "
            "set client_auth_type: RequireAndVerifyClientCert"
        )
    client_ca = folder / config.client_ca_file if config.client_ca_file else None
    try:
        return Tls(folder / config.cert_file, folder / config.key_file, config, client_ca)
    except ConfigError as wrong:
        raise ConfigError(f"{at}: {wrong}") from None


def _context(config: _TlsServer, client_ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    low, high = _VERSIONS[config.min_version], _VERSIONS[config.max_version]
    if low > high:
        raise ConfigError(f"min_version {config.min_version} is above {config.max_version}")
    context.minimum_version, context.maximum_version = low, high
    if config.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if config.cipher_suites:
        _set_ciphers(context, config.cipher_suites)
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as wrong:
            raise ConfigError(f"client_ca_file {client_ca} can't be used: {wrong}") from None
        must = config.client_auth_type == "RequireAndVerifyClientCert"
        context.verify_mode = ssl.CERT_REQUIRED if must else ssl.CERT_OPTIONAL
    return context


def _set_ciphers(context: ssl.SSLContext, names: tuple[str, ...]) -> None:
    # Go writes IANA names, OpenSSL its own; those of TLS 1.3 can't be chosen in either.
    ours = [_openssl_name(name) for name in names if not name.startswith(("TLS_AES", "TLS_CHACHA"))]
    if not ours:
        return
    try:
        context.set_ciphers(":".join(ours))
    except ssl.SSLError:
        raise ConfigError(f"cipher_suites: none of {', '.join(names)} is known") from None


def _openssl_name(name: str) -> str:
    text = name.removeprefix("TLS_").replace("_WITH_", "-").replace("_", "-")
    text = text.replace("AES-128", "AES128").replace("AES-256", "AES256").replace("-CBC-", "-")
    text = text.removesuffix("-SHA256") if "CHACHA20-POLY1305" in text else text
    return text.removeprefix("RSA-")


def _need_bcrypt(path: Path) -> None:
    try:
        import bcrypt  # noqa: F401
    except ImportError:
        raise ConfigError(
            f"{path}: basic_auth_users needs bcrypt: pip install 'jobwatch[web-users]'"
        ) from None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        now = os.stat(path)  # noqa: PTH116 -- one call, no object, at every handshake
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size


def _no_password() -> str:
    # Without this OpenSSL would ask on the terminal, and the daemon would hang.
    return ""
