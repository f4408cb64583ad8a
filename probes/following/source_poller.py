"""
A source of job ids while its target is followed: when it is due, and what it complained of.
"""

from __future__ import annotations

import logging
import math
from itertools import islice
from pathlib import Path

from jobproof.contract.formats.wording import plain, shorten
from jobproof.contract.judging.limited_calls import PluginKind
from jobproof.contract.model.exchange import Credential, Exchange, Request
from jobproof.contract.model.request import request_headers, request_query
from jobproof.contract.plugins import set_up
from jobproof.probes.config.settings import SourceSettings, TargetSettings
from jobproof.probes.engine.target_state import user_agent
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.sources.source import FoundIds, Source, SourceContext, is_job_id

__all__ = ["SourcePoller"]

_LOG = logging.getLogger(__name__)
# A step of following takes so long.
_STEP_S = 0.25
# As many as a watch list holds of one target.
_MOST_FOUND = 10_000
_LONGEST_PROBLEM = 500


class SourcePoller:
    """
    Polls one source for one target.

    Attributes:
        made_for: The settings it was made of; a reload keeps it while they are the same.
        next_at: When the source is due, on the monotonic clock; `inf` while a request of
            its is under way.
    """

    def __init__(
        self,
        target: TargetSettings,
        settings: SourceSettings,
        folder: Path,
        plugins: PluginCalls | None = None,
    ) -> None:
        self.target = target.name
        self.name = settings.source
        self.made_for = (target, settings)
        self.next_at = 0.0
        self._problem: str | None = None
        headers = request_headers(
            target.api, Credential.OWNER, target.token, user_agent=user_agent()
        )
        query = request_query(target.api, Credential.OWNER, target.token)
        context = SourceContext(target.name, target.api, target.url, headers, folder, query)
        self.source: Source = set_up(
            "jobproof.sources", settings.source, settings.make, settings.options, context
        )
        calls = plugins or PluginCalls()
        self._guarded = calls.guard(PluginKind.SOURCE, settings.source, self.source)

    @property
    def is_off(self) -> bool:
        """
        Whether it is asked nothing more until a reload.
        """
        return self._guarded.off is not None

    def interval_s(self) -> float:
        """
        Seconds to its next turn; no fewer than a step of following takes.
        """
        return self._guarded.call(lambda: max(_STEP_S, _seconds(self.source.interval_s)))

    def next_request(self) -> Request | None:
        """
        What it wants asked.
        """
        return self._guarded.call(lambda: _request(self.source.next_request()))

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        """
        What it finds in an answer: ids that can be asked for, and no more than can be followed.
        """
        return self._guarded.call(lambda: _bounded(self.source.on_answer(exchange)))

    def reschedule(self, now: float) -> None:
        """
        The source is due again one interval from now.
        """
        self.next_at = now + self.interval_s()

    def log_problem(self, found: FoundIds) -> None:
        """
        Log a problem once, and its end.
        """
        if found.problem is not None and found.problem != self._problem:
            _LOG.warning("target %s: source %s: %s", self.target, self.name, found.problem)
        elif found.problem is None and self._problem is not None:
            _LOG.info("target %s: source %s works again", self.target, self.name)
        self._problem = found.problem


def _seconds(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or math.isnan(given):
        raise TypeError(f"interval_s is {shorten(repr(given), 60)}, and no number of seconds")
    return given


def _request(given: object) -> Request | None:
    if given is None:
        return None
    if not isinstance(given, Request):
        raise TypeError(f"next_request gave {shorten(repr(given), 60)}, and no Request")
    if not isinstance(given.method, str) or not isinstance(given.url, str):
        raise TypeError(
            f"next_request gave {shorten(repr(given), 60)}: its method or URL is no text"
        )
    return given


def _bounded(found: object) -> FoundIds:
    if not isinstance(found, FoundIds):
        raise TypeError(f"on_answer gave {shorten(repr(found), 60)}, and no FoundIds")
    ids = tuple(islice(found.ids, _MOST_FOUND + 1))
    good = tuple(plain(one) for one in ids[:_MOST_FOUND] if is_job_id(one))
    problem = found.problem
    if problem is not None and not isinstance(problem, str):
        raise TypeError(f"its problem is {shorten(repr(problem), 60)}, and no text")
    if problem is not None:
        problem = shorten(plain(problem), _LONGEST_PROBLEM)
    if len(ids) > _MOST_FOUND:
        problem = problem or f"it found more than {_MOST_FOUND:,} ids; the first are taken"
    elif len(good) < len(ids):
        problem = problem or f"{len(ids) - len(good)} of what it found can't be ids"
    return FoundIds(good, problem)
