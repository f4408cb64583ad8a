"""
Values of the right type in a wrong form.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
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
from jobproof.contract.model.api import Api
from jobproof.contract.model.job import read_time

__all__ = ["FORMATS"]

FORMATS = FaultGroup("F", "format")

_SHAPE = ("body_matches_schema",)
_SCHEME = ("links_use_safe_schemes",)


def _has_uuids(api: Api) -> bool:
    return api.profile.id.shape == "uuid"


def _has_times(api: Api) -> bool:
    return api.profile.times is not None


def _has_written_ends(api: Api) -> bool:
    return has_rfc3339_times(api) and bool(end_times(api))


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
    proves="job_id_keeps_its_case",
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


@FORMATS.body(
    "a link is a script",
    "links_use_safe_schemes",
    applies=has_links,
    proves="links_use_safe_schemes",
)
def link_with_script(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda _: "javascript:alert(document.domain)")


@FORMATS.body(
    "a link leads into the server's own network",
    "links_point_to_public_hosts",
    applies=has_links,
    proves="links_point_to_public_hosts",
)
def link_to_internal_host(body: JsonObject, context: RequestContext) -> Json:
    # Link-local, and where clouds serve credentials: the target of choice of a forged request.
    return edit_links(body, context, lambda text: f"https://169.254.169.254{urlsplit(text).path}")


@FORMATS.body("the id comes without its hyphens", "body_matches_schema", applies=_has_uuids)
def id_without_hyphens(body: JsonObject, context: RequestContext) -> Json:
    return _edit_id(body, context, lambda text: text.replace("-", ""))


@FORMATS.body("the id comes in braces", "body_matches_schema", "job_id_is_echoed")
def id_in_braces(body: JsonObject, context: RequestContext) -> Json:
    return _edit_id(body, context, lambda text: "{" + text + "}")


@FORMATS.body("the id comes with the name of its table", "body_matches_schema", "job_id_is_echoed")
def id_with_table(body: JsonObject, context: RequestContext) -> Json:
    return _edit_id(body, context, lambda text: f"jobs/{text}")


@FORMATS.body("the creation time is a number in a text", *_SHAPE, applies=_has_times)
def creation_as_digits(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None and context.view is not None:
        put(body, context.profile.times.created, f"{context.view.created:.0f}")
    return body


@FORMATS.body(
    "the creation time is as HTTP writes it", "body_matches_schema", applies=has_rfc3339_times
)
def creation_as_http_date(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None and context.view is not None:
        text = formatdate(context.view.created, usegmt=True)
        put(body, context.profile.times.created, text)
    return body


@FORMATS.body("the creation time is on the 30th of February", *_SHAPE, applies=has_rfc3339_times)
def creation_on_no_day(body: JsonObject, context: RequestContext) -> Json:
    times = context.profile.times
    return edit_time(body, times.created, lambda t: f"{t[:4]}-02-30{t[10:]}") if times else body


@FORMATS.body("the end has the day first", "body_matches_schema", applies=_has_written_ends)
def end_with_day_first(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        edit_time(body, stamp.at, lambda t: f"{t[8:10]}/{t[5:7]}/{t[:4]} {t[11:19]}")
    return body


@FORMATS.body("the end is empty until it comes", "body_matches_schema", applies=_has_written_ends)
def end_empty(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        if pick(body, stamp.at) is None:
            put(body, stamp.at, "")
    return body


@FORMATS.body("the end is a number", "body_matches_schema", applies=_has_written_ends)
def end_as_number(body: JsonObject, context: RequestContext) -> Json:
    for stamp in end_times(context.api):
        moment = read_time(pick(body, stamp.at), stamp.codec)
        if moment is not None:
            put(body, stamp.at, int(moment))
    return body


@FORMATS.body("a link is the name of a place in a bucket", *_SCHEME, applies=has_links)
def link_into_bucket(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: f"s3://renders{urlsplit(text).path}")


@FORMATS.body("a link is a path on the worker's disk", *_SCHEME, applies=has_links)
def link_to_file(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: f"file:///tmp{urlsplit(text).path}")


@FORMATS.body("a link holds the image itself", *_SCHEME, definite=False, applies=has_links)
def link_with_data(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda _: "data:image/png;base64,iVBORw0KGgo=")


@FORMATS.body("a link has no scheme", "body_matches_schema", applies=has_links)
def link_without_scheme(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, lambda text: text.removeprefix("https://"))


def _edit_creation_time(body: JsonObject, context: RequestContext, old: str, new: str) -> Json:
    times = context.profile.times
    if times is None:
        return body
    return edit_time(body, times.created, lambda text: text.replace(old, new))


def _edit_id(body: JsonObject, context: RequestContext, change: Callable[[str], str]) -> Json:
    put(body, context.profile.id.at, change(str(pick(body, context.profile.id.at))))
    return body
