"""
What is said about an answer, and what it adds up to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import Words, legible, shorten, told
from jobproof.contract.model.acceptance.accepted import starred
from jobproof.contract.model.exchange import Exchange

__all__ = [
    "Basis",
    "Drift",
    "Finding",
    "Kind",
    "Remark",
    "Severity",
    "Words",
    "brief",
    "drift",
    "gap",
    "inconclusive",
    "shorten",
    "violation",
]

_LINE = 200
_LONGEST_MESSAGE = 500
_LONGEST_POINTER = 300
_LONGEST_VALUE = 2_000


class Kind(StrEnum):
    """
    What sort of news a finding is.
    """

    VIOLATION = "violation"
    """A promise is broken: fails CI."""
    GAP = "gap"
    """Right behaviour that the document doesn't describe."""
    DRIFT = "drift"
    """Allowed, but new."""
    INCONCLUSIVE = "inconclusive"
    """Nothing can be said."""


class Basis(StrEnum):
    """
    Where the promise stands written.
    """

    DOCUMENTED = "documented"
    """The OpenAPI document or the vendor's prose."""
    RFC = "rfc"
    """HTTP, JSON, URI."""
    INFERRED = "inferred"
    """Our reading: a warning, unless `--strict`."""


class Severity(StrEnum):
    """
    How much a broken promise hurts whoever polls.
    """

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Drift(StrEnum):
    """
    What sort of new thing was seen: a closed set, used as a metric label.
    """

    UNDECLARED_KEY = "undeclared_key"
    UNKNOWN_STATUS = "unknown_status"
    TOLERATED_MOVE = "tolerated_move"
    EARLY_RESULT = "early_result"
    LIMIT_EXCEEDED = "limit_exceeded"
    STALE_ANSWER = "stale_answer"


@dataclass(frozen=True, slots=True)
class Remark:
    """
    What a check says; the judge adds which check it was.

    Attributes:
        at: JSON Pointer into the body, or `header:<name>`, `code`, `body`, `url`.
        basis: Overrides the check's own where the profile states the promise.
        source: Overrides the check's own, like `basis`.
        patch: For a gap, one OpenAPI Overlay action that documents it.
        more: How many others like it there are, which aren't told one by one.
    """

    kind: Kind
    at: str
    message: str
    expected: Json = None
    found: Json = None
    basis: Basis | None = None
    source: str | None = None
    drift: Drift | None = None
    patch: JsonObject | None = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One remark of one check about one exchange.

    Attributes:
        pointer: As `Remark.at`.
        exchange: The exchange it is about.
        accepted: The reason in the profile's policy that accepts it, if one does.
    """

    check: str
    kind: Kind
    basis: Basis
    source: str
    severity: Severity
    pointer: str
    message: str
    expected: Json
    found: Json
    exchange: Exchange
    drift: Drift | None = None
    patch: JsonObject | None = None
    accepted: str | None = None

    @property
    def fingerprint(self) -> tuple[str, str, str]:
        """
        What makes two findings the same news: check, kind and place, list items alike.
        """
        return (self.check, self.kind, starred(self.pointer))

    def breaks(self, *, strict: bool) -> bool:
        """
        Whether it turns the run red: a broken promise that isn't accepted.
        """
        return self.accepted is None and self.breaks_promise(strict=strict)

    def breaks_promise(self, *, strict: bool) -> bool:
        """
        Whether it is a violation of what is written down somewhere (or of anyone's reading, if
        `strict`), accepted or not.
        """
        return self.kind is Kind.VIOLATION and (strict or self.basis is not Basis.INFERRED)

    def redacted(self, redactor: Redactor, clean: Exchange | None = None) -> Finding:
        """
        The same without the redactor's secrets, and without those that the request carries.

        Args:
            clean: The exchange without them, where somebody has it already.
        """
        wider = redactor.also(self.exchange.request.credentials)
        return replace(
            self,
            pointer=wider.text(self.pointer),
            message=wider.text(self.message),
            expected=_redacted(self.expected, wider),
            found=_redacted(self.found, wider),
            patch=wider.value(self.patch),
            exchange=self.exchange.redacted(wider) if clean is None else clean,
        )


def violation(
    at: str,
    message: str = "",
    *,
    expected: Json = None,
    found: Json = None,
    basis: Basis | None = None,
    source: str | None = None,
) -> Remark:
    """
    A promise is broken at `at`.

    Args:
        expected: A value, a list of those that are right, or `Words`.
        found: What was there instead: a value, or `Words`.
    """
    line = _line(message or f"expected {told(expected, or_=True)}, found {told(found)}")
    return Remark(
        Kind.VIOLATION, _place(at), line, _bounded(expected), _bounded(found), basis, source
    )


def gap(
    at: str,
    message: str,
    *,
    found: Json = None,
    patch: JsonObject | None = None,
    basis: Basis | None = None,
    source: str | None = None,
) -> Remark:
    """
    Right behaviour that the document doesn't describe.
    """
    line = _line(message)
    return Remark(Kind.GAP, _place(at), line, None, _bounded(found), basis, source, None, patch)


def drift(
    at: str,
    message: str,
    *,
    of: Drift,
    expected: Json = None,
    found: Json = None,
    basis: Basis | None = None,
    source: str | None = None,
) -> Remark:
    """
    Allowed, but new.
    """
    line, wanted = _line(message), _bounded(expected)
    return Remark(Kind.DRIFT, _place(at), line, wanted, _bounded(found), basis, source, of)


def inconclusive(at: str, message: str, *, found: Json = None) -> Remark:
    """
    Nothing can be said.
    """
    return Remark(Kind.INCONCLUSIVE, _place(at), _line(message), None, _bounded(found))


def brief(value: Json) -> Json:
    """
    `value` as a finding shows it: long ones are cut to a line.
    """
    text = repr(value)
    return value if len(text) <= _LINE else shorten(text, _LINE)


def _line(message: str) -> str:
    # Part of it is foreign text, as a rule.
    return legible(shorten(message, _LONGEST_MESSAGE))


def _place(at: str) -> str:
    return legible(shorten(at, _LONGEST_POINTER))


def _bounded(value: Json) -> Json:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        short = shorten(value, _LONGEST_VALUE)
        return Words(short) if isinstance(value, Words) else short
    text = repr(value)
    return value if len(text) <= _LONGEST_VALUE else shorten(text, _LONGEST_VALUE)


def _redacted(value: Json, redactor: Redactor) -> Json:
    clean: Json = redactor.value(value)
    return Words(clean) if isinstance(value, Words) and isinstance(clean, str) else clean
