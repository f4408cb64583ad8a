"""
Each job's life as it was seen: which status was shown when, in bounded memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.formats.wording import shorten
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.promises.lifecycle import Lifecycle

__all__ = ["Lives", "iso_moment"]

_MOST_JOBS = 50
_MOST_STEPS = 60
_LONGEST_WORD = 40
_LONGEST_ID = 200


def iso_moment(at: float) -> str | None:
    """
    A moment in Unix seconds as ISO 8601 has it, to the millisecond; None where no calendar has it,
    as a recorder may have written any number.
    """
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(slots=True)
class _Step:
    """
    One status, from the first sight of it in a row to the last.
    """

    status: str
    phase: str | None
    first_at: float
    last_at: float
    sights: int = 1


@dataclass(slots=True)
class _Life:
    subject: str
    steps: list[_Step] = field(default_factory=list)
    sights: int = 0
    is_cut: bool = False


@dataclass(slots=True)
class Lives:
    """
    Add every observation, then read `as_list`. A sight is a plain GET of somebody who may see the
    job; the first 50 jobs are kept, and of each the first 60 steps and the last.
    """

    lifecycle: Lifecycle
    _by_job: dict[str, _Life] = field(default_factory=dict)

    def add(self, seen: Observation) -> None:
        """
        One more sight, in the order in which they were judged.
        """
        job, asked_for = seen.job, seen.asked_for
        if not seen.is_view or job is None or asked_for is None:
            return
        life = self._by_job.get(asked_for)
        if life is None:
            if len(self._by_job) == _MOST_JOBS:
                return
            life = self._by_job[asked_for] = _Life(seen.subject.value)
        self._lengthen(life, job.status, seen.exchange.started_at)

    def _lengthen(self, life: _Life, status: Json, at: float) -> None:
        life.sights += 1
        word = shorten(str(status), _LONGEST_WORD)
        if life.steps and life.steps[-1].status == word:
            last = life.steps[-1]
            # Of two polls at once the later one may be judged first.
            last.first_at, last.last_at = min(last.first_at, at), max(last.last_at, at)
            last.sights += 1
            return
        phase = self.lifecycle.phase(status)
        step = _Step(word, phase.value if phase is not None else None, at, at)
        if len(life.steps) > _MOST_STEPS:
            life.is_cut = True
            life.steps[-1] = step
        else:
            life.steps.append(step)

    def as_list(self) -> list[Json]:
        """
        For the report: times in seconds after the first sight of each job.
        """
        return [_as_dict(job, life) for job, life in self._by_job.items()]


def _as_dict(job: str, life: _Life) -> JsonObject:
    began_at = min(step.first_at for step in life.steps)
    return {
        "job": shorten(job, _LONGEST_ID),
        "subject": life.subject,
        "began_at": iso_moment(began_at),
        "sights": life.sights,
        "cut": life.is_cut,
        "steps": [
            {
                "status": step.status,
                "phase": step.phase,
                "first_s": round(step.first_at - began_at, 3),
                "last_s": round(step.last_at - began_at, 3),
                "sights": step.sights,
            }
            for step in life.steps
        ],
    }
