"""
What polling tells about a job's life, and when to ask for it next.

Polling samples: a job that was `queued` in one answer and `processing` in the next has
changed somewhere in between. So each stay in a status is an interval, and never more
exact than the polls were close:

    lower bound   from the first to the last answer that showed the status
    upper bound   from the last answer before it to the first answer after it

So they are kept close: no further apart than a fifth of the time that the status has lasted.
Where they were further apart all the same, the job may have been in a status that no poll saw.

The histograms are fed with the middle. Where the server says itself when a job was
created or ended, its word replaces the poll's.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from jobproof.contract.model.profile import Limit, Profile, StatusWord
from jobproof.probes.following.watch_list import FollowedJob

__all__ = ["UNKNOWN", "JobCounts", "JobObservation", "StatusDuration", "Tracker", "TrackerUpdate"]

UNKNOWN = "(unknown)"
"""Stands for every status word that the profile doesn't have, which may well have `unknown`."""

_GAP_GROWTH = 1.5
_GAP_SPREAD = 0.2
# Of the time that a status has lasted: how exactly its end will be known.
_GAP_SHARE = 0.2
# Polls further apart than that share were late: between them a job may have gone a longer way.
_LATE_SHARE = 0.3
# Three "no such job" in a row may come from a replica that lags behind, or from a bad quarter of an
# hour; of ten minutes in which the endpoint knows other jobs, neither is likely.
_MOST_MISSES = 3
_MISSED_S = 600.0
# So late may a poll be and still belong to them.
_LATE_S = 120.0
# Where there is no other job to ask for.
_MISSED_ALONE_S = 3_600.0
# Further apart than that, two answers say little of the time between them.
_LONGEST_GAP_S = 3_600.0
# The server's clock and ours differ: an end just before the id came in isn't an old one.
_CLOCK_SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class JobObservation:
    """
    What one answer says about a followed job.

    Attributes:
        at: When the answer was whole, Unix seconds.
        job_status: As spelled on the wire; None where the answer held none.
        missing: The answer says that there is no such job.
        others_found: Another job of the target was found since this one was last asked for.
        is_alone: There is no other that could have been.
        created_at: By the server's word, Unix seconds.
        ended_at: By the server's word, Unix seconds.
    """

    at: float
    job_status: str | None = None
    missing: bool = False
    others_found: bool = False
    is_alone: bool = False
    created_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class StatusDuration:
    """
    How long a job was in a status, as far as polling can tell.
    """

    job_status: str
    lower_s: float
    upper_s: float

    @property
    def middle_s(self) -> float:
        """
        The estimate that histograms are fed with.
        """
        return (self.lower_s + self.upper_s) / 2


@dataclass(frozen=True, slots=True)
class TrackerUpdate:
    """
    What an answer changes.

    Attributes:
        job: The job as it is known now.
        done: It needs no more asking.
        gone: It is done because the endpoint knows it no longer.
        move: Status before and after, where they differ.
        is_gapped: Between the two it may have been in others that no poll saw.
        stay: The time in the status that was left.
        completion_s: From creation to end, once, when the end is first seen.
    """

    job: FollowedJob
    done: bool = False
    gone: bool = False
    move: tuple[str, str] | None = None
    is_gapped: bool = False
    stay: StatusDuration | None = None
    completion_s: float | None = None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """
    All followed jobs of a target at one moment.

    Attributes:
        by_status: Jobs last seen in each status; jobs that never answered are left out.
        stuck: Unfinished jobs past a limit that the vendor documents.
        oldest_pending_s: Age of the oldest unfinished job; None where there is none.
    """

    by_status: Mapping[str, int]
    stuck: int
    oldest_pending_s: float | None


