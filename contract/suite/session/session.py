"""
The one run of a process: made at most once, whatever becomes of it.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TextIO

from jobproof.contract.client.curl import Client
from jobproof.contract.errors import InconclusiveError, JobproofError
from jobproof.contract.model.check import Check
from jobproof.contract.reaching.remedy import remedy_of
from jobproof.contract.reaching.setting import OPTIONS_PLACE
from jobproof.contract.suite.accepting.baseline import Baseline, read_baseline
from jobproof.contract.suite.options import OptionValues
from jobproof.contract.suite.planning.forecast import forecast_of, opening
from jobproof.contract.suite.planning.plan import build_plan, request_of
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.planning.target_options import open_target
from jobproof.contract.suite.reporting.explain import evidence_of
from jobproof.contract.suite.reporting.nodes import (
    GENERATED_CASES,
    WALKS,
    PropertyOutcome,
    nodes_of,
)
from jobproof.contract.suite.reporting.outcome import outcome_of_run, told_of_retries
from jobproof.contract.suite.reporting.progress import Progress
from jobproof.contract.suite.reporting.report import build_report
from jobproof.contract.suite.reporting.summary import breaking
from jobproof.contract.suite.running.rate_limiter import BudgetSpent
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.running.sender import RetryingSender
from jobproof.contract.suite.session.readiness import wait_until_ready
from jobproof.contract.suite.session.shared_run import PROCESS_DIED, SharedRun
from jobproof.contract.suite.session.signals import SignalWatch
from jobproof.contract.suite.session.suite_client import sender_over, suite_client
from jobproof.contract.suite.session.told import Told, told_without_run

__all__ = ["DRAWN", "NodeSelection", "Session"]

DRAWN = frozenset({GENERATED_CASES, WALKS})
"""The nodes of requests that Hypothesis draws."""

_LOOK_S = 0.05
"""How often the waiting thread looks whether a signal has come."""
_ENDING_S = 2.0
"""How long a run that is interrupted may take to end; then it is told as it stands."""


@dataclass(frozen=True, slots=True)
class NodeSelection:
    """
    Which nodes are to be told.

    Attributes:
        checks: The ids of these checks alone; None for all.
        drawn: The nodes of requests that are drawn: only what they need is sent.
    """

    checks: tuple[str, ...] | None = None
    drawn: frozenset[str] = DRAWN


class Session:
    """
    Makes the run when it is first asked for, in a thread of its own: what is raised in whoever
    waits for it, such as a node's time-out, neither ends it nor has it made again.

    Args:
        shared: Where several processes agree on who makes it; None where this one is alone.
        terminal: Gets what is said while it goes on; None for silence.
        report_option: By which a report is asked for.
    """

    def __init__(
        self,
        values: OptionValues,
        checks: Sequence[Check],
        selection: NodeSelection,
        *,
        shared: SharedRun | None = None,
        terminal: TextIO | None = None,
        report_option: str = "--report",
    ) -> None:
        self._values = values
        self._selection = selection
        self._checks = tuple(
            one for one in checks if selection.checks is None or one.id in selection.checks
        )
        self._shared = shared
        self._terminal = terminal
        self._report_option = report_option
        self._settling = threading.Lock()
        self._started = (time.time(), time.monotonic())
        self._stack = ExitStack()
        self._thread: threading.Thread | None = None
        self._told: Told | None = None
        self._client: Client | None = None
        self._run: Run | None = None
        self._retrying: RetryingSender | None = None
        self._notes: list[str] = []
        self._drawn: dict[str, PropertyOutcome] = {}
        self._baseline: Baseline | None = None
        self._signal: str | None = None
        self._progress: Progress | None = None

    def told(self) -> Told:
        """
        What the run has come to; the first call makes it, and each waits for its end.
        """
        if self._thread is None:
            # Noted before anything is sent.
            self._thread = threading.Thread(target=self._make, name="jobproof-run", daemon=True)
            self._thread.start()
        if self._told is None:
            self._wait(self._thread)
        assert self._told is not None  # the thread tells before it ends
        return self._told

    def so_far(self) -> Told | None:
        """
        What the run has come to; one that is under way is interrupted, and none is made.
        """
        if self._thread is not None and self._told is None:
            self._interrupt("SIGINT")
            self._wait_for_end(self._thread)
        return self._told

    def close(self) -> None:
        """
        Close the connections, and the embedded mock if there is one.
        """
        self._stack.close()

    def _wait(self, thread: threading.Thread) -> None:
        with SignalWatch() as signals:
            while thread.is_alive() and signals.received is None:
                thread.join(_LOOK_S)
            if signals.received is not None:
                self._interrupt(signals.received)
                self._wait_for_end(thread)

    def _interrupt(self, signal: str) -> None:
        self._signal = signal
        if self._run is not None and self._client is not None:
            self._run.interrupt(f"interrupted ({signal})")
            self._client.abort()

    def _wait_for_end(self, thread: threading.Thread) -> None:
        thread.join(_ENDING_S)
        if self._told is None:
            self._settle(self._conclude(None))

    def _make(self) -> None:
        if self._shared is None or self._shared.claim():
            self._settle(self._carry_out())
        else:
            died = told_without_run(self._values, crash=PROCESS_DIED)
            self._told = self._shared.told() or died

    def _settle(self, told: Told) -> None:
        if self._progress is not None:
            self._progress.close()
        # Whoever has lost patience with the run may have told of it before its end.
        with self._settling:
            if self._told is None:
                if self._shared is not None:
                    self._shared.publish(told)
                self._told = told

    def _carry_out(self) -> Told:
        crash = None
        try:
            self._open()
            run = self._run
            assert run is not None
            if self._signal is not None:
                self._interrupt(self._signal)
            if self._wait_until_ready(run):
                run.execute()
                self._draw(run)
        # Whatever it is, every node tells it, and nothing is sent again.
        except BaseException as exc:  # noqa: BLE001
            if isinstance(exc, JobproofError) and self._run is None:
                if isinstance(exc, InconclusiveError):
                    return told_without_run(self._values, silence=str(exc))
                return Told(exc.exit_code, mistake=str(exc))
            crash = _in_words(exc)
        return self._conclude(crash)

    def _open(self) -> None:
        target = self._stack.enter_context(open_target(self._values))
        self._baseline = read_baseline(self._values.get("baseline"), target.api.name)
        client = self._client = self._stack.enter_context(suite_client(target))
        progress = self._progress_of(target)
        sender = self._retrying = sender_over(client, target)
        run = self._run = Run(
            *(target, self._checks, sender),
            progress=progress,
            notice=progress.notice,
            selected=self._selection.checks,
        )
        sender.turn = run.rate_limiter.acquire
        progress.findings = lambda: len(breaking(run.findings, strict=target.strict))

    def _wait_until_ready(self, run: Run) -> bool:
        """
        Whether the endpoint answers, where it is to be waited for; what that took is noted.
        """
        target = run.target
        if not target.wait_ready_s:
            return True
        request = request_of(target, build_plan(target, checks=self._selection.checks)[0])
        try:
            ready = wait_until_ready(lambda: run.ask(request), target.wait_ready_s)
        except BudgetSpent:
            run.spend()
            return False
        if ready.note:
            self._notes.append(ready.note)
        if not ready.is_ready:
            remedy = remedy_of(ready.note, target.route, OPTIONS_PLACE)
            run.give_up(f"{ready.note}{f' ({remedy})' if remedy else ''}")
        return ready.is_ready

    def _progress_of(self, target: SuiteTarget) -> Progress:
        forecast = forecast_of(target, build_plan(target, checks=self._selection.checks))
        progress = self._progress = Progress(self._terminal, forecast)
        progress.say(opening(target, forecast, now=time.time()))
        return progress

    def _draw(self, run: Run) -> None:
        effort = run.target.effort
        for name, count in ((GENERATED_CASES, effort.generated), (WALKS, effort.walks)):
            if name not in self._selection.drawn:
                continue
            if not count or run.is_over:
                why = "none is drawn: small effort, spent budget, or nobody there"
                self._drawn[name] = PropertyOutcome(why)
                continue
            # Hypothesis and Schemathesis take a second to load.
            from jobproof.contract.suite.running import properties

            cases = name == GENERATED_CASES
            draw = properties.send_generated_cases if cases else properties.take_walks
            new = draw(run)
            self._drawn[name] = PropertyOutcome(found=new.latest, complete=not new.out_of_time())

    def _conclude(self, crash: str | None) -> Told:
        try:
            return self._tell(crash)
        except Exception as exc:  # noqa: BLE001 -- nobody else would say so
            return told_without_run(self._values, crash=crash or _in_words(exc))

    def _tell(self, crash: str | None) -> Told:
        run, signal = self._run, self._signal
        if run is None:
            return told_without_run(self._values, crash=crash, interrupted=signal)
        cases = self._drawn.get(GENERATED_CASES)
        # A run cut short may have reached too little, which is the clock's fault.
        generated = cases is not None and not cases.skipped and cases.complete
        retries = self._retrying.retries if self._retrying is not None else []
        outcome = outcome_of_run(
            run,
            generated=generated,
            crash=crash,
            interrupted=signal,
            notes=(*self._notes, *told_of_retries(retries)),
        )
        wall, start = self._started
        spent_s = time.monotonic() - start
        report = build_report(run, outcome, retries=retries, started_at=wall, duration_s=spent_s)
        if self._baseline is not None:
            report = self._baseline.compared(report)
        place, option = self._values.get("report"), self._report_option
        evidence = evidence_of(outcome.groups, place, option=option)
        nodes = tuple(nodes_of(outcome, self._drawn, evidence=evidence))
        return Told(outcome.exit_code, nodes, report, interrupted=signal)


def _in_words(exc: BaseException) -> str:
    """
    What was raised, and on the lines below it where.
    """
    lines = traceback.format_exception(exc)
    return f"{type(exc).__name__}: {exc}\n{''.join(lines)}"
