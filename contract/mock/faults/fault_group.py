"""
How a fault is written down: a function, one sentence, and the promises it breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import Caller, MockAnswer
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext
from jobproof.contract.mock.jobs.life import JobView, MockJob
from jobproof.contract.model.api import Api
from jobproof.contract.model.finding import Basis, Severity

__all__ = ["Fault", "FaultGroup", "FaultOptions"]

CallerEdit = Callable[[Caller, RequestContext], Caller]
JobEdit = Callable[[MockJob | None, RequestContext], MockJob | None]
ViewEdit = Callable[[JobView, RequestContext], JobView]
BodyEdit = Callable[[JsonObject, RequestContext], Json]
PayloadEdit = Callable[[bytes, RequestContext], bytes]
AnswerEdit = Callable[[MockAnswer, RequestContext], MockAnswer]


@dataclass(frozen=True, slots=True)
class Fault(Behaviour):
    """
    One way in which an endpoint goes wrong.

    Attributes:
        letter: Its class: S schema, F format, M meaning, T over time, E errors and
            lookup, X access and exposure, K tokens, A who sees, G what is given away, I ids,
            L load, P protocol, H header fields, W the wire, Q how it is asked, R some answers,
            D what no plan foresees.
        definite: The document, the vendor's prose or an RFC calls it wrong; else it
            is a matter of taste, policy or inference.
        promises: Ids of the checks that find it for the right reason.
        basis: Where the promise stands written; None: where the check says.
        source: The same in words; empty: the check's own.
        severity: How much it hurts; None: as much as the check says.
        proves: The check that alone finds it, so that it shows what the check is good for.
    """

    letter: str = ""
    definite: bool = True
    promises: tuple[str, ...] = ()
    basis: Basis | None = None
    source: str = ""
    severity: Severity | None = None
    proves: str = ""


class FaultOptions(TypedDict, total=False):
    """
    What may be stated of a fault besides its sentence and its promises; as in `Fault`.
    """

    definite: bool
    applies: Callable[[Api], bool]
    basis: Basis
    source: str
    severity: Severity
    proves: str


class FaultGroup:
    """
    The faults of one class; its methods are decorators that register one.
    """

    def __init__(self, letter: str, title: str) -> None:
        self.letter = letter
        self.title = title
        self.faults: list[Fault] = []

    def caller(
        self, summary: str, *promises: str, **options: Unpack[FaultOptions]
    ) -> Callable[[CallerEdit], CallerEdit]:
        """
        A fault in telling whose a token is.
        """
        return self._registrar(Hook.CALLER, summary, promises, options)

    def job(
        self, summary: str, *promises: str, **options: Unpack[FaultOptions]
    ) -> Callable[[JobEdit], JobEdit]:
        """
        A fault in finding the job.
        """
        return self._registrar(Hook.JOB, summary, promises, options)

    def view(
        self, summary: str, *promises: str, **options: Unpack[FaultOptions]
    ) -> Callable[[ViewEdit], ViewEdit]:
        """
        A fault in what the job is seen to be.
        """
        return self._registrar(Hook.VIEW, summary, promises, options)

    def body(
        self, summary: str, *promises: str, **options: Unpack[FaultOptions]
    ) -> Callable[[BodyEdit], BodyEdit]:
        """
        A fault in the job as a JSON value; the function may change the value it gets.
        """
        return self._registrar(Hook.BODY, summary, promises, options)

    def payload(
        self, summary: str, *promises: str, **options: Unpack[FaultOptions]
    ) -> Callable[[PayloadEdit], PayloadEdit]:
        """
        A fault in the job's bytes.
        """
        return self._registrar(Hook.PAYLOAD, summary, promises, options)

    def answer(
        self, summary: str, *promises: str, **options: Unpack[FaultOptions]
    ) -> Callable[[AnswerEdit], AnswerEdit]:
        """
        A fault in the whole answer: code, headers, body, wire.
        """
        return self._registrar(Hook.ANSWER, summary, promises, options)

    def _registrar(
        self, hook: Hook, summary: str, promises: tuple[str, ...], options: FaultOptions
    ) -> Callable[[Any], Any]:
        def register(run: Any) -> Any:
            # The function's name is the fault's public name, so renaming one breaks users.
            fault = Fault(
                name=run.__name__,
                summary=summary,
                hook=hook,
                run=run,
                letter=self.letter,
                promises=promises,
                **options,
            )
            self.faults.append(fault)
            return run

        return register
