"""
A client that sends the token of now, and once more with another one where it was refused.
"""

from __future__ import annotations

from typing import Protocol

from jobproof.contract.formats.secrets.secret import Secret
from jobproof.contract.model.exchange import Credential, Exchange, Request
from jobproof.contract.model.request import with_token
from jobproof.contract.reaching.token_keeper import TokenKeeper

__all__ = ["RenewingClient", "SendingClient"]


class SendingClient(Protocol):
    """
    The part of `jobproof.contract.client.curl.Client` that is used here.
    """

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


class RenewingClient:
    """
    Sends as `client` does. Only what the owner asks has its token replaced, and only of such a
    question a 401 has another token got: what was asked without one, or with a wrong one, is
    meant to be refused.

    Args:
        tokens: Requests are built with its `stand_in`.
    """

    def __init__(self, client: SendingClient, tokens: TokenKeeper) -> None:
        self._client = client
        self._tokens = tokens

    def send(self, request: Request, *, deadline_s: float, fresh: bool = False) -> Exchange:
        """
        Send, and once more where a 401 came and there is another token.

        Raises:
            TokenError: There is no token.
        """
        if request.credential is not Credential.OWNER or not self._is_sent_in(request):
            return self._client.send(request, deadline_s=deadline_s, fresh=fresh)
        stand_in, used = self._tokens.stand_in, self._tokens.current()
        first = with_token(request, stand_in, used)
        exchange = self._client.send(first, deadline_s=deadline_s, fresh=fresh)
        if exchange.response is None or exchange.response.code != 401:
            return exchange
        another = self._tokens.renewed(used)
        if another is None:
            return exchange
        again = with_token(request, stand_in, another)
        return self._client.send(again, deadline_s=deadline_s, fresh=fresh)

    def abort(self) -> None:
        """As `Client.abort`."""
        self._client.abort()

    def close(self) -> None:
        """As `Client.close`."""
        self._client.close()

    def _is_sent_in(self, request: Request) -> bool:
        probe = Secret("jobproof:another")
        return with_token(request, self._tokens.stand_in, probe) != request
