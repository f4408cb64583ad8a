"""
The APIs whose jobs' lives are drawn: both that are shipped, and a small one with other rules.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import strategies as st
from tests.contract.small_api import small_folder

from jobproof.contract.mock.jobs.script import read_script
from jobproof.contract.model.api import load_api
from jobproof.contract.plugins import find_api
from jobproof.contract.testing.lives.drawing import life_plans
from jobproof.contract.testing.lives.life_plan import LifePlan
from jobproof.contract.testing.lives.lived_api import LivedApi

__all__ = ["LIVED_APIS", "any_life", "lived_by"]

LIVED_APIS = ("krea", "openai-batch", "retries")


@cache
def lived_by(name: str) -> LivedApi:
    """
    One of `LIVED_APIS`.
    """
    if name == "krea":
        api = find_api(name)
        return LivedApi(api, read_script(api), _KREA, "/result/urls")
    if name == "openai-batch":
        api = find_api(name)
        return LivedApi(api, read_script(api), _OPENAI)
    with TemporaryDirectory() as folder:
        api = load_api(_retrying_folder(Path(folder) / name))
        return LivedApi(api, read_script(api), _RETRIES, "/output/files")


def any_life() -> st.SearchStrategy[LifePlan]:
    """
    A right life of any of them, served in any right way.
    """
    return st.sampled_from(LIVED_APIS).flatmap(lambda name: life_plans(lived_by(name)))


_IMAGES = [f"https://gen.krea.ai/images/${{uuid:{n}}}.png" for n in range(3)]
_REFUSED = {"error": {"code": "nsfw", "message": "The prompt was refused by moderation."}}
_PREVIEWS: tuple[dict[str, Any], ...] = ({}, {"result": {"urls": _IMAGES[:1]}})
_KREA: dict[str, tuple[dict[str, Any], ...]] = {
    "processing": _PREVIEWS,
    "sampling": _PREVIEWS,
    "intermediate-complete": _PREVIEWS,
    "completed": (
        {"result": {"urls": _IMAGES[:1]}},
        {"result": {"urls": _IMAGES}},
        {"result": {"style_id": "style-${token:style}"}},
    ),
    "failed": (_REFUSED, {"error": {"code": "timeout"}}, {"result": _REFUSED}),
    "cancelled": ({}, _REFUSED),
}
_ERRORS = {
    "errors": {
        "object": "list",
        "data": [{"code": "invalid_json_line", "message": "no JSON", "param": None, "line": 3}],
    }
}
_OPENAI: dict[str, tuple[dict[str, Any], ...]] = {
    "completed": ({}, {"output_file_id": None, "error_file_id": "file-${token:errors}"}),
    "failed": (_ERRORS,),
    "expired": ({}, {"output_file_id": "file-${token:output}"}, _ERRORS),
    "cancelled": ({}, {"output_file_id": "file-${token:output}"}),
}
_FILES = [f"https://files.small.example/${{token:{n}}}.bin" for n in range(3)]
_RETRIES: dict[str, tuple[dict[str, Any], ...]] = {
    "done": ({"output": {"files": _FILES}}, {"output": {"files": _FILES[:1], "views": 3}}),
    "broken": ({"why": "out of memory"},),
}


def _retrying_folder(folder: Path) -> Path:
    """
    An API without tokens that writes time in milliseconds, tries again, and ends in two ways only.
    """
    promise = {"basis": "documented", "source": "the document"}
    ends = ("done", "broken")
    statuses = {
        "waiting": {"phase": "pending", "rank": 0},
        "running": {"phase": "pending", "rank": 1},
        "storing": {"phase": "pending", "rank": 2},
        "done": {"phase": "succeeded", "rank": 3},
        "broken": {"phase": "failed", "rank": 3},
    }
    retried = {"before": ["running"], "after": ["waiting"], "verdict": "legal", **promise}
    ended = {
        "at": "/ended", "codec": "unix_ms", "required_in": list(ends), "required": promise,
        "allowed_in": list(ends), "allowed": promise,
    }  # fmt: skip
    small_folder(
        folder,
        status={
            "at": "/status", "words": statuses, "moves": [retried],
            "terminal": promise, "backward": promise, **promise,
        },
        times={"created": "/created", "codec": "unix_ms", "later": [ended], **promise},
        result={
            "at": ["/output"], "proof": ["/output/files"], "required_in": ["done"],
            "links": ["/output/files"], **promise,
        },
        failure={"at": ["/why"], "required_in": ["broken"], "allowed_in": ["broken"],
                 "allowed": promise, **promise},
        volatile=["/output/views"],
        frozen=["/model"],
    )  # fmt: skip
    document = json.loads((folder / "openapi.json").read_text(encoding="utf-8"))
    answers = document["paths"]["/jobs/{id}"]["get"]["responses"]
    schema = answers["200"]["content"]["application/json"]["schema"]
    schema["properties"]["status"]["enum"] = list(statuses)
    schema["properties"] |= {
        "created": {"type": "integer"}, "ended": {"type": ["integer", "null"]},
        "model": {"type": "string"}, "why": {"type": "string"},
        "output": {"type": "object", "properties": {
            "files": {"type": "array", "items": {"type": "string", "format": "uri"}},
            "views": {"type": "integer"}}},
    }  # fmt: skip
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    script = yaml.safe_load((folder / "mock.yaml").read_text(encoding="utf-8"))
    script["job"] |= {"created": "${created}", "ended": None, "model": "m-1"}
    script["lives"]["quick"]["stages"] = [{"status": "waiting"}]
    script["marks"] = {status: {"ended": "${entered}"} for status in ends}
    (folder / "mock.yaml").write_text(yaml.safe_dump(script), encoding="utf-8")
    return folder
