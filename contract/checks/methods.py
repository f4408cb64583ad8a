"""
Other methods than GET on the job's address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.wording import Words, first_few
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.exchange import Response, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.history.dealings import is_of_the_moment
from jobproof.contract.model.job import is_empty, links_in
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace

__all__ = [
    "head_is_answered",
    "head_matches_get",
    "options_lists_true_methods",
    "refusal_allows_what_there_is",
    "refused_method_is_not_allowed",
    "refused_method_lists_allowed",
    "unlisted_method_is_refused",
]

# HEAD goes with GET and OPTIONS describes, so a server needs no document to answer them.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Methods like TRACE a web server answers for all of its paths at once.
_ROUTED = frozenset({"HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

_FEWEST_ALIKE = 2


def _is_unlisted(trace: Trace) -> bool:
    seen = trace.latest
    # An outage carries nothing out, and 501 says that there is no such method.
    decided = 200 <= seen.code < 500 and seen.code not in (408, 429)
    known = _SAFE | trace.api.operation.others
    return seen.method not in known and (decided or seen.code == 501)


def _lists_methods(trace: Trace) -> bool:
    seen = trace.latest
    if seen.response is None or (seen.method != "OPTIONS" and seen.code != 405):
        return False
    return seen.response.header("allow") is not None


def _lists_after_refusal(trace: Trace) -> bool:
    return trace.latest.code == 405 and _lists_methods(trace)


def _allowed(trace: Trace) -> set[str]:
    """
    The methods that `Allow` lists.
    """
    response = trace.latest.response
    values = response.header_values("allow") if response is not None else ()
    words = (word.strip().upper() for value in values for word in value.split(","))
    return {word for word in words if word}


def _get_has_shown(trace: Trace) -> bool:
    get = _get_before(trace)
    return get is not None and get.code == 200


def _can_compare(trace: Trace) -> bool:
    if not _gets_before(trace) or _may_be_behind(trace):
        return False
    code = trace.latest.code
    return code not in (405, 501) and not is_of_the_moment(code)


@check(
    basis=Basis.INFERRED,
    source="the document: the path has no such operation",
    severity=Severity.HIGH,
    needs=("POST",),
    premise=Premise("no method was sent that the document doesn't have", _is_unlisted),
)
def unlisted_method_is_refused(trace: Trace) -> Iterator[Remark]:
    """
    A method that the document doesn't list isn't carried out.
    """
    seen = trace.latest
    if seen.method in _SAFE or seen.method in trace.api.operation.others:
        return
    if 200 <= seen.code < 300:
        yield violation(
            "code",
            f"{seen.method} is answered with {seen.code}, as if it were carried out",
            expected=Words("405, 404, 403, 401 or 501"),
            found=seen.code,
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.5.6: MUST generate Allow",
    premise=Premise("no answer was a 405", lambda trace: trace.latest.code == 405),
    codes=(405,),
)
def refused_method_lists_allowed(trace: Trace) -> Iterator[Remark]:
    """
    405 lists the methods that are allowed.
    """
    seen = trace.latest
    if seen.response is not None and seen.code == 405 and seen.response.header("allow") is None:
        # TRACE is stopped at the door: nginx refuses it so for whatever stands behind it.
        at_the_door = seen.method in ("TRACE", "CONNECT")
        yield violation(
            "header:allow",
            expected=Words("Allow: GET, ..."),
            found=Words("no Allow"),
            basis=Basis.INFERRED if at_the_door else None,
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.5.6: a list of the target resource's currently supported methods",
    premise=Premise("no 405 had an Allow header", _lists_after_refusal),
    codes=(405,),
)
def refused_method_is_not_allowed(trace: Trace) -> Iterator[Remark]:
    """
    405 doesn't list the method that it refuses.
    """
    seen = trace.latest
    if seen.code == 405 and seen.method in _ROUTED & _allowed(trace):
        yield violation(
            "header:allow",
            f"{seen.method} is refused, and listed as allowed",
            expected=Words(f"no {seen.method}"),
            found=seen.method,
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.5.6: a list of the target resource's currently supported methods",
    premise=Premise("no 405 had an Allow header", _lists_after_refusal),
    codes=(405,),
)
def refusal_allows_what_there_is(trace: Trace) -> Iterator[Remark]:
    """
    405 lists GET, by which a job is read.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 405 or seen.method not in _ROUTED:
        return
    if seen.response.header("allow") is None or "GET" in (listed := _allowed(trace)):
        return
    # Where a path has several operations some frameworks know of the first alone, and an empty list
    # says that the resource is out of use for a while (RFC 9110 10.2.1).
    is_excused = trace.api.operation.others or not listed
    basis = Basis.INFERRED if is_excused else None
    found = sorted(listed) or Words("nothing")
    yield violation("header:allow", expected=Words("GET among them"), found=found, basis=basis)


@check(
    basis=Basis.INFERRED,
    source="the document: the path's operations",
    severity=Severity.LOW,
    needs=("OPTIONS",),
    premise=Premise("no answer had an Allow header", _lists_methods),
    fields=("allow",),
)
def options_lists_true_methods(trace: Trace) -> Iterator[Remark]:
    """
    Allow lists what there is, no more.
    """
    seen = trace.latest
    # Allow stands in both: OPTIONS gives it, 405 has to (RFC 9110 15.5.6).
    if seen.response is None or (seen.method != "OPTIONS" and seen.code != 405):
        return
    # That a 405 lists what it refuses, refused_method_is_not_allowed says.
    refused = {seen.method} if seen.code == 405 else set()
    surplus = _allowed(trace) - _SAFE - trace.api.operation.others - refused
    if surplus:
        allowed = sorted(_SAFE | trace.api.operation.others)
        yield violation(
            "header:allow",
            f"too many methods: Allow lists more than there is: {first_few(sorted(surplus))}",
            expected=allowed,
            found=sorted(surplus),
        )


