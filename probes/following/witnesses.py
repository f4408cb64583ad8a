"""
Whether an endpoint still knows jobs: what one "no such job" is worth depends on the others.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from jobproof.contract.model.exchange import Credential, Subject
from jobproof.probes.engine.judging import JudgedResult
from jobproof.probes.result import FOLLOWED, ProbeOutcome

__all__ = ["Witnesses"]

# Where these are the outcome, the endpoint may well know the job.
_NO_OUTAGE = (
    ProbeOutcome.OK,
    ProbeOutcome.VIOLATION,
    ProbeOutcome.RATE_LIMITED,
    ProbeOutcome.INTERNAL,
)


@dataclass(slots=True)
class _Sights:
    """
    Of one target, on the steady clock.

    Attributes:
        found: When jobs were found: the two found last, since one of them may be the one asked of.
        failing_since: The first failure of a known job after the last that was found.
    """

    found: OrderedDict[str, float] = field(default_factory=OrderedDict)
    failing_since: float | None = None


class Witnesses:
    """
    Remembers which known jobs of which target were found; safe to call from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[str, _Sights] = {}

    def on_result(self, judged: JudgedResult, *, now: float) -> None:
        """
        Take in any probe's result: it may show a job, or that a known one isn't to be had.
        """
        request = judged.request
        if request is None or request.job_id is None or request.subject is not Subject.KNOWN:
            return
        if request.credential is not Credential.OWNER:
            return
        found = judged.seen is not None and judged.seen.job is not None
        with self._lock:
            sights = self._targets.setdefault(judged.result.target, _Sights())
            if found:
                sights.failing_since = None
                sights.found[request.job_id] = now
                sights.found.move_to_end(request.job_id)
                while len(sights.found) > 2:
                    sights.found.popitem(last=False)
            elif judged.result.canary != FOLLOWED and judged.result.outcome not in _NO_OUTAGE:
                sights.failing_since = now if sights.failing_since is None else sights.failing_since

    def forget_other_targets(self, names: Iterable[str]) -> None:
        """
        Remember nothing of targets that are configured no longer.
        """
        kept = set(names)
        with self._lock:
            self._targets = {name: one for name, one in self._targets.items() if name in kept}

    def are_failing(self, target: str) -> bool:
        """
        Whether known jobs can't be had at the moment, and no other job has been since.
        """
        with self._lock:
            sights = self._targets.get(target)
            return sights is not None and sights.failing_since is not None

    def found_other(self, target: str, job_id: str, *, since: float) -> bool:
        """
        Whether another job than this one was found after `since`.
        """
        with self._lock:
            sights = self._targets.get(target)
            if sights is None:
                return False
            return any(at >= since for other, at in sights.found.items() if other != job_id)
