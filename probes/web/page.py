"""
The status page as values: what the template writes down, decided here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from contract.finding import Kind
from contract.profile import Phase
from probes.board import CanaryView, LastAnswer, News
from probes.evidence_store import shelf_of_outcome
from probes.tracker import UNKNOWN, Census
from probes.web.chart import Share, share_bar, strip, tone_of
from probes.web.faces import CanaryFace, Control, Evidences, TargetFace, Wall
from probes.web.wording import age_text, clock_text, outcome_text, seconds_text

__all__ = ["CanaryRow", "Chip", "NewsItem", "Page", "TargetCard", "make_page"]

_MOST_NEWS = 40
_MOST_CARDS = 24
_MOST_CHIPS = 1_000
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
class Chip:
    """
    A target of which only the name fits.
    """

    name: str
    tone: str


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
        cards: Of many targets, those in trouble.
        chips: The others; `more_targets` don't even fit there.
        more_news: Findings that didn't fit.
    """

    headline: str
    detail: str
    tone: str
    troubles: int
    at: str
    cards: tuple[TargetCard, ...]
    chips: tuple[Chip, ...]
    more_targets: int
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
    tones = {target.name: _tones(target, board, now) for target in targets}
    worst = {name: "bad" if name in broken_at else _worst(tones[name]) for name in tones}
    shown, rest = _split(targets, worst)
    cards = tuple(
        _card(target, board, evidence, control.census(target.name), worst[target.name], now)
        for target in shown
    )
    told.sort(key=lambda news: (_is_current(news, now), news.last_at), reverse=True)
    items = tuple(_item(news, evidence, promises, now) for news in told[:_MOST_NEWS])
    broken = sum(_is_current(news, now) for news in told)
    counted = Counter(tone for each in tones.values() for tone in each)
    tone, headline, detail = _headline(len(targets), counted, broken, control.lag_in_intervals())
    troubled = {name for name, worst_tone in worst.items() if _wrong({worst_tone: 1})}
    if troubled:
        detail = f"at {_names(troubled)} · {detail}"
    return Page(
        headline=headline,
        detail=detail,
        tone=tone,
        troubles=broken + _wrong(counted),
        at=clock_text(now),
        cards=cards,
        chips=tuple(Chip(target.name, worst[target.name]) for target in rest[:_MOST_CHIPS]),
        more_targets=max(0, len(rest) - _MOST_CHIPS),
        news=items,
        more_news=max(0, len(told) - _MOST_NEWS),
    )


def _tones(target: TargetFace, board: Wall, now: float) -> list[str]:
    lasts = ((canary, board.last(target.name, canary.name)) for canary in target.canaries)
    return [_tone(canary, last, now) for canary, last in lasts]


def _tone(canary: CanaryFace, last: LastAnswer | None, now: float) -> str:
    if last is None:
        return "idle"
    patience_s = 3 * canary.interval_s + canary.timeout_s if canary.interval_s else math.inf
    stale = last.outcome.success and now - last.at > patience_s
    return "stale" if stale else tone_of(last.outcome)


def _worst(tones: Iterable[str]) -> str:
    asked = [tone for tone in tones if tone != "idle"]
    return max(asked, key=lambda tone: _TONES[tone], default="idle")


def _wrong(counted: Mapping[str, int]) -> int:
    return sum(counted.get(tone, 0) for tone in ("bad", "silent", "odd", "stale"))


def _split(
    targets: Sequence[TargetFace], worst: Mapping[str, str]
) -> tuple[Sequence[TargetFace], Sequence[TargetFace]]:
    """
    The targets to be drawn in full, and those of which only the name is shown.
    """
    if len(targets) <= _MOST_CARDS:
        return targets, ()
    ordered = sorted(targets, key=lambda target: -_TONES[worst[target.name]])
    return ordered[:_MOST_CARDS], ordered[_MOST_CARDS:]


def _headline(
    targets: int, counted: Mapping[str, int], broken: int, lag: float
) -> tuple[str, str, str]:
    canaries, wrong = sum(counted.values()), _wrong(counted)
    scope = f"{_count(targets, 'target')}, {_count(canaries, 'canary', 'canaries')}"
    amiss = f"{_count(wrong, 'canary', 'canaries')} not as it should be"
    if lag >= 2:
        return "bad", "Asking late", f"the schedule is {lag:.1f} intervals behind · {scope}"
    if broken:
        detail = f"{amiss} · {scope}" if wrong else scope
        return "bad", f"{_count(broken, 'promise')} broken", detail
    if wrong:
        tone = _worst(counted)
        return "odd" if tone == "stale" else tone, amiss, scope
    if counted.get("idle", 0) == canaries:
        return "idle", "Waiting for the first answers", scope
    return "ok", "All promises kept", scope


def _card(
    target: TargetFace,
    board: Wall,
    evidence: Evidences,
    census: Census | None,
    tone: str,
    now: float,
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
        tone=tone,
        rows=rows,
        jobs=share_bar(shares),
        legend=legend,
        jobs_seen=sum(item.count for item in legend),
        followed=sum(census.by_status.values()) if census is not None else None,
        stuck=census.stuck if census is not None else 0,
        oldest=age_text(oldest) if oldest is not None else None,
        objective=seconds_text(target.latency_s) if target.latency_s is not None else None,
    )


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
    tone = _tone(canary, last, now)
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
