"""
What the mock of one API answers and how its jobs live: `mock.yaml`, beside the profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from jobproof.contract.errors import ConfigError, did_you_mean
from jobproof.contract.formats.durations import Duration, parse_duration
from jobproof.contract.formats.json_value import Json, JsonObject
from jobproof.contract.formats.strict_model import StrictModel
from jobproof.contract.formats.yaml_file import Location, YamlFile, read_yaml
from jobproof.contract.mock.jobs.template import unknown_placeholders
from jobproof.contract.model.api import Api

__all__ = [
    "CannedAnswer",
    "ErrorAnswers",
    "JobLife",
    "LifeStage",
    "Script",
    "StageTrigger",
    "read_script",
    "read_trigger",
]


class StageTrigger(StrictModel):
    """
    When the next stage begins: after so many polls of this one, or so many seconds.
    """

    polls: int | None = None
    seconds: float | None = None


def read_trigger(text: str) -> StageTrigger:
    """
    When a stage begins, in the words of a script: `2 polls`, or a duration.

    Raises:
        ConfigError: It is neither.
    """
    try:
        return _read_trigger(text)
    except ValueError as exc:
        raise ConfigError(str(exc)) from None


def _read_trigger(value: object) -> StageTrigger:
    # Nine digits: no life needs more, and `int` refuses thousands of them.
    match = re.fullmatch(r"([1-9][0-9]{0,8}) polls?", value) if isinstance(value, str) else None
    if match:
        return StageTrigger(polls=int(match.group(1)))
    try:
        return StageTrigger(seconds=parse_duration(str(value)))
    except ValueError:
        raise ValueError(f"{value!r} is neither: write '2 polls' or '3s'") from None


class LifeStage(StrictModel):
    """
    One status in a life, and what it adds to the body while it lasts.
    """

    status: str
    after: Annotated[StageTrigger, BeforeValidator(_read_trigger)] | None = None
    body: JsonObject = Field(default_factory=dict)


class JobLife(StrictModel):
    """
    A job's life from its creation to its end.
    """

    summary: str
    created_ago: Duration = 0.0
    """Its age when the mock starts."""
    ends_within: Duration = 3600.0
    """A job that nobody polls ends by then all the same."""
    stages: tuple[LifeStage, ...] = Field(min_length=1)


class CannedAnswer(StrictModel):
    """
    One fixed answer.
    """

    code: int = Field(ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonObject | None = None
    text: str | None = None
    content_type: str | None = None


class ErrorAnswers(StrictModel):
    """
    The answers that hold no job.
    """

    unknown: CannedAnswer
    """No such job, or another tenant's."""
    anonymous: CannedAnswer
    """No token, or a wrong one."""
    method: CannedAnswer
    """The path exists, the method doesn't."""
    path: CannedAnswer
    """No such path."""
    request: CannedAnswer
    """The request can't be understood."""
    crash: CannedAnswer
    """The server's own mistake."""


class ListingAnswer(StrictModel):
    """
    What a page of jobs holds besides the jobs and the cursor.
    """

    body: JsonObject = Field(default_factory=dict)
    limit: int = Field(default=100, ge=1)
    maximum: int = Field(default=1000, ge=1)
    cursor: Literal["id", "created"] = "id"
    more: str | None = None
    """Pointer of the flag that says whether another page follows."""


class JobPopulation(StrictModel):
    """
    The jobs that are there when the mock starts, by their lives' names.
    """

    owner: tuple[str, ...] = Field(min_length=1)
    foreign: tuple[str, ...] = Field(min_length=1)
    lively: dict[str, int] = Field(default_factory=dict)
    """Lives of the jobs that keep coming, and how often each."""


class Script(StrictModel):
    """
    Everything that a mock answers, as data.
    """

    headers: dict[str, str] = Field(default_factory=dict)
    job: JsonObject
    marks: dict[str, JsonObject] = Field(default_factory=dict)
    """What a status, once reached, adds to the body for good."""
    reason: Json = None
    """A reason of failure in the documented form, for the faults that need one."""
    pages: ErrorAnswers
    listing: ListingAnswer = ListingAnswer()
    lives: dict[str, JobLife]
    jobs: JobPopulation


def read_script(api: Api) -> Script:
    """
    Read the API's `mock.yaml`.

    Raises:
        ConfigError: It is missing, or says what can't be played; with the line.
    """
    path = api.folder / "mock.yaml"
    if not path.is_file():
        raise ConfigError(
            f"{api.folder}: the API {api.name!r} has no mock.yaml, so it can't be mocked"
        )
    known = path.stat()
    file, script = _read(path, known.st_mtime_ns, known.st_size)
    # The first is enough: one line to mend, and the next run tells the next.
    for where, message in _problems(script, file.value, api):
        raise file.error(where, message)
    return script


@lru_cache(maxsize=16)
def _read(path: Path, _modified_ns: int, _size: int) -> tuple[YamlFile, Script]:
    # Half of the time that a mock takes to begin; nobody changes what it says.
    file = read_yaml(path, ConfigError)
    return file, file.parse(Script)


def _problems(script: Script, raw: Json, api: Api) -> Iterator[tuple[Location, str]]:
    """
    What the types can't say: names that lead nowhere; `raw` is the file as it was read.
    """
    words = api.profile.status.words
    for status in script.marks:
        if status not in words:
            yield ("marks", status), f"no such status. {did_you_mean(status, words)}"
    for name, life in script.lives.items():
        for index, stage in enumerate(life.stages):
            place: Location = ("lives", name, "stages", index)
            if stage.status not in words:
                yield (*place, "status"), f"no such status. {did_you_mean(stage.status, words)}"
            if (stage.after is None) != (index == 0):
                yield place, "every stage but the first needs `after`, the first none"
    for key in ("owner", "foreign", "lively"):
        for index, name in enumerate(getattr(script.jobs, key)):
            if name not in script.lives:
                hint = did_you_mean(name, script.lives)
                # `lively` is a mapping: its place in the file is the name itself.
                yield ("jobs", key, index if key != "lively" else name), f"no such life. {hint}"
    yield from unknown_placeholders(raw)
