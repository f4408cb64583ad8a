"""
Whose job it is that comes back, and that it is the same however it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.contract.formats.comparison.stable_value import stable_part
from jobproof.contract.formats.comparison.written_moments import is_same_moment
from jobproof.contract.formats.headers import header_names
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.wording import told
from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, brief, violation
from jobproof.contract.model.history.dealings import is_of_the_moment
from jobproof.contract.model.job import Job, is_empty, links_in
from jobproof.contract.model.manners.manner import NO_HOST, Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace

__all__ = [
    "job_id_is_echoed",
    "job_id_keeps_its_case",
    "job_is_the_same_however_asked",
    "job_keeps_what_it_was_given",
]


def _has_id(trace: Trace) -> bool:
    job = trace.latest.job
    return job is not None and job.id is not None and not _judged_elsewhere(trace.latest.subject)


def _has_id_as_asked(trace: Trace) -> bool:
    seen = trace.latest
    return seen.subject is not Subject.RECASED and _has_id(trace)


def _has_given_again(trace: Trace) -> bool:
    return any(not is_empty(old) for _, old, _ in _given_places(trace))


def _is_asked_otherwise(trace: Trace) -> bool:
    seen = trace.latest
    if not _must_be_the_same(seen) or _shown_plainly(trace) is None or _is_declared(trace):
        return False
    return not is_of_the_moment(seen.code) and seen.code not in seen.manner.spec.declines


@check(
    basis=Basis.DOCUMENTED,
    source="the document: the operation returns the job with the id in the path",
    severity=Severity.CRITICAL,
    about=Facet.JOB,
    premise=Premise("no job showed its id where the profile says that it stands (id.at)", _has_id),
    essential=True,
)
def job_id_is_echoed(trace: Trace) -> Iterator[Remark]:
    """
    A job that comes back is the job that was asked for.
    """
    seen, promise = trace.latest, trace.api.profile.id
    asked = seen.asked_for
    if asked is None or seen.job is None or _judged_elsewhere(seen.subject):
        return
    found = promise.spelled(seen.job.id)
    if found is None:
        return  # body_matches_schema speaks of a missing id
    if not _is_same(found, asked, case_insensitive=promise.any_case):
        yield violation(
            promise.at, expected=asked, found=found, basis=promise.basis, source=promise.source
        )


@check(
    basis=Basis.INFERRED,
    source="the id is an opaque key for whoever asked with it",
    severity=Severity.LOW,
    about=Facet.JOB,
    premise=Premise(
        "no job showed its id where the profile says that it stands (id.at)", _has_id_as_asked
    ),
)
def job_id_keeps_its_case(trace: Trace) -> Iterator[Remark]:
    """
    The id comes back byte for byte as it was asked for.
    """
    seen, promise = trace.latest, trace.api.profile.id
    # Asked for in the other case, a server may well answer in its own.
    if seen.job is None or seen.asked_for is None or seen.subject is Subject.RECASED:
        return
    if _judged_elsewhere(seen.subject):
        return
    found = seen.job.id
    if isinstance(found, str) and found != seen.asked_for:
        if found.lower() == seen.asked_for.lower() and promise.any_case:
            yield violation(promise.at, expected=seen.asked_for, found=found)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: the operation has no such parameter",
    severity=Severity.HIGH,
    only=tuple(manner.value for manner in Manner if manner.spec.source),
    premise=Premise("no job was asked for in another manner", _is_asked_otherwise),
)
def job_is_the_same_however_asked(trace: Trace) -> Iterator[Remark]:
    """
    Language, client, way and spelling of a question make no other job of it.
    """
    seen, spec = trace.latest, trace.latest.manner.spec
    plain = _shown_plainly(trace)
    if plain is None or plain.job is None or not _is_asked_otherwise(trace):
        return
    # What is no standard's own word is our reading of it.
    basis = None if spec.is_must else Basis.INFERRED
    if spec.is_must and spec.source.startswith("RFC"):
        basis = Basis.RFC
    if seen.code != plain.code:
        yield violation(
            "code",
            f"asked {spec.why}, the job is answered with {seen.code}",
            expected=plain.code,
            found=seen.code,
            basis=basis,
            source=spec.source,
        )
    elif seen.response is not None:
        _ = seen.response.recorded_body
        for at, before, after in _other_facts(trace, plain, seen):
            yield violation(
                at,
                f"asked {spec.why}, it is {told(after)}, and else {told(before)}",
                expected=brief(before),
                found=brief(after),
                basis=basis,
                source=spec.source,
            )


@check(
    basis=Basis.INFERRED,
    source="profile.yaml: given",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job was seen again that shows what it was given", _has_given_again),
)
def job_keeps_what_it_was_given(trace: Trace) -> Iterator[Remark]:
    """
    What was settled when a job was created is the same at every sight.
    """
    for at, old, new in _given_places(trace):
        if _is_kept(old, new):
            continue
        now = "isn't there any more" if is_empty(new) else f"is {told(brief(new))} now"
        yield violation(
            at,
            f"it was {told(brief(old))} and {now}",
            expected=brief(old),
            found=brief(new),
        )


def _given_places(trace: Trace) -> Iterator[tuple[str, Json, Json]]:
    """
    Each place of what was given: what stood there, and what stands there now.
    """
    last, job = trace.past.last, trace.latest.job
    if job is None or last is None or last.job is None:
        return
    for at in trace.api.profile.given:
        yield at, pick(last.job.body, at), pick(job.body, at)


def _is_kept(old: Json, new: Json) -> bool:
    # What is given may be added to, as tags are.
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and _is_kept(item, new[key]) for key, item in old.items())
    # What wasn't there at first may have been settled since.
    return is_empty(old) or old == new


def _must_be_the_same(seen: Observation) -> bool:
    who = seen.subject is Subject.KNOWN and seen.credential is Credential.OWNER
    return who and seen.method == "GET" and bool(seen.manner.spec.source)


def _is_declared(trace: Trace) -> bool:
    """
    Whether the document lets a client say this, so that it may make a difference.
    """
    spec = trace.latest.manner.spec
    if spec.is_bundle:
        return False  # what is declared was left out of it
    said = header_names((*spec.headers, *spec.query))
    others = [one for one in trace.api.operation.parameters if one.place != "path"]
    return any(parameter.name.lower() in said for parameter in others)


def _shown_plainly(trace: Trace) -> Observation | None:
    known = trace.dealings.gets.get(Credential.OWNER)
    last = known.last if known is not None else None
    if last is None or last.code != 200 or last.job is None:
        return None
    # Of what was shown only just a replica that may be behind needn't have heard.
    known_at = trace.latest.exchange.started_at - trace.staleness_s
    return None if trace.staleness_s and last.exchange.over_by > known_at else last


def _other_facts(
    trace: Trace, plain: Observation, seen: Observation
) -> Iterator[tuple[str, Json, Json]]:
    """
    Where the two tell another job: place, what was shown plainly, and what is now.
    """
    profile, job, known = trace.api.profile, seen.job, plain.job
    if known is None:
        return
    if job is None:
        yield "body", "a job", "none"
        return
    if job.id != known.id:
        yield profile.id.at, known.id, job.id
    if profile.times is not None and not _is_as_old(known, job):
        created = profile.times.created
        yield created, pick(known.body, created), pick(job.body, created)
    # A job that goes on may have gone on meanwhile.
    if not trace.api.lifecycle.is_terminal(known.status):
        return
    if job.status != known.status:
        yield profile.status.place, known.status, job.status
    places = (*(profile.result.at if profile.result else ()),)
    places += (*(profile.failure.at if profile.failure else ()),)
    places += (*(one.at for one in (profile.times.later if profile.times else ())),)
    for at in places:
        before, after = pick(known.body, at), pick(job.body, at)
        if is_empty(before) is not is_empty(after):
            yield at, before, after
    yield from _other_places(trace, known.body, job.body)


def _is_as_old(known: Job, job: Job) -> bool:
    if known.created_at is None or job.created_at is None:
        return known.created_at == job.created_at
    return is_same_moment(known.created_text, known.created_at, job.created_text, job.created_at)


def _other_places(trace: Trace, before: Json, after: Json) -> Iterator[tuple[str, Json, Json]]:
    """
    Links that lead to where the asker claimed to be, or to other files, where plain sights have
    shown the same ones up to now; apart from that one may be new each time.
    """
    result = trace.api.profile.result
    gets = trace.dealings.gets.get(Credential.OWNER)
    sights = [one.job.body for one in (gets.alike if gets is not None else ()) if one.job]
    for at in result.links if result else ():
        known, linked = pick(before, at), pick(after, at)
        files = [_files(body, at) for body in (*sights, before)]
        # Of one sight nobody knows whether the next one shows the same.
        is_lasting = len(sights) > 1 and at not in trace.api.profile.volatile
        is_lasting = is_lasting and all(one == files[0] for one in files)
        has_moved = is_lasting and not is_empty(linked) and _files(after, at) != files[0]
        if has_moved or (_leads_nowhere(linked) and not _leads_nowhere(known)):
            yield at, known, linked


def _files(body: Json, at: str) -> Json:
    links: list[Json] = [text for _, text in links_in(pick(body, at))]
    return stable_part(links, exact=False)


def _leads_nowhere(links: Json) -> bool:
    return any(NO_HOST in text.lower() for _, text in links_in(links))


def _is_same(found: object, asked: str, *, case_insensitive: bool) -> bool:
    if not isinstance(found, str):
        return False
    return found == asked or (case_insensitive and found.lower() == asked.lower())


def _judged_elsewhere(subject: Subject) -> bool:
    # altered_id_finds_nothing, malformed_id_is_refused and foreign_job_is_hidden speak of these.
    return subject in (Subject.ALTERED, Subject.MALFORMED, Subject.DISGUISED)
