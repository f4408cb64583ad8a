"""
What a run is about to do, said before its first request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.suite.planning.plan import PlannedRequest
from jobproof.contract.suite.planning.target import SuiteTarget

__all__ = ["Forecast", "forecast_of", "in_time", "opening"]

_TURNS = 9
"""What the first three steps of a walk send besides one request each: four by turns."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    How much a run sends, and how long that takes.

    Attributes:
        requests: About how many; a job that is still running takes more.
        rate_per_minute: How many a minute at most; None: no limit.
        watch_s: For how long jobs that are still running are polled at most, all of them.
    """

    requests: int
    rate_per_minute: float | None
    watch_s: float

    @property
    def duration_s(self) -> float | None:
        """
        Seconds that the rate alone makes it take; None where nothing does.
        """
        if self.rate_per_minute is None:
            return None
        return self.requests * 60.0 / self.rate_per_minute

    @property
    def told(self) -> str:
        """
        The same in a line.
        """
        if self.duration_s is None:
            return f"about {self.requests} requests, without a rate limit"
        return (
            f"about {self.requests} requests at {self.rate_per_minute:g} a minute: about "
            f"{in_time(self.duration_s)}, more if a job is still running "
            "(--effort quick and --rate-limit change it)"
        )


def forecast_of(target: SuiteTarget, plan: Iterable[PlannedRequest]) -> Forecast:
    """
    Of a plan: each question once, however often a job that is still running has to be polled.
    """
    asked = list(plan)
    count = sum(planned.questions for planned in asked)
    effort = target.effort
    count += effort.generated + (effort.steps + _TURNS) * effort.walks
    if target.budget is not None:
        count = min(count, target.budget)
    watched = len({planned.job_id for planned in asked if planned.follows})
    watch_s = target.watch_s
    if target.job_deadline_s is not None:
        watch_s = target.job_deadline_s * watched
    return Forecast(count, target.rate_per_minute, watch_s if watched else 0.0)


def opening(target: SuiteTarget, forecast: Forecast, *, now: float) -> str:
    """
    The first line of a run: what is sent to whom, how long that takes, and until when at most.

    Args:
        now: Unix seconds.
    """
    url = legible(shorten(target.redactor.url(target.base_url), 120))
    how = [target.effort.value, f"seed {target.seed}" if target.seed else "fresh ids"]
    if target.budget is not None:
        how.append(f"{target.budget} at most")
    rate = forecast.rate_per_minute
    pace = "no rate limit" if rate is None else f"{rate:g} a minute"
    duration_s = forecast.duration_s
    parts = [pace if duration_s is None else f"{pace}: about {in_time(duration_s)}"]
    if duration_s is not None:
        parts.append(f"until about {_clock(now + duration_s)}")
    if forecast.watch_s:
        watched = f"jobs that still run are watched for {in_time(forecast.watch_s)} at most"
        if duration_s is not None:
            watched += f", until {_clock(now + duration_s + forecast.watch_s)}"
        parts.append(watched)
    return (
        f"jobproof: about {forecast.requests} requests ({', '.join(how)}) to {url} "
        f"({target.api.name}), {'; '.join(parts)}"
    )


def in_time(seconds: float) -> str:
    """
    A duration for people: `40 s`, `15 min`, `2.5 h`.
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M} UTC"
