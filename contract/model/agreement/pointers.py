"""
Every place in a body that a profile points at, and what it expects to stand there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.wording import shorten
from jobproof.contract.formats.yaml_file import Location
from jobproof.contract.model.profile import Codec, Profile
from jobproof.contract.model.status_rules import StatusCondition
from jobproof.contract.openapi.schema_place import spelled

__all__ = ["PointerUse", "Role", "listing_pointers_of", "pointers_of", "shown"]


class Role(StrEnum):
    """
    What the profile expects of a place, in words for a message.
    """

    ID = "the job's id"
    STATUS = "the job's status"
    TIME_TEXT = "a point in time, written as a text"
    TIME_NUMBER = "a point in time, written as a number"
    RESULT = "a result"
    PROOF = "a proof of success"
    LINKS = "links"
    FAILURE = "a reason of failure"
    GIVEN = "what a job was given"
    VOLATILE = "what may change after the job's end"
    FROZEN = "what stays as it is after the job's end"
    ELSEWHERE = "what the vendor is known to send"
    ITEMS = "a list"
    TOLD = "what tells the status"
    CURSOR = "a cursor"


@dataclass(frozen=True, slots=True)
class PointerUse:
    """
    Attributes:
        location: The key in the profile.
        keeps: Whether what stands there stays as it is for good.
        values: What it is compared with, as JSON writes it.
    """

    location: Location
    pointer: str
    role: Role
    keeps: bool = False
    values: tuple[str, ...] = ()

    @property
    def key(self) -> Location:
        """
        The key, without the place in its list.
        """
        return self.location[:-1] if isinstance(self.location[-1], int) else self.location

    def is_within(self, pointer: str) -> bool:
        """
        Whether it stands at `pointer` or below.
        """
        return self.pointer == pointer or self.pointer.startswith(f"{pointer}/")


def pointers_of(profile: Profile) -> Iterator[PointerUse]:
    """
    The pointers into a job's body, in the order of the profile.
    """
    yield PointerUse(("id", "at"), profile.id.at, Role.ID, keeps=True)
    if profile.status.at:
        yield PointerUse(("status", "at"), profile.status.at, Role.STATUS, keeps=True)
    for index, rule in enumerate(profile.status.rules):
        for place, condition in enumerate(rule.when):
            yield from _of_condition(("status", "rules", index, "when", place), condition)
    if profile.times is not None:
        role = _time_role(profile.times.codec)
        yield PointerUse(("times", "created"), profile.times.created, role, keeps=True)
        for index, stamp in enumerate(profile.times.later):
            location: Location = ("times", "later", index, "at")
            yield PointerUse(location, stamp.at, _time_role(stamp.codec), keeps=True)
    if profile.result is not None:
        yield from _several(("result", "at"), profile.result.at, Role.RESULT)
        yield from _several(("result", "proof"), profile.result.proof, Role.PROOF)
        yield from _several(("result", "links"), profile.result.links, Role.LINKS)
    if profile.failure is not None:
        yield from _several(("failure", "at"), profile.failure.at, Role.FAILURE)
    for index, at in enumerate(profile.given):
        yield PointerUse(("given", index), at, Role.GIVEN, keeps=True)
    yield from _several(("declared_elsewhere",), profile.declared_elsewhere, Role.ELSEWHERE)
    yield from _several(("volatile",), profile.volatile, Role.VOLATILE)
    yield from _several(("frozen",), profile.frozen, Role.FROZEN)


def _of_condition(location: Location, condition: StatusCondition) -> Iterator[PointerUse]:
    if condition.at is None:
        return
    over, select = "", condition.select
    if select is not None:
        over = f"{select.list_at}/0"
        yield PointerUse((*location, "select", "in"), select.list_at, Role.ITEMS)
        for name, value in select.where.items():
            at = f"{over}/{escape(name)}"
            where = (*location, "select", "where", name)
            yield PointerUse(where, at, Role.TOLD, values=(spelled(value),))
    # null is what stands nowhere, too, so that no schema need list it.
    compared = (condition.equals, *(condition.one_of or ()))
    values = tuple(spelled(value) for value in compared if value is not None)
    yield PointerUse((*location, "at"), f"{over}{condition.at}", Role.TOLD, values=values)


def listing_pointers_of(profile: Profile) -> Iterator[PointerUse]:
    """
    The pointers into a list of jobs; those into its items lead from the list's first.
    """
    listing = profile.listing
    if listing is None:
        return
    yield PointerUse(("listing", "items"), listing.items, Role.ITEMS)
    yield PointerUse(("listing", "id"), f"{listing.items}/0{listing.id}", Role.ID)
    yield PointerUse(("listing", "status"), f"{listing.items}/0{listing.status}", Role.STATUS)
    if listing.cursor is not None:
        yield PointerUse(("listing", "cursor"), listing.cursor, Role.CURSOR)


def _several(location: Location, pointers: tuple[str, ...], role: Role) -> Iterator[PointerUse]:
    for index, pointer in enumerate(pointers):
        yield PointerUse((*location, index), pointer, role)


def _time_role(codec: Codec) -> Role:
    return Role.TIME_TEXT if codec is Codec.RFC3339 else Role.TIME_NUMBER


def shown(text: str) -> str:
    """
    A pointer or a name as a message shows it: foreign ones may be long.
    """
    return shorten(text, 80)
