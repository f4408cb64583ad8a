"""
On which answers a check has looked, and what it lacked where on none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.check import Check, Facet
from jobproof.contract.model.observation import Observation

__all__ = ["CheckReach", "Lack", "LackKind", "in_words", "kind_of"]

_NOT_ASKED = {
    "known": "no known job was asked for",
    "missing": "no unknown id was asked for",
    "malformed": "no hostile id was asked for",
    "altered": "no altered id was asked for",
    "recased": "no id was asked for in the other letter case",
    "foreign": "no job of somebody else's was given (--foreign-job)",
    "disguised": "no job of somebody else's was asked for in another spelling",
    "owner": "nothing was asked with the token",
    "none": "nothing was asked without a token",
    "invalid": "nothing was asked with an invalid token",
}
_NOT_ANSWERED = {
    Facet.EXCHANGE: "no answer of the API itself came",
    Facet.RESPONSE: "no answer of the API itself came",
    Facet.BODY: "no answer had a body to read as JSON",
    Facet.VALUE: "no answer had a body that could be read as JSON",
    Facet.JOB: "no answer held a job",
}

AnswerKind = tuple[str, str, str, str, str]
"""Of one answer: its code, subject, credential, method, and the status of its job."""
_ASPECTS = ("codes", "subjects", "credentials", "methods", "statuses")


class LackKind(StrEnum):
    """
    Why a check has looked at no answer.
    """

    OTHER_API = "other_api"
    """It speaks of other APIs."""
    NOT_ASKED = "not_asked"
    """What it speaks of wasn't asked for, such as a job of somebody else's that nobody gave."""
    NOT_ANSWERED = "not_answered"
    """No answer came that went deep enough: a body, JSON, a job."""
    NOT_SHOWN = "not_shown"
    """Answers came, and none showed what it speaks of: no 429, no job seen twice."""
    UNDECIDED = "undecided"
    """It looked, and couldn't tell."""


@dataclass(frozen=True, slots=True)
class Lack:
    """
    What was missing for a check to look at an answer.

    Attributes:
        text: In words, such as `no answer held a job`.
    """

    kind: LackKind
    text: str


@dataclass(slots=True)
class CheckReach:
    """
    What one check has seen in a run.

    Attributes:
        looked: The answers that it looked at, by their kind.
        was_run: Whether it was run on any answer at all.
        undecided: Why it couldn't tell, where it said so.
        unrecorded: What a recorder left out that it asked for.
    """

    check: Check
    looked: Counter[AnswerKind] = field(default_factory=Counter)
    was_run: bool = False
    undecided: str | None = None
    unrecorded: str | None = None

    def lack(self, api: str, asked: Container[str]) -> Lack | None:
        """
        What was missing for it to look at an answer; None where it has looked.

        Args:
            asked: Subjects, credentials and methods of all that was sent.
        """
        check = self.check
        if not check.speaks_of(api):
            text = f"it speaks of other APIs: {', '.join(check.apis)}"
            return Lack(LackKind.OTHER_API, text)
        # Of what it couldn't tell once, nobody knows how it was the other times.
        if self.undecided is not None:
            return Lack(LackKind.UNDECIDED, self.undecided)
        unasked = [need for need in check.needs if need not in asked]
        if check.only and not any(word in asked for word in check.only):
            unasked.append(check.only[0])
        if unasked:
            return Lack(LackKind.NOT_ASKED, _not_asked(unasked[0]))
        if self.looked:
            return None
        # What wasn't shown may have been there.
        if self.unrecorded is not None:
            return Lack(LackKind.NOT_SHOWN, f"the recording lacks {self.unrecorded}")
        if self.was_run and check.premise is not None:
            return Lack(LackKind.NOT_SHOWN, check.premise.lack)
        return Lack(LackKind.NOT_ANSWERED, _NOT_ANSWERED[check.about])

    def as_dict(self) -> JsonObject:
        """
        How many answers of which kinds.
        """
        counts: dict[str, Counter[str]] = {aspect: Counter() for aspect in _ASPECTS}
        for kind, count in self.looked.items():
            for aspect, value in zip(_ASPECTS, kind, strict=True):
                if value:
                    counts[aspect][value] += count
        folded = {aspect: dict(sorted(found.items())) for aspect, found in counts.items()}
        return {"answers": self.looked.total(), **folded}


def kind_of(seen: Observation, status: str) -> AnswerKind:
    """
    Where `seen` is counted.

    Args:
        status: Of the job in it; "" where it shows none.
    """
    code = str(seen.code) if seen.code else "none"
    return (code, seen.subject.value, seen.credential.value, seen.method, status)


def in_words(names: Sequence[str], *, most: int = 6) -> str:
    """
    `names` as a sentence has them; of many the first few.
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _not_asked(word: str) -> str:
    return _NOT_ASKED.get(word, f"nothing was asked that it speaks of: {word}")
