"""
Where a promise stands written, as a finding cites it: a place in the document that is there, or
the profile's own words.
"""

from __future__ import annotations

from typing import NamedTuple

from jobproof.contract.model.finding import Basis
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.profile import Profile, Promise
from jobproof.contract.openapi.document import Operation
from jobproof.contract.openapi.schema import Content, ResponseSpec

__all__ = [
    "Written",
    "content_source",
    "denial",
    "existence",
    "hidden",
    "response_source",
    "schema_source",
    "written",
]


class Written(NamedTuple):
    """
    What a finding says of its promise.
    """

    basis: Basis
    source: str


def response_source(spec: ResponseSpec) -> str:
    """
    The place of one documented code.
    """
    return f"the document: responses.{spec.code}"


def content_source(spec: ResponseSpec, content: Content) -> str:
    """
    The place of one media type of one documented code.
    """
    return f"{response_source(spec)}.content.{content.media_type}"


def schema_source(seen: Observation) -> str | None:
    """
    The place of the schema that a body is held to; None where there is none.
    """
    content = seen.parsed_body.held_to
    return f"{content_source(seen.spec, content)}.schema" if seen.spec and content else None


def written(first: Promise, *others: Promise) -> Written:
    """
    The first promise that is more than somebody's reading, else the first.
    """
    every = (first, *others)
    found = next((one for one in every if one.basis is not Basis.INFERRED), first)
    return Written(found.basis, found.source)


def hidden(profile: Profile, operation: Operation) -> Written:
    """
    The promise that nobody sees somebody else's job.
    """
    stated = operation.security.stated_at
    if profile.not_found.basis is Basis.INFERRED and stated and operation.security.is_required:
        return Written(Basis.DOCUMENTED, f"the document: {stated}")
    return written(profile.not_found)


def existence(profile: Profile) -> Written:
    """
    The promise that a job which is there isn't denied.
    """
    if profile.not_found.basis is Basis.INFERRED:
        # The code itself says that there is none, and the user says that there is one.
        return Written(Basis.RFC, "RFC 9110 15.5: the code says that there is no such job")
    return written(profile.not_found)


def denial(profile: Profile) -> Written:
    """
    The promise that what names no job finds none.
    """
    # The operation finds a job by its id: where nobody wrote down how one is denied, that stands.
    return written(profile.not_found, profile.id)
