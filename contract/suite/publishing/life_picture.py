"""
A job's life as a picture: its statuses as steps over time, and where findings lie on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from jobproof.contract.formats.wording import shorten
from jobproof.contract.suite.publishing.shown_report import ShownLife, ShownStep

__all__ = ["LifeMark", "life_picture", "span_text"]

# Units of the view box.
_WIDTH = 760.0
_LEFT = 172.0
_RIGHT = 24.0
_ROW = 24.0
_TOP = 22.0
_AXIS = 26.0
_MOST_ROWS = 12
_LONGEST_WORD = 22
_LEAST_S = 0.001
_TICKS = (1, 2, 5)
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class LifeMark:
    """
    A finding on the life: its number on the page, and when it was first seen, in seconds after
    the job's first sight.
    """

    number: int
    at_s: float


def span_text(seconds: float) -> str:
    """
    A length of time for people.
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def life_picture(
    life: ShownLife, statuses: Sequence[str], marks: Iterable[LifeMark] = ()
) -> Markup:
    """
    One line for each status that was seen, so that a step back goes up.

    Args:
        statuses: In the order in which a job goes through them; others come last.
    """
    rows = _rows(life.steps, statuses)
    height = _TOP + _ROW * len(rows) + _AXIS
    whole_s = max(*(step.last_s for step in life.steps), _LEAST_S)
    scale = (_WIDTH - _LEFT - _RIGHT) / whole_s
    label = escape(_in_words(life))
    box = f"0 0 {_WIDTH:g} {height:g}"
    parts = [f'<svg class="life" viewBox="{box}" role="img" aria-label="{label}">']
    parts += _ground(rows, whole_s, scale)
    parts += _steps(life.steps, rows, scale)
    for mark in marks:
        x = _LEFT + min(max(mark.at_s, 0.0), whole_s) * scale
        parts.append(_mark(mark, x, _TOP + _ROW * len(rows)))
    # Every text in it is a number of ours or escaped above.
    return Markup("".join(parts) + "</svg>")  # noqa: S704


def _rows(steps: Sequence[ShownStep], statuses: Sequence[str]) -> list[str]:
    seen = dict.fromkeys(step.status for step in steps)
    words = [*(word for word in statuses if word in seen), *(w for w in seen if w not in statuses)]
    return words if len(words) <= _MOST_ROWS else [*words[: _MOST_ROWS - 1], _OTHERS]


def _y(status: str, rows: Sequence[str]) -> float:
    row = rows.index(status) if status in rows else len(rows) - 1
    return _TOP + _ROW * row + _ROW / 2


def _ground(rows: Sequence[str], whole_s: float, scale: float) -> Iterable[str]:
    bottom = _TOP + _ROW * len(rows)
    for word in rows:
        y = _y(word, rows)
        yield f'<line class="row" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" y1="{y:g}" y2="{y:g}"/>'
        yield (
            f'<text class="word" x="{_LEFT - 14:g}" y="{y + 4:g}" text-anchor="end">'
            f"{escape(shorten(word, _LONGEST_WORD))}</text>"
        )
    step_s = _tick(whole_s)
    count = int(whole_s / step_s + 1e-9)
    for number in range(count + 1):
        x = _LEFT + number * step_s * scale
        yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP:g}" y2="{bottom + 4:g}"/>'
        yield (
            f'<text class="time" x="{x:.1f}" y="{bottom + 18:g}" text-anchor="middle">'
            f"{_tick_text(number * step_s)}</text>"
        )


def _tick(whole_s: float) -> float:
    """
    The smallest of 1, 2, 5, 10, … with which there are no more than six.
    """
    unit = 1e-4
    while True:
        for factor in _TICKS:
            if whole_s / (factor * unit) <= 6:
                return factor * unit
        unit *= 10


def _tick_text(seconds: float) -> str:
    if seconds == 0:
        return "0"
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    return f"{seconds:g} s" if seconds < 600 else f"{seconds / 60:.3g} min"


def _steps(steps: Sequence[ShownStep], rows: Sequence[str], scale: float) -> Iterable[str]:
    # Lines first: no dot has one across it.
    for before, step in pairwise(steps):
        start, end = _LEFT + before.last_s * scale, _LEFT + step.first_s * scale
        # In between nobody looked: when it changed isn't known.
        way = f"M{start:.1f} {_y(before.status, rows):g}L{end:.1f} {_y(step.status, rows):g}"
        yield f'<path class="unseen" d="{way}"/>'
    for step in steps:
        y, x = _y(step.status, rows), _LEFT + step.first_s * scale
        width = (step.last_s - step.first_s) * scale + 10
        title = f"{step.status}: {span_text(step.first_s)} to {span_text(step.last_s)}"
        yield (
            f'<rect class="step {escape(step.phase or "unknown")}" x="{x - 5:.1f}" y="{y - 5:g}" '
            f'width="{width:.1f}" height="10" rx="5">'
            f"<title>{escape(title)}, seen {step.sights} times</title></rect>"
        )


def _mark(mark: LifeMark, x: float, bottom: float) -> str:
    return (
        f'<g class="mark"><line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 2:g}" y2="{bottom:g}"/>'
        f'<circle cx="{x:.1f}" cy="{_TOP - 10:g}" r="9"/>'
        f'<text x="{x:.1f}" y="{_TOP - 6:g}" text-anchor="middle">{mark.number}</text></g>'
    )


def _in_words(life: ShownLife) -> str:
    words = ", ".join(f"{s.status} from {span_text(s.first_s)}" for s in life.steps[:20])
    more = f", and {len(life.steps) - 20} more" if len(life.steps) > 20 else ""
    return f"The life of {life.job}: {words}{more}"
