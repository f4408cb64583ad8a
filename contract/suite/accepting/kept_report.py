"""
The report of an earlier run, as far as it is read again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.json_value import Json, JsonDocument
from jobproof.contract.formats.wording import legible, shorten

__all__ = ["REPORT_FORMAT", "KeptReport", "read_report"]

REPORT_FORMAT = 1
"""Counted up where a reader of the report would misread what is written from then on."""

# With the whole evidence of five hundred findings; beyond that it is something else.
_MOST_BYTES = 64 * 1024 * 1024
_TEXTS = ("check", "kind", "pointer", "message")


@dataclass(frozen=True, slots=True)
class KeptReport:
    """
    Attributes:
        url: Where the API was asked; None of recordings that were held to none.
        findings: Each with a text for check, kind, pointer and message.
    """

    path: Path
    api: str
    url: str | None
    started_at: str
    findings: tuple[JsonDocument, ...]


def read_report(path: Path) -> KeptReport:
    """
    Read what `--report` has written.

    Raises:
        ConfigError: In one line: it can't be read, or is no report that this version reads.
    """
    value = _json_in(path)
    problem = _problem_with(value)
    if problem or not isinstance(value, dict):
        raise ConfigError(f"{path}: {problem or 'not a report'}")
    return KeptReport(
        path, value["api"], value["url"], value["started_at"], tuple(value["findings"])
    )


def _json_in(path: Path) -> Json:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"{path}: can't be read: {exc.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{path}: larger than {_MOST_BYTES // 1024**2} MiB: no report of a run")
    try:
        value: Json = json.loads(data)
    # Bytes that aren't UTF-8, text that isn't JSON, and a number of thousands of digits.
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}: not JSON: name what --report F.json wrote") from None
    return value


def _problem_with(value: Json) -> str:
    """
    Why that is no report which can be read here; "" where it is one.
    """
    other = "not a report of jobproof: name what --report F.json wrote"
    if not isinstance(value, dict):
        return other
    written_by = value.get("jobproof")
    if not isinstance(written_by, str) or "findings" not in value or "verdict" not in value:
        return other
    # What a report says may change from one major version to the next.
    if written_by.partition(".")[0] != version("jobproof").partition(".")[0]:
        return (
            f"a report of jobproof {written_by[:20]!r}, and this is {version('jobproof')}: "
            "make it again"
        )
    if value.get("format") != REPORT_FORMAT or isinstance(value["format"], bool):
        shown = legible(shorten(str(value.get("format")), 20))
        return f"a report of format {shown}, and jobproof reads those of format {REPORT_FORMAT}"
    texts = isinstance(value.get("api"), str) and isinstance(value.get("started_at"), str)
    has_url = "url" in value and isinstance(value["url"], str | None)
    findings = value["findings"]
    if not texts or not has_url or not isinstance(findings, list):
        return "a report that lacks what one says: make it again"
    for index, one in enumerate(findings):
        if not isinstance(one, Mapping) or not _is_finding(one):
            return f"findings[{index}] is none: make the report again"
    return ""


def _is_finding(one: Mapping[str, Json]) -> bool:
    pointers = one.get("pointers")
    return (
        all(isinstance(one.get(key), str) for key in _TEXTS)
        and isinstance(one.get("breaks"), bool)
        and isinstance(pointers, list)
        and all(isinstance(pointer, str) for pointer in pointers)
    )
