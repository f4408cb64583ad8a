"""
The end of a run in words: what is news, what wasn't reached, and the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.wording import first_few, legible, shorten
from jobproof.contract.judging.acceptance_use import AcceptanceState
from jobproof.contract.judging.check_reach import LackKind, in_words
from jobproof.contract.judging.rates import percent
from jobproof.contract.model.acceptance.accepted import is_meant_by
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.verdict import MOST_SHOWN, CheckState
from jobproof.contract.recordings.recorded import SkipReason

__all__ = [
    "breaking",
    "failed_nodes",
    "summarise",
]

_SKIPPED = {
    SkipReason.OTHER_ADDRESS: "about something else",
    SkipReason.NOT_FETCHED: "of the browser's own (pages, preflights, web sockets)",
    SkipReason.NO_ANSWER: "without an answer: the client gave up, or was kept from asking",
    SkipReason.FROM_CACHE: "out of the browser's cache",
    SkipReason.UNREADABLE: "unreadable",
}


def failed_nodes(nodes: Iterable[tuple[str, str]]) -> Iterator[str]:
    """
    A line for each node that failed: its name, without the place where we are installed, and
    the first line of what it says.

    Args:
        nodes: Node id and text of each.
    """
    for node_id, text in nodes:
        first, _, _ = text.strip().partition("\n")
        said = f" - {legible(shorten(first, 120))}" if first else ""
        yield f"FAILED {legible(node_id.partition('::')[2])}{said}"


def summarise(report: JsonDocument) -> Iterator[str]:
    """
    The end of a run in a few lines.
    """
    coverage = report["reach"]
    seen = [status for status, count in coverage["job_statuses"].items() if count]
    findings = report["findings"]
    accepted = [f for f in findings if f.get("accepted")]
    # Without --baseline nothing is marked, and all of it is news.
    news = [f for f in findings if not f.get("accepted") and not f.get("known")]
    warned = [f for f in news if f["kind"] == Kind.VIOLATION and not f["breaks"]]
    yield from _lines("warning", warned)
    yield from _lines("accepted", accepted)
    for kind in (Kind.DRIFT, Kind.GAP, Kind.INCONCLUSIVE):
        yield from _lines(kind.value, [f for f in news if f["kind"] == kind])
    yield from _known(report)
    yield from _unused(report.get("acceptances", ()), findings)
    # A report that an earlier version wrote has neither.
    for note in report.get("notes", ()):
        yield f"note: {note}"
    yield from _not_reached(report.get("checks", ()))
    yield from _skipped(report.get("skipped", ()))
    for lost in report.get("lost", ()):
        where = f"{lost['check']} at {lost['pointer']}: {lost['message']}"
        yield legible(f"said live, and can't be judged again: {where}")
    yield (
        f"reach: {coverage['validated_bodies']} job bodies validated "
        f"({coverage['generated_validated_bodies']} of them generated), "
        f"codes {', '.join(coverage['codes']) or 'none'}, statuses {', '.join(seen) or 'none'}"
        f"{_gaps(coverage)}"
    )
    yield from _excluded(coverage.get("rates"))
    if report.get("seed"):
        yield f"seed: {report['seed']} (--seed {report['seed']} sends the same requests)"
    broken = sum(1 for f in findings if f["breaks"])
    detail = f": {report['why']}" if report["why"] else ""
    if broken:
        detail = f": {broken} {'finding breaks' if broken == 1 else 'findings break'} the contract"
    if accepted:
        detail += f", {len(accepted)} accepted"
    # A report that an earlier version wrote doesn't say.
    if report.get("selected") is not None:
        detail = f", of {first_few(report['selected'])} alone{detail}"
    work = f"{report['requests']} requests"
    if "judged" in report:
        work = f"{report['judged']} exchange{'' if report['judged'] == 1 else 's'} judged"
    yield f"verdict: {report['verdict']}{detail} [{work}, {report['duration_seconds']:.1f} s]"


def _known(report: JsonDocument) -> Iterator[str]:
    """
    A line of how much is no news, and by which report.
    """
    baseline = report.get("baseline")
    if baseline is None:
        return
    kinds = Counter(str(f["kind"]) for f in report["findings"] if f.get("known"))
    parts = [
        f"{count} {kind}{'s' if kind == Kind.GAP and count > 1 else ''}"
        for kind, count in sorted(kinds.items())
    ]
    yield f"known: {' and '.join(parts) or 'nothing'}, as in {baseline['file']}"


def _unused(acceptances: Iterable[JsonDocument], findings: Sequence[JsonDocument]) -> Iterator[str]:
    """
    A line for each entry of what is accepted that nothing needs any more.
    """
    for one in acceptances:
        if one["state"] == AcceptanceState.UNUSED:
            where = f" at {one['pointer']}" if one["pointer"] else ""
            reason = shorten(one["reason"], 120)
            yield legible(
                f"unused: {one['check']}{where} is accepted until {one['expires']} ({reason}), "
                f"and wasn't seen: {_instead(one, findings)}"
            )


def _instead(entry: JsonDocument, findings: Sequence[JsonDocument]) -> str:
    """
    What to do about an entry that accepts nothing: it may be of the wrong kind, and an option can't
    name any.
    """
    alike = (
        one["kind"]
        for one in findings
        if one["check"] == entry["check"]
        and one["kind"] != Kind.INCONCLUSIVE
        and is_meant_by(entry["pointer"], one["pointers"])
    )
    kind = next(alike, None)
    if kind is None:
        return "take it out"
    return f"what was is accepted by `kind: {kind}`, in a file or a profile"


def _message(finding: JsonDocument) -> str:
    """
    What a finding says; of keys some of which are known, the new ones; and why it is accepted.
    """
    new = finding.get("new_pointers")
    if new and len(new) < len(finding["pointers"]):
        known = len(finding["pointers"]) - len(new)
        return f"new besides {known} known: {first_few(new)}"
    reason = finding.get("accepted")
    because = f" ({legible(shorten(reason, 120))})" if reason else ""
    return f"{finding['message']}{because}"


def _skipped(skipped: Iterable[JsonDocument]) -> Iterator[str]:
    """
    A line of what recordings hold beside what was judged, and why it wasn't.
    """
    parts = []
    for one in skipped:
        what = f"{one['count']} {_SKIPPED[one['reason']]}"
        # Of what can't be read somebody wants to know where it is.
        is_told = one["reason"] == SkipReason.UNREADABLE and one["first"]
        parts.append(f"{what} ({one['first']})" if is_told else what)
    if parts:
        yield f"skipped: {', '.join(parts)}"


def _excluded(rates: JsonDocument | None) -> Iterator[str]:
    """
    A line of how often something may be wrong all the same where nothing was seen to be.
    """
    # A report that an earlier version wrote has no rates.
    kinds = [one for one in (rates or {}).get("kinds", ()) if not one["wrong"]]
    if kinds:
        first, *others = kinds
        parts = [
            f"{percent(first['excluded_above'])} % of {first['kind']} ({first['answers']} answers)",
            *(
                f"{percent(one['excluded_above'])} % of {one['kind']} ({one['answers']})"
                for one in others
            ),
        ]
        yield f"excluded: faults in more than {', '.join(parts)}"


def _gaps(coverage: JsonDocument) -> str:
    # A report that an earlier version wrote doesn't count them.
    count = coverage.get("unrecorded_bodies", 0)
    answers = "answer" if count == 1 else "answers"
    return f" ({count} {answers} without a recorded body)" if count else ""


def _lines(label: str, findings: Sequence[JsonDocument]) -> Iterator[str]:
    """
    One line a finding, and one for those of a check that are too many.
    """
    by_check: dict[str, list[JsonDocument]] = {}
    for finding in findings:
        by_check.setdefault(finding["check"], []).append(finding)
    for check, alike in by_check.items():
        # Each gap is a hole of its own.
        most = len(alike) if label == Kind.GAP else MOST_SHOWN
        for finding in alike[:most]:
            yield f"{label}: {check} at {finding['pointer']}: {_message(finding)}"
        if alike[most:]:
            places = first_few([finding["pointer"] for finding in alike[most:]])
            yield f"{label}: {check}: {len(alike[most:])} more: {places}"


def _not_reached(checks: Iterable[JsonDocument]) -> Iterator[str]:
    """
    A line for each thing that was lacking, with the checks that it kept from looking.
    """
    by_lack: dict[str, list[str]] = {}
    for check in checks:
        if check["state"] == CheckState.NOT_REACHED:
            # Each speaks of something else that the answers didn't show; the report has it all.
            not_shown = check["lack"] == LackKind.NOT_SHOWN
            why = "no answer showed what they speak of" if not_shown else check["why"]
            by_lack.setdefault(why, []).append(check["id"])
    for why, ids in by_lack.items():
        yield f"not reached: {why}: {in_words(ids)}"


def breaking(findings: Iterable[Finding], *, strict: bool) -> list[Finding]:
    """
    Those that turn the run red.
    """
    return [finding for finding in findings if finding.breaks(strict=strict)]
