"""
Response mutants: recorded answers, each with one small thing changed, shown to the judge.

The score of the oracle alone, apart from what the plan happens to request: thousands a
second, no sockets after the recording. Beside it stands the document's schema alone.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.headers import without_headers
from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json
from jobproof.contract.judging.judge import Judge
from jobproof.contract.mock import MockServer
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange, Response, Subject
from jobproof.contract.model.history.history import History
from jobproof.contract.model.observation import Observation
from jobproof.contract.model.request import build_owner_request
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import load_checks

__all__ = ["Tally", "measure_mutants"]

# More than any scripted life takes to its end.
_POLLS = 40
# In days: a little, and more than any limit in a profile.
_SHIFTS = (-400, -1, 1, 400)

_Path = tuple[str | int, ...]


@dataclass(slots=True)
class Tally:
    """
    How many mutants of one operator were made and noticed.

    Attributes:
        killed: By a finding that breaks the run.
        killed_strict: By any violation.
        schema: By the document's codes, media types and schemas alone.
        survivors: What nobody noticed, for triage.
    """

    operator: str
    made: int = 0
    killed: int = 0
    killed_strict: int = 0
    schema: int = 0
    survivors: list[str] | None = None


@dataclass(frozen=True, slots=True)
class _Mutant:
    operator: str
    place: str
    response: Response


def measure_mutants(api: Api) -> tuple[Tally, ...]:
    """
    Mutate one answer of every status in every scripted life, and judge each mutant with
    the life so far as its history.
    """
    judge = Judge(load_checks())
    tallies: dict[str, Tally] = {}
    for exchanges in _record_lives(api):
        observations = [api.observe(exchange) for exchange in exchanges]
        for index in _informative_indexes(observations):
            history = judge.history_of(api)
            for earlier in observations[:index]:
                history.add(earlier)
            _judge_mutants(api, judge, history, observations[index], tallies)
    return tuple(sorted(tallies.values(), key=lambda t: t.operator))


def _judge_mutants(
    api: Api,
    judge: Judge,
    history: History,
    original: Observation,
    tallies: dict[str, Tally],
) -> None:
    if original.response is None:  # a transport failure has nothing to mutate
        return
    for mutant in _mutants_of(api, original.response):
        tally = tallies.setdefault(mutant.operator, Tally(mutant.operator, survivors=[]))
        tally.made += 1
        exchange = replace(original.exchange, answer=mutant.response)
        observation = api.observe(exchange)
        findings = judge(Trace.after(history, api, observation))
        tally.killed += any(f.breaks(strict=False) for f in findings)
        killed_strict = any(f.breaks(strict=True) for f in findings)
        tally.killed_strict += killed_strict
        tally.schema += _schema_notices(observation)
        if not killed_strict and tally.survivors is not None:
            status = original.job.status if original.job else "no job"
            tally.survivors.append(f"{status}: {mutant.place}")


def _record_lives(api: Api) -> Iterator[list[Exchange]]:
    asked = api.with_any_values()
    with MockServer(api) as server, Client() as client:
        for job in server.jobs:
            request = build_owner_request(asked, server.url, job.id, server.token)
            exchanges = []
            for _ in range(_POLLS):
                exchanges.append(client.send(request, deadline_s=5.0))
                observation = api.observe(exchanges[-1])
                if observation.job is None or api.lifecycle.is_terminal(observation.job.status):
                    break
            # Once more after the end: what changes in an ended job shows in a pair only.
            yield [*exchanges, client.send(request, deadline_s=5.0)]
        yield [_poll_unknown_id(asked, server, client)]


def _poll_unknown_id(api: Api, server: MockServer, client: Client) -> Exchange:
    job_id = api.profile.id.fresh(random.Random(0))  # noqa: S311 -- an id, no secret
    request = build_owner_request(api, server.url, job_id, server.token, Subject.MISSING)
    return client.send(request, deadline_s=5.0)


def _informative_indexes(observations: list[Observation]) -> Iterator[int]:
    """
    The first of each status, and the last: an ended job polled again.
    """
    statuses: set[Any] = set()
    for index, observation in enumerate(observations):
        status = observation.job.status if observation.job else None
        if status not in statuses or index == len(observations) - 1:
            statuses.add(status)
            yield index


def _schema_notices(observation: Observation) -> bool:
    # An undocumented code, an undocumented media type, a body that is no JSON.
    if observation.spec is None or observation.content is None:
        return True
    if observation.body is None or not observation.body.readable:
        return True
    return next(iter(observation.content.errors(observation.body.value)), None) is not None


def _mutants_of(api: Api, response: Response) -> Iterator[_Mutant]:
    denials = api.profile.not_found.codes
    for code in (200, 201, 204, 301, 400, 403, *denials, 418, 500, 502):
        if code != response.code:
            yield _Mutant(f"code to {code // 100}xx", str(code), replace(response, code=code))
    yield from _media_type_mutants(response)
    assert response.body is not None  # it was read as JSON
    value = json.loads(response.body)
    yield from _byte_mutants(response, response.body)
    for operator, place, changed in _value_mutants(api, value):
        yield _Mutant(operator, place, _with_body(response, json.dumps(changed).encode()))


def _media_type_mutants(response: Response) -> Iterator[_Mutant]:
    def with_media_type(value: str | None) -> Response:
        others = without_headers(response.headers, "content-type")
        added = (("Content-Type", value),) if value is not None else ()
        return replace(response, headers=(*others, *added))

    yield _Mutant("content type dropped", "content-type", with_media_type(None))
    yield _Mutant("content type changed", "text/html", with_media_type("text/html"))
    yield _Mutant(
        "content type changed", "text/plain", with_media_type("text/plain; charset=utf-8")
    )
    yield _Mutant("content type changed", "application/xml", with_media_type("application/xml"))


def _byte_mutants(response: Response, body: bytes) -> Iterator[_Mutant]:
    yield _Mutant("text cut", "half", _with_body(response, body[: len(body) // 2]))
    yield _Mutant("text cut", "empty", _with_body(response, b""))
    yield _Mutant("text prefixed", "mark", _with_body(response, b"\xef\xbb\xbf" + body))
    yield _Mutant("text followed", "again", _with_body(response, body + body))
    twice = b'{"a":1,"a":2,' + body.lstrip()[1:]
    yield _Mutant("key twice", "a", _with_body(response, twice))


def _value_mutants(api: Api, value: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in _walk(value):
        place = "".join(f"/{escape(str(step))}" for step in path) or "body"
        for operator, new in _changed_values(api, place, item):
            yield operator, place, _with_replaced(value, path, new)
        # Elements aren't dropped: a shorter list is as right as a longer one.
        if path and not isinstance(path[-1], int):
            yield "property dropped", place, _without(value, path)
        if isinstance(item, list):
            yield "list emptied", place, _with_replaced(value, path, [])
            yield "element added", place, _with_replaced(value, path, [*item, {"odd": True}])


def _changed_values(api: Api, place: str, item: Json) -> Iterator[tuple[str, Json]]:
    yield "value nulled", None
    if isinstance(item, str):
        yield "type changed", 7
        yield from _changed_texts(api, place, item)
        return
    yield "type changed", "text"
    if isinstance(item, dict):
        yield "type changed", [item]
    elif isinstance(item, int | float) and item > 1e9:  # Unix seconds since 2001
        for days in _SHIFTS:
            yield "time shifted", item + days * 86_400


def _changed_texts(api: Api, place: str, text: str) -> Iterator[tuple[str, Json]]:
    yield "text emptied", ""
    yield "text in upper case", text.upper()
    if place == api.profile.status.at:
        for word in api.lifecycle.statuses:
            if word != text:
                yield "status swapped", word
    if place == api.profile.id.at:
        yield "id swapped", str(uuid.uuid5(uuid.NAMESPACE_URL, text))
    moment = _read_moment(text)
    for days in _SHIFTS if moment else ():
        yield "time shifted", (moment + timedelta(days=days)).isoformat() if moment else None


def _walk(value: Json, path: _Path = ()) -> Iterator[tuple[_Path, Json]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def _with_replaced(value: Any, path: _Path, new: Json) -> Json:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _with_replaced(value[path[0]], path[1:], new)
    return cast("Json", copy)


def _without(value: Any, path: _Path) -> Json:
    copy = value.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _without(value[path[0]], path[1:])
    return cast("Json", copy)


def _read_moment(text: str) -> datetime | None:
    # `fromisoformat` also takes dates alone and forms without hyphens, as ids may look.
    if len(text) < 19 or text[4:5] != "-":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _with_body(response: Response, body: bytes) -> Response:
    return replace(response, body=body, raw=body)
