"""
One answer with one small thing changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Request, Response, Subject
from jobproof.contract.model.observation import Observation

__all__ = ["Mutant", "Original", "Way", "with_body", "with_field"]


class Way(StrEnum):
    """
    In which way was asked, and what came.
    """

    JOB = "job"
    UNKNOWN = "unknown"
    OUTSIDER = "outsider"
    FOREIGN = "foreign"
    MALFORMED = "malformed"
    UNCHANGED = "unchanged"
    HEAD = "head"
    OPTIONS = "options"
    REFUSED_METHOD = "refused method"


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    Attributes:
        operator: What is done, whatever it is done to.
        place: Where, and to what it is changed: `/status to queued`.
        legal: Whether a right server may answer so: then nobody may call it broken.
        request: The request that it answers, where that changes as well.
    """

    operator: str
    place: str
    response: Response
    legal: bool = False
    request: Request | None = None


@dataclass(frozen=True)
class Original:
    """
    The answer that is changed, with its place among the others about the same id.

    Attributes:
        before: The exchanges about the id before it.
        after: Those after it.
        others: Answers about other jobs.
    """

    api: Api
    seen: Observation
    before: Sequence[Observation]
    after: Sequence[Observation]
    others: Sequence[Observation]
    token: str

    @property
    def response(self) -> Response:
        """
        The answer itself.
        """
        assert self.seen.response is not None  # a mock without a socket always answers
        return self.seen.response

    @property
    def way(self) -> Way:
        """
        How was asked.
        """
        seen = self.seen
        if seen.method != "GET":
            named = {"HEAD": Way.HEAD, "OPTIONS": Way.OPTIONS}
            return named.get(seen.method, Way.REFUSED_METHOD)
        if seen.credential is not Credential.OWNER:
            return Way.OUTSIDER
        if seen.code == 304:
            return Way.UNCHANGED
        named_subjects = {
            Subject.FOREIGN: Way.FOREIGN,
            Subject.MALFORMED: Way.MALFORMED,
            Subject.MISSING: Way.UNKNOWN,
        }
        return named_subjects.get(seen.subject, Way.JOB)

    @property
    def state(self) -> str:
        """
        The status shown, and whether at first or again; or how was asked where no job is shown.
        """
        job = self.seen.job
        if job is None or self.way is not Way.JOB:
            return self.way.value
        known = [one.job.status for one in self.before if one.job is not None]
        if not known:
            return f"{job.status} at first"
        return f"{job.status} again" if job.status in known else str(job.status)


def with_body(response: Response, body: bytes) -> Response:
    """
    The same with another body, and no header field that speaks of the old one.
    """
    others = without_headers(response.headers, "etag", "content-length")
    headers = (*others, ("Content-Length", str(len(body))))
    return replace(response, headers=headers, body=body, raw=body)


def with_field(response: Response, name: str, *values: str) -> Response:
    """
    The same with these values of a header field in place of what it had.
    """
    others = without_headers(response.headers, name.lower())
    return replace(response, headers=(*others, *((name, value) for value in values)))
