"""
Which files a report is told in, and their writing: one that can't be written costs no other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.formats.text_file import write_text
from jobproof.contract.formats.wording import legible_json
from jobproof.contract.suite.options import OptionValues
from jobproof.contract.suite.publishing.annotations import annotation_lines
from jobproof.contract.suite.publishing.code_quality import code_quality
from jobproof.contract.suite.publishing.markdown import MOST_BYTES, markdown
from jobproof.contract.suite.publishing.sarif import sarif
from jobproof.contract.suite.publishing.shown_report import ShownReport, read_shown_report
from jobproof.contract.suite.reporting.report import report_text

__all__ = ["OUTPUTS", "TO_GITHUB", "Published", "publish", "publish_report"]

TO_GITHUB = "github"
"""In the place of a file: GitHub reads annotations from what is printed."""
_FEWEST_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Published:
    """
    Attributes:
        printed: Lines for whoever reads what is printed.
        mistakes: Files that couldn't be written, and why, a line each.
    """

    printed: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()


def _as_html(report: ShownReport) -> str:
    # Jinja takes its time to load, and most runs write no page.
    from jobproof.contract.suite.publishing.html import html

    return html(report)


OUTPUTS: Mapping[str, Callable[[ShownReport], str]] = {
    "summary": markdown,
    "annotations": lambda report: "".join(f"{line}\n" for line in annotation_lines(report)),
    "sarif": lambda report: _json(sarif(report)),
    "code_quality": lambda report: _json(code_quality(report)),
    "html": _as_html,
}
"""What is made of a report, by the key of its option."""


def publish(
    report: JsonDocument, values: OptionValues, *, environ: Mapping[str, str] = os.environ
) -> Published:
    """
    Write the report and all that is asked for of it; on GitHub the summary and the annotations by
    themselves.
    """
    texts: list[tuple[str, Callable[[], str]]] = []
    if values["report"]:
        texts.append((values["report"], lambda: f"{report_text(report)}\n"))
    asked = {key: values.get(key) or "" for key in OUTPUTS}
    is_github = environ.get("GITHUB_ACTIONS") == "true"
    step_summary = environ.get("GITHUB_STEP_SUMMARY", "")
    if is_github and not asked["annotations"]:
        asked["annotations"] = TO_GITHUB
    if not any(asked.values()) and not step_summary:
        return Published(mistakes=tuple(_written(texts)))
    shown = read_shown_report(report)
    told = publish_report(shown, asked)
    if step_summary:
        _append(shown, Path(step_summary))
    return Published(told.printed, (*_written(texts), *told.mistakes))


def publish_report(report: ShownReport, asked: Mapping[str, str]) -> Published:
    """
    Write what is asked for.

    Args:
        asked: The file for each key of `OUTPUTS`; "" for none.
    """
    printed: list[str] = []
    texts: list[tuple[str, Callable[[], str]]] = []
    for key, make in OUTPUTS.items():
        if key == "annotations" and asked[key] == TO_GITHUB:
            printed.extend(annotation_lines(report))
        elif asked[key]:
            texts.append((asked[key], lambda make=make: make(report)))  # type: ignore[misc]
    return Published(tuple(printed), tuple(_written(texts)))


def _written(texts: Iterable[tuple[str, Callable[[], str]]]) -> Iterator[str]:
    """
    Write each; a line for each that can't be written.
    """
    for place, make in texts:
        try:
            write_text(make(), Path(place), ConfigError)
        except ConfigError as exc:
            yield str(exc)


def _append(report: ShownReport, place: Path) -> None:
    """
    Add the summary to what other steps have written there, if there is room for it. Nobody has
    asked for it, so one that can't be written is no mistake.
    """
    try:
        left = MOST_BYTES - (place.stat().st_size if place.exists() else 0)
        if left >= _FEWEST_BYTES:
            with place.open("a", encoding="utf-8") as file:
                file.write(f"\n{markdown(report, most_bytes=left)}\n")
    except OSError:
        return


def _json(value: object) -> str:
    return f"{legible_json(json.dumps(value, indent=2, ensure_ascii=False))}\n"
