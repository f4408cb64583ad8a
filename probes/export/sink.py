"""
Where results go: a sink is handed every result, in the order in which they were judged.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from jobproof.probes.result import ProbeResult

__all__ = ["Sink"]


class Sink(Protocol):
    """
    A class behind an entry point of the group `jobproof.sinks`.

    It is called from a thread of its own: what it raises is counted and said, and while it
    hangs, what it can't take is dropped and counted. Neither costs anybody else anything.

    Attributes:
        Options: The configuration it takes.
    """

    Options: ClassVar[type[BaseModel]]

    def __init__(self, options: Any) -> None: ...

    def write(self, result: ProbeResult) -> None:
        """
        Take one result.
        """

    def close(self) -> None:
        """
        Flush what is still held; nothing is written after that.
        """
