"""
Many findings, one verdict: what is news once, what breaks the run, what is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from jobproof.contract.formats.json_pointer import parent, walk
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import first_few
from jobproof.contract.model.acceptance.accepted import starred
from jobproof.contract.model.exchange import Exchange, Subject
from jobproof.contract.model.finding import Drift, Finding, Kind, Severity

__all__ = [
    "MOST_SHOWN",
    "CheckState",
    "FindingGroup",
    "FindingTally",
    "Verdict",
    "conclude",
    "few_a_check",
    "group",
    "overlay",
    "state_of",
]

MOST_SHOWN = 5
"""How many findings of one check are shown one by one."""

_MOST_POINTERS = 1_000
"""How many places of one piece of news, and pieces of news of one check, are told apart."""
_SUBJECTS = {subject: place for place, subject in enumerate(Subject)}
_RANK = {Kind.VIOLATION: 0, Kind.DRIFT: 1, Kind.GAP: 2, Kind.INCONCLUSIVE: 3}


class Verdict(StrEnum):
    """
    What a run adds up to.
    """

    KEPT = "kept"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> int:
        """
        0 kept, 1 broken, 3 inconclusive.
        """
        return {Verdict.KEPT: 0, Verdict.BROKEN: 1, Verdict.INCONCLUSIVE: 3}[self]


class CheckState(StrEnum):
    """
    What became of one promise in a run.
    """

    KEPT = "kept"
    """Looked at, and nothing was wrong."""
    WARNED = "warned"
    """Seen broken, but that doesn't count: it is our reading, or the policy accepts it."""
    BROKEN = "broken"
    """Seen broken."""
    NOT_REACHED = "not_reached"
    """Never looked at: nothing is known of it."""


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """
    The same news, once.

    Attributes:
        first: The finding that brought it.
        count: How often it was seen.
        answers: In how many answers.
        looked: On how many answers its check has looked; None where nobody counted.
        pointers: All places at which it was seen, in the order of discovery.
        began_at: When the earliest question was asked whose answer showed it, Unix seconds.
        ended_at: When the latest was.
    """

    first: Finding
    count: int
    pointers: tuple[str, ...] = ()
    answers: int = 1
    looked: int | None = None
    began_at: float = 0.0
    ended_at: float = 0.0

    @property
    def message(self) -> str:
        """
        What it says, of all its places in one line.
        """
        places = self._places
        if self.first.drift is not Drift.UNDECLARED_KEY or len(places) < 2:
            return self.first.message
        together = len({parent(place) for place in places}) == 1
        names = [walk(place)[-1] for place in places] if together else places
        return f"{len(places)} keys aren't in the document: {first_few(names)}"

    @property
    def pointer(self) -> str:
        """
        Where it was seen; of keys that are many, the one place that they share.
        """
        places = self._places
        if len(places) < 2 or self.first.kind is not Kind.DRIFT:
            return self.first.pointer
        shared = {parent(place) for place in places}
        return (shared.pop() or "body") if len(shared) == 1 else "body"

    def redacted(self, redactor: Redactor) -> FindingGroup:
        """
        The same without the redactor's secrets, and without those that the request carries.
        """
        wider = redactor.also(self.first.exchange.request.credentials)
        pointers = tuple(wider.text(pointer) for pointer in self.pointers)
        return replace(self, first=self.first.redacted(wider), pointers=pointers)

    @property
    def _places(self) -> list[str]:
        # One key of a thousand items of a list is one place.
        return list(dict.fromkeys(starred(pointer) for pointer in self.pointers))


