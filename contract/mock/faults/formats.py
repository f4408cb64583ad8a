"""
Values of the right type in a wrong form.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import (
    ends,
    has_links,
    put,
    relink,
    rewrite_time,
    writes_dates,
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
    applies=lambda api: api.profile.id.case_insensitive,
)
def id_in_capitals(body: JsonObject, context: RequestContext) -> Json:
    put(body, context.profile.id.at, str(pick(body, context.profile.id.at)).upper())
    return body


@FORMATS.body("the creation time has no zone", "body_matches_schema", applies=writes_dates)
def creation_without_zone(body: JsonObject, context: RequestContext) -> Json:
    return _recreate(body, context, "Z", "")


@FORMATS.body(
    "the creation time has a space for its T", "body_matches_schema", applies=writes_dates
)
def creation_with_space(body: JsonObject, context: RequestContext) -> Json:
    return _recreate(body, context, "T", " ")


@FORMATS.body("the creation time's zone has no colon", "body_matches_schema", applies=writes_dates)
def creation_with_basic_offset(body: JsonObject, context: RequestContext) -> Json:
    return _recreate(body, context, "Z", "+0000")


@FORMATS.body("the end is a date without a time", "body_matches_schema", applies=writes_dates)
def end_without_time(body: JsonObject, context: RequestContext) -> Json:
    for stamp in ends(context.api):
        rewrite_time(body, stamp.at, lambda text: text[:10])
    return body


@FORMATS.body("a link holds spaces", "body_matches_schema", applies=has_links)
def link_with_spaces(body: JsonObject, context: RequestContext) -> Json:
    return relink(body, context, lambda text: text[: text.rfind("/")] + "/my result 1.png")


@FORMATS.body("a link is relative", "body_matches_schema", applies=has_links)
def link_relative(body: JsonObject, context: RequestContext) -> Json:
    return relink(body, context, lambda text: urlsplit(text).path)


@FORMATS.body("a link is a script", "links_use_safe_schemes", applies=has_links)
def link_with_script(body: JsonObject, context: RequestContext) -> Json:
    return relink(body, context, lambda _: "javascript:alert(document.domain)")


@FORMATS.body(
    "a link leads into the server's own network", "links_point_to_public_hosts", applies=has_links
)
def link_to_internal_host(body: JsonObject, context: RequestContext) -> Json:
    return relink(body, context, lambda text: f"https://169.254.169.254{urlsplit(text).path}")


def _recreate(body: JsonObject, context: RequestContext, old: str, new: str) -> Json:
    times = context.profile.times
    if times is None:
        return body
    return rewrite_time(body, times.created, lambda text: text.replace(old, new))
