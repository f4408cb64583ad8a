"""
The server's side of TLS, from files that may be renewed while it runs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path
from typing import Any, Literal

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.strict_model import StrictModel

__all__ = ["Tls", "TlsSettings", "file_stamp"]

_LOG = logging.getLogger(__name__)

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


class TlsSettings(StrictModel):
    """
    `tls_server_config` of the file.
    """

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


class Tls:
    """
    The server's side of TLS. A renewed certificate is picked up without a restart.
    """

    def __init__(self, cert: Path, key: Path, config: TlsSettings, client_ca: Path | None) -> None:
        self._files = (cert, key)
        self._sans = frozenset(config.client_allowed_sans)
        self.context = _context(config, client_ca)
        self._loaded_stamps = self._stamps()
        self._load()
        self.context.sni_callback = self._on_client_hello

    def admits(self, transport: asyncio.BaseTransport) -> bool:
        """
        Whether the peer's certificate carries one of the allowed names.
        """
        if not self._sans:
            return True
        certificate = transport.get_extra_info("peercert") or {}
        names = {value for _, value in certificate.get("subjectAltName", ())}
        return not self._sans.isdisjoint(names)

    def _on_client_hello(self, _socket: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        stamps = self._stamps()
        if stamps == self._loaded_stamps:
            return
        # Before loading: a broken pair is reported once, not at every handshake.
        self._loaded_stamps = stamps
        try:
            self._load()
        except ConfigError as wrong:
            _LOG.error("%s; the old certificate stays", wrong)

    def _stamps(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(file_stamp(path) for path in self._files)

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


def file_stamp(path: Path) -> tuple[int, int] | None:
    """
    Changes when the file does; None while there is none.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 -- one call, no object, at every handshake
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _context(config: TlsSettings, client_ca: Path | None) -> ssl.SSLContext:
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
        required = config.client_auth_type == "RequireAndVerifyClientCert"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def _set_ciphers(context: ssl.SSLContext, names: tuple[str, ...]) -> None:
    # Go writes IANA names, OpenSSL its own; those of TLS 1.3 can't be chosen in either.
    openssl_names = [
        _openssl_name(name) for name in names if not name.startswith(("TLS_AES", "TLS_CHACHA"))
    ]
    if not openssl_names:
        return
    try:
        context.set_ciphers(":".join(openssl_names))
    except ssl.SSLError:
        raise ConfigError(f"cipher_suites: none of {', '.join(names)} is known") from None


def _openssl_name(name: str) -> str:
    # TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256 there.
    text = name.removeprefix("TLS_").replace("_WITH_", "-").replace("_", "-")
    text = text.replace("AES-128", "AES128").replace("AES-256", "AES256").replace("-CBC-", "-")
    text = text.removesuffix("-SHA256") if "CHACHA20-POLY1305" in text else text
    return text.removeprefix("RSA-")


def _no_password() -> str:
    # Without this OpenSSL would ask on the terminal, and the daemon would hang.
    return ""
