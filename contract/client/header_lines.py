"""
The head of a request, as libcurl takes it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from jobproof.contract.formats.headers import header_names, without_headers

__all__ = ["header_lines"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")


@lru_cache(maxsize=64)
def header_lines(
    method: str, headers: tuple[tuple[str, str], ...], user_agent: str
) -> tuple[bytes, ...]:
    """
    The lines of a request's head, as libcurl takes them; equal headers are the same tuple.

    Raises:
        ValueError: The method or a header can't travel; the message tells no value.
    """
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"not a method: {method!r}")
    defaults = [("User-Agent", user_agent), ("Accept-Encoding", "gzip, deflate")]
    if method in ("POST", "PUT", "PATCH"):
        # Without one a server may wait for a body (RFC 9110 8.6).
        defaults.append(("Content-Length", "0"))
    missing = without_headers(defaults, *header_names(headers))
    lines = []
    for name, value in (*missing, *headers):
        if not _TOKEN.fullmatch(name) or _UNSENDABLE.search(value):
            # The value may be the token, so the message holds the name alone.
            raise ValueError(
                f"header {name!r} can't be sent: it holds a character that can't travel"
            )
        # To libcurl `Name:` means "leave it out" and `Name;` means "send it empty".
        line = f"{name}: {value}" if value.strip(" \t") else f"{name};"
        lines.append(line.encode("latin-1"))
    return tuple(lines)
