"""
A life is played: the server is the mock without its socket, by a clock of its own.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import urlsplit

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.mock.endpoint import Mock
from jobproof.contract.mock.jobs.script import JobLife, JobPopulation, LifeStage, StageTrigger
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Reason,
    Request,
    Response,
    Subject,
    TransportFailure,
)
from jobproof.contract.model.request import build_request
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.testing.lives.life_plan import LifePlan, PlayedLife, Question
from jobproof.contract.testing.lives.noise import behaviours_of

__all__ = ["play", "request_for"]

_NOW = 1_790_000_000.0
# With these each answer has other bytes. From a few GETs that happen to be the same nobody knows
# it, so a HEAD of such a server leaves out its tag and its length, as it may (RFC 9110 9.3.2).
_OTHER_BYTES = frozenset({"signed", "shuffled", "counted", "reordered"})


class _PlayedClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def play(plan: LifePlan) -> PlayedLife:
    """
    The life as it was planned, seen by its pollers.
    """
    clock = _PlayedClock()
    clock.now = _NOW - plan.age_s + plan.skew_s
    mock = _mock(plan, clock)
    job = mock.jobs[-1]
    target = SuiteTarget(
        plan.lived.api, plan.lived.api.profile.server, Secret(mock.token), "JOBPROOF_TOKEN",
        (job.id,), tuple(job.id for job in mock.foreign_jobs), staleness_s=plan.staleness_s,
    )  # fmt: skip
    begun = _begun(plan)
    moments = [at + q.reached * q.elapsed_s for at, q in zip(begun, plan.questions, strict=True)]
    data = [
        moment + plan.skew_s - question.lag * plan.staleness_s
        for moment, question in zip(moments, plan.questions, strict=True)
    ]
    exchanges: dict[int, Exchange] = {}
    # The mock's clock goes forward only, so what is asked of a replica that is behind comes first.
    for place in sorted(range(len(data)), key=lambda place: data[place]):
        question = plan.questions[place]
        request = _with_condition(request_for(question.asks, target), question, begun[place],
                                  plan, exchanges)  # fmt: skip
        clock.now = data[place]
        stated_at = moments[place] + plan.skew_s
        answer: Response | TransportFailure
        if question.asks == "silent":
            answer = TransportFailure(Reason.TIMEOUT, "no answer in time")
        else:
            exists = clock.now >= job.created
            answer = _answered(mock, request, target, question, stated_at, exists=exists)
            if question.asks == "head" and _OTHER_BYTES & plan.traits:
                left = without_headers(answer.headers, "ETag", "Content-Length")
                answer = replace(answer, headers=left)
        exchanges[place] = Exchange(request, answer, begun[place], question.elapsed_s)
    order = sorted(exchanges, key=lambda place: (exchanges[place].ended_at, place))
    return PlayedLife(
        plan,
        target,
        tuple(exchanges[place] for place in order),
        tuple(order.index(place) for place in range(len(order))),
        job.created,
        tuple(data[place] for place in order),
    )


def request_for(asks: str, target: SuiteTarget) -> Request:
    """
    The request of a question, without a condition.
    """
    job_id, subject, credential = target.jobs[0], Subject.KNOWN, Credential.OWNER
    if asks == "missing":
        job_id, subject = _missing_id(target), Subject.MISSING
    elif asks.startswith("hostile "):
        job_id, subject = asks.removeprefix("hostile "), Subject.MALFORMED
    elif asks == "foreign":
        job_id, subject = target.foreign_jobs[0], Subject.FOREIGN
    elif asks in ("none", "invalid"):
        credential = Credential(asks)
    return build_request(
        target.api, target.base_url, job_id,
        subject=subject, credential=credential, token=target.token,
        method={"head": "HEAD", "options": "OPTIONS"}.get(asks, "GET"),
        headers=(("Accept-Encoding", "gzip"),),
    )  # fmt: skip


def _missing_id(target: SuiteTarget) -> str:
    # Another of the same form: each character stands for itself in no id that was drawn.
    flipped = str.maketrans("0123456789abcdef", "fedcba9876543210")
    prefix = target.api.profile.id.prefix
    return prefix + target.jobs[0].removeprefix(prefix).translate(flipped)


def _begun(plan: LifePlan) -> list[float]:
    begun: list[float] = []
    at, over = _NOW, _NOW
    for number, question in enumerate(plan.questions):
        at += question.gap_s if number else 0.0
        if question.waits:
            at = max(at, over + plan.staleness_s + 0.1)
        begun.append(at)
        over = max(over, at + question.elapsed_s)
    return begun


def _mock(plan: LifePlan, clock: _PlayedClock) -> Mock:
    lived = plan.lived
    stages = tuple(
        LifeStage.model_construct(
            status=status,
            after=StageTrigger.model_construct(polls=None, seconds=after) if number else None,
            body=lived.bodies_of(status)[body],
        )
        for number, (status, after, body) in enumerate(plan.stages)
    )
    life = JobLife.model_construct(
        summary="drawn", created_ago=0.0, ends_within=86_400.0, stages=stages
    )
    script = lived.script.model_copy(
        update={
            "lives": {"drawn": life},
            "jobs": JobPopulation(owner=("drawn",), foreign=("drawn",)),
        }
    )
    return Mock(lived.api, clock=clock, variants=behaviours_of(plan), script=script)


def _with_condition(
    request: Request, question: Question, begun: float, plan: LifePlan, known: dict[int, Exchange]
) -> Request:
    if question.asks != "if":
        return request
    tags = [
        (exchange.ended_at, exchange.response.header("etag"))
        for place, exchange in known.items()
        if exchange.ended_at <= begun
        and plan.questions[place].poller == question.poller
        and plan.questions[place].asks in ("job", "if")
        and exchange.response is not None
    ]
    told = [tag for _, tag in sorted((at, tag) for at, tag in tags if tag is not None)]
    if not told:
        return request
    return replace(request, headers=(*request.headers, ("If-None-Match", told[-1])))


def _answered(
    mock: Mock,
    request: Request,
    target: SuiteTarget,
    question: Question,
    stated_at: float,
    *,
    exists: bool,
) -> Response:
    parts = urlsplit(request.url)
    path = parts.path
    # A replica that doesn't know the job yet says what it says of any id that it doesn't know.
    if not exists:
        path = path.replace(target.jobs[0], _missing_id(target))
    target_line = f"{path}?{parts.query}" if parts.query else path
    answer = mock.respond(request.method, target_line, request.headers)
    if question.asks == "later":
        answer = answer.with_json(429, {"error": "slow down"}).with_header("Retry-After", "1")
        answer = answer.without_header("Content-Encoding")
    answer = answer.with_header("Date", formatdate(stated_at, usegmt=True))
    if answer.code not in (204, 304):
        answer = answer.with_header("Content-Length", str(len(answer.body)))
    raw = b"" if answer.wire.omit_body else answer.body
    packed = raw and answer.header("Content-Encoding") == "gzip"
    return Response(answer.code, answer.headers, gzip.decompress(raw) if packed else raw, raw)
