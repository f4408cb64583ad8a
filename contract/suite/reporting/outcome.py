"""
What a report says of a run, whether it has asked or reads what others asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from signal import Signals

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.judging.acceptance_use import AcceptanceUse, uses_of
from jobproof.contract.judging.check_reach import Lack
from jobproof.contract.judging.coverage import Coverage
from jobproof.contract.judging.judge import CRASHED
from jobproof.contract.model.api import Api
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.trace import staleness_in
from jobproof.contract.model.verdict import (
    CheckState,
    FindingGroup,
    Verdict,
    conclude,
    state_of,
)
from jobproof.contract.reaching.remedy import remedy_of
from jobproof.contract.reaching.setting import OPTIONS_PLACE
from jobproof.contract.recordings.replay import RecordedRun
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.running.run import Run
from jobproof.contract.suite.running.sender import Retry

__all__ = ["CheckOutcome", "Outcome", "outcome_of_recordings", "outcome_of_run", "told_of_retries"]


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """
    What became of one promise.

    Attributes:
        lack: What there was too little of to look at it; None where it was looked at.
        broken: What broke it.
    """

    check: Check
    state: CheckState
    lack: Lack | None
    broken: tuple[FindingGroup, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Attributes:
        token_env: The variable that stands for a token in lines to copy.
        missing: What a verdict would need, in words.
        unreachable: Why nobody could be asked, in words; None where somebody could.
        stopped: Why not everything was sent that should have been; None where it was.
        crash: What of ours failed meanwhile, in words; None where nothing did.
        interrupted: The signal that ended it before its time, such as SIGINT.
        selected: The ids of the checks that were asked for, where others were left out.
        staleness: How far answers were behind, as the report has it.
        staleness_s: By which they were allowed to be behind.
        notes: What may be a mistake of whoever asks, in words.
        words: What lines to copy say beside the request.
    """

    api: Api
    checks: tuple[Check, ...]
    coverage: Coverage
    groups: tuple[FindingGroup, ...]
    missing: tuple[str, ...]
    lack: Callable[[Check], Lack | None]
    strict: bool
    redactor: Redactor
    token_env: str
    unreachable: str | None
    staleness: JsonObject
    staleness_s: float
    stopped: str | None = None
    crash: str | None = None
    interrupted: str | None = None
    selected: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    words: ShellWords = ShellWords()

    @property
    def failure(self) -> str | None:
        """
        What went wrong on our side, in words: the run itself, or a check. Nothing follows from it
        for the endpoint.
        """
        crashed = [one.first.redacted(self.redactor).message for one in self.crashed()]
        return self.crash or "; ".join(crashed) or None

    @property
    def exit_code(self) -> int:
        """
        1 broken, then 4 a failure of ours, 130 or 143 interrupted, 3 inconclusive, 0 kept.
        """
        verdict = self.verdict
        if verdict is Verdict.BROKEN:
            return verdict.exit_code
        if self.failure is not None:
            return 4
        # As shells have it: 128 and the number of the signal.
        return 128 + Signals[self.interrupted] if self.interrupted else verdict.exit_code

    @property
    def verdict(self) -> Verdict:
        """
        What it adds up to.
        """
        found = [one.first for one in self.groups if one.first.check != CRASHED]
        ended_early = filter(None, (self.failure, self.interrupted))
        missing = (*self.missing, *ended_early)
        return conclude(found, missing=missing, strict=self.strict)

    @property
    def why(self) -> str | None:
        """
        Why nothing can be said, in one line; None where something can.
        """
        verdict = self.verdict
        if verdict is Verdict.BROKEN:
            return None
        if self.failure is not None:
            return f"jobproof itself failed: {self.failure.splitlines()[0]}"
        if self.interrupted is not None:
            return f"interrupted ({self.interrupted})"
        if self.unreachable is not None:
            return self.unreachable
        if verdict is Verdict.INCONCLUSIVE:
            refused = [g.first.message for g in self.groups if g.first.kind is Kind.INCONCLUSIVE]
            detail = f" ({refused[0]})" if refused else ""
            return f"{'; '.join(self.missing)}{detail}"
        return None

    def of_checks(self) -> Iterable[CheckOutcome]:
        """
        What became of each promise, in the order of the checks.
        """
        by_check: dict[str, list[FindingGroup]] = {}
        for one in self.groups:
            by_check.setdefault(one.first.check, []).append(one)
        for check in self.checks:
            own, lack = by_check.get(check.id, []), self.lack(check)
            state = state_of([g.first for g in own], looked=lack is None, strict=self.strict)
            if state is not CheckState.NOT_REACHED:
                lack = None  # what was seen broken was seen
            yield CheckOutcome(check, state, lack, self._breaking(own))

    def accepted(self) -> tuple[AcceptanceUse, ...]:
        """
        What became of what is accepted, entry by entry.
        """
        states = self.of_checks()
        reached = {one.check.id for one in states if one.state is not CheckState.NOT_REACHED}
        return tuple(uses_of(self.api.profile.policy.accept, self.groups, reached))

    def crashed(self) -> tuple[FindingGroup, ...]:
        """
        What was found that is no check's: that one has crashed.
        """
        return tuple(g for g in self.groups if g.first.check == CRASHED)

    def _breaking(self, groups: Iterable[FindingGroup]) -> tuple[FindingGroup, ...]:
        return tuple(g for g in groups if g.first.breaks(strict=self.strict))


