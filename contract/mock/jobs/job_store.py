"""
Whose jobs there are: two tenants, their tokens, and jobs that keep coming.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.mock.answer import Caller
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.jobs.script import Script
from jobproof.contract.model.api import Api

__all__ = ["JobStore"]

_KEPT = 2000
_HEAD_START_S = 120.0


class JobStore:
    """
    Every job of one mock. Same seed, same ids and tokens.

    Args:
        started: Unix seconds; scripted ages count back from here.
        per_minute: How many new jobs come in a minute; 0 for none.
        lives: Lives of more jobs that the owner has from the start.
    """

    def __init__(
        self,
        api: Api,
        script: Script,
        *,
        seed: int,
        started: float,
        per_minute: float = 0.0,
        lives: Iterable[str] = (),
    ) -> None:
        self._api = api
        self._script = script
        self._random = random.Random(seed)  # noqa: S311 -- a seed must give the same ids again
        self._started = started
        self._per_minute = per_minute
        self._arrived = 0
        self._jobs: OrderedDict[str, MockJob] = OrderedDict()
        self._lively: list[MockJob] = []
        self.tokens = {caller: self._token(caller) for caller in Caller if caller.known}
        owned = (*script.jobs.owner, *_known(lives, script))
        crowd = ((Caller.OWNER, owned), (Caller.OTHER, script.jobs.foreign))
        for caller, names in crowd:
            for index, name in enumerate(names):
                self._add(name, caller, started - (index + 1) * 0.05)
        if per_minute:
            self._arrived = -int(per_minute * _HEAD_START_S / 60)

    def find(self, job_id: str) -> MockJob | None:
        """
        The job of exactly that id, whoever owns it.
        """
        return self._jobs.get(job_id)

    def of(self, caller: Caller) -> tuple[MockJob, ...]:
        """
        One tenant's jobs, in the order of their coming.
        """
        return tuple(job for job in self._jobs.values() if job.tenant == caller)

    def all(self) -> Iterator[MockJob]:
        """
        Every job, in the order of coming.
        """
        return iter(self._jobs.values())

    def catch_up(self, now: float) -> None:
        """
        Let the jobs come that are due by `now`; forget the oldest ended ones.
        """
        if not self._per_minute or not self._script.jobs.lively:
            return
        due = int((now - self._started) * self._per_minute / 60) + 1
        self._arrived = max(self._arrived, due - _KEPT)
        while self._arrived < due:
            self._arrive(self._started + self._arrived * 60 / self._per_minute)
        while len(self._lively) > _KEPT and self._lively[0].has_ended(now):
            del self._jobs[self._lively.pop(0).id]

    def create(self, job_id: str) -> MockJob:
        """
        A job of that id that nobody ever made, at its end; it isn't kept.
        """
        name = self._script.jobs.owner[0]
        life = self._script.lives[name]
        created = self._started - 2 * life.ends_within
        return MockJob(job_id, name, life, tenant=Caller.OWNER, created=created)

    def fresh_id(self) -> str:
        """
        An id of the API's form that no job has.
        """
        return self._api.profile.id.fresh(self._random)

    def _arrive(self, at: float) -> None:
        lively = self._script.jobs.lively
        (name,) = self._random.choices(list(lively), weights=list(lively.values()))
        self._lively.append(self._add(name, Caller.OWNER, at, pace=self._random.uniform(0.5, 2.0)))
        self._arrived += 1

    def _add(self, name: str, caller: Caller, at: float, *, pace: float = 1.0) -> MockJob:
        life = self._script.lives[name]
        created = at - life.created_ago
        job = MockJob(self.fresh_id(), name, life, tenant=caller, created=created, pace=pace)
        self._jobs[job.id] = job
        return job

    def _token(self, caller: Caller) -> str:
        return f"mock-{caller}-{self._random.getrandbits(96):024x}"


def _known(lives: Iterable[str], script: Script) -> Iterator[str]:
    for name in lives:
        if name not in script.lives:
            raise ConfigError(f"unknown life {name!r}. {did_you_mean(name, script.lives)}")
        yield name
