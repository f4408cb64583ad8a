"""
Values of the right type in a wrong form.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    edit_links,
    edit_time,
    end_times,
    has_links,
    has_rfc3339_times,
    put,
)
from jobproof.contract.mock.faults.fault_group import FaultGroup

__all__ = ["FORMATS"]

FORMATS = FaultGroup("F", "format")


@FORMATS.body(
    "the id in the body isn't of the documented form",
    "body_matches_schema",
    "job_id_is_echoed",
)
def id_malformed(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.id.at, f"job-{str(pick(body, context.profile.id.at))[:8]}")
    return body


@FORMATS.body(
    "the id comes back in capitals",
    "job_id_keeps_its_case",
    definite=False,
    applies=lambda api: api.profile.id.any_case,
)
def id_in_capitals(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.id.at, str(pick(body, context.profile.id.at)).upper())
    return body


@FORMATS.body("the creation time has no zone", "body_matches_schema", applies=has_rfc3339_times)
def creation_without_zone(body: JsonObject, context: RequestContext) -> Json:
    return _edit_creation_time(body, context, "Z", "")


@FORMATS.body(
    "the creation time has a space for its T", "body_matches_schema", applies=has_rfc3339_times
)
def creation_with_space(body: JsonObject, context: RequestContext) -> Json:
    return _edit_creation_time(body, context, "T", " ")


@FORMATS.body(
    "the creation time's zone has no colon", "body_matches_schema", applies=has_rfc3339_times
)
def creation_with_basic_offset(body: JsonObject, context: RequestContext) -> Json:
    return _edit_creation_time(body, context, "Z", "+0000")


@FORMATS.body("the end is a date without a time", "body_matches_schema", applies=has_rfc3339_times)
def end_without_time(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        edit_time(body, stamp.at, lambda text: text[:10])
    return body


@FORMATS.body("a link holds spaces", "body_matches_schema", applies=has_links)
def link_with_spaces(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: text[: text.rfind("/")] + "/my result 1.png")


@FORMATS.body("a link is relative", "body_matches_schema", applies=has_links)
def link_relative(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: urlsplit(text).path)


@FORMATS.body("a link is a script", "links_use_safe_schemes", applies=has_links)
def link_with_script(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda _: "javascript:alert(document.domain)")


@FORMATS.body(
    "a link leads into the server's own network", "links_point_to_public_hosts", applies=has_links
)
def link_to_internal_host(body: JsonObject, context: RequestContext) -> Json:
    # Link-local, and where clouds serve credentials: the target of choice of a forged request.
    return edit_links(body, context, lambda text: f"https://169.254.169.254{urlsplit(text).path}")


def _edit_creation_time(body: JsonObject, context: RequestContext, old: str, new: str) -> Json:
    times = context.profile.times
    if times is None:
        return body
    return edit_time(body, times.created, lambda text: text.replace(old, new))
