"""
Which file of the repository a finding stands for: code scanning shows nothing without one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.model.api import Api

__all__ = ["place_of"]

_PIPELINES = (".gitlab-ci.yml", "Jenkinsfile")
_MOST_BYTES = 8 * 1024 * 1024


def place_of(api: Api | None) -> JsonObject:
    """
    The API's document, where it lies in the current folder, at the line of its operation; else
    the file of the pipeline that runs, else the document's name.

    Args:
        api: None where it is not known.
    """
    if api is not None:
        document = api.folder / api.profile.document
        try:
            inside = document.resolve().relative_to(Path.cwd().resolve())
        except (ValueError, OSError):
            pass
        else:
            # A virtual environment may lie in the repository, and isn't part of it.
            if "site-packages" not in inside.parts:
                return {"path": inside.as_posix(), "line": _line(document, api.operation.path)}
    workflow = re.search(r"\.github/workflows/[^@]+", os.environ.get("GITHUB_WORKFLOW_REF", ""))
    named = workflow[0] if workflow else os.environ.get("CI_CONFIG_PATH", "")
    found = next((one for one in (named, *_PIPELINES) if one and Path(one).is_file()), None)
    name = api.profile.document if api is not None else "profile.yaml"
    return {"path": found or Path(name).name, "line": 1}


def _line(document: Path, path: str) -> int:
    """
    Where the operation's path stands as a key; 1 where it doesn't stand there as it is read.
    """
    try:
        with document.open(encoding="utf-8-sig", errors="replace") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except OSError:
        return 1
    key = re.compile(rf"""\s*["']?{re.escape(path)}["']?\s*:""")
    return next((number for number, line in enumerate(lines, 1) if key.match(line)), 1)
