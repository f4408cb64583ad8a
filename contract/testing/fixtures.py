"""
The fixtures for people's own tests: `job_endpoint` and `job_api`, `mock_job_api`.

Loaded with every pytest run on the machine, so it imports nothing heavy until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from jobproof.contract.errors import JobproofError

if TYPE_CHECKING:
    from jobproof.contract.testing.job_api import JobApi
    from jobproof.contract.testing.job_endpoint import JobEndpoint
    from jobproof.contract.testing.mocked_job_api import MockedJobApi

__all__: list[str] = []


@contextmanager
def _in_one_line() -> Iterator[None]:
    """
    A mistake of whoever runs the tests is told without a traceback.
    """
    try:
        yield
    except JobproofError as exc:
        pytest.fail(f"jobproof: {exc}", pytrace=False)


@pytest.fixture
def job_api(request: pytest.FixtureRequest) -> JobApi:
    """
    The job API that the options name (--job-api-url and its like). Override it in your conftest.py
    with one that returns `jobproof.testing.JobApi(url, …)`; give that one `params`, and every test
    that takes `job_endpoint` is run for each of them.
    """
    from jobproof.contract.suite.options import OPTIONS
    from jobproof.contract.testing.job_api import JobApi

    config = request.config
    values = {one.key: config.getoption(f"jobproof_{one.key}", None) for one in OPTIONS}
    with _in_one_line():
        return JobApi.from_options({key: one for key, one in values.items() if one != []})


@pytest.fixture
def job_endpoint(job_api: JobApi) -> Iterator[JobEndpoint]:
    """
    Where a job that your test has made is followed: `job_endpoint.follow(job_id).assert_kept()`,
    or `(await job_endpoint.afollow(job_id)).assert_kept()`.
    """
    from jobproof.contract.testing.job_endpoint import JobEndpoint

    with _in_one_line():
        endpoint = JobEndpoint(job_api)
    with endpoint:
        yield endpoint


@pytest.fixture
def mock_job_api() -> Iterator[Callable[..., MockedJobApi]]:
    """
    Starts mocked job APIs for tests of a client: `mock_job_api(fault=…, life=…)` has `url`,
    `token`, `job_ids` and the `requests` that it got. They are stopped at the end of the test.
    """
    from jobproof.contract.testing.mocked_job_api import MockedJobApi

    with ExitStack() as stack:

        def start(**options: object) -> MockedJobApi:
            return stack.enter_context(MockedJobApi(**options))  # type: ignore[arg-type]

        yield start