@dataclass(frozen=True, slots=True)
class Tracker:
    """
    Reads a job's life out of its answers; pure, the time is in the observations.

    Attributes:
        words: The profile's statuses.
        limits: How long a job may stay unfinished.
        poll_s: The shortest time between two requests for one job.
        slowest_s: The longest; reached by growing the gap while nothing changes.
        abandon_s: A job that hasn't ended when it has been watched for so long is let go.
    """

    words: Mapping[str, StatusWord]
    limits: tuple[Limit, ...] = ()
    poll_s: float = 5.0
    slowest_s: float = 60.0
    abandon_s: float = 7 * 86_400.0

    @classmethod
    def of(cls, profile: Profile) -> Tracker:
        """
        The tracker for an API: its words, its limits, its cadence.
        """
        return cls(
            words=profile.status.words,
            limits=profile.status.limits,
            poll_s=profile.cadence.poll,
            slowest_s=max(profile.cadence.slowest, profile.cadence.poll),
        )

    @property
    def longest_gap_s(self) -> float:
        """
        The longest time between two polls of one job that nothing holds up.
        """
        return self.slowest_s * (1 + _GAP_SPREAD)

    def advance(self, job: FollowedJob, seen: JobObservation) -> TrackerUpdate:
        """
        Take an answer in: what has changed, and when to ask again.
        """
        gap_s = _gap_s(job, seen)
        polled = replace(
            job, polls=job.polls + 1, asked_at=seen.at, watched_s=job.watched_s + gap_s
        )
        if seen.job_status is None:
            return self._without_status(polled, seen, gap_s)
        status = seen.job_status if seen.job_status in self.words else UNKNOWN
        created_at = job.created_at if seen.created_at is None else seen.created_at
        polled = replace(polled, misses=0, missed_s=0.0, created_at=created_at)
        if job.job_status is None or job.observed_at is None:
            return self._first_status(polled, status, seen)
        if status == job.job_status:
            return self._same_status(polled, status, seen)
        return self._next_status(polled, status, seen)

    def is_terminal(self, job_status: str | None) -> bool:
        """
        Whether a job of that status has ended; unknown words haven't.
        """
        word = self.words.get(job_status or "")
        return word is not None and word.phase.terminal

    def exceeded(self, job: FollowedJob, *, now: float) -> Limit | None:
        """
        The longest documented limit that an unfinished job is past, if any.

        Where the vendor's limits include firm ones, the soft ones (`verdict: drift`)
        don't make a job stuck.
        """
        if job.clock_from is None or self.is_terminal(job.job_status):
            return None
        word = self.words.get(job.job_status or "")
        if word is not None and word.waits_unbounded:
            return None
        firm = [limit for limit in self.limits if limit.verdict == "violation"]
        age_s = now - job.clock_from
        past = [limit for limit in firm or self.limits if age_s > limit.after]
        return max(past, key=lambda limit: limit.after, default=None)

    def job_counts(self, jobs: Iterable[FollowedJob], *, now: float) -> JobCounts:
        """
        Count the followed jobs as gauges show them.
        """
        by_status: Counter[str] = Counter()
        stuck = 0
        since: list[float] = []
        for job in jobs:
            if job.job_status is not None:
                by_status[job.job_status] += 1
            if not self.is_terminal(job.job_status):
                stuck += self.exceeded(job, now=now) is not None
                since.append(job.first_seen_at if job.created_at is None else job.created_at)
        oldest_s = max(0.0, now - min(since)) if since else None
        return JobCounts(dict(by_status), stuck, oldest_s)

    def _without_status(
        self, job: FollowedJob, seen: JobObservation, gap_s: float
    ) -> TrackerUpdate:
        # While no other job is found, the endpoint may just as well know none of them.
        counts = seen.missing and (seen.others_found or seen.is_alone)
        if counts:
            # A gap in which nobody asked, as between two daemons, is no time of misses.
            longest_s = max(2 * self.slowest_s, _LATE_S)
            missed_s = job.missed_s + min(gap_s, longest_s) if job.misses else 0.0
            job = replace(job, misses=job.misses + 1, missed_s=missed_s)
        waiting = self._schedule_poll(replace(job, quiet_polls=job.quiet_polls + 1), seen.at)
        longest_s = _MISSED_S if seen.others_found else _MISSED_ALONE_S
        gone = counts and job.misses >= _MOST_MISSES and job.missed_s >= longest_s
        return TrackerUpdate(waiting, done=gone or self._is_over(waiting), gone=gone)

    def _first_status(self, job: FollowedJob, status: str, seen: JobObservation) -> TrackerUpdate:
        created = job.created_at
        inside = replace(
            job,
            job_status=status,
            entered_after=created if created is not None and created <= seen.at else None,
            entered_by=seen.at,
            observed_at=seen.at,
            clock_from=self._clock(job, status, seen.at),
            quiet_polls=0,
        )
        return self._settle(inside, seen, watched=False)

    def _same_status(self, job: FollowedJob, status: str, seen: JobObservation) -> TrackerUpdate:
        inside = replace(
            job,
            observed_at=seen.at,
            clock_from=self._clock(job, status, seen.at),
            quiet_polls=job.quiet_polls + 1,
        )
        return self._settle(inside, seen, watched=True)

    def _next_status(self, job: FollowedJob, status: str, seen: JobObservation) -> TrackerUpdate:
        assert job.job_status is not None
        assert job.observed_at is not None
        left_after, left_by = job.observed_at, seen.at
        is_gapped = self._is_gapped(job, status, seen)
        ended = seen.ended_at
        # The server's own time is exact, but only believed where it fits between two polls; what
        # ended then may be another status that came after this one.
        if self.is_terminal(status) and ended is not None and left_after <= ended <= left_by:
            left_after, left_by = left_after if is_gapped else ended, ended
        inside = replace(
            job,
            job_status=status,
            entered_after=left_after,
            entered_by=left_by,
            observed_at=seen.at,
            clock_from=self._clock(job, status, seen.at),
            quiet_polls=0,
        )
        progress = self._settle(inside, seen, watched=True)
        return replace(
            progress,
            move=(job.job_status, status),
            is_gapped=is_gapped,
            stay=None if self.is_terminal(job.job_status) else _stay(job, left_after, left_by),
        )

    def _settle(self, job: FollowedJob, seen: JobObservation, *, watched: bool) -> TrackerUpdate:
        if job.ended_at is not None:
            # The one request after the end: it shows whether the end is final.
            return TrackerUpdate(job, done=True)
        if not self.is_terminal(job.job_status):
            waiting = self._schedule_poll(job, seen.at)
            return TrackerUpdate(waiting, done=self._is_over(waiting))
        ended = self._schedule_poll(replace(job, ended_at=seen.at, quiet_polls=0), seen.at)
        return TrackerUpdate(ended, completion_s=_completion_s(job, seen, watched=watched))

    def _is_gapped(self, job: FollowedJob, status: str, seen: JobObservation) -> bool:
        """
        Whether the job may have been in a status between these two: the polls were far apart, and
        in the order of life there is one.
        """
        assert job.observed_at is not None
        before, after = self.words.get(job.job_status or ""), self.words.get(status)
        if before is None or after is None:
            return False
        lasted_s = 0.0 if job.entered_by is None else job.observed_at - job.entered_by
        usual_s = max(2 * self.poll_s, _LATE_SHARE * lasted_s)
        if seen.at - job.observed_at <= usual_s:
            return False
        return any(
            before.rank <= word.rank <= after.rank and not word.phase.terminal
            for name, word in self.words.items()
            if name not in (job.job_status, status)
        )

    def _schedule_poll(self, job: FollowedJob, now: float) -> FollowedJob:
        # Bounded exponent: 1.5 ** 2_000 is no float.
        gap_s = min(self.slowest_s, self.poll_s * _GAP_GROWTH ** min(job.quiet_polls, 64))
        # In sight: an answer without a status says nothing of how long that lasts.
        if job.entered_by is not None and job.observed_at == now:
            gap_s = min(gap_s, max(self.poll_s, _GAP_SHARE * (now - job.entered_by)))
        return replace(job, next_poll_at=now + gap_s * (1 + _GAP_SPREAD * _fraction(job)))

    def _is_over(self, job: FollowedJob) -> bool:
        return job.ended_at is not None or job.watched_s > self.abandon_s

    def _clock(self, job: FollowedJob, status: str, now: float) -> float:
        word = self.words.get(status)
        # While it may wait without bound the clock is set anew at every poll: the limits
        # count from the last one.
        if word is not None and word.waits_unbounded:
            return now
        if job.clock_from is not None:
            return job.clock_from
        if job.created_at is None:
            return now
        # Before the first observation it may have waited where no limit counts, but not for ever.
        unseen_s = max((limit.unobserved_wait for limit in self.limits), default=0.0)
        return min(now, job.created_at + unseen_s)


