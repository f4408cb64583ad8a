"""
Trace in, findings out. Nobody else decides what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TypeVar

from jobproof.contract.formats.wording import described, legible, shorten
from jobproof.contract.judging.foreign_remarks import foreign_remarks
from jobproof.contract.judging.limited_calls import (
    CallFailedError,
    FailureReason,
    LimitedCalls,
    is_foreign,
)
from jobproof.contract.model.api import Api
from jobproof.contract.model.check import METHODS, Check, Facet
from jobproof.contract.model.exchange import NotRecorded
from jobproof.contract.model.finding import Basis, Finding, Kind, Remark, Severity
from jobproof.contract.model.history.history import History
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace

__all__ = ["CRASHED", "Judge", "Judgement"]

CRASHED = "check_crashed"
"""The id of the finding that says a check itself failed."""

_MOST_KINDS = 256
_LONGEST_REASON = 120
_LONGEST_CRASH = 500
_AVAILABILITY = "endpoint_is_available"
"""The check that says that something else answers in the API's place."""
_MOST_REMARKS = 100
"""Of one check about one answer: a hundred tell what is wrong, and a thousand cost time."""
_MOST_FINDINGS = 500
_MOST_COUNTED = 1_000
"""How many more of one check are counted before it is stopped."""
_LIMIT_S = 10.0
"""How long a check may take that isn't one of ours."""
_ORDER = (Facet.EXCHANGE, Facet.RESPONSE, Facet.BODY, Facet.VALUE, Facet.JOB)


