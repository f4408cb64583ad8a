"""
TLS, client certificates and users, in the file format of Prometheus' own exporters.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.durations import Duration
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.formats.yaml_file import read_yaml
from jobproof.probes.web.access.tls import Tls, TlsSettings, file_stamp
from jobproof.probes.web.access.users import RateLimit, Users, bcrypt_hash

__all__ = ["WebConfig"]

_LOG = logging.getLogger(__name__)


class _HttpServer(StrictModel):
    http2: bool = True
    """Accepted because Prometheus' exporters have it; only HTTP/1.1 is spoken."""
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


class _RateLimitSettings(StrictModel):
    interval: Annotated[Duration, Field(ge=0)] = 0.0
    burst: int = Field(default=1, ge=1, le=1_000_000)


class _File(StrictModel):
    tls_server_config: TlsSettings | None = None
    http_server_config: _HttpServer = _HttpServer()
    basic_auth_users: dict[str, Annotated[str, BeforeValidator(bcrypt_hash)]] = Field(
        default_factory=dict
    )
    rate_limit: _RateLimitSettings = _RateLimitSettings()


@dataclass(frozen=True, slots=True)
class _Access:
    """
    What the file says, ready for use.
    """

    tls: Tls | None = None
    users: Users | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit | None = None


class WebConfig:
    """
    How the web server is guarded. Users and headers follow the file while the server
    runs; a file that breaks meanwhile changes nothing.

    Attributes:
        tls: None for plain HTTP; only the certificate's files are read again.

    Args:
        path: The file that `--web-config` names; None lets everybody in, over plain HTTP.

    Raises:
        ConfigError: With file, line and key of what is wrong.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._loaded_stamp = file_stamp(path) if path is not None else None
        self._access = _read(path) if path is not None else _Access()
        self.tls = self._access.tls

    @property
    def users(self) -> Users | None:
        """
        Who may come in; None where everybody may.
        """
        return self._current().users

    @property
    def headers(self) -> Mapping[str, str]:
        """
        Sent with every answer.
        """
        return self._current().headers

    @property
    def rate_limit(self) -> RateLimit | None:
        """
        How many requests are taken; None for as many as come.
        """
        return self._current().rate_limit

    def _current(self) -> _Access:
        if self._path is not None and (stamp := file_stamp(self._path)) != self._loaded_stamp:
            # Before reading: a broken file is reported once, not at every request.
            self._loaded_stamp = stamp
            try:
                self._access = _read(self._path)
            except ConfigError as wrong:
                _LOG.error("%s; who may come in stays as it was", wrong)
        return self._access


def _read(path: Path) -> _Access:
    file = read_yaml(path, ConfigError)
    config = file.parse(_File, ConfigError)
    tls = _tls(path, config.tls_server_config) if config.tls_server_config else None
    users = Users(config.basic_auth_users) if config.basic_auth_users else None
    if users is not None:
        _require_bcrypt(path)
    # A blank value leaves the header unset, as in Prometheus' exporters.
    headers = {
        str(name): value for name, value in config.http_server_config.headers.items() if value
    }
    limit = config.rate_limit
    rate_limit = RateLimit(limit.interval, limit.burst) if limit.interval else None
    return _Access(tls, users, headers, rate_limit)


def _tls(path: Path, config: TlsSettings) -> Tls:
    folder = path.parent
    wants_certificates = config.client_auth_type != "NoClientCert"
    at = f"{path}: tls_server_config"
    if wants_certificates and config.client_ca_file is None:
        raise ConfigError(f"{at}: client_auth_type {config.client_auth_type} needs client_ca_file")
    if not wants_certificates and (config.client_ca_file or config.client_allowed_sans):
        raise ConfigError(
            f"{at}: client certificates are named but not asked for; "
            "set client_auth_type: RequireAndVerifyClientCert"
        )
    client_ca = folder / config.client_ca_file if config.client_ca_file else None
    try:
        return Tls(folder / config.cert_file, folder / config.key_file, config, client_ca)
    except ConfigError as wrong:
        raise ConfigError(f"{at}: {wrong}") from None


def _require_bcrypt(path: Path) -> None:
    try:
        import bcrypt  # noqa: F401
    except ImportError:
        raise ConfigError(
            f"{path}: basic_auth_users needs bcrypt: pip install 'jobproof[web-users]'"
        ) from None