def _gap_s(job: FollowedJob, seen: JobObservation) -> float:
    """
    Seconds since the job was last asked for, as far as they can be counted.
    """
    last = job.first_seen_at if job.asked_at is None else job.asked_at
    # Bounded: since a restart the clock may be another one.
    return min(max(0.0, seen.at - last), _LONGEST_GAP_S)


def _stay(job: FollowedJob, left_after: float, left_by: float) -> StatusDuration | None:
    if job.entered_after is None or job.entered_by is None or job.job_status is None:
        return None
    lower_s = max(0.0, left_after - job.entered_by)
    return StatusDuration(job.job_status, lower_s, max(lower_s, left_by - job.entered_after))


def _completion_s(job: FollowedJob, seen: JobObservation, *, watched: bool) -> float | None:
    """
    Seconds from creation to end; None where the job had ended before it was followed.
    """
    created, ended = job.created_at, seen.ended_at
    if ended is None and watched and job.entered_after is not None:
        ended = (job.entered_after + seen.at) / 2
    if created is None or ended is None or ended < created:
        return None
    if not watched and ended < job.first_seen_at - _CLOCK_SLACK_S:
        return None
    return ended - created


def _fraction(job: FollowedJob) -> float:
    """
    A number in [0, 1) of the job and the poll: jobs pushed together drift apart.
    """
    text = f"{job.target}\0{job.job_id}\0{job.polls}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") / 2**32
