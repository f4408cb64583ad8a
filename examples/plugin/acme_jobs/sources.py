"""
A source of ids: Acme's submit tool leaves one file a render in a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from jobproof.contract.formats.durations import Duration
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.probes.sources.source import FoundIds, SourceContext, SourceOptions, is_job_id

__all__ = ["Spool", "SpoolOptions"]


class SpoolOptions(SourceOptions):
    """
    Where the files are.
    """

    folder: Path = Field(description="One file a render; its name is the id.")
    interval: Duration = Field(default=5.0, ge=0.1, description="How often it is looked at.")


class Spool:
    """
    The name of every `<id>.render` in the folder is followed.
    """

    Options: ClassVar[type[SourceOptions]] = SpoolOptions

    def __init__(self, options: SpoolOptions, context: SourceContext) -> None:
        self.interval_s = options.interval
        self._folder = context.folder / options.folder

    def next_request(self) -> Request | None:
        return None  # nothing is asked over the network

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        try:
            names = sorted(path.stem for path in self._folder.glob("*.render"))
        except OSError as wrong:
            return FoundIds(problem=f"{self._folder} can't be read: {wrong.strerror}")
        return FoundIds(tuple(name for name in names if is_job_id(name)))
