"""
A summary in Markdown, for a pull request: foreign text in it is text, whatever it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from jobproof.contract.formats.wording import first_few, shorten
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.verdict import CheckState, Verdict
from jobproof.contract.suite.publishing.shown_report import ShownFinding, ShownReport

__all__ = ["MOST_BYTES", "markdown"]

MOST_BYTES = 1_000_000
"""GitHub takes a mebibyte a step; a little is left for others."""
_ROOM_FOR_END = 2_000
_SIGNS = {Verdict.KEPT: "✅", Verdict.BROKEN: "❌", Verdict.INCONCLUSIVE: "⚠️"}
_MARKS = {"broken": "❌", "warning": "⚠️", "accepted": "☑️"}
_MOST_ROWS = 200
_MOST_DETAILS = 25
_PUNCTUATION = re.compile(r"[\\`*_{}\[\]<>()#!|~&@$^]|[:.](?=\S)")
_BAR = re.compile(r"(\\*)\|")
_JOINED = re.compile(r"&#(?:64|35);")


def markdown(report: ShownReport, *, most_bytes: int = MOST_BYTES) -> str:
    """
    The run in a few lines and a table, the evidence of what is broken folded below.

    Args:
        most_bytes: It gets no longer than that; what has no room is counted.
    """
    parts: list[str] = []
    left, omitted = most_bytes - _ROOM_FOR_END, 0
    for part in _parts(report):
        size = len(part.encode("utf-8", "replace"))
        if omitted or size > left:
            omitted += 1
            continue
        parts.append(part)
        left -= size
    if omitted:
        parts.append("\n*There is more than has room here; the report has it all.*\n")
    return "".join(parts)


def _parts(report: ShownReport) -> Iterator[str]:
    sign = _SIGNS[Verdict(report.verdict)]
    yield f"## {sign} Job endpoint contract: {_prose(shorten(report.headline, 500))}\n\n"
    facts = (f"{name} {_code(shorten(text, 120))}" for name, text in report.facts if text)
    yield f"{' · '.join(facts)}\n\n"
    for text in report.missing if report.verdict == Verdict.INCONCLUSIVE else ():
        yield f"- {_prose(text)}\n"
    shown = [one for one in report.findings if one.kind == Kind.VIOLATION]
    yield from _table(shown)
    yield from _details([one for one in shown if one.breaks])
    others = [one for one in report.findings if one.kind != Kind.VIOLATION]
    yield from _news(others)
    yield from _reach(report)


def _table(findings: list[ShownFinding]) -> Iterator[str]:
    if not findings:
        return
    yield "\n| | promise | where | what was seen | how often |\n| --- | --- | --- | --- | --- |\n"
    for one in findings[:_MOST_ROWS]:
        mark = f"{_MARKS.get(one.word, '')} {one.word}"
        what = _code(shorten(one.message, 300), in_table=True)
        where = _code(one.pointer, in_table=True)
        check = _code(one.check, in_table=True)
        yield f"| {mark} | {check} | {where} | {what} | {one.how_often} |\n"
    yield from _more(len(findings) - _MOST_ROWS)


def _details(findings: list[ShownFinding]) -> Iterator[str]:
    for one in findings[:_MOST_DETAILS]:
        said = f"{_prose(one.check)}: {_prose(one.promise or one.message)}"
        lines = [
            f"\n<details><summary>{said}</summary>\n\n",
            f"- **promised** {_prose(one.basis)}: {_prose(one.source)}\n",
            f"- **asked** {_code(one.asked)}\n" if one.asked else "",
            f"- **seen** at {_code(one.pointer)}: {_code(one.message)}\n",
            f"- **expected** {_code(one.expected)}, found {_code(one.found)}\n"
            if one.expected
            else "",
            f"- **when** {_code(one.when)}\n" if one.when else "",
            "\n",
            _block(
                "text", [f"{'> ' if is_place else '  '}{line}" for line, is_place in one.excerpt]
            ),
            _block("sh", [one.curl] if one.curl else []),
            "</details>\n",
        ]
        yield "".join(lines)
    yield from _more(len(findings) - _MOST_DETAILS)


def _news(findings: list[ShownFinding]) -> Iterator[str]:
    for kind in (Kind.GAP, Kind.DRIFT, Kind.INCONCLUSIVE):
        alike = [one for one in findings if one.kind == kind]
        if alike:
            yield f"\n<details><summary>{kind.value}: {len(alike)}</summary>\n\n"
            for one in alike[:_MOST_ROWS]:
                yield f"- {_code(one.check)} at {_code(one.pointer)}: {_code(one.message)}\n"
            yield from _more(len(alike) - _MOST_ROWS)
            yield "\n</details>\n"


def _reach(report: ShownReport) -> Iterator[str]:
    states = [check.state for check in report.checks]
    if not states:
        return
    told = (f"{states.count(state.value)} {state.value}" for state in CheckState)
    seen = (
        f"{name.replace('_', ' ')} {_code(first_few([key for key, _ in found], most=12, shown=10))}"
        for name, found in report.counts
        if found
    )
    yield f"\n{len(states)} promises: {', '.join(told).replace('_', ' ')}. {', '.join(seen)}\n"


def _more(count: int) -> Iterable[str]:
    return [f"\n*… and {count} more.*\n"] if count > 0 else []


def _code(text: str, *, in_table: bool = False) -> str:
    """
    A code span: nothing in it is Markdown, HTML, a link or a mention.
    """
    if not text.strip():
        return ""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    # In a table a bar ends the cell, in code as well.
    # A blank keeps a backslash of the text's own from escaping ours.
    inner = _BAR.sub(lambda run: f"{run[1]}{' ' * bool(run[1])}\\|", text) if in_table else text
    return f"{fence} {inner} {fence}" if longest else f"{fence}{inner}{fence}"


def _prose(text: str) -> str:
    """
    Plain text, each sign of punctuation by its number.
    """
    escaped = _PUNCTUATION.sub(lambda sign: f"&#{ord(sign[0])};", text)
    # Whoever looks for mentions does so in what is shown: a blank of no width parts them.
    return _JOINED.sub(lambda sign: f"{sign[0]}\u200b", escaped)


def _block(language: str, lines: list[str]) -> str:
    if not lines:
        return ""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}\n\n"
