"""
A source of job ids while its target is followed: when it is due, and what it complained of.
"""

from __future__ import annotations

import logging
from pathlib import Path

from jobproof.contract.model.exchange import Credential
from jobproof.contract.model.request import request_headers, request_query
from jobproof.contract.plugins import set_up
from jobproof.probes.config.settings import SourceSettings, TargetSettings
from jobproof.probes.engine.target_state import user_agent
from jobproof.probes.sources.source import FoundIds, Source, SourceContext

__all__ = ["SourcePoller"]

_LOG = logging.getLogger(__name__)


class SourcePoller:
    """
    Polls one source for one target.

    Attributes:
        made_for: The settings it was made of; a reload keeps it while they are the same.
        next_at: When the source is due, on the monotonic clock; `inf` while a request of
            its is under way.
    """

    def __init__(self, target: TargetSettings, settings: SourceSettings, folder: Path) -> None:
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

    def reschedule(self, now: float) -> None:
        """
        The source is due again one interval from now.
        """
        self.next_at = now + self.source.interval_s

    def log_problem(self, found: FoundIds) -> None:
        """
        Log a problem once, and its end.
        """
        if found.problem is not None and found.problem != self._problem:
            _LOG.warning("target %s: source %s: %s", self.target, self.name, found.problem)
        elif found.problem is None and self._problem is not None:
            _LOG.info("target %s: source %s works again", self.target, self.name)
        self._problem = found.problem
