"""
Caches between a job and its poller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from jobproof.contract.formats.comparison.stable_value import stable_part
from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.field_values.grammar import list_items
from jobproof.contract.formats.field_values.structured import wrong_directive
from jobproof.contract.formats.http_date import read_delta_seconds
from jobproof.contract.formats.wording import Words
from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.exchange import Credential, NotRecorded, Response
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace

__all__ = [
    "age_is_whole_seconds",
    "age_is_within_freshness",
    "cache_control_is_well_formed",
    "coded_answer_varies",
    "condition_is_read_in_every_form",
    "entity_tag_changes_with_body",
    "not_modified_has_true_length",
    "not_modified_means_unchanged",
    "not_modified_repeats_the_rest",
    "not_modified_repeats_the_tag",
    "private_answer_is_not_public",
]

# Recipients ought to take an argument quoted, whichever form a sender must use (RFC 9111 5.2).
_SECONDS = re.compile(
    r"(?:^|[,\s])(s-maxage|max-age|stale-while-revalidate|stale-if-error)\s*=\s*\"?([0-9]+)"
)
_STORED = re.compile(r"(?:^|[,\s])(?:s-maxage|max-age)\s*=\s*\"?0*[1-9]")
# What servers put behind a tag for another coding, and may forget with a 304.
_CODING_MARK = re.compile(r"[-;:]{1,2}(?:gzip|br|zstd|deflate|df)(?=\"$)")
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_MOST_LENGTH = 2**63
_CLOCK_GRAIN_S = 0.001
# Age counts in whole seconds and includes the way.
_ROUNDING_S = 1


def _is_shown_to_owner(trace: Trace) -> bool:
    return trace.latest.code == 200 and trace.latest.credential is Credential.OWNER


def _has_tag_again(trace: Trace) -> bool:
    response = trace.latest.response
    tag = response.known_header("etag") if response is not None else None
    return tag is not None and bool(trace.past.tags)


def _is_not_modified(trace: Trace) -> bool:
    tag = trace.latest.exchange.request.header("if-none-match")
    return trace.latest.code == 304 and tag in trace.past.tags


def _asks_in_another_form(trace: Trace) -> bool:
    """
    Whether a tag that alone was answered with 304 is asked about beside others, as a weak one, or
    with all that there are, and is still the job's.
    """
    seen, known = trace.latest, trace.dealings.not_modified
    if known is None or seen.method != "GET" or seen.credential is not Credential.OWNER:
        return False
    asked = seen.exchange.request.header("if-none-match")
    alone = known.exchange.request.header("if-none-match")
    if asked is None or alone is None or asked == alone or not _TAG.fullmatch(alone):
        return False
    if asked != "*" and _opaque(alone) not in map(_opaque, _TAG.findall(asked)):
        return False
    given = seen.response.header("etag") if seen.response is not None else None
    return given is not None and _opaque(given) == _opaque(alone)


def _has_age(trace: Trace) -> bool:
    response = trace.latest.response
    aged = response is not None and read_delta_seconds(response.header("age") or "") is not None
    return aged and _is_shown_to_owner(trace)


def _has_header(name: str) -> Callable[[Trace], bool]:
    def has(trace: Trace) -> bool:
        response = trace.latest.response
        return response is not None and response.header(name) is not None

    return has


def _is_kept_and_coded(trace: Trace) -> bool:
    response = trace.latest.response
    if response is None or response.code != 200:
        return False
    if (response.header("content-encoding") or "identity").lower() == "identity":
        return False
    stated = _cache_control(response)
    return "no-store" not in stated and _STORED.search(stated) is not None


@check(
    basis=Basis.RFC,
    source="RFC 9111 3.5 and 5.2.2.9",
    severity=Severity.CRITICAL,
    premise=Premise("no job was shown to the token's owner", _is_shown_to_owner),
    fields=("cache-control",),
)
def private_answer_is_not_public(trace: Trace) -> Iterator[Remark]:
    """
    An answer for one token's eyes may not be kept for everybody.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 200 or seen.credential is not Credential.OWNER:
        return
    stated = _cache_control(seen.response)
    if "public" not in stated and "s-maxage" not in stated:
        return
    words = {word.strip().partition("=")[0] for word in stated.split(",")}
    if "no-store" in words:
        return
    # With Authorization in the request, these are what lets a shared cache store the answer (RFC
    # 9111 3.5).
    if "public" in words or ("s-maxage" in words and "private" not in words):
        yield violation("header:cache-control", expected=Words("private or no-store"), found=stated)


