"""
`jobproof test` and `jobproof once` against a server, and what they said.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools import JOBPROOF, PATIENCE_S, run_to_end

__all__ = ["Conclusion", "PlainAnswer", "ask", "held_to_its_contract"]


@dataclass(frozen=True)
class Conclusion:
    """
    What a run of the suite came to.

    Attributes:
        said: All that it printed.
        report: Its report, empty if it came to none.
    """

    exit_code: int
    said: str
    report: Mapping[str, Any]

    def found(self, kind: str, *, breaking: bool = False) -> dict[tuple[str, str], Any]:
        """
        The findings of that kind, by check and place.

        Args:
            breaking: Only those that turn the run red.
        """
        return {
            (finding["check"], finding["pointer"]): finding
            for finding in self.report["findings"]
            if finding["kind"] == kind and (finding["breaks"] or not breaking)
        }

    @property
    def broken(self) -> set[str]:
        """
        The checks that turned the run red.
        """
        return {check for check, _ in self.found("violation", breaking=True)}

    @property
    def warnings(self) -> set[str]:
        """
        The checks that found an inferred promise broken, and no other.
        """
        return {check for check, _ in self.found("violation")} - self.broken

    @property
    def statuses(self) -> set[str]:
        """
        The status words that were seen.
        """
        return {word for word, seen in self.report["reach"]["job_statuses"].items() if seen}


def held_to_its_contract(
    api: Path | str, url: str, jobs: Iterable[str], folder: Path, *options: str
) -> Conclusion:
    """
    Run the suite against a server.
    """
    report = folder / "report.json"
    done = run_to_end(
        *(*JOBPROOF, "test", "--api", str(api), "--url", url, "--report", report, "--seed", "7"),
        *(word for job in jobs for word in ("--job", job)),
        *options,
        folder=folder,
    )
    written = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return Conclusion(done.returncode, done.stdout + done.stderr, written)


@dataclass(frozen=True)
class PlainAnswer:
    """
    What a server answers to a request that jobproof has no part in.
    """

    code: int
    headers: Mapping[str, str]
    body: Any


def ask(url: str, method: str = "GET", body: object = None, **headers: str) -> PlainAnswer:
    """
    One request, by the standard library; a body and its answer are JSON.

    Args:
        headers: Their names with `_` in the place of `-`.
    """
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        named["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return _read(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return _read(refused.code, refused.headers, refused.read())


def _read(code: int, headers: Any, body: bytes) -> PlainAnswer:
    lower = {name.lower(): value for name, value in headers.items()}
    is_json = "json" in lower.get("content-type", "")
    return PlainAnswer(code, lower, json.loads(body) if body and is_json else body)