_Condition = Callable[[Trace], bool]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What was said of an answer, and who had anything to look at in it.

    Attributes:
        asked: The checks that were run, where the API itself answered.
        looked: Those of them that saw what they speak about, and could tell right from wrong.
        unrecorded: What a recorder left out, by the checks that asked for it.
        dropped: How many more findings there were, at least, than are kept of one answer.
    """

    findings: tuple[Finding, ...]
    asked: tuple[Check, ...] = ()
    looked: tuple[Check, ...] = ()
    unrecorded: Mapping[str, str] = field(default_factory=dict)
    dropped: int = 0


@dataclass(slots=True)
class _Said:
    """
    What the checks say of one answer, while they are asked.
    """

    findings: list[Finding] = field(default_factory=list)
    unrecorded: dict[str, str] = field(default_factory=dict)
    dropped: int = 0


class _Selection:
    """
    The checks for one kind of exchange, and those of them for each kind of answer.
    """

    __slots__ = ("_by_kind", "_conditions", "checks")

    def __init__(self, checks: tuple[Check, ...]) -> None:
        self.checks = checks
        # One of a plug-in's is asked with its check, where it may hang and harm nobody.
        conditions = dict.fromkeys(c.condition for c in checks if not is_foreign(c.run))
        self._conditions = tuple(one for one in conditions if one is not None)
        self._by_kind: dict[
            tuple[int, frozenset[str], tuple[_Condition, ...]], tuple[Check, ...]
        ] = {}

    def heeding(self, trace: Trace, code: int, names: frozenset[str]) -> tuple[Check, ...]:
        """
        Those that look at every answer, or at such a code, a field of one of these names, or
        what `trace` shows.
        """
        try:
            holding = tuple([one for one in self._conditions if one(trace)])
        except Exception:  # noqa: BLE001 -- the check crashes at the same place, and is reported
            holding = self._conditions
        key = (code, names, holding)
        found = self._by_kind.get(key)
        if found is None:
            if len(self._by_kind) >= _MOST_KINDS:
                self._by_kind.clear()  # codes and names are foreign: there may be any of them
            found = self._by_kind[key] = tuple(
                check
                for check in self.checks
                if (not check.fields or names & set(check.fields))
                and (check.codes is None or code in check.codes)
                and (check.condition is None or check.condition in holding or is_foreign(check.run))
            )
        return found


class Judge:
    """
    Runs every check that has something to say about a trace.

    A check that crashes is itself reported: a validator that fails open is worse
    than none. Where a recorder left something out that may be why, it proves nothing.

    Of one answer only so many findings are kept, and the rest is counted: an answer must not
    decide what it costs to judge it. A check of a plug-in that hangs is left out from then on.

    Args:
        limit_s: How long a check may take that isn't one of ours.
        calls: The threads in which those run.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        *,
        limit_s: float = _LIMIT_S,
        calls: LimitedCalls | None = None,
    ) -> None:
        self.checks = tuple(checks)
        self.window = max((check.window for check in self.checks), default=0)
        """How many exchanges before the latest are looked at one by one."""
        self.off: dict[str, str] = {}
        """The checks that are asked no longer, and why."""
        self._limit_s = limit_s
        self._calls = calls or LimitedCalls()
        self._foreign = frozenset(check.id for check in self.checks if is_foreign(check.run))
        self._watched = frozenset(name for check in self.checks for name in check.fields)
        self._selected: dict[tuple[str, int, str, str, str, str], _Selection] = {}
        # An answer that isn't the API's breaks none of its promises, and keeps none.
        self._of_others = _Selection(tuple(c for c in self.checks if c.id == _AVAILABILITY))

    def __call__(self, trace: Trace) -> tuple[Finding, ...]:
        """
        Everything there is to say about the latest exchange of `trace`.
        """
        return tuple(self._run(trace).findings)

    def find(self, trace: Trace) -> Judgement:
        """
        The same, with the checks that had their say: those that didn't fail.
        """
        said = self._run(trace)
        asked = self._select(trace).checks
        failed = {f.pointer for f in said.findings if f.check == CRASHED} | self.off.keys()
        if failed:
            asked = tuple(check for check in asked if check.id not in failed)
        return Judgement(tuple(said.findings), asked, dropped=said.dropped)

    def _run(self, trace: Trace) -> _Said:
        said, off, foreign = _Said(), self.off, self._foreign
        for check in self._heeding(trace):
            # A generator crashes while it is iterated, and what it said before that counts.
            try:
                if foreign and check.id in foreign:
                    if check.id not in off:
                        self._ask(check, trace, said)
                    continue
                # Nearly every check has nothing to say of an answer, so no more is done for it.
                for remark in (remarks := iter(check.run(trace))):
                    self._keep(check, chain((remark,), remarks), trace, said)
            except NotRecorded as exc:
                said.unrecorded[check.id] = str(exc)
            except CallFailedError as exc:
                said.findings.append(self._failed(check, exc, trace))
            except Exception as exc:  # noqa: BLE001 -- any crash is news, never silence
                said.findings.append(_crash(check, described(exc), trace))
        return said

    def _ask(self, check: Check, trace: Trace, said: _Said) -> None:
        most = _MOST_REMARKS + _MOST_COUNTED + 1
        remarks, error = self._call(check, lambda: foreign_remarks(check, trace, most=most))
        self._keep(check, remarks, trace, said)
        if error is not None:
            raise error

    def _keep(self, check: Check, remarks: Iterator[Remark], trace: Trace, said: _Said) -> None:
        room = max(1, min(_MOST_REMARKS, _MOST_FINDINGS - len(said.findings)))
        untold = 0
        for remark in islice(remarks, room):
            said.findings.append(_finding(check, remark, trace))
            untold += remark.more
        more, is_all = _count(remarks)
        more += untold
        said.dropped += more
        if more:
            said.findings[-1] = _with_rest(said.findings[-1], more, is_all=is_all)

    def _failed(self, check: Check, exc: CallFailedError, trace: Trace) -> Finding:
        if exc.why is FailureReason.HUNG:
            self.off[check.id] = f"it hung: {exc}"
            message = f"check {check.id} hangs: {exc}; it is asked no longer"
            return _crashed(check, message, exc.why, trace)
        return _crash(check, str(exc), trace)

    def judge(self, trace: Trace) -> Judgement:
        """
        The same, with the checks that looked: a silence of any other says nothing.
        """
        said = self._run(trace)
        findings, unrecorded = said.findings, said.unrecorded
        undecided = [f for f in findings if f.kind is Kind.INCONCLUSIVE]
        crashed = {f.pointer for f in findings if f.check == CRASHED} | self.off.keys()
        silent = crashed | {f.check for f in undecided}
        spoke = {f.check for f in findings} - silent
        selected = self._select(trace).checks
        # What makes the answer as a whole say nothing stands at its code.
        if not _is_answer(trace.latest) or any(f.pointer == "code" for f in undecided):
            spoken = tuple(c for c in selected if c.id in spoke)
            return Judgement(tuple(findings), (), spoken, dropped=said.dropped)
        looked = []
        # What was found is there, whatever else was left out.
        silent |= unrecorded.keys() - spoke
        for check in selected:
            if check.id in silent:
                continue
            try:
                if check.id in spoke or self._looks(check, trace):
                    looked.append(check)
            except NotRecorded as exc:
                unrecorded[check.id] = str(exc)
            except CallFailedError as exc:
                findings.append(self._failed(check, exc, trace))
            except Exception as exc:  # noqa: BLE001 -- as with the check itself
                findings.append(_crash(check, described(exc), trace))
        return Judgement(tuple(findings), selected, tuple(looked), unrecorded, said.dropped)

    def _looks(self, check: Check, trace: Trace) -> bool:
        if check.premise is None or check.id not in self._foreign:
            return check.looks_at(trace)
        return self._call(check, lambda: check.looks_at(trace))

    def _call(self, check: Check, function: Callable[[], Value]) -> Value:
        return self._calls.call(function, limit_s=self._limit_s, label=f"check {check.id}")

    def revive(self) -> None:
        """
        Ask all checks again.
        """
        self.off.clear()

    def _select(self, trace: Trace) -> _Selection:
        """
        The checks that speak of an exchange like the latest, worked out once a kind.
        """
        seen = trace.latest
        if seen.intermediary is not None:
            return self._of_others
        # A recording's method is foreign text: all unlisted ones share a key, so the cache stays
        # small.
        method = seen.method if seen.method in METHODS else "other"
        key = (trace.api.name, _depth(seen), seen.subject, seen.credential, method, seen.manner)
        # A run judges thousands of exchanges, of a handful of kinds.
        selected = self._selected.get(key)
        if selected is None:
            name, depth, *features = key
            selected = self._selected[key] = _Selection(
                tuple(
                    check
                    for check in self.checks
                    if _ORDER.index(check.about) <= depth
                    and check.speaks_of(name)
                    and (not check.only or set(check.only) & set(features))
                    and (check.of_manners or seen.manner is Manner.PLAIN)
                )
            )
        return selected

    def _heeding(self, trace: Trace) -> tuple[Check, ...]:
        """
        Those of the selected checks that may have something to say of such an answer.
        """
        selected, response = self._select(trace), trace.latest.response
        # Of what a recorder left out each check says for itself whether it needs it.
        if response is None or not response.has_all_headers:
            return selected.checks
        return selected.heeding(trace, response.code, response.names & self._watched)

    def history_of(self, api: Api, *, staleness_s: float = 0.0, window: int = 32) -> History:
        """
        An empty history of a job of `api` that keeps what these checks look at.

        Args:
            window: How many of the latest sights are kept at least.
        """
        return History(api.lifecycle, staleness_s=staleness_s, recent=self.window, window=window)


