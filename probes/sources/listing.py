"""
Ids out of the sibling operation that lists jobs; where things stand in it is profile data.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.durations import Duration
from jobproof.contract.formats.json_body import read_body
from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import Json
from jobproof.contract.model.asking.values import names_in
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.contract.model.profile import Listing
from jobproof.contract.model.request import build_listing_request
from jobproof.probes.sources.source import FoundIds, SourceContext, SourceOptions, is_job_id

__all__ = ["ListingOptions", "ListingSource"]

# It goes into a URL, and servers refuse request lines beyond about 8,000 bytes.
_LONGEST_CURSOR = 2_000


class ListingOptions(SourceOptions):
    """
    Which jobs of the list to follow.
    """

    statuses: tuple[str, ...] = Field(
        default=(), description="Only jobs in these statuses. Default: all unfinished ones."
    )
    interval: Duration = Field(default=15.0, ge=1.0, description="Time between two pages.")
    page: int = Field(default=100, ge=1, le=1000, description="Jobs a page.")
    pages: int = Field(default=10, ge=1, le=1000, description="Most pages of one status.")


class ListingSource:
    """
    Requests one page at a time: alternately the newest jobs whatever their status, so that
    a job that ends soon isn't missed, and the next page of a sweep through the wanted
    statuses, each as far as the cursor leads, so that an old job isn't either.
    """

    Options: ClassVar[type[SourceOptions]] = ListingOptions

    def __init__(self, options: ListingOptions, context: SourceContext) -> None:
        self.interval_s = options.interval
        self._options = options
        self._around = context
        self._listing = _listing(context)
        self._wanted = _statuses(options, context)
        one_by_one = self._listing.status_parameter is not None
        self._rounds: tuple[str | None, ...] = self._wanted if one_by_one else (None,)
        self._round = 0
        self._page = 0
        self._cursor: str | None = None
        self._newest = len(self._rounds) > 1

    def next_request(self) -> Request | None:
        """
        A GET of the next page, as the owner.
        """
        listing, context = self._listing, self._around
        several = len(self._rounds) > 1
        status = None if self._newest and several else self._rounds[self._round]
        query = {
            listing.limit_parameter: str(self._options.page),
            listing.status_parameter: status,
            listing.cursor_parameter: None if self._newest else self._cursor,
        }
        pairs = [(name, value) for name, value in query.items() if name and value is not None]
        own = {name for name, _ in pairs}
        pairs = [*(pair for pair in context.query if pair[0] not in own), *pairs]
        return build_listing_request(
            context.api, context.base_url, listing.path, pairs, context.headers
        )

    def on_answer(self, exchange: Exchange | None) -> FoundIds:
        """
        The ids on a page that are in a wanted status.
        """
        page, problem = _read(exchange)
        found = pick(page, self._listing.items) if problem is None else None
        items: list[Json] = found if isinstance(found, list) else []
        if problem is None and not isinstance(found, list):
            problem = f"has no list at {self._listing.items}"
        # A page that can't be read isn't tried again: the sweep goes on, and comes back.
        if not self._newest:
            if problem is None:
                self._turn_page(page, empty=not items)
            else:
                self._next_round()
        # A sweep that stands on its only status' first page sees the newest jobs itself.
        self._newest = not self._newest and (len(self._rounds) > 1 or self._page > 0)
        if problem is not None:
            return FoundIds(problem=f"the list of jobs {problem}")
        return FoundIds(tuple(dict.fromkeys(self._ids(items))))

    def _ids(self, items: list[Json]) -> list[str]:
        listing = self._listing
        spelled = self._around.api.profile.id.spelled
        found = ((spelled(pick(item, listing.id)), pick(item, listing.status)) for item in items)
        return [job_id for job_id, status in found if status in self._wanted and is_job_id(job_id)]

    def _turn_page(self, page: Json, *, empty: bool) -> None:
        listing = self._listing
        cursor = pick(page, listing.cursor) if listing.cursor is not None else None
        # A cursor that stands still would read the same page for ever.
        # `True` is an int in Python, and no cursor.
        usable = isinstance(cursor, str | int) and cursor is not True
        short = usable and 0 < len(str(cursor)) <= _LONGEST_CURSOR
        moves = bool(cursor) and short and str(cursor) != self._cursor
        if empty or not moves or self._page + 1 >= self._options.pages:
            self._next_round()
        else:
            self._page += 1
            self._cursor = str(cursor)

    def _next_round(self) -> None:
        self._round = (self._round + 1) % len(self._rounds)
        self._page, self._cursor = 0, None


def _listing(context: SourceContext) -> Listing:
    listing = context.api.profile.listing
    if listing is None:
        raise ConfigError(
            f"target {context.target!r}: the profile of API {context.api.name!r} says nothing of a "
            "list of jobs; follow jobs by source: pushed, file or static"
        )
    missing = [n for n in names_in(listing.path) if n not in context.api.values.path]
    if missing:
        raise ConfigError(
            f"target {context.target!r}: the list of jobs at {listing.path} needs a value for "
            f"{', '.join(missing)}: give it under params"
        )
    return listing


def _statuses(options: ListingOptions, context: SourceContext) -> tuple[str, ...]:
    lifecycle = context.api.lifecycle
    for word in options.statuses:
        if not lifecycle.knows(word):
            raise ConfigError(
                f"target {context.target!r}: follow: unknown status {word!r}. "
                f"{did_you_mean(word, lifecycle.statuses)}"
            )
    unfinished = (word for word in lifecycle.statuses if not lifecycle.is_terminal(word))
    return tuple(dict.fromkeys(options.statuses)) or tuple(unfinished)


def _read(exchange: Exchange | None) -> tuple[Json, str | None]:
    if exchange is None:
        return None, "was not asked for"
    if exchange.failure is not None:
        return None, f"can't be had: {exchange.failure.detail}"
    response = exchange.response
    if response is None or response.code != 200:
        return None, f"is answered with {response.code if response else 'nothing'}"
    body = read_body(response.body or b"")
    return (body.value, None) if body.readable else (None, "isn't JSON")
