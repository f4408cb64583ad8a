"""
Points in time: in order, in the past, and fixed once written.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.formats.comparison.written_moments import is_same_moment, precision_of
from jobproof.contract.formats.http_date import read_http_date
from jobproof.contract.formats.wording import Words, told
from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.exchange import NotRecorded
from jobproof.contract.model.finding import Basis, Remark, Severity, inconclusive, violation
from jobproof.contract.model.job import Job, is_beyond_calendar
from jobproof.contract.model.profile import Times, Timestamp
from jobproof.contract.model.promises.sources import Written, written
from jobproof.contract.model.trace import Trace

__all__ = [
    "creation_time_is_past",
    "creation_time_is_set",
    "creation_time_is_stable",
    "end_time_follows_creation",
    "end_time_follows_last_sight",
    "end_time_is_past",
    "end_time_is_stable",
    "end_time_only_after_end",
    "ended_job_has_end_time",
    "server_clock_agrees",
]

_HOSTS_APART_S = 0.25  # the clocks of who creates jobs and who ends them
# 2000-01-01T00:00:00Z: zero as a time lies before it in every codec, no job does.
_OLDEST = 946_684_800.0
_DAY_S = 86_400.0


def _has_creation(trace: Trace) -> bool:
    job = trace.latest.job
    return job is not None and job.created_at is not None


def _has_end(trace: Trace) -> bool:
    return trace.latest.job is not None and _says_end(trace, trace.latest.job)


def _writes_creation(trace: Trace) -> bool:
    return trace.latest.job is not None and trace.latest.job.created_text is not None


def _was_unfinished(trace: Trace) -> bool:
    return _has_end(trace) and _last_unfinished(trace) is not None


def _has_both(trace: Trace) -> bool:
    job = trace.latest.job
    return job is not None and job.created_at is not None and bool(job.later)


def _takes_no_end(trace: Trace) -> bool:
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None or not trace.api.lifecycle.knows(job.status):
        return False
    return any(s.allowed_in is not None and job.status not in s.allowed_in for s in times.later)


def _needs_end(trace: Trace) -> bool:
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None:
        return False
    return any(job.status in (stamp.required_in or ()) for stamp in times.later)


def _had_creation(trace: Trace) -> bool:
    before = trace.past.last.job if trace.past.last is not None else None
    return _has_creation(trace) and before is not None and before.created_at is not None


def _had_end(trace: Trace) -> bool:
    before = trace.past.last.job if trace.past.last is not None else None
    return before is not None and _says_end(trace, before)


def _says_end(trace: Trace, job: Job) -> bool:
    times = trace.api.profile.times
    return times is not None and any(s.ends_life and s.at in job.later for s in times.later)


def _has_date(trace: Trace) -> bool:
    response = trace.latest.response
    if trace.api.profile.times is None or response is None or not trace.latest.exchange.is_timed:
        return False
    return response.header("age") is None and _date(trace) is not None


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job said when it was created", _has_creation),
)
def creation_time_is_past(trace: Trace) -> Iterator[Remark]:
    """
    A job that is there was created before now.
    """
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None or job.created_at is None:
        return
    # The time is by the server's clock. That this one is ahead, server_clock_agrees says once.
    if _is_ahead(trace, job.created_at, times):
        ahead = job.created_at - trace.now
        yield violation(
            times.created,
            f"{ahead:.0f} s in the future",
            expected=Words("a time before now"),
            found=job.created_text,
            basis=times.basis,
            source=times.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job said when it ended", _has_end),
)
def end_time_is_past(trace: Trace) -> Iterator[Remark]:
    """
    A job that has ended did so before now.
    """
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None:
        return
    for stamp in times.later:
        text, moment = job.present.get(stamp.at), job.later.get(stamp.at)
        is_beyond = is_beyond_calendar(text, stamp.codec)
        if stamp.ends_life and (is_beyond or (moment and _is_ahead(trace, moment, times))):
            promise = _end_promise(times, stamp)
            message = f"{told(text)} is beyond any calendar: is its unit another?"
            yield violation(
                stamp.at,
                f"{moment - trace.now:.0f} s in the future" if moment else message,
                expected=Words("a time before now"),
                found=text,
                basis=promise.basis,
                source=promise.source,
            )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job said when it was created and when it ended", _has_both),
)
def end_time_follows_creation(trace: Trace) -> Iterator[Remark]:
    """
    A job ends after it was created.
    """
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None or job.created_at is None:
        return
    for stamp in times.later:
        at, moment = stamp.at, job.later.get(stamp.at)
        if moment is None or job.created_at - moment < _HOSTS_APART_S:
            continue
        apart = max(precision_of(job.created_text, job.present[at]), _HOSTS_APART_S)
        if job.created_at - moment >= apart:
            promise = _end_promise(times, stamp)
            yield violation(
                at,
                f"{job.created_at - moment:.3g} s before the job's creation",
                expected=Words(f"a time after {told(job.created_text)}"),
                found=job.present[at],
                basis=promise.basis,
                source=promise.source,
            )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times.later",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job was seen in which an end time would be wrong", _takes_no_end),
)
def end_time_only_after_end(trace: Trace) -> Iterator[Remark]:
    """
    A time that marks an end stands only in a job that has come to it.
    """
    job, times = trace.latest.job, trace.api.profile.times
    # Of a status that nobody documented, nobody knows whether it is an end.
    if job is None or times is None or not trace.api.lifecycle.knows(job.status):
        return
    for stamp in times.later:
        if stamp.allowed_in is None or stamp.at not in job.present:
            continue
        if job.status not in stamp.allowed_in:
            yield violation(
                stamp.at,
                f"set although the status is {job.status!r}",
                expected=Words("absent"),
                found=job.present[stamp.at],
                # A list of statuses without a promise beside it is somebody's reading.
                basis=stamp.allowed.basis if stamp.allowed else Basis.INFERRED,
                source=stamp.allowed.source if stamp.allowed else None,
            )


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: times.later",
    about=Facet.JOB,
    premise=Premise("no job was seen that has to say when it ended", _needs_end),
)
def ended_job_has_end_time(trace: Trace) -> Iterator[Remark]:
    """
    A job that has ended says when.
    """
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None:
        return
    for stamp in times.later:
        if job.status in (stamp.required_in or ()) and stamp.at not in job.present:
            yield violation(
                stamp.at,
                f"absent although the status is {job.status!r}",
                expected=Words("a time"),
                found=Words("nothing"),
                basis=stamp.required.basis if stamp.required else None,
                source=stamp.required.source if stamp.required else None,
            )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job said twice when it was created", _had_creation),
)
def creation_time_is_stable(trace: Trace) -> Iterator[Remark]:
    """
    A job's creation time is the same at every sight.
    """
    job, times = trace.latest.job, trace.api.profile.times
    last = trace.past.last
    if job is None or times is None or job.created_at is None or last is None:
        return
    before = last.job
    if before is None or before.created_at is None:
        return
    first = trace.past.first.job if trace.past.first is not None else None
    for known in (before, first):
        if known is None or known.created_at is None or before.created_at == job.created_at:
            continue
        # By little at each sight, it may be far from where it was.
        text, moment = known.created_text, known.created_at
        if is_same_moment(text, moment, job.created_text, job.created_at):
            continue
        yield violation(
            times.created,
            f"it was {told(text)} and is {told(job.created_text)} now",
            expected=text,
            found=job.created_text,
            basis=times.basis,
            source=times.source,
        )
        return


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job was seen again that had said when it ended", _had_end),
)
def end_time_is_stable(trace: Trace) -> Iterator[Remark]:
    """
    An end, once written, stays as it is.
    """
    job, times = trace.latest.job, trace.api.profile.times
    last = trace.past.last
    if job is None or times is None or last is None:
        return
    before = last.job
    since = trace.past.first_of.get(str(job.status))
    first = since.job if since is not None else None
    for stamp in times.later if before else ():
        old = before.later.get(stamp.at) if before else None
        if old is None or before is None or not stamp.ends_life:
            continue
        new, found = job.later.get(stamp.at), job.present.get(stamp.at)
        for known in (before, first):
            moment = known.later.get(stamp.at) if known is not None else None
            if known is None or moment is None or old == new:
                continue
            expected = known.present[stamp.at]
            if new is not None and is_same_moment(expected, moment, found, new):
                continue
            promise = _end_promise(times, stamp)
            now = "isn't there any more" if found is None else f"is {told(found)} now"
            yield violation(
                stamp.at,
                f"it was {told(expected)} and {now}",
                expected=expected,
                found=found,
                basis=promise.basis,
                source=promise.source,
            )
            break


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job said when it was created", _writes_creation),
)
def creation_time_is_set(trace: Trace) -> Iterator[Remark]:
    """
    A job's creation time is a moment at which there was an API, and no zero.
    """
    job, times = trace.latest.job, trace.api.profile.times
    if job is None or times is None:
        return
    moment, text = job.created_at, job.created_text
    # A text that is no time is the schema's affair.
    if moment is None and not is_beyond_calendar(text, times.codec):
        return
    if moment is None or moment < _OLDEST:
        said = "before the year 2000" if moment is not None else "beyond any calendar"
        yield violation(
            times.created,
            f"{told(text)} is {said}: was it never set, or is its unit another?",
            expected=Words("the time at which the job was created"),
            found=text,
            basis=times.basis,
            source=times.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: times.later",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job with an end time had been seen before its end", _was_unfinished),
)
def end_time_follows_last_sight(trace: Trace) -> Iterator[Remark]:
    """
    A job that was seen unfinished ended after that.
    """
    job, times, seen = trace.latest.job, trace.api.profile.times, _last_unfinished(trace)
    if job is None or times is None or seen is None:
        return
    for stamp in times.later:
        moment = job.later.get(stamp.at) if stamp.ends_life else None
        # A replica may not have heard of the end yet; times of another day are a sandbox's.
        if moment is None or not times.skew + trace.staleness_s < seen - moment < _DAY_S:
            continue
        promise = _end_promise(times, stamp)
        yield violation(
            stamp.at,
            f"{seen - moment:.0f} s before the job was still seen unfinished",
            expected=Words("a time after that"),
            found=job.present[stamp.at],
            basis=promise.basis,
            source=promise.source,
        )


@check(
    basis=Basis.INFERRED,
    source="RFC 9110 6.6.1: Date is the time at which the answer was made",
    severity=Severity.LOW,
    premise=Premise("no answer had a Date of its own to compare", _has_date),
)
def server_clock_agrees(trace: Trace) -> Iterator[Remark]:
    """
    The server's clock and ours agree, so that times can be compared at all.
    """
    times, response, stated = trace.api.profile.times, trace.latest.response, _date(trace)
    if times is None or response is None or stated is None:
        return
    if response.header("age") is not None:
        return  # a cached answer keeps the Date at which it was made
    _need_time(trace)
    # Date was written somewhere within the exchange, so the exchange's length is no disagreement.
    apart = abs(stated - trace.now) - trace.latest.exchange.elapsed_s
    if apart > times.skew:
        yield inconclusive(
            "header:date", f"the clocks are {apart:.0f} s apart; times can't be trusted"
        )


def _last_unfinished(trace: Trace) -> float | None:
    """
    When a job that has ended was last shown in another status; by the server's clock, if it told.
    """
    job, lifecycle = trace.latest.job, trace.api.lifecycle
    if job is None or not lifecycle.is_terminal(job.status):
        return None
    pending = [
        view
        for status, view in trace.past.last_of.items()
        if lifecycle.knows(status) and not lifecycle.is_terminal(status)
    ]
    return max((view.told_at for view in pending), default=None)


def _end_promise(times: Times, stamp: Timestamp) -> Written:
    """
    What is written of that time itself, else of the job's times.
    """
    return written(stamp.allowed or times, times)


def _date(trace: Trace) -> float | None:
    response = trace.latest.response
    text = response.header("date") if response else None
    return read_http_date(text, now=trace.now) if text is not None else None


def _is_ahead(trace: Trace, moment: float, times: Times) -> bool:
    """
    Whether `moment` is to come, by our clock and by the server's.

    Raises:
        NotRecorded: It is by ours, and the answer's Date, or how long it took, was left out.
    """
    if moment <= trace.now + times.skew:
        return False
    stated = _date(trace)
    if stated is None:
        _need_time(trace)
        return True
    return moment > stated + times.skew


def _need_time(trace: Trace) -> None:
    if not trace.latest.exchange.is_timed:
        raise NotRecorded("how long the answer took")
