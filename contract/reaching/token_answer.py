"""
What a token server has answered, whoever wrote it: plain values, and nothing else of it.
"""

from __future__ import annotations

import re

from jobproof.contract.formats.json_body import read_body
from jobproof.contract.formats.json_value import Json

__all__ = ["lifetime_of", "plain_answer"]

_TEXTS = ("access_token", "token_type", "error")
_LONGEST_S = 1e9
# A word to look up, as in RFC 6749 5.2; a sentence may say anything, the secret included.
_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,59}", re.IGNORECASE)


def plain_answer(code: int, body: bytes) -> dict[str, str]:
    """
    The texts of it that are read on, as far as they may be: a token of a success alone, and an
    error that is a word.
    """
    value = read_body(body).value
    if not isinstance(value, dict):
        return {}
    texts = {key: text for key in _TEXTS if isinstance(text := value.get(key), str) and text}
    if not 200 <= code <= 299:
        texts.pop("access_token", None)
    if not _WORD.fullmatch(texts.get("error", "unnamed")):
        texts["error"] = "an error without a name"
    return texts


def lifetime_of(body: bytes) -> float | None:
    """
    For how many seconds its token is good; None where it doesn't say so, or nothing that can be.
    """
    value = read_body(body).value
    written: Json = value.get("expires_in") if isinstance(value, dict) else None
    # Some write the number as a text.
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    try:
        lifetime_s = float(written)
    except (ValueError, OverflowError):
        return None
    return lifetime_s if 0 < lifetime_s < _LONGEST_S else None
