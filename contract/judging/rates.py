"""
How often something was wrong, and how often it may be without having been seen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import NormalDist

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.observation import Observation

__all__ = [
    "CONFIDENCE",
    "AnswerRates",
    "answers_needed",
    "excluded_above",
    "percent",
    "seen_in",
    "wilson",
]

CONFIDENCE = 0.95
_TOLD_RATES = (0.1, 0.05, 0.01)
_SAYS_NOTHING = frozenset({304, 408, 429, 503})
"""Codes of answers that put off the question, or refer to an answer that was counted already."""
_OF_SUBJECTS = {
    Subject.KNOWN: "polls",
    Subject.MISSING: "unknown ids",
    Subject.FOREIGN: "somebody else's jobs",
    Subject.MALFORMED: "hostile ids",
    Subject.ALTERED: "altered ids",
    Subject.RECASED: "ids in the other letter case",
    Subject.UNSTATED: "other questions",
}
_OF_CREDENTIALS = {
    Credential.NONE: "questions without a token",
    Credential.INVALID: "questions with an invalid token",
}


def wilson(found: int, answers: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """
    The shares, lowest and highest, that go with `found` of `answers`: Wilson's score interval.
    """
    if not 0 <= found <= answers or not answers:
        raise ValueError(f"{found} of {answers}: no share")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, square = found / answers, z * z
    middle = share + square / (2 * answers)
    spread = z * math.sqrt(share * (1 - share) / answers + square / (4 * answers * answers))
    scale = 1 + square / answers
    # At both ends the exact value is known, and rounding may miss it.
    low = (middle - spread) / scale if found else 0.0
    high = (middle + spread) / scale if found < answers else 1.0
    return low, high


def excluded_above(found: int, answers: int, *, confidence: float = CONFIDENCE) -> float:
    """
    The share that isn't exceeded, with that confidence, where `found` of `answers` were wrong.

    With none it is Wilson's z²/(n + z²), and for a handful of answers, of which that would say
    more than was seen, the share that hides from all of them in one case of twenty.
    """
    high = wilson(found, answers, confidence=confidence)[1]
    return high if found else max(high, 1 - (1 - confidence) ** (1 / answers))


def answers_needed(rate: float, *, confidence: float = CONFIDENCE) -> int:
    """
    How many independent answers show, with that confidence, a fault that `rate` of them has.
    """
    return math.ceil(math.log(1 - confidence) / math.log(1 - rate))


def percent(share: float) -> str:
    """
    A share as a person reads it: two digits that count.
    """
    value = 100 * share
    return f"{value:.0f}" if value >= 10 or value == round(value) else f"{value:.2g}"


def seen_in(found: int, answers: int) -> str:
    """
    In how many answers something was seen, and what that says of all others.
    """
    if found == answers:
        return f"in all {answers} answers looked at"
    low, high = wilson(found, answers)
    return (
        f"in {found} of {answers} answers: {percent(found / answers)} %, "
        f"95 % interval {100 * low:.1f}-{100 * high:.1f} %"
    )


@dataclass(slots=True)
class AnswerRates:
    """
    Counts answers by what was asked for and by whose right, and those that were wrong.

    One counts that the API itself gave to a GET, whole, and for this question alone: a 304, an
    answer out of a cache and a request to come again later are no further look.
    """

    _answers: Counter[str] = field(default_factory=Counter)
    _wrong: Counter[str] = field(default_factory=Counter)

    def add(self, seen: Observation, findings: Iterable[Finding]) -> None:
        """
        Count one answer of the API's own.
        """
        response = seen.response
        if response is None or seen.method != "GET" or seen.code in _SAYS_NOTHING:
            return
        if (response.known_header("age") or "0").strip() != "0":
            return
        kind = _OF_CREDENTIALS.get(seen.credential) or _OF_SUBJECTS.get(seen.subject)
        kind = kind or f"{seen.subject.value} ids"
        self._answers[kind] += 1
        self._wrong[kind] += any(f.kind is Kind.VIOLATION and f.accepted is None for f in findings)

    def as_dict(self) -> JsonObject:
        """
        For the report: of each kind which rates of faults are excluded.
        """
        return {
            "confidence": CONFIDENCE,
            "answers_needed": {f"{rate:g}": answers_needed(rate) for rate in _TOLD_RATES},
            "kinds": [
                {
                    "kind": kind,
                    "answers": answers,
                    "wrong": self._wrong[kind],
                    "excluded_above": round(excluded_above(self._wrong[kind], answers), 4),
                }
                for kind, answers in sorted(self._answers.items(), key=_place)
            ],
        }


def _place(counted: tuple[str, int]) -> int:
    kinds = [*_OF_SUBJECTS.values(), *_OF_CREDENTIALS.values()]
    return kinds.index(counted[0]) if counted[0] in kinds else len(kinds)
