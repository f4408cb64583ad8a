"""
A job that somebody's own test has made: followed to its end and beyond it, judged, and shown.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.tools import PYTHON, few_of, output_of, until

from jobproof.contract.errors import ConfigError
from jobproof.contract.mock.variants import VARIANTS
from jobproof.contract.model.verdict import Verdict
from jobproof.contract.plugins import api_names
from jobproof.testing import (
    FollowedLife,
    JobApi,
    JobContractBroken,
    JobContractInconclusive,
    JobEndpoint,
    MockedJobApi,
)

ENDED = [("queued", 0.0), ("processing", "1 poll"), ("completed", "2 polls")]
ENDLESS = [("queued", 0.0), ("processing", 0.05)]

ASKING = {"job_deadline", "rate_limit", "staleness"}

Mocked = Callable[..., tuple[MockedJobApi, JobEndpoint]]


@pytest.fixture
def mocked() -> Iterator[Mocked]:
    """
    Starts a mock, and an endpoint that asks it.
    """
    with ExitStack() as stack:

        def start(*, token: str = "", **options: Any) -> tuple[MockedJobApi, JobEndpoint]:
            asking = {key: options.pop(key) for key in ASKING & options.keys()}
            mock = stack.enter_context(MockedJobApi(**options))
            api = JobApi(
                mock.url,
                api=options.get("api"),
                token=token or mock.token,
                poll_interval=0.02,
                timeout=60.0,
                **asking,
            )
            return mock, stack.enter_context(JobEndpoint(api))

        yield start


def followed(mocked: Mocked, **options: Any) -> FollowedLife:
    mock, endpoint = mocked(**options)
    return endpoint.follow(mock.job_ids[0])


@pytest.mark.parametrize("api", api_names())
def test_a_right_life_is_kept_to_its_end(mocked: Mocked, api: str) -> None:
    mock, endpoint = mocked(api=api)
    for job_id in mock.job_ids:
        result = endpoint.follow(job_id)
        result.assert_kept()
        assert result.verdict is Verdict.KEPT
        assert result.broken == ()
        assert result.life.statuses


def test_the_job_is_looked_at_beyond_its_end(mocked: Mocked) -> None:
    result = followed(mocked, life=ENDED)
    assert result.life.statuses == ("queued", "processing", "completed")
    end = next(n for n, one in enumerate(result.life.moments) if one.status == "completed")
    later = result.life.moments[end + 1 :]
    assert [one.code for one in later] == [200, 304, 200, 200, 200]
    asked = [poll.request for poll in result.life.polls[end + 1 :]]
    assert [one.method for one in asked] == ["GET", "GET", "HEAD", "GET", "GET"]
    assert asked[1].header("if-none-match")


def test_only_safe_methods_are_sent_and_only_about_the_job(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDED)
    endpoint.follow(mock.job_ids[0])
    assert {one.method for one in mock.requests} == {"GET", "HEAD"}
    assert {one.job_id for one in mock.requests} == {mock.job_ids[0]}


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("status_goes_back", "status_moves_forward"),
        ("id_of_another_job", "job_id_is_echoed"),
        ("result_missing", "success_has_result"),
    ],
)
def test_a_broken_promise_fails_with_the_finding_and_the_life(
    mocked: Mocked, fault: str, check: str
) -> None:
    result = followed(mocked, fault=fault, life=ENDED)
    assert check in {one.check for one in result.broken}
    with pytest.raises(JobContractBroken) as failure:
        result.assert_kept(allow_inconclusive=True)
    text = str(failure.value)
    for line in (f"{check}: ", "  promised  ", "  asked     GET ", "  again     curl "):
        assert f"\n{line}" in text
    head, *rows = text[text.index("look  at") :].splitlines()
    assert head.split() == ["look", "at", "took", "asked", "code", "status", "changed", "found"]
    assert any(f"violation {check}: " in row for row in rows)
    assert len(rows) == len(result.life.moments)
    assert result.missing == ()


@pytest.mark.parametrize("variant", few_of(VARIANTS, one_in=6))
def test_a_server_that_is_unusual_and_right_is_not_called_broken(
    mocked: Mocked, variant: str
) -> None:
    result = followed(mocked, variant=variant, life=ENDED)
    assert result.broken == ()


def test_a_job_that_never_ends_is_not_kept(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDLESS)
    result = endpoint.follow(mock.job_ids[0], within_s=0.4)
    assert result.verdict is Verdict.INCONCLUSIVE
    said = "the job hadn't ended after 400ms: it was last seen processing"
    assert result.missing == (said,)
    with pytest.raises(JobContractInconclusive, match=said):
        result.assert_kept()
    result.assert_kept(allow_inconclusive=True)


def test_of_many_looks_that_are_alike_the_table_shows_two(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=[("queued", 0.0)])
    result = endpoint.follow(mock.job_ids[0], within_s=0.5)
    polls = [poll.request for poll in result.life.polls]
    alike = next(n for n, one in enumerate(polls) if one.header("if-none-match"))
    shown = str(result.life).splitlines()
    assert len(shown) == 1 + 3 + len(polls) - alike
    assert f"{alike - 2} more alike" in shown[2]


def test_a_wrong_token_is_inconclusive_and_named(mocked: Mocked) -> None:
    result = followed(mocked, token="a-wrong-token", life=ENDED)
    with pytest.raises(JobContractInconclusive, match="the token isn't accepted: 401"):
        result.assert_kept()


def test_a_server_that_is_not_there_is_inconclusive(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDED)
    job_id = mock.job_ids[0]
    mock.stop()
    with pytest.raises(JobContractInconclusive, match="can't be reached: "):
        endpoint.follow(job_id).assert_kept()


def test_a_job_that_is_not_found_breaks_the_contract(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDED)
    with pytest.raises(JobContractBroken, match="known_job_is_found"):
        endpoint.follow(mock.foreign_job_ids[0]).assert_kept()


def test_a_throttling_server_is_left_alone_and_kept(mocked: Mocked) -> None:
    mock, endpoint = mocked(variant="throttles_politely")
    codes = set()
    while 429 not in codes:
        result = endpoint.follow(mock.job_ids[-1])
        result.assert_kept()
        codes |= {one.code for one in result.life.moments}
    assert {one.code for one in mock.requests} == codes


@pytest.mark.parametrize("fault", ["id_of_another_job", "token_sent_back"])
def test_no_secret_is_shown(mocked: Mocked, fault: str) -> None:
    mock, endpoint = mocked(fault=fault, life=ENDED)
    result = endpoint.follow(mock.job_ids[0])
    shown = [str(result), repr(result), repr(result.life), repr(endpoint), str(endpoint.api)]
    shown += [repr(result.findings), repr(result.life.moments), repr(result.life.findings)]
    exchanges = [*result.life.polls, *(one.exchange for one in result.findings)]
    for one in exchanges:
        assert one.response is not None
        shown += [repr(one), repr(one.request.headers), repr(one.response.headers)]
    assert result.broken
    assert [text for text in shown if mock.token in text] == []


def test_several_endpoints_are_followed_in_one_session(mocked: Mocked) -> None:
    names = api_names()
    places = [(name, *mocked(api=name)) for name in names]
    for name, mock, endpoint in (*places, *reversed(places)):
        result = endpoint.follow(mock.job_ids[-1])
        result.assert_kept()
        assert result.life.api.name == name


def test_asyncio_goes_on_meanwhile(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDED)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def main() -> FollowedLife:
        beside = asyncio.create_task(tick())
        result = await endpoint.afollow(mock.job_ids[0])
        beside.cancel()
        return result

    asyncio.run(main()).assert_kept()
    assert ticks > 1


def test_who_is_cancelled_asks_no_more(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDLESS)

    async def main() -> None:
        task = asyncio.create_task(endpoint.afollow(mock.job_ids[0]))
        while not mock.requests:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    until(lambda: not _following(), what="the end of the thread")
    sent = len(mock.requests)
    with pytest.raises(JobContractInconclusive):
        endpoint.follow(mock.job_ids[0], within_s=0.1).assert_kept()
    assert len(mock.requests) > sent


def test_a_time_out_of_the_test_ends_the_polls(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDLESS)

    class OutOfTime(Exception):
        pass

    def raise_it(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGUSR1, raise_it)
    beside = threading.Thread(
        target=lambda: until(lambda: mock.requests) or os.kill(os.getpid(), signal.SIGUSR1)
    )
    beside.start()
    try:
        with pytest.raises(OutOfTime):
            endpoint.follow(mock.job_ids[0])
    finally:
        beside.join()
        signal.signal(signal.SIGUSR1, before)
    until(lambda: not _following(), what="the end of the thread")


def test_a_job_that_takes_longer_than_it_may_breaks_the_contract(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDLESS, job_deadline=0.3)
    result = endpoint.follow(mock.job_ids[0])
    assert "job_ends_in_time" in {one.check for one in result.broken}
    # What isn't waited for isn't late.
    sooner = endpoint.follow(mock.job_ids[0], within_s=0.1)
    assert sooner.broken == ()
    assert sooner.missing


def test_all_jobs_of_a_place_share_its_rate(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=["old-image", "old-training"], rate_limit="10/s")

    async def main() -> list[FollowedLife]:
        return await asyncio.gather(*map(endpoint.afollow, mock.job_ids))

    for result in asyncio.run(main()):
        result.assert_kept()
    times = [one.at for one in mock.requests]
    # When the first had its slot, however late one or the other of them came.
    began = min(at - place * 0.1 for place, at in enumerate(times[: len(times) // 2]))
    assert times[-1] >= began + (len(times) - 1) * 0.1 - 0.05


def test_a_place_that_hears_of_a_job_a_little_later_is_kept_where_that_is_said(
    mocked: Mocked,
) -> None:
    result = followed(mocked, fault="not_found_at_first", life=ENDED)
    assert [one.check for one in result.broken] == ["known_job_is_found"]
    result = followed(mocked, fault="not_found_at_first", life=ENDED, staleness="1m")
    result.assert_kept()
    assert result.life.moments[0].code == 404
    assert result.life.statuses[-1] == "completed"


@pytest.mark.parametrize("within_s", [0, -1.0, float("nan")])
def test_no_time_at_all_is_refused(mocked: Mocked, within_s: float) -> None:
    mock, endpoint = mocked()
    with pytest.raises(ValueError, match="within_s must be more than 0 seconds"):
        endpoint.follow(mock.job_ids[0], within_s=within_s)
    assert not mock.requests


def test_an_option_that_can_not_be_used_is_told_before_a_job_is_made() -> None:
    with pytest.raises(ConfigError, match="rate limit 'often': write 30/m"):
        JobEndpoint(JobApi("http://127.0.0.1", token="a-token", rate_limit="often"))


def test_closing_ends_what_is_followed(mocked: Mocked) -> None:
    mock, endpoint = mocked(life=ENDLESS)
    results: list[FollowedLife] = []
    thread = threading.Thread(target=lambda: results.append(endpoint.follow(mock.job_ids[0])))
    thread.start()
    until(lambda: mock.requests, what="the first request")
    endpoint.close()
    thread.join()
    assert results[0].missing[0] == "the test is over"
    with pytest.raises(RuntimeError, match="the endpoint is closed"):
        endpoint.follow(mock.job_ids[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeuot": 5}, "JobApi has no option 'timeuot'. Did you mean 'timeout'?"),
        ({"effort": "quick"}, "JobApi has no option 'effort'"),
        ({"token": ""}, "the token of JobApi can't be used: a secret can't be empty"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as failure:
        JobApi("http://127.0.0.1", **options)
    assert said in str(failure.value)


@pytest.mark.parametrize("job_id", ["", "..", " "])
def test_what_is_no_id_is_refused(mocked: Mocked, job_id: str) -> None:
    _, endpoint = mocked()
    with pytest.raises(ConfigError, match="is no id"):
        endpoint.follow(job_id)


def test_an_api_is_shown_without_the_password_of_its_url() -> None:
    api = JobApi("https://me:word@jobs.example", api="krea")
    assert "word" not in f"{api!r} {api}"
    assert str(api) == "krea at https://***@jobs.example"


def test_nothing_heavy_is_loaded_before_it_is_used() -> None:
    heavy = ("pycurl", "pydantic", "yaml", "hypothesis", "anyio", "jsonschema_rs", "requests")
    code = "import sys, jobproof.contract.testing.fixtures, jobproof.testing; "
    code += f"print(*sorted({{*{heavy!r}}} & sys.modules.keys()))"
    assert output_of(*PYTHON, "-c", code).split() == []
    code = "import sys; from jobproof.testing import JobEndpoint, MockedJobApi; "
    code += "print('hypothesis' in sys.modules)"
    assert output_of(*PYTHON, "-c", code).split() == ["False"]


def _following() -> list[object]:
    kinds = ("Following",)
    return [one for one in gc.get_objects() if type(one).__name__ in kinds]
