"""
What one slot came to: a probe, the value that every sink, page and counter is fed with;
or none, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Finding

__all__ = ["FOLLOWED", "SMALL_BYTES", "MissReason", "ProbeOutcome", "ProbeResult", "held_bytes"]

FOLLOWED = "followed"
"""The canary of jobs on their way to an end: the watch list asks for them, not the grid."""

SMALL_BYTES = 1_000
"""About what a result takes besides what came over the wire."""


class ProbeOutcome(StrEnum):
    """
    How a probe ended: a closed set, the `outcome` label.
    """

    OK = "ok"
    VIOLATION = "violation"
    NOT_FOUND = "not_found"
    SERVER_ERROR = "server_error"
    UNEXPECTED_CODE = "unexpected_code"
    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    REDIRECT = "redirect"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    INTERNAL = "internal"

    @property
    def success(self) -> bool:
        """
        Only a kept promise is a success.
        """
        return self is ProbeOutcome.OK


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """
    One probe, asked and judged.

    Attributes:
        target: The configured name.
        canary: known, missing, malformed, anonymous, foreign, followed, or a plug-in's name.
        intended_at: Wall clock of the slot on the grid, Unix seconds.
        duration_s: From the intended start to the last byte or the failure; lag included.
        lag_s: From the intended start to the actual one.
        job_status: The job's status word where the answer held one, else None.
        exchange: None only where our own code failed (`ProbeOutcome.INTERNAL`).
        error: For `ProbeOutcome.INTERNAL`, one line that says what failed.
        dropped: How many more findings there were, at least, than are kept of one answer.
    """

    target: str
    canary: str
    outcome: ProbeOutcome
    intended_at: float
    duration_s: float
    lag_s: float
    exchange: Exchange | None
    findings: tuple[Finding, ...] = ()
    job_status: str | None = None
    error: str | None = None
    dropped: int = 0

    @property
    def size_bytes(self) -> int:
        """
        About what it takes in memory: what came over the wire, and what is found of it.
        """
        # A finding may be about an answer that came before, which is kept with it then.
        about = (self.exchange, *(finding.exchange for finding in self.findings))
        answers = {id(one): held_bytes(one) for one in about if one is not None}
        texts = sum(_text_bytes(finding) for finding in self.findings)
        return SMALL_BYTES + sum(answers.values()) + texts

    def redacted(self, redactor: Redactor) -> ProbeResult:
        """
        The same without secrets: what may leave the process.
        """
        # Once for all findings about it: a body is searched as a whole, and held, each time.
        about = (self.exchange, *(finding.exchange for finding in self.findings))
        seen = {id(one): one for one in about if one is not None}
        clean = {key: one.redacted(redactor) for key, one in seen.items()}
        return replace(
            self,
            exchange=clean.get(id(self.exchange)),
            findings=tuple(
                finding.redacted(redactor, clean[id(finding.exchange)]) for finding in self.findings
            ),
            job_status=None if self.job_status is None else redactor.text(self.job_status),
            error=None if self.error is None else redactor.text(self.error),
        )


class MissReason(StrEnum):
    """
    Why no probe started in a slot: a closed set, the `reason` label.
    """

    OVERLAP = "overlap"
    """As many probes as can overlap were still under way."""
    BUDGET = "budget"
    """The key's requests per minute were spent."""
    BACKOFF = "backoff"
    """The server had said by 503 when it will be back; counted as failed, too."""
    THROTTLED = "throttled"
    """The server had refused the key by 429, and it rests; neither up nor down."""
    SHUTDOWN = "shutdown"
    """The daemon was ending."""
    LATE = "late"
    """The daemon itself was held up (stopped, starved) until the slot was over."""


def held_bytes(exchange: Exchange | None) -> int:
    """
    What came over the wire, be it a whole answer or a part of one.
    """
    if exchange is None:
        return 0
    answer = exchange.response or (exchange.failure and exchange.failure.partial)
    if not answer:
        return 0
    parts = {id(part): len(part) for part in (answer.body, answer.raw) if part is not None}
    head = sum(len(name) + len(value) for name, value in answer.headers)
    return head + sum(parts.values())


def _text_bytes(finding: Finding) -> int:
    values = (finding.pointer, finding.message, finding.expected, finding.found)
    return SMALL_BYTES + sum(2 * len(value) for value in values if isinstance(value, str))