class FindingTally:
    """
    Groups findings as they come, so that a hundred thousand of one kind take the memory of one.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], FindingGroup] = {}
        self._places: dict[tuple[str, ...], dict[str, None]] = {}
        self._last_of: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._count_of: Counter[tuple[str, ...]] = Counter()
        # All findings of an answer come together, so that one of them is enough to tell.
        self._latest: Exchange | None = None
        self._of_latest: set[tuple[str, ...]] = set()
        self.stalest: Finding | None = None
        """The finding of the answer that was most behind."""

    def add(self, finding: Finding) -> None:
        """
        Count one more.
        """
        key = self._key(finding)
        known = self._found.get(key)
        first = finding if known is None or _rank(finding) < _rank(known.first) else known.first
        places = self._places.setdefault(key, {})
        if len(places) < _MOST_POINTERS:
            places[finding.pointer] = None
        if finding.exchange is not self._latest:
            self._latest, self._of_latest = finding.exchange, set()
        count, answers = (known.count, known.answers) if known else (0, 0)
        answers += key not in self._of_latest
        self._of_latest.add(key)
        at = finding.exchange.started_at
        # Several threads bring them, and recordings hold them in any order.
        began_at, ended_at = (known.began_at, known.ended_at) if known else (at, at)
        self._found[key] = FindingGroup(
            *(first, count + 1),
            answers=answers,
            began_at=min(began_at, at),
            ended_at=max(ended_at, at),
        )
        if finding.drift is Drift.STALE_ANSWER and _behind(finding) > _behind(self.stalest):
            self.stalest = finding

    def groups(self) -> tuple[FindingGroup, ...]:
        """
        All, gravest first.
        """
        severities = list(Severity)  # written there from the gravest down
        found = [
            replace(one, pointers=tuple(self._places[key])) for key, one in self._found.items()
        ]
        return tuple(
            sorted(found, key=lambda g: (_RANK[g.first.kind], severities.index(g.first.severity)))
        )

    def _key(self, finding: Finding) -> tuple[str, ...]:
        key = _news(finding)
        if key in self._found:
            return key
        sort = (finding.check, finding.kind, str(finding.breaks(strict=False)))
        if self._count_of[sort] == _MOST_POINTERS:
            return self._last_of[sort]
        self._count_of[sort] += 1
        self._last_of[sort] = key
        return key


def group(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """
    Findings without repetitions, gravest first. A gap is one group a code, new keys are one.
    """
    tally = FindingTally()
    for finding in findings:
        tally.add(finding)
    return tally.groups()


def few_a_check(
    groups: Iterable[FindingGroup], *, most: int = MOST_SHOWN
) -> Iterator[tuple[FindingGroup, tuple[FindingGroup, ...]]]:
    """
    The first groups of each check and kind; with the last of them, those that are left out.
    """
    alike: dict[tuple[str, ...], list[FindingGroup]] = {}
    listed = list(groups)
    for found in listed:
        alike.setdefault(_sort_of(found), []).append(found)
    shown: Counter[tuple[str, ...]] = Counter()
    for found in listed:
        sort = _sort_of(found)
        shown[sort] += 1
        if shown[sort] <= most:
            yield found, tuple(alike[sort][most:]) if shown[sort] == most else ()


def conclude(findings: Iterable[Finding], *, missing: Sequence[str], strict: bool) -> Verdict:
    """
    Broken if a promise is; else inconclusive if the run reached too little; else kept.
    """
    # What is broken stays broken, however little the run has reached.
    if any(finding.breaks(strict=strict) for finding in findings):
        return Verdict.BROKEN
    return Verdict.INCONCLUSIVE if missing else Verdict.KEPT


def _sort_of(found: FindingGroup) -> tuple[str, ...]:
    first = found.first
    # A gap is a hole of its own, and each has a patch.
    own = str(first.found) if first.kind is Kind.GAP else ""
    return (first.check, first.kind, first.basis, str(first.accepted is not None), own)


def state_of(findings: Iterable[Finding], *, looked: bool, strict: bool) -> CheckState:
    """
    The state of one promise.

    Args:
        findings: Those of its own check.
        looked: Whether that check had anything to look at.
    """
    own = [finding for finding in findings if finding.kind is Kind.VIOLATION]
    if any(finding.breaks(strict=strict) for finding in own):
        return CheckState.BROKEN
    if own:
        return CheckState.WARNED
    return CheckState.KEPT if looked else CheckState.NOT_REACHED


def _behind(finding: Finding | None) -> float:
    found = finding.found if finding is not None else None
    return found if isinstance(found, int | float) else -1.0


def _news(finding: Finding) -> tuple[str, ...]:
    """
    What makes two findings the same news.
    """
    if finding.kind is Kind.GAP:
        # A hundred hostile ids refused with 400 are one hole in the document.
        return (finding.check, finding.kind, str(finding.found))
    if finding.drift is Drift.UNDECLARED_KEY:
        # Forty new keys are one release of the server's.
        return (finding.check, finding.kind, finding.drift)
    return finding.fingerprint


def _rank(finding: Finding) -> tuple[bool, bool, bool, bool, int]:
    """
    The finding that counts most comes first, about the simplest request: a known job before a
    hostile id.
    """
    return (
        # One that breaks the run must not hide behind one at the same place that only warns.
        not finding.breaks(strict=False),
        not finding.breaks(strict=True),
        # One that brings a patch says more than one that doesn't.
        finding.patch is None,
        # Of many manners at once nobody knows which one it was.
        bool(finding.exchange.request.manner.spec.combines),
        _SUBJECTS[finding.exchange.request.subject],
    )


def overlay(groups: Iterable[FindingGroup], *, title: str) -> dict[str, object] | None:
    """
    An OpenAPI Overlay 1.0 document that describes every gap found; None where none was.
    """
    actions = [g.first.patch for g in groups if g.first.kind is Kind.GAP and g.first.patch]
    if not actions:
        return None
    return {
        "overlay": "1.0.0",
        "info": {"title": f"What {title} answers and doesn't document", "version": "1"},
        "actions": actions,
    }
