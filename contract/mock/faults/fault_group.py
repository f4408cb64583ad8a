"""
How a fault is written down: a function, one sentence, and the promises it breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.answer import Caller, MockAnswer
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext, every_api
from jobproof.contract.mock.jobs.life import JobView, MockJob
from jobproof.contract.model.api import Api

__all__ = ["Fault", "FaultGroup"]

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
            lookup, X access and exposure, L load, P protocol.
        definite: The document, the vendor's prose or an RFC calls it wrong; else it
            is a matter of taste, policy or inference.
        promises: Ids of the checks that find it for the right reason.
    """

    letter: str = ""
    definite: bool = True
    promises: tuple[str, ...] = ()


class FaultGroup:
    """
    The faults of one class; its methods are decorators that register one.
    """

    def __init__(self, letter: str, title: str) -> None:
        self.letter = letter
        self.title = title
        self.faults: list[Fault] = []

    def caller(
        self, summary: str, *promises: str, applies: Callable[[Api], bool] = every_api
    ) -> Callable[[CallerEdit], CallerEdit]:
        """
        A fault in telling whose a token is.
        """
        return self._registrar(Hook.CALLER, summary, promises, True, applies)

    def job(
        self,
        summary: str,
        *promises: str,
        definite: bool = True,
        applies: Callable[[Api], bool] = every_api,
    ) -> Callable[[JobEdit], JobEdit]:
        """
        A fault in finding the job.
        """
        return self._registrar(Hook.JOB, summary, promises, definite, applies)

    def view(self, summary: str, *promises: str) -> Callable[[ViewEdit], ViewEdit]:
        """
        A fault in what the job is seen to be.
        """
        return self._registrar(Hook.VIEW, summary, promises, True, every_api)

    def body(
        self,
        summary: str,
        *promises: str,
        definite: bool = True,
        applies: Callable[[Api], bool] = every_api,
    ) -> Callable[[BodyEdit], BodyEdit]:
        """
        A fault in the job as a JSON value; the function may change the value it gets.
        """
        return self._registrar(Hook.BODY, summary, promises, definite, applies)

    def payload(
        self, summary: str, *promises: str, definite: bool = True
    ) -> Callable[[PayloadEdit], PayloadEdit]:
        """
        A fault in the job's bytes.
        """
        return self._registrar(Hook.PAYLOAD, summary, promises, definite, every_api)

    def answer(
        self,
        summary: str,
        *promises: str,
        definite: bool = True,
        applies: Callable[[Api], bool] = every_api,
    ) -> Callable[[AnswerEdit], AnswerEdit]:
        """
        A fault in the whole answer: code, headers, body, wire.
        """
        return self._registrar(Hook.ANSWER, summary, promises, definite, applies)

    def _registrar(
        self,
        hook: Hook,
        summary: str,
        promises: tuple[str, ...],
        definite: bool,
        applies: Callable[[Api], bool],
    ) -> Callable[[Any], Any]:
        def register(run: Any) -> Any:
            # The function's name is the fault's public name, so renaming one breaks users.
            fault = Fault(
                name=run.__name__,
                summary=summary,
                hook=hook,
                run=run,
                applies=applies,
                letter=self.letter,
                definite=definite,
                promises=promises,
            )
            self.faults.append(fault)
            return run

        return register
