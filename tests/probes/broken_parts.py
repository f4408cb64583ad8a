"""
Parts of somebody's package, each broken in the way that the variable BREAK names.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobproof.contract.model.check import Facet, check
from jobproof.contract.model.exchange import Request, Subject
from jobproof.contract.model.finding import Basis, violation
from jobproof.probes.canaries.canary import CanaryRequest, IdOptions
from jobproof.probes.sources.source import FoundIds, SourceOptions

__all__ = ["Env", "Lines", "Weekday", "broken_promise"]

how = os.environ.get("BREAK", "")
HOUR_S = 3_600.0

if how == "import_exits":
    raise SystemExit(0)
if how == "import_hangs":
    time.sleep(HOUR_S)
while how == "import_hangs_on":
    with suppress(KeyboardInterrupt):
        time.sleep(HOUR_S)


def holds_the_interpreter() -> None:
    """
    A pattern that backtracks for ever, and lets nobody else run meanwhile.
    """
    re.match(r"(a+)+$", "a" * 60 + "b")


class Wordless(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class ExitsInWords(ValueError):
    def __str__(self) -> str:
        raise SystemExit(0)


def breaks(part: str) -> None:
    """
    What each part does where it is the broken one.
    """
    if how == f"{part}_raises":
        raise ValueError("no")
    if how == f"{part}_wordless":
        raise Wordless
    if how == f"{part}_exits_in_words":
        raise ExitsInWords
    if how == f"{part}_exits":
        raise SystemExit(3)
    if how == f"{part}_interrupts":
        raise KeyboardInterrupt
    if how == f"{part}_hangs":
        time.sleep(HOUR_S)
    if how == f"{part}_spins":
        while True:
            pass
    if how == f"{part}_holds":
        holds_the_interpreter()


@check(basis=Basis.DOCUMENTED, source="our handbook", about=Facet.JOB)
def broken_promise(trace: Any) -> Any:
    """
    Every job has a body.
    """
    breaks("check")
    if how == "check_mutates":
        trace.latest.job.body["status"] = "hacked"
    if how == "check_kind":
        return (replace(violation("/part", expected=1, found=2), kind="x"),)  # type: ignore[arg-type]
    if how == "check_endless":
        return (violation(f"/part/{n}", expected=1, found=2) for n in iter(int, 1))
    return ()


class Weekday:
    """
    Asks for ids of mine.
    """

    Options = IdOptions
    absence_is_right = False
    round_size: Any = {"canary_huge": 10**9, "canary_sizeless": "3"}.get(how, 1)

    def __init__(self, options: IdOptions, _context: object) -> None:
        self._id = options.ids[0]

    def next_request(self) -> Any:
        breaks("canary")
        if how == "canary_none":
            return None
        if how == "canary_number":
            return CanaryRequest(7, Subject.KNOWN)  # type: ignore[arg-type]
        if how == "canary_empty":
            return CanaryRequest("", Subject.KNOWN)
        if how == "canary_subject":
            return CanaryRequest(self._id, "known")  # type: ignore[arg-type]
        if how == "canary_credential":
            return CanaryRequest(self._id, Subject.KNOWN, "mine")  # type: ignore[arg-type]
        return CanaryRequest(self._id, Subject.KNOWN)

    def on_result(self, _request: object, _outcome: object) -> Any:
        breaks("canary_told")
        return 5 if how == "canary_says_number" else None


class EnvOptions(SourceOptions):
    ids: tuple[str, ...] = ()


class Env:
    """
    Ids out of the configuration.
    """

    Options = EnvOptions

    def __init__(self, options: EnvOptions, _context: object) -> None:
        self.interval_s: Any = "5s" if how == "source_interval" else 0.0
        self._ids = options.ids

    def next_request(self) -> Any:
        breaks("source")
        if how == "source_no_url":
            return Request(method="GET", url=None, headers=())  # type: ignore[arg-type]
        return "/jobs" if how == "source_text" else None

    def on_answer(self, _exchange: object) -> Any:
        if how == "source_none":
            return None
        if how == "source_problem":
            return FoundIds((), 5)  # type: ignore[arg-type]
        if how == "source_rubbish":
            return FoundIds(("", None, 5, "a\nb", *self._ids))  # type: ignore[arg-type]
        if how == "source_flood":
            return FoundIds(tuple(f"{number:032x}" for number in range(200_000)))
        return FoundIds(self._ids)


class LinesOptions(BaseModel, frozen=how != "options_change"):
    path: str
    names: Any = [] if how == "options_list" else ()


class Lines:
    """
    One line a result.
    """

    Options = LinesOptions

    def __init__(self, options: LinesOptions) -> None:
        self._path = Path(options.path)

    def write(self, one: Any) -> None:
        breaks("sink")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{one.canary} {one.outcome.value}\n")

    def close(self) -> None:
        breaks("close")
