"""
The answers that are changed: whole lives of the mock's jobs, recorded without a socket by a
clock of their own, so that two recordings are the same to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.mock.endpoint import Mock
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Exchange, Request, Response, Subject
from jobproof.contract.model.request import build_owner_request, build_request

__all__ = ["RecordedLife", "RecordedLives", "record_lives"]

_STARTED = 1_790_000_000.0
# So that times a poll apart are told apart, whichever hosts wrote them.
_STEP_S = 0.25
# More than any scripted life takes to its end.
_POLLS = 60
_ORIGIN = "http://mock.test"
_UNKNOWN = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class RecordedLife:
    """
    All exchanges about one id, in order.

    Attributes:
        plain: How many of them, from the first, are polls of a job by its owner.
    """

    name: str
    exchanges: tuple[Exchange, ...]
    plain: int = 0


@dataclass(frozen=True, slots=True)
class RecordedLives:
    """
    Attributes:
        unknown: Answers to the owner for ids that nobody has: what others are compared with.
        token: The owner's.
    """

    lives: tuple[RecordedLife, ...]
    unknown: tuple[Exchange, ...]
    token: str


def record_lives(api: Api) -> RecordedLives:
    """
    Ask for each of the mock's jobs to its end and past it, and once in every other way.
    """
    asker = _Asker(api)
    missing = api.profile.id.spelled(_UNKNOWN) if api.profile.id.shape == "uuid" else None
    unknown_id = str(missing) if missing else f"{api.profile.id.prefix}{'0' * 32}"
    unknown = tuple(asker.ask(unknown_id, Subject.MISSING) for _ in range(2))
    lives = [RecordedLife("unknown", (*unknown, *asker.outsiders(unknown_id, Subject.MISSING)))]
    for index, job in enumerate(asker.mock.jobs):
        lives.append(asker.follow(job.id, in_every_way=index == 0))
    foreign = asker.mock.foreign_jobs[0].id
    lives += [
        RecordedLife("foreign", (asker.ask(foreign, Subject.FOREIGN),)),
        RecordedLife("malformed", (asker.ask("not-an-id", Subject.MALFORMED),)),
        RecordedLife("refused method", (asker.ask(unknown_id, Subject.MISSING, method="POST"),)),
    ]
    return RecordedLives(tuple(lives), unknown, asker.mock.token)


class _Asker:
    def __init__(self, api: Api) -> None:
        self._api = api.with_any_values()
        self._now = _STARTED
        self.mock = Mock(api, clock=lambda: self._now)
        self._base_url = f"{_ORIGIN}{self.mock.prefix}"

    def ask(
        self,
        job_id: str,
        subject: Subject,
        credential: Credential = Credential.OWNER,
        *,
        method: str = "GET",
        tag: str | None = None,
    ) -> Exchange:
        request = build_request(
            self._api,
            self._base_url,
            job_id,
            subject=subject,
            credential=credential,
            token=Secret(self.mock.token),
            method=method,
            headers=(("If-None-Match", tag),) if tag is not None else (),
        )
        return self._send(request)

    def _send(self, request: Request) -> Exchange:
        self._now += _STEP_S
        answer = self.mock.respond(
            request.method, request.url.removeprefix(_ORIGIN), request.headers
        )
        headers = answer.headers
        if answer.code not in (204, 304):
            headers = (*headers, ("Content-Length", str(len(answer.body))))
        body = b"" if answer.wire.omit_body else answer.body
        return Exchange(request, Response(answer.code, headers, body, body), self._now, 0.01)

    def outsiders(self, job_id: str, subject: Subject) -> Iterator[Exchange]:
        if self._api.access.is_required:
            yield self.ask(job_id, subject, Credential.NONE)
            yield self.ask(job_id, subject, Credential.INVALID)

    def follow(self, job_id: str, *, in_every_way: bool) -> RecordedLife:
        poll = build_owner_request(self._api, self._base_url, job_id, self.mock.token)
        polls: list[Exchange] = []
        for _ in range(_POLLS):
            polls.append(self._send(poll))
            job = self._api.observe(polls[-1]).job
            if job is None or self._api.lifecycle.is_terminal(job.status):
                break
        # Once more after the end: what changes in an ended job shows in a pair only.
        polls.append(self._send(poll))
        others = tuple(self._in_every_other_way(job_id, polls[-1])) if in_every_way else ()
        return RecordedLife(job_id, (*polls, *others), len(polls))

    def _in_every_other_way(self, job_id: str, last: Exchange) -> Iterator[Exchange]:
        tag = last.response.known_header("etag") if last.response is not None else None
        if tag is not None:
            yield self.ask(job_id, Subject.KNOWN, tag=tag)
        yield self.ask(job_id, Subject.KNOWN, method="HEAD")
        yield self.ask(job_id, Subject.KNOWN, method="OPTIONS")
        yield from self.outsiders(job_id, Subject.KNOWN)
