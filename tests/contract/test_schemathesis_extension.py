"""
Our checks as an extension of Schemathesis: by its own command, and in a test of somebody's.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tools import PYTHON, run_to_end

from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import api_names, default_api, find_api

_TEST = """
import os
import schemathesis
import jobproof.schemathesis

schema = schemathesis.openapi.from_path(os.environ["DOCUMENT"])
schema.config.update(base_url=os.environ["URL"])
schema.config.generation.update(max_examples=5)
schema.config.checks.update(included_check_names=["JobContract"])


@schema.include(path_regex=os.environ["ONLY"]).parametrize()
def test_api(case):
    case.call_and_validate(headers={"Authorization": "Bearer " + os.environ["SENT"]})
"""

Ended = subprocess.CompletedProcess[str]
Asked = Callable[..., Ended]


def _environment(server: MockServer, name: str, *, jobs: bool) -> dict[str, str]:
    known = [job.id for job in server.jobs] if jobs else []
    foreign = [job.id for job in server.foreign_jobs] if jobs else []
    return {
        **os.environ,
        "JOBPROOF_API": name,
        "JOBPROOF_JOBS": ",".join(known),
        "JOBPROOF_FOREIGN_JOBS": ",".join(foreign),
        find_api(name).profile.token_env: server.token,
        "DOCUMENT": str(_document(name)),
        "URL": server.url,
        "SENT": server.token,
        "ONLY": "{",
    }


def _document(name: str) -> Path:
    api = find_api(name)
    return api.folder / api.profile.document


def _run(
    folder: Path,
    *arguments: str,
    faults: tuple[str, ...] = (),
    variants: tuple[str, ...] = (),
    name: str = "",
    jobs: bool = True,
    **environ: str,
) -> Ended:
    name = name or default_api()
    api = find_api(name).with_any_values()
    with MockServer(api, faults=faults, variants=variants) as server:
        return run_to_end(
            *(*PYTHON, "-m", "schemathesis.cli", "run", _document(name), "--url", server.url),
            *("-H", f"Authorization: Bearer {server.token}", "-n", "5", "--no-color"),
            *("--checks", "JobContract", *arguments),
            folder=folder,
            env={
                **_environment(server, name, jobs=jobs),
                "SCHEMATHESIS_HOOKS": "jobproof.schemathesis",
                **environ,
            },
        )


@pytest.mark.parametrize("name", api_names())
@pytest.mark.parametrize("jobs", [True, False], ids=["jobs known", "no job known"])
def test_a_right_server_passes(tmp_path: Path, name: str, jobs: bool) -> None:
    done = _run(tmp_path, "--workers", "3", name=name, jobs=jobs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout or "warning" in done.stdout


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("id_malformed", "job_id_is_echoed"),
        ("status_goes_back", "status_moves_forward"),
        ("status_unheard_of", "status_is_documented"),
    ],
)
def test_a_broken_promise_is_a_failure_of_schemathesis(
    tmp_path: Path, fault: str, check: str
) -> None:
    done = _run(tmp_path, "--workers", "2", faults=(fault,))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{check}: " in done.stdout
    for line in ("  promised  ", "  asked     GET ", "  seen      at ", "  again     curl "):
        assert line in done.stdout


def test_no_token_stands_in_what_it_says(tmp_path: Path) -> None:
    done = _run(tmp_path, faults=("id_malformed",))
    variable = find_api(default_api()).profile.token_env
    assert f"Authorization: Bearer ${variable}" in done.stdout
    assert "mock-owner" not in done.stdout + done.stderr


def test_a_run_that_judged_nothing_says_so(tmp_path: Path) -> None:
    other = next(name for name in api_names() if name != default_api())
    done = _run(tmp_path, JOBPROOF_API=other)
    assert done.returncode == 1, done.stdout
    assert "jobproof judged no answer" in done.stdout


def test_interim_answers_end_the_judging_and_break_nothing(tmp_path: Path) -> None:
    done = _run(tmp_path, variants=("interim_answers",))
    assert "jobproof stopped judging: the server sends interim answers" in done.stdout
    assert "promised  " not in done.stdout


def test_an_unknown_api_is_a_message(tmp_path: Path) -> None:
    done = _run(tmp_path, JOBPROOF_API="acme")
    assert done.returncode != 0
    assert "unknown API 'acme'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def _pytest(folder: Path, *, faults: tuple[str, ...] = (), **environ: str) -> Ended:
    (folder / "test_mine.py").write_text(_TEST, encoding="utf-8")
    with MockServer(find_api(default_api()), faults=faults) as server:
        return run_to_end(
            *(*PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"),
            folder=folder,
            env={**_environment(server, default_api(), jobs=True), **environ},
        )


def test_a_test_of_ones_own_judges_by_our_checks_too(tmp_path: Path) -> None:
    done = _pytest(tmp_path, faults=("id_in_capitals",), JOBPROOF_STRICT="1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "job_id_keeps_its_case: " in done.stdout


def test_a_test_of_ones_own_passes_where_all_is_right(tmp_path: Path) -> None:
    done = _pytest(tmp_path, JOBPROOF_STRICT="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_what_is_inferred_fails_only_where_strict(tmp_path: Path) -> None:
    lax = _run(tmp_path, faults=("id_in_capitals",))
    assert lax.returncode == 0, lax.stdout
    strict = _run(tmp_path, faults=("id_in_capitals",), JOBPROOF_STRICT="1")
    assert strict.returncode == 1, strict.stdout
