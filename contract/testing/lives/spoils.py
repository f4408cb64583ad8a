"""
The ways in which a life may be wrong, each with the checks that may find it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from jobproof.contract.formats.headers import without_headers
from jobproof.contract.formats.json_pointer import parent, pick, walk
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.job import is_empty
from jobproof.contract.testing.lives.playing import request_for
from jobproof.contract.testing.lives.spoil import Frame, Spoil

__all__ = ["SPOILS"]

_Apply = Callable[[Frame], tuple[Exchange, Exchange] | None]
_SPOILS: dict[str, Spoil] = {}


def _spoil(
    *found_by: str, wants: str = "", needs: Iterable[str] = (), is_plain: bool = True
) -> Callable[[_Apply], _Apply]:
    def register(apply: _Apply) -> _Apply:
        name = apply.__name__
        _SPOILS[name] = Spoil(name, apply, frozenset(found_by), wants, frozenset(needs), is_plain)
        return apply

    return register


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


@_spoil("terminal_status_is_final", wants="ended", needs=["several ends"])
def end_becomes_another(frame: Frame) -> tuple[Exchange, Exchange]:
    status = next(s for s in _statuses(frame, terminal=True) if s != frame.status)
    return _edited(frame, **{frame.life.target.api.profile.status.at: status})


@_spoil("ended_job_is_frozen", wants="succeeded", needs=["result"])
def result_changes_after_the_end(frame: Frame) -> tuple[Exchange, Exchange] | None:
    body, promise = frame.body(frame.second), frame.life.target.api.profile.result
    for at in promise.proof if promise is not None else ():
        found = pick(body, at)
        if isinstance(found, list):
            return _edited(frame, **{at: ["https://files.example.com/another.png", *found[1:]]})
        if isinstance(found, str):
            return _edited(frame, **{at: f"{found}-2"})
    return None


@_spoil("ended_job_is_frozen", "failure_has_reason", wants="failed", needs=["reason"])
def reason_goes_after_the_end(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _without(frame, frame.life.target.api.profile.failure.at)  # type: ignore[union-attr]


@_spoil("creation_time_is_stable", needs=["creation time"])
def creation_time_changes(frame: Frame) -> tuple[Exchange, Exchange]:
    times = frame.life.target.api.profile.times
    assert times is not None
    return _shifted(frame, times.created, frame.created - 5.0)


@_spoil("end_time_follows_creation", wants="ended", needs=["end time"])
def end_lies_before_the_creation(frame: Frame) -> tuple[Exchange, Exchange]:
    return _shifted(frame, _end_times(frame)[0][0], frame.created - 10.0)


@_spoil("end_time_is_stable", wants="ended", needs=["end time"])
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


@_spoil("not_modified_means_unchanged", is_plain=False)
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


@_spoil("token_keeps_working", needs=["token"])
def token_is_refused(frame: Frame) -> tuple[Exchange, Exchange] | None:
    if not frame.life.target.api.access.is_required:
        return None
    return frame.first, _with_code(frame.second, 401)


@_spoil("no_server_error")
def server_fails(frame: Frame) -> tuple[Exchange, Exchange]:
    return frame.first, _with_code(frame.second, 500)


@_spoil("token_is_required", needs=["token"], is_plain=False)
def anybody_is_let_in(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _asked_as(frame, "none")


@_spoil("foreign_job_is_hidden", needs=["token"], is_plain=False)
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


@_spoil("end_time_only_after_end", wants="running", needs=["time of some statuses"])
def running_job_has_an_end(frame: Frame) -> tuple[Exchange, Exchange]:
    times = frame.life.target.api.profile.times
    stamp = next(s for s in times.later if s.allowed_in is not None) if times else None
    assert stamp is not None
    return _shifted(frame, stamp.at, frame.life.created + 1.0)


@_spoil("ended_job_has_end_time", wants="ended", needs=["end time"])
def end_time_is_missing(frame: Frame) -> tuple[Exchange, Exchange] | None:
    return _without(frame, tuple(at for at, _ in _end_times(frame)))


@_spoil("success_has_result", wants="succeeded", needs=["result"])
def success_has_nothing_to_show(frame: Frame) -> tuple[Exchange, Exchange] | None:
    promise = frame.life.target.api.profile.result
    return _without(frame, promise.proof if promise is not None else ())


@_spoil("success_has_no_failure_reason", wants="succeeded", needs=["reason"])
def success_has_a_reason(frame: Frame) -> tuple[Exchange, Exchange] | None:
    reasons = frame.life.plan.lived.reason
    if not reasons:
        return None
    return _edited(frame, **{f"/{key}": value for key, value in reasons.items()})


@_spoil("creation_time_is_past", needs=["creation time"])
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
    return frame.life.plan.lived.script.pages.unknown.body


SPOILS: Mapping[str, Spoil] = MappingProxyType(_SPOILS)
