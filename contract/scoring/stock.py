"""
Stock Schemathesis against the same servers, for comparison.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobproof.contract.formats.json_value import JsonDocument
from jobproof.contract.mock import MockOptions, MockServer
from jobproof.contract.model.api import Api

__all__ = ["document_for_stock", "run_stock"]

_TIMEOUT_S = 1200  # hundreds of requests to a slow server, one after the other


def run_stock(api: Api, options: MockOptions) -> bool:
    """
    Whether stock Schemathesis is red, at its best: 401 and 429 added to the document,
    and a finished job under the document's own example id.
    """
    with MockServer(api, **options) as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.json"
        ended = next(job.id for job in server.jobs if job.has_ended(time.time()))
        path.write_text(json.dumps(document_for_stock(api, [ended])))
        at = api.access.token_at
        command = [sys.executable, "-P", "-m", "schemathesis.cli", "run", str(path)]
        command += ["-u", server.url]
        if at.place == "header":
            command += ["-H", f"{at.name}: {at.written(server.token)}"]
        command += ["--seed", "1", "--continue-on-failure"]
        command += ["--max-response-time", "1", "--request-timeout", "5", "--no-color"]
        done = subprocess.run(  # noqa: S603 -- our own command line
            command,
            cwd=folder,  # its example database and any configuration stay out of the comparison
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return done.returncode != 0


def document_for_stock(api: Api, known_ids: Sequence[str]) -> JsonDocument:
    """
    The API's document with what Schemathesis needs to do its best: the codes that it would
    else call undocumented on every server, and ids of jobs that there are.
    """
    # A copy by way of JSON: the API's own document is shared and must stay as it is.
    document: dict[str, Any] = json.loads(json.dumps(api.operation.document))
    operation = document["paths"][api.operation.path][api.operation.method.lower()]
    # Undocumented, a 401 makes it red on every server, a 429 on each that throttles politely.
    for code in ("401", "429"):
        operation["responses"].setdefault(code, {"description": "added for the comparison"})
    for parameter in operation["parameters"]:
        if parameter["name"] == api.operation.parameter:
            parameter.pop("example", None)
            parameter["examples"] = {
                f"job-{number}": {"value": job_id} for number, job_id in enumerate(known_ids)
            }
    return document
