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

__all__ = ["Share", "share_bar", "strip", "tone_of"]

_BARS = 90
_STEP = 3
_HIGH = 32.0
_LOW = 2.5
_LEAST_TOP_S = 0.005
_FAR_ABOVE = 12.0

_SILENT = frozenset(
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
    The colour family of an outcome: ok, odd, silent or bad.
    """
    if outcome is ProbeOutcome.OK:
        return "ok"
    if outcome in _SILENT:
        return "silent"
    return "odd" if outcome in _ODD else "bad"


def strip(points: Sequence[ResultPoint], *, objective_s: float | None = None) -> Markup:
    """
    One bar a probe, the newest at the right: height is latency, colour is the outcome.

    The scale is a square root, a rare slow answer is cut at the top, and an objective far
    above isn't drawn: none of them may flatten the rest.
    """
    shown = points[-_BARS:]
    if not shown:
        return Markup("")
    usual_s = sorted(point.duration_s for point in shown)[len(shown) * 9 // 10]
    top_s = max(usual_s * 1.3, _LEAST_TOP_S)
    if objective_s is not None and objective_s < top_s * _FAR_ABOVE:
        top_s = max(top_s, objective_s * 1.1)
    else:
        objective_s = None
    width = _BARS * _STEP
    parts = [_opening("strip", width, _HIGH, _in_words(shown))]
    left = width - _STEP * len(shown)
    parts += [_bar(left + _STEP * n, point, top_s) for n, point in enumerate(shown)]
    if objective_s is not None:
        y = _HIGH - _height(objective_s, top_s)
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
    drawn = [_opening("shares", 1000, 14, label)]
    x = 0.0
    for share, width in zip(parts, widths, strict=True):
        wide = width * scale
        drawn.append(
            f'<rect x="{x:.1f}" width="{max(1.0, wide - 2):.1f}" height="14" '
            f'fill="{escape(share.colour)}">'
            f"<title>{share.count} {escape(share.name)}</title></rect>"
        )
        x += wide
    return Markup("".join(drawn) + "</svg>")  # noqa: S704


def _opening(name: str, width: float, height: float, label: str) -> str:
    return (
        f'<svg class="{name}" viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}">'
    )


def _bar(x: float, point: ResultPoint, top_s: float) -> str:
    high = _height(point.duration_s, top_s)
    tone = tone_of(point.outcome)
    rect = f'<rect class="{tone}" x="{x:g}" y="{_HIGH - high:.1f}" width="2" height="{high:.1f}"'
    if tone == "ok":
        return rect + "/>"
    took = seconds_text(point.duration_s)
    return f"{rect}><title>{escape(point.outcome.value)} after {took}</title></rect>"


def _height(seconds: float, top_s: float) -> float:
    return _LOW + (_HIGH - _LOW) * math.sqrt(min(1.0, max(0.0, seconds) / top_s))


def _in_words(points: Sequence[ResultPoint]) -> str:
    took = sorted(point.duration_s for point in points)
    wrong = sum(not point.outcome.success for point in points)
    middle, slowest = took[len(took) // 2], took[-1]
    return (
        f"latest {len(points)} probes: {wrong} not as they should be, "
        f"median {seconds_text(middle)}, slowest {seconds_text(slowest)}"
    )
