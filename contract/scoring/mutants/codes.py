"""
Another code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.model.exchange import Response
from jobproof.contract.scoring.mutants.mutant import Mutant, Original, Way, with_body, with_field

__all__ = ["mutate_code"]

_CODES = (200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403)
_MORE_CODES = (405, 409, 410, 418, 422, 500, 501, 502, 504)
# What a server may say in these ways: RFC 9110 leaves it the choice.
_LEGAL = {
    Way.OUTSIDER: (401, 403),
    Way.MALFORMED: (400,),
    Way.REFUSED_METHOD: (401, 403, 501),
    Way.OPTIONS: (200, 401, 403, 405, 501),
}
_MAY_BE_UNKNOWN = (Way.OUTSIDER, Way.REFUSED_METHOD, Way.OPTIONS)
# In which ways not every other code is wrong: only these are tried.
_TRIED = {
    Way.OPTIONS: (500, 502),
    Way.REFUSED_METHOD: (200, 201, 204, 500, 502),
    Way.UNCHANGED: (*(200, 500), 502),
    Way.MALFORMED: (500, 502),
    Way.HEAD: (200, 204, 301, 302, 405, 500, 501, 502),
    Way.OUTSIDER: (200, 201, 202, 204, 206, 500, 502),
}


def mutate_code(original: Original) -> Iterator[Mutant]:
    """
    The same answer under other codes, and the refusals of the moment that any server may give.
    """
    way, response = original.way, original.response
    denials = original.api.profile.not_found.codes
    legal = (*_LEGAL.get(way, ()), *(denials if way in _MAY_BE_UNKNOWN else ()))
    tried = _TRIED.get(way, (*_CODES, *denials, *_MORE_CODES))
    for code in dict.fromkeys((*tried, *legal)):
        if code != response.code:
            name = f"code to {code // 100}xx"
            yield Mutant(name, str(code), _with_code(response, code), legal=code in legal)
    if way is not Way.UNCHANGED:
        yield from _refusals_of_the_moment(response)


def _refusals_of_the_moment(response: Response) -> Iterator[Mutant]:
    def refused(code: int, when: str | None) -> Response:
        bare = _with_code(response, code)
        return with_field(bare, "Retry-After", when) if when is not None else bare

    later = "Fri, 31 Dec 2027 23:59:59 GMT"
    for code in (429, 503):
        for when in ("1", "120", later):
            yield Mutant("refused for now", f"{code}, {when}", refused(code, when), legal=True)
    yield Mutant("refused for now", "503", refused(503, None), legal=True)
    for bad in (None, "soon", "-1", "1.5"):
        yield Mutant("refused without saying when", f"429, {bad}", refused(429, bad))


def _with_code(response: Response, code: int) -> Response:
    changed = replace(response, code=code)
    if code in (204, 304):
        changed = with_body(changed, b"")
        bare = without_headers(changed.headers, "content-type", "content-length")
        changed = replace(changed, headers=bare)
    # What these codes must come with, so that the code alone is what differs.
    if code in (301, 302, 303, 307, 308):
        changed = with_field(changed, "Location", "/elsewhere")
    if code == 401:
        changed = with_field(changed, "WWW-Authenticate", 'Bearer realm="api"')
    if code == 405:
        changed = with_field(changed, "Allow", "GET")
    return changed
