"""
The client of a run: one that sees every byte, and can be told to give up.
"""

from __future__ import annotations

import os
from pathlib import Path

from jobproof.contract.client.curl import Client
from jobproof.contract.client.response_parser import Limits
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.reporting.outcome import TRUSTED_ENV

__all__ = ["suite_client"]


def suite_client(target: SuiteTarget) -> Client:
    """
    A client that carries the requests to that target.

    Raises:
        ConfigError: What is to be trusted can't be read.
    """
    trusted = os.environ.get(TRUSTED_ENV)
    # The daemon does without the first two, which blur the phases that it exports.
    return Client(
        exact_framing=True,
        abortable=True,
        limits=Limits(body_bytes=target.api.profile.body.limit),
        ca_file=Path(trusted) if trusted else None,
    )
