"""
Texts in a body: emptied, padded, in other letters; times, links, ids and statuses as such.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from jobproof.contract.formats.json_value import Json
from jobproof.contract.scoring.mutants.legal_lives import may_have_status
from jobproof.contract.scoring.mutants.mutant import Original

__all__ = ["changed_times", "mutate_text"]

# In days: a little, and more than any limit in a profile.
_SHIFTS = (-400, -1, 1, 400)
_FULL_WIDTH = ord("！") - ord("!")

_Change = tuple[str, str, Json, bool]


def mutate_text(original: Original, place: str, text: str) -> Iterator[_Change]:
    """
    Operator, detail, the text changed, and whether that is legal.
    """
    for operator, detail, changed, legal in _mutate(original, place, text):
        if changed != text:
            yield operator, detail, changed, legal


def _mutate(original: Original, place: str, text: str) -> Iterator[_Change]:
    profile = original.api.profile
    yield "text emptied", "", "", False
    yield "text padded", " before", f" {text}", False
    yield "text padded", " after", f"{text}\n", False
    wide = "".join(chr(ord(c) + _FULL_WIDTH) if "!" <= c <= "~" else c for c in text)
    yield "text in full width", "", wide, False
    moment = _read_moment(text)
    # Times may be written with small letters (RFC 3339 5.6), and these have no others.
    if moment is None:
        yield "text in upper case", "", text.upper(), False
    else:
        yield from _changed_moment(text, moment)
    if place == profile.status.at and original.seen.job is not None:
        for word in original.api.lifecycle.statuses:
            if word != text:
                legal = may_have_status(original, word)
                yield "status swapped", f" to {word}", word, legal
    if place == profile.id.at:
        yield "id swapped", "", str(uuid.uuid5(uuid.NAMESPACE_URL, text)), False
    if text.startswith("https://"):
        yield from _changed_link(text)


def _changed_moment(text: str, moment: datetime) -> Iterator[_Change]:
    for days in _SHIFTS:
        shifted = moment + timedelta(days=days)
        yield "time shifted", f" by {days} days", shifted.isoformat(), False
    yield "zone dropped", "", moment.replace(tzinfo=None).isoformat(), False
    yield "time without its T", "", text.replace("T", " "), False
    yield "date alone", "", text[:10], False
    yield "time as a number", "", moment.timestamp(), False
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    yield "time respelled", " in another zone", elsewhere.isoformat(), True
    yield "time respelled", " in small letters", text.lower(), True
    whole = moment.replace(microsecond=0).isoformat()
    yield "time respelled", " in whole seconds", whole, True


def _changed_link(link: str) -> Iterator[_Change]:
    _, _, host, *rest = link.split("/", 3)
    yield "link changed", " to http", link.replace("https:", "http:", 1), False
    yield "link changed", " to a script", f"javascript:open('{link}')", False
    yield "link changed", " to a private host", link.replace(host, "10.0.0.7", 1), False
    yield "link changed", " to a path alone", "/" + "".join(rest), False
    yield "link changed", " with a blank", link.replace(host, f"{host}/a b", 1), False
    yield "link changed", " to another file", f"{link}.other", False


def changed_times(seconds: int) -> Iterator[_Change]:
    """
    The same for a time in Unix seconds.
    """
    for days in _SHIFTS:
        yield "time shifted", f" by {days} days", seconds + days * 86_400, False


def _read_moment(text: str) -> datetime | None:
    # `fromisoformat` also takes dates alone and forms without hyphens, as ids may look.
    if len(text) < 19 or text[4:5] != "-":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
