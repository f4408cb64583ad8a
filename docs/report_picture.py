"""
Draws docs/pictures/report.png: the page of a real run against the mock with a fault, as Chromium
shows it. `python docs/report_picture.py` after a change to the page; `--dark F.png` draws it dark.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api

PICTURE = Path(__file__).parent / "pictures" / "report.png"
FAULT = "status_goes_back"
LIVES = ("image", "video", "preview")
SIZE = {"width": 1000, "height": 1016}


def make_page(folder: Path) -> Path:
    """
    The page of a run.
    """
    page = folder / "report.html"
    api = find_api(default_api())
    with MockServer(api, faults=[FAULT]) as server:
        jobs = [f"--job={job.id}" for job in server.jobs if job.life in LIVES]
        command = [
            *(sys.executable, "-P", "-m", "jobproof", "test", "--quiet", "--url", server.url),
            *(*jobs, "--seed", "1", "--poll-interval", "0.2", "--html", str(page)),
        ]
        env = {**os.environ, api.profile.token_env: server.token}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        sys.exit(f"the run was to be broken:\n{done.stdout}{done.stderr}")
    return page


def draw(page: Path, picture: Path, scheme: str) -> None:
    """
    What a window of that size shows of the page.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        window = browser.new_page(viewport=SIZE, color_scheme=scheme)
        window.goto(page.as_uri())
        window.screenshot(path=picture)
        browser.close()


def main(arguments: list[str]) -> int:
    """
    Draw the picture of the README, or a dark one.
    """
    dark = arguments[1] if arguments[:1] == ["--dark"] else None
    with tempfile.TemporaryDirectory() as folder:
        page = make_page(Path(folder))
        draw(page, Path(dark or PICTURE), "dark" if dark else "light")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
