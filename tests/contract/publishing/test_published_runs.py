"""
Real runs against a mock with a fault and without one: every file names the fault, none holds the
token, one that can't be written costs no other, and a kept report gives the same again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import jsonschema_rs
import pytest
from tests.contract.publishing.made_reports import SCHEMA, made_finding, made_report
from tests.tools import JOBPROOF, PYTHON, run_to_end

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import default_api, find_api

FAULT, CHECK = "id_of_another_job", "job_id_is_echoed"
FILES = {
    "report": "report.json",
    "summary": "summary.md",
    "annotations": "annotations.txt",
    "sarif": "found.sarif",
    "code-quality": "quality.json",
    "html": "page.html",
}
MADE = {name: file for name, file in FILES.items() if name != "report"}
TOKEN_ENV = "TOKEN_OF_THE_TEST"


def options(names: Mapping[str, str | Path], *, prefix: str = "--") -> list[str]:
    return [f"{prefix}{name}={file}" for name, file in names.items()]


def environ(**more: str) -> dict[str, str]:
    """
    This process' own, as if no pipeline ran it.
    """
    own = {n: v for n, v in os.environ.items() if not n.startswith(("GITHUB_", "PYTEST_", "CI_"))}
    return {**own, **more}


def ran(server: MockServer, folder: Path, *arguments: str, **more: str) -> CompletedProcess[str]:
    jobs = [job for job in server.jobs if job.life in ("image", "old-image")]
    return run_to_end(
        *(*JOBPROOF, "test", "--url", server.url, "--token-env", TOKEN_ENV, "--effort", "quick"),
        *[f"--job={job.id}" for job in jobs],
        *arguments,
        folder=folder,
        env=environ(**{TOKEN_ENV: server.token}, **more),
    )


@pytest.fixture(scope="module")
def wrong() -> Iterator[MockServer]:
    with MockServer(find_api(default_api()), faults=[FAULT]) as server:
        yield server


@pytest.fixture(scope="module")
def found(wrong: MockServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """
    The folder of a run with all files, and what it printed.
    """
    folder = tmp_path_factory.mktemp("wrong")
    done = ran(wrong, folder, *options(FILES))
    assert done.returncode == 1, done.stdout + done.stderr
    return folder, done.stdout + done.stderr


def test_every_file_names_the_fault(found: tuple[Path, str]) -> None:
    folder, _ = found
    for name, file in FILES.items():
        assert CHECK in (folder / file).read_text(encoding="utf-8"), name
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    jsonschema_rs.validate(SCHEMA, report)
    results = json.loads((folder / "found.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert CHECK in {one["ruleId"] for one in results if one["level"] == "error"}


def test_the_report_tells_each_jobs_life_and_the_answer_around_the_fault(
    found: tuple[Path, str],
) -> None:
    report = json.loads((found[0] / "report.json").read_text(encoding="utf-8"))
    lives = [life for life in report["lives"] if len(life["steps"]) > 1]
    assert lives
    for life in report["lives"]:
        assert sum(step["sights"] for step in life["steps"]) == life["sights"]
        assert life["steps"][0]["first_s"] == 0
    (broken,) = (one for one in report["findings"] if one["check"] == CHECK)
    marked = [line for line in broken["evidence"]["excerpt"] if line.startswith("> ")]
    assert len(marked) == 1
    assert broken["job"] in {life["job"] for life in report["lives"]}
    assert broken["first_at"] <= broken["last_at"]


def test_no_output_holds_the_token(found: tuple[Path, str], wrong: MockServer) -> None:
    folder, printed = found
    assert wrong.token not in printed
    for file in FILES.values():
        assert wrong.token not in (folder / file).read_text(encoding="utf-8"), file


def test_a_kept_report_gives_the_same_again(found: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = found
    done = run_to_end(
        *(*JOBPROOF, "render", folder / "report.json", *options(MADE)),
        folder=tmp_path,
        env=environ(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for file in MADE.values():
        assert (tmp_path / file).read_bytes() == (folder / file).read_bytes(), file


def test_the_twins_in_pytest_write_the_same_files(wrong: MockServer, tmp_path: Path) -> None:
    job = next(job.id for job in wrong.jobs if job.life == "old-image")
    twins = {f"job-{name}": file for name, file in FILES.items()}
    done = run_to_end(
        *(*PYTHON, "-m", "pytest", "--pyargs", "jobproof.contract.suite", "-p", "no:randomly"),
        *(f"--job-api-url={wrong.url}", f"--job-id={job}", f"--job-token-env={TOKEN_ENV}"),
        *("--job-effort=quick", *options(twins)),
        folder=tmp_path,
        env=environ(**{TOKEN_ENV: wrong.token}),
    )
    assert done.returncode == 1, done.stdout
    for file in FILES.values():
        assert CHECK in (tmp_path / file).read_text(encoding="utf-8"), file


def test_on_github_summary_and_annotations_come_by_themselves(
    wrong: MockServer, tmp_path: Path
) -> None:
    step = tmp_path / "step.md"
    step.write_text("of another step\n", encoding="utf-8")
    done = ran(wrong, tmp_path, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(step))
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert any(f"title={CHECK}::" in line for line in lines)
    text = step.read_text(encoding="utf-8")
    assert text.startswith("of another step\n")
    assert f"`{CHECK}`" in text
    assert wrong.token not in text + done.stdout + done.stderr


def test_a_right_server_gets_no_annotation_and_says_so_in_its_summary(tmp_path: Path) -> None:
    step = tmp_path / "step.md"
    with MockServer(find_api(default_api())) as right:
        done = ran(
            *(right, tmp_path, *options(FILES)),
            GITHUB_ACTIONS="true",
            GITHUB_STEP_SUMMARY=str(step),
        )
    assert done.returncode == 0, done.stdout
    assert "::error" not in done.stdout
    assert "## ✅ Job endpoint contract: kept" in step.read_text(encoding="utf-8")
    assert (tmp_path / "annotations.txt").read_text(encoding="utf-8") == ""
    assert "kept" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_step_summary_that_is_full_or_cant_be_written_is_left_alone(
    wrong: MockServer, tmp_path: Path
) -> None:
    full = tmp_path / "full.md"
    full.write_text("x" * 999_000, encoding="utf-8")
    for place in (full, tmp_path):
        done = ran(wrong, tmp_path, GITHUB_STEP_SUMMARY=str(place))
        assert done.returncode == 1
        assert "can't be written" not in done.stdout + done.stderr
    assert full.stat().st_size == 999_000


def test_a_file_that_cant_be_written_costs_no_other_and_is_one_line(
    wrong: MockServer, tmp_path: Path
) -> None:
    files = {**FILES, "sarif": "/dev/full", "report": "/dev/full"}
    done = ran(wrong, tmp_path, *options(files))
    assert done.returncode == 2
    said = "jobproof: /dev/full: can't be written: No space left on device"
    assert done.stdout.splitlines().count(said) == 2
    assert "verdict: broken" in done.stdout
    for name in ("summary", "annotations", "code-quality", "html"):
        assert CHECK in (tmp_path / FILES[name]).read_text(encoding="utf-8")


# Recordings.


@pytest.fixture(scope="module")
def recording(found: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    report = json.loads((found[0] / "report.json").read_text(encoding="utf-8"))
    entries = [one["evidence"]["har"] for one in report["findings"]]
    path = tmp_path_factory.mktemp("seen") / "seen.har"
    log = {"version": "1.2", "creator": {"name": "a test", "version": "1"}, "entries": entries}
    path.write_text(json.dumps({"log": log}), encoding="utf-8")
    return path


def test_recordings_are_told_in_the_same_files(
    recording: Path, wrong: MockServer, tmp_path: Path
) -> None:
    command = (*JOBPROOF, "check", recording, "--url", wrong.url)
    done = run_to_end(*command, *options(FILES), folder=tmp_path, env=environ())
    assert done.returncode == 1, done.stdout + done.stderr
    for file in FILES.values():
        assert CHECK in (tmp_path / file).read_text(encoding="utf-8"), file


def test_what_is_printed_as_json_stays_json(recording: Path, wrong: MockServer) -> None:
    command = (*JOBPROOF, "check", recording, "--url", wrong.url, "--json")
    done = run_to_end(*command, "--annotations=github", env=environ())
    assert json.loads(done.stdout)["verdict"] == "broken"
    assert done.stderr.startswith("::error ")


def test_of_recordings_too_one_that_cant_be_written_costs_no_other(
    recording: Path, wrong: MockServer, tmp_path: Path
) -> None:
    files = {**FILES, "summary": "/dev/full", "junit": "junit.xml"}
    command = (*JOBPROOF, "check", recording, "--url", wrong.url)
    done = run_to_end(*command, *options(files), folder=tmp_path, env=environ())
    assert done.returncode == 2
    assert done.stderr == "jobproof: /dev/full: can't be written: No space left on device\n"
    assert "verdict: broken" in done.stdout
    assert (tmp_path / "junit.xml").is_file()
    assert (tmp_path / "page.html").is_file()


# `jobproof render`.


def rendered(folder: Path, report: Any, *arguments: str) -> CompletedProcess[str]:
    path = folder / "kept.json"
    if report is not None:
        path.write_text(report if isinstance(report, str) else json.dumps(report), "utf-8")
    return run_to_end(*JOBPROOF, "render", path, *arguments, folder=folder, env=environ())


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (None, "can't be read: No such file or directory"),
        ("", "no report: not JSON"),
        ("{", "no report: not JSON"),
        ("NaN", "no report: not JSON"),
        ("[" * 100_000, "no report: not JSON"),
        ([], "no report: not a JSON object"),
        ({"openapi": "3.1.0"}, "no report; jobproof reads those of format 1"),
        (made_report(format=2), "a report of format '2'; jobproof reads those of format 1"),
        (made_report(findings=7), "findings: not a list"),
    ],
    ids=["missing", "empty", "cut", "nan", "deep", "list", "document", "later", "wrong"],
)
def test_what_is_no_report_is_one_line(tmp_path: Path, report: Any, says: str) -> None:
    done = rendered(tmp_path, report, "--html=page.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"jobproof: {tmp_path / 'kept.json'}: {says}\n"
    assert not (tmp_path / "page.html").exists()


def test_a_file_that_is_too_big_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "kept.json").open("wb") as file:
        file.truncate(2**40)
    done = rendered(tmp_path, None, "--html=page.html")
    assert done.returncode == 2
    assert done.stderr.endswith("kept.json: no report: longer than 64 MiB\n")


def test_render_asks_for_something_to_write(tmp_path: Path) -> None:
    done = rendered(tmp_path, made_report())
    assert done.returncode == 2
    assert "nothing to write; give one of --summary, --annotations, --sarif" in done.stderr


def test_render_prints_annotations_and_ends_well_whatever_the_verdict(tmp_path: Path) -> None:
    done = rendered(tmp_path, made_report(made_finding()), "--annotations=github")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("::error file=api/openapi.yaml,line=12,title=job_id_is_echoed::")
