"""
A job's life as it was seen: moments in the order of time, and the same as a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from jobproof.contract.formats.json_value import Json
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.testing.life_table import life_table

__all__ = ["Life", "Moment"]


@dataclass(frozen=True, slots=True)
class Moment:
    """
    One look at the job.

    Attributes:
        at_s: Seconds since the first look.
        code: The HTTP code; 0 where no whole answer came.
        status: The job's; "" where the answer shows no job.
        body: The answer as JSON; None where it holds none.
    """

    at_s: float
    code: int
    status: str
    body: Json


@dataclass(frozen=True)
class Life:
    """
    Attributes:
        polls: The exchanges, in the order in which they were judged.
        findings: What every check says of them.
    """

    api: Api = field(repr=False)
    polls: tuple[Exchange, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def job_id(self) -> str:
        """
        Of the job whose life it is.
        """
        return self.polls[0].request.job_id or ""

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """
        The looks.
        """
        return tuple(map(self._moment, self.polls))

    @cached_property
    def statuses(self) -> tuple[str, ...]:
        """
        The statuses that were seen, each change once.
        """
        seen = [moment.status for moment in self.moments if moment.status]
        changed = (one for one, before in zip(seen, ["", *seen], strict=False) if one != before)
        return tuple(changed)

    @property
    def broken(self) -> tuple[str, ...]:
        """
        The ids of the checks whose promise is seen broken.
        """
        found = (one.check for one in self.findings if one.kind is Kind.VIOLATION)
        return tuple(dict.fromkeys(found))

    def _moment(self, poll: Exchange) -> Moment:
        seen = self.api.observe(poll)
        began = poll.started_at - self.polls[0].started_at
        status = "" if seen.job is None else str(seen.job.status)
        return Moment(round(began, 3), seen.code, status, seen.body.value if seen.body else None)

    def __str__(self) -> str:
        return life_table(self.api, self.polls, self.findings)

    def __repr__(self) -> str:
        # How Hypothesis shows an example.
        return f"<life of a job: {', '.join(self.broken) or 'nothing broken'}>\n{self}\n"
