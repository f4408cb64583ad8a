"""
The part of a value that stays as long as the value is the same: a link signed anew leads to the
same file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set
from urllib.parse import urlsplit

from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json

__all__ = ["is_moving", "stable_part", "without_places"]

# RFC 3986 3.1: a scheme is the same in capitals.
_LINK = re.compile(r"https?://", re.IGNORECASE)
# Of a link's path: a long token, a moment in seconds, or `name=value` as a delivery network
# writes it.
_SIGNATURE = re.compile(
    r"[^=]*=.*|[0-9]{9,}|(?:.*[^A-Za-z0-9])?"
    r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}(?:[^A-Za-z0-9].*)?",
    re.DOTALL,
)
_HAS_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}$")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_KEY_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Words of a key within a result that tell of the moment: a server goes on writing there.
_MOVING = frozenset(
    {"accessed", "age", "counter", "downloads", "expiration", "expires", "expiry", "hits"}
    | {"modified", "remaining", "retention", "signature", "signed", "token", "ttl", "until"}
    | {"updated", "valid", "views", "viewed"}
)


def is_moving(key: str) -> bool:
    """
    Whether a key's name tells of the moment, so that a server goes on writing there.
    """
    return any(word.lower() in _MOVING for word in _KEY_WORDS.findall(key))


def stable_part(value: Json, *, exact: bool) -> Json:
    """
    `value` without what may change in a result that stays the same: the order of a list, the
    signatures of links, and keys that tell of the moment.

    Args:
        exact: Keys that tell of the moment count, too.
    """
    if isinstance(value, str) and _LINK.match(value):
        return _file_of(value)
    if isinstance(value, list):
        items = [stable_part(item, exact=exact) for item in value]
        # Numbers in a row are a vector, say; of anything else a server may change the order.
        if all(isinstance(item, str | dict) for item in items):
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
        return items
    if isinstance(value, dict):
        return {
            key: stable_part(item, exact=exact)
            for key, item in value.items()
            if exact or not is_moving(key)
        }
    return value


def without_places(value: Json, at: str, places: Set[str]) -> Json:
    """
    `value`, which stands at `at`, without the keys at these places.
    """
    if isinstance(value, list):
        return [without_places(item, f"{at}/{index}", places) for index, item in enumerate(value)]
    if isinstance(value, dict):
        pointers = {key: f"{at}/{escape(key)}" for key in value}
        return {
            key: without_places(item, pointers[key], places)
            for key, item in value.items()
            if pointers[key] not in places
        }
    return value


def _file_of(link: str) -> str:
    """
    What a link leads to: the last part of its path that is no signature.
    """
    # A link that is signed gets another query with every answer, or other parts of its path, or
    # another host.
    try:
        path = urlsplit(link).path
    except ValueError:
        return link
    parts = [part for part in reversed(path.split("/")) if part]
    return next((part for part in parts if not _is_signature(part)), "")


def _is_signature(part: str) -> bool:
    if "=" not in part and (_UUID.fullmatch(part) or _HAS_SUFFIX.search(part)):
        return False
    return _SIGNATURE.fullmatch(part) is not None
