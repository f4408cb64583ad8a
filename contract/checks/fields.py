"""
Header fields: said once, in a form that every reader takes, and true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jobproof.contract.formats.field_values.grammar import (
    is_entity_tag,
    is_language_tag,
    is_media_type,
    is_token_list,
    is_uri_reference,
    list_items,
)
from jobproof.contract.formats.field_values.structured import read_challenges, read_links
from jobproof.contract.formats.http_date import read_fixdate, read_http_date, read_retry_after
from jobproof.contract.formats.wording import Words, shorten, told
from jobproof.contract.model.check import Premise, check
from jobproof.contract.model.exchange import Credential, Response, Subject
from jobproof.contract.model.finding import Basis, Remark, Severity, violation
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.trace import Trace
from jobproof.contract.openapi.security import SecurityKind

__all__ = [
    "challenge_fits_the_question",
    "challenge_is_well_formed",
    "challenge_names_documented_scheme",
    "content_language_is_well_formed",
    "content_type_is_well_formed",
    "dates_have_the_one_form",
    "entity_tag_is_well_formed",
    "every_answer_has_its_date",
    "last_modified_is_past",
    "link_is_well_formed",
    "listed_names_are_names",
    "refusal_has_challenge",
    "retry_after_is_well_formed",
    "single_fields_come_once",
    "uri_fields_are_references",
]

_SINGLE = (
    *("content-type", "content-length", "content-location", "content-range", "date", "etag"),
    *("last-modified", "expires", "age", "location", "retry-after"),
)
_SINGLE_BY_FETCH = (
    *("access-control-allow-origin", "access-control-allow-credentials"),
    "access-control-max-age",
)
_DATES = ("date", "last-modified", "expires")
_URIS = ("location", "content-location")
_NAMES = ("vary", "allow", "accept-ranges", "connection", "trailer", "content-encoding")
_PLAIN = frozenset({Subject.KNOWN, Subject.MISSING, Subject.FOREIGN})
# A proxy stamps an answer when it passes it on, and its clock needn't be the API's.
_DATES_APART_S = 5.0
_CLOCKS_APART_S = 60.0


def _has(*names: str) -> Callable[[Trace], bool]:
    """
    For a premise: whether one of these fields came.
    """

    def has(trace: Trace) -> bool:
        response = trace.latest.response
        if response is None:
            return False
        if any(response.known_header(name) is not None for name in names):
            return True
        response.need_all_headers()
        return False

    return has


def _given(trace: Trace, *names: str) -> Iterator[tuple[str, str]]:
    """
    Name and value of each of these fields that came.
    """
    response = trace.latest.response
    if response is not None:
        for name in names:
            if response.known_header(name) is not None:
                for value in response.header_values(name):
                    yield name, value


def _malformed(name: str, value: str, expected: str, basis: Basis | None = None) -> Remark:
    found = Words(told(value)) if value else Words("nothing")
    return violation(f"header:{name}", expected=Words(expected), found=found, basis=basis)


def _has_repeated(trace: Trace) -> bool:
    response = trace.latest.response
    return response is not None and bool(response.repeated)


@check(
    basis=Basis.RFC,
    source="RFC 9110 5.3: MUST NOT generate multiple field lines",
    condition=_has_repeated,
)
def single_fields_come_once(trace: Trace) -> Iterator[Remark]:
    """
    A field that has one value comes once; readers differ on which of two counts.
    """
    response = trace.latest.response
    if response is None:
        return
    for name in (*_SINGLE, *_SINGLE_BY_FETCH):
        if name not in response.repeated:
            continue
        values = response.header_values(name)
        differ = len(set(values)) > 1 and not _are_one_moment(name, values, trace)
        basis, source = None, None
        if not differ:
            # Whichever one a reader takes, it reads the same.
            basis = Basis.INFERRED
        elif name in _SINGLE_BY_FETCH:
            basis, source = Basis.INFERRED, "Fetch 3.3.5: a browser takes it for one wrong value"
        shown = " and ".join(told(value) for value in values[:3])
        yield violation(
            f"header:{name}",
            f"{name} comes {len(values)} times: {shown}",
            expected=Words("one value"),
            found=Words(f"{len(values)} values"),
            basis=basis,
            source=source,
        )
    response.need_all_headers()


def _are_one_moment(name: str, values: tuple[str, ...], trace: Trace) -> bool:
    if name != "date":
        return False
    moments = [read_http_date(value, now=trace.now) for value in values]
    known = [moment for moment in moments if moment is not None]
    return len(known) == len(values) and max(known) - min(known) <= _DATES_APART_S


@check(
    basis=Basis.RFC,
    source='RFC 9110 8.3.1: media-type = type "/" subtype parameters',
    premise=Premise("no answer had a Content-Type", _has("content-type")),
    fields=("content-type",),
)
def content_type_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    The Content-Type is one media type that every reader can take apart.
    """
    for name, value in _given(trace, "content-type"):
        if not is_media_type(value):
            # A URL without its quotes, say: most readers take it as it is meant.
            basis = Basis.INFERRED if is_media_type(value, loose=True) else None
            yield _malformed(name, value, "one media type, such as application/json", basis)


