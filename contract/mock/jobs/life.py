"""
A job that lives: stages entered by polls and by time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.jobs.script import JobLife, LifeStage, Script
from jobproof.contract.mock.jobs.template import TemplateValues, fill, merge
from jobproof.contract.model.profile import Codec

__all__ = ["JobView", "MockJob"]


@dataclass(frozen=True, slots=True)
class JobView:
    """
    A job at one moment.

    Attributes:
        steps: Every status entered so far, and when (Unix seconds).
        extra: What the body holds besides in the present stage.
        polls: How often the job has been polled, this time included.
    """

    id: str
    created: float
    steps: tuple[tuple[str, float], ...]
    extra: JsonObject
    polls: int

    @property
    def status(self) -> str:
        """
        The present status.
        """
        return self.steps[-1][0]

    def only(self, *statuses: str) -> JobView:
        """
        The same job as if it had come through these statuses alone, one second each.
        """
        steps = tuple((s, self.created + index) for index, s in enumerate(statuses))
        return replace(self, steps=steps, extra={})

    def until(self, status: str) -> JobView:
        """
        The same job as it was in that earlier status.
        """
        last = max(i for i, step in enumerate(self.steps) if step[0] == status)
        return replace(self, steps=self.steps[: last + 1], extra={})

    def body(self, script: Script, codec: Codec) -> Json:
        """
        The job as the script writes it.
        """
        body = fill(script.job, self._scope(self.steps[-1], codec))
        for step in self.steps:
            body = merge(body, fill(script.marks.get(step[0], {}), self._scope(step, codec)))
        return merge(body, fill(self.extra, self._scope(self.steps[-1], codec)))

    def _scope(self, step: tuple[str, float], codec: Codec) -> TemplateValues:
        return TemplateValues(self.id, step[0], self.created, step[1], codec)


class MockJob:
    """
    One job of one tenant.

    Attributes:
        id: As the API writes ids.
        life: The life's name in the script.
        tenant: Who may see it.
        created: Unix seconds.
        polls: How often it has been asked for.
    """

    __slots__ = (
        "_entered",
        "_life",
        "_pace",
        "_stage_polls",
        "created",
        "id",
        "life",
        "polls",
        "tenant",
    )

    def __init__(
        self,
        job_id: str,
        name: str,
        life: JobLife,
        *,
        tenant: str,
        created: float,
        pace: float = 1.0,
    ) -> None:
        self.id = job_id
        self.life = name
        self.tenant = tenant
        self.created = created
        self.polls = 0
        self._life = life
        self._pace = pace
        self._entered = [created]
        self._stage_polls = 0

    def __repr__(self) -> str:
        return f"MockJob({self.id!r}, life={self.life!r}, tenant={self.tenant!r})"

    def has_ended(self, now: float) -> bool:
        """
        Whether it is in the last stage of its life.
        """
        self._live(now)
        return len(self._entered) == len(self._life.stages)

    def poll(self, now: float) -> JobView:
        """
        Ask once: counts towards the stages that end after some polls.
        """
        self._live(now)
        self._stage_polls += 1
        self.polls += 1
        return self._view()

    def peek(self, now: float) -> JobView:
        """
        Look without being a poll; time passes all the same.
        """
        self._live(now, polled=False)
        return self._view()

    def _live(self, now: float, *, polled: bool = True) -> None:
        stages = self._life.stages
        while len(self._entered) < len(stages):
            entry = self._entry_of(stages[len(self._entered)], now, polled=polled)
            if entry is None:
                return
            self._entered.append(entry)
            self._stage_polls = 0

    def _entry_of(self, stage: LifeStage, now: float, *, polled: bool) -> float | None:
        last_call = self.created + self._life.ends_within
        after = stage.after
        if after is not None and after.polls is not None:
            if polled and self._stage_polls >= after.polls:
                return max(now, self._entered[-1])
            return max(last_call, self._entered[-1]) if now >= last_call else None
        wait_s = (after.seconds or 0.0) * self._pace if after is not None else 0.0
        entry = self._entered[-1] + wait_s
        return entry if entry <= now else None

    def _view(self) -> JobView:
        stages = self._life.stages
        steps = tuple(
            (stage.status, entry) for stage, entry in zip(stages, self._entered, strict=False)
        )
        return JobView(self.id, self.created, steps, stages[len(steps) - 1].body, self.polls)
