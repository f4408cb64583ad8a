"""
What has been seen of one job, in time order, ready to be judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from jobproof.contract.model.api import Api
from jobproof.contract.model.observation import Observation
from jobproof.contract.openapi.schema import SchemaError

__all__ = ["Trace"]

# Recordings write time in milliseconds: of two polls in a row, one may seem to overlap.
_CLOCK_GRAIN_S = 0.001


@dataclass(frozen=True)
class Trace:
    """
    One job in time order; checks speak of `latest`, the rest is history.

    Attributes:
        api: Whose contract it is.
        latest: What is to be judged.
        earlier: Older observations of the same id, oldest first.
        baseline: How the endpoint answers the same credential for an id that nobody has.
        token: Our own token, so that a check can look for it; never shown.
        deadline_s: How long a job may take by the user's own word, in seconds.
    """

    api: Api
    latest: Observation
    earlier: tuple[Observation, ...] = ()
    baseline: Observation | None = None
    token: str | None = field(default=None, repr=False)
    deadline_s: float | None = None

    @cached_property
    def views(self) -> tuple[Observation, ...]:
        """
        Earlier plain sights of the job that were over before the latest began.
        """
        start = self.latest.exchange.started_at + _CLOCK_GRAIN_S
        # Of two polls at once nobody knows which saw the later state, so one that overlaps is no
        # history.
        return tuple(o for o in self.earlier if o.is_view and o.exchange.ended_at <= start)

    @property
    def schema_errors(self) -> tuple[SchemaError, ...]:
        """
        What the document's schema doesn't allow in the latest body; the first few.
        """
        seen = self.latest
        return seen.parsed_body.schema_errors if seen.speaks_for_document else ()

    @property
    def undeclared(self) -> tuple[tuple[str, str, frozenset[str]], ...]:
        """
        Keys of the latest body that the document doesn't name: pointer, key, and the
        names declared at that place.
        """
        seen = self.latest
        return seen.parsed_body.undeclared if seen.speaks_for_document else ()

    @property
    def now(self) -> float:
        """
        Wall clock at the end of the latest exchange, Unix seconds.
        """
        return self.latest.exchange.ended_at

    def views_backwards(self) -> Iterator[Observation]:
        """
        `views`, newest first.
        """
        return reversed(self.views)
