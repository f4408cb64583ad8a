"""
The token occurs in no output of the suite, even when the server sends it back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import QuietHandler, http_server
from tests.tools import JOBPROOF, run_to_end

from jobproof.contract.plugins import default_api, find_api

TOKEN = 'tok"en\\with/odd+signs-5d2f'
JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"


class Parrot(QuietHandler):
    """
    Gives back what it is sent, in every place where it can.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = self.headers.get("Authorization", "nobody")
        told = told.removeprefix("Bearer ")
        value = {"job_id": told, "status": told, "created_at": told, "error": {"code": told}}
        body = json.dumps(value).encode() + (b"\xff" if "not-an-id" in self.path else b"")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Echo", told)
        self.send_header("Location", f"/{told}")
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET


@pytest.fixture
def parrot() -> Iterator[str]:
    with http_server(Parrot) as url:
        yield url


def test_a_token_that_is_sent_back_stands_in_no_output(parrot: str, tmp_path: Path) -> None:
    variable = find_api(default_api()).profile.token_env
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    command = [*JOBPROOF, "test", "--url", parrot, "--job", JOB]
    command += ["--report", str(report), "--junit", str(junit), "--effort", "quick"]
    command += ["--", "-vv", "--showlocals", "--tb=long"]
    done = run_to_end(*command, env={**os.environ, variable: TOKEN})
    assert done.returncode == 1
    assert "no_secret_in_answer" in done.stdout
    written = report.read_text() + junit.read_text()
    for spelling in (TOKEN, json.dumps(TOKEN)[1:-1], json.dumps(json.dumps(TOKEN)[1:-1])[1:-1]):
        assert spelling not in done.stdout
        assert spelling not in done.stderr
        assert spelling not in written
    entries = [f["evidence"]["har"] for f in json.loads(report.read_text())["findings"]]
    encoded = [e["response"]["content"] for e in entries if "encoding" in e["response"]["content"]]
    import base64

    assert all(TOKEN.encode() not in base64.b64decode(c["text"]) for c in encoded)
