"""
One question on its way through the mock, and the places where it can be changed by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jobproof.contract.mock.answer import JSON, AnswerKind, Caller, MockAnswer, MockRequest, encode
from jobproof.contract.mock.jobs.job_store import JobStore
from jobproof.contract.mock.jobs.life import JobView, MockJob
from jobproof.contract.mock.jobs.script import CannedAnswer, Script
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Codec, Profile

__all__ = ["Behaviour", "Hook", "JobMemory", "RequestContext"]


class Hook(StrEnum):
    """
    Where a behaviour takes hold, in the order of an answer's making.
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
    """The whole answer, to any question."""


def _everywhere(_api: Api) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    One change to what the mock does.

    Attributes:
        applies: Whether it makes a difference that this API's document speaks of.
    """

    name: str
    summary: str
    stage: Hook
    run: Callable[[Any, RequestContext], Any] = field(repr=False)
    applies: Callable[[Api], bool] = field(default=_everywhere, repr=False)


@dataclass(slots=True)
class JobMemory:
    """
    What behaviours remember between questions; `counts` are per behaviour and key.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: dict[tuple[str, str], Any] = field(default_factory=dict)


@dataclass(slots=True)
class RequestContext:
    """
    Everything known about one question while its answer is made.

    Attributes:
        now: Unix seconds.
        asked_for: The id in the path, percent-decoded; None where there is none.
        fired: Names of the behaviours that changed something.
    """

    ask: MockRequest
    now: float
    api: Api
    script: Script
    job_store: JobStore
    memory: JobMemory
    behaviours: tuple[Behaviour, ...]
    asked_for: str | None = None
    credential: Caller = Caller.NONE
    """Whose token it really is."""
    caller: Caller = Caller.NONE
    """Whose the mock takes it to be."""
    outcome: AnswerKind = AnswerKind.PATH
    job: MockJob | None = None
    view: JobView | None = None
    fired: list[str] = field(default_factory=list)
    _running: str = ""

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
        return (spec.json_media_type if spec else None) or JSON

    @property
    def ended(self) -> bool:
        """
        Whether the job asked for has ended, as it is shown now.
        """
        return self.view is not None and self.api.lifecycle.is_terminal(self.view.status)

    def changed_by(self, stage: Hook, value: Any) -> Any:
        """
        `value` after every behaviour of this stage.
        """
        for behaviour in self.behaviours:
            if behaviour.stage is stage:
                self._running = behaviour.name
                # A body is changed in place; what it was must be there to compare with.
                given = deepcopy(value) if stage is Hook.BODY else value
                changed = behaviour.run(given, self)
                if changed != value:
                    self.fired.append(behaviour.name)
                value = changed
        return value

    def nth(self, key: str = "") -> int:
        """
        How often the running behaviour has been here with this key, this time included.
        """
        self.memory.counts[self._running, key] += 1
        return self.memory.counts[self._running, key]

    def first(self, key: str, value: Any) -> Any:
        """
        The value that the running behaviour had here the first time.
        """
        return self.memory.kept.setdefault((self._running, key), value)

    def page(self, answer: MockAnswer, said: CannedAnswer) -> MockAnswer:
        """
        A fixed answer under the general headers of `answer`.
        """
        body = said.text.encode() if said.text is not None else b""
        media: str | None = said.content_type or ("text/plain; charset=utf-8" if body else None)
        if said.body is not None:
            body, media = encode(said.body), said.content_type or self.media_type(said.code)
        out = answer.saying(said.code, body, media)
        for name, value in said.headers.items():
            out = out.with_header(name, value)
        return out
