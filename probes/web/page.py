"""
The status page as values: what the template writes down, decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from contract.finding import Kind
from contract.profile import Phase
from probes.board import CanaryView, News
from probes.evidence_store import shelf_of_outcome
from probes.tracker import UNKNOWN, Census
from probes.web.chart import Share, share_bar, strip, tone_of
from probes.web.faces import CanaryFace, Control, Evidences, TargetFace, Wall
from probes.web.wording import age_text, clock_text, outcome_text, seconds_text

__all__ = ["CanaryRow", "NewsItem", "Page", "TargetCard", "make_page"]

_MOST_NEWS = 40
_FRESH_S = 900.0
_FOLLOWED = "followed"
_BY_PHASE = {
    Phase.PENDING: "#5b8def",
    Phase.SUCCEEDED: "#3f9c5a",
    Phase.FAILED: "#d64550",
    Phase.CANCELLED: "#d9822b",
}
_UNKNOWN_COLOUR = "#a352cc"
_TONES = {"bad": 4, "silent": 3, "odd": 2, "stale": 1, "idle": 0, "ok": 0}
_KINDS = {
    Kind.VIOLATION: "broken",
    Kind.GAP: "undocumented",
    Kind.DRIFT: "new",
    Kind.INCONCLUSIVE: "unclear",
}


@dataclass(frozen=True, slots=True)
class CanaryRow:
    """
    One canary: what it last saw, and how it went lately.
    """

    name: str
    tone: str
    word: str
    code: str
    latency: str
    age: str
    at: str
    fine: str
    detail: str
    strip: Markup
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Legend:
    """
    One status in the distribution of jobs.
    """

    word: str
    count: int
    colour: str
    meaning: str


@dataclass(frozen=True, slots=True)
class TargetCard:
    """
    One target.
    """

    name: str
    title: str
    url: str
    tone: str
    rows: tuple[CanaryRow, ...]
    jobs: Markup
    legend: tuple[Legend, ...]
    jobs_seen: int
    followed: int | None
    stuck: int
    oldest: str | None
    objective: str | None


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
    fresh: bool
    evidence: str | None
    curl: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """
    Everything on the status page.

    Attributes:
        headline: The state of things, in one sentence.
        more_news: Findings that didn't fit.
    """

    headline: str
    detail: str
    tone: str
    troubles: int
    at: str
    cards: tuple[TargetCard, ...]
    news: tuple[NewsItem, ...]
    more_news: int


def make_page(
    control: Control,
    board: Wall,
    evidence: Evidences,
    promises: Mapping[str, str],
    *,
    now: float,
) -> Page:
    """
    The page as it stands at `now`, Unix seconds.

    Args:
        promises: What each check promises, by its id.
    """
    targets = control.targets()
    names = {target.name for target in targets}
    told = [news for news in board.news() if news.target in names]
    broken_at = {news.target for news in told if _is_current(news, now)}
    cards = tuple(
        _card(
            target,
            board,
            evidence,
            control.census(target.name),
            now,
            broken=target.name in broken_at,
        )
        for target in targets
    )
    told.sort(key=lambda news: (_is_current(news, now), news.last_at), reverse=True)
    items = tuple(_item(news, evidence, promises, now) for news in told[:_MOST_NEWS])
    broken = sum(_is_current(news, now) for news in told)
    wrong = sum(row.tone in ("bad", "silent", "odd", "stale") for c in cards for row in c.rows)
    lag = control.lag_in_intervals()
    tone, headline, detail = _headline(cards, broken, wrong, lag)
    if broken:
        detail = f"at {_names(broken_at)} · {detail}"
    return Page(
        headline=headline,
        detail=detail,
        tone=tone,
        troubles=broken + wrong,
        at=clock_text(now),
        cards=cards,
        news=items,
        more_news=max(0, len(told) - _MOST_NEWS),
    )


def _headline(
    cards: Sequence[TargetCard], broken: int, wrong: int, lag: float
) -> tuple[str, str, str]:
    rows = [row for card in cards for row in card.rows]
    asked = sum(row.tone != "idle" for row in rows)
    scope = f"{_count(len(cards), 'target')}, {_count(len(rows), 'canary', 'canaries')}"
    if lag >= 2:
        return "bad", "Asking late", f"the schedule is {lag:.1f} intervals behind · {scope}"
    if broken:
        last = f"{_count(wrong, 'canary', 'canaries')} not as it should be · " if wrong else ""
        return "bad", f"{_count(broken, 'promise')} broken", f"{last}{scope}"
    if wrong:
        worst = max((row.tone for row in rows), key=lambda tone: _TONES[tone])
        tone = "odd" if worst == "stale" else worst
        names = f"{_count(wrong, 'canary', 'canaries')} of {len(rows)}"
        return tone, f"{names} not as it should be", scope
    if not asked:
        return "idle", "Waiting for the first answers", scope
    return "ok", "All promises kept", scope


def _card(
    target: TargetFace,
    board: Wall,
    evidence: Evidences,
    census: Census | None,
    now: float,
    *,
    broken: bool,
) -> TargetCard:
    rows = tuple(
        _row(target, canary, board.canary(target.name, canary.name), evidence, now)
        for canary in target.canaries
    )
    seen = dict(board.jobs(target.name))
    legend = _legend(target, seen)
    shares = [Share(item.word, item.count, item.colour) for item in legend]
    oldest = census.oldest_pending_s if census is not None else None
    return TargetCard(
        name=target.name,
        title=target.title,
        url=target.url,
        tone=_worst(rows, broken=broken),
        rows=rows,
        jobs=share_bar(shares),
        legend=legend,
        jobs_seen=sum(item.count for item in legend),
        followed=sum(census.by_status.values()) if census is not None else None,
        stuck=census.stuck if census is not None else 0,
        oldest=age_text(oldest) if oldest is not None else None,
        objective=seconds_text(target.latency_s) if target.latency_s is not None else None,
    )


def _worst(rows: Sequence[CanaryRow], *, broken: bool) -> str:
    tones = [row.tone for row in rows if row.tone != "idle"]
    worst = max(tones, key=lambda tone: _TONES[tone], default="idle")
    return "bad" if broken else worst


def _row(
    target: TargetFace,
    canary: CanaryFace,
    view: CanaryView | None,
    evidence: Evidences,
    now: float,
) -> CanaryRow:
    if view is None:
        nothing = Markup("")
        return CanaryRow(
            canary.name, "idle", "not asked yet", "", "", "", "", "", "", nothing, None
        )
    last = view.last
    age_s = now - last.at
    stale = canary.interval_s is not None and age_s > 3 * canary.interval_s + canary.timeout_s
    tone = "stale" if stale and last.outcome.success else tone_of(last.outcome)
    shelf = shelf_of_outcome(target.name, canary.name, last.outcome)
    status = f"job is {last.job_status}" if last.job_status is not None else ""
    return CanaryRow(
        name=canary.name,
        tone=tone,
        word="no answer lately" if tone == "stale" else outcome_text(last.outcome),
        code=str(last.code) if last.code is not None else "—",
        latency=seconds_text(last.duration_s),
        age=f"{age_text(age_s)} ago",
        at=clock_text(last.at),
        fine=_percent(view.fine, view.asked),
        detail=last.detail or status,
        strip=strip(view.points, objective_s=target.latency_s),
        evidence=None if last.outcome.success else evidence.latest_for(shelf),
    )


def _legend(target: TargetFace, seen: Mapping[str, int]) -> tuple[Legend, ...]:
    found = [
        Legend(word, seen[word], status.colour or _BY_PHASE[status.phase], status.meaning)
        for word, status in target.statuses.items()
        if seen.get(word)
    ]
    strange = sum(count for word, count in seen.items() if word not in target.statuses)
    if strange:
        meaning = "a status that the profile doesn't have"
        found.append(Legend(UNKNOWN, strange, _UNKNOWN_COLOUR, meaning))
    return tuple(found)


def _item(news: News, evidence: Evidences, promises: Mapping[str, str], now: float) -> NewsItem:
    kept = evidence.latest_for(news.shelf)
    file = evidence.get(kept) if kept is not None else None
    current = _is_current(news, now)
    tone = {Kind.VIOLATION: "bad" if current else "past", Kind.INCONCLUSIVE: "idle"}
    return NewsItem(
        tone="idle" if news.accepted else tone.get(news.kind, "info"),
        word=_word(news, current=current),
        news=news,
        promise=promises.get(news.check, news.check.replace("_", " ")),
        times=_count(news.count, "time"),
        last=f"{age_text(now - news.last_at)} ago",
        last_at=clock_text(news.last_at),
        first_at=clock_text(news.first_at),
        fresh=current,
        evidence=kept if file is not None else None,
        curl=file.curl if file is not None else None,
    )


def _word(news: News, *, current: bool) -> str:
    if news.accepted is not None:
        return "accepted"
    return "was broken" if news.kind is Kind.VIOLATION and not current else _KINDS[news.kind]


def _is_current(news: News, now: float) -> bool:
    broken = news.kind is Kind.VIOLATION and news.accepted is None
    return broken and now - news.last_at <= _FRESH_S


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more


def _percent(part: int, whole: int) -> str:
    if part == whole:
        return "100 %"
    # Never rounded up to a whole: 99.999 % of a million is ten failures.
    return f"{int(10_000 * part / whole) / 100:g} %"


def _count(number: int, name: str, plural: str | None = None) -> str:
    return f"{number:,} {name if number == 1 else plural or name + 's'}".replace(",", "\u202f")
