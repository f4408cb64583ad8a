"""
The client of a run: one that sees every byte, and can be told to give up.
"""

from __future__ import annotations

from jobproof.contract.client.curl import Client
from jobproof.contract.client.response_parser import Limits
from jobproof.contract.reaching.renewing_client import RenewingClient
from jobproof.contract.suite.planning.target import SuiteTarget
from jobproof.contract.suite.running.sender import ClientSender, RetryingSender

__all__ = ["sender_over", "suite_client"]


def suite_client(target: SuiteTarget) -> Client:
    """
    A client that carries the requests to that target.

    Raises:
        ConfigError: What is to be trusted can't be read.
    """
    # The daemon does without the first two, which blur the phases that it exports.
    return Client(
        exact_framing=True,
        abortable=True,
        limits=Limits(body_bytes=target.api.profile.body.limit),
        route=target.route,
    )


def sender_over(client: Client, target: SuiteTarget) -> RetryingSender:
    """
    What sends by that client as the target says: with a token that is renewed, and again where
    nothing came back.
    """
    sending = client if target.tokens is None else RenewingClient(client, target.tokens)
    return RetryingSender(ClientSender(sending), target.retries)
