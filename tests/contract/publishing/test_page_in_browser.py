"""
The report's page in a real Chromium, light and dark: readable by axe-core's rules, as wide as the
window, and quiet: nothing is loaded and nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from tests.contract.publishing.made_reports import hostile, made_finding, made_report
from tests.contract.recordings.polling_page import chromium

from jobproof.contract.suite.publishing.html import html
from jobproof.contract.suite.publishing.shown_report import read_shown_report

pytestmark = pytest.mark.xdist_group("chromium")

_WARNING = made_finding(breaks=False, check="age_is_right", severity="low", first_at=None)
_ACCEPTED = made_finding(breaks=False, accepted="known, until 2027-01-01")
_GAP = made_finding(breaks=False, kind="gap")
_ALL = made_report(made_finding(), _WARNING, _ACCEPTED, _GAP, overlay={"overlay": "1.0.0"})
REPORTS = {
    "broken": _ALL,
    "kept": made_report(),
    "inconclusive": made_report(
        verdict="inconclusive", why="too little", reach={"missing": ["no ended job was seen"]}
    ),
    "hostile": hostile(_ALL),
    "long": hostile(_ALL, "x" * 100_000),
}
every_report = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
in_light_and_in_dark = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    """
    Opens a report's page; what it asked for and what the console said are kept beside it.
    """
    contexts = []

    def open_page(report: dict[str, Any], **how: Any) -> tuple[Page, list[str]]:
        path = tmp_path / "page.html"
        path.write_text(html(read_shown_report(report)), encoding="utf-8")
        context = browser.new_context(**how)
        contexts.append(context)
        page = context.new_page()
        heard: list[str] = []
        page.on("request", lambda asked: heard.append(asked.url))
        page.on("console", lambda said: heard.append(said.text))
        page.on("dialog", lambda shown: heard.append(shown.message))
        page.goto(path.as_uri())
        assert heard.pop(0) == path.as_uri()
        return page, heard

    yield open_page
    for context in contexts:
        context.close()


@every_report
@in_light_and_in_dark
def test_axe_core_finds_nothing(opened: Any, report: dict[str, Any], scheme: str) -> None:
    # axe-core is a script, which the page's own policy would keep out.
    page, _ = opened(report, color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 10


def test_axe_core_would_find_what_is_wrong(opened: Any) -> None:
    page, _ = opened(REPORTS["broken"], bypass_csp=True)
    page.evaluate("document.querySelector('h1').style.color = '#fdd'")
    assert Axe().run(page).violations_count == 1


@every_report
@pytest.mark.parametrize("width", [320, 760, 1280])
def test_nothing_is_loaded_or_wider_than_the_window(
    opened: Any, report: dict[str, Any], width: int
) -> None:
    page, heard = opened(report, viewport={"width": width, "height": 900})
    assert heard == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@in_light_and_in_dark
def test_its_style_is_let_in_and_follows_the_readers_choice(opened: Any, scheme: str) -> None:
    page, heard = opened(REPORTS["broken"], color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(244, 245, 247)", "dark": "rgb(14, 17, 22)"}[scheme]
    assert heard == []


def test_it_reads_the_same_without_a_script(opened: Any) -> None:
    page, _ = opened(REPORTS["broken"], java_script_enabled=False)
    text = page.inner_text("main")
    for part in ("1 finding breaks the contract", "A job is the one asked.", "processing", "again"):
        assert part in text