@check(
    basis=Basis.INFERRED,
    source="RFC 9110 9.1: GET and HEAD",
    severity=Severity.LOW,
    needs=("HEAD",),
    only=("HEAD",),
    premise=Premise("no job that GET had shown was asked for by HEAD", _get_has_shown),
    of_manners=False,
)
def head_is_answered(trace: Trace) -> Iterator[Remark]:
    """
    HEAD is answered where GET is.
    """
    seen, get = trace.latest, _get_before(trace)
    if seen.method == "HEAD" and get is not None and get.code == 200:
        if seen.code in (405, 501):
            yield violation(
                "code",
                f"HEAD is refused with {seen.code} where GET is answered with 200",
                expected=200,
                found=seen.code,
            )


@check(
    basis=Basis.RFC,
    source="RFC 9110 9.3.2",
    needs=("HEAD",),
    only=("HEAD",),
    premise=Premise("no answer to HEAD could be compared with one to GET", _can_compare),
    of_manners=False,
)
def head_matches_get(trace: Trace) -> Iterator[Remark]:
    """
    HEAD says what GET says, without the body.
    """
    seen, gets = trace.latest, _gets_before(trace)
    if seen.method != "HEAD" or seen.response is None or not gets:
        return
    # head_is_answered speaks of 405 and 501.
    if seen.code in (405, 501) or is_of_the_moment(seen.code):
        return
    if _may_be_behind(trace):
        return
    get = gets[0]
    # Asked of a replica that is behind, GET was the one that didn't know the job yet.
    if get.is_not_found and trace.staleness_s and seen.code == 200:
        return
    if seen.code != get.code:
        yield violation("code", expected=get.code, found=seen.code)
        return
    seen.response.header("content-type")
    _need_media_types(gets)
    if seen.media_type and all(seen.media_type != other.media_type for other in gets):
        yield violation("header:content-type", expected=get.media_type, found=seen.media_type)
    # Neither header describes the same bytes if the job changed in between, or if each answer
    # does.
    if not _cannot_change(trace, get) or not _are_the_same(gets):
        return
    coding = _coding(seen.response)
    # Some servers pad what they compress by chance, against those who learn from its length.
    names = ("content-length", "etag") if coding == "identity" else ("etag",)
    for name in names:
        in_head = seen.response.header(name)
        in_gets = _values_of(name, gets, coding=coding)
        # HEAD may leave out what only making the body would tell (RFC 9110 9.3.2).
        if in_head is not None and len(in_gets) == 1 and in_head not in in_gets:
            yield violation(f"header:{name}", expected=in_gets.pop(), found=in_head)


def _gets_before(trace: Trace) -> tuple[Observation, ...]:
    """
    The latest GETs of the same state, newest first.
    """
    known = trace.dealings.gets.get(trace.latest.credential)
    return known.alike if known is not None else ()


def _may_be_behind(trace: Trace) -> bool:
    """
    Whether the state of these GETs came so lately that the latest needn't know of it.
    """
    known = trace.dealings.gets.get(trace.latest.credential)
    if not trace.staleness_s or known is None or known.since is None:
        return False
    # Of the first state that was seen nobody knows how long it has been there.
    start = known.since.exchange.started_at
    return trace.latest.exchange.started_at - start < trace.staleness_s


def _are_the_same(gets: Sequence[Observation]) -> bool:
    # One alone doesn't tell whether each answer counts itself, or says when it was made.
    if len(gets) < _FEWEST_ALIKE:
        return False
    bodies = {get.response.body for get in gets if get.response is not None}
    return len(bodies) == 1 and None not in bodies


def _values_of(name: str, gets: Sequence[Observation], *, coding: str) -> set[str]:
    # Asked for with another Accept-Encoding, it is another representation.
    answers = [get.response for get in gets if get.response is not None]
    values = (answer.header(name) for answer in answers if _coding(answer) == coding)
    return {value for value in values if value is not None}


def _get_before(trace: Trace) -> Observation | None:
    known = trace.dealings.gets.get(trace.latest.credential)
    return known.last if known is not None else None


def _need_media_types(gets: Sequence[Observation]) -> None:
    for get in gets:
        if get.response is not None:
            get.response.header("content-type")


def _coding(response: Response) -> str:
    return (response.header("content-encoding") or "identity").lower()


def _cannot_change(trace: Trace, get: Observation) -> bool:
    """
    Whether the answer can't have changed between the two questions.
    """
    if get.subject is not Subject.KNOWN or get.job is None:
        return False
    if not trace.api.lifecycle.is_terminal(get.job.status):
        return False
    profile = trace.api.profile
    if any(not is_empty(pick(get.job.body, at)) for at in profile.volatile):
        return False
    links = profile.result.links if profile.result else ()
    texts = (text for at in links for _, text in links_in(pick(get.job.body, at)))
    return not any("?" in text for text in texts)  # a signature may be new each time
