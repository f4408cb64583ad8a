"""
What a real Chromium records of a page that polls jobs, in each way in which Playwright records:
quiet about a right server, and broken for each of ten faults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

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

pytestmark = pytest.mark.xdist_group("chromium")

TEN_FAULTS = (
    "id_of_another_job",
    "status_null",
    "creation_with_space",
    "creation_drifts",
    "status_goes_back",
    "end_undone",
    "result_changes_after_end",
    "result_missing",
    "media_type_html",
    "json_truncated",
)
# What is seen without a body.
BY_HEAD_ALONE = ("media_type_html",)


@pytest.fixture(scope="module")
def page() -> Iterator[PollingPage]:
    with chromium() as browser, polling_page(browser) as page:
        yield page


def judged(place: Path) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(check, [str(place), "--api", "krea", "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize("mode", MODES, ids=[mode.name for mode in MODES])
def test_a_right_server_stays_quiet(page: PollingPage, tmp_path: Path, mode: Mode) -> None:
    code, report = judged(page.record(tmp_path, mode))
    print(json.dumps(report, indent=1)[:3000])
    assert (code, report["verdict"]) == ((0, "kept") if mode.shows_bodies else (3, "inconclusive"))


@pytest.mark.parametrize("fault", TEN_FAULTS)
@pytest.mark.parametrize("mode", MODES, ids=[mode.name for mode in MODES])
def test_a_fault_breaks(page: PollingPage, tmp_path: Path, mode: Mode, fault: str) -> None:
    code, report = judged(page.record(tmp_path, mode, faults=[fault]))
    broken = {found["check"] for found in report["findings"] if found["breaks"]}
    if mode.shows_bodies or fault in BY_HEAD_ALONE:
        assert code == 1
        assert broken & set(FAULTS[fault].promises)
    else:
        assert code == 3
        assert broken == set()
