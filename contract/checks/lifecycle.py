"""
A job's life over time: forward, to an end, and then still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from urllib.parse import urlsplit

from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json
from jobproof.contract.model.check import Facet, check
from jobproof.contract.model.exchange import Credential, Reason, Subject
from jobproof.contract.model.finding import Basis, Drift, Remark, Severity, brief, drift, violation
from jobproof.contract.model.job import Job, is_empty
from jobproof.contract.model.observation import Observation
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


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: status.terminal",
    severity=Severity.CRITICAL,
    about=Facet.JOB,
)
def terminal_status_is_final(trace: Trace) -> Iterator[Remark]:
    """
    A job that has ended stays ended, in the same way.
    """
    job, ended = trace.latest.job, _last_ended(trace)
    if job is None or ended is None or job.status == ended.status:
        return
    promise = trace.api.profile.status
    yield violation(
        promise.place,
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
)
def status_moves_forward(trace: Trace) -> Iterator[Remark]:
    """
    A job's status moves towards its end; steps back are those that are allowed.
    """
    job, before = trace.latest.job, _last_known(trace)
    if job is None or before is None or not isinstance(job.status, str):
        return
    # `before` is the last status that was known: a word that nobody documented has no place in
    # the order, and status_is_documented speaks of it.
    step = trace.api.lifecycle.step(str(before.status), job.status)
    if step is None or step.verdict == "legal" or trace.api.lifecycle.is_terminal(before.status):
        return  # terminal_status_is_final speaks of what comes after an end
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
            expected=f"no step back from {before.status}",
            found=job.status,
            basis=step.basis,
            source=step.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: status.limits",
    severity=Severity.HIGH,
    about=Facet.JOB,
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
    first = trace.views[0] if trace.views else trace.latest
    watched = trace.now - first.exchange.started_at
    if trace.deadline_s is not None and watched > trace.deadline_s:
        yield violation(
            at,
            f"still {job.status!r} after {watched:.0f} s of watching",
            expected=f"an end within {trace.deadline_s:g} s",
            found=job.status,
            source="the job deadline given by the user",
        )
    yield from _documented_limit(trace, job, at)


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found is for jobs that don't exist or aren't the asker's",
    severity=Severity.CRITICAL,
    needs=("known",),
    only=("known",),
)
def known_job_is_found(trace: Trace) -> Iterator[Remark]:
    """
    A job that exists, and is the asker's, is found every time.
    """
    seen = trace.latest
    if seen.method != "GET" or seen.subject is not Subject.KNOWN or not seen.authorised:
        return
    if seen.is_not_found:
        before = "it was there before" if trace.views else "it was given as known"
        # A page for people, before any job was seen, smells of a base URL that leads astray.
        hint = "" if trace.views or "json" in seen.media_type else "; is the base URL right?"
        yield violation(
            "code", f"the job isn't found although {before}{hint}", expected=200, found=seen.code
        )


@check(
    basis=Basis.DOCUMENTED,
    source="the document: a job that exists is answered with 200",
    severity=Severity.CRITICAL,
    about=Facet.EXCHANGE,
    only=("known",),
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
    if baseline.response is None or any(o.response is not None for o in trace.earlier):
        return
    # One timeout may be the network's, so it takes a second.
    if any(_timed_out(o) for o in trace.earlier):
        yield violation(
            "code",
            "no answer for this job, twice, while an unknown id is answered at once",
            expected="an answer",
            found="timeout",
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: status.terminal; a job that has ended doesn't change",
    severity=Severity.HIGH,
    about=Facet.JOB,
)
def ended_job_is_frozen(trace: Trace) -> Iterator[Remark]:
    """
    The body of a job that has ended stays the same, signatures of links apart.
    """
    job, ended = trace.latest.job, _last_ended(trace)
    if job is None or ended is None or job.status != ended.status or job.body == ended.body:
        return
    profile, content = trace.api.profile, trace.latest.content
    # The id and the times have checks of their own.
    skip = {*profile.volatile, profile.id.at, *_time_pointers(trace)}
    if content is not None:  # nobody promises that a key stays which nobody declared
        for body in (ended.body, job.body):
            skip.update(at for at, _, _ in content.undeclared(body))
    for at, old, new in _changes(ended.body, job.body, "", skip):
        yield violation(at, expected=brief(old), found=brief(new))


def _last_ended(trace: Trace) -> Job | None:
    for view in trace.views_backwards():
        if view.job is not None and trace.api.lifecycle.is_terminal(view.job.status):
            return view.job
    return None


def _last_known(trace: Trace) -> Job | None:
    for view in trace.views_backwards():
        if view.job is not None and trace.api.lifecycle.knows(view.job.status):
            return view.job
    return None


def _changes(old: Json, new: Json, at: str, skip: Set[str]) -> Iterator[tuple[str, Json, Json]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            below = f"{at}/{escape(key)}"
            if below not in skip:
                yield from _changes(old.get(key), new.get(key), below, skip)
        return
    # Absent, null and [] all say that nothing is there.
    before, after = _stable_part(old), _stable_part(new)
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
    # The longest limit that was passed says most, and one finding is enough.
    for limit in sorted(lifecycle.limits, key=lambda x: -x.after):
        # Age includes a wait that nobody watched, so it is given more time. Where the wait was
        # seen, the time at work is known and counts instead.
        too_old = not waited and age > limit.after + limit.unobserved_wait + _SLACK_S
        if not too_old and running <= limit.after + _SLACK_S:
            continue
        message = f"{job.status!r} at the age of {age:.0f} s; {limit.name}: {limit.after:.0f} s"
        if limit.verdict == "violation":
            yield violation(
                at,
                message,
                expected=f"an end within {limit.after:.0f} s",
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
    since = trace.latest.exchange.started_at
    for view in trace.views_backwards():
        if view.job is None or trace.api.lifecycle.waits_unbounded([str(view.job.status)]):
            return since, True
        since = view.exchange.started_at
    return since, False


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


def _stable_part(value: Json) -> Json:
    """
    `value` without what may change: the order and the signatures of links.
    """
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        # A signed link gets a new query with every answer; what it leads to is in its path.
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
    if isinstance(value, list):
        items = [_stable_part(item) for item in value]
        texts = [item for item in items if isinstance(item, str)]
        return sorted(texts) if len(texts) == len(items) else items
    if isinstance(value, dict):
        return {key: _stable_part(item) for key, item in value.items()}
    return value
