"""
Small charts as inline SVG, drawn on the server: no script, no style attribute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from jobproof.probes.result import ProbeOutcome
from jobproof.probes.web.pages.wording import seconds_text
from jobproof.probes.web.recent_results import ResultPoint

__all__ = ["Share", "share_bar", "sparkline", "tone_of"]

# Units of the view box; the style sheet stretches it to the width of the table's column.
_BAR_COUNT = 90
_BAR_PITCH = 3
_CHART_HEIGHT = 32.0
_LEAST_BAR_HEIGHT = 2.5
# Differences of less than that are jitter; they aren't magnified to the chart's full height.
_LEAST_SCALE_S = 0.005
# An objective of more than so many scales would press all bars flat against the axis.
_FARTHEST_OBJECTIVE = 12.0

_NO_RESPONSE = frozenset(
    {
        ProbeOutcome.DNS,
        ProbeOutcome.CONNECT,
        ProbeOutcome.TLS,
        ProbeOutcome.TIMEOUT,
        ProbeOutcome.PROTOCOL,
    }
)
_ODD = frozenset({ProbeOutcome.RATE_LIMITED, ProbeOutcome.AUTH, ProbeOutcome.REDIRECT})


@dataclass(frozen=True, slots=True)
class Share:
    """
    One part of a whole: its name, how many, and its colour as `#rrggbb`.
    """

    name: str
    count: int
    colour: str


def tone_of(outcome: ProbeOutcome) -> str:
    """
    The tone of an outcome: `ok`; `silent` without a whole answer; `odd` where the answer was not
    about the job (auth, rate limit, redirect); else `bad`.
    """
    if outcome is ProbeOutcome.OK:
        return "ok"
    if outcome in _NO_RESPONSE:
        return "silent"
    return "odd" if outcome in _ODD else "bad"


def sparkline(points: Sequence[ResultPoint], *, objective_s: float | None = None) -> Markup:
    """
    One bar a probe, the newest at the right: height is latency, colour is the outcome.

    The scale is a square root, a rare slow answer is cut at the top, and an objective far
    above isn't drawn: none of them may flatten the rest.
    """
    # Never scaled to the slowest: one timeout among ninety probes would flatten the others.
    shown = points[-_BAR_COUNT:]
    if not shown:
        return Markup("")
    p90_s = sorted(point.duration_s for point in shown)[len(shown) * 9 // 10]
    scale_s = max(p90_s * 1.3, _LEAST_SCALE_S)
    if objective_s is not None and objective_s < scale_s * _FARTHEST_OBJECTIVE:
        scale_s = max(scale_s, objective_s * 1.1)
    else:
        objective_s = None
    width = _BAR_COUNT * _BAR_PITCH
    parts = [_svg_start("sparkline", width, _CHART_HEIGHT, _text_alternative(shown))]
    left = width - _BAR_PITCH * len(shown)
    parts += [_bar(left + _BAR_PITCH * n, point, scale_s) for n, point in enumerate(shown)]
    if objective_s is not None:
        y = _CHART_HEIGHT - _height(objective_s, scale_s)
        parts.append(f'<line class="objective" x1="0" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
    # Every text in it is a number of ours or escaped above.
    return Markup("".join(parts) + "</svg>")  # noqa: S704


def share_bar(shares: Iterable[Share]) -> Markup:
    """
    Parts of a whole side by side; a small part stays visible.
    """
    parts = [share for share in shares if share.count > 0]
    total = sum(share.count for share in parts)
    if not total:
        return Markup("")
    widths = [max(8.0, 1000.0 * share.count / total) for share in parts]
    scale = 1000.0 / sum(widths)
    label = ", ".join(f"{share.count} {share.name}" for share in parts)
    elements = [_svg_start("shares", 1000, 14, label)]
    x = 0.0
    for share, width in zip(parts, widths, strict=True):
        scaled = width * scale
        elements.append(
            f'<rect x="{x:.1f}" width="{max(1.0, scaled - 2):.1f}" height="14" '
            f'fill="{escape(share.colour)}">'
            f"<title>{share.count} {escape(share.name)}</title></rect>"
        )
        x += scaled
    return Markup("".join(elements) + "</svg>")  # noqa: S704


def _svg_start(name: str, width: float, height: float, label: str) -> str:
    return (
        f'<svg class="{name}" viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}">'
    )


def _bar(x: float, point: ResultPoint, scale_s: float) -> str:
    height = _height(point.duration_s, scale_s)
    tone = tone_of(point.outcome)
    y = _CHART_HEIGHT - height
    rect = f'<rect class="{tone}" x="{x:g}" y="{y:.1f}" width="2" height="{height:.1f}"'
    # Only failures get a title: ninety for every canary would swell the page.
    if tone == "ok":
        return rect + "/>"
    took = seconds_text(point.duration_s)
    return f"{rect}><title>{escape(point.outcome.value)} after {took}</title></rect>"


def _height(seconds: float, scale_s: float) -> float:
    return _LEAST_BAR_HEIGHT + (_CHART_HEIGHT - _LEAST_BAR_HEIGHT) * math.sqrt(
        min(1.0, max(0.0, seconds) / scale_s)
    )


def _text_alternative(points: Sequence[ResultPoint]) -> str:
    took = sorted(point.duration_s for point in points)
    failed = sum(not point.outcome.success for point in points)
    median, slowest = took[len(took) // 2], took[-1]
    return (
        f"latest {len(points)} probes: {failed} not as they should be, "
        f"median {seconds_text(median)}, slowest {seconds_text(slowest)}"
    )
