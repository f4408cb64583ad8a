"""
A run: every request of the plan is sent, every answer judged by every check.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from random import Random

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.judging.check_reach import Lack, LackKind
from jobproof.contract.judging.coverage import Coverage
from jobproof.contract.judging.judge import Judge, Judgement
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Exchange, Reason, Request, Subject
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.history.history import History
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.manners.near_misses import near_tag
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace
from jobproof.contract.model.verdict import FindingGroup
from jobproof.contract.suite.planning.job_ids import fresh_id
from jobproof.contract.suite.planning.plan import (
    PlannedRequest,
    build_plan,
    request_of,
)
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.running.pace import Patience
from jobproof.contract.suite.running.plan_runner import PlanRunner
from jobproof.contract.suite.running.rate_limiter import BudgetSpent, RateLimiter
from jobproof.contract.suite.running.run_records import RunPart, RunRecords
from jobproof.contract.suite.running.same_page import SamePage
from jobproof.contract.suite.running.sender import Sender

__all__ = ["Run"]

_ANSWERS_TO_TELL = 6
"""After so many answers it is known how long one takes."""
_ABOUT_RIGHTS = (Subject.KNOWN, Subject.MISSING)
_MOST_UNANSWERED = 2
"""After so many requests in a row without an answer, nothing more is expected of a server."""
_MOST_INTERMEDIARIES = 5
"""After so many answers in a row that weren't the API's own, nothing more is sent."""
_UNREACHABLE = (Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.BLOCKED)


class Run:
    """
    Executes a plan against a target and collects the findings.

    Attributes:
        selected: The ids of the checks that are asked for, where others are left out.
    """

    def __init__(
        self,
        target: SuiteTarget,
        checks: Sequence[Check],
        sender: Sender,
        *,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], object] | None = None,
        progress: Callable[[int], None] = lambda _sent: None,
        notice: Callable[[str, float], None] = lambda _text, _wait_s: None,
        plan: Iterable[PlannedRequest] | None = None,
        selected: tuple[str, ...] | None = None,
    ) -> None:
        self.target = target
        self.selected = selected
        self._interrupted = threading.Event()
        wait = wait or self._interrupted.wait
        self.checks = tuple(checks)
        self.coverage = Coverage(target.api, self.checks)
        self.rate_limiter = RateLimiter(
            rate_per_minute=target.rate_per_minute, budget=target.budget, wait=self._wait_for_turn
        )
        self._judge = Judge(checks)
        self.sender = sender
        self._clock = clock
        self._wait = wait
        self._progress = progress
        self._notice = notice
        self._records = RunRecords()
        self.part = RunPart.PLAN
        self._plan = build_plan(target, checks=selected) if plan is None else tuple(plan)
        # How many answers there were, and how many seconds they took in all.
        self._taken = (0, 0.0)
        rng = Random(f"a page of {target.seed}" if target.seed else None)  # noqa: S311 -- no secret
        missing = fresh_id(target.api.profile, rng)
        self._same_page = SamePage(target, missing, self.ask)
        self._planned: tuple[Finding, ...] = ()
        self._patience = Patience(
            self.rate_limiter,
            interval_s=target.poll_interval_s,
            clock=clock,
            ask_plainly=self._ask_plainly,
            stop=self.give_up,
        )
        self._lock = threading.Lock()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """
        What was found so far, each piece of news once, gravest first.
        """
        return tuple(found.first for found in self.groups)

    @property
    def groups(self) -> tuple[FindingGroup, ...]:
        """
        The same, with how often and where it was seen.
        """
        with self._lock:
            return self.coverage.of_looked(self._records.tally.groups())

    def first_seen_by(self, finding: Finding) -> RunPart:
        """
        Which part of the run has seen that first.
        """
        return self._records.parts.get(finding.fingerprint, RunPart.PLAN)

    @property
    def stalest(self) -> Finding | None:
        """
        The finding of the answer that was most behind; None where none was.
        """
        return self._records.tally.stalest

    @property
    def planned(self) -> tuple[Finding, ...]:
        """
        What was found in the answers to the plan alone.
        """
        return self._planned

    @property
    def unreachable(self) -> str | None:
        """
        Why the endpoint can't be reached at all; None where it can.
        """
        return self._records.unreachable

    @property
    def stopped(self) -> str | None:
        """
        Why the plan wasn't carried out to its end; None where it was.
        """
        return self._records.stopped

    @property
    def requests(self) -> int:
        """
        How many requests were sent.
        """
        return self.rate_limiter.sent

    @property
    def silence(self) -> str | None:
        """
        That the endpoint answers no more, in words; None where it answers.
        """
        return self._records.silence

    @property
    def lag_s(self) -> float:
        """
        How long after a step forward an answer led back to what had been shown before it.
        """
        return self._records.lag_s

    @property
    def is_over(self) -> bool:
        """
        Whether nothing more can be asked: nobody is there, or no request is left.
        """
        return not (self.unreachable is None and self.silence is None and self.stopped is None)

    @property
    def answer_s(self) -> float:
        """
        How many seconds an answer takes; 0.0 before there were enough to tell.
        """
        count, seconds = self._taken
        return seconds / count if count >= _ANSWERS_TO_TELL else 0.0

    def lack(self, check: Check) -> Lack | None:
        """
        What the run lacked for `check` to look at an answer; None where it did.
        """
        if self.unreachable is not None:
            return Lack(LackKind.NOT_ANSWERED, f"can't be reached: {self.unreachable}")
        unasked = self.target.why_unasked(check.needs)
        return Lack(LackKind.NOT_ASKED, unasked) if unasked else self.coverage.lack(check)

    def missing(self, *, generated: bool = False) -> tuple[str, ...]:
        """
        What a verdict would need that the run doesn't have, in words; empty if nothing.

        Args:
            generated: Whether generated cases were sent, none left out.
        """
        missing = self.coverage.missing(generated=generated and self.stopped is None)
        return missing if self.silence is None else (self.silence, *missing)

    def execute(self) -> None:
        """
        Carry the plan out.
        """
        PlanRunner(self, self._plan, clock=self._clock, wait=self._wait_for_jobs).run()
        self.note_silence()
        self._planned = self.findings

    def _wait_for_turn(self, seconds: float) -> None:
        # The rate alone never makes it wait for longer than the time between two requests.
        if seconds > max(0.5, 90.0 / (self.target.rate_per_minute or 180.0)):
            self._notice(self._patience.rests, seconds)
        self._wait(seconds)

    def _wait_for_jobs(self, seconds: float) -> None:
        self._notice("jobs still run, polled to their end", seconds)
        self._wait(seconds)

    def interrupt(self, why: str) -> None:
        """
        Send nothing more, and wait for nothing any more; what is on its way is the sender's.
        """
        with self._lock:
            self._records.stopped = self._records.stopped or why
        self.rate_limiter.close()
        self._interrupted.set()

    def note_silence(self) -> None:
        """
        Find out whether somebody still answers, where the latest requests had no answer.
        """
        records = self._records
        if self.unreachable or self.silence or records.unanswered < _MOST_UNANSWERED:
            return
        # The latest may have been what no server likes: an unknown method, an odd id.
        with suppress(BudgetSpent):
            self.send(self._plan[0])
        records.note_silence()

    def send(
        self, planned: PlannedRequest, *, fresh: bool = False
    ) -> tuple[Observation, tuple[Finding, ...]]:
        """
        Send one planned request now, and judge its answer.

        Args:
            fresh: By a new connection.

        Raises:
            BudgetSpent: No request is left.
        """
        request = self._with_entity_tag(request_of(self.target, planned), planned)
        return self.put(request, fresh=fresh)

    def put(
        self, request: Request, *, fresh: bool = False, generated: bool = False
    ) -> tuple[Observation, tuple[Finding, ...]]:
        """
        Send a request of anybody's when its turn comes, and judge its answer; again, as often as
        it is put off.

        Raises:
            BudgetSpent: No request is left.
        """
        is_second = False
        while True:
            outages = self._patience.outages
            seen, findings = self.record(self.ask(request, fresh=fresh), generated=generated)
            # Each 429 is judged and counted, too, and each costs a request of the budget.
            if self._patience.is_put_off(seen):
                continue
            if is_second or not self._patience.is_lost(seen, outages=outages):
                return seen, findings
            is_second = True

    def _ask_plainly(self) -> Observation:
        plain = (one for one in self._plan if one.manner is Manner.PLAIN and one.method == "GET")
        planned = next((one for one in plain if one.subject in _ABOUT_RIGHTS), self._plan[0])
        return self.record(self.ask(request_of(self.target, planned)))[0]

    def spend(self) -> None:
        """
        Note that no request is left.
        """
        with self._lock:
            spent = f"the budget of {self.target.budget} requests is spent"
            self._records.stopped = self._records.stopped or spent

    def stop(self, why: str) -> None:
        """
        Send nothing more.

        Args:
            why: As the report says it.
        """
        self._records.stopped = self._records.stopped or why
        self.rate_limiter.close()

    def give_up(self, why: str) -> None:
        """
        Send nothing more where that leads nowhere; without it there is no verdict.

        Args:
            why: As the report says it.
        """
        self._records.silence = self._records.silence or why
        self.stop(why)

    def send_at_once(
        self, planned: PlannedRequest, beside: PlannedRequest
    ) -> tuple[Observation, tuple[Finding, ...]]:
        """
        Send two at the same moment, each by a connection of its own; again, as often as one of
        them is put off.
        """
        is_second = False
        while True:
            outages = self._patience.outages
            judged = self._send_both(planned, beside)
            if any(self._patience.is_put_off(seen) for seen, _ in judged):
                continue
            lost = (seen for seen, _ in judged if self._patience.is_lost(seen, outages=outages))
            if is_second or next(lost, None) is None:
                return judged[0]
            is_second = True

    def _send_both(
        self, planned: PlannedRequest, beside: PlannedRequest
    ) -> list[tuple[Observation, tuple[Finding, ...]]]:
        requests = [request_of(self.target, one) for one in (planned, beside)]
        # Both wait for their turns first, so that in all they are no more and no faster.
        for _ in requests:
            self.rate_limiter.acquire()
        start = threading.Barrier(len(requests))

        def ask(request: Request) -> Exchange:
            start.wait()
            return self.sender.send(request, deadline_s=self.target.timeout_s, fresh=True)

        with ThreadPoolExecutor(len(requests), thread_name_prefix="jobproof") as pool:
            return [self.record(exchange) for exchange in pool.map(ask, requests)]

    def ask(self, request: Request, *, fresh: bool = False) -> Exchange:
        """
        Send a request of anybody's when its turn comes; no retry, and nothing is judged.

        Raises:
            BudgetSpent: No request is left.
        """
        self.rate_limiter.acquire()
        # Named only where it matters: most senders know no connections.
        how = {"fresh": True} if fresh else {}
        began = time.monotonic()
        exchange = self.sender.send(request, deadline_s=self.target.timeout_s, **how)
        count, seconds = self._taken
        self._taken = (count + 1, seconds + time.monotonic() - began)
        return exchange

    def record(
        self, exchange: Exchange, *, generated: bool = False
    ) -> tuple[Observation, tuple[Finding, ...]]:
        """
        Judge an exchange, whoever sent it, as the latest of its job.
        """
        # Before it is judged: what is said of an answer isn't taken back.
        seen = self._same_page(self.target.api.observe(exchange))
        key = exchange.request.job_id or exchange.request.url
        with self._lock:
            trace = Trace.after(
                self._history(key),
                self.target.api,
                seen,
                baselines=self._records.baselines.like(seen),
                token=self.target.token_in(exchange.request),
                deadline_s=self.target.job_deadline_s,
            )
        # Not under the lock: judging is the long part, and other sequences wait to look back.
        judgement = self._judge.judge(trace)
        with self._lock:
            self._remember(key, seen, judgement, generated=generated)
        self._progress(self.rate_limiter.sent)
        return seen, judgement.findings

    def _history(self, key: str) -> History:
        records, target = self._records, self.target
        if key not in records.history:
            records.history[key] = self._judge.history_of(
                target.api, staleness_s=target.staleness_s
            )
        return records.history[key]

    def _remember(
        self, key: str, seen: Observation, judgement: Judgement, *, generated: bool
    ) -> None:
        records = self._records
        for finding in judgement.findings:
            records.tally.add(finding)
            records.parts.setdefault(finding.fingerprint, self.part)
        self.coverage.add(seen, judgement, generated=generated)
        self._patience.note(seen)
        failure = seen.exchange.failure
        if failure is None or failure.partial is not None:
            records.answered, records.unanswered = records.answered + 1, 0
        else:
            records.note_unanswered(failure, self.target)
        if seen.intermediary is not None:
            self._count_intermediary()
            return
        records.intermediaries = 0
        records.note_lag(self._history(key).past, seen, self.target.api.lifecycle)
        self._history(key).add(seen)
        # What a foreign job's answer is compared with: it must not differ from this one.
        records.baselines.add(seen)
        # Only the first id decides: later a lost connection is a fault like any other.
        if failure and failure.reason in _UNREACHABLE and len(records.history) == 1:
            records.unreachable = self.target.redactor.text(failure.detail)

    def _count_intermediary(self) -> None:
        records = self._records
        records.intermediaries += 1
        if records.intermediaries == _MOST_INTERMEDIARIES and records.stopped is None:
            self.stop(f"{records.intermediaries} answers in a row weren't the API's own")

    def _with_entity_tag(self, request: Request, planned: PlannedRequest) -> Request:
        if not planned.conditional:
            return request
        with self._lock:
            tags = self._history(planned.job_id).past.tags
        tag = next((tag for tag in reversed([*tags]) if tag), None)
        if tag is not None and planned.manner is Manner.NEAR_TAG:
            tag = near_tag(tag)
        if tag is None:
            return request
        # Sent as it came, `W/` included: RFC 9110 13.1.2 compares tags weakly here.
        if planned.manner is Manner.LISTED_TAG:
            tag = f'"jobproof-matches-nothing", W/{tag.removeprefix("W/")}'
        others = without_headers(request.headers, "if-none-match")
        return replace(request, headers=(*others, ("If-None-Match", tag)))
