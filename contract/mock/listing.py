"""
The sibling operation that lists one tenant's jobs.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from jobproof.contract.mock.jobs.life import View
from jobproof.contract.mock.jobs.script import Listed
from jobproof.contract.mock.jobs.template import write_time
from jobproof.contract.mock.places import put
from jobproof.contract.mock.turn import Turn

__all__ = ["BadQuery", "page_of_jobs"]


class BadQuery(ValueError):
    """
    A parameter of the listing that can't be meant.
    """


def page_of_jobs(turn: Turn) -> Any:
    """
    One page, newest job first. Looking at a list is no poll.

    Raises:
        BadQuery: An unknown status, or a limit that is none.
    """
    listing = turn.profile.listing
    if listing is None:
        raise BadQuery("this API has no listing")
    query = parse_qs(turn.ask.query, encoding="utf-8", errors="replace")
    views = _views(turn, _status(turn, query, listing.status_parameter))
    cursor = query.get(listing.cursor_parameter, [""])[-1]
    if cursor:
        views = _after(turn, views, cursor)
    limit = _limit(query, listing.limit_parameter, turn.script.listing)
    page, rest = views[:limit], views[limit:]
    body: Any = dict(turn.script.listing.body)
    codec = turn.codec
    items = [view.body(turn.script, codec) for view in page]
    put(body, listing.items, items)
    if listing.cursor is not None:
        put(body, listing.cursor, _key(turn, page[-1]) if rest else None)
    if turn.script.listing.more is not None:
        put(body, turn.script.listing.more, bool(rest))
    return body


def _views(turn: Turn, status: str | None) -> list[View]:
    views = [job.peek(turn.now) for job in turn.roll.of(turn.caller)]
    views = [view for view in views if status is None or view.status == status]
    return sorted(views, key=lambda view: view.created, reverse=True)


def _status(turn: Turn, query: dict[str, list[str]], parameter: str | None) -> str | None:
    status = query.get(parameter, [""])[-1] if parameter else ""
    if status and status not in turn.profile.status.words:
        raise BadQuery(f"unknown status {status!r}")
    return status or None


def _limit(query: dict[str, list[str]], parameter: str | None, listed: Listed) -> int:
    text = query.get(parameter, [""])[-1] if parameter else ""
    if not text:
        return listed.limit
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= listed.maximum:
        raise BadQuery(f"limit must be 1 to {listed.maximum}")
    return int(text)


def _after(turn: Turn, views: list[View], cursor: str) -> list[View]:
    keys = [_key(turn, view) for view in views]
    if turn.script.listing.cursor == "created":
        return [view for view, key in zip(views, keys, strict=True) if key < cursor]
    return views[keys.index(cursor) + 1 :] if cursor in keys else []


def _key(turn: Turn, view: View) -> str:
    if turn.script.listing.cursor == "created" and turn.profile.times is not None:
        return str(write_time(view.created, turn.profile.times.codec))
    return view.id
