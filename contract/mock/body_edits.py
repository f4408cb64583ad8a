"""
The places in a job's body that a profile points at, and changing what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jobproof.contract.formats.json_pointer import parent, resolve, walk
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.api import Api
from jobproof.contract.model.job import read_time
from jobproof.contract.model.profile import Codec, Phase, Timestamp
from jobproof.contract.openapi.schema import Content

__all__ = [
    "blank",
    "content_of",
    "documents_absence",
    "drop",
    "ends",
    "forbids",
    "has_links",
    "later",
    "phase_of",
    "put",
    "relink",
    "rename",
    "replace_texts",
    "results",
    "rewrite_time",
    "shift",
    "writes_dates",
]


def content_of(api: Api, code: int = 200) -> Content | None:
    """
    What the document says of the JSON body of `code`.
    """
    spec = api.operation.response_for(code)
    return spec.content_for("application/json") if spec else None


def documents_absence(api: Api) -> bool:
    """
    APIs whose document has a body for the answer that there is no such job.
    """
    return any(content_of(api, code) is not None for code in api.profile.not_found.codes)


def forbids(api: Api, pointer: str, value: Json) -> bool:
    """
    Whether the document rules out `value` at `pointer`.
    """
    content = content_of(api)
    return content is not None and not content.allows(pointer, value)


def has_links(api: Api) -> bool:
    """
    APIs whose results hold links.
    """
    return api.profile.result is not None and bool(api.profile.result.links)


def writes_dates(api: Api) -> bool:
    """
    APIs that write times as RFC 3339 text.
    """
    return api.profile.times is not None and api.profile.times.codec is Codec.RFC3339


def ends(api: Api) -> tuple[Timestamp, ...]:
    """
    The times that mark the end of a job.
    """
    return later(api, ending=True)


def later(api: Api, *, ending: bool = False) -> tuple[Timestamp, ...]:
    """
    The times after the creation; only those that mark an end, if `ending`.
    """
    stamps = api.profile.times.later if api.profile.times else ()
    return tuple(stamp for stamp in stamps if stamp.ends_life or not ending)


def phase_of(context: RequestContext) -> Phase | None:
    """
    The phase of the job as it is shown now.
    """
    return context.api.lifecycle.phase(context.view.status) if context.view else None


def put(body: JsonObject, pointer: str, value: Json) -> None:
    """
    Set what `pointer` leads to, making the objects on the way.
    """
    *way, last = walk(pointer)
    holder: Any = body  # what is on the way is an object or a list, or becomes an object
    for step in way:
        holder = holder[int(step)] if isinstance(holder, list) else holder.setdefault(step, {})
    holder[int(last) if isinstance(holder, list) else last] = value


def drop(body: JsonObject, pointer: str) -> None:
    """
    Take away what `pointer` leads to, if anything.
    """
    holder = resolve(body, parent(pointer))[1]
    if isinstance(holder, dict):
        *_, last = walk(pointer)
        holder.pop(last, None)


def blank(body: JsonObject, pointer: str, context: RequestContext) -> None:
    """
    Put there what a job shows before it has anything: the template's value, or no key.
    """
    found, usual = resolve(context.script.job, pointer)
    if found:
        put(body, pointer, usual)
    else:
        drop(body, pointer)


def rename(body: JsonObject, pointer: str, name: str) -> None:
    """
    Give the key at `pointer` another name, in its old place.
    """
    holder = resolve(body, parent(pointer))[1]
    *_, last = walk(pointer)
    if isinstance(holder, dict) and last in holder:
        items = [(name if key == last else key, value) for key, value in holder.items()]
        holder.clear()
        holder.update(items)


def relink(body: JsonObject, context: RequestContext, change: Callable[[str], str]) -> Json:
    """
    Change every link of the result.
    """
    for pointer in context.profile.result.links if context.profile.result else ():
        replace_texts(body, pointer, change)
    return body


def replace_texts(body: JsonObject, pointer: str, change: Callable[[str], str]) -> None:
    """
    Change every text at `pointer` and below.
    """
    found, value = resolve(body, pointer)
    if found:
        put(body, pointer, _changed(value, change))


def _changed(value: Json, change: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _changed(item, change) for key, item in value.items()}
    return value


def rewrite_time(body: JsonObject, pointer: str, change: Callable[[str], Json]) -> Json:
    """
    Change a time that stands as text at `pointer`.
    """
    text = resolve(body, pointer)[1]
    if isinstance(text, str):
        put(body, pointer, change(text))
    return body


def shift(body: JsonObject, context: RequestContext, pointer: str, seconds: float) -> None:
    """
    Move the time at `pointer`, if there is one.
    """
    moment = read_time(resolve(body, pointer)[1], context.codec)
    if moment is not None:
        put(body, pointer, write_time(moment + seconds, context.codec))


def results(api: Api) -> Iterator[str]:
    """
    Everything that belongs to a result, innermost places last.
    """
    if api.profile.result is not None:
        yield from api.profile.result.at
        yield from api.profile.result.proof
