"""
What a text tells of the inside of a server: traces, queries, hosts, files, keys.
"""

from __future__ import annotations

import re

__all__ = ["inside_in", "may_hold_stack_trace", "private_key_in", "stack_trace_in"]

# Foreign bytes: this, and an upper bound in every repetition, bounds what a search costs.
_SEARCHED_BYTES = 65_536
_STACK_TRACE = re.compile(
    rb"Traceback \(most recent call last\)"
    rb'|File "[^"\n]{1,200}", line \d'
    rb"|\bat [\w.$<>]{1,120} ?\([^()\n]{1,160}:\d{1,6}(?::\d{1,5})?\)"
    rb"|Exception in thread"
    rb"|goroutine \d{1,6} \["
    rb"|panic: "
    rb"|SQLSTATE\["
    rb"|\bORA-\d{5}\b"
    rb"|System\.\w{1,60}Exception"
)
# The id of a key stands in the links that it has signed, and is no secret there.
_KEY = re.compile(
    rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"
    rb"|(?<!Credential=)(?<!AccessKeyId=)\bAKIA[0-9A-Z]{16}\b"
)
_QUERY = re.compile(
    rb"You have an error in your SQL syntax"
    rb"|syntax error at or near "
    rb'|\b(?:relation|column) (?:\\?["\'])[\w.]{1,80}(?:\\?["\']) does not exist'
    rb"|violates (?:unique|foreign key|not-null|check) constraint"
    rb"|\bno such (?:table|column): \w"
    rb"|\bSELECT\b[^\n]{1,200}\bFROM\b[^\n]{1,80}\bWHERE\b"
    rb"|\b(?:psycopg2?|sqlalchemy|sqlite3|pymysql|pymongo)\.\w{1,40}"
    rb"|\b(?:ActiveRecord|PG|Mysql2)::\w{1,60}"
)
_HOST = re.compile(
    rb"\b(?:[\w-]{1,63}\.){1,6}(?:svc\.cluster\.local|compute\.internal)\b"
    rb"|\b(?:[\w-]{1,63}\.){1,6}(?:internal|local|lan|corp|intranet):\d{2,5}\b"
    rb"|(?<![\d.])(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])"
    rb"(?:\.\d{1,3}){2}):\d{2,5}\b"
)
_FILE = re.compile(
    rb"(?<![\w./])/(?:srv|home|usr|var|app|opt|root|etc)/[\w./-]{1,200}"
    rb"\.(?:py|js|ts|rb|go|java|php|rs|cs|conf|ya?ml|sqlite3?|db|sock)\b"
    rb"|\b[C-Z]:(?:\\{1,2}|/)[\w .-]{1,80}(?:\\{1,2}|/)[\w .\\/-]{1,160}\.\w{2,5}\b"
)


def stack_trace_in(text: bytes) -> str | None:
    """
    The beginning of a stack trace in `text`, of any language; None where there is none.
    """
    return _found(_STACK_TRACE, text) if may_hold_stack_trace(text) else None


def may_hold_stack_trace(text: bytes) -> bool:
    """
    Whether `text` has one of the marks of which no stack trace is without all: a look at these is
    ten times as fast as one for the trace.
    """
    # Without a loop it is twice as fast.
    return (
        b"at " in text
        or b"Traceback " in text
        or b'", line ' in text
        or b"Exception" in text
        or b"routine " in text
        or b"panic: " in text
        or b"SQL" in text
        or b"ORA-" in text
    )


def private_key_in(text: bytes) -> bool:
    """
    Whether a private key, or the id of one, stands in `text`.
    """
    # Looking for fixed bytes first is cheap, and nearly every answer ends here.
    has_mark = b"-----BEGIN " in text or b"AKIA" in text
    return has_mark and _found(_KEY, text) is not None


def inside_in(text: bytes, *, known: str = "") -> str | None:
    """
    A query, an inner host or a file of the server in `text`; None where there is none.

    Args:
        known: What the asker has sent, which an answer may give back.
    """
    sent = known.encode("utf-8", "replace")
    for pattern in (_QUERY, _HOST, _FILE):
        for match in pattern.finditer(text[:_SEARCHED_BYTES]):
            if match.group() not in sent:
                return match.group().decode("utf-8", "replace")
    return None


def _found(pattern: re.Pattern[bytes], text: bytes) -> str | None:
    match = pattern.search(text[:_SEARCHED_BYTES])
    return match.group().decode("utf-8", "replace") if match else None
