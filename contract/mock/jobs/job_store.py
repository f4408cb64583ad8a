"""
The jobs of two tenants, their tokens, and the jobs that keep coming.
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

# Bounded, since a mock may run for days.
_GENERATED_LIMIT = 2000
# Long enough for most generated lives to end: the first look finds jobs in every status.
_WARM_UP_S = 120.0
# A time of hundredths alone is one that a database rounds, so it says less than it could.
_APART_S = 0.051


class JobStore:
    """
    Every job of one mock. Same seed, same ids and tokens.

    Args:
        started: Unix seconds; scripted ages count back from here.
        jobs_per_minute: New jobs that the owner gets in a minute; 0 for none.
        lives: Lives of more jobs that the owner has from the start.
        ids: Of the owner's first jobs.
    """

    def __init__(
        self,
        api: Api,
        script: Script,
        *,
        seed: int,
        started: float,
        jobs_per_minute: float = 0.0,
        lives: Iterable[str] = (),
        ids: Iterable[str] = (),
    ) -> None:
        self._api = api
        self._script = script
        self._random = random.Random(seed)  # noqa: S311 -- a seed must give the same ids again
        self._started = started
        self._jobs_per_minute = jobs_per_minute
        self._generated_count = 0
        self._jobs: OrderedDict[str, MockJob] = OrderedDict()
        self._generated: list[MockJob] = []
        self._given_ids = list(ids)
        self.tokens = {caller: self._make_token(caller) for caller in Caller if caller.known}
        owned = (*script.jobs.owner, *_checked_lives(lives, script))
        initial = ((Caller.OWNER, owned), (Caller.OTHER, script.jobs.foreign))
        for caller, names in initial:
            for index, name in enumerate(names):
                # Apart by a little: a listing sorts by creation, its cursor needs distinct times.
                self._add_job(name, caller, started - (index + 1) * _APART_S)
        # Job number n is due n intervals after the start; the negative ones came before it.
        self._generated_count = -int(jobs_per_minute * _WARM_UP_S / 60)

    def find(self, job_id: str) -> MockJob | None:
        """
        The job of exactly that id, whoever owns it.
        """
        return self._jobs.get(job_id)

    def owned_by(self, caller: Caller) -> tuple[MockJob, ...]:
        """
        One tenant's jobs, oldest entry first.
        """
        return tuple(job for job in self._jobs.values() if job.tenant == caller)

    def another_than(self, job_id: str) -> MockJob:
        """
        The owner's first job that isn't the one of that id; where there is none, one that nobody
        ever made, always the same.
        """
        others = (job for job in self.owned_by(Caller.OWNER) if job.id != job_id)
        # Not drawn from the store's own sequence: asking for it must change no later id.
        apart = random.Random(job_id)  # noqa: S311
        return next(others, None) or self.invent_job(self._api.profile.id.fresh(apart))

    def generate_due_jobs(self, now: float) -> None:
        """
        Add the jobs that are due by `now`; forget the oldest ended ones.
        """
        if not self._jobs_per_minute or not self._script.jobs.lively:
            return
        due = int((now - self._started) * self._jobs_per_minute / 60) + 1
        # After a long pause the older ones would be forgotten at once: they are left out.
        self._generated_count = max(self._generated_count, due - _GENERATED_LIMIT)
        while self._generated_count < due:
            self._generate_job(self._started + self._generated_count * 60 / self._jobs_per_minute)
        # Only ended ones: a job that vanishes under way would look like a fault.
        while len(self._generated) > _GENERATED_LIMIT and self._generated[0].has_ended(now):
            del self._jobs[self._generated.pop(0).id]

    def invent_job(self, job_id: str) -> MockJob:
        """
        A job of that id that nobody ever made, long ended; it isn't stored.
        """
        name = self._script.jobs.owner[0]
        life = self._script.lives[name]
        created = self._started - 2 * life.ends_within  # ended, whatever its stages wait for
        return MockJob(job_id, name, life, tenant=Caller.OWNER, created=created)

    def _generate_job(self, at: float) -> None:
        lives = self._script.jobs.lively
        (name,) = self._random.choices(list(lives), weights=list(lives.values()))
        time_scale = self._random.uniform(0.5, 2.0)
        self._generated.append(self._add_job(name, Caller.OWNER, at, time_scale=time_scale))
        self._generated_count += 1

    def _add_job(self, name: str, caller: Caller, at: float, *, time_scale: float = 1.0) -> MockJob:
        life = self._script.lives[name]
        created = at - life.created_ago
        # The owner's come first, and a drawn id changes with none that was given.
        drawn = self._api.profile.id.fresh(self._random)
        job_id = self._given_ids.pop(0) if self._given_ids else drawn
        job = MockJob(job_id, name, life, tenant=caller, created=created, time_scale=time_scale)
        self._jobs[job.id] = job
        return job

    def _make_token(self, caller: Caller) -> str:
        token = f"mock-{caller}-{self._random.getrandbits(96):024x}"
        return f"{caller}:{token}" if self._api.access.token_at.is_pair else token


def _checked_lives(lives: Iterable[str], script: Script) -> Iterator[str]:
    for name in lives:
        if name not in script.lives:
            raise ConfigError(f"unknown life {name!r}. {did_you_mean(name, script.lives)}")
        yield name
