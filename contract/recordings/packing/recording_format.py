"""
Which format a recording has, by how it begins.
"""

from __future__ import annotations

import re
from enum import StrEnum

from jobproof.contract.recordings.packing.text_stream import encoding_of

__all__ = ["GZIP", "ZIP", "RecordingFormat", "format_of", "is_blank"]

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")

# The last string may be cut.
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\]:\n]', re.DOTALL)
_OURS = frozenset(
    f'"{name}"'
    for name in (
        *("format", "started_at", "elapsed_seconds", "request", "response", "failure"),
        *("at", "target", "canary", "outcome"),  # as the jsonl sink once began
    )
)
# A tnetstring's length; no JSON that holds exchanges begins with a digit.
_FLOW = re.compile(rb"[0-9]{1,12}:")


class RecordingFormat(StrEnum):
    """
    What recorded traffic is written as.
    """

    HAR = "har"
    NDJSON = "ndjson"
    FLOWS = "flows"


def format_of(beginning: bytes) -> RecordingFormat | None:
    """
    The format of a file that begins so; None where it is none of them.
    """
    if _FLOW.match(beginning):
        return RecordingFormat.FLOWS
    text = _text(beginning).lstrip()
    if not text.startswith(("{", "[")):
        return None
    return RecordingFormat.NDJSON if _is_ndjson(text) else RecordingFormat.HAR


def is_blank(beginning: bytes) -> bool:
    """
    Whether a file that begins so says nothing yet.
    """
    return not _text(beginning).strip()


def _text(beginning: bytes) -> str:
    encoding, mark = encoding_of(beginning)
    # Its last character may be cut, and a wrong one is told by whoever reads on.
    return beginning[mark:].decode(encoding, "replace")


def _is_ndjson(text: str) -> bool:
    """
    Whether the first object has its line for itself and no `log` that could be a HAR's; of one that
    is longer than what was read, whether a key is ours.
    """
    depth, before, is_ours = 0, "", False
    for found in _SIGN.finditer(text):
        sign = found[0]
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
            if depth == 0:
                # One object and nothing else is a HAR that lacks its log, unless a key is ours.
                is_more = bool(text[found.end() :].strip())
                return text.startswith("{") and (is_ours or is_more)
        elif sign == "\n":
            # A line that ends within the object: it is laid out for people.
            return False
        elif sign == ":" and depth == 1 and before == '"log"':
            # Programs that log have a text under this name.
            return text[found.end() : found.end() + 20].lstrip().startswith('"')
        elif sign == ":" and depth == 1:
            is_ours = is_ours or before in _OURS
        before = sign
    return is_ours
