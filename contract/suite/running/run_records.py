"""
What a run has seen and found, and how the server answers for ids that nobody has: what the
refusal of a job must not differ from.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from jobproof.contract.model.exchange import Credential, Subject, TransportFailure
from jobproof.contract.model.history.history import History
from jobproof.contract.model.history.past import Past
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.promises.lifecycle import Lifecycle
from jobproof.contract.model.verdict import FindingTally
from jobproof.contract.reaching.remedy import remedy_of
from jobproof.contract.reaching.setting import OPTIONS_PLACE
from jobproof.contract.suite.planning.target import SuiteTarget

__all__ = ["Baselines", "RunPart", "RunRecords"]

_MOST_BASELINES = 8
"""How many answers to an unknown id a foreign job's is compared with."""

_Asked = tuple[Credential, str, Manner]


@dataclass(slots=True)
class Baselines:
    """
    The last few of them: by whose right, by which method and in which manner they were asked for.
    """

    _kept: dict[_Asked, deque[Observation]] = field(default_factory=dict)

    def add(self, seen: Observation) -> None:
        """
        Keep it, if it is one of these.
        """
        if seen.subject is Subject.MISSING and seen.response is not None:
            asked = (seen.credential, seen.method, seen.manner)
            self._kept.setdefault(asked, deque(maxlen=_MOST_BASELINES)).append(seen)

    def like(self, seen: Observation) -> tuple[Observation, ...]:
        """
        Those by the same right, asked for as `seen` was, and plainly.
        """
        plain = (seen.credential, "GET", Manner.PLAIN)
        alike = (seen.credential, seen.method, seen.manner)
        # Those that are asked for plainly come last: the last one tells whether anybody is there.
        asked = (plain,) if alike == plain else (alike, plain)
        return tuple(one for key in asked for one in self._kept.get(key, ()))


class RunPart(StrEnum):
    """
    Which part of a run asks.
    """

    PLAN = "plan"
    GENERATED = "generated"
    """Cases out of the document."""
    MACHINE = "machine"
    """Walks of a client in random order."""


@dataclass(slots=True)
class RunRecords:
    """
    What a run has seen and found; guarded by the run's lock.

    Attributes:
        history: What is known of each job; by the URL where a request has no id.
        answered: How many exchanges brought an answer, whole or in part.
        unanswered: How many have brought none since the last answer.
        lost: What became of the last one of these, in words.
        baselines: Answers for ids that nobody has.
        unreachable: Why no connection comes about.
        stopped: Why the plan wasn't carried out to its end.
        intermediaries: How many answers in a row weren't the API's own.
        silence: That nobody answers any more, in words.
        lag_s: The longest time after a step forward at which an answer led back to what had been
            shown before that step, as a replica does that is behind.
        parts: Which part of the run has seen a piece of news first.
    """

    tally: FindingTally = field(default_factory=FindingTally)
    history: dict[str, History] = field(default_factory=dict)
    answered: int = 0
    unanswered: int = 0
    lost: str = ""
    baselines: Baselines = field(default_factory=Baselines)
    unreachable: str | None = None
    stopped: str | None = None
    intermediaries: int = 0
    silence: str | None = None
    lag_s: float = 0.0
    parts: dict[tuple[str, str, str], RunPart] = field(default_factory=dict)

    def note_unanswered(self, failure: TransportFailure, target: SuiteTarget) -> None:
        """
        Count a request without an answer, and keep in words why and what would help.
        """
        self.unanswered += 1
        detail = target.redactor.text(failure.detail)
        remedy = remedy_of(detail, target.route, OPTIONS_PLACE)
        self.lost = f"{detail} ({remedy})" if remedy else detail

    def note_silence(self) -> None:
        """
        Put into words that the latest requests had no answer, if they hadn't.
        """
        if self.unanswered:
            requests = "request" if self.answered == 1 else "requests"
            self.silence = (
                f"the endpoint stopped answering after {self.answered} {requests}"
                if self.answered
                else f"no request was answered: {self.lost}"
            )

    def note_lag(self, past: Past, seen: Observation, lifecycle: Lifecycle) -> None:
        """
        Measure how far a sight is behind what was known of its job, if it is.
        """
        known = past.last_known
        if seen.job is None or known is None or known.job is None or not seen.is_view:
            return
        status, before = str(seen.job.status), str(known.job.status)
        step = lifecycle.step(before, status)
        # What was never shown before is no earlier state.
        if step is None or step.verdict == "legal" or status not in past.first_of:
            return
        forward = past.first_of[before]
        if past.first_of[status].exchange.over_by < forward.exchange.over_by:
            behind_s = seen.exchange.started_at - forward.exchange.over_by
            self.lag_s = max(self.lag_s, behind_s)
