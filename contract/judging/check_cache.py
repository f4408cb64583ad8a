"""
What checks say of an answer that comes again: an endpoint under watch says the same thing
all day, and most promises are about what it says, not about when or to whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Remark
from jobproof.contract.model.observation import ParsedBody
from jobproof.contract.model.trace import Trace

__all__ = ["Recall", "Step"]

Step = tuple[Check, tuple[Remark, ...] | None]
"""A check, and what it is known to say; None where it has to be asked."""

_OF_TRACE = frozenset({"api", "schema_errors", "undeclared"})
_OF_OBSERVATION = frozenset(
    {
        *("authorised", "body", "code", "content", "credential", "is_view", "job"),
        *("media_type", "method", "speaks_for_document", "spec", "subject"),
    }
)
_OF_EXCHANGE = frozenset({"failure"})
_OF_RESPONSE = frozenset({"body", "code"})


@dataclass(slots=True)
class _Known:
    """
    One kind of question, answered alike: how often, and what is known by then.
    """

    api: object
    sights: int = 0
    steps: tuple[Step, ...] | None = None


class Recall:
    """
    Leaves out the checks whose word on an answer is known.

    Nobody declares which those are. A check is pure, so one that looked at nothing but what
    the answer says and at what kind of question it was will look at nothing else the next
    time either, and say the same. Which checks those are is seen by letting each judge a
    stand-in of the trace, once, at the second sight of an answer: what comes but once isn't
    worth it.
    """

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[
            ParsedBody, dict[tuple[Subject, Credential, str], _Known]
        ] = WeakKeyDictionary()

    def steps(
        self,
        trace: Trace,
        concerned: Callable[[Trace], tuple[Step, ...]],
        ask: Callable[[Check, Trace], Sequence[Remark] | None],
    ) -> tuple[Step, ...]:
        """
        The checks to be asked, and those known to have something to say, in their order.

        Args:
            concerned: All that may have something to say.
            ask: Runs a check to its end; None if it crashed.
        """
        seen = trace.latest
        parsed_body = seen.parsed_body
        # A hostile id decides by itself what an answer to it means.
        if parsed_body is None or seen.subject is Subject.MALFORMED:
            return concerned(trace)
        kinds = self._known.get(parsed_body)
        if kinds is None:
            kinds = self._known[parsed_body] = {}
        kind = (seen.subject, seen.credential, seen.method)
        known = kinds.get(kind)
        if known is None or known.api is not trace.api:
            known = kinds[kind] = _Known(trace.api)
        known.sights += 1
        if known.steps is not None:
            return known.steps
        checks = concerned(trace)
        if known.sights == 2:
            known.steps = tuple(_learn(trace, checks, ask))
        return checks


def _learn(
    trace: Trace, checks: Iterable[Step], ask: Callable[[Check, Trace], Sequence[Remark] | None]
) -> Iterable[Step]:
    for check, _ in checks:
        looks: list[str] = []
        remarks = ask(check, cast("Trace", _watched_trace(trace, looks)))
        # The second run is for a check that has seen through the stand-in.
        if looks or remarks is None or remarks != ask(check, trace):
            yield check, None
        elif remarks:
            yield check, tuple(remarks)


class _Watched:
    """
    A stand-in that notes each look at what the answer itself doesn't decide.
    """

    __slots__ = ("_free", "_inner", "_looks", "_real")

    def __init__(
        self,
        real: object,
        looks: list[str],
        *,
        free: frozenset[str],
        inner: dict[str, object],
    ) -> None:
        self._real = real
        self._looks = looks
        self._free = free
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        if name in self._inner:
            return self._inner[name]
        if name not in self._free:
            self._looks.append(name)
        return getattr(self._real, name)

    # Whoever asks what it is, compares it or prints it looks at all of it.
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        self._looks.append("__class__")
        return type(self._real)

    def __eq__(self, other: object) -> bool:
        self._looks.append("__eq__")
        return bool(self._real == other)

    def __hash__(self) -> int:
        self._looks.append("__hash__")
        return hash(self._real)

    def __repr__(self) -> str:
        self._looks.append("__repr__")
        return repr(self._real)


def _watched_trace(trace: Trace, looks: list[str]) -> _Watched:
    seen = trace.latest
    response = seen.response and _Watched(seen.response, looks, free=_OF_RESPONSE, inner={})
    exchange = _Watched(seen.exchange, looks, free=_OF_EXCHANGE, inner={"response": response})
    observation = _Watched(
        seen,
        looks,
        free=_OF_OBSERVATION,
        inner={"exchange": exchange, "response": response},
    )
    return _Watched(trace, looks, free=_OF_TRACE, inner={"latest": observation})
