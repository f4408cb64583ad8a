"""
How long until something is asked again: a job that runs, a server that is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from jobproof.contract.formats.durations import write_duration
from jobproof.contract.formats.http_date import read_wait
from jobproof.contract.formats.json_value import Json
from jobproof.contract.model.exchange import Reason, Subject
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.suite.running.rate_limiter import LONGEST_PAUSE_S, RateLimiter

__all__ = ["Patience", "PollPace"]

_SLOWER = 1.5
"""Each poll that shows nothing new has the next one come so many times later."""
_SLOWEST = 8.0
"""And no later than so many intervals."""
_LONGEST_WAIT_S = 60.0
"""The longest that one answer's `Retry-After` keeps a job from being looked at."""
_AWAY_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each look whether a server that was away is back: a restart takes seconds."""
_THROTTLED = "the server asks to be left alone (429, Retry-After)"
_AWAY = "the server is away, as it is while it restarts"
_AWAY_REASONS = (Reason.DNS, Reason.CONNECT, Reason.PROTOCOL)
_ABOUT_RIGHTS = (Subject.KNOWN, Subject.MISSING)


class PollPace:
    """
    Of each job: faster where something happens, slower where nothing does.

    Args:
        interval_s: Between two polls at first, and after each change.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._latest: dict[str, tuple[Json, float]] = {}

    def after(self, seen: Observation, *, now: float) -> float:
        """
        The seconds to wait after that answer.

        Args:
            now: The wall clock, Unix seconds.
        """
        job_id = seen.asked_for or ""
        status = seen.job.status if seen.job is not None else str(seen.code)
        wait_s = self._interval_s
        if job_id in self._latest:
            before, waited_s = self._latest[job_id]
            if status == before:
                wait_s = min(waited_s * _SLOWER, self._interval_s * _SLOWEST)
        self._latest[job_id] = (status, wait_s)
        asked_s = read_wait(seen.response.header("retry-after"), now=now) if seen.response else None
        return max(wait_s, min(asked_s or 0.0, _LONGEST_WAIT_S))


class Patience:
    """
    Has a question put again that was put off, or that nobody was there for.

    Where the server is away, as it is while it restarts, it is waited for; what has no answer
    while it is there, isn't asked again. Safe for several threads.

    Args:
        interval_s: The rest that a 429 is given that names none.
        clock: Unix seconds.
        ask_plainly: Puts a question that every server answers.
        stop: Ends the run, with the reason.

    Attributes:
        rests: Why nothing is let through at the moment.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        *,
        interval_s: float,
        clock: Callable[[], float],
        ask_plainly: Callable[[], Observation],
        stop: Callable[[str], None],
    ) -> None:
        self._limiter = limiter
        self._interval_s = interval_s
        self._clock = clock
        self._ask_plainly = ask_plainly
        self._stop = stop
        self._lock = threading.Lock()
        self._served = 0
        self.outages = 0
        """How many there were that have passed."""
        self.rests = _THROTTLED

    def note(self, seen: Observation) -> None:
        """
        Something came of a question.
        """
        self._served += not _is_away(seen)

    def is_put_off(self, seen: Observation) -> bool:
        """
        Whether the server asked to be left alone for a while, and was: then it is asked again.
        """
        response = seen.response
        if response is None or seen.intermediary is not None:
            return False
        if seen.code not in (429, 503):
            self._limiter.resume()
            return False
        retry_after, now = response.header("retry-after"), self._clock()
        asked_s = read_wait(retry_after, now=now)
        if asked_s is not None and asked_s > LONGEST_PAUSE_S:
            self._end(
                seen, f"{seen.code} with Retry-After: nothing more for {write_duration(asked_s)}"
            )
            return False
        if seen.code == 503:
            return self._is_sat_out(seen, asked_s)
        self.rests = _THROTTLED
        if not self._limiter.pause(retry_after, now=now, default_s=self._interval_s):
            self._stop("throttled: 429 again and again, however long it was left alone")
            return False
        return True

    def _is_sat_out(self, seen: Observation, asked_s: float | None) -> bool:
        self.rests = _AWAY
        # No wait at all, as a date that has just passed says, is no hint.
        if not asked_s or self._limiter.sit_out(asked_s):
            return bool(asked_s)
        self._end(seen, f"out of service: 503 with Retry-After, {write_duration(asked_s)} more")
        return False

    def _end(self, seen: Observation, why: str) -> None:
        """
        End the run where it is a client's ordinary question that is put off for too long.
        """
        if _is_ordinary(seen):
            self._stop(why)

    def is_lost(self, seen: Observation, *, outages: int) -> bool:
        """
        Whether nobody has dealt with the question, and somebody is there now.

        Args:
            outages: How many had passed when the question was put.
        """
        # The server gave up on a connection that was too slow (RFC 9110 15.5.9).
        if seen.code == 408:
            return True
        # Who was never there isn't waited for, and who says for how long has been heard already.
        if not self._served or not _is_away(seen) or _says_when(seen):
            return False
        with self._lock:
            if outages != self.outages:
                return True  # waited for by somebody else
            for pause_s in _AWAY_S:
                self.rests = _AWAY
                if pause_s and not self._limiter.sit_out(pause_s):
                    break
                if not _is_away(self._ask_plainly()):
                    self.outages += pause_s > 0
                    # It may have been so short that nobody else has seen it.
                    return pause_s > 0 or (_is_ordinary(seen) and seen.method == "GET")
            requests = "request" if self._served == 1 else "requests"
            what = "stopped answering" if seen.response is None else "went out of service (503)"
            self._stop(f"the endpoint {what} after {self._served} {requests}")
        return False


def _is_ordinary(seen: Observation) -> bool:
    return seen.subject in _ABOUT_RIGHTS and seen.manner is Manner.PLAIN


def _is_away(seen: Observation) -> bool:
    """
    Whether it looks as if nobody were there; a timeout may be of the question's own making, and
    costs too much to be looked at twice.
    """
    failure = seen.exchange.failure
    if failure is None:
        return seen.code == 503 and seen.intermediary is None
    return failure.partial is None and failure.reason in _AWAY_REASONS


def _says_when(seen: Observation) -> bool:
    value = seen.response.header("retry-after") if seen.response is not None else None
    return bool(read_wait(value, now=seen.exchange.started_at))
