"""
Times and outcomes as a person reads them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from jobproof.probes.result import ProbeOutcome

__all__ = ["age_text", "clock_text", "count_text", "outcome_text", "seconds_text"]

_OUTCOMES = {
    ProbeOutcome.OK: "ok",
    ProbeOutcome.VIOLATION: "promise broken",
    ProbeOutcome.NOT_FOUND: "not found",
    ProbeOutcome.SERVER_ERROR: "server error",
    ProbeOutcome.UNEXPECTED_CODE: "unexpected code",
    ProbeOutcome.AUTH: "refused",
    ProbeOutcome.RATE_LIMITED: "rate limited",
    ProbeOutcome.REDIRECT: "redirected",
    ProbeOutcome.DNS: "no address",
    ProbeOutcome.CONNECT: "no connection",
    ProbeOutcome.TLS: "TLS failed",
    ProbeOutcome.TIMEOUT: "timed out",
    ProbeOutcome.PROTOCOL: "broken HTTP",
    ProbeOutcome.TOO_LARGE: "too large",
    ProbeOutcome.INTERNAL: "our own failure",
}


def outcome_text(outcome: ProbeOutcome) -> str:
    """
    An outcome in two words.
    """
    return _OUTCOMES[outcome]


def seconds_text(seconds: float) -> str:
    """
    A latency: `8 ms`, `1.25 s`, `2 min 5 s`.
    """
    if seconds < 0.001:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    return age_text(seconds)


def age_text(seconds: float) -> str:
    """
    How long ago, or how long: `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
    """
    whole = max(0, round(seconds))
    for size, name, smaller, smaller_name in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return (
                f"{whole // size} {name} {rest} {smaller_name}"
                if rest
                else f"{whole // size} {name}"
            )
    return f"{whole} s"


def clock_text(at: float) -> str:
    """
    A moment in UTC, to the second.
    """
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "at no known time"


def count_text(number: int, name: str, plural: str | None = None) -> str:
    """
    `1 target`, `12 canaries`: a number and its noun.
    """
    return f"{number:,} {name if number == 1 else plural or name + 's'}".replace(",", "\u202f")
