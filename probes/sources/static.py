"""
Ids that stand in the configuration.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from jobproof.contract.model.exchange import Exchange, Request
from jobproof.probes.sources.source import FoundIds, SourceContext, SourceOptions, is_job_id

__all__ = ["StaticOptions", "StaticSource"]


def _job_id(text: str) -> str:
    if not is_job_id(text):
        raise ValueError("an id has 1 to 200 printable characters")
    return text


class StaticOptions(SourceOptions):
    """
    Jobs to follow, by name.
    """

    ids: tuple[Annotated[str, AfterValidator(_job_id)], ...] = Field(
        min_length=1, max_length=10_000, description="Ids of jobs."
    )


class StaticSource:
    """
    The same ids at every poll: one that has ended is not started again.
    """

    Options: ClassVar[type[SourceOptions]] = StaticOptions
    interval_s = 60.0

    def __init__(self, options: StaticOptions, context: SourceContext) -> None:
        self._ids = tuple(dict.fromkeys(options.ids))

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
