"""
How recorders say that an entry isn't the server's answer to a client: what each of them writes.
"""

from __future__ import annotations

from jobproof.contract.formats.headers import header_value
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.recordings.har.fields import header_pairs, member, number, text
from jobproof.contract.recordings.recorded import SkipReason

__all__ = ["is_own", "is_said", "skip_reason"]

_BROWSERS_OWN = frozenset(
    {"document", "preflight", "websocket", "webtransport", "csp-violation-report", "eventsource"}
    | {"cspviolationreport", "signed-exchange", "signedexchange", "ping", "beacon"}
)
"""`_resourceType` as Chrome's DevTools and Playwright write it, of what no script has fetched."""

_BY_BROWSER = ("_initiator", "_priority", "_resourceType", "_securityState")
"""Only browsers write these; theirs is a cache where HAR's `bodySize` is 0."""

_CACHE_MARKS = (
    "_fromCache",  # Chrome: "memory", "disk" or "prefetch"; others: true
    "_fromDiskCache",
    "_fromMemoryCache",
    "_fetchedViaServiceWorker",  # Chrome
    "_fromServiceWorker",
    "_servedFromCache",
    "__servedFromCache",  # chrome-har
    "_wasFulfilled",  # Playwright: a test's own answer
)


def is_own(entry: JsonDocument) -> bool:
    """
    Whether we wrote the entry: nothing in it is a browser's.
    """
    return bool(member(entry, "_jobproof"))


def is_said(value: object) -> bool:
    """
    Whether a recorder's flag is set, also one that is written as text.
    """
    return bool(value) and str(value).lower() not in ("false", "none", "network", "no")


def skip_reason(entry: JsonDocument) -> SkipReason | None:
    """
    Why the entry says nothing of the server; None where it does.
    """
    if _is_browsers_own(entry):
        return SkipReason.NOT_FETCHED
    if _is_unanswered(entry):
        return SkipReason.NO_ANSWER
    if _is_from_cache(entry):
        return SkipReason.FROM_CACHE
    return None


def _is_browsers_own(entry: JsonDocument) -> bool:
    asked, answered = member(entry, "request"), member(entry, "response")
    if text(entry.get("_resourceType")).lower() in _BROWSERS_OWN:
        return True
    is_socket = text(asked.get("url")).lower().startswith(("ws:", "wss:"))
    is_socket = is_socket or number(answered.get("status")) == 101
    if is_socket or entry.get("_webSocketMessages") is not None:
        return True
    headers, _ = header_pairs(asked.get("headers"))
    accepted = text(header_value(headers, "accept")).lower().replace(" ", "")
    # Asked for alone, a stream of events is another representation than a job.
    if accepted == "text/event-stream":
        return True
    if text(asked.get("method")).upper() == "OPTIONS":
        return header_value(headers, "access-control-request-method") is not None
    mode = text(header_value(headers, "sec-fetch-mode")).lower()
    destination = text(header_value(headers, "sec-fetch-dest")).lower()
    if mode or destination:
        return mode in ("navigate", "websocket") or destination in ("document", "iframe", "frame")
    # Without them, only what a browser sends for a page and no script asks for.
    if accepted.startswith("text/html,application/xhtml+xml"):
        return True
    upgrades = header_value(headers, "upgrade-insecure-requests") is not None
    return upgrades and accepted.startswith("text/html")


def _is_unanswered(entry: JsonDocument) -> bool:
    if entry.get("response") is None:
        return True
    response = member(entry, "response")
    status = number(response.get("status"))
    if status is not None and status < 100:
        return True
    if text(response.get("_charlesStatus")).upper() not in ("", "COMPLETE"):
        return True
    # Fiddler answers in place of a server that it can't reach.
    if text(response.get("statusText")).startswith("Fiddler - "):
        return True
    names = ("_error", "_failureText", "_wasAborted")
    return any(part.get(name) for part in (entry, response) for name in names)


def _is_from_cache(entry: JsonDocument) -> bool:
    response = member(entry, "response")
    if any(is_said(part.get(name)) for part in (entry, response) for name in _CACHE_MARKS):
        return True
    source = text(entry.get("_fetchType")).lower()  # Safari
    # A 304 is the server's own word; only the text beside it is the browser's.
    if number(response.get("status")) == 304 or source == "network load":
        return False
    if source.endswith(("cache", "service worker", "override")):
        return True
    cache = member(entry, "cache")
    # Firefox and Firebug write this one alone, and only then, null where they know no more. An
    # object there may be what was stored after an answer of the server.
    if "afterRequest" in cache and cache["afterRequest"] is None and "beforeRequest" not in cache:
        return True
    if cache.get("afterRequest") and "_securityState" in entry:
        return True
    # chrome-har, so browsertime; of others it may be what was there before the server was asked.
    if cache.get("beforeRequest") and not (number(response.get("bodySize")) or 0) > 0:
        return True
    return _is_nothing_received(entry)


def _is_nothing_received(entry: JsonDocument) -> bool:
    """
    Whether there is content, and a browser counts no byte of it as received.
    """
    response = member(entry, "response")
    content = member(response, "content")
    size = number(content.get("size")) or 0
    if size <= 0:
        return False
    transferred = number(response.get("_transferSize"))
    if transferred == 0:
        return True
    # Where HTTP/2 packs headers, a browser that takes their full size from what came finds
    # nothing left for a body.
    if 0 < (transferred or 0) < (number(response.get("headersSize")) or 0):
        return False
    # HAR 1.2: 0 in case of responses coming from the cache. Playwright then counts the whole
    # size as saved by compression; Chrome leaves that out.
    is_by_browser = any(name in entry for name in _BY_BROWSER)
    is_saved = number(content.get("compression")) == size
    return number(response.get("bodySize")) == 0 and (is_saved or is_by_browser)
