"""
A known fault that a run lives with until a day: the one format for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from jobproof.contract.formats.digits import is_digits
from jobproof.contract.formats.strict_model import StrictModel

__all__ = ["AcceptedFinding", "Policy", "day_of", "is_meant_by", "starred"]

_WORDS = ("body", "code", "header", "headers", "status", "url")
"""Places that findings name beside pointers and `header:<name>`."""
_HEADER = re.compile(r"header:[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def day_of(text: object) -> date:
    """
    The day that is written as 2026-12-31.

    Raises:
        ValueError: It is written otherwise, or there is no such day.
    """
    if isinstance(text, date) and not isinstance(text, datetime):
        return text
    # Not any form of ISO 8601, and no number, which would be seconds since 1970.
    if isinstance(text, str) and _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text} is no day of the calendar") from None
    raise ValueError(f"{str(text)[:40]!r} is no date: write it as 2026-12-31")


def starred(pointer: str) -> str:
    """
    A pointer with list items alike: one fault in a thousand of them is one piece of news.
    """
    return "/".join("*" if is_digits(step) else step for step in pointer.split("/"))


def is_meant_by(place: str | None, pointers: Iterable[str]) -> bool:
    """
    Whether an entry's place is one of these; None is every place.
    """
    return place is None or any(place in (pointer, starred(pointer)) for pointer in pointers)


def _place(text: str) -> str:
    if text in _WORDS or _HEADER.fullmatch(text):
        return text
    if not text.startswith("/") or re.search(r"~(?![01])", text):
        raise ValueError(
            f"{text[:60]!r} is no place of a finding: write a JSON Pointer such as /status, "
            f"header:NAME, {', '.join(_WORDS[:-1])} or {_WORDS[-1]}"
        )
    return text


class AcceptedFinding(StrictModel):
    """
    A deviation that the owner of the run has decided to live with.
    """

    check: str = Field(description="The check's id.")
    pointer: Annotated[str, AfterValidator(_place)] | None = Field(
        default=None,
        description="The place, as findings name it; `*` is any item of a list. "
        "Default: every place.",
    )
    kind: Literal["violation", "gap", "drift"] = Field(
        default="violation", description="What sort of finding it is: the others stay news."
    )
    reason: str = Field(min_length=8, description="Why, in eight letters at least.")
    expires: Annotated[date, BeforeValidator(day_of)] = Field(
        description="The last day on which it is accepted, in UTC."
    )

    def covers(self, check: str, kind: str, pointers: Iterable[str]) -> bool:
        """
        Whether it speaks of such a finding at one of these places, whatever the day.
        """
        return (self.check, self.kind) == (check, kind) and is_meant_by(self.pointer, pointers)

    def holds_at(self, at: float) -> bool:
        """
        Whether its last day isn't over at that time, in Unix seconds.
        """
        return datetime.fromtimestamp(at, UTC).date() <= self.expires

    @property
    def named(self) -> str:
        """
        What it is about, in words.
        """
        kind = "" if self.kind == "violation" else f" ({self.kind})"
        return f"{self.check}{kind}{f' at {self.pointer}' if self.pointer else ''}"


class Policy(StrictModel):
    """
    What this run accepts although it is broken.
    """

    accept: tuple[AcceptedFinding, ...] = ()
