"""
What a place must be able to hold for the use that a profile makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from jobproof.contract.formats.wording import shorten
from jobproof.contract.model.agreement.pointers import Role
from jobproof.contract.model.job import read_time
from jobproof.contract.model.profile import Codec, Id
from jobproof.contract.openapi.schema_place import SchemaPlace

__all__ = ["misfit"]

_TEXT = frozenset({"string"})
_NUMBERS = frozenset({"integer", "number"})
_LARGE = frozenset({"array", "object"})
_ALL = frozenset({"null", "boolean"}) | _TEXT | _NUMBERS | _LARGE
_HOLDS: Mapping[Role, frozenset[str]] = {
    Role.ID: _TEXT,
    Role.STATUS: _ALL - _LARGE,
    Role.TIME_TEXT: _TEXT,
    Role.TIME_NUMBER: _NUMBERS,
    Role.LINKS: _TEXT | _LARGE,
    Role.ITEMS: frozenset({"array"}),
    Role.CURSOR: _TEXT | _NUMBERS,
}
_TIMES = frozenset({"date-time", "date", "time", "duration"})
_ADDRESSES = frozenset({"uri", "uri-reference", "iri", "url", "email", "idn-email"})
_HOSTS = frozenset({"hostname", "ipv4", "ipv6"})
_FOREIGN: Mapping[Role, frozenset[str]] = {
    Role.ID: _TIMES | _HOSTS | frozenset({"email", "idn-email"}),
    Role.STATUS: _TIMES | _ADDRESSES | _HOSTS | frozenset({"uuid"}),
    Role.TIME_TEXT: (_TIMES - {"date-time"}) | _ADDRESSES | _HOSTS | frozenset({"uuid"}),
    Role.LINKS: _TIMES | _HOSTS | frozenset({"uuid", "email", "idn-email"}),
}
"""Formats of a text that is something else."""


def misfit(role: Role, place: SchemaPlace, job_id: Id) -> str | None:
    """
    Why nothing that may stand at `place` is what the role says; None where something is.
    """
    holds = _HOLDS.get(role, _ALL - {"null"})
    if role is Role.ID and job_id.shape == "integer":
        holds = holds | _NUMBERS
    types = place.types & holds
    if not types:
        return f"has {_joined(place.types)}"
    if types != _TEXT:
        return None
    foreign = place.formats & _FOREIGN.get(role, frozenset())
    if role is Role.ID and job_id.shape != "token":
        foreign |= place.formats & _ADDRESSES
    if role is Role.ID and job_id.shape == "integer":
        foreign |= place.formats & {"uuid"}
    if foreign:
        return f"has a text of the format {min(foreign)}"
    return _of_words(role, place)


def _of_words(role: Role, place: SchemaPlace) -> str | None:
    if place.values is None:
        return None
    words = sorted(text for kind, text in place.values if kind == "string")
    is_none_of_them = role in (Role.ID, Role.CURSOR) or (
        role is Role.TIME_TEXT and all(read_time(w, Codec.RFC3339) is None for w in words)
    )
    if role is Role.VOLATILE and len(place.values) == 1:
        is_none_of_them = True
    if not is_none_of_them:
        return None
    shown = ", ".join(repr(shorten(word, 40)) for word in words[:5])
    return f"has one of the words {shown}{', ...' if len(words) > 5 else ''}"


def _joined(types: frozenset[str]) -> str:
    return " or ".join(
        f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" if kind != "null" else kind
        for kind in sorted(types)
    )
