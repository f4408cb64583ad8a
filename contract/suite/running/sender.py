"""
Who carries the requests of a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jobproof.contract.client.curl import SendingAborted
from jobproof.contract.model.exchange import Exchange, Reason, Request, TransportFailure
from jobproof.contract.reaching.renewing_client import SendingClient
from jobproof.contract.suite.running.rate_limiter import BudgetSpent

__all__ = ["ClientSender", "Retry", "RetryingSender", "Sender"]

_FIRST_PAUSE_S = 0.2
_ON_THE_WAY = (Reason.DNS, Reason.CONNECT, Reason.TIMEOUT)


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


@dataclass(frozen=True, slots=True)
class Retry:
    """
    A request that was sent again, and why.
    """

    method: str
    reason: Reason
    detail: str


class RetryingSender:
    """
    Sends again what was lost on the way: no connection, a reset, no answer in time. Whatever of an
    answer came is an answer: a body that is cut short is never asked for again.

    Args:
        most: How often one request is sent again.

    Attributes:
        retries: Each that was, in order.
        turn: Waits until one more request may be sent.
    """

    def __init__(
        self, sender: Sender, most: int, *, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._sender = sender
        self._most = most
        self._wait = wait
        self.retries: list[Retry] = []
        self.turn: Callable[[], object] = lambda: None

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        """
        Send, and again where it was lost on the way.

        Raises:
            BudgetSpent: No request is left.
        """
        pause_s = _FIRST_PAUSE_S
        for _ in range(self._most):
            exchange = self._sender.send(request, deadline_s=deadline_s, fresh=fresh)
            failure = exchange.failure
            if failure is None or not _is_on_the_way(failure):
                return exchange
            self.retries.append(Retry(request.method, failure.reason, failure.detail))
            self._wait(pause_s)
            pause_s *= 2
            self.turn()
        return self._sender.send(request, deadline_s=deadline_s, fresh=fresh)


def _is_on_the_way(failure: TransportFailure) -> bool:
    if failure.partial is not None:
        return False
    is_reset = failure.reason is Reason.PROTOCOL and "reset by peer" in failure.detail
    return is_reset or failure.reason in _ON_THE_WAY
