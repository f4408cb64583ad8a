"""
An API's folder at loading: refused where profile and document can't both be right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from jobproof.contract.errors import ProfileError
from jobproof.contract.formats.yaml_file import YamlFile
from jobproof.contract.model.agreement.pointers import PointerUse, pointers_of
from jobproof.contract.model.agreement.resolution import (
    Message,
    Resolution,
    resolution,
)
from jobproof.contract.model.profile import Profile
from jobproof.contract.openapi.document import Operation

__all__ = ["Agreement", "LocatedPointer", "agree"]

_MOST_NOTES = 40


@dataclass(frozen=True, slots=True)
class LocatedPointer:
    """
    Attributes:
        where: The file, the line and the key, as an error message begins.
        is_open: Whether the document doesn't name the place, so that only answers can.
    """

    use: PointerUse
    where: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """
    Attributes:
        notes: What only one of profile and document says, a line each.
    """

    notes: tuple[str, ...] = ()
    pointers: tuple[LocatedPointer, ...] = ()


def agree(file: YamlFile, profile: Profile, operation: Operation, listing: Resolution) -> Agreement:
    """
    Compare the profile that `file` holds with its document.

    Args:
        listing: What came of comparing its listing.

    Raises:
        ProfileError: What the profile says can't be by the document; the first such thing, and
            which others there are.
    """
    job = resolution(profile, operation)
    _refuse(file, [*job.errors, *listing.errors])
    # Notes and findings travel; the folder's own path says nothing to whoever reads them.
    here = replace(file, path=Path(file.path.name))
    notes = [str(here.error(*note)) for note in (*job.notes, *listing.notes)]
    return Agreement(
        tuple(dict.fromkeys(notes))[:_MOST_NOTES],
        tuple(
            LocatedPointer(
                use,
                str(here.error(use.location, "")).removesuffix(": "),
                use.pointer in job.open,
            )
            for use in pointers_of(profile)
        ),
    )


def _refuse(file: YamlFile, errors: Iterable[Message]) -> None:
    # Within one part a single key comes before the whole: a misspelt word explains a missing one.
    found = sorted(errors, key=lambda error: (file.line_of(error[0][:2]), -len(error[0])))
    if not found:
        return
    place, message = found[0]
    others = Counter(".".join(map(str, other)) for other, _ in found[1:])
    if others:
        message += f" (and {len(found) - 1} more: {', '.join(list(others)[:5])})"
    raise file.error(place, message, ProfileError)
