"""
The small forms of which values are made: tokens, quoted text, lists, and what is built of them.

Patterns never look at a sign twice (`++`, `*+`): values are foreign text, and may be long.
"""

from __future__ import annotations

import re

__all__ = [
    "PARAMETER",
    "QUOTED",
    "TOKEN",
    "is_entity_tag",
    "is_language_tag",
    "is_media_type",
    "is_token",
    "is_token_list",
    "is_uri_reference",
    "list_items",
]

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 -- a word of RFC 9110 5.6.2
QUOTED = r'"(?:[^\x00-\x08\x0a-\x1f\x22\x5c\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+"'
PARAMETER = rf"{TOKEN}[ \t]*+=[ \t]*+(?:{TOKEN}|{QUOTED})"
"""With the blanks that RFC 9110 11.2 and RFC 8288 3 let stand around the sign."""

_TOKEN = re.compile(TOKEN)
_TOKENS = re.compile(rf"{TOKEN}(?:[ \t]*+,[ \t]*+{TOKEN})*+")
# RFC 9110 5.6.6: no blank around the sign here; an empty parameter is allowed.
_MEDIA_TYPE = re.compile(
    rf"{TOKEN}/{TOKEN}(?:[ \t]*+;[ \t]*+(?:{TOKEN}=(?:{TOKEN}|{QUOTED}))?+)*+[ \t]*+"
)
_LOOSE_MEDIA_TYPE = re.compile(
    rf'{TOKEN}/{TOKEN}(?:[ \t]*+;[ \t]*+(?:{TOKEN}=(?:{QUOTED}|[^\x00-\x20",;\x7f]++))?+)*+[ \t]*+'
)
_LANGUAGE_TAG = re.compile(r"(?:[a-z]{2,8}|[ix](?=-))(?:-[a-z0-9]{1,8})*+", re.IGNORECASE)
_URI_REFERENCE = re.compile(
    r"(?:[!$&'()*+,/:;=?@\[\]A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*+"
    r"(?:#(?:[!$&'()*+,/:;=?@A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*+)?+"
)
_ENTITY_TAG = re.compile(r'(?:W/)?"[^\x00-\x20\x22\x7f]*+"')
_ITEM = re.compile(rf'(?:{QUOTED}|[^",])*+')


def is_token(text: str) -> bool:
    """
    Whether it is one word, as names of fields and methods are.
    """
    return _TOKEN.fullmatch(text) is not None


def is_token_list(value: str) -> bool:
    """
    Whether it lists words with commas between.
    """
    if _TOKENS.fullmatch(value) is not None:
        return True  # nearly every list is as plain
    items = list_items(value)
    return items is not None and all(map(is_token, items))


def is_media_type(text: str, *, loose: bool = False) -> bool:
    """
    Whether it is one media type with parameters (RFC 9110 8.3.1).

    Args:
        loose: Let a parameter have signs that ought to stand in quotes, such as a URL.
    """
    return (_LOOSE_MEDIA_TYPE if loose else _MEDIA_TYPE).fullmatch(text) is not None


def is_language_tag(text: str) -> bool:
    """
    Whether it has the form of a tag such as `en-GB` (RFC 5646 2.1).
    """
    return _LANGUAGE_TAG.fullmatch(text) is not None


def is_uri_reference(text: str) -> bool:
    """
    Whether it has none but the signs that a URI or a relative reference may have (RFC 3986).
    """
    return _URI_REFERENCE.fullmatch(text) is not None


def is_entity_tag(text: str) -> bool:
    """
    Whether it is a tag in quotes, weak or strong (RFC 9110 8.8.3).
    """
    return _ENTITY_TAG.fullmatch(text) is not None


def list_items(value: str) -> list[str] | None:
    """
    What stands between the commas that are in no quotes, without empty items, which a recipient
    has to pass over (RFC 9110 5.6.1.2); None where a quote doesn't end.
    """
    items, at = [], 0
    while True:
        found = _ITEM.match(value, at)
        end = found.end() if found is not None else at
        items.append(value[at:end].strip(" \t"))
        if end == len(value):
            return [item for item in items if item]
        if value[end] != ",":
            return None
        at = end + 1
