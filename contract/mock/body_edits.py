"""
The places in a job's body that a profile points at, and edits of what is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from jobproof.contract.formats.json_pointer import parent, resolve, walk
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.api import Api
from jobproof.contract.model.job import read_time
from jobproof.contract.model.profile import Codec, Id, Phase, Timestamp
from jobproof.contract.openapi.schema import Content

__all__ = [
    "documents_absence",
    "drop",
    "edit_links",
    "edit_strings",
    "edit_time",
    "edit_times",
    "end_times",
    "forbids",
    "has_links",
    "has_rfc3339_times",
    "is_well_formed",
    "json_content",
    "later_times",
    "phase_of",
    "put",
    "rename_key",
    "reset_to_template",
    "result_pointers",
    "shift_time",
    "shift_times",
]

_UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLAIN_ID = re.compile(r"[\w-]+", re.ASCII)


def json_content(api: Api, code: int = 200) -> Content | None:
    """
    What the document says of the JSON body of `code`.
    """
    spec = api.operation.response_for(code)
    return spec.content_for("application/json") if spec else None


def documents_absence(api: Api) -> bool:
    """
    For APIs whose document has a body for the answer that there is no such job.
    """
    return any(json_content(api, code) is not None for code in api.profile.not_found.codes)


def forbids(api: Api, pointer: str, value: Json) -> bool:
    """
    Whether the document rules out `value` at `pointer`.
    """
    content = json_content(api)
    # Without a schema nothing is forbidden: a fault then would be none, and is left out.
    return content is not None and not content.allows(pointer, value)


def has_links(api: Api) -> bool:
    """
    APIs whose results hold links.
    """
    return api.profile.result is not None and bool(api.profile.result.links)


def has_rfc3339_times(api: Api) -> bool:
    """
    APIs that write times as RFC 3339 text.
    """
    return api.profile.times is not None and api.profile.times.codec is Codec.RFC3339


def end_times(api: Api) -> tuple[Timestamp, ...]:
    """
    The times that mark the end of a job.
    """
    return later_times(api, ending=True)


def later_times(api: Api, *, ending: bool = False) -> tuple[Timestamp, ...]:
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
    *steps, last = walk(pointer)
    parent_value: Any = body  # an object or a list at every step, or becomes an object
    for step in steps:
        if isinstance(parent_value, list):
            parent_value = parent_value[int(step)]
        else:
            parent_value = parent_value.setdefault(step, {})
    parent_value[int(last) if isinstance(parent_value, list) else last] = value


def drop(body: JsonObject, pointer: str) -> None:
    """
    Take away what `pointer` leads to, if anything.
    """
    parent_value = resolve(body, parent(pointer))[1]
    if isinstance(parent_value, dict):
        *_, last = walk(pointer)
        parent_value.pop(last, None)


def reset_to_template(body: JsonObject, pointer: str, context: RequestContext) -> None:
    """
    Put there what a new job has: the value of the script's `job` template, or no key.
    """
    # Some APIs write null for what isn't there yet, others leave the key out.
    found, initial = resolve(context.script.job, pointer)
    if found:
        put(body, pointer, initial)
    else:
        drop(body, pointer)


def rename_key(body: JsonObject, pointer: str, name: str) -> None:
    """
    Give the key at `pointer` another name, in its old place.
    """
    parent_value = resolve(body, parent(pointer))[1]
    *_, last = walk(pointer)
    if isinstance(parent_value, dict) and last in parent_value:
        items = [(name if key == last else key, value) for key, value in parent_value.items()]
        # In place, since the caller holds the body itself.
        parent_value.clear()
        parent_value.update(items)


def edit_links(body: JsonObject, context: RequestContext, change: Callable[[str], str]) -> Json:
    """
    Change every link of the result.
    """
    for pointer in context.profile.result.links if context.profile.result else ():
        edit_strings(body, pointer, change)
    return body


def edit_strings(body: JsonObject, pointer: str, change: Callable[[str], str]) -> None:
    """
    Change every string at `pointer` and below.
    """
    found, value = resolve(body, pointer)
    if found:
        put(body, pointer, _with_edited_strings(value, change))


def _with_edited_strings(value: Json, change: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_with_edited_strings(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _with_edited_strings(item, change) for key, item in value.items()}
    return value


def edit_time(body: JsonObject, pointer: str, change: Callable[[str], Json]) -> Json:
    """
    Change the time at `pointer`, if it is a string.
    """
    text = resolve(body, pointer)[1]
    if isinstance(text, str):
        put(body, pointer, change(text))
    return body


def edit_times(body: JsonObject, context: RequestContext, change: Callable[[str], Json]) -> Json:
    """
    Change every time that is a string.
    """
    for pointer in _time_pointers(context.api):
        edit_time(body, pointer, change)
    return body


def shift_times(body: JsonObject, context: RequestContext, seconds: float) -> Json:
    """
    Move every time that is there.
    """
    for pointer in _time_pointers(context.api):
        shift_time(body, context, pointer, seconds)
    return body


def _time_pointers(api: Api) -> Iterator[str]:
    if api.profile.times is not None:
        yield api.profile.times.created
        yield from (stamp.at for stamp in later_times(api))


def shift_time(body: JsonObject, context: RequestContext, pointer: str, seconds: float) -> None:
    """
    Move the time at `pointer`, if there is one.
    """
    moment = read_time(resolve(body, pointer)[1], context.codec)
    if moment is not None:
        put(body, pointer, write_time(moment + seconds, context.codec))


def result_pointers(api: Api) -> Iterator[str]:
    """
    Pointers to all that belongs to a result, outer places first.
    """
    if api.profile.result is not None:
        yield from api.profile.result.at
        yield from api.profile.result.proof


def is_well_formed(job_id: str, form: Id) -> bool:
    """
    Whether a text is of the form that the API's ids have.
    """
    if form.shape == "uuid":
        return _UUID.fullmatch(job_id) is not None
    return job_id.startswith(form.prefix) and _PLAIN_ID.fullmatch(job_id) is not None
