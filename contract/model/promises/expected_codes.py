"""
Codes that are right although a document doesn't list them, for every API.

Few documents list what HTTP itself, or a server's front, may answer. The profile comes first: it
knows the vendor's own words. What follows from HTTP alone is here.

Left out: 413 and 415 speak of content, which a GET has none of. 406 would say that the JSON which
the document promises can't be had. 409, 418 and 451 answer no question that is asked here. A
server error is a failure, listed or not. Where nobody said what was asked (recorded traffic,
requests that break the document on purpose), the refusals of what a request may carry besides
are right, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Basis
from jobproof.contract.model.profile import AskedBy, ExpectedCode, Profile
from jobproof.contract.openapi.document import Operation

__all__ = ["expected_code"]

_WITHOUT_RIGHT: tuple[AskedBy, ...] = ("none", "invalid")
_ODD_IDS: tuple[AskedBy, ...] = ("malformed", "altered", "recased")
_WITHOUT_SIGHT: tuple[AskedBy, ...] = ("missing", "foreign", *_ODD_IDS, *_WITHOUT_RIGHT)


def _by_rfc(code: int, asked: tuple[AskedBy, ...], description: str, source: str) -> ExpectedCode:
    return ExpectedCode(
        code=code, asked=asked, description=description, basis=Basis.RFC, source=source
    )


_ANYBODY = (
    _by_rfc(408, (), "The request took too long to arrive.", "RFC 9110 15.5.9"),
    _by_rfc(429, (), "Too many requests.", "RFC 6585 4"),
)
_REFUSED = (
    _by_rfc(401, _WITHOUT_RIGHT, "The credential is missing or not valid.", "RFC 9110 15.5.2"),
    _by_rfc(403, _WITHOUT_RIGHT, "The credential is missing or not valid.", "RFC 9110 15.5.4"),
)
_NO_ID = (
    _by_rfc(400, _ODD_IDS, "The id is not well-formed.", "RFC 9110 15.5.1"),
    _by_rfc(404, _ODD_IDS, "Nothing has such an id.", "RFC 9110 15.5.5"),
    _by_rfc(414, _ODD_IDS, "The URI is too long.", "RFC 9110 15.5.15"),
    _by_rfc(422, _ODD_IDS, "The id is not well-formed.", "RFC 9110 15.5.21"),
    _by_rfc(431, _ODD_IDS, "The request's head is too long.", "RFC 6585 5"),
)
# Of a method that the document doesn't have, no document can list the refusal.
_NO_METHOD = (
    _by_rfc(405, (), "The method isn't allowed here.", "RFC 9110 15.5.6"),
    _by_rfc(501, (), "The method isn't implemented.", "RFC 9110 15.6.2"),
)
# Right for nobody who is known: they answer headers, queries and conditions of the asker's own.
_OWN_RISK = (
    _by_rfc(406, (), "Nothing that the request accepts can be had.", "RFC 9110 15.5.7"),
    _by_rfc(412, (), "A condition of the request doesn't hold.", "RFC 9110 15.5.13"),
    _by_rfc(416, (), "The range can't be had.", "RFC 9110 15.5.17"),
    _by_rfc(417, (), "An expectation of the request can't be met.", "RFC 9110 15.5.18"),
)


def expected_code(
    profile: Profile,
    operation: Operation,
    code: int,
    subject: Subject,
    credential: Credential,
    *,
    method: str = "GET",
) -> ExpectedCode | None:
    """
    Why `code` is right for such a question although the document doesn't list it; None where
    it isn't.
    """
    if method != operation.method:
        return _first(() if method in operation.others else _NO_METHOD, code, subject, credential)
    return _first(profile.expected, code, subject, credential) or _first(
        _defaults(profile, operation, subject, credential), code, subject, credential
    )


def _first(
    entries: Iterable[ExpectedCode], code: int, subject: Subject, credential: Credential
) -> ExpectedCode | None:
    asked = {subject.value, credential.value}
    if subject is Subject.DISGUISED:
        asked |= {"altered", "foreign"}  # it is both
    for entry in entries:
        if entry.code != code:
            continue
        # Of recorded traffic nobody knows what was asked, so it may be anything.
        if not entry.asked or subject is Subject.UNSTATED:
            return entry
        if not asked.isdisjoint(entry.asked):
            return entry
    return None


def _defaults(
    profile: Profile, operation: Operation, subject: Subject, credential: Credential
) -> Iterator[ExpectedCode]:
    # The owner of a known job is told of it: that it isn't found is no refusal.
    for code in profile.not_found.codes:
        yield ExpectedCode(
            code=code,
            asked=_WITHOUT_SIGHT,
            description="There is no such job, or it isn't the asker's.",
            basis=profile.not_found.basis,
            source=profile.not_found.source,
        )
    if not _lets_in(profile, operation, credential):
        yield from _REFUSED
    yield from _NO_ID
    yield from _ANYBODY
    if subject is Subject.UNSTATED:
        yield from _OWN_RISK


def _lets_in(profile: Profile, operation: Operation, credential: Credential) -> bool:
    """
    Whether the document itself says that one gets in without a credential. A wrong one may be
    refused even then; and of a document that says nothing, nobody knows what it means.
    """
    security = operation.security
    if profile.auth.required is not None:
        return False
    return credential is Credential.NONE and bool(security.stated_at) and not security.is_required
