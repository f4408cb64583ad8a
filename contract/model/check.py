"""
A check: a pure function from a trace to remarks, with the promise it stands for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps

from jobproof.contract.errors import did_you_mean
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.trace import Trace

__all__ = ["ERRORS", "METHODS", "MOST_WINDOW", "Check", "Facet", "Premise", "check"]

MOST_WINDOW = 100
"""How many exchanges before the latest a check may look at one by one."""

ERRORS = range(400, 2**31)
"""For `codes`: whatever says that something went wrong."""

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"})
_FEATURES = frozenset(
    {*map(str, Subject), *map(str, Credential), *(manner.value for manner in Manner)} | METHODS
)
"""What `needs` and `only` may name: subjects, credentials, manners and methods."""

CheckFunction = Callable[[Trace], Iterable[Remark]]


class Facet(StrEnum):
    """
    What an exchange must have for a check to have anything to say.
    """

    EXCHANGE = "exchange"
    """Always."""
    RESPONSE = "response"
    """A whole answer."""
    BODY = "body"
    """A body that was to be read as JSON."""
    VALUE = "value"
    """A body that could be read as JSON."""
    JOB = "job"
    """A job, shown to somebody who may see it."""


@dataclass(frozen=True, slots=True)
class Premise:
    """
    What a trace must show, beyond the facet, for a check to have looked at anything.

    Attributes:
        lack: What a run says where no trace showed it, such as "no answer was a 304".
        holds: Whether this trace does; pure, like a check.
    """

    lack: str
    holds: Callable[[Trace], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """
    Attributes:
        id: The function's name: one pytest node, one metric label.
        summary: The promise, as one sentence.
        source: Where the promise stands written.
        about: The facet without which it isn't run.
        family: The module it stands in.
        needs: What a run must have requested for it to be reached: a subject, a credential
            or a method (`foreign`, `none`, `HEAD`).
        only: Of what it speaks at all, in the same words; empty: of anything.
        apis: The APIs that it speaks about; all of them if empty.
        premise: Without which it says nothing, so that its silence isn't taken for a promise
            kept; None: wherever it is run it looks.
        essential: Whether a run in which it never looked can't say that the contract is kept.
        window: How many of the exchanges about the job before the latest it looks at one by
            one, in `trace.recent`; whoever judges keeps so many of each job in memory.
        of_manners: Whether it speaks also of questions that were put otherwise than clients do,
            to which a right server may answer something else.
        fields: Names of header fields, in lower case, of which it needs one: without any of them
            it has nothing to say, and isn't run. Empty: it looks at every head.
        codes: The HTTP codes about which it has anything to say; None: about any.
        condition: What holds of each trace about which it has anything to say; pure and cheap.
            Checks that share the function share its answer. None: it looks at every trace.
    """

    id: str
    summary: str
    basis: Basis
    source: str
    severity: Severity
    about: Facet
    family: str
    run: CheckFunction
    needs: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    premise: Premise | None = None
    essential: bool = False
    window: int = 0
    of_manners: bool = True
    fields: tuple[str, ...] = ()
    codes: Container[int] | None = None
    condition: Callable[[Trace], bool] | None = None

    def speaks_of(self, api: str) -> bool:
        """
        Whether the promise is one of that API's.
        """
        return not self.apis or api in self.apis

    def looks_at(self, trace: Trace) -> bool:
        """
        Whether `trace`, on which it is run, shows what it speaks about.
        """
        return self.premise is None or self.premise.holds(trace.looking_back(self.window))

    def __call__(self, trace: Trace) -> Iterable[Remark]:
        return self.run(trace)


def check(
    *,
    basis: Basis,
    source: str,
    severity: Severity = Severity.MEDIUM,
    about: Facet = Facet.RESPONSE,
    needs: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    apis: tuple[str, ...] = (),
    premise: Premise | None = None,
    essential: bool = False,
    window: int = 0,
    of_manners: bool = True,
    fields: tuple[str, ...] = (),
    codes: Container[int] | None = None,
    condition: Callable[[Trace], bool] | None = None,
) -> Callable[[CheckFunction], Check]:
    """
    Make a check of `def name(trace): yield violation(...)`.

    The function's name is the check's id and should be a sentence that is true of a
    good server; the first line of its docstring is the promise. It must be pure: no
    state, no I/O, no clock (the trace has one).

    Raises:
        TypeError: The function doesn't take exactly one argument, or has no docstring; or the
            window is no number of exchanges, or more of them than a daemon can keep of each job;
            or another argument names what doesn't exist.
    """

    def decorate(function: CheckFunction) -> Check:
        name = function.__name__
        _hold_to_one_argument(function)
        if not 0 <= window <= MOST_WINDOW:
            raise TypeError(f"check {name!r}: window={window}; write a number up to {MOST_WINDOW}")
        _hold_to_kinds(name, basis=basis, severity=severity, about=about)
        _hold_to_words(name, needs=needs, only=only, apis=apis)
        return Check(
            id=name,
            summary=_promise_of(function),
            basis=basis,
            source=source,
            severity=severity,
            about=about,
            family=function.__module__.rpartition(".")[2],
            run=_with_window(function, window) if window else function,
            needs=needs,
            only=only,
            apis=apis,
            premise=premise,
            essential=essential,
            window=window,
            of_manners=of_manners,
            fields=fields,
            codes=codes,
            condition=condition,
        )

    return decorate


def _hold_to_one_argument(function: CheckFunction) -> None:
    # Said at import, where it names the culprit: at the first trace it would look like a crash.
    taken = len(inspect.signature(function).parameters)
    if taken != 1:
        raise TypeError(f"check takes {taken} arguments; write def {function.__name__}(trace)")


def _hold_to_kinds(check: str, **values: object) -> None:
    for argument, value in values.items():
        kind = _KINDS[argument]
        if not isinstance(value, kind):
            hint = did_you_mean(str(value).lower(), [one.value for one in kind])
            raise TypeError(f"check {check!r}: {argument}={value!r} is no {kind.__name__}. {hint}")


def _hold_to_words(check: str, **values: object) -> None:
    for argument, words in values.items():
        if not isinstance(words, tuple):
            message = f"check {check!r}: {argument}={words!r}; write a tuple, as ({words!r},)"
            raise TypeError(message)
        for word in words:
            # Which APIs there are is known where checks are loaded.
            if not isinstance(word, str) or (argument != "apis" and word not in _FEATURES):
                hint = did_you_mean(str(word), _FEATURES)
                raise TypeError(f"check {check!r}: {argument}: nothing is {word!r}. {hint}")


_KINDS: dict[str, type[StrEnum]] = {"basis": Basis, "severity": Severity, "about": Facet}


def _promise_of(function: CheckFunction) -> str:
    promise = inspect.getdoc(function)
    if not promise:
        name = function.__name__
        raise TypeError(f"check {name!r} has no docstring; its first line is the promise")
    return promise.partition("\n")[0].strip()


def _with_window(function: CheckFunction, window: int) -> CheckFunction:
    # Here and not where checks are run: seventy of them would be asked whether they look back.
    @wraps(function)
    def looking_back(trace: Trace) -> Iterable[Remark]:
        return function(trace.looking_back(window))

    return looking_back
