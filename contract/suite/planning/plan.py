"""
Which requests a run sends, in what order: worked out before anything is sent.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jobproof.contract.model.exchange import Credential, Request, Subject
from jobproof.contract.model.hostile_ids import HOSTILE_IDS
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.request import build_request, can_be_asked
from jobproof.contract.suite.planning.job_ids import (
    ALTERATIONS,
    BYPASSES,
    DISGUISES,
    altered_ids,
    fresh_id,
    recased_id,
)
from jobproof.contract.suite.planning.target import Effort, SuiteTarget

__all__ = ["PlannedRequest", "RequestSequence", "build_plan", "request_of"]

_SCHEMES = (Manner.SCHEME_CASE, Manner.SCHEME_UPPER)
# What differs makes no other job of it, whoever owns it.
_ALIKE = (
    *(Manner.LANGUAGE, Manner.AGENT, Manner.TOOL, Manner.FORWARDED, Manner.OTHER_HOST),
    *(Manner.ORIGIN, Manner.COOKIE, Manner.QUERY),
    *(Manner.ACCEPT_ANY, Manner.ACCEPT_RANGE, Manner.ACCEPT_WEIGHED),
    *(Manner.IDENTITY, Manner.RANGE),
    *(Manner.OTHER_TAG, Manner.NEAR_TAG, Manner.OLD_DATE, Manner.TAG_OVER_DATE),
    *(Manner.NO_TAG, Manner.NO_DATE, Manner.IF_ANY),
    *(Manner.ENCODED, *_SCHEMES, Manner.FIELD_CASE),
)
# By which somebody without a right has got in elsewhere.
_TRICKS = (
    *(Manner.FORWARDED, Manner.CLAIMS, Manner.QUERY, Manner.ANY_TAG, Manner.ORIGIN),
    Manner.QUERY_CLAIMS,
    *(Manner.COOKIE, Manner.ACCEPT_ANY, Manner.RANGE, Manner.ENCODED),
    *(Manner.OLD_DATE, Manner.IF_ANY, Manner.OWN_METHOD),
)
_BESIDE = (Manner.OTHER_IN_QUERY, Manner.OTHER_IN_HEADER)
_EMPTY = (Manner.EMPTY, Manner.BLANK)
_WRONG = (
    *(Manner.OTHER_SCHEME, Manner.IN_QUERY, Manner.IN_COOKIE),
    *(Manner.CUT, Manner.EXTENDED, Manner.RECASED, Manner.UNSIGNED),
    *(Manner.SHORTENED, Manner.BEHEADED, Manner.PREFIXED, Manner.CHANGED),
    *(Manner.OTHER_END, Manner.NULLED, Manner.CLAIMED, Manner.QUOTED),
)
# How often another id is asked for between two questions for the first foreign job.
_TURNS = 2
_UNLISTED = ("POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY")


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """
    One request, or the same one several times.

    Attributes:
        times: How often at most.
        until_end: Send it again, an interval apart, until the job has ended.
        conditional: Send the entity tag seen last, where one was seen; else leave it out.
        fresh_every: Every so manyth time over a new connection; 0 for never.
        beside: What is asked at the same moment, both over new connections.
        why: What the request is for, for whoever reads a dry run.
        as_it_is: The id stands in the path as it is, not percent-encoded.
        other_id: Of the job that the manner names beside this one.
    """

    method: str
    job_id: str
    subject: Subject
    credential: Credential
    why: str
    times: int = 1
    until_end: bool = False
    conditional: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    manner: Manner = Manner.PLAIN
    fresh_every: int = 0
    beside: PlannedRequest | None = None
    as_it_is: bool = False
    other_id: str = ""

    @property
    def questions(self) -> int:
        """
        How many requests it makes at most, where none is repeated until an end.
        """
        return self.times * (1 if self.beside is None else 2)


@dataclass(frozen=True, slots=True)
class RequestSequence:
    """
    Requests for one id, sent one after the other: they make one trace.
    """

    job_id: str
    requests: tuple[PlannedRequest, ...]


def build_plan(target: SuiteTarget) -> tuple[RequestSequence, ...]:
    """
    All sequences, the most telling first, so that a small budget is spent well.

    Nothing but GET, HEAD and OPTIONS goes to a known job, unless it is disposable.
    """
    rng = random.Random(target.seed or None)  # noqa: S311 -- ids, not secrets
    missing = fresh_id(target.api.profile, rng)
    outsiders = target.api.access.is_required
    requests = tuple(_missing_job_requests(target, missing, outsiders=outsiders))
    sequences = [RequestSequence(missing, requests)]
    # The many polls that rare faults take go to the first job alone.
    for index, job_id in enumerate(target.jobs):
        sequences.append(
            RequestSequence(
                job_id, tuple(_known_job_requests(target, job_id, missing, first=index == 0))
            )
        )
    for index, job_id in enumerate(target.foreign_jobs):
        # What two of these answers differ in tells nothing of a foreign job: for each another id.
        between = [fresh_id(target.api.profile, rng) for _ in range(_TURNS)] if not index else []
        asked = tuple(_foreign_job_requests(target, job_id, between))
        sequences.append(RequestSequence(job_id, asked))
    sequences.extend(_odd_id_sequences(target))
    fresh = fresh_id(target.api.profile, rng)
    if target.foreign_jobs:
        # What two of these answers differ in tells nothing of a foreign job. In the first
        # sequence, which is over before a foreign job is asked for.
        other = fresh_id(target.api.profile, rng)
        another = PlannedRequest(
            "GET", other, Subject.MISSING, Credential.OWNER, "another id that nobody has"
        )
        sequences[0] = replace(sequences[0], requests=(*sequences[0].requests, another))
    # A fresh id, so that whatever a POST or DELETE does, it does to nobody's job.
    sequences.append(
        RequestSequence(fresh, tuple(_unlisted_method_requests(fresh, Subject.MISSING)))
    )
    for job_id in target.jobs:
        if job_id in target.disposable:
            sequences.append(
                RequestSequence(job_id, tuple(_unlisted_method_requests(job_id, Subject.KNOWN)))
            )
    return tuple(sequences)


def request_of(target: SuiteTarget, planned: PlannedRequest) -> Request:
    """
    The request as it is sent.
    """
    return build_request(
        target.api,
        target.base_url,
        planned.job_id,
        subject=planned.subject,
        credential=planned.credential,
        token=target.token,
        method=planned.method,
        headers=planned.headers,
        manner=planned.manner,
        as_it_is=planned.as_it_is,
        other_id=planned.other_id,
    )


def _missing_job_requests(
    target: SuiteTarget, job_id: str, *, outsiders: bool
) -> Iterator[PlannedRequest]:
    # What a foreign job's answers are compared with, in what may say more.
    is_compared = bool(target.foreign_jobs)
    planned = PlannedRequest(
        *("GET", job_id, Subject.MISSING, Credential.OWNER, "an id that nobody has"),
        times=2,
        fresh_every=2,
    )
    yield planned
    if outsiders:
        none, invalid = Credential.NONE, Credential.INVALID
        yield replace(planned, credential=none, why="the same without a token", times=1)
        yield replace(planned, credential=invalid, why="the same, invalid token", times=1)
    if target.effort is not Effort.QUICK:
        once = replace(planned, times=1)
        yield from _in_manners(target, once, (Manner.OVERRIDE, Manner.ANY_TAG))
        if is_compared:
            # Twice: of one answer nobody knows which of its keys come every time.
            yield from _in_manners(target, planned, (Manner.QUERY,))
            yield replace(once, method="HEAD", why="its head alone: an id that nobody has")


def _known_job_requests(
    target: SuiteTarget, job_id: str, missing: str, *, first: bool
) -> Iterator[PlannedRequest]:
    get = PlannedRequest("GET", job_id, Subject.KNOWN, Credential.OWNER, "a known job, to its end")
    if first and target.effort is not Effort.QUICK and target.api.access.is_required:
        # Later on it has ended, and some guard what has ended alone, or what runs.
        on_its_way = "the job without a token, perhaps on its way"
        yield replace(get, credential=Credential.NONE, why=on_its_way)
    yield replace(get, until_end=True)
    yield replace(get, conditional=True, why="the same if it has changed")
    yield replace(get, why="once more: an ended job stays as it is")
    yield replace(get, method="HEAD", why="its head alone")
    yield replace(get, method="OPTIONS", why="which methods there are")
    if target.api.access.is_required:
        # One instance may ask for a token and the next one not.
        none = replace(get, credential=Credential.NONE, why="the job without a token")
        twice = first and target.effort is not Effort.QUICK
        yield replace(none, times=2 if twice else 1, fresh_every=2 if twice else 1)
        yield replace(get, credential=Credential.INVALID, why="the job with an invalid token")
    if first and target.effort is not Effort.QUICK:
        yield from _in_manners(target, get, _ALIKE)
        yield from _conditions(target, get)
        for foreign in target.foreign_jobs[:1]:
            yield from _in_manners(target, replace(get, other_id=foreign), _BESIDE)
        if target.api.access.is_required:
            none = replace(get, credential=Credential.NONE)
            yield from _in_manners(target, none, (*_EMPTY, *_TRICKS))
            yield replace(none, conditional=True, why="if it has changed, without a token")
            yield replace(none, method="HEAD", why="the job's head without a token")
            yield replace(none, method="OPTIONS", why="which methods there are, without a token")
            invalid = replace(get, credential=Credential.INVALID)
            yield from _in_manners(target, invalid, (*_WRONG, *_SCHEMES))
        # Nothing of what was asked so has changed anything for others.
        yield replace(get, why="plainly once more")
    if first:
        yield from _many_polls(target, get, missing)
    elif target.effort is not Effort.QUICK:
        # The first of them comes after an error, over the same connection.
        yield replace(get, times=3, fresh_every=2, why="again and again: rare faults")


def _conditions(target: SuiteTarget, get: PlannedRequest) -> Iterator[PlannedRequest]:
    """
    For what answers 304 to the job's own tag: the same in the other forms of the condition.
    """
    listed = replace(get, manner=Manner.LISTED_TAG, conditional=True)
    yield replace(listed, why=f"{get.subject} id {listed.manner.spec.why}")
    yield from _in_manners(target, get, (Manner.ANY_TAG,))


def _many_polls(target: SuiteTarget, get: PlannedRequest, missing: str) -> Iterator[PlannedRequest]:
    """
    For what shows in some answers, over some connections, or where two are asked for at once.
    """
    # Where sequences go side by side, another job's own polls would overlap with this one.
    other = replace(get, job_id=target.jobs[-1])
    if other.job_id == get.job_id or target.concurrency > 1:
        other = replace(get, job_id=missing, subject=Subject.MISSING)
    at_once = max(1, target.effort.polls // 10)
    # One was asked without a token, where one is asked for.
    twice = target.api.access.is_required and target.effort is not Effort.QUICK
    alone = target.effort.polls - 2 * at_once - twice
    yield replace(get, times=alone, fresh_every=2, why="again and again: rare faults")
    other = replace(other, why="at the same moment, by another connection")
    yield replace(get, times=at_once, beside=other, why="two questions at once")


def _foreign_job_requests(
    target: SuiteTarget, job_id: str, between: Sequence[str]
) -> Iterator[PlannedRequest]:
    """
    Args:
        between: Ids that nobody has, to be asked for in turn with the job; for the first job.
    """
    why = "somebody else's job"
    once = PlannedRequest("GET", job_id, Subject.FOREIGN, Credential.OWNER, why)
    is_thorough = bool(between) and target.effort is not Effort.QUICK
    if is_thorough:
        nobodys = replace(once, subject=Subject.MISSING, why="by turns: an id that nobody has")
        for fresh_every, other in enumerate(between):
            yield replace(once, fresh_every=fresh_every)
            yield replace(nobodys, job_id=other)
        yield once
    else:
        yield replace(once, times=2, fresh_every=2)
    yield replace(once, method="HEAD", why="somebody else's job, head alone")
    if is_thorough:
        yield from _in_manners(target, once, _TRICKS)
        yield replace(once, credential=Credential.NONE, why="somebody else's job, no token")


def _in_manners(
    target: SuiteTarget, plain: PlannedRequest, manners: tuple[Manner, ...]
) -> Iterator[PlannedRequest]:
    for manner in manners:
        if can_be_asked(target.api, manner, target.token):
            asked = replace(plain, manner=manner, why=f"{plain.subject} id {manner.spec.why}")
            yield replace(asked, conditional=manner is Manner.NEAR_TAG)


def _odd_id_sequences(target: SuiteTarget) -> Iterator[RequestSequence]:
    given = (*target.jobs, *target.foreign_jobs)
    for planned in _altered_id_requests(target, given):
        yield RequestSequence(planned.job_id, (planned,))
    hostile = HOSTILE_IDS if target.effort is not Effort.QUICK else HOSTILE_IDS[:6]
    for job_id in hostile:
        if job_id in given:
            continue  # here it names a job
        planned = PlannedRequest("GET", job_id, Subject.MALFORMED, Credential.OWNER, "a hostile id")
        yield RequestSequence(job_id, (planned,))


def _altered_id_requests(target: SuiteTarget, given: tuple[str, ...]) -> Iterator[PlannedRequest]:
    owner, none, effort = Credential.OWNER, Credential.NONE, target.effort
    for foreign in target.foreign_jobs[:1]:
        for altered in altered_ids(DISGUISES, foreign, given, effort=effort):
            why = f"somebody else's job, its id {altered.how}"
            yield PlannedRequest(
                "GET", altered.text, Subject.DISGUISED, owner, why, as_it_is=altered.as_it_is
            )
        if target.jobs and effort is not Effort.QUICK:
            why = "somebody else's job behind the asker's own, as a list"
            listed = f"{target.jobs[0]},{foreign}"
            yield PlannedRequest("GET", listed, Subject.DISGUISED, owner, why)
    for known in target.jobs[:1]:
        for altered in altered_ids(ALTERATIONS, known, given, effort=effort):
            why = f"a known id, {altered.how}"
            yield PlannedRequest(
                "GET", altered.text, Subject.ALTERED, owner, why, as_it_is=altered.as_it_is
            )
        bypasses = BYPASSES if target.api.access.is_required else ()
        for altered in altered_ids(bypasses, known, given, effort=effort):
            why = f"the job without a token, its id {altered.how}"
            yield PlannedRequest("GET", altered.text, Subject.ALTERED, none, why, as_it_is=True)
        other = recased_id(known, given)
        if other is not None:
            why = "a known id, other case"
            yield PlannedRequest("GET", other, Subject.RECASED, owner, why)


def _unlisted_method_requests(job_id: str, subject: Subject) -> Iterator[PlannedRequest]:
    for method in _UNLISTED:
        yield PlannedRequest(
            method, job_id, subject, Credential.OWNER, "a method that isn't documented"
        )
