"""
Servers whose jobs live, and show their results, in ways that are unusual and all correct.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import Behaviour, Hook, RequestContext, every_api
from jobproof.contract.mock.body_edits import (
    edit_links,
    forbids,
    has_links,
    phase_of,
    put,
    shift_time,
    shift_times,
)
from jobproof.contract.mock.jobs.life import JobView
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Phase

__all__ = ["LIFE_VARIANTS", "has_times", "right"]

LIFE_VARIANTS: list[Behaviour] = []

_DAY_S = 86_400.0


def right(
    hook: Hook, summary: str, applies: Callable[[Api], bool] = every_api, *, why: str
) -> Callable[[Any], Any]:
    """
    A decorator that keeps a correct variant; `why` says where it stands that it is one.
    """

    def keep(run: Any) -> Any:
        LIFE_VARIANTS.append(Behaviour(run.__name__, summary, hook, run, applies, why))
        return run

    return keep


def has_times(api: Api) -> bool:
    return api.profile.times is not None


def _has_free_reason(api: Api) -> bool:
    failure = api.profile.failure
    return failure is not None and not forbids(api, failure.at[0], {"code": "x", "message": "y"})


def _tolerates_moves(api: Api) -> bool:
    return any(move.verdict == "tolerated" for move in api.profile.status.moves)


# How a job lives.


@right(
    Hook.VIEW,
    "a job goes from its first status straight to its end",
    why="nobody promises that each status is seen: a poll may come between two",
)
def straight_to_the_end(view: JobView, context: RequestContext) -> JobView:
    if context.api.lifecycle.is_terminal(view.status):
        return view
    return replace(view, history=view.history[:1], extra={})


@right(
    Hook.VIEW,
    "the order of two neighbouring statuses isn't kept",
    _tolerates_moves,
    why="profile.yaml: status.moves tolerates it",
)
def neighbours_in_any_order(view: JobView, context: RequestContext) -> JobView:
    for move in context.profile.status.moves:
        if move.verdict == "tolerated" and view.status in move.before:
            if context.occurrence(f"{view.id} {view.status}") % 2 == 0:
                return replace(view, history=(*view.history, (move.after[0], view.history[-1][1])))
    return view


@right(
    Hook.BODY,
    "jobs have waited for five hours when they are first seen",
    has_times,
    why="profile.yaml: status.limits count from the start of the work",
)
def waits_for_hours(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.times is not None:
        shift_time(body, context, context.profile.times.created, -5 * 3600.0)
    return body


@right(
    Hook.BODY,
    "jobs that ended long ago did so years ago",
    has_times,
    why="nobody says when a job is forgotten",
)
def years_old(body: JsonObject, context: RequestContext) -> Json:
    if context.view is None or context.now - context.view.created < _DAY_S:
        return body
    return shift_times(body, context, -7 * 365 * _DAY_S)


@right(
    Hook.BODY, "a cancelled job says why", _has_free_reason, why="profile.yaml: failure.allowed_in"
)
def cancellation_with_reason(body: JsonObject, context: RequestContext) -> Json:
    failure = context.profile.failure
    if failure is not None and phase_of(context) is Phase.CANCELLED:
        put(body, failure.at[0], {"code": "cancelled_by_user", "message": "Cancelled."})
    return body


@right(
    Hook.BODY,
    "the reason of a failure is a code without words",
    _has_free_reason,
    why="the document: what else a reason has is optional",
)
def reason_in_a_code(body: JsonObject, context: RequestContext) -> Json:
    return _with_reason(body, context, {"code": "E1"})


@right(
    Hook.BODY,
    "the reason of a failure has words and an empty code",
    _has_free_reason,
    why="the document: a code is a text, and an empty one is a text",
)
def reason_in_words(body: JsonObject, context: RequestContext) -> Json:
    return _with_reason(body, context, {"code": "", "message": "The worker was lost."})


@right(
    Hook.BODY,
    "the reason of a failure is in other scripts, and long",
    _has_free_reason,
    why="RFC 8259 7: any character but a few may stand in a text as it is",
)
def reason_in_other_scripts(body: JsonObject, context: RequestContext) -> Json:
    words = "\u062e\u0637\u0623 \u5931\u6557 \U0001f4a5 \u2028 " * 500
    return _with_reason(body, context, {"code": "E2", "message": words})


@right(
    Hook.BODY,
    "a job that failed shows what it had made by then",
    has_links,
    why="the document: the result is optional in every status",
)
def failure_with_partial_result(body: JsonObject, context: RequestContext) -> Json:
    if context.profile.result is not None and phase_of(context) is Phase.FAILED:
        put(body, context.profile.result.links[0], ["https://files.example.com/part-1.png"])
    return body


@right(
    Hook.BODY,
    "an ended job has a count of its views, and says when it was asked for",
    why="the document: other keys are not ruled out, and nobody says that they stay",
)
def counts_views(body: JsonObject, context: RequestContext) -> Json:
    body["views"] = context.occurrence(context.job_id or "")
    body["asked_at"] = datetime.fromtimestamp(context.now, UTC).isoformat()
    return body


# How its result is written.


@right(
    Hook.BODY,
    "links are signed anew at each poll",
    has_links,
    why="a signature is no part of what a link leads to",
)
def links_signed_anew(body: JsonObject, context: RequestContext) -> Json:
    number = context.occurrence(context.job_id or "")
    signed = f"{datetime.fromtimestamp(context.now, UTC):%Y%m%dT%H%M%SZ}"
    query = f"X-Amz-Date={signed}&X-Amz-Expires=3600&X-Amz-Signature={number:064x}"
    return edit_links(body, context, lambda text: f"{text}?{query}")


@right(
    Hook.BODY,
    "links were signed once, for ten minutes from the end on",
    has_links,
    why="nobody promises that a link lasts",
)
def links_signed_once(body: JsonObject, context: RequestContext) -> Json:
    if context.view is None:
        return body
    until = context.view.history[-1][1] + 600
    return edit_links(body, context, lambda text: f"{text}?Expires={until:.0f}&Signature=0a1b2c")


@right(
    Hook.BODY,
    "links are in another order at every second poll",
    has_links,
    why="nobody promises an order of links",
)
def links_in_any_order(body: JsonObject, context: RequestContext) -> Json:
    turned = context.view is not None and context.view.polls % 2 == 0
    for at in context.profile.result.links if context.profile.result and turned else ():
        links = pick(body, at)
        if isinstance(links, list):
            put(body, at, links[::-1])
    return body


@right(
    Hook.BODY,
    "files come from either of two hosts",
    has_links,
    why="nobody promises which host has a file",
)
def links_by_two_hosts(body: JsonObject, context: RequestContext) -> Json:
    number = context.view.polls % 2 if context.view is not None else 0
    return edit_links(
        body, context, lambda text: f"https://cdn-{number}.example.com{urlsplit(text).path}"
    )


@right(
    Hook.BODY,
    "links have a port, a query, a fragment and escapes",
    has_links,
    why="RFC 3986 3: a URI may have a port, a query, a fragment and escapes",
)
def links_in_full_dress(body: JsonObject, context: RequestContext) -> Json:
    return edit_links(body, context, _in_full_dress)


@right(
    Hook.BODY,
    "a link is there twice",
    has_links,
    why="the document: items of the list need not be unique",
)
def link_twice(body: JsonObject, context: RequestContext) -> Json:
    for at in context.profile.result.links if context.profile.result else ():
        links = pick(body, at)
        if isinstance(links, list) and links:
            # The same one in whatever order they come.
            put(body, at, [*links, min(links)])
    return body


def _with_reason(body: JsonObject, context: RequestContext, reason: JsonObject) -> Json:
    if context.profile.failure is not None and phase_of(context) is Phase.FAILED:
        put(body, context.profile.failure.at[0], reason)
    return body


def _in_full_dress(text: str) -> str:
    parts = urlsplit(text)
    return f"HTTPS://{parts.netloc}:443{parts.path}?name=a%20b&v=2#t=10"
