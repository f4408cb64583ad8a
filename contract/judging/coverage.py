"""
How much of the contract a run really touched; green over nothing proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from jobproof.contract.formats.json_pointer import parent, pick
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.judging.check_reach import (
    CheckReach,
    Lack,
    LackKind,
    in_words,
    kind_of,
)
from jobproof.contract.judging.judge import Judgement
from jobproof.contract.judging.lives import Lives
from jobproof.contract.judging.pointer_reach import PointerReach
from jobproof.contract.judging.rates import AnswerRates
from jobproof.contract.model.api import Api
from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.profile import Phase
from jobproof.contract.model.verdict import FindingGroup

__all__ = ["Coverage"]

_FEWEST_BODIES = 3
"""Of known jobs, in a run that is to say anything."""
_ASKING = ("GET", "HEAD", "OPTIONS")


@dataclass(slots=True)
class Coverage:
    """
    Counts of what was seen; `add` every observation, then read `lack`, `missing` or `as_dict`.

    Attributes:
        checks: Those of the run.
        asked: Subjects, credentials and methods of all that was sent, whoever answered.
        shown: How many answers held a job.
        validated: How many of these were held to a schema.
        unrecorded_bodies: How many answers came with a body that a recorder left out.
        api_spoke: Whether any GET was answered by the API itself.
        lives: Which statuses each job was seen in.
    """

    api: Api
    checks: Sequence[Check] = ()
    codes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    credentials: Counter[str] = field(default_factory=Counter)
    subjects: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    shown: int = 0
    validated: int = 0
    generated_views: int = 0
    intermediaries: int = 0
    unrecorded_bodies: int = 0
    api_spoke: bool = False
    rates: AnswerRates = field(default_factory=AnswerRates)
    pointers: PointerReach = field(init=False)
    lives: Lives = field(init=False)
    _reach: dict[str, CheckReach] = field(init=False)

    def __post_init__(self) -> None:
        self.pointers = PointerReach(self.api)
        self.lives = Lives(self.api.lifecycle)
        self._reach = {check.id: CheckReach(check) for check in self.checks}

    def add(
        self, seen: Observation, judgement: Judgement | None = None, *, generated: bool = False
    ) -> None:
        """
        Count one observation, and who looked at it.
        """
        self.codes[str(seen.code) if seen.code else "none"] += 1
        self.asked |= {seen.credential.value, seen.subject.value, seen.method, seen.manner.value}
        self.unrecorded_bodies += _lacks_body(seen)
        status = self._status(seen)
        if judgement is not None:
            self._add_looks(seen, judgement, status)
        if seen.intermediary is not None:
            self.intermediaries += 1
            return  # nothing of the API was reached by it
        self.credentials[seen.credential.value] += 1
        self.subjects[seen.subject.value] += 1
        self.pointers.add(seen)
        self.lives.add(seen)
        if not status:
            return
        self.shown += 1
        self.statuses[status] += 1
        if seen.parsed_body.is_validated:
            self.validated += 1
            self.generated_views += generated
        job = pick(seen.job.body, self._envelope) if seen.job is not None else None
        for key in job if isinstance(job, dict) else ():
            if key in self._declared():
                self.keys[key] += 1

    def _status(self, seen: Observation) -> str:
        """
        The status that it shows; "" where it shows no job.
        """
        if seen.job is None or seen.method != "GET":
            return ""
        # Foreign words must not become keys of the report without end.
        known = self.api.lifecycle.knows(seen.job.status)
        return str(seen.job.status) if known else "unknown"

    def _add_looks(self, seen: Observation, judgement: Judgement, status: str) -> None:
        for finding in judgement.findings:
            reach = self._reach.get(finding.check)
            if finding.kind is Kind.INCONCLUSIVE and reach is not None:
                reach.undecided = reach.undecided or finding.message
        if seen.intermediary is not None or _is_page_in_front(seen):
            return
        self.api_spoke |= seen.method == "GET" and bool(judgement.asked)
        self.rates.add(seen, judgement.findings)
        kind = kind_of(seen, status)
        for check in judgement.asked:
            self._reach[check.id].was_run = True
        for check in judgement.looked:
            self._reach[check.id].looked[kind] += 1
        for name, what in judgement.unrecorded.items():
            self._reach[name].unrecorded = what

    def of_looked(self, groups: Iterable[FindingGroup]) -> tuple[FindingGroup, ...]:
        """
        The same, each with how many answers its check has looked at.
        """
        return tuple(replace(one, looked=self._looked(one)) for one in groups)

    def _looked(self, found: FindingGroup) -> int | None:
        reach = self._reach.get(found.first.check)
        # Of an answer that isn't the API's own something may be said, and it isn't looked at.
        return None if reach is None else max(reach.looked.total(), found.answers)

    def lack(self, check: Check) -> Lack | None:
        """
        What the run lacked for `check` to look at anything; None where it did.
        """
        lack = self._reach[check.id].lack(self.api.name, self.asked)
        if lack is None and not self.api_spoke:
            return Lack(LackKind.NOT_ANSWERED, "no answer of the API itself came")
        return lack

    def missing(self, *, generated: bool = False) -> tuple[str, ...]:
        """
        What the floor demands and the run did not reach, in words; empty if enough.
        """
        missing = []
        if self.intermediaries:
            missing.append(f"answers that weren't the API's own: {self.intermediaries}")
        if self.validated < _FEWEST_BODIES:
            is_one = self.validated == 1
            what = "body of a known job was" if is_one else "bodies of known jobs were"
            reached = f"{self.validated} {what} validated"
            missing.append(f"{reached}, {_FEWEST_BODIES} are the floor")
        if self.shown and not self.validated:
            where = f"{self.api.profile.document}: GET {self.api.operation.path}"
            missing.append(f"no schema for the body of a job was found in {where}")
        ended = [s for s in self.statuses if self.api.lifecycle.is_terminal(s)]
        # Where no job was shown the line above says it already; an unknown status may be a new
        # kind of end.
        if self.shown and not ended and not self.statuses["unknown"]:
            missing.append("no ended job was seen")
        missing.extend(self._essentials())
        # Of a selection of checks none may speak of outsiders.
        is_asked_for = any("none" in check.needs for check in self.checks)
        if self.api.access.is_required and is_asked_for and "none" not in self.asked:
            missing.append("nothing was asked without a token")
        if generated and self.generated_views < _FEWEST_BODIES:
            missing.append(f"{self.generated_views} generated cases reached a known job")
        return (*missing, *self.pointers.missing())

    def missing_of_recordings(self) -> tuple[str, ...]:
        """
        The same of traffic in which nobody could ask for anything.
        """
        missing = []
        if self.intermediaries:
            missing.append(f"answers that weren't the API's own: {self.intermediaries}")
        if not self.validated:
            missing.append("no body of a job was validated")
        return (*missing, *self._essentials(unasked=True), *self.pointers.missing())

    def _essentials(self, *, unasked: bool = False) -> Iterator[str]:
        """
        The checks without which nothing is known of the contract, by what they lacked.

        Args:
            unasked: Nobody could ask, so one that needs something special doesn't count.
        """
        by_lack: dict[str, list[str]] = {}
        for check in self.checks:
            if unasked and check.only:
                continue
            if check.essential and check.speaks_of(self.api.name):
                lack = self.lack(check)
                if lack is not None:
                    by_lack.setdefault(lack.text, []).append(check.id)
        for text, ids in by_lack.items():
            yield f"{in_words(ids)} never looked at an answer: {text}"

    def as_dict(self) -> JsonObject:
        """
        For the report: what was reached, and what could have been.
        """
        lifecycle = self.api.lifecycle
        return {
            "codes": dict(sorted(self.codes.items())),
            "job_statuses": {s: self.statuses[s] for s in (*lifecycle.statuses, "unknown")},
            "properties": {key: self.keys[key] for key in sorted(self._declared())},
            "credentials": dict(sorted(self.credentials.items())),
            "subjects": dict(sorted(self.subjects.items())),
            "validated_bodies": self.validated,
            "generated_validated_bodies": self.generated_views,
            "unrecorded_bodies": self.unrecorded_bodies,
            "unreached_statuses": [s for s in lifecycle.statuses if not self.statuses[s]],
            "succeeded_seen": any(self.statuses[s] for s in lifecycle.of_phase(Phase.SUCCEEDED)),
            "checks": {name: reach.as_dict() for name, reach in self._reach.items()},
            "rates": self.rates.as_dict(),
        }

    @property
    def _envelope(self) -> str:
        # An envelope around the job has one key, which says nothing of the job's own.
        return parent(self.api.profile.id.at)

    def _declared(self) -> frozenset[str]:
        spec = self.api.operation.response_for(200)
        stated = spec.json_media_type if spec is not None else None
        content = spec.content_for(stated) if spec is not None and stated is not None else None
        return content.names_at(self._envelope) if content is not None else frozenset()


def _lacks_body(seen: Observation) -> bool:
    if seen.response is None or seen.method == "HEAD" or seen.code in (204, 304):
        return False  # there is none to record
    return seen.response.body is None


def _is_page_in_front(seen: Observation) -> bool:
    """
    Whether a page for people refuses where the document has none: a firewall's, a log-in's.
    """
    # A web server that refuses POST says so by a page of its own, so other methods are left out;
    # where the API never spoke, they count for nothing either.
    page = seen.media_type in ("text/html", "application/xhtml+xml")
    return page and seen.code == 403 and seen.spec is None and seen.method in _ASKING
