"""
A profile resolved in its document: what can't be is an error, what is left open a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from jobproof.contract.errors import did_you_mean
from jobproof.contract.formats.json_body import is_json_type
from jobproof.contract.formats.json_pointer import escape, walk
from jobproof.contract.formats.yaml_file import Location
from jobproof.contract.model.agreement.contradictions import contradictions, idle_places
from jobproof.contract.model.agreement.expectations import misfit
from jobproof.contract.model.agreement.pointers import PointerUse, Role, pointers_of, shown
from jobproof.contract.model.agreement.words import disagreements, notes_on_words
from jobproof.contract.model.profile import Profile
from jobproof.contract.openapi.document import Operation
from jobproof.contract.openapi.schema_place import SchemaPlace, Standing, either, place_at

__all__ = [
    "Message",
    "PlaceOf",
    "Resolution",
    "impossible",
    "left_open",
    "places_of",
    "presentable",
    "resolution",
]

_MOST_NAMES = 30
Message = tuple[Location, str]
PlaceOf = Callable[[str], SchemaPlace]


@dataclass(frozen=True, slots=True)
class Resolution:
    """
    What comes of comparing a profile with its document; each with the key that it is about.

    Attributes:
        errors: What can't be as both say it.
        notes: What only one of them says.
        open: Pointers of the profile that the document doesn't name.
    """

    errors: tuple[Message, ...] = ()
    notes: tuple[Message, ...] = ()
    open: frozenset[str] = frozenset()


def resolution(profile: Profile, operation: Operation) -> Resolution:
    """
    Pointers, words and codes of `profile` in what the document says of the job operation.
    """
    document, uses = profile.document, tuple(pointers_of(profile))
    errors, notes = list(contradictions(uses)), list(idle_places(uses))
    notes.extend(_notes_on_codes(profile, operation))
    place_of = places_of(operation)
    if place_of is None:
        silence = f"{document} says nothing of a 200's body: no pointer and no word was compared"
        notes.append((("document",), silence))
        return Resolution(tuple(errors), tuple(notes), frozenset(u.pointer for u in uses))
    found = [(use, place_of(use.pointer)) for use in uses]
    for use, place in found:
        errors.extend(impossible(use, place, profile, "a 200's body"))
        notes.extend(left_open(use, place, profile))
        errors.extend(_strange_values(use, place, document))
    if profile.status.at:
        status = place_of(profile.status.at)
        errors.extend(disagreements(profile, status))
        notes.extend(notes_on_words(profile, status) if status.may_hold else ())
    unnamed = frozenset(u.pointer for u, p in found if p.standing is not Standing.NAMED)
    return Resolution(tuple(errors), tuple(notes), unnamed)


def places_of(operation: Operation) -> PlaceOf | None:
    """
    What the document says of any place in a 200; None where it says nothing of the body.
    """
    spec = operation.response_for(200)
    contents = [c for c in (spec.contents if spec else ()) if _may_be_json(c.media_type)]
    schemas = [content.schema for content in contents if content.schema]
    # One without a schema leaves everything open, whatever the others say.
    if not schemas or len(schemas) < len(contents):
        return None
    return lambda pointer: either(place_at(schema, pointer) for schema in schemas)


def _may_be_json(media_type: str) -> bool:
    plain = media_type.partition(";")[0].strip().lower()
    return "*" in plain or is_json_type(plain)


def impossible(
    use: PointerUse, place: SchemaPlace, profile: Profile, body: str
) -> Iterator[Message]:
    document = profile.document
    if place.standing is Standing.CLOSED and _is_elsewhere(use, profile):
        return
    if place.may_hold:
        why = misfit(use.role, place, profile.id)
        if why is not None:
            role = use.role.value
            message = f"{document} {why} at {shown(use.pointer)}, and this is to be {role}"
            yield use.location, message
        return
    steps = walk(use.pointer)
    taken, rest = steps[: len(steps) - place.left], steps[len(steps) - place.left :]
    where = f"at {shown(_pointer(taken))} in {body}" if taken else f"in {body}"
    if not place.names or not rest:
        reason = place.reason or "has nothing there"
        yield use.location, f"{document} {reason} ({where}), so {shown(use.pointer)} can't be"
        return
    hint = did_you_mean(rest[0], presentable(place.names))
    if place.standing is Standing.FORBIDDEN:
        hint = f"It {place.reason}. {hint}"
    elif use.location[0] != "listing":
        hint += " If the vendor is known to send it, list it under `declared_elsewhere`"
    yield use.location, f"{document} has no {shown(rest[0])!r} {where}. {hint}"


def _strange_values(use: PointerUse, place: SchemaPlace, document: str) -> Iterator[Message]:
    listed = {text for _, text in place.values or ()}
    for value in use.values:
        if place.may_hold and listed and value not in listed:
            hint = did_you_mean(value, presentable(listed))
            yield use.location, f"{document} doesn't list {value!r} at {shown(use.pointer)}. {hint}"


def left_open(use: PointerUse, place: SchemaPlace, profile: Profile) -> Iterator[Message]:
    document = profile.document
    if use.role is Role.ELSEWHERE:
        if place.standing is Standing.NAMED:
            message = f"{document} names {shown(use.pointer)} by now: the entry can go"
            yield use.location, message
    elif place.standing in (Standing.OPEN, Standing.SILENT):
        message = f"{document} leaves {shown(use.pointer)} open: it can't be compared"
        yield use.location, message


def _is_elsewhere(use: PointerUse, profile: Profile) -> bool:
    # Each place by itself: what lies in an object that no document has may be misspelt, too.
    return use.pointer in profile.declared_elsewhere


def _notes_on_codes(profile: Profile, operation: Operation) -> Iterator[Message]:
    document = profile.document
    for index, code in enumerate(profile.not_found.codes):
        if operation.response_for(code) is None:
            message = f"{document} describes no answer with {code}"
            yield ("not_found", "codes", index), message
    for index, expected in enumerate(profile.expected):
        own, wide = str(expected.code), f"{expected.code // 100}XX"
        if own in operation.responses or wide in operation.responses:
            message = f"{document} lists {expected.code} itself: the entry changes nothing"
            yield ("expected", index, "code"), message


def presentable(names: Iterable[str]) -> list[str]:
    return [n for n in sorted(names) if n.isprintable() and len(n) <= 60][:_MOST_NAMES]


def _pointer(steps: Iterable[str]) -> str:
    return "".join(f"/{escape(step)}" for step in steps)
