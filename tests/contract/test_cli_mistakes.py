"""
Every mistake on the command line: one line that says where and what to do, exit 2 (3 where
nothing can be said), never a traceback, never the token.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.servers import free_port
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract.plugins import default_api, find_api

TOKEN = "tok-do-not-print-me-91f3"
JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"


def jobproof(*args: str, cwd: Path, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
    variable = find_api(default_api()).profile.token_env
    environ = {k: v for k, v in os.environ.items() if k != variable}
    if token is not None:
        environ[variable] = token
    return run_to_end(*JOBPROOF, *args, folder=cwd, env=environ)


URL = "http://127.0.0.1:9"
LIVE = ("test", "--url", URL, "--job", JOB)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("test", "--api", "kria"), "unknown API 'kria'. Did you mean 'krea'?"),
        (
            ("test", "--url", "api.example.com", "--job", JOB),
            "--url 'api.example.com' has no scheme: write https://api.example.com",
        ),
        (
            ("test", "--url", "https://", "--job", JOB),
            "--url 'https://' has no host: write https://api.example.com",
        ),
        (
            ("test", "--url", "https://u:p@api.example.com", "--job", JOB),
            "--url holds a user name or password: give the token by --token-env",
        ),
        (
            ("test", "--url", URL),
            (
                f"{URL} needs a known job: give at least one --job ID, "
                "else no answer with a job in it can be judged"
            ),
        ),
        (
            ("test", "--url", URL, "--job", ".."),
            "--job '..' is no id: it leads to another route",
        ),
        (
            ("test", "https://user:secret@api.example.com", "--job", "a"),
            "the endpoint's address needs its option: --url https://…",
        ),
        ((*LIVE, "--rate-limit", "5"), "rate limit '5': write 30/m, 2/s or unlimited"),
        ((*LIVE, "--budget", "0"), "--budget 0: must be at least 1 request"),
        ((*LIVE, "--timeout", "0"), "--timeout 0: must be more than 0 seconds"),
        (
            ("check", "missing.har"),
            "missing.har: can't be read: No such file or directory",
        ),
        (("check", "empty.har"), "empty.har: the file is empty: record some traffic first"),
        (("check", "no.har"), "no.har: no HAR: it has no log.entries"),
        (
            ("check", "hollow.har"),
            "hollow.har: the HAR is empty: record some traffic first",
        ),
    ],
)
def test_a_mistake_is_one_line(args: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "empty.har").write_text("")
    (tmp_path / "no.har").write_text("{}")
    (tmp_path / "hollow.har").write_text('{"log": {"entries": []}}')
    done = jobproof(*args, cwd=tmp_path)
    assert done.stderr == f"jobproof: {message}\n"
    assert done.stdout == ""
    assert done.returncode == 2


def test_a_missing_token_names_its_variable(tmp_path: Path) -> None:
    variable = find_api(default_api()).profile.token_env
    done = jobproof(*LIVE, cwd=tmp_path, token=None)
    assert done.stderr == (
        f"jobproof: the environment variable {variable} holds no token: "
        f"export {variable}=… or name another with --token-env\n"
    )
    assert done.returncode == 2


def test_a_misspelt_command_is_named_with_its_neighbour(tmp_path: Path) -> None:
    done = jobproof("tset", cwd=tmp_path)
    assert "Error: no command 'tset'. Did you mean 'test'?" in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  basis: documented",
            "  basis: documentd",
            "id.basis: input should be 'documented', 'rfc' or 'inferred' (found 'documentd')",
        ),
        (
            "case_insensitive",
            "case_insensitiv",
            "id.case_insensitiv: unknown key. Did you mean 'case_insensitive'?",
        ),
        ("at: /job_id", "at: job_id", "id.at: a JSON Pointer starts with '/': write '/job_id'"),
    ],
)
def test_a_wrong_profile_is_told_by_line_and_key(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "api"
    shutil.copytree(find_api(default_api()).folder, folder)
    profile = folder / "profile.yaml"
    text = profile.read_text().replace(old, new, 1)
    profile.write_text(text)
    line = next(i for i, t in enumerate(text.splitlines(), 1) if new in t)
    done = jobproof("test", "--api", str(folder), "--url", URL, "--job", JOB, cwd=tmp_path)
    assert done.stderr == f"jobproof: {profile}:{line}: {message}\n"
    assert done.returncode == 2


def test_an_unreadable_document_is_told_by_line(tmp_path: Path) -> None:
    folder = tmp_path / "api"
    shutil.copytree(find_api(default_api()).folder, folder)
    (folder / "openapi.yaml").write_text("openapi: 3.1.0\npaths: [\n")
    done = jobproof("test", "--api", str(folder), "--url", URL, "--job", JOB, cwd=tmp_path)
    assert done.stderr.startswith(f"jobproof: {folder.resolve()}/openapi.yaml:3: not YAML: ")
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2


def test_an_unreachable_host_is_inconclusive(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = jobproof("test", "--url", url, "--job", JOB, cwd=tmp_path)
    assert f"verdict: inconclusive: {url} can't be reached: " in done.stdout
    assert done.returncode == 3
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_dry_run_lists_requests_and_never_the_token(tmp_path: Path) -> None:
    done = jobproof(*LIVE, "--dry-run", cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert sum(JOB in line for line in lines) > 5
    assert not [
        line for line in lines if JOB in line and line.split()[0] not in ("GET", "HEAD", "OPTIONS")
    ]
    assert TOKEN not in done.stdout + done.stderr
