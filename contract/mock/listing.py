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
    A parameter of the listing has a value that it can't have.
    """


def page_of_jobs(context: RequestContext) -> Json:
    """
    One page, newest job first; a listing moves no job on.

    Raises:
        BadQuery: An unknown status, or a limit that is out of range.
    """
    listing = context.profile.listing
    if listing is None:
        raise BadQuery("this API has no listing")
    # Foreign bytes: what isn't UTF-8 becomes a value that no parameter has.
    query = parse_qs(context.request.query, encoding="utf-8", errors="replace")
    views = _views(context, _status(context, query, listing.status_parameter))
    cursor = query.get(listing.cursor_parameter, [""])[-1]
    if cursor:
        views = _after(context, views, cursor)
    limit = _limit(query, listing.limit_parameter, context.script.listing)
    page, rest = views[:limit], views[limit:]
    body: JsonObject = dict(context.script.listing.body)
    items = [view.body(context.script, context.codec) for view in page]
    put(body, listing.items, items)
    if listing.cursor is not None:
        put(body, listing.cursor, _cursor_of(context, page[-1]) if rest else None)
    if context.script.listing.more is not None:
        put(body, context.script.listing.more, bool(rest))
    return body


def _views(context: RequestContext, status: str | None) -> list[JobView]:
    views = [job.peek(context.now) for job in context.job_store.owned_by(context.caller)]
    views = [view for view in views if status is None or view.status == status]
    return sorted(views, key=lambda view: view.created, reverse=True)


def _status(
    context: RequestContext, query: dict[str, list[str]], parameter: str | None
) -> str | None:
    status = query.get(parameter, [""])[-1] if parameter else ""
    if status and status not in context.profile.status.words:
        raise BadQuery(f"unknown status {status!r}")
    return status or None


def _limit(query: dict[str, list[str]], parameter: str | None, script: ListingAnswer) -> int:
    text = query.get(parameter, [""])[-1] if parameter else ""
    if not text:
        return script.limit
    # read_digits clips at `most`: one above the maximum tells a larger number apart.
    limit = read_digits(text, most=script.maximum + 1)
    if limit is None or not 1 <= limit <= script.maximum:
        raise BadQuery(f"limit must be 1 to {script.maximum}")
    return limit


def _after(context: RequestContext, views: list[JobView], cursor: str) -> list[JobView]:
    cursors = [_cursor_of(context, view) for view in views]
    if context.script.listing.cursor == "created":
        # "Created before": holds even when the job of the cursor has left the list. Times
        # of one form sort as text.
        return [view for view, own in zip(views, cursors, strict=True) if own < cursor]
    return views[cursors.index(cursor) + 1 :] if cursor in cursors else []


def _cursor_of(context: RequestContext, view: JobView) -> str:
    if context.script.listing.cursor == "created" and context.profile.times is not None:
        return str(write_time(view.created, context.profile.times.codec))
    return view.id
