"""
A mocked job API for tests of a client: how its jobs live, what is wrong with it, what it was asked.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from tests.tools import until

from jobproof.contract.errors import ConfigError
from jobproof.contract.plugins import api_names, find_api
from jobproof.testing import IllegalLife, JobApi, JobEndpoint, Life, MockedJobApi, illegal_lives
from jobproof.testing import legal_lives as legal

CALM = settings(deadline=None, derandomize=True, database=None, max_examples=25)


def asked(mock: MockedJobApi, job_id: str, token: str | None = None) -> tuple[int, Any]:
    """
    What a plain client gets: the code, and the body as JSON where it is.
    """
    request = urllib.request.Request(f"{mock.url}/jobs/{job_id}")
    request.add_header("Authorization", f"Bearer {token or mock.token}")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, _read(answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, _read(refusal.read())


def _read(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def statuses(mock: MockedJobApi, job_id: str) -> Iterator[str]:
    """
    A client that polls a job to one of its ends.
    """
    while True:
        _, body = asked(mock, job_id)
        yield body["status"]
        if body["status"] in ("completed", "failed", "cancelled"):
            return


def test_a_client_polls_a_named_life_and_what_it_sent_is_kept() -> None:
    with MockedJobApi(life="training") as mock:
        (job_id,) = mock.job_ids
        seen = [*statuses(mock, job_id)]
        assert seen == ["queued", "queued", "processing", "processing", "processing", "completed"]
        assert len(mock.polls(job_id)) == len(mock.requests) == len(seen)
        asked(mock, job_id, token="of-somebody-else")
        assert len(mock.polls(job_id)) == len(seen)
        assert [(one.method, one.code) for one in mock.requests[-2:]] == [
            ("GET", 200),
            ("GET", 401),
        ]


def test_several_lives_are_as_many_jobs_in_order() -> None:
    with MockedJobApi(life=["refused", "withdrawn"]) as mock:
        ends = [[*statuses(mock, job_id)][-1] for job_id in mock.job_ids]
    assert ends == ["failed", "cancelled"]


def test_a_life_is_given_by_its_statuses() -> None:
    life = [("queued", 0.0), ("processing", "2 polls"), ("failed", "1 poll")]
    with MockedJobApi(life=life) as mock:
        seen = [*statuses(mock, mock.job_ids[0])]
        _, body = asked(mock, mock.job_ids[0])
    assert seen == ["queued", "queued", "processing", "failed"]
    assert body["error"]


def test_a_life_goes_by_time_where_it_is_given_times() -> None:
    with MockedJobApi(life=[("queued", 0.0), ("completed", 0.05)]) as mock:
        job_id = mock.job_ids[0]
        until(lambda: asked(mock, job_id)[1]["status"] == "completed")
        assert asked(mock, job_id)[1]["completed_at"] is not None
    with MockedJobApi(life=[("queued", 0.0), ("completed", 86_400.0)]) as mock:
        # However often it is asked.
        assert {asked(mock, mock.job_ids[0])[1]["status"] for _ in range(9)} == {"queued"}


def test_without_a_life_the_jobs_of_the_file_are_there() -> None:
    with MockedJobApi() as mock:
        assert len(mock.job_ids) == 11
        assert asked(mock, mock.foreign_job_ids[0])[0] == 404


@pytest.mark.parametrize("api", api_names())
def test_every_api_can_be_mocked(api: str) -> None:
    with MockedJobApi(api=api) as mock:
        asker = JobApi(mock.url, api=api, token=mock.token, poll_interval=0.01)
        with JobEndpoint(asker) as endpoint:
            endpoint.follow(mock.job_ids[-1]).assert_kept()


def test_a_fault_is_there_and_named_in_what_was_asked() -> None:
    with MockedJobApi(fault=["id_of_another_job", "slow"], life="image") as mock:
        _, body = asked(mock, mock.job_ids[0])
        assert body["job_id"] != mock.job_ids[0]
        (one,) = mock.requests
        assert one.fault == "id_of_another_job,slow"


def test_each_answer_is_late_where_that_is_asked_for() -> None:
    with MockedJobApi(life="image", latency_s=0.2) as mock:
        asker = JobApi(mock.url, token=mock.token, poll_interval=0.01)
        with JobEndpoint(asker) as endpoint:
            polls = endpoint.follow(mock.job_ids[0]).life.polls
    assert min(poll.elapsed_s for poll in polls) >= 0.2


def test_a_variant_throttles_and_says_when_to_come_back() -> None:
    with MockedJobApi(variant="throttles_politely") as mock:
        codes = {asked(mock, mock.job_ids[-1])[0] for _ in range(25)}
    assert codes == {200, 429}


def test_a_variant_is_out_of_service() -> None:
    with MockedJobApi(variant="maintenance", life="image") as mock:
        codes = [asked(mock, mock.job_ids[0])[0] for _ in range(3)]
        assert 503 in codes
        assert codes == [one.code for one in mock.requests]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fault": "slwo"}, "unknown fault 'slwo'. Did you mean 'slow'?"),
        ({"variant": "compreses"}, "unknown variant 'compreses'. Did you mean 'compresses'?"),
        ({"life": "imaeg"}, "unknown life 'imaeg'. Did you mean 'image'?"),
        ({"life": [("quued", 0.0)]}, "unknown status 'quued'. Did you mean 'queued'?"),
        ({"life": [("queued", 1.0)]}, "status 'queued' at 1 s: the first begins at 0"),
        (
            {"life": [("queued", 0.0), ("failed", 2.0), ("completed", 1.0)]},
            "status 'completed' at 1 s: the first begins at 0, and each other one no sooner",
        ),
        (
            {"life": [("queued", 0.0), ("failed", "two polls")]},
            "'two polls' is neither: write '2 polls' or '3s'",
        ),
        ({"api": "kera"}, "unknown API 'kera'. Did you mean 'krea'?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_there_is_not_is_refused_with_the_nearest(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as failure:
        MockedJobApi(**options)
    assert said in str(failure.value)


def test_a_mock_that_is_over_answers_no_more() -> None:
    with MockedJobApi(life="image") as mock:
        assert asked(mock, mock.job_ids[0])[0] == 200
    with pytest.raises(urllib.error.URLError):
        asked(mock, mock.job_ids[0])


@CALM
@given(legal("krea"))
def test_a_drawn_life_is_played_poll_by_poll(life: Life) -> None:
    with MockedJobApi(life=life) as mock:
        (job_id,) = mock.job_ids
        got = [asked(mock, job_id) for _ in life.moments]
        assert got == [(one.code, one.body) for one in life.moments]
        assert asked(mock, job_id) == got[-1]


@CALM
@given(illegal_lives("krea"))
def test_a_life_with_something_wrong_is_played_as_well(life: IllegalLife) -> None:
    with MockedJobApi(life=life) as mock:
        codes = [asked(mock, mock.job_ids[0])[0] for _ in life.moments]
    assert codes == [one.code for one in life.moments]


def test_what_was_followed_is_played_again() -> None:
    with MockedJobApi(life="image") as mock:
        asker = JobApi(mock.url, token=mock.token, poll_interval=0.01)
        with JobEndpoint(asker) as endpoint:
            seen = endpoint.follow(mock.job_ids[0]).life
    with MockedJobApi(life=seen) as again:
        assert again.job_ids == (seen.job_id,)
        assert [*dict.fromkeys(statuses(again, seen.job_id))] == [*seen.statuses]
        # Neither the question for the head nor the one for news is played to who asks for the job.
        assert {asked(again, seen.job_id)[1]["status"] for _ in seen.moments} == {"completed"}
    assert find_api("krea").name == seen.api.name