@check(
    basis=Basis.RFC,
    source="RFC 9110 8.8.3",
    severity=Severity.HIGH,
    about=Facet.JOB,
    premise=Premise("no job was seen twice with an entity tag", _has_tag_again),
    fields=("etag",),
)
def entity_tag_changes_with_body(trace: Trace) -> Iterator[Remark]:
    """
    One entity tag stands for one body; a weak one for one status at least.
    """
    seen = trace.latest
    tag = seen.response.header("etag") if seen.response else None
    if tag is None or seen.body is None:
        return
    view = trace.past.tags.get(tag)
    if view is not None and _has_changed(tag, view, seen):
        yield violation(
            "header:etag",
            "the body changed, its tag didn't",
            expected=Words("a new tag"),
            found=tag,
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.4.5",
    severity=Severity.HIGH,
    premise=Premise("no answer was a 304 to a tag of a job that was seen", _is_not_modified),
    codes=(304,),
)
def not_modified_means_unchanged(trace: Trace) -> Iterator[Remark]:
    """
    304 means that the body is still the one that the tag stood for.
    """
    seen = trace.latest
    tag = seen.exchange.request.header("if-none-match")
    newest = trace.past.last
    # Without a sight of the job nothing is known to have changed.
    if seen.code != 304 or tag is None or newest is None:
        return
    stood_for = trace.past.tags.get(tag)
    # The sight that came last may have been of a replica that was behind.
    if stood_for is None or _is_overlapped(stood_for, newest, trace.staleness_s):
        return
    if _has_changed(tag, stood_for, newest) and not _may_be_back(trace, newest, stood_for):
        _need_last_state(trace, newest)
        yield violation(
            "code", "304 for a tag whose body has changed since", expected=200, found=304
        )


@check(
    basis=Basis.RFC,
    source="RFC 9111 4.2 and 3.5",
    severity=Severity.HIGH,
    premise=Premise("no answer came out of a cache (none had an Age)", _has_age),
    fields=("age",),
)
def age_is_within_freshness(trace: Trace) -> Iterator[Remark]:
    """
    An answer out of a cache is not older than it may be.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 200 or seen.credential is not Credential.OWNER:
        return
    age = read_delta_seconds(seen.response.header("age") or "")
    if age is None:
        return
    allowed = _freshness(_cache_control(seen.response))
    if age > allowed + _ROUNDING_S:
        yield violation(
            "header:age", expected=Words(f"at most {allowed} s"), found=Words(f"{age} s")
        )


@check(
    basis=Basis.RFC,
    source="RFC 9111 5.1: Age = delta-seconds",
    premise=Premise("no answer had an Age", _has_header("age")),
    fields=("age",),
)
def age_is_whole_seconds(trace: Trace) -> Iterator[Remark]:
    """
    An answer's age is a number of seconds, not negative, and nothing else.
    """
    response = trace.latest.response
    stated = response.known_header("age") if response is not None else None
    if stated is not None and read_delta_seconds(stated) is None:
        yield violation("header:age", expected=Words("whole seconds"), found=stated)


@check(
    basis=Basis.RFC,
    source="RFC 9111 5.2: Cache-Control = #cache-directive, and 1.2.2: delta-seconds",
    premise=Premise("no answer had a Cache-Control", _has_header("cache-control")),
    fields=("cache-control",),
)
def cache_control_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    What a cache is told is what a cache can read.
    """
    response = trace.latest.response
    if response is None or response.known_header("cache-control") is None:
        return
    for value in response.header_values("cache-control"):
        wrong = wrong_directive(value)
        if wrong is not None:
            yield violation(
                "header:cache-control",
                expected=Words("directives with commas between, seconds in plain digits"),
                found=wrong,
            )


