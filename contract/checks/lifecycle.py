"""
A job's life over time: forward, to an end, and then still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from jobproof.contract.formats.comparison.stable_value import is_moving, stable_part, without_places
from jobproof.contract.formats.json_pointer import escape, pick
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.wording import Words, told
from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.exchange import Credential, Reason, Subject
from jobproof.contract.model.finding import Basis, Drift, Remark, Severity, brief, drift, violation
from jobproof.contract.model.job import Job, is_empty
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.promises.sources import existence, response_source
from jobproof.contract.model.trace import Trace

__all__ = [
    "ended_job_is_frozen",
    "job_ends_in_time",
    "known_job_is_answered",
    "known_job_is_found",
    "status_moves_forward",
    "terminal_status_is_final",
]

# Polls come seconds apart, and created_at is by the server's clock while now is by ours.
_SLACK_S = 30.0


def _was_ended(trace: Trace) -> bool:
    return trace.past.last_ended is not None


def _was_unfinished(trace: Trace) -> bool:
    job, before = trace.latest.job, _last_known(trace)
    lifecycle = trace.api.lifecycle
    if job is None or before is None or lifecycle.is_terminal(before.status):
        return False
    return lifecycle.knows(job.status)


def _has_limit(trace: Trace) -> bool:
    job, lifecycle = trace.latest.job, trace.api.lifecycle
    if job is None or not lifecycle.knows(job.status) or lifecycle.is_terminal(job.status):
        return False
    is_limited = bool(lifecycle.limits) and not lifecycle.waits_unbounded([str(job.status)])
    return is_limited or trace.deadline_s is not None


def _tells_whether_there(trace: Trace) -> bool:
    seen = trace.latest
    if seen.method != "GET" or not seen.authorised:
        return False
    return seen.job is not None or seen.is_not_found


def _has_stayed_ended(trace: Trace) -> bool:
    job, ended = trace.latest.job, _last_ended(trace)
    return job is not None and ended is not None and job.status == ended.status


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: status.terminal",
    severity=Severity.CRITICAL,
    about=Facet.JOB,
    premise=Premise("no job was seen again after its end", _was_ended),
)
def terminal_status_is_final(trace: Trace) -> Iterator[Remark]:
    """
    A job that has ended stays ended, in the same way.
    """
    job, ended = trace.latest.job, _last_ended(trace)
    if job is None:
        return
    promise = trace.api.profile.status
    if ended is None:
        if trace.staleness_s:
            yield from _stale_answer(trace, job, after_end=True)
    elif job.status != ended.status:
        yield violation(
            promise.place,
            f"it had ended as {told(ended.status)} and is {told(job.status)} now",
            expected=ended.status,
            found=job.status,
            basis=promise.terminal.basis,
            source=promise.terminal.source,
        )


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: status.words, status.moves",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job was seen again before its end", _was_unfinished),
)
def status_moves_forward(trace: Trace) -> Iterator[Remark]:
    """
    A job's status moves towards its end; steps back are those that are allowed.
    """
    job, before = trace.latest.job, _last_known(trace)
    if job is None or not isinstance(job.status, str):
        return
    # `before` is the last status that was known: a word that nobody documented has no place in
    # the order, and status_is_documented speaks of it.
    step = trace.api.lifecycle.step(str(before.status), job.status) if before else None
    # terminal_status_is_final speaks of what comes after an end.
    ended = before is not None and trace.api.lifecycle.is_terminal(before.status)
    if before is None or step is None or step.verdict == "legal" or ended:
        if trace.staleness_s:
            yield from _stale_answer(trace, job, after_end=False)
        return
    at = trace.api.profile.status.place
    if step.verdict == "tolerated":
        yield drift(
            at,
            f"{before.status} -> {job.status} is unusual",
            of=Drift.TOLERATED_MOVE,
            found=f"{before.status} -> {job.status}",
            basis=step.basis,
            source=step.source,
        )
    else:
        yield violation(
            at,
            f"{before.status} -> {job.status} leads back",
            expected=Words(f"no step back from {before.status}"),
            found=job.status,
            basis=step.basis,
            source=step.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: status.limits",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise(
        "no unfinished job was seen for which there is a limit (--job-deadline sets one)",
        _has_limit,
    ),
)
def job_ends_in_time(trace: Trace) -> Iterator[Remark]:
    """
    A job comes to an end within the time that the vendor, or the user, has given it.
    """
    job = trace.latest.job
    if job is None or trace.api.lifecycle.is_terminal(job.status):
        return
    at = trace.api.profile.status.place
    # The user's deadline counts from the first sight: a job given as known may be days old.
    first = trace.past.first or trace.latest
    watched = trace.now - first.exchange.started_at
    if trace.deadline_s is not None and watched > trace.deadline_s:
        yield violation(
            at,
            f"still {job.status!r} after {watched:.0f} s of watching",
            expected=Words(f"an end within {trace.deadline_s:g} s"),
            found=job.status,
            source="the job deadline given by the user",
        )
    yield from _documented_limit(trace, job, at)


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found; it is for jobs that don't exist or aren't the asker's",
    severity=Severity.CRITICAL,
    needs=("known",),
    only=("known",),
    premise=Premise("no answer says whether a known job is there", _tells_whether_there),
    of_manners=False,
)
def known_job_is_found(trace: Trace) -> Iterator[Remark]:
    """
    A job that exists, and is the asker's, is found every time.
    """
    seen = trace.latest
    if seen.method != "GET" or seen.subject is not Subject.KNOWN or not seen.authorised:
        return
    if not seen.is_not_found:
        return
    behind = _not_known_for(trace)
    if behind is not None:
        yield drift(
            "code",
            f"{behind:.1f} s behind: the job isn't found yet",
            of=Drift.STALE_ANSWER,
            expected=200,
            found=round(behind, 3),
        )
        return
    before = "it was there before" if trace.past.last else "it was given as known"
    # A page for people, before any job was seen, smells of a base URL that leads astray.
    is_json = "json" in seen.media_type
    is_page = not is_json and seen.response is not None and seen.response.has_all_headers
    hint = "; is the base URL right?" if is_page and not trace.past.last else ""
    promise = existence(trace.api.profile)
    yield violation(
        "code",
        f"the job isn't found although {before}{hint}",
        expected=200,
        found=seen.code,
        basis=promise.basis,
        source=promise.source,
    )


@check(
    basis=Basis.DOCUMENTED,
    source="the document: responses.200",
    severity=Severity.CRITICAL,
    about=Facet.EXCHANGE,
    only=("known",),
    of_manners=False,
)
def known_job_is_answered(trace: Trace) -> Iterator[Remark]:
    """
    A job that exists gets an answer where an id that nobody has gets one.
    """
    seen, baseline = trace.latest, trace.baseline
    if seen.subject is not Subject.KNOWN or not _timed_out(seen) or baseline is None:
        return
    # Where nothing is answered the endpoint is down, and where this job was answered once, it can
    # be: neither is about this job.
    if baseline.response is None or trace.dealings.answered is not None:
        return
    spec = trace.api.operation.response_for(200)
    # One timeout may be the network's, so it takes a second.
    if trace.dealings.timed_out is not None:
        yield violation(
            "code",
            "no answer for this job, twice, while an unknown id is answered at once",
            expected=Words("an answer"),
            found=Words("timeout"),
            basis=None if spec else Basis.INFERRED,
            source=response_source(spec) if spec else None,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: status.terminal; a job that has ended doesn't change",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job was seen again after its end", _has_stayed_ended),
)
def ended_job_is_frozen(trace: Trace) -> Iterator[Remark]:
    """
    What a job that has ended has to show stays the same, signatures and order of links apart.
    """
    job, ended = trace.latest.job, _last_ended(trace)
    if job is None or ended is None or job.status != ended.status or job.body == ended.body:
        return
    # What the head calls it may be unknown.
    profile, content = trace.api.profile, trace.latest.content or trace.latest.parsed_body.held_to
    # The id and the times have checks of their own.
    skip = {*profile.volatile, profile.id.at, profile.status.place, *_time_pointers(trace)}
    if content is not None:  # nobody promises that a key stays which nobody declared
        for body in (ended.body, job.body):
            skip.update(at for at, _, _ in content.undeclared(body))
    skip -= {*profile.frozen}
    late = profile.result is not None and job.status not in profile.result.required_in
    for at, may_come_late in _frozen_places(trace, late=late):
        old, new = pick(ended.body, at), pick(job.body, at)
        if may_come_late and is_empty(old):
            continue
        exact = at in profile.frozen
        for place, before, after in _changes(old, new, at, skip, exact=exact):
            yield violation(
                place,
                f"it was {told(before)} and is {told(after)} now, though the job had ended",
                expected=brief(before),
                found=brief(after),
                basis=profile.status.terminal.basis,
                source=profile.status.terminal.source,
            )


def _frozen_places(trace: Trace, *, late: bool) -> Iterator[tuple[str, bool]]:
    """
    Where the profile promises something that stays, outermost places first, and whether it may
    still come after the end.
    """
    profile = trace.api.profile
    places = dict.fromkeys(profile.frozen, False)
    for at in profile.failure.at if profile.failure else ():
        places.setdefault(at, False)
    result = profile.result
    for at in (*result.at, *result.proof, *result.links) if result else ():
        places.setdefault(at, late)
    for at, may_come_late in places.items():
        inside = any(at != other and at.startswith(f"{other}/") for other in places)
        if not inside:
            yield at, may_come_late


def _stale_answer(trace: Trace, job: Job, *, after_end: bool) -> Iterator[Remark]:
    """
    How far the latest answer is behind a sight of the job that it needn't know of yet.
    """
    lifecycle = trace.api.lifecycle
    for view in trace.fresh_views:
        if view.job is None or not isinstance(job.status, str) or view.job.status == job.status:
            continue
        if lifecycle.is_terminal(view.job.status) is not after_end:
            continue
        step = lifecycle.step(str(view.job.status), job.status)
        if step is None or step.verdict == "legal":
            continue
        # The first sight of what it doesn't know says most; from then on it was behind.
        behind = max(trace.latest.exchange.started_at - view.exchange.over_by, 0.0)
        yield drift(
            trace.api.profile.status.place,
            f"{behind:.1f} s behind: {view.job.status!r} had been shown",
            of=Drift.STALE_ANSWER,
            expected=view.job.status,
            found=round(behind, 3),
        )
        return


def _not_known_for(trace: Trace) -> float | None:
    """
    For how many seconds a replica may not know the job yet; None where it must.
    """
    if trace.past.last is not None or not trace.staleness_s:
        return None
    asked = (trace.dealings.first or trace.latest).exchange.started_at
    since = trace.fresh_views[0].exchange.over_by if trace.fresh_views else asked
    behind = trace.latest.exchange.started_at - since
    return max(behind, 0.0) if behind < trace.staleness_s else None


def _last_ended(trace: Trace) -> Job | None:
    ended = trace.past.last_ended
    return ended.job if ended is not None else None


def _last_known(trace: Trace) -> Job | None:
    known = trace.past.last_known
    return known.job if known is not None else None


def _changes(
    old: Json, new: Json, at: str, skip: Set[str], *, exact: bool
) -> Iterator[tuple[str, Json, Json]]:
    if at in skip:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if exact or not is_moving(key):
                below = f"{at}/{escape(key)}"
                yield from _changes(old.get(key), new.get(key), below, skip, exact=exact)
        return
    # Absent, null and [] all say that nothing is there.
    before, after = (
        stable_part(without_places(value, at, skip), exact=exact) for value in (old, new)
    )
    if before != after and not (is_empty(before) and is_empty(after)):
        yield at, before, after


def _documented_limit(trace: Trace, job: Job, at: str) -> Iterator[Remark]:
    lifecycle = trace.api.lifecycle
    if not lifecycle.limits or not isinstance(job.status, str):
        return
    # No limit runs while a job waits in a queue of unknown length.
    if lifecycle.waits_unbounded([job.status]):
        return
    since, waited = _running_since(trace)
    running = trace.now - since
    age = trace.now - job.created_at if job.created_at is not None else 0.0
    # A body that was left out may have shown the wait.
    waited = waited or trace.dealings.unseen is not None
    # The longest limit that was passed says most, and one finding is enough.
    for limit in sorted(lifecycle.limits, key=lambda x: -x.after):
        # Age includes a wait that nobody watched, so it is given more time. Where the wait was
        # seen, the time at work is known and counts instead.
        too_old = not waited and age > limit.after + limit.unobserved_wait + _SLACK_S
        if not too_old and running <= limit.after + _SLACK_S:
            continue
        message = (
            f"still {told(job.status)} at the age of {age:.0f} s; "
            f"the limit of {limit.name} is {limit.after:.0f} s"
        )
        if limit.verdict == "violation":
            yield violation(
                at,
                message,
                expected=Words(f"an end within {limit.after:.0f} s"),
                found=job.status,
                basis=limit.basis,
                source=limit.source,
            )
        else:
            yield drift(
                at,
                message,
                of=Drift.LIMIT_EXCEEDED,
                found=job.status,
                basis=limit.basis,
                source=limit.source,
            )
        return


def _running_since(trace: Trace) -> tuple[float, bool]:
    """
    The first sight of the job at work, and whether it was seen waiting before that.
    """
    since = trace.past.working or trace.latest
    # A wait that needn't be over yet was one all the same.
    return since.exchange.started_at, trace.dealings.waiting is not None


def _timed_out(seen: Observation) -> bool:
    failure = seen.exchange.failure
    return (
        failure is not None
        and failure.reason is Reason.TIMEOUT
        and seen.credential in (Credential.OWNER, Credential.UNSTATED)
    )


def _time_pointers(trace: Trace) -> Iterator[str]:
    times = trace.api.profile.times
    if times is not None:
        yield times.created
        yield from (stamp.at for stamp in times.later)
