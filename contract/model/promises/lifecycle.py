"""
A job's life: which words there are, which end it, and which steps are right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from jobproof.contract.model.finding import Basis
from jobproof.contract.model.profile import Limit, Phase, Profile, StatusWord

__all__ = ["Lifecycle", "Transition"]

TransitionVerdict = Literal["legal", "tolerated", "illegal"]


@dataclass(frozen=True, slots=True)
class Transition:
    """
    What is to be thought of one move from a status to another.
    """

    verdict: TransitionVerdict
    basis: Basis
    source: str


class Lifecycle:
    """
    The statuses of one API. Polls sample a life, so any forward skip is legal.
    """

    __slots__ = ("_steps", "_terminal", "limits", "words")

    def __init__(self, profile: Profile) -> None:
        self.words: dict[str, StatusWord] = dict(profile.status.words)
        self.limits: tuple[Limit, ...] = profile.status.limits
        self._terminal = frozenset(w for w, m in self.words.items() if m.phase.terminal)
        self._steps = {
            (before, after): self._judge(profile, before, after)
            for before in self.words
            for after in self.words
        }

    @property
    def statuses(self) -> tuple[str, ...]:
        """
        All words, in the order of life.
        """
        return tuple(self.words)

    def knows(self, status: object) -> bool:
        """
        Whether it is one of the documented words.
        """
        return isinstance(status, str) and status in self.words

    def phase(self, status: object) -> Phase | None:
        """
        What the word means; None for a word nobody documented.
        """
        return self.words[status].phase if self.knows(status) else None  # type: ignore[index]

    def is_terminal(self, status: object) -> bool:
        """
        Whether the job's life is over. An unknown word counts as pending.
        """
        return isinstance(status, str) and status in self._terminal

    def of_phase(self, *phases: Phase) -> tuple[str, ...]:
        """
        The words of these phases, in the order of life.
        """
        return tuple(word for word, meaning in self.words.items() if meaning.phase in phases)

    def waits_unbounded(self, statuses: Iterable[str]) -> bool:
        """
        Whether any of these statuses may last for ever.
        """
        return any(self.words[s].waits_unbounded for s in statuses if s in self.words)

    def step(self, before: str, after: str) -> Transition | None:
        """
        What is to be thought of this move; None where a word isn't known.
        """
        return self._steps.get((before, after))

    def _judge(self, profile: Profile, before: str, after: str) -> Transition:
        status = profile.status
        if before == after:
            return Transition("legal", status.basis, status.source)
        if self.words[before].phase.terminal:
            return Transition("illegal", status.terminal.basis, status.terminal.source)
        for move in status.moves:
            if before in move.before and after in move.after:
                return Transition(move.verdict, move.basis, move.source)
        if self.words[after].phase.terminal or self.words[after].rank >= self.words[before].rank:
            return Transition("legal", status.basis, status.source)
        return Transition("illegal", status.backward.basis, status.backward.source)
