"""
One wrong thing in a right life: each has its place in the life, and the checks that may find it.

Two plain polls frame it, the second begun when all that the first has shown is known everywhere,
with one more plain poll between them; around all of them is any noise. What can't be known isn't
drawn: a step back to where the job may have come from one of the statuses since, an old tag of a
job that may have come back, a reason or a result that this job doesn't have, and a refused token
where nobody needs one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st
from tests.contract.lived_apis import lived_api
from tests.contract.mocked_lives import (
    LifePlan,
    PlayedLife,
    Question,
    life_plans,
    play,
    request_for,
)

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.formats.json_pointer import parent, pick, walk
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.job import is_empty
from jobproof.contract.model.profile import Phase

__all__ = ["SPOILS", "Spoil", "SpoiledLife", "framed_plans", "spoil"]


@dataclass(frozen=True)
class Frame:
    """
    The life, and the two polls of the frame: what the first has shown, and what the second will.
    """

    life: PlayedLife
    first: Exchange
    second: Exchange

    @property
    def created(self) -> float:
        """
        When the job was created, as the second poll shows it.
        """
        job = self.life.target.api.observe(self.second).job
        assert job is not None
        assert job.created_at is not None
        return job.created_at

    @property
    def shown(self) -> set[str]:
        """
        The statuses that were shown from the first poll to the second.
        """
        polls = self.life.polls
        first, second = (
            next(place for place, poll in enumerate(polls) if poll is one)
            for one in (self.first, self.second)
        )
        seen = (self.life.target.api.observe(poll).job for poll in polls[first : second + 1])
        return {str(job.status) for job in seen if job is not None}

    def body(self, of: Exchange) -> dict[str, Any]:
        """
        A copy of the job in an answer.
        """
        seen = self.life.target.api.observe(of)
        return json.loads(json.dumps(seen.job.body)) if seen.job is not None else {}

    @property
    def status(self) -> str:
        """
        What the second poll shows.
        """
        job = self.life.target.api.observe(self.second).job
        return str(job.status) if job is not None else ""


@dataclass(frozen=True)
class Spoil:
    """
    Attributes:
        apply: The two polls as they are wrong; None where this life can't have the fault.
        found_by: The checks that may find it.
        wants: `ended`, `succeeded` or `failed` at both polls of the frame, or `running`.
    """

    name: str
    apply: Callable[[Frame], tuple[Exchange, Exchange] | None]
    found_by: frozenset[str]
    wants: str = ""


@dataclass(frozen=True)
class SpoiledLife:
    """
    Attributes:
        place: Of the wrong answer among the polls.
    """

    life: PlayedLife
    place: int


_SPOILS: dict[str, Spoil] = {}


def _spoil(*found_by: str, wants: str = "") -> Callable[[Any], Any]:
    def register(apply: Any) -> Any:
        name = apply.__name__
        _SPOILS[name] = Spoil(name, apply, frozenset(found_by), wants)
        return apply

    return register


@st.composite
def framed_plans(draw: st.DrawFn, wanted: Spoil) -> LifePlan:
    """
    A right life with a frame in it in which `wanted` may have its place.
    """
    plan = draw(life_plans())
    lifecycle = plan.lived.api.lifecycle
    running = tuple(s for s in plan.stages if not lifecycle.is_terminal(s[0]))
    phases = {"succeeded": (Phase.SUCCEEDED,), "failed": (Phase.FAILED,)}.get(
        wanted.wants, (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)
    )
    if wanted.wants == "running":
        plan = replace(plan, stages=running, age_s=min(plan.age_s, 600.0))
    elif wanted.wants:
        status = draw(st.sampled_from(lifecycle.of_phase(*phases)))
        body = draw(st.integers(0, len(plan.lived.bodies.get(status, ({},))) - 1))
        stages = (*running, (status, 2.0, body))
        plan = replace(plan, stages=stages)
        age_s = plan.lasts_s + plan.staleness_s + 30.0 + draw(st.integers(0, 20))
        plan = replace(plan, age_s=age_s)
    else:
        plan = replace(plan, age_s=plan.age_s + plan.staleness_s)
    # Between them are as many others as the life has; a failing life shrinks to the frame.
    before = draw(st.integers(0, len(plan.questions)))
    between = draw(st.integers(before, len(plan.questions)))
    frame = Question("job", waits=True)
    questions = (
        *plan.questions[:before], frame, *plan.questions[before:between], frame, frame,
        *plan.questions[between:],
    )  # fmt: skip
    return replace(plan, questions=questions)


def spoil(plan: LifePlan, by: Spoil) -> SpoiledLife | None:
    """
    The life with the one wrong thing in it; None where it can't have it.
    """
    life = play(plan)
    framing = [place for place, question in enumerate(plan.questions) if question.waits]
    first, middle, second = (life.places[place] for place in framing)
    frame = Frame(life, life.polls[first], life.polls[second])
    # One of them may be throttled.
    framed = (life.polls[place].response for place in (first, middle, second))
    if any(response is None or response.code != 200 for response in framed):
        return None
    wrong = by.apply(frame)
    if wrong is None:
        return None
    polls = list(life.polls)
    polls[first], polls[second] = wrong
    return SpoiledLife(replace(life, polls=tuple(polls)), second)


# --- edits


def _with_body(poll: Exchange, body: Any, *, tag: str | None = None) -> Exchange:
    assert poll.response is not None
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    # Without its tag: a tag of the old body would be one more fault.
    headers = without_headers(poll.response.headers, "ETag", "Content-Encoding", "Content-Length")
    if tag is not None:
        headers = (*headers, ("ETag", tag))
    return replace(poll, answer=replace(poll.response, headers=headers, body=data, raw=data))


def _with_code(poll: Exchange, code: int, body: Any = None) -> Exchange:
    changed = _with_body(poll, {"error": "no"} if body is None else body)
    assert changed.response is not None
    return replace(changed, answer=replace(changed.response, code=code))


def _put(body: Any, at: str, value: Any) -> None:
    *way, last = walk(at)
    for key in way:
        if not isinstance(body.get(key), dict):
            body[key] = {}
        body = body[key]
    body[last] = value


def _edited(frame: Frame, **changes: Any) -> tuple[Exchange, Exchange]:
    body = frame.body(frame.second)
    for at, value in changes.items():
        _put(body, at, value)
    return frame.first, _with_body(frame.second, body)


def _shifted(frame: Frame, at: str, moment: float) -> tuple[Exchange, Exchange]:
    times = frame.life.target.api.profile.times
    assert times is not None
    codecs = {times.created: times.codec, **{stamp.at: stamp.codec for stamp in times.later}}
    return _edited(frame, **{at: write_time(moment, codecs[at])})


def _end_times(frame: Frame) -> list[tuple[str, float]]:
    api = frame.life.target.api
    job, times = api.observe(frame.second).job, api.profile.times
    if job is None or times is None:
        return []
    return [(s.at, job.later[s.at]) for s in times.later if s.ends_life and s.at in job.later]


# --- over time


def _statuses(frame: Frame, *, terminal: bool) -> Iterator[str]:
    lifecycle = frame.life.target.api.lifecycle
    return (s for s in lifecycle.statuses if lifecycle.is_terminal(s) is terminal)


@_spoil("status_moves_forward", wants="running")
def status_goes_back(frame: Frame) -> tuple[Exchange, Exchange] | None:
    api, life = frame.life.target.api, frame.life
    data = [at for poll, at in zip(life.polls, life.data_at, strict=True)
            if poll in (frame.first, frame.second)]  # fmt: skip
    since = life.statuses(min(data), max(data) + life.plan.staleness_s + 1.0)
    for status in _statuses(frame, terminal=False):
        # A right server may show others than the job has, or leave some out.
        steps = [api.lifecycle.step(before, status) for before in frame.shown.union(since)]
        if all(step is not None and step.verdict == "illegal" for step in steps):
            return _edited(frame, **{api.profile.status.at: status})
    return None


@_spoil("terminal_status_is_final", wants="ended")
def end_is_undone(frame: Frame) -> tuple[Exchange, Exchange]:
    status = next(_statuses(frame, terminal=False))
    return _edited(frame, **{frame.life.target.api.profile.status.at: status})


@_spoil("terminal_status_is_final", wants="ended")
def end_becomes_another(frame: Frame) -> tuple[Exchange, Exchange]:
    status = next(s for s in _statuses(frame, terminal=True) if s != frame.status)
    return _edited(frame, **{frame.life.target.api.profile.status.at: status})


@_spoil("ended_job_is_frozen", wants="succeeded")
def result_changes_after_the_end(frame: Frame) -> tuple[Exchange, Exchange] | None:
    body, promise = frame.body(frame.second), frame.life.target.api.profile.result
    for at in promise.proof if promise is not None else ():
        found = pick(body, at)
        if isinstance(found, list):
            return _edited(frame, **{at: ["https://files.example.com/another.png", *found[1:]]})
        if isinstance(found, str):
            return _edited(frame, **{at: f"{found}-2"})
    return None


@_spoil("ended_job_is_frozen", "failure_has_reason", wants="failed")
def reason_goes_after_the_end(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _without(frame, frame.life.target.api.profile.failure.at)  # type: ignore[union-attr]


@_spoil("creation_time_is_stable")
def creation_time_changes(frame: Frame) -> tuple[Exchange, Exchange]:
    times = frame.life.target.api.profile.times
    assert times is not None
    return _shifted(frame, times.created, frame.created - 5.0)


@_spoil("end_time_follows_creation", wants="ended")
def end_lies_before_the_creation(frame: Frame) -> tuple[Exchange, Exchange]:
    return _shifted(frame, _end_times(frame)[0][0], frame.created - 10.0)


@_spoil("end_time_is_stable", wants="ended")
def end_time_changes(frame: Frame) -> tuple[Exchange, Exchange]:
    at, moment = _end_times(frame)[0]
    return _shifted(frame, at, moment + 5.0)


@_spoil("entity_tag_changes_with_body")
def tag_is_used_again(frame: Frame) -> tuple[Exchange, Exchange]:
    before, after = frame.body(frame.first), {**frame.body(frame.second), "more": 1}
    return (
        _with_body(frame.first, before, tag='"used-again"'),
        _with_body(frame.second, after, tag='"used-again"'),
    )


@_spoil("not_modified_means_unchanged")
def unchanged_although_changed(frame: Frame) -> tuple[Exchange, Exchange] | None:
    lifecycle = frame.life.target.api.lifecycle
    had = str(frame.life.target.api.observe(frame.first).job.status)  # type: ignore[union-attr]
    back = [lifecycle.step(status, had) for status in frame.shown - {had}]
    # A job that may have come back to its status may have come back to its body.
    if any(step is not None and step.verdict != "illegal" for step in back):
        return None
    # Whatever was seen since the first poll hasn't the key that it had.
    before = {**frame.body(frame.first), "more": 1}
    asked = frame.second.request
    condition = (*asked.headers, ("If-None-Match", '"before"'))
    unchanged = _with_body(frame.second, b"", tag='"before"')
    assert unchanged.response is not None
    bare = without_headers(unchanged.response.headers, "Content-Type")
    return (
        _with_body(frame.first, before, tag='"before"'),
        replace(
            unchanged,
            request=replace(asked, headers=condition),
            answer=replace(unchanged.response, code=304, headers=bare),
        ),
    )


@_spoil("known_job_is_found")
def known_job_is_lost(frame: Frame) -> tuple[Exchange, Exchange]:
    code = frame.life.target.api.profile.not_found.codes[0]
    return frame.first, _with_code(frame.second, code, _not_found(frame))


@_spoil("token_keeps_working")
def token_is_refused(frame: Frame) -> tuple[Exchange, Exchange] | None:
    if not frame.life.target.api.access.is_required:
        return None
    return frame.first, _with_code(frame.second, 401)


@_spoil("no_server_error")
def server_fails(frame: Frame) -> tuple[Exchange, Exchange]:
    return frame.first, _with_code(frame.second, 500)


@_spoil("token_is_required")
def anybody_is_let_in(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _asked_as(frame, "none")


@_spoil("foreign_job_is_hidden")
def foreign_job_is_shown(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _asked_as(frame, "foreign")


# --- one answer by itself


@_spoil("job_id_is_echoed")
def another_id_is_shown(frame: Frame) -> tuple[Exchange, Exchange]:
    at = frame.life.target.api.profile.id.at
    return _edited(frame, **{at: frame.life.target.foreign_jobs[0]})


@_spoil("status_is_documented")
def status_is_unknown(frame: Frame) -> tuple[Exchange, Exchange]:
    return _edited(frame, **{frame.life.target.api.profile.status.at: "thawing"})


@_spoil("body_matches_schema")
def id_is_missing(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _without(frame, (frame.life.target.api.profile.id.at,))


@_spoil("body_is_json")
def body_is_cut(frame: Frame) -> tuple[Exchange, Exchange]:
    return frame.first, _with_body(frame.second, json.dumps(frame.body(frame.second)).encode()[:-1])


@_spoil("json_keys_are_unique")
def key_stands_twice(frame: Frame) -> tuple[Exchange, Exchange]:
    text = json.dumps(frame.body(frame.second))
    return frame.first, _with_body(frame.second, f'{text[:-1]}, "more": 1, "more": 2}}'.encode())


@_spoil("end_time_only_after_end", wants="running")
def running_job_has_an_end(frame: Frame) -> tuple[Exchange, Exchange]:
    times = frame.life.target.api.profile.times
    stamp = next(s for s in times.later if s.allowed_in is not None) if times else None
    assert stamp is not None
    return _shifted(frame, stamp.at, frame.life.created + 1.0)


@_spoil("ended_job_has_end_time", wants="ended")
def end_time_is_missing(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _without(frame, tuple(at for at, _ in _end_times(frame)))


@_spoil("success_has_result", wants="succeeded")
def success_has_nothing_to_show(frame: Frame) -> tuple[Exchange, Exchange] | None:
    promise = frame.life.target.api.profile.result
    return _without(frame, promise.proof if promise is not None else ())


@_spoil("success_has_no_failure_reason", wants="succeeded")
def success_has_a_reason(frame: Frame) -> tuple[Exchange, Exchange] | None:
    promise = frame.life.target.api.profile.failure
    reasons = lived_api(frame.life.plan.api).bodies["failed" if promise and "failed" in
              promise.required_in else "broken"][0]  # fmt: skip
    return _edited(frame, **{f"/{key}": value for key, value in reasons.items()})


@_spoil("creation_time_is_past")
def creation_lies_ahead(frame: Frame) -> tuple[Exchange, Exchange]:
    times = frame.life.target.api.profile.times
    assert times is not None
    return _shifted(frame, times.created, frame.life.created + 10 * 86_400.0)


@_spoil("private_answer_is_not_public")
def answer_is_for_every_cache(frame: Frame) -> tuple[Exchange, Exchange]:
    return frame.first, _with_header(frame.second, "Cache-Control", "public, max-age=60")


@_spoil("media_type_is_documented")
def job_is_called_a_page(frame: Frame) -> tuple[Exchange, Exchange]:
    return frame.first, _with_header(frame.second, "Content-Type", "text/html")


def _asked_as(frame: Frame, asks: str) -> tuple[Exchange, Exchange] | None:
    if not frame.life.target.api.access.is_required:
        return None
    return frame.first, replace(frame.second, request=request_for(asks, frame.life.target))


def _with_header(poll: Exchange, name: str, value: str) -> Exchange:
    assert poll.response is not None
    headers = (*without_headers(poll.response.headers, name), (name, value))
    return replace(poll, answer=replace(poll.response, headers=headers))


def _without(frame: Frame, pointers: tuple[str, ...]) -> tuple[Exchange, Exchange] | None:
    body = frame.body(frame.second)
    there = [at for at in pointers if not is_empty(pick(body, at))]
    for at in there:
        holder = pick(body, parent(at))
        if isinstance(holder, dict):
            del holder[walk(at)[-1]]
    return (frame.first, _with_body(frame.second, body)) if there else None


def _not_found(frame: Frame) -> Any:
    return lived_api(frame.life.plan.api).script.pages.unknown.body


SPOILS: Mapping[str, Spoil] = MappingProxyType(_SPOILS)