@check(
    basis=Basis.RFC,
    source="RFC 9110 5.6.7: MUST generate IMF-fixdate",
    premise=Premise("no answer had a date in its head", _has(*_DATES)),
    fields=_DATES,
)
def dates_have_the_one_form(trace: Trace) -> Iterator[Remark]:
    """
    Dates in the head are written in the one form that a sender may use.
    """
    for name, value in _given(trace, *_DATES):
        # Whatever is no date means that it is over (RFC 9111 5.3); many send "0" for that.
        basis = Basis.INFERRED if name == "expires" else None
        if read_fixdate(value) is None and (basis is None or value.strip() not in ("0", "-1")):
            yield _malformed(name, value, "a date like Sun, 06 Nov 1994 08:49:37 GMT", basis)


def _is_to_be_dated(trace: Trace) -> bool:
    """
    Whether it has to have a Date, since the API has told the time in an answer before.
    """
    seen = trace.latest
    # Who never gives a date may have no clock, and then must not give any. What is no request to
    # a server's parser is often refused by a few bytes of its own, and a 429 is a gate's before it.
    if seen.method not in ("GET", "HEAD") or seen.subject not in _PLAIN or seen.code == 429:
        return False
    others = (*trace.baselines, trace.past.first, trace.past.last)
    return 200 <= seen.code < 500 and any(
        one is not None and one.response is not None and one.response.known_header("date")
        for one in others
    )


@check(
    basis=Basis.RFC,
    source="RFC 9110 6.6.1: MUST generate Date in 2xx, 3xx and 4xx",
    severity=Severity.LOW,
    premise=Premise("no answer followed on another one that had a Date", _is_to_be_dated),
)
def every_answer_has_its_date(trace: Trace) -> Iterator[Remark]:
    """
    A server that has a clock dates each of its answers.
    """
    response = trace.latest.response
    if response is None or response.known_header("date") is not None:
        return
    if _is_to_be_dated(trace) and response.header("date") is None:
        yield violation(
            "header:date", "other answers have a Date, this one has none", expected=Words("a Date")
        )


@check(
    basis=Basis.RFC,
    source="RFC 9110 8.8.2.1: MUST NOT generate one later than Date",
    premise=Premise("no answer had a Last-Modified", _has("last-modified")),
    fields=("last-modified",),
)
def last_modified_is_past(trace: Trace) -> Iterator[Remark]:
    """
    What was last changed was changed before the answer was made.
    """
    response = trace.latest.response
    stated = response.header("last-modified") if response is not None else None
    dated = response.header("date") if response is not None and stated is not None else None
    if stated is None or dated is None:
        return
    changed, made = (read_http_date(text, now=trace.now) for text in (stated, dated))
    if changed is not None and made is not None and changed > made + _CLOCKS_APART_S:
        yield violation(
            "header:last-modified",
            f"{changed - made:.0f} s later than the answer's Date",
            expected=Words(f"at most {shorten(dated, 40)}"),
            found=stated,
        )


