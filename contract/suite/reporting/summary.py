"""
Findings and verdicts in words, for a terminal and for a failing pytest node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.formats.wording import first_few, legible, shorten, told
from jobproof.contract.judging.check_reach import LackKind, in_words
from jobproof.contract.judging.rates import percent, seen_in
from jobproof.contract.model.check import Check
from jobproof.contract.model.finding import Finding, Kind
from jobproof.contract.model.manners.manner import Manner
from jobproof.contract.model.verdict import MOST_SHOWN, CheckState, FindingGroup, few_a_check
from jobproof.contract.recordings.curl_line import curl
from jobproof.contract.recordings.recorded import SkipReason
from jobproof.contract.suite.planning.plan import PlannedRequest, request_of
from jobproof.contract.suite.planning.target import SuiteTarget

__all__ = [
    "Telling",
    "breaking",
    "describe_dry_run",
    "explain",
    "explain_all",
    "list_requests",
    "summarise",
]

_SKIPPED = {
    SkipReason.OTHER_ADDRESS: "about something else",
    SkipReason.NOT_FETCHED: "of the browser's own (pages, preflights, web sockets)",
    SkipReason.NO_ANSWER: "without an answer: the client gave up, or was kept from asking",
    SkipReason.FROM_CACHE: "out of the browser's cache",
    SkipReason.UNREADABLE: "unreadable",
}


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


def explain(found: FindingGroup, check: Check | None, *, target: Telling) -> str:
    """
    One finding: the promise, where it stands, what was seen, and how to see it again.
    """
    # Masked piece by piece: the shell's quotes and the repr of a value spell a secret anew.
    shown = found.redacted(target.redactor)
    finding = shown.first
    request = finding.exchange.request
    times = f"   ({found.count} times)" if found.count > 1 else ""
    manner = "" if request.manner is Manner.PLAIN else f", {request.manner.spec.why}"
    sent_as = f"({request.subject.value} id, credential: {request.credential.value}{manner})"
    lines = [
        f"{finding.check}: {check.summary if check else finding.message}",
        f"  promised  {finding.basis.value}: {finding.source}",
        # Of a recording both are somebody else's words.
        f"  asked     {legible(shorten(request.method, 40))} {_path(request.url)} {sent_as}",
        f"  seen      at {shown.pointer}: {shown.message}{times}",
        f"  again     {_curl(found.first, target)}",
    ]
    if (found.looked or 0) > 1:
        lines.insert(4, f"  rate      {seen_in(found.answers, found.looked or 0)}")
    if not _says_what_was_expected(finding):
        expected, seen = told(finding.expected, or_=True), told(finding.found)
        lines.insert(4, f"  expected  {expected}; found {seen}")
    return "\n".join(lines)


def _says_what_was_expected(finding: Finding) -> bool:
    """
    Whether the message says it already, or there is nothing to say.
    """
    expected = finding.expected
    if isinstance(expected, list) and expected and not isinstance(expected[0], list | dict):
        return all(str(item) in finding.message for item in expected)
    return expected is None or told(expected) in finding.message


def explain_all(
    found: Iterable[FindingGroup], check: Check | None, *, target: Telling
) -> Iterator[str]:
    """
    Each finding of a check; of those that are too many, one line.
    """
    for one, others in few_a_check(found):
        yield explain(one, check, target=target)
        if others:
            places = first_few([other.redacted(target.redactor).pointer for other in others])
            yield f"{len(others)} more of {one.first.check}: {places}"


def summarise(report: JsonDocument) -> Iterator[str]:
    """
    The end of a run in a few lines.
    """
    coverage = report["reach"]
    seen = [status for status, count in coverage["job_statuses"].items() if count]
    findings = report["findings"]
    warned = [f for f in findings if f["kind"] == Kind.VIOLATION and not f["breaks"]]
    for label in ("warning", "accepted"):
        yield from _lines(label, [f for f in warned if bool(f["accepted"]) is (label != "warning")])
    for kind in (Kind.DRIFT, Kind.GAP, Kind.INCONCLUSIVE):
        yield from _lines(kind.value, [f for f in findings if f["kind"] == kind])
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
        f"codes {', '.join(coverage['codes'])}, statuses {', '.join(seen) or 'none'}"
        f"{_gaps(coverage)}"
    )
    yield from _excluded(coverage.get("rates"))
    broken = sum(1 for f in findings if f["breaks"])
    detail = f": {report['why']}" if report["why"] else ""
    if report.get("selected") is not None:
        ids = report["selected"]
        detail = f" of {first_few(ids)} alone{detail}"
    if broken:
        detail = f": {broken} {'finding breaks' if broken == 1 else 'findings break'} the contract"
    work = f"{report['requests']} requests"
    if "judged" in report:
        work = f"{report['judged']} exchange{'' if report['judged'] == 1 else 's'} judged"
    yield f"verdict: {report['verdict']}{detail} [{work}, {report['duration_seconds']:.1f} s]"


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
            yield f"{label}: {check} at {finding['pointer']}: {finding['message']}"
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


def list_requests(target: SuiteTarget, plan: Sequence[PlannedRequest]) -> Iterator[str]:
    """
    Every question of a plan, one line each, without the token.
    """
    for planned in plan:
        request = request_of(target, planned).redacted(target.redactor)
        notes = [planned.subject.value, planned.credential.value]
        if planned.follows:
            notes.append(f"every {target.poll_interval_s:g} s or more, to its end")
        if planned.beside:
            notes.append("two at once")
        if planned.each_end:
            notes.append("of jobs that end alike, one")
        yield f"{planned.method:7} {request.url}  [{', '.join(notes)}] {planned.why}"
    effort = target.effort
    yield describe_dry_run(target, plan)
    yield (
        f"then up to {effort.generated} generated GET requests and {effort.walks} walks of a "
        "client (GET, HEAD, OPTIONS on these jobs; other methods on fresh random ids only)"
    )


def describe_dry_run(target: SuiteTarget, plan: Iterable[PlannedRequest]) -> str:
    """
    How many requests a run sends about, and how long the rate limit makes it take.
    """
    count = sum(planned.questions for planned in plan)
    # A walk takes 15 steps, as `test_client_machine` asks for.
    count += target.effort.generated + 15 * target.effort.walks
    if target.budget is not None:
        count = min(count, target.budget)
    if target.rate_per_minute is None:
        return f"about {count} requests, without a rate limit"
    minutes = count / target.rate_per_minute
    return (
        f"about {count} requests at {target.rate_per_minute:g} a minute: some {minutes:.0f} "
        "minutes, more if a job is still running (--effort quick and --rate-limit change it)"
    )


def _path(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return legible(shorten(path, 120))


def _curl(finding: Finding, target: Telling) -> str:
    return legible(curl(finding.exchange, target.redactor, token_env=target.token_env))


def breaking(findings: Iterable[Finding], *, strict: bool) -> list[Finding]:
    """
    Those that turn the run red.
    """
    return [finding for finding in findings if finding.breaks(strict=strict)]
