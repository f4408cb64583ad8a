"""
What is accepted, wherever it is written, is accepted of a followed job, too; and shown, and over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.contract.small_api import small_folder
from tests.tools import PYTHON, run_to_end

from jobproof.contract.errors import ConfigError
from jobproof.testing import (
    FollowedLife,
    JobApi,
    JobContractBroken,
    JobEndpoint,
    MockedJobApi,
)

FAULT, CHECK = "id_of_another_job", "job_id_is_echoed"
REASON = "ticket 4711"
FOR_EVER, OVER = "2999-12-31", "2020-02-29"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_folder(tmp_path / "api")


@pytest.fixture
def mock(folder: Path) -> Iterator[MockedJobApi]:
    with MockedJobApi(api=str(folder), fault=FAULT) as mock:
        yield mock


def rules(day: str) -> list[dict[str, str]]:
    return [{"check": CHECK, "pointer": "/id", "reason": REASON, "expires": day}]


def written(place: str, folder: Path, day: str) -> dict[str, Any]:
    """
    The options of `JobApi` that accept the fault until that day.
    """
    if place == "profile":
        small_folder(folder, policy={"accept": rules(day)})
        return {}
    if place == "file":
        path = folder.parent / "accept.yaml"
        path.write_text(yaml.safe_dump(rules(day)), encoding="utf-8")
        return {"accept_file": str(path)}
    text = f"{CHECK}@/id:{day}:{REASON}"
    return {"accept": text if place == "one option" else [text]}


def followed(mock: MockedJobApi, folder: Path, **options: Any) -> FollowedLife:
    api = JobApi(mock.url, api=str(folder), token=mock.token, poll_interval=0.02, **options)
    with JobEndpoint(api) as endpoint:
        return endpoint.follow(mock.job_ids[0])


PLACES = ("profile", "file", "option", "one option")


@pytest.mark.parametrize("place", PLACES)
def test_an_accepted_fault_fails_no_test_and_stays_in_sight(
    mock: MockedJobApi, folder: Path, place: str
) -> None:
    with pytest.raises(JobContractBroken, match=CHECK):
        followed(mock, folder).assert_kept()
    result = followed(mock, folder, **written(place, folder, FOR_EVER))
    result.assert_kept()
    assert result.broken == ()
    (one,) = [one for one in result.findings if one.check == CHECK]
    assert one.accepted == REASON
    assert f"accepted {CHECK}: " in str(result.life)


@pytest.mark.parametrize("place", PLACES)
def test_after_its_day_it_fails_again_and_says_why(
    mock: MockedJobApi, folder: Path, place: str
) -> None:
    result = followed(mock, folder, **written(place, folder, OVER))
    with pytest.raises(JobContractBroken) as failure:
        result.assert_kept()
    assert f"(its acceptance expired on {OVER}: {REASON})" in str(failure.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"accept": "nobodys:2999-12-31"}, "--accept 'nobodys:2999-12-31': unknown check"),
        ({"accept_file": "none.yaml"}, "none.yaml: can't be read: No such file"),
    ],
)
def test_one_that_cant_be_used_is_told_before_a_job_is_made(
    folder: Path, options: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        JobEndpoint(JobApi("http://127.0.0.1:9", api=str(folder), token="a-token", **options))


@pytest.mark.parametrize("place", ["option", "file"])
def test_the_options_of_the_run_accept_it(
    mock: MockedJobApi, folder: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "test_own.py").write_text(
        "def test_own(job_endpoint):\n"
        f"    job_endpoint.follow({mock.job_ids[0]!r}).assert_kept()\n",
        encoding="utf-8",
    )
    (given,) = written(place, folder, FOR_EVER).values()
    accepting = ("--job-accept", given[0]) if place == "option" else ("--job-accept-file", given)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    for options, code in ((accepting, 0), ((), 1)):
        done = run_to_end(
            *(*PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--job-api", str(folder)),
            *("--job-api-url", mock.url, "--job-token-env", "T", "--job-poll-interval", "0.02"),
            *(*options, "test_own.py"),
            folder=tmp_path,
            env={**ours, "T": mock.token},
        )
        assert done.returncode == code, done.stdout + done.stderr
    assert CHECK in done.stdout
