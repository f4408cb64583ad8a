"""
Caches between a job and its poller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobproof.contract.formats.http_date import read_delta_seconds
from jobproof.contract.formats.wording import Words
from jobproof.contract.model.check import Facet, Premise, check
from jobproof.contract.model.exchange import Credential, NotRecorded, Response
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.trace import Trace

__all__ = [
    "age_is_within_freshness",
    "entity_tag_changes_with_body",
    "not_modified_means_unchanged",
    "private_answer_is_not_public",
]

# Recipients ought to take an argument quoted, too, whichever form a sender must use (RFC 9111
# 5.2).
_SECONDS = re.compile(
    r"(?:^|[,\s])(s-maxage|max-age|stale-while-revalidate|stale-if-error)\s*=\s*\"?([0-9]+)"
)
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


def _has_age(trace: Trace) -> bool:
    response = trace.latest.response
    aged = response is not None and read_delta_seconds(response.header("age") or "") is not None
    return aged and _is_shown_to_owner(trace)


@check(
    basis=Basis.RFC,
    source="RFC 9111 3.5 and 5.2.2.9",
    severity=Severity.CRITICAL,
    premise=Premise("no job was shown to the token's owner", _is_shown_to_owner),
)
def private_answer_is_not_public(trace: Trace) -> Iterator[Remark]:
    """
    An answer for one token's eyes may not be kept for everybody.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 200 or seen.credential is not Credential.OWNER:
        return
    stated = _cache_control(seen.response)
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


def _cache_control(response: Response) -> str:
    return ", ".join(response.header_values("cache-control")).lower()


def _freshness(stated: str) -> int:
    # Nothing stated counts as 0, like these: a shared cache may not reuse an answer to
    # Authorization that didn't say so.
    if "no-store" in stated or "no-cache" in stated:
        return 0
    found = {word: read_delta_seconds(text) or 0 for word, text in _SECONDS.findall(stated)}
    # Either lets an answer be served past its lifetime (RFC 5861).
    stale = max(found.get("stale-while-revalidate", 0), found.get("stale-if-error", 0))
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
    if before.job is None or after.job is None or before.job.status == after.job.status:
        return False
    gone, lifecycle = str(after.job.status), trace.api.lifecycle
    way = (
        lifecycle.step(str(before.job.status), gone),
        lifecycle.step(gone, str(before.job.status)),
    )
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
