"""
PEM files that a connection needs, looked at before there is one.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from jobproof.contract.reaching.setting import SettingError
from jobproof.contract.reaching.value_file import check_regular

__all__ = ["check_authorities", "check_identity"]


class _EncryptedError(Exception):
    """
    A key asks for its passphrase.
    """


def check_authorities(path: Path) -> None:
    """
    Find out whether the file holds certificates to trust.

    Raises:
        SettingError: It can't be read, or holds none.
    """
    check_regular("ca_file", path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:  # ssl.SSLError is one, whose words differ by version
        problem = f"{path}: holds no PEM certificate: write -----BEGIN CERTIFICATE----- and on"
        raise SettingError("ca_file", problem) from None


def check_identity(certificate: Path, key: Path | None, *, key_named: str) -> None:
    """
    Find out whether the files hold a certificate to show, and the key that belongs to it.

    Args:
        key_named: How the setting of the key is called.

    Raises:
        SettingError: One can't be read, holds none, or they don't belong together.
    """
    check_regular("client_cert", certificate)
    if key is not None:
        check_regular("client_key", key)
    _check_certificate(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    place = "client_cert" if key is None else "client_key"
    try:
        context.load_cert_chain(certificate, key, password=_refuse)
    except _EncryptedError:
        problem = f"{key or certificate}: the key is encrypted: write it without a passphrase"
        raise SettingError(place, problem) from None
    except OSError as exc:
        if getattr(exc, "reason", None) == "KEY_VALUES_MISMATCH":
            problem = f"{key or certificate}: the key isn't that of the certificate {certificate}"
            raise SettingError(place, problem) from None
        if key is None:
            problem = f"{certificate}: holds no PEM private key: name its file by {key_named}"
            raise SettingError(place, problem) from None
        raise SettingError(place, f"{key}: holds no PEM private key") from None


def _refuse() -> bytes:
    raise _EncryptedError


def _check_certificate(path: Path) -> None:
    # Alone, a key that doesn't fit can't be told from a file without a certificate.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except OSError:
        raise SettingError("client_cert", f"{path}: holds no PEM certificate") from None
