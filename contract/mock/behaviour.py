"""
The context of one request, and the hooks at which behaviours change its answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from jobproof.contract.mock.answer import (
    JSON_MEDIA_TYPE,
    AnswerKind,
    Caller,
    MockAnswer,
    MockRequest,
    encode_json,
)
from jobproof.contract.mock.jobs.job_store import JobStore
from jobproof.contract.mock.jobs.life import JobView, MockJob
from jobproof.contract.mock.jobs.script import CannedAnswer, Script
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Codec, Profile

__all__ = ["Behaviour", "BehaviourMemory", "Hook", "RequestContext", "by_name", "every_api"]


class Hook(StrEnum):
    """
    Where a behaviour takes hold, in the order in which an answer is made.
    """

    CALLER = "caller"
    """Whom the token belongs to."""
    JOB = "job"
    """Which job the id means; None for none."""
    VIEW = "view"
    """What the job looks like now."""
    BODY = "body"
    """The job as a JSON value."""
    PAYLOAD = "payload"
    """The job as bytes."""
    ANSWER = "answer"
    """The whole answer, to any request."""


def every_api(_api: Api) -> bool:
    """
    Where a behaviour applies that needs nothing of a document.
    """
    return True


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    One change to what the mock does: a fault, or a correct variant.

    Attributes:
        run: Takes the value of its hook and the context; returns the value to go on with.
        applies: Whether it makes a difference that this API's document speaks of.
        why: Of a correct variant, where it stands written that this is right.
    """

    name: str
    summary: str
    hook: Hook
    run: Callable[[Any, RequestContext], Any] = field(repr=False)
    applies: Callable[[Api], bool] = field(default=every_api, repr=False)
    why: str = ""


Named = TypeVar("Named", bound=Behaviour)


def by_name(behaviours: Iterable[Named]) -> Mapping[str, Named]:
    """
    The behaviours by their names, in their order.

    Raises:
        ValueError: Two have the same name, so that one of them would never be run.
    """
    found: dict[str, Named] = {}
    for behaviour in behaviours:
        if behaviour.name in found:
            raise ValueError(f"two behaviours are called {behaviour.name}")
        found[behaviour.name] = behaviour
    return MappingProxyType(found)


@dataclass(slots=True)
class BehaviourMemory:
    """
    What behaviours remember between requests, by behaviour and key.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_values: dict[tuple[str, str], Any] = field(default_factory=dict)


@dataclass(slots=True)
class RequestContext:
    """
    Everything known about one request while its answer is made.

    Attributes:
        now: Unix seconds.
        job_id: The id in the path, percent-decoded; None where there is none.
        credential: Whose token it really is.
        caller: Whose the mock takes it to be, after faults.
        job: The job that is shown; None before it is found, and where none is.
        view: The job as it is shown now; None where no job is.
        triggered: Names of the behaviours that changed something.
    """

    request: MockRequest
    now: float
    api: Api
    script: Script
    job_store: JobStore
    memory: BehaviourMemory
    behaviours: tuple[Behaviour, ...]
    job_id: str | None = None
    credential: Caller = Caller.NONE
    caller: Caller = Caller.NONE
    answer_kind: AnswerKind = AnswerKind.PATH
    job: MockJob | None = None
    view: JobView | None = None
    triggered: list[str] = field(default_factory=list)
    _behaviour_name: str = ""

    @property
    def profile(self) -> Profile:
        """
        The API's profile.
        """
        return self.api.profile

    @property
    def codec(self) -> Codec:
        """
        How the API writes points in time.
        """
        return self.profile.times.codec if self.profile.times else Codec.RFC3339

    def media_type(self, code: int) -> str:
        """
        What the API calls JSON in an answer of that code.
        """
        spec = self.api.operation.response_for(code)
        return (spec.json_media_type if spec else None) or JSON_MEDIA_TYPE

    @property
    def ended(self) -> bool:
        """
        Whether the requested job has ended, as it is shown now.
        """
        return self.view is not None and self.api.lifecycle.is_terminal(self.view.status)

    def apply_behaviours(self, hook: Hook, value: Any) -> Any:
        """
        `value` after every behaviour of this hook.
        """
        for behaviour in self.behaviours:
            if behaviour.hook is hook:
                self._behaviour_name = behaviour.name
                # A body is changed in place; what it was must be there to compare with.
                given = deepcopy(value) if hook is Hook.BODY else value
                changed = behaviour.run(given, self)
                # Named only where it made a difference: by the log, a test tells the wrong answers.
                if changed != value:
                    self.triggered.append(behaviour.name)
                value = changed
        return value

    def occurrence(self, key: str = "") -> int:
        """
        How often the running behaviour has called this with `key`, this time included.
        """
        self.memory.counts[self._behaviour_name, key] += 1
        return self.memory.counts[self._behaviour_name, key]

    def first_value(self, key: str, value: Any) -> Any:
        """
        The `value` with which the running behaviour called this first for `key`.
        """
        return self.memory.first_values.setdefault((self._behaviour_name, key), value)

    def fixed_answer(self, answer: MockAnswer, canned: CannedAnswer) -> MockAnswer:
        """
        The canned answer under the general headers of `answer`.
        """
        if canned.body is not None:
            body, media_type = encode_json(canned.body), self.media_type(canned.code)
        else:
            body, media_type = (canned.text or "").encode(), "text/plain; charset=utf-8"
        # No body, no media type: a 204 that names one would be a fault of its own.
        content_type = canned.content_type or (media_type if body else None)
        fixed = answer.with_content(canned.code, body, content_type)
        for name, value in canned.headers.items():
            fixed = fixed.with_header(name, value)
        return fixed
