"""
What has been seen of one job, in time order, ready to be judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.api import Api
from jobproof.contract.model.finding import Drift, Finding
from jobproof.contract.model.observation import Observation
from jobproof.contract.openapi.schema import SchemaError

__all__ = ["Trace", "staleness_in"]

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
        baselines: How the endpoint answers the same credential for ids that nobody has, oldest
            first: also how far two answers of that kind differ by themselves.
        token: Our own token, so that a check can look for it; never shown.
        deadline_s: How long a job may take by the user's own word, in seconds.
        staleness_s: How far a replica may be behind by the user's own word, in seconds.
    """

    api: Api
    latest: Observation
    earlier: tuple[Observation, ...] = ()
    baselines: tuple[Observation, ...] = ()
    token: str | None = field(default=None, repr=False)
    deadline_s: float | None = None
    staleness_s: float = 0.0

    @cached_property
    def views(self) -> tuple[Observation, ...]:
        """
        Earlier plain sights of the job that the latest may not fall behind: those that were over
        before it began, and as long before as a replica may be behind.
        """
        # Of two polls at once nobody knows which saw the later state, so one that overlaps is no
        # history.
        return self._views_before(self.latest.exchange.started_at - self.staleness_s)

    @property
    def fresh_views(self) -> tuple[Observation, ...]:
        """
        Sights of the job that were over before the latest began, but not for long enough: a
        replica may not have heard of them.
        """
        if not self.staleness_s:
            return ()
        return self._views_before(self.latest.exchange.started_at)[len(self.views) :]

    @property
    def baseline(self) -> Observation | None:
        """
        The latest answer to an id that nobody has; None where none is known.
        """
        return self.baselines[-1] if self.baselines else None

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

    def _views_before(self, moment: float) -> tuple[Observation, ...]:
        limit = moment + _CLOCK_GRAIN_S
        return tuple(o for o in self.earlier if o.is_view and o.exchange.ended_at <= limit)

    def views_backwards(self) -> Iterator[Observation]:
        """
        `views`, newest first.
        """
        return reversed(self.views)


def staleness_in(findings: Iterable[Finding], *, tolerated_s: float) -> JsonObject:
    """
    For a report: `staleness`, with how far behind answers might be and were, in seconds; nothing
    where nobody asked.
    """
    if not tolerated_s:
        return {}
    behind = [f.found for f in findings if f.drift is Drift.STALE_ANSWER]
    observed_s = max((b for b in behind if isinstance(b, int | float)), default=0.0)
    return {"staleness": {"tolerated_s": tolerated_s, "observed_s": observed_s}}
