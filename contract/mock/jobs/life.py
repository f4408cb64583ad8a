"""
A mocked job: the stages of its life, entered by polls and by time.
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
        history: Every status entered so far, and when (Unix seconds).
        extra: What the present stage adds to the body.
        polls: How often the job has been polled, this time included.
    """

    id: str
    created: float
    history: tuple[tuple[str, float], ...]
    extra: JsonObject
    polls: int

    @property
    def status(self) -> str:
        """
        The present status.
        """
        return self.history[-1][0]

    def with_statuses(self, *statuses: str) -> JobView:
        """
        The same job as if it had passed through these statuses alone, one second each.
        """
        history = tuple((s, self.created + index) for index, s in enumerate(statuses))
        return replace(self, history=history, extra={})

    def rewound_to(self, status: str) -> JobView:
        """
        The same job as it was in that earlier status.
        """
        # The last time: a life may come through one status twice.
        last = max(i for i, step in enumerate(self.history) if step[0] == status)
        return replace(self, history=self.history[: last + 1], extra={})

    def body(self, script: Script, codec: Codec) -> Json:
        """
        The job as the script writes it.
        """
        body = fill(script.job, self._template_values(self.history[-1], codec))
        # Marks stay for good, so every status passed leaves its own; each with its own time.
        for step in self.history:
            body = merge(
                body, fill(script.marks.get(step[0], {}), self._template_values(step, codec))
            )
        return merge(body, fill(self.extra, self._template_values(self.history[-1], codec)))

    def _template_values(self, step: tuple[str, float], codec: Codec) -> TemplateValues:
        return TemplateValues(self.id, step[0], self.created, step[1], codec)


class MockJob:
    """
    One job of one tenant.

    Attributes:
        id: As the API writes ids.
        life: The life's name in the script.
        tenant: The caller who may see it.
        created: Unix seconds.
        polls: How often it has been polled.
    """

    __slots__ = (
        "_entry_times",
        "_life",
        "_stage_polls",
        "_time_scale",
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
        time_scale: float = 1.0,
    ) -> None:
        self.id = job_id
        self.life = name
        self.tenant = tenant
        self.created = created
        self.polls = 0
        self._life = life
        self._time_scale = time_scale
        self._entry_times = [created]
        self._stage_polls = 0

    def __repr__(self) -> str:
        return f"MockJob({self.id!r}, life={self.life!r}, tenant={self.tenant!r})"

    def has_ended(self, now: float) -> bool:
        """
        Whether it is in the last stage of its life.
        """
        self._advance(now)
        return len(self._entry_times) == len(self._life.stages)

    def poll(self, now: float) -> JobView:
        """
        The job as one poll finds it; counts towards the stages that end after some polls.
        """
        self._advance(now)
        self._stage_polls += 1
        self.polls += 1
        return self._view()

    def peek(self, now: float) -> JobView:
        """
        The job as it is, without counting as a poll; time passes all the same.
        """
        self._advance(now, polled=False)
        return self._view()

    def _advance(self, now: float, *, polled: bool = True) -> None:
        stages = self._life.stages
        # A loop: after a long silence several stages are due at once.
        while len(self._entry_times) < len(stages):
            entry = self._entry_time(stages[len(self._entry_times)], now, polled=polled)
            if entry is None:
                return
            self._entry_times.append(entry)
            self._stage_polls = 0

    def _entry_time(self, stage: LifeStage, now: float, *, polled: bool) -> float | None:
        """
        When `stage` is entered, in Unix seconds; None while it isn't due.
        """
        deadline = self.created + self._life.ends_within
        after = stage.after
        if after is not None and after.polls is not None:
            # The clock may be set back; a stage never begins before the one before it.
            if polled and self._stage_polls >= after.polls:
                return max(now, self._entry_times[-1])
            # Nobody polls: it ends at the deadline, not when somebody happens to look again.
            return max(deadline, self._entry_times[-1]) if now >= deadline else None
        wait_s = (after.seconds or 0.0) * self._time_scale if after is not None else 0.0
        # Counted from the stage before, not from `now`: how often one looks changes no time.
        entry_time = self._entry_times[-1] + wait_s
        return entry_time if entry_time <= now else None

    def _view(self) -> JobView:
        stages = self._life.stages
        history = tuple(
            (stage.status, entry) for stage, entry in zip(stages, self._entry_times, strict=False)
        )
        return JobView(self.id, self.created, history, stages[len(history) - 1].body, self.polls)
