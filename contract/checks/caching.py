"""
Caches between a job and its poller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from contract.check import Facet, check
from contract.exchange import Credential, Response
from contract.finding import Basis, Remark, Severity, violation
from contract.trace import Observation, Trace

__all__ = [
    "age_is_within_freshness",
    "entity_tag_changes_with_body",
    "not_modified_means_unchanged",
    "private_answer_is_not_public",
]

_SECONDS = re.compile(r"(?:^|[,\s])(s-maxage|max-age)\s*=\s*\"?(\d+)")


@check(basis=Basis.RFC, source="RFC 9111 3.5 and 5.2.2.9", severity=Severity.CRITICAL)
def private_answer_is_not_public(trace: Trace) -> Iterator[Remark]:
    """
    An answer for one token's eyes may not be kept for everybody.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 200 or seen.credential is not Credential.OWNER:
        return
    stated = _cache_control(seen.response)
    words = {word.strip().partition("=")[0] for word in stated.split(",")}
    if "public" in words or ("s-maxage" in words and "private" not in words):
        yield violation("header:cache-control", expected="private or no-store", found=stated)


@check(basis=Basis.RFC, source="RFC 9110 8.8.3", severity=Severity.HIGH, about=Facet.JOB)
def entity_tag_changes_with_body(trace: Trace) -> Iterator[Remark]:
    """
    One entity tag stands for one body.
    """
    seen = trace.latest
    tag = seen.response.header("etag") if seen.response else None
    if tag is None or seen.body is None:
        return
    for view in trace.views_backwards():
        if view.response is not None and view.response.header("etag") == tag:
            if view.body is not None and view.body.value != seen.body.value:
                yield violation(
                    "header:etag",
                    "the body changed, its tag didn't",
                    expected="a new tag",
                    found=tag,
                )
            return


@check(basis=Basis.RFC, source="RFC 9110 15.4.5", severity=Severity.HIGH)
def not_modified_means_unchanged(trace: Trace) -> Iterator[Remark]:
    """
    304 means that the body is still the one that the tag stood for.
    """
    seen = trace.latest
    tag = seen.exchange.request.header("if-none-match")
    if seen.code != 304 or tag is None or not trace.views:
        return
    newest = trace.views[-1]
    stood_for = _view_with(trace, tag)
    if stood_for is None or newest.body is None or stood_for.body is None:
        return
    if newest.body.value != stood_for.body.value:
        yield violation(
            "code", "304 for a tag whose body has changed since", expected=200, found=304
        )


@check(basis=Basis.RFC, source="RFC 9111 4.2 and 3.5", severity=Severity.HIGH)
def age_is_within_freshness(trace: Trace) -> Iterator[Remark]:
    """
    An answer out of a cache is not older than it may be.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 200 or seen.credential is not Credential.OWNER:
        return
    text = (seen.response.header("age") or "").strip()
    if not text.isdigit() or int(text) == 0:
        return
    allowed = _freshness(_cache_control(seen.response))
    if int(text) > allowed:
        yield violation("header:age", expected=f"at most {allowed} s", found=f"{text} s")


def _cache_control(response: Response) -> str:
    return ", ".join(response.header_values("cache-control")).lower()


def _freshness(stated: str) -> int:
    if "no-store" in stated or "no-cache" in stated:
        return 0
    found = dict(_SECONDS.findall(stated))
    return int(found.get("s-maxage") or found.get("max-age") or 0)


def _view_with(trace: Trace, tag: str) -> Observation | None:
    for view in trace.views_backwards():
        if view.response is not None and view.response.header("etag") == tag:
            return view
    return None
