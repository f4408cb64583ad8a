"""
Carries a plan out: what is asked next depends on what was answered.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from jobproof.contract.model.exchange import Credential, Reason, Subject
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.suite.planning.plan import PlannedRequest, parts_of
from jobproof.contract.suite.planning.target import Effort, SuiteTarget
from jobproof.contract.suite.running.agenda import Agenda
from jobproof.contract.suite.running.pace import PollPace
from jobproof.contract.suite.running.rate_limiter import BudgetSpent

__all__ = ["Asker", "PlanRunner"]

_REPEAT_S = 25.0
"""After this long no question is repeated any more: a slow server would hold up the run."""
_SLOW_ANSWER_S = 0.05
"""From so many seconds an answer on, several questions are put side by side."""
_MOST_UNANSWERED = 2
"""After so many questions of a kind without an answer, no more of that kind is asked."""
_MOST_REFUSED = 3
"""After so many jobs of the token's that it doesn't open, it is no token."""
_ABOUT_RIGHTS = (Subject.KNOWN, Subject.MISSING)

Answer = tuple[Observation, tuple[Finding, ...]]


class Asker(Protocol):
    """
    Who sends and judges for it.
    """

    target: SuiteTarget

    @property
    def is_over(self) -> bool:
        """
        Whether nothing more can be asked.
        """
        ...

    @property
    def answer_s(self) -> float:
        """
        How many seconds an answer takes; 0.0 before that is known.
        """
        ...

    def send(self, planned: PlannedRequest, *, fresh: bool = False) -> Answer:
        """
        Send it now, and judge the answer.
        """
        ...

    def send_at_once(self, planned: PlannedRequest, beside: PlannedRequest) -> Answer:
        """
        Send two at the same moment.
        """
        ...

    def give_up(self, why: str) -> None:
        """
        Send nothing more, without which there is no verdict.
        """
        ...

    def spend(self) -> None:
        """
        Note that no request is left.
        """
        ...

    def note_silence(self) -> None:
        """
        Find out whether anybody is there, where the latest had no answer.
        """
        ...


@dataclass(slots=True)
class _Seen:
    """
    What the answers have taught of how to go on.

    Attributes:
        is_let_in: Whether the token was let in.
        refused: How often it wasn't, by what it asked for.
        unanswered: How many questions in a row had no answer, by subject and method.
        timed_out: How many had none in time, in all.
        unanswered_polls: How many in a row of a job.
        first_asked: When a job was asked for first, by the monotonic clock.
        beginners: Of each status the job that was the first to be found in it.
        begun: The jobs that were found in any.
        plain_codes: What plain questions were answered with, by subject, credential and method.
    """

    is_let_in: bool = False
    refused: Counter[Subject] = field(default_factory=Counter)
    unanswered: Counter[tuple[Subject, str]] = field(default_factory=Counter)
    timed_out: Counter[tuple[Subject, str]] = field(default_factory=Counter)
    unanswered_polls: Counter[str] = field(default_factory=Counter)
    first_asked: dict[str, float] = field(default_factory=dict)
    plain_codes: dict[tuple[Subject, Credential, str], int] = field(default_factory=dict)
    beginners: dict[str, str] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)

    def begins_as_another(self, job_id: str, status: str) -> bool:
        """
        Whether the job is seen for the first time, in a status in which another was, too.
        """
        is_new = job_id not in self.begun
        self.begun.add(job_id)
        return is_new and self.beginners.setdefault(status, job_id) != job_id


class PlanRunner:
    """
    One question at a time; several side by side only where answers take long and no rate is
    asked for.
    """

    def __init__(
        self,
        asker: Asker,
        plan: Iterable[PlannedRequest],
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._asker = asker
        self._target = asker.target
        self._agenda = Agenda(plan, monotonic=monotonic)
        self._pace = PollPace(self._target.poll_interval_s)
        self._clock = clock
        self._monotonic = monotonic
        self._wait = wait
        self._seen = _Seen()
        self._began = monotonic()

    def run(self) -> None:
        """
        Ask until nothing is left, or no more may be asked.
        """
        self._work(alone=True)
        if self._is_slow and not self._asker.is_over:
            workers = self._target.concurrency
            with ThreadPoolExecutor(workers, thread_name_prefix="jobproof") as pool:
                for done in [pool.submit(self._work) for _ in range(workers)]:
                    done.result()

    def _work(self, *, alone: bool = False) -> None:
        """
        Ask what is on the agenda, until nothing is; alone, until answers turn out to be slow.
        """
        while not (self._asker.is_over or (alone and self._is_slow)):
            planned = self._agenda.take(side_by_side=not alone)
            if planned is None:
                return
            if isinstance(planned, float):
                self._wait(planned)
                continue
            try:
                self._ask(planned)
            except BudgetSpent:
                self._asker.spend()
            finally:
                self._agenda.answered(planned)

    def _ask(self, planned: PlannedRequest) -> None:
        if planned.beside is not None:
            seen, findings = self._asker.send_at_once(planned, planned.beside)
        else:
            seen, findings = self._asker.send(planned, fresh=planned.fresh)
        if planned.follows:
            self._follow(planned, seen, findings)
        if self._is_odd(planned, seen, findings):
            self._agenda.add_next(parts_of(self._target, planned))
        self._note_refusal(planned, seen)
        self._note_unanswered(planned, seen)
        # A slow server would hold up the run; a rate limit takes its time by itself.
        if self._is_unlimited and self._monotonic() > self._began + _REPEAT_S:
            self._agenda.drop(lambda one: one.repeats)

    @property
    def _is_slow(self) -> bool:
        return self._target.concurrency > 1 and self._asker.answer_s > _SLOW_ANSWER_S

    @property
    def _is_unlimited(self) -> bool:
        return self._target.rate_per_minute is None

    def _follow(
        self, planned: PlannedRequest, seen: Observation, findings: Sequence[Finding]
    ) -> None:
        """
        Have the job polled again, or be done with it.
        """
        status = seen.job.status if seen.job is not None else None
        has_ended = self._target.api.lifecycle.is_terminal(status) and self._shows(seen)
        # A quick run learns from one job what another, found in the same status, would show.
        is_known = self._seen.begins_as_another(planned.job_id, str(status))
        if has_ended or (is_known and self._target.effort is Effort.QUICK):
            self._agenda.ended(planned.job_id, str(status))
        elif self._may_end(planned, seen) and not self._is_convicted(seen, findings):
            wait_s = self._pace.after(seen, now=self._clock())
            left_s = self._poll_until(planned.job_id) - self._monotonic()
            # Once more when its time is up, and not long after.
            self._agenda.follow(planned, min(wait_s, max(left_s, 0.0) + 0.01))
        else:
            self._agenda.ended(planned.job_id, None)

    def _may_end(self, planned: PlannedRequest, seen: Observation) -> bool:
        """
        Whether to ask again may show more of the job's life.
        """
        unanswered = self._seen.unanswered_polls
        if seen.response is None:
            unanswered[planned.job_id] += 1
            return unanswered[planned.job_id] < _MOST_UNANSWERED
        unanswered.pop(planned.job_id, None)
        now = self._monotonic()
        if now > self._poll_until(planned.job_id):
            return False
        if self._shows(seen):
            return seen.job is not None
        # Asked again already, as often and as long as it said and a run can bear.
        if seen.code == 503 and seen.response.header("retry-after"):
            return False
        # Throttled or overloaded for a while, or a replica that is behind and doesn't know the
        # job yet; any other code won't turn into a job.
        known_at = self._began + self._target.staleness_s
        return seen.code in (408, 429, 503) or (seen.is_not_found and now < known_at)

    def _shows(self, seen: Observation) -> bool:
        return seen.code in self._target.api.profile.job_codes

    def _is_convicted(self, seen: Observation, findings: Sequence[Finding]) -> bool:
        """
        Whether the status itself is wrong, so that what follows it teaches nothing.
        """
        at = self._target.api.profile.status.at
        has_none = seen.job is not None and seen.job.status is None
        # A wrong status that is accepted teaches no more than any other.
        broken = [one for one in findings if one.breaks_promise(strict=False)]
        return any(has_none or one.pointer == at for one in broken)

    def _poll_until(self, job_id: str) -> float:
        """
        Until when the job is polled, by the monotonic clock.
        """
        deadline_s = self._target.job_deadline_s
        # All jobs share one time of watching: twenty that never end must not take twenty of it.
        if deadline_s is None:
            return self._began + self._target.watch_s
        return self._seen.first_asked.setdefault(job_id, self._monotonic()) + deadline_s

    def _is_odd(
        self, planned: PlannedRequest, seen: Observation, findings: Sequence[Finding]
    ) -> bool:
        """
        Whether a question that is many at once was answered otherwise than a plain one, so that
        each has to be put by itself.
        """
        kind = (planned.subject, planned.credential, planned.method)
        manner = planned.manner
        if manner is Manner.PLAIN and not planned.as_it_is:
            self._seen.plain_codes[kind] = seen.code
        if not manner.spec.combines:
            return False
        is_declined = seen.code in manner.spec.declines
        return (is_declined and seen.code != self._seen.plain_codes.get(kind)) or any(
            finding.kind is Kind.VIOLATION for finding in findings
        )

    def _note_refusal(self, planned: PlannedRequest, seen: Observation) -> None:
        """
        Stop where the token isn't accepted: whatever is asked by it tells nothing.
        """
        known = self._seen
        if planned.credential is not Credential.OWNER or seen.response is None:
            return
        if seen.code not in (401, 403) or seen.intermediary is not None:
            known.is_let_in = known.is_let_in or seen.subject in _ABOUT_RIGHTS
        elif planned.manner is Manner.PLAIN and seen.subject in _ABOUT_RIGHTS:
            known.refused[seen.subject] += 1
        if known.is_let_in or self._target.token is None or not known.refused[Subject.MISSING]:
            return
        if known.refused[Subject.KNOWN] < min(len(self._target.jobs), _MOST_REFUSED):
            # Another job may be the token's own, and tells before anything else.
            self._agenda.hasten(lambda one: one.follows)
        else:
            self._asker.give_up(
                f"the token isn't accepted: {seen.code} for each job and for an unknown id"
            )

    def _note_unanswered(self, planned: PlannedRequest, seen: Observation) -> None:
        """
        Where two questions of a kind had no answer, ask nothing more of that kind; and where two
        in a row had none, find out whether anybody is there.
        """
        failure, kind = seen.exchange.failure, (planned.subject, planned.method)
        if failure is None:
            self._seen.unanswered[kind] = 0
            return
        # Half an answer shows that somebody is there.
        is_silent = failure.partial is None
        self._seen.unanswered[kind] += is_silent
        # One that never ends takes all the time, whatever comes between two of them.
        self._seen.timed_out[kind] += failure.reason is Reason.TIMEOUT
        if max(self._seen.unanswered[kind], self._seen.timed_out[kind]) >= _MOST_UNANSWERED:
            self._agenda.drop(lambda one: (one.subject, one.method) == kind)
        if is_silent:
            self._asker.note_silence()
