"""
A life as it is planned, which shrinks and can be printed, and as it was played.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobproof.contract.model.exchange import Exchange
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.testing.lives.lived_api import LivedApi

__all__ = ["CACHING", "TAGS", "TRAITS", "LifePlan", "PlayedLife", "Question"]

TRAITS = ("signed", "shuffled", "counted", "reordered", "numbered", "timed", "cookie")
"""What may differ from answer to answer although the job is the same."""
CACHING = ("private, no-cache", "no-store", "private, max-age=5", "private, must-revalidate")
TAGS = ("strong", "weak", "none")


@dataclass(frozen=True)
class Question:
    """
    What a poller asks; times in seconds.

    Attributes:
        gap_s: Since the one before began, whoever asked it.
        reached: How far within the exchange the server looked at the job, from 0 to 1.
        lag: How far the replica was behind, as a part of what it may be.
        waits: It begins only when everything before it is known to every replica.
    """

    asks: str = "job"
    gap_s: float = 1.0
    elapsed_s: float = 0.1
    reached: float = 0.5
    lag: float = 0.0
    poller: int = 0
    waits: bool = False


@dataclass(frozen=True)
class LifePlan:
    """
    Attributes:
        stages: Status, how many seconds after the one before, and which of its bodies.
        age_s: Seconds from the creation to the first question.
        staleness_s: By which a replica may be behind.
        skew_s: By which the server's clock is ahead of ours.
        variants: Which correct variants the server is, all of them at once.
        traits: What differs from answer to answer although the job is the same.
    """

    lived: LivedApi
    stages: tuple[tuple[str, float, int], ...]
    questions: tuple[Question, ...]
    age_s: float = 1.0
    staleness_s: float = 0.0
    skew_s: float = 0.0
    variants: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()
    caching: str = CACHING[0]
    tags: str = "strong"

    @property
    def has_ended(self) -> bool:
        """
        Whether the last of its stages is an end.
        """
        return self.lived.api.lifecycle.is_terminal(self.stages[-1][0])

    @property
    def lasts_s(self) -> float:
        """
        Seconds from the creation to the last of its stages.
        """
        return sum(after for _, after, _ in self.stages[1:])


@dataclass(frozen=True)
class PlayedLife:
    """
    Attributes:
        polls: As their answers end.
        places: Of each of the plan's questions, its place among the polls.
        created: When the job was created, by the server's clock.
        data_at: Of each poll: which moment of the job's life it shows, by the server's clock.
    """

    plan: LifePlan
    target: SuiteTarget
    polls: tuple[Exchange, ...]
    places: tuple[int, ...]
    created: float
    data_at: tuple[float, ...]

    def statuses(self, start: float, end: float) -> list[str]:
        """
        Those that the job had between two moments by the server's clock.
        """
        found, since = [], self.created
        for number, (status, after, _) in enumerate(self.plan.stages):
            since += after if number else 0.0
            if since <= start:
                found = [status]
            elif since <= end:
                found.append(status)
        return found or [self.plan.stages[0][0]]