@check(
    basis=Basis.RFC,
    source='RFC 9110 8.8.3: entity-tag = [ "W/" ] opaque-tag',
    premise=Premise("no answer had an entity tag", _has("etag")),
    fields=("etag",),
)
def entity_tag_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    An entity tag stands in quotes, so that it can be sent back.
    """
    for name, value in _given(trace, "etag"):
        if not is_entity_tag(value.strip()):
            yield _malformed(name, value, '"..." or W/"..."')


@check(
    basis=Basis.RFC,
    source="RFC 9110 8.5: #language-tag",
    severity=Severity.LOW,
    premise=Premise("no answer had a Content-Language", _has("content-language")),
    fields=("content-language",),
)
def content_language_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    Content-Language lists tags of languages.
    """
    for name, value in _given(trace, "content-language"):
        items = list_items(value)
        if items is None or not all(map(is_language_tag, items)):
            yield _malformed(name, value, "tags such as en or en-GB")


@check(
    basis=Basis.RFC,
    source="RFC 9110 10.2.2 and 8.7, RFC 3986 4.1",
    premise=Premise("no answer had a Location or a Content-Location", _has(*_URIS)),
    fields=_URIS,
)
def uri_fields_are_references(trace: Trace) -> Iterator[Remark]:
    """
    What the head points to is written as a URI, without blanks or signs that need escapes.
    """
    for name, value in _given(trace, *_URIS):
        if not is_uri_reference(value):
            yield _malformed(name, value, "a URI or a relative reference")


@check(
    basis=Basis.RFC,
    source='RFC 8288 3: link-value = "<" URI-Reference ">" parameters, rel among them',
    premise=Premise("no answer had a Link", _has("link")),
    fields=("link",),
)
def link_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    Each Link has its target in angle brackets and says how that is related.
    """
    for name, value in _given(trace, "link"):
        links = read_links(value)
        if links is None or not all(is_uri_reference(target) for target, _ in links):
            yield _malformed(name, value, '<target>; rel="..."')
        elif not all("rel" in names for _, names in links):
            yield violation("header:link", expected=Words("a rel"), found=Words("a link without"))


@check(
    basis=Basis.RFC,
    source="RFC 9110 12.5.5, 10.2.1, 14.3, 7.6.1 and 8.4: a list of tokens",
    premise=Premise("no answer listed names in its head", _has(*_NAMES)),
    fields=_NAMES,
)
def listed_names_are_names(trace: Trace) -> Iterator[Remark]:
    """
    Fields that list names, such as Vary and Allow, list names with commas between.
    """
    for name, value in _given(trace, *_NAMES):
        if not is_token_list(value):
            yield _malformed(name, value, "names with commas between")


@check(
    # A 429 may come without one (RFC 6585 4): whoever can't read it waits as if there were none.
    basis=Basis.INFERRED,
    source="RFC 9110 10.2.3: Retry-After = HTTP-date / delay-seconds",
    premise=Premise("no answer had a Retry-After", _has("retry-after")),
    fields=("retry-after",),
)
def retry_after_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    Retry-After is whole seconds or a date that every reader takes.
    """
    for name, value in _given(trace, "retry-after"):
        if read_retry_after(value, now=trace.now) is None:  # a date in any form (RFC 9110 5.6.7)
            yield _malformed(name, value, "whole seconds or an HTTP date")


def _is_refusal(trace: Trace) -> bool:
    return trace.latest.code == 401


