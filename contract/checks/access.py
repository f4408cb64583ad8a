"""
Who may see a job, and what others may learn of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from jobproof.contract.formats.addresses.id_spellings import Spelling
from jobproof.contract.formats.comparison.head_words import head_difference, head_words
from jobproof.contract.formats.comparison.variation import ShownBody, body_difference, layout_of
from jobproof.contract.formats.wording import Words, told
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.exchange import Credential, NotRecorded, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, brief, violation
from jobproof.contract.model.history.turns import latest_by_turns
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.promises.sources import hidden
from jobproof.contract.model.trace import Trace

__all__ = [
    "condition_opens_nothing",
    "existence_is_hidden_from_outsiders",
    "foreign_job_is_hidden",
    "foreign_job_looks_unknown",
    "invalid_token_is_refused",
    "token_is_required",
    "token_keeps_working",
]

# So often somebody else's job is asked for, by turns with unknown ids, until a difference is no
# accident.
_SETTLED_BY = 3
_OUTSIDERS = (Credential.NONE, Credential.INVALID)
_BESIDE = (Manner.OTHER_IN_QUERY, Manner.OTHER_IN_HEADER)
_CONDITIONS = ("if-none-match", "if-modified-since")


def _is_decided(trace: Trace) -> bool:
    # An outage or a refusal for load lets nobody in, whoever asks.
    seen = trace.latest
    return seen.method != "OPTIONS" and 200 <= seen.code < 500 and seen.code not in (408, 429)


def _was_shown_before(trace: Trace) -> bool:
    seen = trace.latest
    if seen.method != "GET" or seen.credential is not Credential.OWNER:
        return False
    if not trace.api.access.is_required and not trace.has_token:
        return False
    return trace.dealings.shown is not None


def _can_compare(trace: Trace) -> bool:
    return trace.latest.credential not in _OUTSIDERS and bool(_baselines(trace))


def _can_compare_outside(trace: Trace) -> bool:
    seen = trace.latest
    return trace.api.access.is_required and any(o.manner is seen.manner for o in _baselines(trace))


def _must_be_refused(trace: Trace) -> bool:
    seen = trace.latest
    if seen.credential in _OUTSIDERS:
        return trace.api.access.is_required
    return seen.subject in (Subject.MISSING, Subject.FOREIGN)


def _is_conditional(trace: Trace) -> bool:
    request = trace.latest.exchange.request
    return _must_be_refused(trace) and any(request.header(name) for name in _CONDITIONS)


def _baselines(trace: Trace) -> list[Observation]:
    """
    The refusals of an unknown id that the latest answer can be compared with: of questions put in
    the same manner, else of plain ones, of which the code alone counts.
    """
    seen = trace.latest
    if seen.method not in ("GET", "HEAD") or seen.response is None or _is_transient(seen):
        return []
    if seen.code == 304:
        return []  # condition_opens_nothing speaks of it
    alike = [o for o in trace.baselines if _is_comparable(o, seen)]
    same = [o for o in alike if o.manner is seen.manner]
    if same or seen.code in seen.manner.spec.declines:
        return same
    return [o for o in alike if o.manner is Manner.PLAIN]


def _is_comparable(baseline: Observation, seen: Observation) -> bool:
    same = baseline.credential is seen.credential and baseline.method == seen.method
    return same and baseline.response is not None and not _is_transient(baseline)


@check(
    basis=Basis.DOCUMENTED,
    source="the document: security",
    severity=Severity.CRITICAL,
    needs=("none",),
    only=("none",),
    premise=Premise("no answer says whether it takes a token to be let in", _is_decided),
)
def token_is_required(trace: Trace) -> Iterator[Remark]:
    """
    Nobody sees a job without a token.
    """
    yield from _reveals_job(trace, Credential.NONE, "without a token")


@check(
    basis=Basis.DOCUMENTED,
    source="the document: security",
    severity=Severity.CRITICAL,
    needs=("invalid",),
    only=("invalid",),
    premise=Premise("no answer says whether an invalid token is let in", _is_decided),
)
def invalid_token_is_refused(trace: Trace) -> Iterator[Remark]:
    """
    Nobody sees a job with a token that isn't valid.
    """
    yield from _reveals_job(trace, Credential.INVALID, "with a token that can't be valid")


@check(
    basis=Basis.DOCUMENTED,
    source="the document: security",
    severity=Severity.HIGH,
    needs=("known",),
    of_manners=False,
    premise=Premise("no job was asked for again after the token had shown it", _was_shown_before),
)
def token_keeps_working(trace: Trace) -> Iterator[Remark]:
    """
    A token that has shown a job goes on showing it.
    """
    seen, access = trace.latest, trace.api.access
    if seen.code not in (401, 403) or seen.credential is not Credential.OWNER:
        return
    if not access.is_required and not trace.has_token:
        return  # nothing was shown that could have stopped working
    if seen.method == "GET" and trace.dealings.shown is not None:
        yield violation(
            "code",
            "the token was good for this job a moment ago",
            expected=200,
            found=seen.code,
            # Where nothing asks for a token, only the meaning of the code speaks of one.
            basis=access.basis if access.is_required else Basis.INFERRED,
            source=access.source or "RFC 9110 15.5.2: the credentials aren't valid",
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found; it is for jobs that the asker may not see, too",
    severity=Severity.CRITICAL,
    needs=("foreign",),
    only=("foreign", "disguised", *_BESIDE),
    premise=Premise("no answer says whether somebody else's job is shown", _is_decided),
)
def foreign_job_is_hidden(trace: Trace) -> Iterator[Remark]:
    """
    Nobody sees somebody else's job, however its id is spelled.
    """
    seen = trace.latest
    if not 200 <= seen.code < 300 or seen.method == "OPTIONS":
        return
    beside = _shows_named_beside(trace)
    if seen.subject is Subject.FOREIGN or beside or _shows_disguised(trace):
        promise = hidden(trace.api.profile, trace.api.operation)
        is_disguised = seen.subject is Subject.DISGUISED
        by = f" under the id {told(seen.asked_for or '')}" if is_disguised else ""
        by = f", asked {seen.manner.spec.why}" if beside else by
        yield violation(
            "code",
            f"somebody else's job is shown{by}",
            expected=list(trace.api.profile.not_found.codes),
            found=seen.code,
            basis=promise.basis,
            source=promise.source,
        )


@check(
    basis=Basis.DOCUMENTED,
    source="profile.yaml: not_found; it is for jobs that the asker may not see, too",
    severity=Severity.HIGH,
    # The baseline is an id that nobody has, asked for with the same token: hence "missing".
    needs=("foreign", "missing"),
    only=("foreign",),
    premise=Premise(
        "nothing could be compared: both a foreign and an unknown id must be refused", _can_compare
    ),
)
def foreign_job_looks_unknown(trace: Trace) -> Iterator[Remark]:
    """
    Somebody else's job can't be told from one that doesn't exist.
    """
    seen, baselines = trace.latest, _baselines(trace)
    if seen.subject is not Subject.FOREIGN or seen.credential in _OUTSIDERS or not baselines:
        return
    if seen.response is None:
        return
    promise = trace.api.profile.not_found
    alike = [baseline for baseline in baselines if baseline.code == seen.code]
    if not alike:
        # Another code comes with another body and other headers: one finding says it all.
        yield violation(
            "code",
            "the code tells that the job exists",
            expected=baselines[-1].code,
            found=seen.code,
            basis=promise.basis,
            source=promise.source,
        )
        return
    if alike[0].manner is not seen.manner:
        return  # asked otherwise, a server may well say it otherwise
    if seen.method == "HEAD":
        yield from _telling_headers(trace, alike)
        _need_headers(seen, alike)
        return
    whole = [o for o in alike if o.response is not None and o.response.body is not None]
    is_whole = bool(whole) and seen.response.body is not None
    difference = None
    if is_whole:
        difference = body_difference(_shown(seen), [_shown(baseline) for baseline in whole])
    if difference is not None:
        unknown, foreign = difference
        yield violation(
            "body",
            "the body tells that the job exists",
            expected=brief(unknown),
            found=brief(foreign),
            basis=promise.basis,
            source=promise.source,
        )
    elif is_whole:
        yield from _telling_layout(trace, whole)
    yield from _telling_headers(trace, alike)
    if not is_whole:
        raise NotRecorded("the bodies of both answers")
    _need_headers(seen, alike)


@check(
    basis=Basis.INFERRED,
    source="OWASP API1:2023: who has no right learns nothing of an id",
    severity=Severity.MEDIUM,
    needs=("none", "missing"),
    only=("none", "invalid"),
    premise=Premise(
        "no refusal of a known id could be compared with one of an unknown id, by the same right",
        _can_compare_outside,
    ),
)
def existence_is_hidden_from_outsiders(trace: Trace) -> Iterator[Remark]:
    """
    Whoever has no right can't tell a job that exists from one that doesn't.
    """
    seen = trace.latest
    if seen.credential not in _OUTSIDERS or not trace.api.access.is_required:
        return
    if seen.subject not in (Subject.KNOWN, Subject.FOREIGN):
        return
    baselines = [o for o in _baselines(trace) if o.manner is seen.manner]
    # One that differs now and then tells nothing, and a firewall may come first at any time.
    if baselines and seen.code not in {baseline.code for baseline in baselines}:
        yield violation(
            "code",
            "the code tells whoever has no right that the job exists",
            expected=baselines[-1].code,
            found=seen.code,
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 13.2.1: conditions are ignored where the answer without them is no success",
    severity=Severity.HIGH,
    only=("none", "invalid", "missing", "foreign"),
    premise=Premise("no conditional question was put that must be refused", _is_conditional),
)
def condition_opens_nothing(trace: Trace) -> Iterator[Remark]:
    """
    A condition doesn't turn a refusal into "not modified".
    """
    if trace.latest.code == 304 and _is_conditional(trace):
        yield violation(
            "code",
            "304 where the answer without a condition is a refusal",
            expected=sorted({401, 403, *trace.api.profile.not_found.codes}),
            found=304,
        )


def _shows_disguised(trace: Trace) -> bool:
    """
    Whether an id in another spelling shows somebody else's job.
    """
    seen, promise = trace.latest, trace.api.profile.id
    if seen.subject is not Subject.DISGUISED or not _shows_job(seen):
        return False
    found = promise.spelled(seen.job.id if seen.job is not None else None)
    if found == seen.asked_for and not promise.any_case:
        return False  # another id, and a job that may be the asker's
    return seen.spelling_of(found) is not Spelling.OTHER


def _shows_named_beside(trace: Trace) -> bool:
    """
    Whether it isn't the job of the path that is shown, but the one that was named beside it.
    """
    seen = trace.latest
    if seen.manner not in _BESIDE or not _shows_job(seen) or seen.job is None:
        return False
    found, request = trace.api.profile.id.spelled(seen.job.id), seen.exchange.request
    named = [request.header(name) or "" for name, _ in Manner.OTHER_IN_HEADER.spec.headers]
    named.append(request.url.partition("?")[2])
    return found != seen.asked_for and any(str(found) in unquote(text) for text in named)


def _shows_job(seen: Observation) -> bool:
    """
    Whether a job with an id is shown.

    Raises:
        NotRecorded: A recorder left out what tells.
    """
    if seen.job is None and seen.response is not None:
        _ = seen.response.recorded_body
    return seen.job is not None and seen.job.id is not None


def _reveals_job(trace: Trace, who: Credential, how: str) -> Iterator[Remark]:
    seen, access = trace.latest, trace.api.access
    if not access.is_required:
        return
    # Browsers send a CORS preflight without credentials, so OPTIONS may answer anybody.
    if seen.credential is not who or seen.method == "OPTIONS" or not 200 <= seen.code < 300:
        return
    # Another spelling may lead to another route, which may be for anybody.
    if seen.subject in (Subject.ALTERED, Subject.DISGUISED) and not _shows_job(seen):
        return
    refusals = sorted({401, 403, *trace.api.profile.not_found.codes})
    yield violation(
        "code",
        f"answered {how}",
        expected=refusals,
        found=seen.code,
        basis=access.basis,
        source=access.source,
    )


def _is_transient(seen: Observation) -> bool:
    # A refusal for load or outage tells about the moment, not about the job.
    return seen.code in (408, 425, 429) or seen.code >= 500 or 200 <= seen.code < 300


def _need_headers(seen: Observation, baselines: Sequence[Observation]) -> None:
    if seen.response is not None:
        seen.response.need_all_headers()
    if not any(_has_all_headers(baseline) for baseline in baselines):
        raise NotRecorded("the headers of an answer to an unknown id")


def _has_all_headers(seen: Observation) -> bool:
    return seen.response is not None and seen.response.has_all_headers


def _shown(seen: Observation) -> ShownBody:
    data = (seen.response.body if seen.response is not None else None) or b""
    is_json = seen.body is not None and seen.body.readable
    value = seen.body.value if seen.body is not None and is_json else None
    return ShownBody(seen.asked_for, seen.media_type, data, is_json, value)


def _before(trace: Trace) -> tuple[Observation, ...]:
    seen, gets = trace.latest, trace.dealings.gets.get(Credential.OWNER)
    is_plain = seen.manner is Manner.PLAIN and seen.method == "GET"
    return tuple(o for o in gets.alike if o.code == seen.code) if is_plain and gets else ()


def _settled(trace: Trace, baselines: Sequence[Observation]) -> tuple[Observation, ...]:
    return latest_by_turns(trace.latest, _before(trace), baselines, times=_SETTLED_BY)


def _telling_headers(trace: Trace, baselines: Sequence[Observation]) -> Iterator[Remark]:
    """
    Names that stand in no answer to an unknown id, or in all of them and not in this one; and
    other words where a header says why. What only some of them have tells nothing, and of one
    answer nobody knows which of its headers come every time.
    """
    seen, settled = trace.latest, _settled(trace, baselines)
    is_sure, learned = len(settled) > 1, len(baselines) > 1
    mine, theirs = (
        [
            head_words(one.response.headers, one.asked_for, learned=learned, cookies=is_sure)
            for one in kind
            if one.response is not None
        ]
        for kind in ((settled if is_sure else (seen, *_before(trace)[:1])), baselines)
    )
    found = head_difference(mine, theirs, lasting=is_sure)
    # No document lists every header, so a difference that may be one now and then is our reading.
    promise = trace.api.profile.not_found
    basis = promise.basis if is_sure else Basis.INFERRED
    is_whole = all(map(_has_all_headers, (seen, *baselines)))
    if (found.more or found.fewer) and min(len(mine), len(theirs)) > 1 and is_whole:
        yield violation(
            "headers",
            "the headers tell that the job exists",
            expected=list(found.fewer) or "no more headers",
            found=list(found.more) or "fewer headers",
            basis=basis,
            source=promise.source,
        )
    for name, (theirs_say, mine_says) in found.words.items():
        yield violation(
            f"header:{name}",
            f"the header {name} tells that the job exists",
            expected=brief(theirs_say),
            found=brief(mine_says),
            basis=basis,
            source=promise.source,
        )


def _telling_layout(trace: Trace, baselines: Sequence[Observation]) -> Iterator[Remark]:
    """
    Blanks and line ends between the same values: another line of code wrote them.
    """
    settled, promise = _settled(trace, baselines), trace.api.profile.not_found
    mine, theirs = ({layout_of(_shown(one)) for one in kind} for kind in (settled, baselines))
    if len(settled) > 1 and len(mine) == len(theirs) == 1 and None not in mine | theirs:
        if mine != theirs:
            yield violation(
                "body",
                "the blanks in the body tell that the job exists",
                expected=Words("the same between the values"),
                found=Words("other blanks"),
                basis=promise.basis,
                source=promise.source,
            )
