"""
Bodies that aren't what the schema says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from jobproof.contract.formats.json_pointer import escape, pick, resolve, walk
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    drop,
    end_times,
    forbids,
    has_links,
    json_content,
    put,
    rename_key,
)
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Codec

__all__ = ["SCHEMA"]

SCHEMA = FaultGroup("S", "schema")

# Rare enough that a few polls of a job would miss it.
_EVERY = 20
_WORD = "status_is_documented"


def _has_status_word(api: Api) -> bool:
    # Where rules tell the status there is no one place to write another word to.
    return bool(api.profile.status.at)


def _cancels(api: Api) -> bool:
    return _has_status_word(api) and "cancelled" in api.profile.status.words


@SCHEMA.body("the job has no id", "body_matches_schema", proves="body_matches_schema")
def id_missing(body: JsonObject, context: RequestContext) -> Json:
    drop(body, context.profile.id.at)
    return body


@SCHEMA.body("the job has no status", "body_matches_schema", applies=_has_status_word)
def status_missing(body: JsonObject, context: RequestContext) -> Json:
    drop(body, context.profile.status.at)
    return body


@SCHEMA.body(
    "the job has no creation time",
    "body_matches_schema",
    applies=lambda api: bool(_creation_pointer(api)),
)
def creation_missing(body: JsonObject, context: RequestContext) -> Json:
    drop(body, _creation_pointer(context.api))
    return body


@SCHEMA.body(
    "the status is a word that nobody documented",
    "status_is_documented",
    applies=_has_status_word,
)
def status_unheard_of(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.status.at, "reticulating")
    return body


@SCHEMA.body("the status is in capitals", "status_is_documented", applies=_has_status_word)
def status_in_capitals(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.status.at, str(pick(body, context.profile.status.at)).upper())
    return body


@SCHEMA.body(
    "the status is null",
    "null_only_where_allowed",
    "body_matches_schema",
    applies=_has_status_word,
)
def status_null(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.status.at, None)
    return body


@SCHEMA.body(
    "every 20th poll of a job shows an undocumented status",
    "status_is_documented",
    applies=_has_status_word,
)
def status_unheard_of_at_times(body: JsonObject, context: RequestContext) -> Json:
    if context.occurrence(context.job_id or "") % _EVERY == 0:
        put(body, context.profile.status.at, "reticulating")
    return body


@SCHEMA.body(
    "the creation time is written in another way: a number for text, text for a number",
    "body_matches_schema",
    applies=lambda api: bool(_creation_pointer(api)),
)
def creation_in_another_codec(body: JsonObject, context: RequestContext) -> Json:
    if context.view is not None:
        other = Codec.RFC3339 if context.codec is Codec.UNIX else Codec.UNIX
        put(body, _creation_pointer(context.api), write_time(context.view.created, other))
    return body


@SCHEMA.body(
    "a job that goes on has null for the time of its end",
    "null_only_where_allowed",
    applies=lambda api: any(forbids(api, stamp.at, None) for stamp in end_times(api)),
)
def end_null(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        if pick(body, stamp.at) is None:
            put(body, stamp.at, None)
    return body


@SCHEMA.body(
    "a job without a result has null for it",
    "null_only_where_allowed",
    applies=lambda api: any(forbids(api, at, None) for at in _result_pointers(api)),
    proves="null_only_where_allowed",
)
def result_null(body: JsonObject, context: RequestContext) -> Json:
    for at in _result_pointers(context.api):
        if pick(body, at) is None:
            put(body, at, None)
    return body


@SCHEMA.body(
    "the result comes in a list",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, [{}]) for at in _result_pointers(api)),
)
def result_in_a_list(body: JsonObject, context: RequestContext) -> Json:
    for at in _result_pointers(context.api):
        value = pick(body, at)
        if value is not None:
            put(body, at, [value])
    return body


@SCHEMA.body(
    "the links are one text instead of a list",
    "body_matches_schema",
    applies=lambda api: has_links(api) and any(forbids(api, at, "x") for at in _link_pointers(api)),
)
def links_as_text(body: JsonObject, context: RequestContext) -> Json:
    for at in _link_pointers(context.api):
        value = pick(body, at)
        if isinstance(value, list) and value:
            put(body, at, value[0])
    return body


@SCHEMA.body(
    "one of the links is null",
    "null_only_where_allowed",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, [None]) for at in _link_pointers(api)),
)
def link_null(body: JsonObject, context: RequestContext) -> Json:
    for at in _link_pointers(context.api):
        value = pick(body, at)
        if isinstance(value, list):
            put(body, at, [*value, None])
    return body


@SCHEMA.body(
    "the reason of a failure lacks what it must have",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, {}) for at in _reason_pointers(api)),
)
def reason_incomplete(body: JsonObject, context: RequestContext) -> Json:
    for at in _reason_pointers(context.api):
        reason = pick(body, at)
        parts = reason if isinstance(reason, dict) else {}
        # Which key is required stands in the document: the first whose loss it forbids.
        for key in parts:
            rest = {k: v for k, v in parts.items() if k != key}
            if forbids(context.api, at, rest):
                put(body, at, rest)
                return body
    return body


@SCHEMA.body(
    "an internal key is shown that the document doesn't have",
    "no_sensitive_keys",
    "keys_are_declared",
    definite=False,
    proves="no_sensitive_keys",
)
def internal_key(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job shows it
    body["internal_worker_host"] = "gpu-17.cluster.example"
    return body


@SCHEMA.body("an optional key is spelled otherwise", "keys_are_spelled_as_declared")
def optional_key_misspelt(body: JsonObject, context: RequestContext) -> Json:
    content = json_content(context.api)
    required = [context.profile.id.at, context.profile.status.at, _creation_pointer(context.api)]
    # Keys with an underscore first: a hyphen in its place is what serializers get wrong.
    for key, value in sorted(body.items(), key=lambda item: "_" not in item[0]):
        at = f"/{escape(key)}"
        if at in required or value is None or content is None or key not in content.declared:
            continue
        # Optional is what the schema can do without.
        rest = {k: v for k, v in body.items() if k != key}
        if next(iter(content.errors(rest)), None) is None:
            rename_key(body, at, key.replace("_", "-") if "_" in key else key.capitalize())
            return body
    return body


@SCHEMA.body(
    "a required key is in camel case",
    "body_matches_schema",
    "keys_are_spelled_as_declared",
    applies=lambda api: bool(_creation_pointer(api)),
)
def required_key_in_camel_case(body: JsonObject, context: RequestContext) -> Json:
    at = _creation_pointer(context.api)
    *_, last = walk(at)
    head, *tail = last.split("_")
    camel = head + "".join(word.capitalize() for word in tail)
    rename_key(body, at, camel if camel != last else last.capitalize())
    return body


@SCHEMA.body(
    "a text in the result is a number",
    "body_matches_schema",
    applies=lambda api: bool(_string_pointers(api)),
)
def result_as_number(body: JsonObject, context: RequestContext) -> Json:
    for at in _string_pointers(context.api):
        found, value = resolve(body, at)
        if found and isinstance(value, str):
            put(body, at, 1234567)
    return body


@SCHEMA.body("the status has a blank at its end", _WORD, applies=_has_status_word)
def status_with_blank(body: JsonObject, context: RequestContext) -> Json:
    return _edit_status(body, context, lambda text: f"{text} ")


@SCHEMA.body("the status has a letter of another script", _WORD, applies=_has_status_word)
def status_with_lookalike(body: JsonObject, context: RequestContext) -> Json:
    # Cyrillic letters that look the same: as a text from a translated table has them.
    return _edit_status(body, context, lambda text: text.translate({99: 0x441, 101: 0x435}))


@SCHEMA.body(
    "the status is a number, as the code has it", "body_matches_schema", applies=_has_status_word
)
def status_as_number(body: JsonObject, context: RequestContext) -> Json:
    if context.view is not None:
        words = list(context.profile.status.words)
        put(body, context.profile.status.at, words.index(context.view.status))
    return body


@SCHEMA.body("the status is an object with a name", "body_matches_schema", applies=_has_status_word)
def status_in_object(body: JsonObject, context: RequestContext) -> Json:
    return _edit_status(body, context, lambda text: {"name": text})


@SCHEMA.body("an end is spelled in another way: of two l one is left", _WORD, applies=_cancels)
def cancelled_with_one_l(body: JsonObject, context: RequestContext) -> Json:
    return _edit_status(body, context, lambda text: text.replace("cancelled", "canceled"))


@SCHEMA.body("the job comes in an envelope", "body_matches_schema")
def job_in_envelope(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job does
    return {"data": body}


@SCHEMA.body("the job comes as a text that holds JSON", "body_matches_schema")
def job_encoded_twice(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job does
    return json.dumps(body)


@SCHEMA.body(
    "the result is a text that holds JSON",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, "{}") for at in _result_pointers(api)),
)
def result_encoded_twice(body: JsonObject, context: RequestContext) -> Json:
    return _edit_each(body, _result_pointers(context.api), json.dumps)


@SCHEMA.body(
    "what is no result yet is an empty list",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, []) for at in _result_pointers(api)),
)
def result_as_empty_list(body: JsonObject, context: RequestContext) -> Json:
    for at in _result_pointers(context.api):
        if pick(body, at) is None:
            put(body, at, [])
    return body


@SCHEMA.body(
    "the reason of a failure is a text",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, "x") for at in _reason_pointers(api)),
)
def reason_as_text(body: JsonObject, context: RequestContext) -> Json:
    return _edit_each(body, _reason_pointers(context.api), lambda _: "out of memory")


@SCHEMA.body(
    "a job without a failure has an empty reason",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, {}) for at in _reason_pointers(api)),
)
def reason_empty_object(body: JsonObject, context: RequestContext) -> Json:
    for at in _reason_pointers(context.api):
        if forbids(context.api, at, {}) and pick(body, at) is None:
            put(body, at, {})
            return body
    return body


@SCHEMA.body(
    "a link is an empty text",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, [""]) for at in _link_pointers(api)),
)
def link_empty(body: JsonObject, context: RequestContext) -> Json:
    return _edit_each(body, _link_pointers(context.api), lambda _: [""])


@SCHEMA.body(
    "links are objects with an address",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, [{}]) for at in _link_pointers(api)),
)
def links_as_objects(body: JsonObject, context: RequestContext) -> Json:
    return _edit_each(
        body,
        _link_pointers(context.api),
        lambda links: [{"url": link} for link in links] if isinstance(links, list) else links,
    )


@SCHEMA.body(
    "a waiting job has a status that nobody documented",
    "status_is_documented",
    applies=_has_status_word,
    proves="status_is_documented",
)
def waiting_status_unheard_of(body: JsonObject, context: RequestContext) -> Json:
    words = context.profile.status.words
    status = str(pick(body, context.profile.status.at))
    if status in words and words[status].rank == min(word.rank for word in words.values()):
        put(body, context.profile.status.at, "reticulating")
    return body


@SCHEMA.body(
    "a key that isn't due yet stands there in camel case, with null",
    "keys_are_spelled_as_declared",
    applies=lambda api: any("_" in stamp.at for stamp in end_times(api)),
    proves="keys_are_spelled_as_declared",
)
def end_in_camel_case_before_the_end(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        *_, last = walk(stamp.at)
        head, *tail = last.split("_")
        if pick(body, stamp.at) is None and tail:
            body.pop(last, None)
            body[head + "".join(word.capitalize() for word in tail)] = None
    return body


def _creation_pointer(api: Api) -> str:
    return api.profile.times.created if api.profile.times else ""


def _result_pointers(api: Api) -> tuple[str, ...]:
    return api.profile.result.at if api.profile.result else ()


def _link_pointers(api: Api) -> tuple[str, ...]:
    return api.profile.result.links if api.profile.result else ()


def _reason_pointers(api: Api) -> tuple[str, ...]:
    return api.profile.failure.at if api.profile.failure else ()


def _string_pointers(api: Api) -> tuple[str, ...]:
    # Where a number is forbidden and a string isn't: elsewhere the change would break nothing.
    proof = api.profile.result.proof if api.profile.result else ()
    return tuple(at for at in proof if forbids(api, at, 1) and not forbids(api, at, "x"))


def _edit_status(body: JsonObject, context: RequestContext, change: Callable[[str], Json]) -> Json:
    at = context.profile.status.at
    put(body, at, change(str(pick(body, at))))
    return body


def _edit_each(body: JsonObject, places: Iterable[str], change: Callable[[Json], Json]) -> Json:
    """
    Change what stands at each of these places, if anything does.
    """
    for at in places:
        value = pick(body, at)
        if value is not None:
            put(body, at, change(value))
    return body
