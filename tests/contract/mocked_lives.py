"""
Strategies: whole lives of a job on a right server, as its pollers see them.

The server is the mock without its socket, by a clock of its own. A life is a plan first, which
shrinks and can be printed, and is played then.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from email.utils import formatdate
from unittest.mock import patch
from urllib.parse import urlsplit
from zlib import crc32

from hypothesis import strategies as st
from tests.contract.lived_apis import LIVED_APIS, LivedApi, lived_api

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.mock import endpoint
from jobproof.contract.mock.answer import AnswerKind, MockAnswer
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext
from jobproof.contract.mock.endpoint import Mock
from jobproof.contract.mock.jobs.script import JobLife, JobPopulation, LifeStage, StageTrigger
from jobproof.contract.mock.variants import VARIANTS
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

__all__ = ["LifePlan", "PlayedLife", "Question", "life_plans", "play", "request_for"]

_NOW = 1_790_000_000.0
# Out of service is no sight of a job, a digest is of what no other makes anew, and what is written
# by turns is under two tags by turns; the others may come together.
_ALONE = {"maintenance", "as_documented", "true_digests", "times_rounded_by_turns"}
_VARIANTS = tuple(sorted(VARIANTS.keys() - _ALONE))
# Who opens itself to every page has no page of its own with credentials, two that write the same
# field write it twice, who hides that a job is there says no more than of one that isn't, and one
# that writes times anew doesn't read what another wrote.
_APART = (
    ("own_page_may_read", "preflight", "asking_page_may_read"),
    ("unchanged_says_little", "fields_of_many_layers"),
    ("anonymous_404", "refusal_in_envelope"),
    (
        *("times_with_offset", "times_in_small_letters", "offset_of_zero", "offset_unknown"),
        *("times_to_the_minute", "fractions_without_zeros", "microseconds", "nanoseconds"),
    ),
)
_TRAITS = ("signed", "shuffled", "counted", "reordered", "numbered", "timed", "cookie")
# With these each answer has other bytes. From a few GETs that happen to be the same nobody knows
# it, so a HEAD of such a server leaves out its tag and its length, as it may (RFC 9110 9.3.2).
_OTHER_BYTES = frozenset({"signed", "shuffled", "counted", "reordered"})
_CACHING = ("private, no-cache", "no-store", "private, max-age=5", "private, must-revalidate")
_TAGS = ("strong", "weak", "none")
_ASKED = ("job",) * 12 + ("if",) * 4 + (
    "head", "options", "missing", "none", "invalid", "foreign", "later", "silent",
    "hostile not-an-id", "hostile a/b", "hostile \0", "hostile " + "x" * 1100,
)  # fmt: skip
_OUTSIDERS = ("none", "invalid", "foreign")


@dataclass(frozen=True)
class Question:
    """
    What a poller asks; times in seconds.

    Attributes:
        gap_s: Since the one before began, whoever asked it.
        reached: How far within the exchange the server looked at the job, from 0 to 1.
        lag: How far the replica was behind, as a part of what it may be.
        waits: It begins only when everything before it is known to every replica.
    """

    asks: str = "job"
    gap_s: float = 1.0
    elapsed_s: float = 0.1
    reached: float = 0.5
    lag: float = 0.0
    poller: int = 0
    waits: bool = False


@dataclass(frozen=True)
class LifePlan:
    """
    Attributes:
        stages: Status, how many seconds after the one before, and which of its bodies.
        age_s: Seconds from the creation to the first question.
        staleness_s: By which a replica may be behind.
        skew_s: By which the server's clock is ahead of ours.
        variants: Which correct variants the server is, all of them at once.
        traits: What differs from answer to answer although the job is the same.
    """

    api: str
    stages: tuple[tuple[str, float, int], ...]
    questions: tuple[Question, ...]
    age_s: float = 1.0
    staleness_s: float = 0.0
    skew_s: float = 0.0
    variants: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()
    caching: str = _CACHING[0]
    tags: str = "strong"

    @property
    def lived(self) -> LivedApi:
        """
        Whose job it is.
        """
        return lived_api(self.api)

    @property
    def has_ended(self) -> bool:
        """
        Whether the last of its stages is an end.
        """
        return self.lived.api.lifecycle.is_terminal(self.stages[-1][0])

    @property
    def lasts_s(self) -> float:
        """
        Seconds from the creation to the last of its stages.
        """
        return sum(after for _, after, _ in self.stages[1:])


@dataclass(frozen=True)
class PlayedLife:
    """
    Attributes:
        polls: As their answers end.
        places: Of each of the plan's questions, its place among the polls.
        created: When the job was created, by the server's clock.
        data_at: Of each poll: which moment of the job's life it shows, by the server's clock.
    """

    plan: LifePlan
    target: SuiteTarget
    polls: tuple[Exchange, ...]
    places: tuple[int, ...]
    created: float
    data_at: tuple[float, ...]

    def statuses(self, start: float, end: float) -> list[str]:
        """
        Those that the job had between two moments by the server's clock.
        """
        found, since = [], self.created
        for number, (status, after, _) in enumerate(self.plan.stages):
            since += after if number else 0.0
            if since <= start:
                found = [status]
            elif since <= end:
                found.append(status)
        return found or [self.plan.stages[0][0]]


# --- drawing


def _together(names: list[str]) -> tuple[str, ...]:
    for apart in _APART:
        several = [name for name in names if name in apart]
        names = [name for name in names if name not in several[1:]]
    return tuple(names)


@st.composite
def life_plans(draw: st.DrawFn, *, api: str | None = None) -> LifePlan:
    """
    Any life that the profile allows, and any right way of serving it.
    """
    name = api or draw(st.sampled_from(LIVED_APIS))
    questions = draw(st.lists(_questions(name), min_size=1, max_size=14))
    # A right server may leave one unanswered: of a job that never is, known_job_is_answered speaks.
    unanswered = [place for place, one in enumerate(questions) if one.asks == "silent"]
    for place in unanswered[1:]:
        questions[place] = replace(questions[place], asks="job")
    plan = LifePlan(
        name,
        draw(_stages(name)),
        tuple(questions),
        age_s=draw(_TENTHS_OF_A_MINUTE),
        staleness_s=draw(st.sampled_from((0.0, 0.0, 2.0, 15.0))),
        skew_s=draw(st.sampled_from((0.0, 0.0, -50.0, 3.3, 50.0))),
        variants=draw(st.lists(st.sampled_from(_VARIANTS), max_size=4, unique=True).map(_together)),
        traits=draw(st.frozensets(st.sampled_from(_TRAITS), max_size=3)),
        caching=draw(st.sampled_from(_CACHING)),
        tags=draw(st.sampled_from(_TAGS)),
    )
    # An old life, long over when it is first asked for.
    if plan.has_ended and draw(st.integers(0, 4)) == 4:
        plan = replace(plan, age_s=plan.lasts_s + 3 * 86_400.0)
    return plan


_TENTHS = st.integers(0, 250).map(lambda tenths: tenths / 10)
_TENTHS_OF_A_MINUTE = st.integers(0, 600).map(lambda tenths: tenths / 10)
_SHARES = st.integers(0, 4).map(lambda quarters: quarters / 4)


def _questions(name: str) -> st.SearchStrategy[Question]:
    # Where no token is asked for, nobody is an outsider.
    is_open = not lived_api(name).api.access.is_required
    asked = [one for one in _ASKED if not (is_open and one in _OUTSIDERS)]
    return st.builds(
        Question,
        st.sampled_from(asked),
        st.one_of(st.integers(0, 30), st.integers(0, 200)).map(lambda tenths: tenths / 10),
        st.integers(1, 19).map(lambda tenths: tenths / 10),
        _SHARES,
        _SHARES,
        st.integers(0, 1),
    )


@st.composite
def _stages(draw: st.DrawFn, name: str) -> tuple[tuple[str, float, int], ...]:
    lived = lived_api(name)
    lifecycle = lived.api.lifecycle
    status = draw(st.sampled_from([s for s in lifecycle.statuses if not lifecycle.is_terminal(s)]))
    stages = [(status, 0.0, _body(draw, lived, status))]
    for after in draw(st.lists(_TENTHS, max_size=7)):
        following = [
            s
            for s in lifecycle.statuses
            if s != status and (step := lifecycle.step(status, s)) and step.verdict != "illegal"
        ]
        if not following:
            break
        status = draw(st.sampled_from(following))
        stages.append((status, after, _body(draw, lived, status)))
    return tuple(stages)


def _body(draw: st.DrawFn, lived: LivedApi, status: str) -> int:
    return draw(st.integers(0, len(lived.bodies.get(status, ({},))) - 1))


# --- playing


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def play(plan: LifePlan) -> PlayedLife:
    """
    The life as it was planned, seen by its pollers.
    """
    clock = _Clock()
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


def _mock(plan: LifePlan, clock: _Clock) -> Mock:
    lived = plan.lived
    stages = tuple(
        LifeStage.model_construct(
            status=status,
            after=StageTrigger.model_construct(polls=None, seconds=after) if number else None,
            body=lived.bodies.get(status, ({},))[body],
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
    behaviours = {one.name: one for one in _behaviours(plan)}

    def find(names: Iterable[str], *, of: str) -> tuple[Behaviour, ...]:
        assert of in ("fault", "variant")
        return tuple(behaviours[name] for name in names)

    # The names are looked up in the registry, which holds what is shipped alone.
    with (
        patch.object(endpoint, "read_script", lambda _api: script),
        patch.object(endpoint, "find_behaviours", find),
    ):
        return Mock(lived.api, clock=clock, variants=behaviours)


def _behaviours(plan: LifePlan) -> Iterator[Behaviour]:
    def change_body(body: JsonObject, context: RequestContext) -> JsonObject:
        return _noisy_body(plan, body, context)

    def change_answer(answer: MockAnswer, context: RequestContext) -> MockAnswer:
        return _noisy_answer(plan, answer, context)

    yield Behaviour("noisy_body", "", Hook.BODY, change_body)
    yield Behaviour("noisy_answer", "", Hook.ANSWER, change_answer)
    # Packed at last: the others write the body as it is.
    for name in sorted(plan.variants, key="compresses".__eq__):
        if VARIANTS[name].applies(plan.lived.api):
            yield VARIANTS[name]


def _noisy_body(plan: LifePlan, body: JsonObject, context: RequestContext) -> JsonObject:
    moment, traits, at = int(context.now * 1000), plan.traits, plan.lived.links
    links = pick(body, at) if at is not None else None
    if isinstance(links, list):
        if "shuffled" in traits and moment % 2:
            links.reverse()
        if "signed" in traits:
            signature = f"Expires={moment}&Signature={crc32(b'%d' % moment)}"
            links[:] = [f"{link}?{signature}" for link in links]
    if "counted" in traits:
        body["seen"] = context.occurrence()
    output = body.get("output")
    if isinstance(output, dict) and "views" in output:
        output["views"] = moment
    return dict(reversed(body.items())) if "reordered" in traits and moment % 2 else body


def _noisy_answer(plan: LifePlan, answer: MockAnswer, context: RequestContext) -> MockAnswer:
    number = context.occurrence()
    if "numbered" in plan.traits:
        answer = answer.with_header("X-Request-Id", f"req-{number:06d}")
    if "timed" in plan.traits:
        answer = answer.with_header("Server-Timing", f"db;dur={number % 7}.5")
    if "cookie" in plan.traits:
        answer = answer.with_header("Set-Cookie", f"edge={number}; Path=/; Secure; HttpOnly")
    if context.answer_kind is not AnswerKind.JOB:
        return answer
    answer = answer.with_header("Cache-Control", plan.caching)
    if plan.tags == "none":
        return answer.without_header("ETag")
    if plan.tags == "weak" and context.view is not None:
        return answer.with_header("ETag", f'W/"{context.view.status}-{len(context.view.history)}"')
    return answer


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
