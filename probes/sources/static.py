"""
Ids that stand in the configuration.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from jobproof.contract.model.exchange import Exchange, Request
from jobproof.probes.sources.source import FoundIds, SourceContext, SourceOptions, is_job_id

__all__ = ["StaticOptions", "StaticSource"]


class StaticOptions(SourceOptions):
    """
    Jobs to follow, by name.
    """

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000, description="Ids of jobs.")


class StaticSource:
    """
    The same ids at every poll: one that has ended is not started again.
    """

    Options: ClassVar[type[SourceOptions]] = StaticOptions
    interval_s = 60.0

    def __init__(self, options: StaticOptions, context: SourceContext) -> None:
        self._ids = tuple(dict.fromkeys(filter(is_job_id, options.ids)))

    def next_request(self) -> Request | None:
        """
        Nothing: the ids are here.
        """
        return None

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        """
        Every id.
        """
        return FoundIds(self._ids)
