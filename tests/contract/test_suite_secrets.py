"""
The token occurs in no output of the suite, in whatever spelling the server sends it back.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import unquote

import pytest
from tests.parrot import TOKEN, Parrot, shown_in
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract.plugins import default_api, find_api
from jobproof.contract.recordings.har.entry import read_har_entry
from jobproof.contract.recordings.har.writer import har
from jobproof.contract.suite.publishing.publish import OUTPUTS

JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    with Parrot().serve() as serving:
        yield serving


def _run(*arguments: str) -> CompletedProcess[str]:
    variable = find_api(default_api()).profile.token_env
    return run_to_end(*JOBPROOF, *arguments, env={**os.environ, variable: TOKEN})


def _bodies(report: Path) -> Iterator[str]:
    for finding in json.loads(report.read_text())["findings"]:
        content = finding["evidence"]["har"]["response"]["content"]
        if "encoding" in content:
            yield base64.b64decode(content["text"]).decode("latin-1")


def test_a_token_that_is_sent_back_stands_in_no_output(parrot: Parrot, tmp_path: Path) -> None:
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    target = ["--url", parrot.url, "--job", JOB, "--job", TOKEN, "--effort", "quick"]
    files = ["--report", str(report), "--junit", str(junit)]
    made = {name: tmp_path / name for name in OUTPUTS}
    files += [f"--{name.replace('_', '-')}={path}" for name, path in made.items()]
    done = _run("test", *target, *files, "--", "-vv", "--showlocals", "--tb=long")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no_secret_in_answer" in done.stdout
    outputs = [done.stdout, done.stderr, report.read_text(), junit.read_text(), *_bodies(report)]
    assert len(outputs) > 4
    published = [path.read_text(encoding="utf-8") for path in made.values()]
    assert all("no_secret_in_answer" in text for text in published)
    # A page and a line of a command spell their signs anew.
    outputs += [*published, *map(unescape, published), *map(unquote, published)]
    assert [shown_in(output) for output in outputs] == [[]] * len(outputs)
    entries = [found["evidence"]["har"] for found in json.loads(report.read_text())["findings"]]
    recording = tmp_path / "seen.har"
    recording.write_text(json.dumps(har(map(read_har_entry, entries))), encoding="utf-8")
    for options in ((), ("--json",)):
        checked = _run("check", str(recording), *options)
        assert checked.returncode == 1, checked.stderr
        assert shown_in(checked.stdout + checked.stderr) == []


def test_a_recording_of_somebody_else_is_judged_without_telling_its_token(tmp_path: Path) -> None:
    headers = [{"name": "Authorization", "value": f"Bearer {TOKEN}"}]
    body = json.dumps({"job_id": TOKEN, "status": TOKEN, TOKEN: 1})
    entry = {
        "startedDateTime": "2026-09-21T12:00:00Z",
        "request": {
            "method": "GET",
            "url": f"https://api.krea.ai/jobs/{JOB}",
            "headers": headers,
        },
        "response": {"status": 200, "headers": [], "content": {"text": body}},
    }
    path = tmp_path / "other.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    for options in ((), ("--json",)):
        done = _run("check", str(path), "--api", "krea", *options)
        assert done.returncode == 1, done.stderr
        assert shown_in(done.stdout + done.stderr) == []


def test_a_plan_tells_no_token(parrot: Parrot) -> None:
    done = _run("test", "--url", parrot.url, "--job", TOKEN, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "***" in done.stdout
    assert shown_in(done.stdout) == []
