"""
Places that a profile points at and no answer had: what a whole run can tell and no check can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.model.agreement.agreement import LocatedPointer
from jobproof.contract.model.agreement.pointers import Role
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.job import Job, is_empty, is_status_missed, links_in
from jobproof.contract.model.observation import Observation

__all__ = ["PointerReach"]

_NOT_PROMISED = (
    *(Role.VOLATILE, Role.FROZEN, Role.ELSEWHERE, Role.ITEMS, Role.TOLD),
    Role.GIVEN,
)
_OWN = frozenset({Subject.KNOWN, Subject.UNSTATED})


@dataclass(slots=True)
class PointerReach:
    """
    Counts, for each pointer of the profile, the jobs that should have had something there and
    those that had.
    """

    api: Api
    _jobs: int = 0
    _due: Counter[int] = field(default_factory=Counter)
    _found: Counter[int] = field(default_factory=Counter)
    _filled: Counter[int] = field(default_factory=Counter)
    _early: Counter[int] = field(default_factory=Counter)
    _linked: Counter[int] = field(default_factory=Counter)
    _unread: int = 0

    def add(self, seen: Observation) -> None:
        """
        Count one answer, if it shows a job to its owner.
        """
        job = seen.job
        if job is None or not seen.is_view or seen.subject not in _OWN:
            return
        is_early = self._shows_nothing_yet(job)
        self._jobs += 1
        self._unread += is_status_missed(job, self.api.profile.status.at)
        for index, pointer in enumerate(self.api.pointers):
            self._due[index] += self._is_due(pointer, job)
            if not _is_there(pointer, job):
                self._filled[index] += not is_empty(pick(job.body, pointer.use.pointer))
                continue
            self._found[index] += 1
            self._early[index] += is_early
            if pointer.use.role is Role.LINKS:
                value = pick(job.body, pointer.use.pointer)
                self._linked[index] += any(_is_link(text) for _, text in links_in(value))

    def missing(self) -> tuple[str, ...]:
        """
        What nothing was seen of, a line each, with the key's place in the profile.
        """
        return (*self._never_there(), *self._said_nothing())

    def _never_there(self) -> Iterator[str]:
        for index in self._of(Role.ID, Role.STATUS, Role.TIME_TEXT, Role.TIME_NUMBER):
            if self._due[index] and not self._found[index]:
                filled, jobs = self._filled[index], _jobs(self._due[index])
                unread = f"couldn't be read in {filled} of {jobs}"
                yield self._line(index, unread if filled else f"was in none of {jobs}")
        for role in (Role.RESULT, Role.PROOF, Role.LINKS, Role.FAILURE):
            # One of them is enough, and another kind of job may show the others.
            if any(self._found[index] for index in self._of(role)):
                continue
            for index in self._of(role):
                # A job without links, say, may be right where the document knows the place.
                is_sure = role in (Role.PROOF, Role.FAILURE) or self.api.pointers[index].is_open
                if self._due[index] and is_sure:
                    yield self._line(index, f"was in none of {_jobs(self._due[index])}")

    def _said_nothing(self) -> Iterator[str]:
        for index in self._of(Role.STATUS):
            if self._found[index] and self._unread:
                yield self._line(index, f"was missing in {self._unread} of {_jobs(self._jobs)}")
        if self.api.profile.status.rules and self._unread:
            yield f"status.rules named no status in {self._unread} of {_jobs(self._jobs)}"
        for index in self._of(Role.LINKS):
            if self._found[index] and not self._linked[index]:
                yield self._line(index, f"was in {_jobs(self._found[index])} and never a link")
        for index in self._of(Role.PROOF):
            is_always = self._found[index] == self._jobs and self._early[index]
            if is_always:
                unfinished = _jobs(self._early[index])
                yield self._line(index, f"was in {unfinished} not done yet: it proves nothing")

    def _of(self, *roles: Role) -> list[int]:
        return [n for n, pointer in enumerate(self.api.pointers) if pointer.use.role in roles]

    def _is_due(self, pointer: LocatedPointer, job: Job) -> bool:
        profile, use = self.api.profile, pointer.use
        if use.role in (Role.RESULT, Role.PROOF, Role.LINKS):
            return profile.result is not None and job.status in profile.result.required_in
        if use.role is Role.FAILURE:
            return profile.failure is not None and job.status in profile.failure.required_in
        if use.location[:2] == ("times", "later"):
            stamps = profile.times.later if profile.times else ()
            return any(s.at == use.pointer and job.status in (s.required_in or ()) for s in stamps)
        return use.role not in _NOT_PROMISED

    def _shows_nothing_yet(self, job: Job) -> bool:
        phase, result = self.api.lifecycle.phase(job.status), self.api.profile.result
        if phase is None or phase.terminal or result is None:
            return False
        return job.status not in result.early_in

    def _line(self, index: int, what: str) -> str:
        pointer = self.api.pointers[index]
        return f"{pointer.where}: {pointer.use.pointer} {what}"


def _is_there(pointer: LocatedPointer, job: Job) -> bool:
    """
    Whether what stands there can be read as what it is said to be.
    """
    use = pointer.use
    if use.role is Role.ID:
        return isinstance(job.id, str | int)
    if use.role is Role.STATUS:
        return isinstance(job.status, str)
    if use.location == ("times", "created"):
        return job.created_at is not None
    if use.role in (Role.TIME_TEXT, Role.TIME_NUMBER):
        return use.pointer in job.later
    return not is_empty(pick(job.body, use.pointer))


def _is_link(text: str) -> bool:
    # A relative one has a slash; a name or an id that stands there by mistake has none.
    return "/" in text


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