@check(
    basis=Basis.INFERRED,
    source="RFC 9110 12.5.5: SHOULD generate Vary on a cacheable response",
    severity=Severity.LOW,
    premise=Premise("no answer for caches to keep was compressed", _is_kept_and_coded),
    fields=("content-encoding",),
)
def coded_answer_varies(trace: Trace) -> Iterator[Remark]:
    """
    An answer that is kept in one coding says that others may get it in another.
    """
    response = trace.latest.response
    if response is None or not _is_kept_and_coded(trace):
        return
    listed = list_items(", ".join(response.header_values("vary"))) or []
    if not {"*", "accept-encoding"} & {name.lower() for name in listed}:
        yield violation("header:vary", expected="Accept-Encoding", found=listed or Words("no Vary"))


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.4.5: MUST generate the ETag that a 200 would have",
    premise=Premise("no answer was a 304 to a tag of a job that was seen", _is_not_modified),
    codes=(304,),
)
def not_modified_repeats_the_tag(trace: Trace) -> Iterator[Remark]:
    """
    304 has the tag that it was asked about.
    """
    seen = trace.latest
    asked = seen.exchange.request.header("if-none-match")
    if seen.response is None or seen.code != 304 or asked is None:
        return
    if asked not in trace.past.tags:
        return
    given = seen.response.header("etag")
    if given is None:
        yield violation("header:etag", expected=asked, found=Words("no ETag"))
    elif _opaque(given) != _opaque(asked):
        yield violation(
            "header:etag", "304 for one tag, under another one", expected=asked, found=given
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.4.5: MUST generate these fields where a 200 would have them",
    severity=Severity.LOW,
    premise=Premise("no answer was a 304 to a tag of a job that was seen", _is_not_modified),
)
def not_modified_repeats_the_rest(trace: Trace) -> Iterator[Remark]:
    """
    304 says the same of keeping the answer as the 200 that it stands for.
    """
    seen = trace.latest
    asked = seen.exchange.request.header("if-none-match") if seen.code == 304 else None
    stood_for = trace.past.tags.get(asked or "")
    # Asked for by a page, say, an answer may have had more.
    if stood_for is None or stood_for.manner is not seen.manner:
        return
    given, whole = seen.response, stood_for.response
    if given is None or whole is None:
        return
    # What isn't kept at all is told nothing anew: there, some frameworks leave these out by rule.
    # And beside Cache-Control nobody reads Expires (RFC 9111 5.3).
    names = ["content-location"]
    if "no-store" not in _cache_control(whole):
        names.append("cache-control" if _cache_control(whole) else "expires")
    missing = [name for name in names if whole.header(name) and given.header(name) is None]
    if _varied_by(whole) - _varied_by(given) and "*" not in _varied_by(given):
        missing.append("vary")
    for name in missing:
        yield violation(
            f"header:{name}",
            expected=", ".join(whole.header_values(name)),
            found=Words(f"no {name}" if given.header(name) is None else "fewer names"),
        )


def _varied_by(response: Response) -> set[str]:
    # Whoever compresses, or lets in other sites' pages, says so with a body, and a 304 has none.
    listed = list_items(", ".join(response.header_values("vary"))) or []
    return {name.lower() for name in listed} - {"accept-encoding", "origin"}


