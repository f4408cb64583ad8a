"""
The sibling operation that lists one tenant's jobs.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from jobproof.contract.formats.digits import read_digits
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.mock.behaviour import RequestContext
from jobproof.contract.mock.body_edits import put
from jobproof.contract.mock.jobs.life import JobView
from jobproof.contract.mock.jobs.script import ListingAnswer
from jobproof.contract.mock.jobs.template import write_time

__all__ = ["BadQuery", "page_of_jobs"]


class BadQuery(ValueError):
    """
    A parameter of the listing that can't be meant.
    """


def page_of_jobs(context: RequestContext) -> Json:
    """
    One page, newest job first. Looking at a list is no poll.

    Raises:
        BadQuery: An unknown status, or a limit that is none.
    """
    listing = context.profile.listing
    if listing is None:
        raise BadQuery("this API has no listing")
    query = parse_qs(context.ask.query, encoding="utf-8", errors="replace")
    views = _views(context, _status(context, query, listing.status_parameter))
    cursor = query.get(listing.cursor_parameter, [""])[-1]
    if cursor:
        views = _after(context, views, cursor)
    limit = _limit(query, listing.limit_parameter, context.script.listing)
    page, rest = views[:limit], views[limit:]
    body: JsonObject = dict(context.script.listing.body)
    codec = context.codec
    items = [view.body(context.script, codec) for view in page]
    put(body, listing.items, items)
    if listing.cursor is not None:
        put(body, listing.cursor, _key(context, page[-1]) if rest else None)
    if context.script.listing.more is not None:
        put(body, context.script.listing.more, bool(rest))
    return body


def _views(context: RequestContext, status: str | None) -> list[JobView]:
    views = [job.peek(context.now) for job in context.job_store.of(context.caller)]
    views = [view for view in views if status is None or view.status == status]
    return sorted(views, key=lambda view: view.created, reverse=True)


def _status(
    context: RequestContext, query: dict[str, list[str]], parameter: str | None
) -> str | None:
    status = query.get(parameter, [""])[-1] if parameter else ""
    if status and status not in context.profile.status.words:
        raise BadQuery(f"unknown status {status!r}")
    return status or None


def _limit(query: dict[str, list[str]], parameter: str | None, listed: ListingAnswer) -> int:
    text = query.get(parameter, [""])[-1] if parameter else ""
    if not text:
        return listed.limit
    limit = read_digits(text, most=listed.maximum + 1)
    if limit is None or not 1 <= limit <= listed.maximum:
        raise BadQuery(f"limit must be 1 to {listed.maximum}")
    return limit


def _after(context: RequestContext, views: list[JobView], cursor: str) -> list[JobView]:
    keys = [_key(context, view) for view in views]
    if context.script.listing.cursor == "created":
        return [view for view, key in zip(views, keys, strict=True) if key < cursor]
    return views[keys.index(cursor) + 1 :] if cursor in keys else []


def _key(context: RequestContext, view: JobView) -> str:
    if context.script.listing.cursor == "created" and context.profile.times is not None:
        return str(write_time(view.created, context.profile.times.codec))
    return view.id
