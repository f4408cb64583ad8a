"""
How much of the contract a run really touched; green over nothing proves nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from jobproof.contract.formats.json_pointer import parent, pick
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.judging.pointer_reach import PointerReach
from jobproof.contract.model.api import Api
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.profile import Phase

__all__ = ["Coverage"]

_FEWEST_BODIES = 3
"""Of known jobs, in a run that is to say anything."""


@dataclass(slots=True)
class Coverage:
    """
    Counts of what was seen; `add` every observation, then read `missing` or `as_dict`.
    """

    api: Api
    codes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    credentials: Counter[str] = field(default_factory=Counter)
    subjects: Counter[str] = field(default_factory=Counter)
    validated: int = 0
    generated_views: int = 0
    intermediaries: int = 0
    pointers: PointerReach = field(init=False)

    def __post_init__(self) -> None:
        self.pointers = PointerReach(self.api)

    def add(self, seen: Observation, *, generated: bool = False) -> None:
        """
        Count one observation.
        """
        self.codes[str(seen.code) if seen.code else "none"] += 1
        if seen.intermediary is not None:
            self.intermediaries += 1
            return  # nothing of the API was reached by it
        self.credentials[seen.credential.value] += 1
        self.subjects[seen.subject.value] += 1
        self.pointers.add(seen)
        if seen.job is None or seen.method != "GET":
            return
        self.validated += 1
        self.generated_views += generated
        # Foreign words must not become keys of the report without end.
        known = self.api.lifecycle.knows(seen.job.status)
        self.statuses[str(seen.job.status) if known else "unknown"] += 1
        job = pick(seen.job.body, self._envelope)
        for key in job if isinstance(job, dict) else ():
            if key in self._declared():
                self.keys[key] += 1

    def missing(self, *, generated: bool = False) -> tuple[str, ...]:
        """
        What the floor demands and the run did not reach, in words; empty if enough.
        """
        missing = []
        if self.intermediaries:
            missing.append(f"{self.intermediaries} answers weren't the API's own")
        if self.validated < _FEWEST_BODIES:
            reached = f"{self.validated} bodies of known jobs were validated"
            missing.append(f"{reached}, {_FEWEST_BODIES} are the floor")
        ended = [s for s in self.statuses if self.api.lifecycle.is_terminal(s)]
        # Where no body was validated the line above says it already; an unknown status may be a
        # new kind of end.
        if self.validated and not ended and not self.statuses["unknown"]:
            missing.append("no ended job was seen")
        if not self.subjects["missing"]:
            missing.append("no unknown id was asked for")
        if self.api.access.is_required and not self.credentials["none"]:
            missing.append("nothing was asked without a token")
        if generated and self.generated_views < _FEWEST_BODIES:
            missing.append(f"{self.generated_views} generated cases reached a known job")
        return (*missing, *self.pointers.missing())

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
            "unreached_statuses": [s for s in lifecycle.statuses if not self.statuses[s]],
            "succeeded_seen": any(self.statuses[s] for s in lifecycle.of_phase(Phase.SUCCEEDED)),
        }

    @property
    def _envelope(self) -> str:
        # An envelope around the job has one key, which says nothing of the job's own.
        return parent(self.api.profile.id.at)

    def _declared(self) -> frozenset[str]:
        spec = self.api.operation.response_for(200)
        return spec.contents[0].names_at(self._envelope) if spec and spec.contents else frozenset()
