"""
The status page as values: what the template writes down, decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobproof.probes.web.faces import Control, Evidences, TargetFace, Wall
from jobproof.probes.web.pages.card import TargetCard, make_card
from jobproof.probes.web.pages.news import NewsItem, make_item
from jobproof.probes.web.pages.standing import SEVERITY, amiss, is_current, standing, worst
from jobproof.probes.web.pages.wording import clock_text, count_text

__all__ = ["Chip", "Page", "make_page"]

_MOST_NEWS = 40

_MOST_CARDS = 24

_MOST_CHIPS = 1_000


@dataclass(frozen=True, slots=True)
class Chip:
    """
    A target of which only the name fits.
    """

    name: str
    tone: str


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
    broken_at = {news.target for news in told if is_current(news, now)}
    tones = {target.name: standing(target, board, now) for target in targets}
    stands = {name: "bad" if name in broken_at else worst(tones[name]) for name in tones}
    shown, rest = _split(targets, stands)
    cards = tuple(
        make_card(target, board, evidence, control.census(target.name), stands[target.name], now)
        for target in shown
    )
    told.sort(key=lambda news: (is_current(news, now), news.last_at), reverse=True)
    items = tuple(make_item(news, evidence, promises, now) for news in told[:_MOST_NEWS])
    broken = sum(is_current(news, now) for news in told)
    counted = Counter(tone for each in tones.values() for tone in each)
    tone, headline, detail = _headline(len(targets), counted, broken, control.lag_in_intervals())
    troubled = {name for name, stand in stands.items() if amiss({stand: 1})}
    if troubled:
        detail = f"at {_names(troubled)} · {detail}"
    return Page(
        headline=headline,
        detail=detail,
        tone=tone,
        troubles=broken + amiss(counted),
        at=clock_text(now),
        cards=cards,
        chips=tuple(Chip(target.name, stands[target.name]) for target in rest[:_MOST_CHIPS]),
        more_targets=max(0, len(rest) - _MOST_CHIPS),
        news=items,
        more_news=max(0, len(told) - _MOST_NEWS),
    )


def _split(
    targets: Sequence[TargetFace], stands: Mapping[str, str]
) -> tuple[Sequence[TargetFace], Sequence[TargetFace]]:
    """
    The targets to be drawn in full, and those of which only the name is shown.
    """
    if len(targets) <= _MOST_CARDS:
        return targets, ()
    ordered = sorted(targets, key=lambda target: -SEVERITY[stands[target.name]])
    return ordered[:_MOST_CARDS], ordered[_MOST_CARDS:]


def _headline(
    targets: int, counted: Mapping[str, int], broken: int, lag: float
) -> tuple[str, str, str]:
    canaries, wrong = sum(counted.values()), amiss(counted)
    scope = f"{count_text(targets, 'target')}, {count_text(canaries, 'canary', 'canaries')}"
    trouble = f"{count_text(wrong, 'canary', 'canaries')} not as it should be"
    if lag >= 2:
        return "bad", "Asking late", f"the schedule is {lag:.1f} intervals behind · {scope}"
    if broken:
        detail = f"{trouble} · {scope}" if wrong else scope
        return "bad", f"{count_text(broken, 'promise')} broken", detail
    if wrong:
        tone = worst(counted)
        return "odd" if tone == "stale" else tone, trouble, scope
    if counted.get("idle", 0) == canaries:
        return "idle", "Waiting for the first answers", scope
    return "ok", "All promises kept", scope


def _names(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more
