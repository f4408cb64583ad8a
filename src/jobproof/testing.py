"""
For people's own tests: jobs that they made are followed and judged, clients are given a mocked
API, and lives of jobs are drawn.

pytest has the fixtures `job_endpoint`, `job_api` and `mock_job_api` by itself; without pytest,
`JobEndpoint(JobApi(url))` and `MockedJobApi()` are context managers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobproof.contract.testing.job_api import JobApi

if TYPE_CHECKING:
    from jobproof.contract.testing.followed_life import (
        FollowedLife,
        JobContractBroken,
        JobContractInconclusive,
    )
    from jobproof.contract.testing.job_endpoint import JobEndpoint
    from jobproof.contract.testing.life import Life, Moment
    from jobproof.contract.testing.lives.strategies import (
        IllegalLife,
        illegal_lives,
        legal_lives,
    )
    from jobproof.contract.testing.mocked_job_api import MockedJobApi

__all__ = [
    "FollowedLife",
    "IllegalLife",
    "JobApi",
    "JobContractBroken",
    "JobContractInconclusive",
    "JobEndpoint",
    "Life",
    "MockedJobApi",
    "Moment",
    "illegal_lives",
    "legal_lives",
]

# A conftest.py imports this in every run, whether anything of it is used or not; the strategies
# bring Hypothesis along.
_PLACES = {
    "FollowedLife": "followed_life",
    "IllegalLife": "lives.strategies",
    "JobContractBroken": "followed_life",
    "JobContractInconclusive": "followed_life",
    "JobEndpoint": "job_endpoint",
    "Life": "life",
    "MockedJobApi": "mocked_job_api",
    "Moment": "life",
    "illegal_lives": "lives.strategies",
    "legal_lives": "lives.strategies",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"jobproof.contract.testing.{_PLACES[name]}"), name)
