"""
Bodies that aren't what the schema says.
"""

from __future__ import annotations

from jobproof.contract.formats.json_pointer import escape, pick, resolve, walk
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    content_of,
    drop,
    ends,
    forbids,
    has_links,
    put,
    rename,
)
from jobproof.contract.mock.faults.fault_group import FaultGroup
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Codec

__all__ = ["SCHEMA"]

SCHEMA = FaultGroup("S", "schema")

_RARE = 20


@SCHEMA.body("the job has no id", "body_matches_schema")
def id_missing(body: JsonObject, context: RequestContext) -> Json:
    drop(body, context.profile.id.at)
    return body


@SCHEMA.body("the job has no status", "body_matches_schema")
def status_missing(body: JsonObject, context: RequestContext) -> Json:
    drop(body, context.profile.status.at)
    return body


@SCHEMA.body(
    "the job has no creation time", "body_matches_schema", applies=lambda api: bool(_created(api))
)
def creation_missing(body: JsonObject, context: RequestContext) -> Json:
    drop(body, _created(context.api))
    return body


@SCHEMA.body("the status is a word that nobody documented", "status_is_documented")
def status_unheard_of(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.status.at, "reticulating")
    return body


@SCHEMA.body("the status is in capitals", "status_is_documented")
def status_in_capitals(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.status.at, str(pick(body, context.profile.status.at)).upper())
    return body


@SCHEMA.body("the status is null", "null_only_where_allowed", "body_matches_schema")
def status_null(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.status.at, None)
    return body


@SCHEMA.body("every 20th poll of a job shows an undocumented status", "status_is_documented")
def status_unheard_of_at_times(body: JsonObject, context: RequestContext) -> Json:
    if context.nth(context.asked_for or "") % _RARE == 0:
        put(body, context.profile.status.at, "reticulating")
    return body


@SCHEMA.body(
    "the creation time is written in another way: a number for text, text for a number",
    "body_matches_schema",
    applies=lambda api: bool(_created(api)),
)
def creation_in_another_codec(body: JsonObject, context: RequestContext) -> Json:
    if context.view is not None:
        other = Codec.RFC3339 if context.codec is Codec.UNIX else Codec.UNIX
        put(body, _created(context.api), write_time(context.view.created, other))
    return body


@SCHEMA.body(
    "a job that goes on has null for the time of its end",
    "null_only_where_allowed",
    applies=lambda api: any(forbids(api, stamp.at, None) for stamp in ends(api)),
)
def end_null(body: JsonObject, context: RequestContext) -> Json:
    for stamp in ends(context.api):
        if pick(body, stamp.at) is None:
            put(body, stamp.at, None)
    return body


@SCHEMA.body(
    "a job without a result has null for it",
    "null_only_where_allowed",
    applies=lambda api: any(forbids(api, at, None) for at in _results(api)),
)
def result_null(body: JsonObject, context: RequestContext) -> Json:
    for at in _results(context.api):
        if pick(body, at) is None:
            put(body, at, None)
    return body


@SCHEMA.body(
    "the result comes in a list",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, [{}]) for at in _results(api)),
)
def result_in_a_list(body: JsonObject, context: RequestContext) -> Json:
    for at in _results(context.api):
        value = pick(body, at)
        if value is not None:
            put(body, at, [value])
    return body


@SCHEMA.body(
    "the links are one text instead of a list",
    "body_matches_schema",
    applies=lambda api: has_links(api) and any(forbids(api, at, "x") for at in _links(api)),
)
def links_as_text(body: JsonObject, context: RequestContext) -> Json:
    for at in _links(context.api):
        value = pick(body, at)
        if isinstance(value, list) and value:
            put(body, at, value[0])
    return body


@SCHEMA.body(
    "one of the links is null",
    "null_only_where_allowed",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, [None]) for at in _links(api)),
)
def link_null(body: JsonObject, context: RequestContext) -> Json:
    for at in _links(context.api):
        value = pick(body, at)
        if isinstance(value, list):
            put(body, at, [*value, None])
    return body


@SCHEMA.body(
    "the reason of a failure lacks what it must have",
    "body_matches_schema",
    applies=lambda api: any(forbids(api, at, {}) for at in _reasons(api)),
)
def reason_incomplete(body: JsonObject, context: RequestContext) -> Json:
    for at in _reasons(context.api):
        reason = pick(body, at)
        parts = reason if isinstance(reason, dict) else {}
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
)
def internal_key(body: JsonObject, context: RequestContext) -> Json:  # noqa: ARG001 -- every job shows it
    body["internal_worker_host"] = "gpu-17.cluster.example"
    return body


@SCHEMA.body("an optional key is spelled otherwise", "keys_are_spelled_as_declared")
def optional_key_misspelt(body: JsonObject, context: RequestContext) -> Json:
    content = content_of(context.api)
    taken = [context.profile.id.at, context.profile.status.at, _created(context.api)]
    for key, value in sorted(body.items(), key=lambda item: "_" not in item[0]):
        at = f"/{escape(key)}"
        if at in taken or value is None or content is None or key not in content.declared:
            continue
        rest = {k: v for k, v in body.items() if k != key}
        if next(iter(content.errors(rest)), None) is None:
            rename(body, at, key.replace("_", "-") if "_" in key else key.capitalize())
            return body
    return body


@SCHEMA.body(
    "a required key is in camel case",
    "body_matches_schema",
    "keys_are_spelled_as_declared",
    applies=lambda api: bool(_created(api)),
)
def required_key_in_camel_case(body: JsonObject, context: RequestContext) -> Json:
    at = _created(context.api)
    *_, last = walk(at)
    head, *tail = last.split("_")
    camel = head + "".join(word.capitalize() for word in tail)
    rename(body, at, camel if camel != last else last.capitalize())
    return body


@SCHEMA.body(
    "a text in the result is a number",
    "body_matches_schema",
    applies=lambda api: bool(_texts(api)),
)
def result_as_number(body: JsonObject, context: RequestContext) -> Json:
    for at in _texts(context.api):
        found, value = resolve(body, at)
        if found and isinstance(value, str):
            put(body, at, 1234567)
    return body


def _created(api: Api) -> str:
    return api.profile.times.created if api.profile.times else ""


def _results(api: Api) -> tuple[str, ...]:
    return api.profile.result.at if api.profile.result else ()


def _links(api: Api) -> tuple[str, ...]:
    return api.profile.result.links if api.profile.result else ()


def _reasons(api: Api) -> tuple[str, ...]:
    return api.profile.failure.at if api.profile.failure else ()


def _texts(api: Api) -> tuple[str, ...]:
    proof = api.profile.result.proof if api.profile.result else ()
    return tuple(at for at in proof if forbids(api, at, 1) and not forbids(api, at, "x"))
