"""
What a recording holds: exchanges of the job endpoint, and all else by why it was left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol

from jobproof.contract.model.exchange import Exchange
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.live_judgement import LiveJudgement

__all__ = [
    "LATEST_MOMENT",
    "LONGEST_S",
    "Attachments",
    "Reader",
    "Recorded",
    "RecordedItem",
    "SkipReason",
    "Skipped",
]

LATEST_MOMENT = 250_000_000_000
"""In Unix seconds: far enough from the calendar's end for an answer's time to be added."""
LONGEST_S = 1e9
"""How long an exchange may have gone on, in seconds, to be read."""


class SkipReason(StrEnum):
    """
    Why an entry of a recording isn't judged: a closed set.
    """

    OTHER_ADDRESS = "other_address"
    """It isn't about the job endpoint."""
    NOT_FETCHED = "not_fetched"
    """A browser's own: a page that somebody opened, a preflight, a web socket."""
    NO_ANSWER = "no_answer"
    """The client gave up, or was kept from asking: nobody has answered."""
    FROM_CACHE = "from_cache"
    """The browser's cache has answered, not the server."""
    UNREADABLE = "unreadable"
    """It is about the job endpoint, as far as can be told, and can't be read."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    One exchange with the job endpoint.

    Attributes:
        base: What its URL has before the operation's path: which server it was.
        live: What was said of it when it came, where it is evidence of ours.
    """

    exchange: Exchange
    base: str
    live: LiveJudgement | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """
    An entry that isn't judged.

    Attributes:
        where: In its file, such as `log.entries[3]` or `line 7`.
        detail: What can't be read, in words; "" where the reason says all.
    """

    reason: SkipReason
    where: str
    detail: str = ""


RecordedItem = Recorded | Skipped


class Attachments(Protocol):
    """
    What a recording keeps beside itself: bodies that a recorder wrote to files of their own.
    """

    def read(self, name: str) -> bytes | None:
        """
        What is kept under a name that the recording states; None where nothing is, or where it
        can't be read: the body is unknown then.
        """
        ...


class Reader(Protocol):
    """
    Reads one format, an entry at a time: no file is in memory as a whole.
    """

    def __call__(
        self, stream: BinaryIO, endpoint: EndpointFilter, attachments: Attachments
    ) -> Iterator[RecordedItem]:
        """
        Args:
            stream: UTF-8 without a byte order mark, whatever the file had; binary formats as
                they are.
            attachments: What the recording keeps beside itself; of a pipe nothing.

        Raises:
            RecordingError: It isn't of this format, or ends in the middle; without its path.
        """
        ...
