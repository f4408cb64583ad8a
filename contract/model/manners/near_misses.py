"""
Tokens and tags that are nearly right, and that only a careless comparison takes for them.
"""

from __future__ import annotations

import re

__all__ = [
    "UNSIGNED",
    "UNSIGNED_HEAD",
    "beheaded_token",
    "changed_token",
    "claimed_token",
    "cut_token",
    "extended_token",
    "near_tag",
    "otherwise_ending_token",
    "prefixed_token",
    "recased_token",
    "shortened_token",
    "unsigned_token",
]

UNSIGNED_HEAD = "eyJhbGciOiJub25lIn0"
"""{"alg":"none"}"""
UNSIGNED = f"{UNSIGNED_HEAD}.eyJzdWIiOiJhZG1pbiIsImV4cCI6NDEwMjQ0NDgwMH0."
"""{"sub":"admin","exp":4102444800}, signed by nobody."""

# Shorter, what is left of a token could be somebody's.
_SHORTEST_TOKEN = 12
_HEX = re.compile(r"[0-9A-Fa-f-]*")
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TAG_END = re.compile(r'[A-Za-z0-9]([^A-Za-z0-9"]*"?)\Z')


def _is_long(token: str) -> bool:
    # Of `user:password` it is the password that is changed.
    return len(token.rpartition(":")[2]) >= _SHORTEST_TOKEN


def cut_token(token: str) -> str | None:
    """
    Without its last four characters: of a base64 text the very last may be padding.
    """
    return token[:-4] if _is_long(token) else None


def extended_token(token: str) -> str | None:
    """
    With something after it.
    """
    return f"{token}AAAA" if _is_long(token) else None


def shortened_token(token: str) -> str | None:
    """
    Without its last character.
    """
    # Without its padding a base64 text may be the same.
    return token[:-1] if _is_long(token) and not token.endswith("=") else None


def beheaded_token(token: str) -> str | None:
    """
    Without its first character.
    """
    return token[1:] if _is_long(token) else None


def prefixed_token(token: str) -> str | None:
    """
    With something before it.
    """
    return f"A{token}" if _is_long(token) else None


def changed_token(token: str) -> str | None:
    """
    With another character within it.
    """
    # The ninth from the end: whoever compares the beginning, or the last few, finds it right.
    at = len(token) - 9
    if not _is_long(token) or not token[at].isascii() or not token[at].isalnum():
        return None
    return f"{token[:at]}{'B' if token[at] == 'A' else 'A'}{token[at + 1 :]}"


def otherwise_ending_token(token: str) -> str | None:
    """
    With another last character.
    """
    # Of a base64 text the last one may be read by its upper bits alone, so those are others.
    if not _is_long(token) or not token[-1].isascii() or not token[-1].isalnum():
        return None
    return f"{token[:-1]}{'w' if token[-1] <= 'f' and token[-1].isalpha() else 'A'}"


def claimed_token(token: str) -> str | None:
    """
    Another one, which claims to be somebody and has no signature; None for a JWT.
    """
    return None if _JWT.fullmatch(token) else UNSIGNED


def recased_token(token: str) -> str | None:
    """
    In the other letter case.
    """
    # A number in hexadecimal is the same in either case.
    return None if not _is_long(token) or _HEX.fullmatch(token) else token.swapcase()


def unsigned_token(token: str) -> str | None:
    """
    A JWT's claims without a signature; None for what is no JWT.
    """
    # RFC 8725 3.1: whoever takes "none" for an algorithm takes any claim for true.
    return f"{UNSIGNED_HEAD}.{token.split('.')[1]}." if _JWT.fullmatch(token) else None


def near_tag(tag: str) -> str | None:
    """
    An entity tag that differs in its last letter or digit; None where it has none.
    """
    found = _TAG_END.search(tag)
    if found is None or found.start() < tag.find('"'):
        return None
    other = "B" if tag[found.start()] == "A" else "A"
    return f"{tag[: found.start()]}{other}{found[1]}"
