"""
The body in a HAR entry: its bytes, or that nobody knows them.
"""

from __future__ import annotations

import base64
import json
import re

from jobproof.contract.formats.headers import HeaderPairs, header_values
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.recordings.har.fields import declared_length, member, number
from jobproof.contract.recordings.har.recorders import is_own, is_said
from jobproof.contract.recordings.packing.content_coding import decoded
from jobproof.contract.recordings.recorded import Attachments

__all__ = ["read_body"]

_MOST_BYTES = 64 * 1024 * 1024
_CUT = re.compile(
    r"truncat|\bcut\b|crop|clipp|omit|discard|not included|incomplete|partial"
    r"|too (?:big|large|long)",
    re.IGNORECASE,
)
_CUT_KEY = re.compile(r"truncated|(?:^|_)cut$|incomplete", re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")
_REPLACED = "\ufffd"


def read_body(entry: JsonDocument, headers: HeaderPairs, attachments: Attachments) -> bytes | None:
    """
    The decoded bytes of an answer that may have a body; None where the recorder left any out.

    Args:
        attachments: Bodies that the recorder keeps beside the recording.
    """
    response = member(entry, "response")
    content = member(response, "content")
    if _is_cut(content) or _is_cut(response) or _is_cut(entry):
        return None
    size = _stated_size(response, headers)
    body = _text_bytes(entry, headers, number(content.get("size")))
    if body is None and content.get("text") in (None, ""):
        name = content.get("_file")
        body = attachments.read(name) if isinstance(name, str) else None
    if body is None or len(body) > _MOST_BYTES or not _is_whole(body, size, content.get("text")):
        return None
    return body if is_own(entry) else _decoded(body, _codings(headers), has_headers=bool(headers))


def _stated_size(response: JsonDocument, headers: HeaderPairs) -> float | None:
    """
    How long the body was, by whatever says most.
    """
    size = number(member(response, "content").get("size"))
    if size is None or size < 0:
        size = number(response.get("bodySize"))
    if _codings(headers) is not None:
        return size
    return max(size or 0, declared_length(headers) or 0)


def _text_bytes(entry: JsonDocument, headers: HeaderPairs, size: float | None) -> bytes | None:
    response = member(entry, "response")
    content = member(response, "content")
    written = content.get("text")
    if not written and (written is None or isinstance(written, str)):
        if content.get("_file"):
            return None
        return b"" if _is_empty(entry, headers, size, is_written=written == "") else None
    if isinstance(written, dict):
        return _written_anew(written)
    encoding = content.get("encoding") or ""
    if not isinstance(written, str) or not isinstance(encoding, str):
        return None
    if encoding.strip().lower() == "base64":
        return _from_base64(written)
    if encoding.strip().lower() not in ("", "text", "plain", "utf-8", "utf8"):
        return None
    unsaid = _from_base64(written) if size is not None and size < len(written) else None
    # No JSON but a number or a word is base64, too, and its size isn't that of what it would hold.
    return unsaid if unsaid and len(unsaid) == size else _encoded(written, size)


def _encoded(written: str, size: float | None) -> bytes | None:
    try:
        body = written.encode("utf-8")
    except UnicodeEncodeError:
        return None
    if written.startswith("\x1f") and written[1:2] in ("\x8b", _REPLACED):
        return None  # gzip that somebody took for text
    # The sign may have been sent; what it stands in for otherwise is shorter.
    return None if _REPLACED in written and size != len(body) else body


def _is_empty(
    entry: JsonDocument, headers: HeaderPairs, size: float | None, *, is_written: bool
) -> bool:
    """
    Whether no byte came, and not only none was kept.
    """
    declared = declared_length(headers)
    if declared and not is_own(entry):
        return False
    if size == 0 and is_written:
        return True
    is_nothing_received = number(member(entry, "response").get("bodySize")) == 0 or declared == 0
    if size == 0:
        return is_nothing_received
    # Playwright without sizes writes a text that is empty; where it has no body, it writes none.
    is_told = is_nothing_received or "_monotonicTime" in entry
    return is_written and (size is None or size < 0) and is_told


def _is_cut(part: JsonDocument) -> bool:
    comment = part.get("comment")
    if isinstance(comment, str) and _CUT.search(comment):
        return True
    return any(is_said(value) and _CUT_KEY.search(str(name)) for name, value in part.items())


def _is_whole(body: bytes, size: float | None, written: Json) -> bool:
    if size is None or len(body) >= size:
        return True
    if isinstance(written, str) and len(written) == size:
        return True  # some count the signs of base64, not the bytes
    # Some count what came before it was decoded. What was cut has no closing bracket.
    try:
        return body.strip()[:1] in (b"{", b"[") and json.loads(body) is not None
    except (ValueError, RecursionError):
        return False


def _written_anew(value: JsonDocument) -> bytes | None:
    """
    The JSON object that a recorder put in place of its text: what it says is known.
    """
    try:
        return json.dumps(value, allow_nan=False).encode("ascii") if value else None
    except (ValueError, RecursionError):
        return None


def _from_base64(written: str) -> bytes | None:
    signs = "".join(written.split()).replace("-", "+").replace("_", "/").rstrip("=")
    if _NOT_BASE64.search(signs) or len(signs) % 4 == 1:
        return None
    return base64.b64decode(signs + "=" * (-len(signs) % 4))


def _codings(headers: HeaderPairs) -> str | None:
    return ", ".join(header_values(headers, "content-encoding")) or None


def _decoded(body: bytes, coding: str | None, *, has_headers: bool) -> bytes | None:
    """
    The bytes under a coding that the recorder left on; most take it off, and still list it.
    """
    if not has_headers:
        coding = "gzip" if body.startswith(b"\x1f\x8b") else "unknown"
    try:
        if coding is None or not _BINARY.search(body.decode("utf-8")):
            return body
    except UnicodeDecodeError:
        if coding is None:
            return body
    return decoded(body, coding)
