"""
Header fields: dropped, changed, doubled and added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from jobproof.contract.formats.headers import header_names, without_headers
from jobproof.contract.scoring.mutants.mutant import Mutant, Original, Way, with_field

__all__ = ["mutate_fields"]

# What each server adds or not as it likes: nobody's promise.
_HARMLESS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Age", "0"),
    ("Content-Language", "en"),
    ("Link", '</jobs>; rel="collection"'),
    ("Server-Timing", "db;dur=3"),
    ("Set-Cookie", "lb=a1; Path=/; HttpOnly"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Request-Id", "b7c1"),
)
_NEEDED = {
    405: ("allow",),  # RFC 9110 15.5.6
    401: ("www-authenticate",),  # 15.5.2
    304: ("etag", "cache-control", "vary"),  # 15.4.5
}
_SHOWS_JOB = (Way.JOB, Way.UNCHANGED)
_HAS_TYPED_BODY = (Way.JOB, Way.UNKNOWN)


def mutate_fields(original: Original) -> Iterator[Mutant]:
    """
    The same answer with another head.
    """
    if original.way is Way.FOREIGN:
        # Beside an unknown id each difference tells something.
        odd = with_field(original.response, "X-Job-Owner", "b7c1")
        yield Mutant("field added", "x-job-owner", odd)
        return
    yield from _dropped(original)
    yield from _added(original)
    yield from _doubled(original)
    yield from _of_media_type(original)
    yield from _of_tag(original)
    yield from _of_caching(original)
    yield from _of_methods_and_challenge(original)


def _dropped(original: Original) -> Iterator[Mutant]:
    response = original.response
    needed = _NEEDED.get(response.code, ())
    for name in sorted(header_names(response.headers)):
        # What isn't said of a body is a promise of the document; of a head alone it isn't.
        if name == "content-type" and original.way not in (Way.HEAD, Way.OPTIONS):
            continue
        bare = replace(response, headers=without_headers(response.headers, name))
        # A server that dates its answers has a clock, and has to date each (RFC 9110 6.6.1).
        yield Mutant("field dropped", name, bare, legal=name not in (*needed, "date"))


def _added(original: Original) -> Iterator[Mutant]:
    response = original.response
    for name, value in _HARMLESS:
        yield Mutant("field added", name.lower(), with_field(response, name, value), legal=True)
    given = with_field(response, "X-Debug-Token", original.token)
    if original.way in (Way.JOB, Way.UNKNOWN):
        yield Mutant("field added", "the asker's token", given)
        opened = with_field(response, "Access-Control-Allow-Origin", "*")
        opened = with_field(opened, "Access-Control-Allow-Credentials", "true")
        yield Mutant("field added", "any origin with credentials", opened)


def _doubled(original: Original) -> Iterator[Mutant]:
    response = original.response
    if original.way not in _HAS_TYPED_BODY:
        return
    for name, other in (("Content-Type", "text/html"), ("ETag", '"0"')):
        value = response.known_header(name)
        if value is not None:
            twice = with_field(response, name, value, other)
            yield Mutant("field twice", name.lower(), twice)
    value = response.known_header("cache-control")
    if value is not None:
        halves = with_field(response, "Cache-Control", *value.split(", "))
        yield Mutant("list in two lines", "cache-control", halves, legal=True)


def _of_media_type(original: Original) -> Iterator[Mutant]:
    response = original.response
    stated = response.known_header("content-type")
    if stated is None or original.way not in _HAS_TYPED_BODY:
        return
    for value in ("text/html", "text/plain; charset=utf-8", "application/xml"):
        yield Mutant("content type changed", value, with_field(response, "Content-Type", value))
    bare = replace(response, headers=without_headers(response.headers, "content-type"))
    yield Mutant("content type dropped", "content-type", bare)
    latin = with_field(response, "Content-Type", f"{stated}; charset=iso-8859-1")
    yield Mutant("content type changed", "charset", latin)
    for value in (f"{stated}; charset=utf-8", stated.title(), f"{stated};charset=UTF-8"):
        same = with_field(response, "Content-Type", value)
        yield Mutant("content type respelled", value, same, legal=True)


def _of_tag(original: Original) -> Iterator[Mutant]:
    response = original.response
    tag = response.known_header("etag")
    if tag is None:
        return
    bare = with_field(response, "ETag", tag.strip('"'))
    yield Mutant("tag changed", "no quotes", bare)
    if original.way is Way.JOB:
        yield Mutant("tag respelled", "new", with_field(response, "ETag", '"new"'), legal=True)
        yield Mutant("tag respelled", "weak", with_field(response, "ETag", f"W/{tag}"), legal=True)
        for earlier in original.before:
            old = earlier.response.known_header("etag") if earlier.response is not None else None
            if old is not None and earlier.job is not None and old != tag:
                kept = with_field(response, "ETag", old)
                yield Mutant("tag changed", f"that of {earlier.job.status}", kept)
                break
    if original.way is Way.HEAD:
        yield Mutant("tag changed", "another", with_field(response, "ETag", '"other"'))
        length = int(response.known_header("content-length") or 0)
        longer = with_field(response, "Content-Length", str(length + 1))
        yield Mutant("length changed", "longer", longer)
    if original.way is Way.UNCHANGED:
        yield from _unchanged_for_another_tag(original)


def _unchanged_for_another_tag(original: Original) -> Iterator[Mutant]:
    request = original.seen.exchange.request
    for earlier in original.before:
        old = earlier.response.known_header("etag") if earlier.response is not None else None
        if old is None or old == request.header("if-none-match"):
            continue
        others = without_headers(request.headers, "if-none-match")
        asked = replace(request, headers=(*others, ("If-None-Match", old)))
        yield Mutant("unchanged for an old tag", old[:9], original.response, request=asked)
    unasked = replace(request, headers=without_headers(request.headers, "if-none-match"))
    yield Mutant("unchanged without a tag", "request", original.response, request=unasked)


def _of_caching(original: Original) -> Iterator[Mutant]:
    response = original.response
    stated = response.known_header("cache-control")
    if stated is None:
        return
    for value in ("no-store", "private", "private, max-age=0, must-revalidate", "no-cache"):
        kept = with_field(response, "Cache-Control", value)
        yield Mutant("caching stated otherwise", value, kept, legal=True)
    for value in ("*", "Authorization, Accept-Encoding", "Origin"):
        varied = with_field(response, "Vary", value)
        # A 304 says of this what the 200 would have said (RFC 9110 15.4.5).
        is_less = response.code == 304 and value == "Origin"
        yield Mutant("vary stated otherwise", value, varied, legal=not is_less)
    if original.way not in _SHOWS_JOB or response.code != 200:
        return
    for value in ("public, max-age=60", "s-maxage=60", "PUBLIC"):
        shared = with_field(response, "Cache-Control", value)
        yield Mutant("caching opened", value, shared)
    yield Mutant("answer aged", "3600", with_field(response, "Age", "3600"))


def _of_methods_and_challenge(original: Original) -> Iterator[Mutant]:
    response = original.response
    allow, challenge = response.known_header("allow"), response.known_header("www-authenticate")
    if allow is not None:
        more = with_field(response, "Allow", f"{allow}, DELETE")
        yield Mutant("allow changed", "more than there is", more)
        for value in ("GET", "OPTIONS, GET, HEAD", "GET,HEAD", ", GET,, HEAD"):
            respelled = with_field(response, "Allow", value)
            yield Mutant("allow respelled", value, respelled, legal=True)
    if challenge is not None:
        for value in ("Bearer", 'Bearer realm="x", Basic realm="y"', 'bearer realm="api"'):
            other = with_field(response, "WWW-Authenticate", value)
            yield Mutant("challenge respelled", value, other, legal=True)
