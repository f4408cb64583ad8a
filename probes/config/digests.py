"""
Digests by which a reload sees what has changed, and requests find the budget that they share.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import parse_url
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.api import Api

__all__ = ["digest_of_api", "digest_of_file", "key_of"]


def digest_of_file(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:  # it was there a moment ago
        raise ConfigError(f"{path}: can't be read: {exc.strerror}") from None


def digest_of_api(api: Api) -> str:
    values = repr((api.values, api.values.secrets))
    meaning = f"{api.operation.digest}\0{api.profile.model_dump_json()}\0{values}"
    return hashlib.sha256(meaning.encode()).hexdigest()


def key_of(url: str, token: Secret | None) -> str:
    # The same token at another origin is another key, with a budget of its own.
    origin = parse_url(url).origin
    revealed = token.reveal() if token is not None else ""
    return hashlib.sha256(f"{origin}\0{revealed}".encode()).hexdigest()[:16]