@check(
    basis=Basis.RFC,
    source="RFC 9110 13.1.2: it is false if any of the tags matches, compared weakly, and for *",
    severity=Severity.LOW,
    premise=Premise("no tag that got a 304 was asked about otherwise", _asks_in_another_form),
)
def condition_is_read_in_every_form(trace: Trace) -> Iterator[Remark]:
    """
    A tag that alone gets a 304 gets it in a list, as a weak one and by * as well.
    """
    if trace.latest.code == 200 and _asks_in_another_form(trace):
        yield violation(
            "code", "the answer has the tag that it was not to have", expected=304, found=200
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 8.6: MUST NOT send Content-Length in a 304 unless it is that of the 200",
    severity=Severity.LOW,
    premise=Premise("no answer was a 304 to a tag of a job that was seen", _is_not_modified),
    codes=(304,),
)
def not_modified_has_true_length(trace: Trace) -> Iterator[Remark]:
    """
    If 304 has a length it is that of the body that it stands for.
    """
    seen = trace.latest
    asked = seen.exchange.request.header("if-none-match") if seen.code == 304 else None
    stood_for = trace.past.tags.get(asked or "")
    if seen.response is None or stood_for is None or stood_for.response is None:
        return
    stated = seen.response.header("content-length")
    # Frameworks that measure the empty body say 0, and no client takes it for the job's.
    if stated is None or read_digits(stated, most=_MOST_LENGTH) == 0:
        return
    raw = stood_for.response.raw
    if raw is None:
        raise NotRecorded("the body that the tag stands for")
    # Of a weak tag's bodies one may be as long as another, or not.
    is_strong = asked is not None and not asked.startswith("W/")
    coding = stood_for.response.header("content-encoding")
    if is_strong and coding is None and stated != str(len(raw)):
        yield violation("header:content-length", expected=str(len(raw)), found=stated)


def _opaque(tag: str) -> str:
    # Compared as RFC 9110 13.1.2 has it: weakly.
    return _CODING_MARK.sub("", tag.strip().removeprefix("W/"))


def _cache_control(response: Response) -> str:
    return ", ".join(response.header_values("cache-control")).lower()


def _freshness(stated: str) -> int:
    # Nothing stated counts as 0, like these: a shared cache may not reuse an answer to
    # Authorization that didn't say so.
    if "no-store" in stated or "no-cache" in stated:
        return 0
    found = {word: read_delta_seconds(text) or 0 for word, text in _SECONDS.findall(stated)}
    # Either lets an answer be served past its lifetime (RFC 5861).
    stale = max(found.get(word, 0) for word in ("stale-while-revalidate", "stale-if-error"))
    # Age comes from a shared cache, for which s-maxage overrides max-age (RFC 9111 5.2.2.10).
    return found.get("s-maxage", found.get("max-age", 0)) + stale


def _is_overlapped(before: Observation, after: Observation, staleness_s: float = 0.0) -> bool:
    # Of two polls at once nobody knows which saw the later state. A recording's times are rounded.
    known_at = after.exchange.started_at - staleness_s
    return before.exchange.over_by > known_at + _CLOCK_GRAIN_S


def _has_changed(tag: str, before: Observation, after: Observation) -> bool:
    """
    Whether the two can't share the tag: a weak one leaves it to the server what counts,
    but a poller that waits for the status must not be told that nothing has happened.
    """
    if tag.startswith("W/"):
        return (
            before.job is not None
            and after.job is not None
            and before.job.status != after.job.status
        )
    if before.body is None or after.body is None:
        return False
    # NaN differs from itself: the same bytes are the same body.
    if before.response and after.response and before.response.body == after.response.body:
        return False
    return bool(before.body.value != after.body.value)


def _may_be_back(trace: Trace, after: Observation, before: Observation) -> bool:
    """
    Whether the job may have come back to the status that it had, and with it to its body.
    """
    if before.job is None or after.job is None:
        return False
    had, has, lifecycle = str(before.job.status), str(after.job.status), trace.api.lifecycle
    if had == has:  # two replicas may write links in an order, and with signatures, of their own
        return stable_part(before.job.body, exact=True) == stable_part(after.job.body, exact=True)
    way = (lifecycle.step(had, has), lifecycle.step(has, had))
    return all(step is not None and step.verdict != "illegal" for step in way)


def _need_last_state(trace: Trace, newest: Observation) -> None:
    """
    Raises:
        NotRecorded: The newest sight may have had the same tag, or there was a newer one.
    """
    if newest.response is not None:
        newest.response.header("etag")
    unseen = trace.dealings.unseen
    if unseen is not None and _is_overlapped(unseen, newest):
        raise NotRecorded("the body that came last")