def _is_answer(seen: Observation) -> bool:
    """
    Whether the API itself has answered, whole or in part.
    """
    if seen.response is None:
        failure = seen.exchange.failure
        return failure is not None and failure.partial is not None
    return True


def _depth(seen: Observation) -> int:
    if seen.is_view:
        return 4
    if seen.body is not None:
        return 3 if seen.body.readable else 2
    return 1 if seen.response is not None else 0


def _finding(check: Check, remark: Remark, trace: Trace) -> Finding:
    accepted, lapsed = _acceptance(check.id, remark, trace)
    return Finding(
        check=check.id,
        kind=remark.kind,
        basis=remark.basis or check.basis,
        source=remark.source or check.source,
        severity=check.severity,
        pointer=remark.at,
        message=f"{remark.message}{lapsed}",
        expected=remark.expected,
        found=remark.found,
        exchange=trace.latest.exchange,
        drift=remark.drift,
        patch=remark.patch,
        accepted=accepted,
    )


def _acceptance(check: str, remark: Remark, trace: Trace) -> tuple[str | None, str]:
    """
    The reason for which the policy accepts a remark, if it does; else that it did so until a day.
    """
    policy = trace.api.profile.policy
    about = [one for one in policy.accept if one.covers(check, remark.kind, (remark.at,))]
    # Past its day an acceptance lapses, so that somebody looks at it again.
    for one in about:
        if one.holds_at(trace.now):
            return one.reason, ""
    if not about:
        return None, ""
    latest = max(about, key=lambda one: one.expires)
    return None, f" (its acceptance expired on {latest.expires}: {_in_a_line(latest.reason)})"


def _in_a_line(reason: str) -> str:
    return legible(shorten(reason, _LONGEST_REASON))


def _count(remarks: Iterator[Remark]) -> tuple[int, bool]:
    """
    How many are left, and whether that is all of them.
    """
    rest = [1 + remark.more for remark in islice(remarks, _MOST_COUNTED)]
    return sum(rest), len(rest) < _MOST_COUNTED or next(remarks, None) is None


def _with_rest(last: Finding, more: int, *, is_all: bool) -> Finding:
    how_many = f"{more:,}" if is_all else f"at least {more:,}"
    return replace(last, message=f"{last.message} (and {how_many} more of this check)")


def _crash(check: Check, what: str, trace: Trace) -> Finding:
    found = what.partition(":")[0]
    gap = _gap(trace)
    if gap is None:
        return _crashed(check, f"check {check.id} crashed: {what}", found, trace)
    message = f"check {check.id} can't tell: {gap} ({what})"
    return replace(_crashed(check, message, found, trace), kind=Kind.INCONCLUSIVE)


def _crashed(check: Check, message: str, found: str, trace: Trace) -> Finding:
    return Finding(
        check=CRASHED,
        kind=Kind.VIOLATION,
        basis=Basis.DOCUMENTED,
        source=f"jobproof: check {check.id}",
        severity=Severity.HIGH,
        pointer=check.id,
        message=legible(shorten(message, _LONGEST_CRASH)),
        expected="a check that says yes or no",
        found=found,
        exchange=trace.latest.exchange,
    )


def _gap(trace: Trace) -> str | None:
    """
    What a recorder left out of the answers that a check is shown; None where all are whole.
    """
    for seen in (trace.latest, *trace.known, *trace.baselines):
        response = seen.response
        if response is not None and response.body is None:
            return "the recording lacks the body"
        if response is not None and not response.has_all_headers:
            return "the recording lacks headers of the answer"
        if not seen.exchange.request.has_all_headers:
            return "the recording lacks headers of the request"
        if not seen.exchange.is_timed:
            return "the recording doesn't say how long the answer took"
    return None
