"""
The file that `--accept-file` takes, written from what has broken a run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.secrets.redaction import Redactor, is_masked
from jobproof.contract.formats.text_file import read_text, write_text
from jobproof.contract.formats.wording import legible, shorten
from jobproof.contract.model.acceptance.accepted import AcceptedFinding, starred
from jobproof.contract.model.acceptance.reader import read_accept_file
from jobproof.contract.suite.accepting.kept_report import KeptReport

__all__ = ["AcceptFile", "accept_file_of"]

_LONGEST_NOTE = 160
_PLAIN_ID = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")
_HEADING = (
    "# Known faults that break no run until their last day; after it each fails again.\n"
    "# Say in each reason who mends it, and take out what isn't needed any more.\n"
)


@dataclass(frozen=True, slots=True)
class AcceptFile:
    """
    Attributes:
        entries: What the report's findings need, one an entry, with a note on what was seen.
        left_out: Findings that no entry can name, and why, in words.
    """

    entries: tuple[tuple[AcceptedFinding, str], ...]
    left_out: tuple[str, ...]

    def text(self) -> str:
        """
        The whole of a new file.
        """
        return _HEADING + _blocks(self.entries)

    def merge_into(self, path: Path, known: Collection[str], today: date) -> int:
        """
        Add what the file doesn't accept yet, and leave what is in it as it stands.

        Returns:
            How many entries were added.

        Raises:
            ConfigError: What is there is no such file, or can't be written.
        """
        there = read_accept_file(path, known)
        new = [(e, note) for e, note in self.entries if not _is_covered(e, there, today)]
        if new:
            write_text(_merged(read_text(path, ConfigError), there, new), path, ConfigError)
        return len(new)


def accept_file_of(
    report: KeptReport, known: Collection[str], *, until: date, reason: str | None
) -> AcceptFile:
    """
    An entry for each finding that breaks the run.

    Args:
        known: The ids of the checks that there are.
        reason: For every entry; None for one that says when it was seen.
    """
    entries: dict[tuple[str, str], tuple[AcceptedFinding, str]] = {}
    left_out = []
    day = legible(report.started_at[:10])
    for found in report.findings:
        if not found["breaks"] or found["kind"] != "violation":
            continue
        named = legible(shorten(f"{found['check']} at {found['pointer']}", 120))
        if found["check"] not in known:
            left_out.append(f"{named}: no such check is installed here")
            continue
        # Of a place that holds a secret nobody knows what it is called.
        if is_masked(found["pointer"]):
            left_out.append(f"{named}: its place holds a secret; accept it by hand, or everywhere")
            continue
        place = starred(found["pointer"])
        try:
            entry = AcceptedFinding(
                check=found["check"],
                pointer=place,
                reason=reason or f"seen on {day}, to be mended",
                expires=until,
            )
        except ValueError:
            left_out.append(f"{named}: its place is none that an entry can name")
            continue
        entries.setdefault((found["check"], place), (entry, _note(found)))
    return AcceptFile(tuple(entries.values()), tuple(left_out))


def _note(found: JsonDocument) -> str:
    # Masked when it was written, but a report may have been edited since.
    message = Redactor(()).text(found["message"])
    count = found.get("count")
    times = f" ({count} times)" if isinstance(count, int) and count > 1 else ""
    return f"{legible(shorten(message, _LONGEST_NOTE))}{times}"


def _is_covered(entry: AcceptedFinding, there: Iterable[AcceptedFinding], today: date) -> bool:
    places = (entry.pointer or "",)
    return any(o.covers(entry.check, entry.kind, places) and o.expires >= today for o in there)


def _merged(
    text: str,
    there: Iterable[AcceptedFinding],
    new: Iterable[tuple[AcceptedFinding, str]],
) -> str:
    """
    The file with more entries below those that it has, comments and all.
    """
    lines = text.splitlines()
    items = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    first = next((line for line in items if line != "---"), "")
    # A list in brackets, or a document with a mark at its end, takes no line below it.
    if not re.match(r" *- ", first) or any(line.startswith("...") for line in items):
        return _HEADING + _blocks([*((entry, "") for entry in there), *new])
    indent = first[: first.index("-")]
    added = "".join(f"{indent}{line}\n" for line in _blocks(new).splitlines())
    return f"{text.rstrip()}\n{added}"


def _blocks(entries: Iterable[tuple[AcceptedFinding, str]]) -> str:
    return "".join(f"{line}\n" for entry, note in entries for line in _lines(entry, note))


def _lines(entry: AcceptedFinding, note: str) -> Iterator[str]:
    yield f"- check: {entry.check if _PLAIN_ID.fullmatch(entry.check) else _quoted(entry.check)}"
    if entry.pointer is not None:
        yield f"  pointer: {_quoted(entry.pointer)}"
    if entry.kind != "violation":
        yield f"  kind: {entry.kind}"
    if note:
        yield f"  # {note}"
    yield f"  reason: {_quoted(entry.reason)}"
    yield f"  expires: {entry.expires.isoformat()}"


def _quoted(text: str) -> str:
    """
    A text as YAML has it in double quotes, whatever is in it.
    """
    signs = (
        f"\\{sign}" if sign in '"\\' else sign if sign.isprintable() else f"\\U{ord(sign):08x}"
        for sign in text
    )
    return f'"{"".join(signs)}"'
