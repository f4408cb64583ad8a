"""
A finding in words, for a failing pytest node and for a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import first_few, legible, shorten, told
from jobproof.contract.judging.rates import seen_in
from jobproof.contract.model.asking.shell_words import ShellWords
from jobproof.contract.model.check import Check
from jobproof.contract.model.exchange import Request, Response
from jobproof.contract.model.finding import Finding
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.verdict import FindingGroup, few_a_check
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.suite.reporting.excerpt import excerpt

__all__ = ["Telling", "Whereabouts", "asked", "evidence_of", "explain", "explain_all"]

Whereabouts = Callable[[FindingGroup], str]
"""Where the evidence of a finding lies, or how it is had, in words; "" where nobody knows."""


class Telling(Protocol):
    """
    What has to be known to show a finding: what is masked, and how the token is called.
    """

    @property
    def redactor(self) -> Redactor:
        """
        Masks what is secret.
        """
        ...

    @property
    def token_env(self) -> str:
        """
        The variable that stands for the token.
        """
        ...

    @property
    def words(self) -> ShellWords:
        """
        What a line to copy says beside the request.
        """
        ...


def evidence_of(
    groups: Sequence[FindingGroup], report: str | None, *, option: str = "--report"
) -> Whereabouts:
    """
    Where the whole exchange lies.

    Args:
        groups: All of the run, in the order of its report.
        report: The file that the report goes to; None where none is written.
        option: By which one is asked for.
    """

    def whereabouts(found: FindingGroup) -> str:
        if not report:
            return f"{option} F.json keeps the whole exchange"
        places = (at for at, one in enumerate(groups) if one.first is found.first)
        place = next(places, None)
        return "" if place is None else f"{legible(report)}, findings[{place}].evidence"

    return whereabouts


def explain(
    found: FindingGroup,
    check: Check | None,
    *,
    target: Telling,
    evidence: Whereabouts = lambda _found: "",
) -> str:
    """
    One finding: the promise, where it stands, what was seen, and how to see it again.
    """
    # Masked piece by piece: the shell's quotes and the repr of a value spell a secret anew.
    shown = _without_answer(found).redacted(target.redactor)
    finding = shown.first
    times = f"   ({found.count} times)" if found.count > 1 else ""
    rows = [
        ("promised", f"{finding.basis.value}: {finding.source}"),
        ("asked", asked(finding.exchange.request)),
        ("seen", f"at {shown.pointer}: {shown.message}{times}"),
    ]
    if not _says_what_was_expected(finding):
        expected, seen = told(finding.expected, or_=True), told(finding.found)
        rows.append(("expected", f"{expected}; found {seen}"))
    # Of what was asked, not of what is shown: a mask in the pointer leads nowhere.
    lines = excerpt(found.first.exchange, found.first.pointer, target.redactor)
    rows += [("" if row else "answer", line) for row, line in enumerate(lines)]
    if (found.looked or 0) > 1:
        rows.append(("rate", seen_in(found.answers, found.looked or 0)))
    rows += [
        ("when", _when(found)),
        ("again", legible(_again(found.first, target))),
        ("evidence", evidence(found)),
    ]
    said = [f"  {label:9} {text}" for label, text in rows if text]
    return "\n".join((f"{finding.check}: {check.summary if check else finding.message}", *said))


def asked(request: Request) -> str:
    """
    What was asked for and by whose right, in one line.
    """
    manner = "" if request.manner is Manner.PLAIN else f", {request.manner.spec.why}"
    sent_as = f"({request.subject.value} id, credential: {request.credential.value}{manner})"
    # Of a recording both are somebody else's words.
    return f"{legible(shorten(request.method, 40))} {_path(request.url)} {sent_as}"


def explain_all(
    found: Iterable[FindingGroup],
    check: Check | None,
    *,
    target: Telling,
    evidence: Whereabouts = lambda _found: "",
) -> Iterator[str]:
    """
    Each finding of a check; of those that are too many, one line.
    """
    for one, others in few_a_check(found):
        yield explain(one, check, target=target, evidence=evidence)
        if others:
            shown = (_without_answer(other).redacted(target.redactor) for other in others)
            places = first_few([other.pointer for other in shown])
            yield f"{len(others)} more of {one.first.check}: {places}"


def _without_answer(found: FindingGroup) -> FindingGroup:
    """
    The same without what would be masked for nothing: a body of a mebibyte takes its time.
    """
    exchange = replace(found.first.exchange, answer=Response(0))
    return replace(found, first=replace(found.first, exchange=exchange))


def _again(finding: Finding, target: Telling) -> str:
    return curl(finding.exchange, target.redactor, token_env=target.token_env, words=target.words)


def _says_what_was_expected(finding: Finding) -> bool:
    """
    Whether the message says it already, or there is nothing to say.
    """
    expected = finding.expected
    if isinstance(expected, list) and expected and not isinstance(expected[0], list | dict):
        return all(str(item) in finding.message for item in expected)
    return expected is None or told(expected) in finding.message


def _when(found: FindingGroup) -> str:
    try:
        first, last = (datetime.fromtimestamp(at, UTC) for at in (found.began_at, found.ended_at))
    except (ValueError, OverflowError, OSError):
        return ""  # a recorder may have written any number
    began = f"{first:%Y-%m-%d %H:%M:%S}"
    ended = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{began} UTC" if began.endswith(ended) else f"{began} to {ended} UTC"


def _path(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return legible(shorten(path, 120))
