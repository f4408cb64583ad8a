"""
One job, followed from now to its end and a little beyond it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

from jobproof.contract.formats.durations import write_duration
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.observation import Observation
from jobproof.contract.suite.planning.plan import PlannedRequest
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.reporting.summary import breaking
from jobproof.contract.suite.running.rate_limiter import BudgetSpent, Pace
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.session.suite_client import sender_over, suite_client
from jobproof.contract.testing.followed_life import FollowedLife
from jobproof.contract.testing.life import Life

__all__ = ["Following"]

_WITHIN_S = 600.0
_REFUSALS = (401, 403)


@cache
def _pace_of(_base_url: str, rate_per_minute: float | None) -> Pace:
    """
    A vendor counts the requests of a token, however many jobs and tests they are about.
    """
    return Pace(rate_per_minute)


class _LookedAt(Run):
    """
    A run that keeps what it has judged, and what was said of it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._looking = threading.Lock()
        self._looks: list[tuple[Observation, tuple[Finding, ...]]] = []

    @property
    def looks(self) -> tuple[tuple[Observation, tuple[Finding, ...]], ...]:
        """
        In the order of time.
        """
        with self._looking:
            return tuple(sorted(self._looks, key=lambda look: look[0].exchange.started_at))

    def record(
        self, exchange: Exchange, *, generated: bool = False
    ) -> tuple[Observation, tuple[Finding, ...]]:
        """
        Judge it and keep it.
        """
        look = super().record(exchange, generated=generated)
        with self._looking:
            self._looks.append(look)
        return look


class Following:
    """
    One use each: `run` it, and `stop` it from another thread.
    """

    def __init__(
        self, target: SuiteTarget, checks: Sequence[Check], *, within_s: float | None
    ) -> None:
        due_s = target.job_deadline_s
        if within_s is None:
            within_s = _WITHIN_S if due_s is None else due_s
        if not within_s > 0:
            raise ValueError(f"within_s must be more than 0 seconds, not {within_s!r}")
        self._within_s = within_s
        # What isn't waited for isn't late.
        due_s = due_s if due_s is not None and due_s <= within_s else None
        self._target = replace(target, watch_s=within_s, job_deadline_s=due_s)
        self._client = suite_client(target)
        self._stopped = threading.Event()
        self._run = _LookedAt(
            *(self._target, checks, sender_over(self._client, self._target)),
            wait=self._stopped.wait,
            plan=_questions(target.jobs[0]),
        )
        self._run.rate_limiter.pace = _pace_of(target.base_url, target.rate_per_minute)

    def stop(self, why: str) -> None:
        """
        Send nothing more, and wait for nothing any more.
        """
        self._run.interrupt(why)
        self._stopped.set()
        self._client.abort()

    def run(self) -> FollowedLife:
        """
        Follow it.
        """
        with self._client:
            self._run.execute()
            if self._ended:
                self._look_once_more()
        checks = {check.id: check for check in self._run.checks}
        missing = tuple(self._missing())
        return FollowedLife(self._target, self._life(), self._run.groups, missing, checks)

    def _life(self) -> Life:
        """
        What was seen, without secrets: whoever keeps it may print it.
        """
        redactor = self._target.redactor
        polls: list[Exchange] = []
        found: list[Finding] = []
        for seen, findings in self._run.looks:
            poll = seen.exchange.redacted(redactor)
            polls.append(poll)
            found += (replace(one.redacted(redactor), exchange=poll) for one in findings)
        return Life(self._target.api, tuple(polls), tuple(found))

    def _look_once_more(self) -> None:
        """
        What comes back to life, or vanishes, does so a little after the end.
        """
        self._stopped.wait(self._target.poll_interval_s)
        with suppress(BudgetSpent):
            self._run.send(_asked(self._target.jobs[0], "a little later"))

    @property
    def _statuses(self) -> list[str]:
        jobs = (seen.job for seen, _ in self._run.looks)
        return [str(job.status) for job in jobs if job is not None]

    @property
    def _ended(self) -> bool:
        return any(map(self._target.api.lifecycle.is_terminal, self._statuses))

    def _missing(self) -> Iterator[str]:
        """
        What it lacks to be called kept, in words.
        """
        run, statuses = self._run, self._statuses
        why = run.unreachable and f"can't be reached: {run.unreachable}"
        why = why or run.silence or run.stopped
        if why:
            yield why
        refused = {code for code in run.coverage.codes if code in map(str, _REFUSALS)}
        if not statuses and refused:
            yield f"the token isn't accepted: {', '.join(sorted(refused))}"
        elif not statuses and not why:
            yield "no answer held the job"
        # A job that broke its contract isn't followed further: what comes then teaches nothing.
        elif statuses and not self._ended and not breaking(run.findings, strict=False):
            last = legible(shorten(statuses[-1], 60))
            waited = write_duration(self._within_s)
            yield f"the job hadn't ended after {waited}: it was last seen {last}"
        if run.coverage.intermediaries:
            yield f"answers that weren't the API's own: {run.coverage.intermediaries}"
        if statuses and not run.coverage.validated:
            yield "no body was validated: the document has no schema for a job"


def _asked(
    job_id: str,
    why: str,
    *,
    method: str = "GET",
    follows: bool = False,
    conditional: bool = False,
    fresh: bool = False,
) -> PlannedRequest:
    return PlannedRequest(
        *(method, job_id, Subject.KNOWN, Credential.OWNER, why),
        follows=follows,
        after_end=not follows,
        conditional=conditional,
        fresh=fresh,
    )


def _questions(job_id: str) -> tuple[PlannedRequest, ...]:
    return (
        _asked(job_id, "the job, until it has ended", follows=True),
        _asked(job_id, "what has ended doesn't change"),
        _asked(job_id, "unless it has changed", conditional=True),
        _asked(job_id, "the head alone", method="HEAD"),
        _asked(job_id, "by a new connection", fresh=True),
    )
