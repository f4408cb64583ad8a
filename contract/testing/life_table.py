"""
A job's life as a table, one line a look: when, what was asked, the answer, what changed, what is
wrong with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from jobproof.contract.formats.json_pointer import escape
from jobproof.contract.formats.json_value import Json
from jobproof.contract.formats.wording import first_few, legible, shorten
from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Credential, Exchange, Subject
from jobproof.contract.model.finding import Finding

__all__ = ["life_table"]

_HEAD = ("look", "at", "took", "asked", "code", "status", "changed", "found")
_MOST_ALIKE = 3
_LONGEST_TAG = 12
_Row = tuple[str, ...]


def life_table(
    api: Api,
    polls: Sequence[Exchange],
    findings: Iterable[Finding] = (),
    *,
    notes: Mapping[int, str] | None = None,
) -> str:
    """
    The polls in the order in which they are given; times in seconds since the first. Of many that
    are alike, the first and the last are shown.

    Args:
        findings: Those about these polls; each stands beside its own.
        notes: What is known to be odd, by the poll's place.
    """
    odd: defaultdict[int, list[str]] = defaultdict(list)
    for place, note in (notes or {}).items():
        odd[place].append(note)
    places = {id(poll): place for place, poll in enumerate(polls)}
    said_before: set[str] = set()
    for finding in findings:
        judged = places.get(id(finding.exchange))
        if judged is not None:
            kind = finding.kind.value if finding.accepted is None else "accepted"
            text = f"{kind} {finding.check}: {finding.message}"
            odd[judged].append(finding.check if text in said_before else text)
            said_before.add(text)
    rows: list[_Row] = [_HEAD]
    start = min((poll.started_at for poll in polls), default=0.0)
    body: Json = None
    for place, poll in enumerate(polls):
        when, took = f"{poll.started_at - start:.2f}", f"{poll.elapsed_s:.2f}"
        code, status, shown = _answer(api, poll)
        changed = first_few([*_changes(body, shown)], most=4) if shown and body else ""
        body = shown or body
        said = "; ".join(odd[place])
        cells = (_question(poll), code, status, changed, said)
        rows.append((str(place), when, took, *(_cell(cell) for cell in cells)))
    return _laid_out([*_without_repetitions(rows)])


def _cell(text: str) -> str:
    return legible(shorten(text, 300))


def _laid_out(rows: Sequence[_Row]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _without_repetitions(rows: Iterable[_Row]) -> Iterator[_Row]:
    for (*_, changed, found), grouped in groupby(rows, key=lambda row: row[3:]):
        alike = [*grouped]
        if changed or found or len(alike) <= _MOST_ALIKE:
            yield from alike
            continue
        more = f"{len(alike) - 2} more alike"
        yield from (alike[0], ("…", "", "", more, *([""] * 4)), alike[-1])


def _question(poll: Exchange) -> str:
    request = poll.request
    words = [request.method]
    words += [request.subject.value] * (request.subject is not Subject.KNOWN)
    words += [request.credential.value] * (request.credential is not Credential.OWNER)
    condition = request.header("if-none-match")
    if condition is not None:
        words.append(f"if-none-match {shorten(condition, _LONGEST_TAG)}")
    return " ".join(words)


def _answer(api: Api, poll: Exchange) -> tuple[str, str, Json]:
    if poll.failure is not None:
        return poll.failure.reason.value, "", None
    seen = api.observe(poll)
    job = seen.job
    return str(seen.code), "" if job is None else str(job.status), job.body if job else None


def _changes(before: Json, after: Json, at: str = "") -> Iterator[str]:
    """
    Where two bodies differ.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _changes(before.get(key), after.get(key), f"{at}/{escape(key)}")
    elif before != after:
        yield at