def outcome_of_run(
    run: Run,
    *,
    generated: bool,
    crash: str | None = None,
    interrupted: str | None = None,
    notes: Iterable[str] = (),
) -> Outcome:
    """
    Of a run that has asked.

    Args:
        generated: Whether generated cases were sent.
        crash: What of ours failed meanwhile, in words.
        interrupted: The signal that ended it before its time.
        notes: What else somebody has to know, in words.
    """
    target = run.target
    unreachable = None
    if run.unreachable is not None:
        unreachable = f"{target.base_url} can't be reached: {run.unreachable}"
        remedy = remedy_of(run.unreachable, target.route, OPTIONS_PLACE)
        unreachable += f" ({remedy})" if remedy else ""
    return Outcome(
        target.api,
        run.checks,
        run.coverage,
        run.groups,
        run.missing(generated=generated),
        run.lack,
        target.strict,
        target.redactor,
        target.token_env,
        unreachable,
        staleness_in(run.stalest, tolerated_s=target.staleness_s),
        target.staleness_s,
        run.stopped,
        crash,
        interrupted,
        run.selected,
        (*notes, *_of_lag(run.lag_s, target.staleness_s), *_of_tokens(target)),
        target.words,
    )


def told_of_retries(retries: Sequence[Retry]) -> Iterable[str]:
    """
    That requests were sent again, how often and why.
    """
    if retries:
        kinds = Counter(one.reason.value for one in retries)
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        requests = "request was" if len(retries) == 1 else "requests were"
        yield f"{len(retries)} {requests} lost on the way and sent again ({counted})"


def _of_tokens(target: SuiteTarget) -> Iterable[str]:
    """
    That tokens were refused meanwhile, each of which a client would have to renew, too.
    """
    if target.tokens is not None and target.tokens.renewals:
        count = target.tokens.renewals
        times = "once" if count == 1 else f"{count} times"
        yield f"the token was refused (401) {times} before its end, and another one got"


def _of_lag(lag_s: float, staleness_s: float) -> Iterable[str]:
    """
    That replicas may be behind, where it looks like that and nobody has said so.
    """
    if lag_s > staleness_s:
        # Whole seconds, and room for another time.
        enough_s = ceil(lag_s) + 1
        yield (
            f"answers led back to what had been shown before, {lag_s:.1f} s after a newer one; "
            f"if replicas may be behind, say so with --staleness {enough_s}s"
        )


def outcome_of_recordings(run: RecordedRun, *, token_env: str) -> Outcome:
    """
    Of one that reads what others asked.

    Args:
        token_env: The variable that stands for a token in lines to copy.
    """
    return Outcome(
        run.api,
        run.checks,
        run.coverage,
        run.groups,
        run.missing(),
        run.lack,
        run.strict,
        run.redactor,
        token_env,
        None,
        staleness_in(run.stalest, tolerated_s=run.staleness_s),
        run.staleness_s,
    )