def _has_challenge(trace: Trace) -> bool:
    return _is_refusal(trace) and _has("www-authenticate")(trace)


def _schemes(response: Response) -> set[str]:
    """
    Those of all challenges that can be read, in lower case.
    """
    values = response.header_values("www-authenticate")
    return {one.scheme for value in values for one in read_challenges(value) or ()}


@check(
    basis=Basis.RFC,
    source="RFC 9110 15.5.2: MUST send WWW-Authenticate",
    severity=Severity.LOW,
    premise=Premise("no answer was a 401", _is_refusal),
    codes=(401,),
)
def refusal_has_challenge(trace: Trace) -> Iterator[Remark]:
    """
    401 says how to get in.
    """
    response = trace.latest.response
    if response is None or response.code != 401:
        return
    if response.header("www-authenticate") is None:
        yield violation(
            "header:www-authenticate",
            expected=Words("a challenge"),
            found=Words("no WWW-Authenticate"),
            # An API key is no scheme of HTTP's: there is no challenge that names it.
            basis=None if _is_by_scheme(trace) else Basis.INFERRED,
        )


def _is_by_scheme(trace: Trace) -> bool:
    kinds = _documented_kinds(trace)
    return bool(kinds) and kinds <= {SecurityKind.BEARER, SecurityKind.BASIC}


def _documented_kinds(trace: Trace) -> set[SecurityKind]:
    return {s.kind for each in trace.api.operation.security.alternatives for s in each}


@check(
    basis=Basis.RFC,
    source="RFC 9110 11.6.1: WWW-Authenticate = #challenge",
    premise=Premise("no answer had a challenge", _has("www-authenticate")),
    fields=("www-authenticate",),
)
def challenge_is_well_formed(trace: Trace) -> Iterator[Remark]:
    """
    A challenge is a scheme and its parameters.
    """
    for name, value in _given(trace, "www-authenticate"):
        if read_challenges(value) is None:
            yield _malformed(name, value, 'a scheme and parameters, such as Bearer realm="api"')


@check(
    basis=Basis.RFC,
    source="RFC 6750 3: challenges use the scheme Bearer",
    premise=Premise("no 401 had a challenge", _has_challenge),
    fields=("www-authenticate",),
    codes=(401,),
)
def challenge_names_documented_scheme(trace: Trace) -> Iterator[Remark]:
    """
    A 401 challenges by the scheme that the document asks for.
    """
    response = trace.latest.response
    if response is None or response.code != 401:
        return
    # Where any other scheme lets in as well, the challenge may name that one.
    if (
        _documented_kinds(trace) != {SecurityKind.BEARER}
        or response.header("www-authenticate") is None
    ):
        return
    schemes = _schemes(response)
    if schemes and "bearer" not in schemes:
        yield violation("header:www-authenticate", expected="bearer", found=sorted(schemes))


@check(
    basis=Basis.INFERRED,
    source="RFC 6750 3.1: SHOULD NOT include an error code where no token was sent",
    severity=Severity.LOW,
    premise=Premise("no 401 had a challenge", _has_challenge),
    fields=("www-authenticate",),
    codes=(401,),
)
def challenge_fits_the_question(trace: Trace) -> Iterator[Remark]:
    """
    Who sent no token isn't told that it is invalid.
    """
    seen = trace.latest
    if seen.response is None or seen.code != 401 or seen.credential is not Credential.NONE:
        return
    if seen.manner is not Manner.PLAIN:
        return  # an empty token, or one in another place, is one that isn't valid
    seen.response.header("www-authenticate")
    for _, value in _given(trace, "www-authenticate"):
        for challenge in read_challenges(value) or ():
            stated = challenge.parameters.get("error", "").strip('"')
            if challenge.scheme == "bearer" and stated == "invalid_token":
                yield violation(
                    "header:www-authenticate",
                    "no token was sent, and the challenge calls it invalid",
                    expected=Words("no error"),
                    found=stated,
                )
