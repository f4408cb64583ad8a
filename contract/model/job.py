"""
A body read through a profile: one job as it was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobproof.contract.formats.headers import HeaderPairs
from jobproof.contract.formats.json_pointer import escape, parent, pick, resolve
from jobproof.contract.formats.json_value import FrozenObject, Json, JsonObject
from jobproof.contract.model.profile import Codec, Profile
from jobproof.contract.model.status_rules import word_by_rules, word_of

__all__ = [
    "Job",
    "JobReader",
    "is_beyond_calendar",
    "is_empty",
    "is_status_missed",
    "links_in",
    "read_time",
]

_LEAP_SECOND = re.compile(r"(T[0-9]{2}:[0-9]{2}):60")


@dataclass(frozen=True, slots=True)
class Job:
    """
    One job as an answer showed it; every value as the vendor wrote it.

    Attributes:
        body: The whole JSON object, or list.
        id: What stands where the profile says that the id is; None where nothing does.
        status: The same of the status; what is no text as its word, if the profile has one.
        created_text: The creation time as it is written.
        created_at: Unix seconds, or None where absent or unreadable.
        later: Unix seconds of each later point in time that is present and readable.
        present: Pointers of later times that hold anything but null.
        results: The proofs of success that are there, by pointer.
        reason: The first reason of failure found, and where.
    """

    body: Mapping[str, Json] | list[Json]
    id: Json
    status: Json
    created_at: float | None
    created_text: Json
    later: Mapping[str, float]
    present: Mapping[str, Json]
    results: Mapping[str, Json]
    reason: tuple[str, Json] | None


class JobReader:
    """
    Reads job objects as one profile says.
    """

    __slots__ = ("_profile",)

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def read(self, value: Json, *, code: int = 200, headers: HeaderPairs = ()) -> Job | None:
        """
        The job in `value`; None where it is no object and no list that holds the id.

        Args:
            code: Of the answer; like its headers, it may tell the status.
        """
        profile = self._profile
        # A list is one where the profile's pointers lead into it and it isn't empty.
        if not isinstance(value, dict) and not (
            isinstance(value, list) and pick(value, profile.id.at) is not None
        ):
            return None
        times = profile.times
        created_text = pick(value, times.created) if times else None
        present: JsonObject = {}
        later: dict[str, float] = {}
        for stamp in times.later if times else ():
            text = pick(value, stamp.at)
            if text is None:
                continue
            present[stamp.at] = text
            moment = read_time(text, stamp.codec)
            if moment is not None:
                later[stamp.at] = moment
        return Job(
            body=value,
            id=pick(value, profile.id.at),
            status=self._status(value, code, headers),
            created_at=read_time(created_text, times.codec) if times else None,
            created_text=created_text,
            later=FrozenObject(later),
            present=FrozenObject(present),
            results=FrozenObject(self._results(value)),
            reason=self._reason(value),
        )

    def _status(self, value: Json, code: int, headers: HeaderPairs) -> Json:
        status = self._profile.status
        if not status.rules:
            return word_of(pick(value, status.at), status.words)
        return word_by_rules(status.rules, status.otherwise, value, code=code, headers=headers)

    def _results(self, value: Json) -> JsonObject:
        if self._profile.result is None:
            return {}
        # An empty list is no proof of success.
        found: JsonObject = {}
        for at in self._profile.result.proof:
            item = pick(value, at)
            if not is_empty(item):
                found[at] = item
        return found

    def _reason(self, value: Json) -> tuple[str, Json] | None:
        for at in self._profile.failure.at if self._profile.failure else ():
            found, item = resolve(value, at)
            if found and not is_empty(item):
                return at, item
        return None


def is_status_missed(job: Job, at: str) -> bool:
    """
    Whether no word stands at the status's place although what holds it is there.
    """
    if isinstance(job.status, str):
        return False
    # Where that is absent, too, or is a list that is still empty, the status hasn't come yet.
    # Rules look at the whole answer, which is always there.
    return not at or isinstance(pick(job.body, parent(at)), dict)


def is_empty(value: Json) -> bool:
    """
    Whether nothing is there: null, an empty text, list or object.
    """
    return value is None or (not value and isinstance(value, str | list | dict))


def read_time(value: Json, codec: Codec) -> float | None:
    """
    Unix seconds of a written point in time, read leniently; None where it can't be.
    """
    if codec is not Codec.RFC3339:
        return _unix_time(value, 1000 if codec is Codec.UNIX_MS else 1)
    if not isinstance(value, str):
        return None
    # RFC 3339 takes a small t and z, and a leap second, which Python's calendar doesn't have.
    text, leaps = value.upper(), 0
    if ":60" in text:
        text, leaps = _LEAP_SECOND.subn(r"\1:59", text, count=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        # The schema's date-time reports the missing zone; with one assumed, other checks can go
        # on.
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.timestamp() + leaps
    except (OverflowError, ValueError):
        return None


def is_beyond_calendar(value: Json, codec: Codec) -> bool:
    """
    Whether it is a number where one is a time, and too large for one: any schema lets it pass,
    whatever its unit.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and codec is not Codec.RFC3339 and read_time(value, codec) is None


def _unix_time(value: Json, a_second: int) -> float | None:
    # To Python, True is an integer.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither NaN nor an integer beyond any double passes this.
    return value / a_second if abs(value) < 1e12 * a_second else None


def links_in(value: Json) -> Iterator[tuple[str, str]]:
    """
    Pointer (below `value`) and text of every URL in a string, a list, a map, or
    objects that hold one under `url`.
    """
    if isinstance(value, str):
        yield "", value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for at, text in links_in(item):
                yield f"/{index}{at}", text
    elif isinstance(value, dict):
        if isinstance(value.get("url"), str):
            # Other texts beside a `url` are names or captions.
            yield "/url", value["url"]
            return
        for key, item in value.items():
            for at, text in links_in(item):
                yield f"/{escape(key)}{at}", text
