"""
Where ids of jobs to follow come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeGuard

from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange, Request

__all__ = ["LONGEST_ID", "FoundIds", "Source", "SourceContext", "SourceOptions", "is_job_id"]

LONGEST_ID = 200
"""Characters of an id to follow: it becomes part of a URL and a row on disk."""


class SourceOptions(StrictModel):
    """
    What a source may be told; a plug-in's own options derive from it.
    """


@dataclass(frozen=True, slots=True)
class SourceContext:
    """
    What a source may know about the target whose jobs it finds.

    Attributes:
        base_url: The target's URL, without the path of the operation.
        headers: What every request of the owner carries, the token included.
        folder: Where the configuration file is: relative paths start here.
        query: What every request of the owner carries in its query: the token where the API
            takes it there, not yet percent-encoded.
    """

    target: str
    api: Api
    base_url: str
    headers: tuple[tuple[str, str], ...]
    folder: Path
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FoundIds:
    """
    What one poll of a source found.

    Attributes:
        ids: Jobs to follow; those that are followed already do no harm.
        problem: One sentence for the log where nothing could be found out.
    """

    ids: tuple[str, ...] = ()
    problem: str | None = None


class Source(Protocol):
    """
    Finds ids. It sends nothing itself, so that the key's one budget covers it too.

    Every `interval_s` the daemon calls `next_request`; a request that comes back is sent in the
    key's turn and its exchange is given to `on_answer`; without one, `on_answer(None)` follows at
    once. Calls come from one thread at a time.

    Attributes:
        Options: The configuration it takes.
        interval_s: Seconds between two polls; `inf` for a source that is polled only once.
    """

    Options: ClassVar[type[SourceOptions]]
    interval_s: float

    def __init__(self, options: Any, context: SourceContext) -> None: ...

    def next_request(self) -> Request | None:
        """
        The next request; None where nothing needs to be asked over the network.
        """

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        """
        The ids in an answer, or in whatever else the source looks at.
        """


def is_job_id(text: object) -> TypeGuard[str]:
    """
    Whether it can be asked for: 1 to 200 printable characters.
    """
    return isinstance(text, str) and 0 < len(text) <= LONGEST_ID and text.isprintable()
