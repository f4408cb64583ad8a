"""
Who carries the requests of a run.
"""

from __future__ import annotations

from typing import Protocol

from jobproof.contract.client.curl import SendingAborted
from jobproof.contract.model.exchange import Exchange, Request
from jobproof.contract.reaching.renewing_client import SendingClient
from jobproof.contract.suite.running.rate_limiter import BudgetSpent

__all__ = ["ClientSender", "Sender"]


class Sender(Protocol):
    """
    Whatever carries a request: the libcurl client, or a double of it.
    """

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        """
        Send once; no retry. By a new connection, if `fresh`.
        """
        ...


class ClientSender:
    """
    Carries by `client`, and where that was told to give up the run is over.
    """

    def __init__(self, client: SendingClient) -> None:
        self._client = client

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        """
        Send once; no retry.

        Raises:
            BudgetSpent: The client was told to give up, before or meanwhile.
        """
        try:
            return self._client.send(request, deadline_s=deadline_s, fresh=fresh)
        except SendingAborted:
            raise BudgetSpent from None
