"""
`mock.yaml` is read strictly: what can't be played is an error with its line.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.contract.requests_to_mock import api_named

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.jobs.script import read_script
from jobproof.contract.mock.jobs.template import TemplateValues, fill, merge, write_time
from jobproof.contract.model.api import load_api
from jobproof.contract.model.profile import Codec

BLANKS = ("${id}", "${status}", "${created}", "${entered}", "${uuid}", "${token}")


def _edited(tmp_path: Path, old: str, new: str) -> Path:
    source = api_named("krea").folder
    for name in ("openapi.yaml", "profile.yaml"):
        shutil.copy(source / name, tmp_path / name)
    text = (source / "mock.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mock.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return tmp_path


def _line(folder: Path, text: str) -> int:
    lines = (folder / "mock.yaml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("status: scheduled, after: 1 poll", "status: schedulled, after: 1 poll",
         "lives.image.stages[1].status", "no such status. Did you mean 'scheduled'?"),
        ("scheduled, after: 1 poll", "scheduled, after: 1 time",
         "lives.image.stages[1].after", "'1 time' is neither: write '2 polls' or '3s'"),
        ("scheduled, after: 1 poll", "scheduled",
         "lives.image.stages[1]", "every stage but the first needs `after`, the first none"),
        ("images/${uuid:a}.png", "images/${guid:a}.png",
         "lives.image.stages[4].body.result.urls[0]",
         "${guid:a} can't be filled; known: " + ", ".join(BLANKS)),
        ("foreign: [old-image, image", "foreign: [old-image, imag",
         "jobs.foreign[1]", "no such life. Did you mean 'image'?"),
        ("  cancelled: {completed_at", "  canceled: {completed_at",
         "marks.canceled", "no such status. Did you mean 'cancelled'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_an_error_with_its_line(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    folder = _edited(tmp_path, old, new)
    with pytest.raises(ConfigError) as caught:
        read_script(load_api(folder))
    line = _line(folder, new.removeprefix("status: "))
    assert str(caught.value) == f"{folder / 'mock.yaml'}:{line}: {place}: {message}"


def test_an_api_without_a_script_cannot_be_mocked(tmp_path: Path) -> None:
    folder = _edited(tmp_path, "headers:", "headers:")
    (folder / "mock.yaml").unlink()
    with pytest.raises(ConfigError) as caught:
        read_script(load_api(folder))
    assert str(caught.value) == (
        f"{folder}: the API 'krea' has no mock.yaml, so it can't be mocked"
    )


def test_blanks_take_the_type_of_what_fills_them() -> None:
    scope = TemplateValues("j1", "busy", 1_790_000_000.25, 1_790_000_001.0, Codec.UNIX)
    body = {"a": "${created+1h}", "b": "at ${created-10s}", "c": ["${id}/${status}"], "d": 7}
    assert fill(body, scope) == {
        "a": 1_790_003_600,
        "b": "at 1789999990",
        "c": ["j1/busy"],
        "d": 7,
    }


def test_made_up_values_are_the_same_for_the_same_job() -> None:
    one = TemplateValues("j1", "busy", 0, 0, Codec.UNIX)
    two = TemplateValues("j2", "busy", 0, 0, Codec.UNIX)
    assert fill("${uuid:a}", one) == fill("${uuid:a}", one)
    assert (
        len({fill(text, scope) for text in ("${uuid:a}", "${uuid:b}") for scope in (one, two)}) == 4
    )
    assert len(fill("${token:x}", one)) == 24


def test_times_are_written_as_the_codec_says_and_never_rounded_up() -> None:
    assert write_time(1_790_000_000.9999, Codec.UNIX) == 1_790_000_000
    assert write_time(1_790_000_000.9999, Codec.RFC3339) == "2026-09-21T14:13:20.999Z"


def test_objects_merge_and_anything_else_is_replaced() -> None:
    below = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merge(below, {"a": {"c": [3]}, "e": None}) == {
        "a": {"b": 1, "c": [3]}, "d": 1, "e": None,
    }  # fmt: skip
    assert below == {"a": {"b": 1, "c": [1, 2]}, "d": 1}
