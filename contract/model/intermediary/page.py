"""
Whether two answers are the same page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobproof.contract.formats.json_body import read_body
from jobproof.contract.model.exchange import Response

__all__ = ["PageText", "page_of"]

_MOST_BYTES = 262_144
# What differs between two fetches of one page (a ray, a nonce, a time, an incident) has a digit in
# it, or is hexadecimal. Words differ between two pages.
_WORD = re.compile(rb"[\w.+=-]+")
_VOLATILE = re.compile(rb"[0-9]|\A[a-fA-F]{8,}\Z")


@dataclass(frozen=True, slots=True)
class PageText:
    """
    What two fetches of one page have in common.
    """

    code: int
    media_type: str
    location: str
    text: bytes


def page_of(response: Response, media_type: str) -> PageText | None:
    """
    The page that `response` is; None where it is JSON, whatever its head says, nothing at all, or
    wasn't recorded.
    """
    location, body = response.known_header("location") or "", response.body
    # Of two pages that nobody recorded nobody knows whether they are the same.
    if body is None or (not body.strip() and not location):
        return None
    if isinstance(read_body(body).value, dict | list):
        return None
    text = _WORD.sub(_without_volatile, body[:_MOST_BYTES])
    return PageText(response.code, media_type, location, text)


def _without_volatile(word: re.Match[bytes]) -> bytes:
    return b"#" if _VOLATILE.search(word.group()) else word.group()
