"""
A job's life as a table, one line a poll: how a failing property shows what was seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from jobproof.contract.model.api import Api
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.finding import Finding

__all__ = ["life_table"]

_HEAD = ("poll", "t", "took", "asked", "code", "status", "odd")


def life_table(
    api: Api,
    polls: Sequence[Exchange],
    findings: Iterable[Finding] = (),
    *,
    notes: Mapping[int, str] | None = None,
) -> str:
    """
    The polls in the order in which they are given; times in seconds since the first.

    Args:
        findings: Those about these polls; each stands beside its own.
        notes: What is known to be odd, by the poll's place.
    """
    odd: defaultdict[int, list[str]] = defaultdict(list)
    for place, note in (notes or {}).items():
        odd[place].append(note)
    places = {id(poll): place for place, poll in enumerate(polls)}
    for finding in findings:
        judged = places.get(id(finding.exchange))
        if judged is not None:
            odd[judged].append(f"{finding.kind.value} {finding.check}: {finding.message}")
    start = min((poll.started_at for poll in polls), default=0.0)
    rows = [_HEAD]
    for place, poll in enumerate(polls):
        when, took = f"{poll.started_at - start:.2f}", f"{poll.elapsed_s:.2f}"
        code, status = _answer(api, poll)
        said = "; ".join(odd[place])
        rows.append((str(place), when, took, _question(poll), code, status, said))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _question(poll: Exchange) -> str:
    request = poll.request
    condition = request.header("if-none-match")
    words = [request.method, request.subject.value, request.credential.value]
    return " ".join(words if condition is None else [*words, f"if-none-match {condition}"])


def _answer(api: Api, poll: Exchange) -> tuple[str, str]:
    if poll.failure is not None:
        return poll.failure.reason.value, ""
    seen = api.observe(poll)
    return str(seen.code), "" if seen.job is None else str(seen.job.status)
