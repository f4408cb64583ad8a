"""
Text and headers without the secrets in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

from jobproof.contract.formats.secret import MASK

__all__ = ["is_sensitive", "redact_headers", "redact_text", "scheme_of", "spellings"]

# Vendors have names of their own for the header that carries the token.
_SENSITIVE = re.compile(r"(?i)authorization|token|key|secret|cookie|password|credential|session")
_SCHEME = re.compile(r"[A-Za-z]+ ")
_BEARER = re.compile(r"(?i)\b(bearer|basic|key)\s+[A-Za-z0-9._~+/=-]{8,}")


def is_sensitive(header: str) -> bool:
    """
    Whether a header of that name may carry a credential.
    """
    return _SENSITIVE.search(header) is not None


def scheme_of(credential: str) -> str:
    """
    The scheme that a header's value begins with, its blank included; "" where it has none.
    """
    found = _SCHEME.match(credential)
    return found.group() if found else ""


def redact_headers(
    headers: Iterable[tuple[str, str]], secrets: Iterable[str] = ()
) -> list[dict[str, str]]:
    """
    Headers as HAR writes them, sensitive values masked.
    """
    return [
        {"name": name, "value": MASK if is_sensitive(name) else redact_text(value, secrets)}
        for name, value in headers
    ]


def spellings(secret: str) -> tuple[str, ...]:
    """
    How a secret may stand in an answer that gives it back: plain, in JSON, in a URL.
    """
    return tuple(dict.fromkeys((secret, json.dumps(secret)[1:-1], quote(secret, safe=""))))


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """
    `text` without the given secrets and without anything that looks like a credential.
    """
    for secret in secrets:
        text = text.replace(secret, MASK)
    return _BEARER.sub(lambda match: f"{match.group(1)} {MASK}", text)
