"""
What has been seen of one job, in time order, ready to be judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.api import Api
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.history.dealings import Dealings
from jobproof.contract.model.history.history import History
from jobproof.contract.model.history.past import Past
from jobproof.contract.model.job import links_in
from jobproof.contract.model.observation import Observation
from jobproof.contract.openapi.schema import SchemaError

__all__ = ["MOST_LINKS", "Trace", "staleness_in"]

MOST_LINKS = 1_000
"""Of one answer: an answer must not decide what it costs to judge it."""


@dataclass(frozen=True)
class Trace:
    """
    One job; checks speak of `latest`, the rest is what has to be known of its past.

    Attributes:
        api: Whose contract it is.
        latest: What is to be judged.
        past: The plain sights of the job that the latest may not fall behind: those that were
            over before it began, and as long before as a replica may be behind.
        fresh_views: Sights of the job that were over before the latest began, but not for long
            enough: a replica may not have heard of them. Oldest first; of very dense ones some.
        dealings: What all earlier exchanges about the job add up to.
        recent: The exchanges before the latest, newest last: as many as the check's `window`.
        baselines: How the endpoint answers the same credential for ids that nobody has, oldest
            first: also how far two answers of that kind differ by themselves. Those of other
            methods and manners than plain GETs come first.
        token: Our own token, so that a check can look for it; never shown. None also where a
            recorder has masked it: `has_token` tells whether there is one.
        deadline_s: How long a job may take by the user's own word, in seconds.
        staleness_s: How far a replica may be behind by the user's own word, in seconds.
    """

    api: Api
    latest: Observation
    past: Past = field(default_factory=Past)
    fresh_views: tuple[Observation, ...] = ()
    dealings: Dealings = field(default_factory=Dealings)
    recent: tuple[Observation, ...] = ()
    baselines: tuple[Observation, ...] = ()
    token: str | None = field(default=None, repr=False)
    deadline_s: float | None = None
    staleness_s: float = 0.0
    # What `recent` is taken from: a check sees no more than it says that it looks at.
    _held: tuple[Observation, ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        api: Api,
        seen: Sequence[Observation],
        *,
        baselines: tuple[Observation, ...] = (),
        token: str | None = None,
        deadline_s: float | None = None,
        staleness_s: float = 0.0,
    ) -> Trace:
        """
        Of all that was seen of a job, in the order of time; the last is to be judged.

        Raises:
            ValueError: There is none.
        """
        if not seen:
            raise ValueError("a trace needs something to judge: at least one observation")
        *earlier, latest = seen
        # Of a list that is there in memory all is kept.
        size = len(seen)
        history = History(api.lifecycle, staleness_s=staleness_s, recent=size, window=size)
        for one in earlier:
            history.add(one)
        return cls.after(
            history, api, latest, baselines=baselines, token=token, deadline_s=deadline_s
        )

    @classmethod
    def after(
        cls,
        history: History,
        api: Api,
        latest: Observation,
        *,
        baselines: tuple[Observation, ...] = (),
        token: str | None = None,
        deadline_s: float | None = None,
    ) -> Trace:
        """
        Of what `history` knows now and the latest, which isn't in it yet.
        """
        asked_at, staleness_s = latest.exchange.started_at, history.staleness_s
        known_at = asked_at - staleness_s
        fresh = history.between(known_at, asked_at) if staleness_s else ()
        return cls(
            api,
            latest,
            history.before(known_at),
            fresh,
            history.dealings,
            (),
            baselines,
            token,
            deadline_s,
            staleness_s,
            history.recent,
        )

    def looking_back(self, window: int) -> Trace:
        """
        The same for a check that looks at so many of the exchanges before the latest.
        """
        if not window:
            return self
        # No `replace`, which costs more than a check does.
        narrowed = object.__new__(Trace)
        narrowed.__dict__.update(self.__dict__, recent=self._held[-window:])
        return narrowed

    @property
    def known(self) -> tuple[Observation, ...]:
        """
        What has to be known of the past for the latest to be judged as it is, oldest first.
        """
        held = [*self.past.observations, *self.dealings.observations, *self._held]
        # The first of each status says how far behind an answer is.
        fresh = {repr(view.job and view.job.status): view for view in reversed(self.fresh_views)}
        held += fresh.values()
        if self.latest.method == "HEAD":
            held += (one for gets in self.dealings.gets.values() for one in gets.alike)
        distinct = {id(one): one for one in held}
        return tuple(sorted(distinct.values(), key=lambda one: one.exchange.started_at))

    @property
    def has_token(self) -> bool:
        """
        Whether a token was given to whoever asked, known or not.
        """
        return self.token is not None or self.latest.exchange.request.carries_token

    @property
    def baseline(self) -> Observation | None:
        """
        The latest answer to an id that nobody has; None where none is known.
        """
        return self.baselines[-1] if self.baselines else None

    @cached_property
    def links(self) -> tuple[tuple[str, str], ...]:
        """
        The links to results in the latest job: pointer and text; the first thousand.
        """
        return self._links[:MOST_LINKS]

    @property
    def has_more_links(self) -> bool:
        """
        Whether there are more of them than are looked at.
        """
        return len(self._links) > MOST_LINKS

    @cached_property
    def _links(self) -> tuple[tuple[str, str], ...]:
        job, promise = self.latest.job, self.api.profile.result
        if job is None or promise is None:
            return ()
        found: list[tuple[str, str]] = []
        for at in promise.links:
            value = job.results.get(at) if at in promise.proof else pick(job.body, at)
            room = MOST_LINKS + 1 - len(found)
            found += ((f"{at}{below}", text) for below, text in islice(links_in(value), room))
        return tuple(found)

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
        names declared at that place; the first thousand.
        """
        seen = self.latest
        return seen.parsed_body.undeclared if seen.speaks_for_document else ()

    @property
    def undeclared_more(self) -> int:
        """
        How many more such keys there are than `undeclared` holds.
        """
        seen = self.latest
        return seen.parsed_body.undeclared_more if seen.speaks_for_document else 0

    @property
    def now(self) -> float:
        """
        Wall clock at the end of the latest exchange, Unix seconds.
        """
        return self.latest.exchange.ended_at


def staleness_in(stalest: Finding | None, *, tolerated_s: float) -> JsonObject:
    """
    For a report: `staleness`, with how far behind answers might be and were, in seconds; nothing
    where nobody asked.

    Args:
        stalest: The finding of the answer that was most behind.
    """
    if not tolerated_s:
        return {}
    behind = stalest.found if stalest is not None else None
    observed_s = behind if isinstance(behind, int | float) else 0.0
    return {"staleness": {"tolerated_s": tolerated_s, "observed_s": observed_s}}
