"""
What a real Chromium records of a page that polls jobs, in each way in which Playwright records:
quiet about a right server, and broken for each of ten faults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.contract.recordings.polling_page import (
    MODES,
    Mode,
    PollingPage,
    chromium,
    polling_page,
)

from jobproof.contract.mock.faults import FAULTS
from jobproof.contract.suite.cli import check

pytestmark = [pytest.mark.ladder, pytest.mark.xdist_group("chromium")]

TEN_FAULTS = (
    "id_of_another_job",
    "status_null",
    "creation_with_space",
    "creation_drifts",
    "status_goes_back",
    "end_undone",
    "result_missing",
    "json_truncated",
    "media_type_html",
    "crash_at_times",
)
# What is seen without a body.
BY_HEAD_ALONE = ("media_type_html", "crash_at_times")

every_mode = pytest.mark.parametrize("mode", MODES, ids=[mode.name for mode in MODES])


@pytest.fixture(scope="module")
def page() -> Iterator[PollingPage]:
    with chromium() as browser, polling_page(browser) as page:
        yield page


def judged(place: Path) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(check, [str(place), "--api", "krea", "--json"])
    assert isinstance(done.exception, SystemExit | None), done.output
    return done.exit_code, json.loads(done.stdout)


def broken_in(report: dict[str, Any]) -> set[str]:
    return {found["check"] for found in report["findings"] if found["breaks"]}


@every_mode
def test_a_right_server_stays_quiet(page: PollingPage, tmp_path: Path, mode: Mode) -> None:
    code, report = judged(page.record(tmp_path, mode))
    assert broken_in(report) == set()
    assert (code, report["verdict"]) == ((0, "kept") if mode.shows_bodies else (3, "inconclusive"))
    skipped = {one["reason"]: one["count"] for one in report["skipped"]}
    # The application's own page and the listing; each job asked across origins, and one opened.
    assert skipped["other_address"] >= 2
    assert skipped["not_fetched"] >= 1
    # Given up, and blocked.
    assert skipped["no_answer"] >= 2
    # Without sizes a recording doesn't tell an answer from the cache's.
    assert ("from_cache" in skipped) is (mode.detail == "full")
    assert "unreadable" not in skipped


@pytest.mark.parametrize("fault", TEN_FAULTS)
@every_mode
def test_a_fault_breaks(page: PollingPage, tmp_path: Path, mode: Mode, fault: str) -> None:
    code, report = judged(page.record(tmp_path, mode, faults=[fault]))
    if mode.shows_bodies or fault in BY_HEAD_ALONE:
        assert code == 1
        assert broken_in(report) & set(FAULTS[fault].promises)
    else:
        assert code == 3
        assert broken_in(report) == set()
