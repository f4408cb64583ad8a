"""
One finding as the status page shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobproof.contract.model.finding import Kind
from jobproof.probes.web.faces import Evidences
from jobproof.probes.web.pages.standing import is_broken, is_current
from jobproof.probes.web.pages.wording import age_text, clock_text, count_text
from jobproof.probes.web.recent_results import News

__all__ = ["NewsItem", "make_item"]

_KINDS = {
    Kind.VIOLATION: ("odd", "suspect"),
    Kind.GAP: ("info", "undocumented"),
    Kind.DRIFT: ("info", "new"),
    Kind.INCONCLUSIVE: ("idle", "unclear"),
}


@dataclass(frozen=True, slots=True)
class NewsItem:
    """
    One finding: the promise, where it is written, what was seen.
    """

    tone: str
    word: str
    news: News
    promise: str
    times: str
    last: str
    last_at: str
    first_at: str
    evidence: str | None
    curl: str | None


def make_item(news: News, evidence: Evidences, promises: Mapping[str, str], now: float) -> NewsItem:
    """
    The news with its promise and with what is kept of it.
    """
    kept = evidence.latest_for(news.shelf)
    file = evidence.get(kept) if kept is not None else None
    current = is_current(news, now)
    tone, word = _say(news, current=current)
    return NewsItem(
        tone=tone,
        word=word,
        news=news,
        promise=promises.get(news.check, news.check.replace("_", " ")),
        times=count_text(news.count, "time"),
        last=f"{age_text(now - news.last_at)} ago",
        last_at=clock_text(news.last_at),
        first_at=clock_text(news.first_at),
        evidence=kept if file is not None else None,
        curl=file.curl if file is not None else None,
    )


def _say(news: News, *, current: bool) -> tuple[str, str]:
    """
    Its colour and its word.
    """
    if news.accepted is not None:
        return "idle", "accepted"
    if is_broken(news):
        return ("bad", "broken") if current else ("past", "was broken")
    return _KINDS[news.kind]
