"""
The operation that lists jobs: the profile's pointers and parameters resolved in its document.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from jobproof.contract.errors import DocumentError, did_you_mean
from jobproof.contract.model.agreement.pointers import PointerUse, Role, listing_pointers_of
from jobproof.contract.model.agreement.resolution import (
    Message,
    PlaceOf,
    Resolution,
    impossible,
    left_open,
    places_of,
    presentable,
)
from jobproof.contract.model.profile import Profile
from jobproof.contract.openapi.document import Operation, read_operation
from jobproof.contract.openapi.schema_place import Standing
from jobproof.contract.openapi.source.files import DocumentFiles

__all__ = ["read_listing"]


def read_listing(
    profile: Profile, job: Operation, document: Path, files: DocumentFiles
) -> Resolution:
    """
    What comes of comparing the profile's listing with the document, where that has one.
    """
    if profile.listing is None:
        return Resolution()
    at, template = ("listing", "path"), profile.listing.path
    paths = files.root.get("paths")
    if not isinstance(paths, dict) or template not in paths:
        near = _nearest(template, paths if isinstance(paths, dict) else {})
        if near is not None:
            message = f"{profile.document} has no path {template!r}. Did you mean {near!r}?"
            return Resolution(errors=((at, message),))
        missing = f"{profile.document} doesn't describe it: the listing can't be compared"
        return Resolution(notes=((at, missing),))
    try:
        operation = read_operation(
            document, method="get", template=template, parameter="", files=files
        )
    except DocumentError as exc:
        # The job operation can be used all the same.
        reason = str(exc).removeprefix(f"{document}: ")
        return Resolution(notes=((at, f"the listing can't be compared: {reason}"),))
    return _compared(profile, job, operation)


def _nearest(template: str, paths: dict[str, object]) -> str | None:
    """
    The path that was meant, where one is as long and can be read.
    """
    alike = [
        path
        for path, item in paths.items()
        if isinstance(path, str)
        and path.count("/") == template.count("/")
        and isinstance(item, dict)
        and ("get" in item or "$ref" in item)
    ]
    # Whoever writes another case means the same path.
    folded = {path.casefold(): path for path in presentable(alike)}
    near = get_close_matches(template.casefold(), folded, n=1, cutoff=0.7)
    return folded[near[0]] if near else None


def _compared(profile: Profile, job: Operation, operation: Operation) -> Resolution:
    """
    The listing's pointers and parameters in what the document says of its operation.
    """
    errors = [*_parameter_errors(profile, operation)]
    place_of = places_of(operation)
    if place_of is None:
        silence = f"{profile.document} says nothing of the body of {operation.path}"
        return Resolution(tuple(errors), ((("listing",), silence),))
    body = f"the body of {operation.path}"
    notes: list[Message] = []
    for use in listing_pointers_of(profile):
        place = place_of(use.pointer)
        errors.extend(impossible(use, place, profile, body))
        notes.extend(left_open(use, place, profile))
        errors.extend(_other_than_in_the_job(use, profile, job, place_of))
        if use.role is Role.STATUS and place.may_hold and place.values:
            strange = sorted({word for _, word in place.values} - profile.status.words.keys())
            if len(strange) == len(place.values):
                message = f"{profile.document} lists no word of status.words there"
                errors.append((use.location, message))
    return Resolution(tuple(errors), tuple(notes))


def _other_than_in_the_job(
    use: PointerUse, profile: Profile, job: Operation, place_of: PlaceOf
) -> Iterator[Message]:
    """
    An item that is the job itself has id and status where the job has them.
    """
    listing, in_job = profile.listing, places_of(job)
    own = {Role.ID: profile.id.at, Role.STATUS: profile.status.at}.get(use.role)
    if not own or listing is None or in_job is None:
        return
    first = f"{listing.items}/0"
    here = use.pointer.removeprefix(first)
    if here == own or place_of(f"{first}{own}").standing is not Standing.NAMED:
        return
    if in_job(here).standing is Standing.NAMED:
        yield use.location, f"in a job {here} isn't {use.role.value}: write {own!r}"


def _parameter_errors(profile: Profile, operation: Operation) -> Iterator[Message]:
    listing = profile.listing
    if listing is None:
        return
    known = [p.name for p in operation.parameters if p.place == "query"]
    used: dict[str, str] = {}
    for key in ("cursor_parameter", "status_parameter", "limit_parameter"):
        name = getattr(listing, key)
        if name is None or (key == "cursor_parameter" and listing.cursor is None):
            continue
        if name in used:
            yield ("listing", key), f"{name!r} is the {used[name]} already"
        used.setdefault(name, key)
        if name not in known:
            hint = did_you_mean(name, presentable(known))
            where = f"{operation.path} in {profile.document}"
            yield ("listing", key), f"{where} takes no query parameter {name!r}. {hint}"
