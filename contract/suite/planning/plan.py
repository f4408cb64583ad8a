"""
Which requests a run sends, in what order: worked out before anything is sent.

The order isn't written here. Each question has a name, and `yields.csv` says of each name when it
is asked and by how much effort: as measured, by what it finds (`tox -e yield`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
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
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.planning.yields import Yields, read_yields

__all__ = ["PlannedRequest", "build_plan", "parts_of", "request_of"]

# What differs makes no other job of it, whoever owns it.
_ALIKE = (
    *(Manner.OTHER_CLIENT, Manner.OTHER_TOOL, Manner.OTHER_PART, Manner.OTHER_SPELLING),
    *(Manner.NEAR_TAG, Manner.NO_TAG, Manner.SCHEME_CASE, Manner.SCHEME_UPPER),
)
_TRICKS = (Manner.ALL_TRICKS, Manner.ANY_TAG, Manner.ENCODED)
_BESIDE = (Manner.OTHER_IN_QUERY, Manner.OTHER_IN_HEADER)
_EMPTY = (Manner.EMPTY, Manner.BLANK)
_WRONG = (
    *(Manner.OTHER_SCHEME, Manner.IN_QUERY, Manner.IN_COOKIE),
    *(Manner.CUT, Manner.EXTENDED, Manner.RECASED, Manner.UNSIGNED),
    *(Manner.SHORTENED, Manner.BEHEADED, Manner.PREFIXED, Manner.CHANGED),
    *(Manner.OTHER_END, Manner.NULLED, Manner.CLAIMED, Manner.QUOTED),
    *(Manner.SCHEME_CASE, Manner.SCHEME_UPPER),
)
_UNLISTED = ("POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY")
_REPEATS = 60
"""How many questions look for what is wrong now and then: a fault of every 20th answer needs 59
to be seen with 95 %."""
_PAIRS = 6
_LONG_NAME = 20


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """
    One question.

    Attributes:
        why: What it is for, for whoever reads a dry run.
        name: By which `yields.csv` calls it; the same of each job that it is asked of.
        follows: It is put again until the job has ended.
        after_end: It waits until the job has ended, or is followed no more.
        each_end: Of jobs that ended alike, it is put about one.
        conditional: Send the entity tag seen last, where one was seen; else leave it out.
        fresh: By a new connection.
        repeats: It is asked again for what is wrong now and then.
        beside: What is asked at the same moment, both over new connections.
        as_it_is: The id stands in the path as it is, not percent-encoded.
        other_id: Of the job that the manner names beside this one.
    """

    method: str
    job_id: str
    subject: Subject
    credential: Credential
    why: str
    name: str = ""
    follows: bool = False
    after_end: bool = False
    each_end: bool = False
    conditional: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    manner: Manner = Manner.PLAIN
    fresh: bool = False
    repeats: bool = False
    beside: PlannedRequest | None = None
    as_it_is: bool = False
    other_id: str = ""

    @property
    def questions(self) -> int:
        """
        How many requests it makes, where it isn't put again.
        """
        return 1 if self.beside is None else 2


def build_plan(
    target: SuiteTarget, yields: Yields | None = None, *, checks: Iterable[str] | None = None
) -> tuple[PlannedRequest, ...]:
    """
    All questions that the effort is worth, the most telling first.

    Nothing but GET, HEAD and OPTIONS goes to a known job, unless it is disposable.

    Args:
        yields: What each is worth; None: as it was measured.
        checks: Only what these need, by their ids; None: whatever any of them needs.
    """
    worth = read_yields() if yields is None else yields
    asked = [one for one in _all_questions(target) if worth.is_asked(one.name, target.effort)]
    needed = None if checks is None else worth.needed_by(checks)
    if needed is not None:
        asked = [one for one in asked if one.name in needed]
    return tuple(sorted(asked, key=lambda one: worth.rank(one.name)))


def parts_of(target: SuiteTarget, planned: PlannedRequest) -> tuple[PlannedRequest, ...]:
    """
    The questions that `planned` puts all at once, one by one.
    """
    manners = (Manner(value) for value in planned.manner.spec.combines)
    plain = replace(planned, manner=Manner.PLAIN)
    return tuple(_in_manners(target, plain, tuple(manners)))


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


def _all_questions(target: SuiteTarget) -> Iterator[PlannedRequest]:
    rng = random.Random(target.seed or None)  # noqa: S311 -- ids, not secrets
    missing = fresh_id(target.api.profile, rng)
    yield from _of_missing(target, missing, rng)
    for index, job_id in enumerate(target.jobs):
        yield from _of_known(target, job_id, first=index == 0)
    if target.jobs:
        yield from _of_first(target, target.jobs[0], missing)
    for index, job_id in enumerate(target.foreign_jobs):
        yield from _of_foreign(target, job_id, rng, first=index == 0)
    yield from _of_odd_ids(target)
    # A fresh id, so that whatever a POST or DELETE does, it does to nobody's job.
    nobodys = fresh_id(target.api.profile, rng)
    yield from _unlisted(nobodys, Subject.MISSING, "nobody's")
    for job_id in target.jobs:
        if job_id in target.disposable:
            yield from _unlisted(job_id, Subject.KNOWN, "disposable")


def _named(who: str, planned: PlannedRequest) -> PlannedRequest:
    parts = [who, planned.credential.value, planned.method]
    if planned.manner is not Manner.PLAIN:
        parts.append(planned.manner.value)
    return replace(planned, name=" ".join(parts))


def _of_missing(target: SuiteTarget, job_id: str, rng: random.Random) -> Iterator[PlannedRequest]:
    owner, none, invalid = Credential.OWNER, Credential.NONE, Credential.INVALID
    get = PlannedRequest("GET", job_id, Subject.MISSING, owner, "an id that nobody has")
    yield _named("missing", get)
    yield replace(_named("missing", get), name="missing again", fresh=True)
    if target.api.access.is_required:
        yield _named("missing", replace(get, credential=none, why="the same without a token"))
        yield _named("missing", replace(get, credential=invalid, why="the same, invalid token"))
    for asked in _in_manners(target, get, (Manner.OVERRIDE, *_TRICKS)):
        yield _named("missing", asked)
    if target.foreign_jobs:
        # What a foreign job's answers are compared with, in what may say more. Of two ids: of one
        # answer nobody knows what of it comes every time, and of one id not what is another's.
        other = replace(get, job_id=fresh_id(target.api.profile, rng))
        for asked in _in_manners(target, other, (Manner.ALL_TRICKS,)):
            yield replace(_named("missing", asked), name="missing tricks again")
        head = replace(get, method="HEAD", why="its head alone: an id that nobody has")
        yield _named("missing", head)
        # What two of these answers differ in tells nothing of a foreign job.
        yield _other_missing(target, rng, "another missing")


def _other_missing(target: SuiteTarget, rng: random.Random, name: str) -> PlannedRequest:
    job_id, why = fresh_id(target.api.profile, rng), "another id that nobody has"
    return PlannedRequest("GET", job_id, Subject.MISSING, Credential.OWNER, why, name=name)


def _of_known(target: SuiteTarget, job_id: str, *, first: bool) -> Iterator[PlannedRequest]:
    owner, none, invalid = Credential.OWNER, Credential.NONE, Credential.INVALID
    who = "first" if first else "other"
    get = PlannedRequest("GET", job_id, Subject.KNOWN, owner, "a known job, to its end")
    yield replace(_named(who, get), follows=True)
    is_guarded = target.api.access.is_required
    if first and is_guarded:
        # Later on it has ended, and some guard what has ended alone, or what runs.
        on_its_way = "the job without a token, perhaps on its way"
        yield replace(get, credential=none, why=on_its_way, name="first on its way none GET")
    end = replace(get, after_end=True, each_end=not first)
    again = replace(end, why="once more: an ended job stays as it is")
    # The first one's over the connection on which somebody was refused just before.
    yield replace(again, name=f"{who} again", fresh=not first)
    changed = replace(end, conditional=True, why="the same if it has changed")
    yield replace(changed, name=f"{who} conditional")
    yield _named(who, replace(end, method="HEAD", why="its head alone"))
    yield _named(who, replace(end, method="OPTIONS", why="which methods there are"))
    if is_guarded:
        # One instance may ask for a token and the next one not.
        without = replace(end, credential=none, why="the job without a token")
        yield _named(who, without)
        yield replace(without, name=f"{who} none again", fresh=True)
        yield _named(who, replace(end, credential=invalid, why="the job with an invalid token"))


def _of_first(target: SuiteTarget, job_id: str, missing: str) -> Iterator[PlannedRequest]:
    owner, none, invalid = Credential.OWNER, Credential.NONE, Credential.INVALID
    get = PlannedRequest("GET", job_id, Subject.KNOWN, owner, "", after_end=True)
    for asked in _in_manners(target, get, _ALIKE):
        yield _named("first", asked)
    listed = replace(get, manner=Manner.LISTED_TAG, conditional=True)
    yield _named("first", replace(listed, why=f"known id {listed.manner.spec.why}"))
    for asked in _in_manners(target, get, (Manner.ANY_TAG,)):
        yield _named("first", asked)
    for foreign in target.foreign_jobs[:1]:
        for asked in _in_manners(target, replace(get, other_id=foreign), _BESIDE):
            yield _named("first", asked)
    if target.api.access.is_required:
        without = replace(get, credential=none)
        for asked in _in_manners(target, without, (*_EMPTY, *_TRICKS)):
            yield _named("first", asked)
        changed = replace(without, conditional=True, why="if it has changed, without a token")
        yield replace(changed, name="first conditional none GET")
        yield _named("first", replace(without, method="HEAD", why="its head without a token"))
        methods = "which methods there are, without a token"
        yield _named("first", replace(without, method="OPTIONS", why=methods))
        for asked in _in_manners(target, replace(get, credential=invalid), _WRONG):
            yield _named("first", asked)
    # Nothing of what was asked so has changed anything for others.
    yield replace(get, why="plainly once more", name="first plainly once more")
    yield from _repeats(target, replace(get, repeats=True), missing)


def _repeats(target: SuiteTarget, get: PlannedRequest, missing: str) -> Iterator[PlannedRequest]:
    """
    For what shows in some answers, over some connections, or where two are asked for at once.
    """
    why = "again and again: rare faults"
    for number in range(_REPEATS):
        yield replace(get, why=why, fresh=bool(number % 2), name=f"repeat {number + 1}")
    # Two jobs by the same right, which a server may mix up.
    ids = (target.jobs[-1],) if len(target.jobs) > 1 else (missing,)
    subject = Subject.KNOWN if len(target.jobs) > 1 else Subject.MISSING
    for number in range(_PAIRS):
        other = replace(get, job_id=ids[0], subject=subject, why="at the same moment")
        pair = replace(get, beside=other, why="two questions at once")
        yield replace(pair, name=f"pair {number + 1}")


def _of_foreign(
    target: SuiteTarget, job_id: str, rng: random.Random, *, first: bool
) -> Iterator[PlannedRequest]:
    who = "foreign" if first else "other foreign"
    once = PlannedRequest("GET", job_id, Subject.FOREIGN, Credential.OWNER, "somebody else's job")
    yield _named(who, once)
    if first:
        # By turns with ids that nobody has: what lasts isn't of the moment.
        yield _other_missing(target, rng, "by turns 1")
    yield replace(once, name=f"{who} again", fresh=True)
    if first:
        yield _other_missing(target, rng, "by turns 2")
        yield replace(once, name="foreign once more")
        for number in range(_REPEATS):
            why = "somebody else's job, again and again: rare faults"
            turn = f"foreign repeat {number + 1}"
            yield replace(once, why=why, fresh=bool(number % 2), name=turn, repeats=True)
    yield _named(who, replace(once, method="HEAD", why="somebody else's job, head alone"))
    if first:
        for asked in _in_manners(target, once, _TRICKS):
            yield _named(who, asked)
        without = replace(once, credential=Credential.NONE, why="somebody else's job, no token")
        yield _named(who, without)


def _in_manners(
    target: SuiteTarget, plain: PlannedRequest, manners: tuple[Manner, ...]
) -> Iterator[PlannedRequest]:
    for manner in manners:
        if can_be_asked(target.api, manner, target.token):
            asked = replace(plain, manner=manner, why=f"{plain.subject} id {manner.spec.why}")
            yield replace(asked, conditional=manner is Manner.NEAR_TAG)


def _of_odd_ids(target: SuiteTarget) -> Iterator[PlannedRequest]:
    given = (*target.jobs, *target.foreign_jobs)
    yield from _altered(target, given)
    for job_id in HOSTILE_IDS:
        if job_id in given:
            continue  # here it names a job
        asked = PlannedRequest("GET", job_id, Subject.MALFORMED, Credential.OWNER, "a hostile id")
        is_long = len(job_id) > _LONG_NAME
        shown = f"{job_id[:_LONG_NAME]!a}… ({len(job_id)})" if is_long else f"{job_id!a}"
        yield replace(asked, name=f"hostile {shown}")


def _altered(target: SuiteTarget, given: tuple[str, ...]) -> Iterator[PlannedRequest]:
    owner, none = Credential.OWNER, Credential.NONE
    for foreign in target.foreign_jobs[:1]:
        for one in altered_ids(DISGUISES, foreign, given):
            why = f"somebody else's job, its id {one.how}"
            asked = PlannedRequest("GET", one.text, Subject.DISGUISED, owner, why)
            yield replace(asked, as_it_is=one.as_it_is, name=f"disguised {one.how}")
        if target.jobs:
            why = "somebody else's job behind the asker's own, as a list"
            listed = f"{target.jobs[0]},{foreign}"
            asked = PlannedRequest("GET", listed, Subject.DISGUISED, owner, why)
            yield replace(asked, name="disguised in a list")
    for known in target.jobs[:1]:
        for one in altered_ids(ALTERATIONS, known, given):
            why = f"a known id, {one.how}"
            asked = PlannedRequest("GET", one.text, Subject.ALTERED, owner, why)
            yield replace(asked, as_it_is=one.as_it_is, name=f"altered {one.how}")
        bypasses = BYPASSES if target.api.access.is_required else ()
        for one in altered_ids(bypasses, known, given):
            why = f"the job without a token, its id {one.how}"
            asked = PlannedRequest("GET", one.text, Subject.ALTERED, none, why, as_it_is=True)
            yield replace(asked, name=f"bypass {one.how}")
        other = recased_id(known, given)
        if other is not None:
            why = "a known id, other case"
            yield PlannedRequest("GET", other, Subject.RECASED, owner, why, name="recased")


def _unlisted(job_id: str, subject: Subject, who: str) -> Iterator[PlannedRequest]:
    for method in _UNLISTED:
        why = "a method that isn't documented"
        asked = PlannedRequest(method, job_id, subject, Credential.OWNER, why)
        yield replace(asked, name=f"{who} {method}")
