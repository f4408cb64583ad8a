"""
A transport of `requests` that is our own client: whoever sends by a session is bound by the same
limits, dials by the same rules, and takes no interim answer for the final one.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Protocol

import requests
from requests.adapters import BaseAdapter

from jobproof.contract.model.exchange import Exchange, Request

__all__ = ["Carrier", "ClientAdapter", "ExchangeFailed", "new_session", "request_of"]


class ExchangeFailed(requests.RequestException):
    """
    No whole answer came; `exchange` says why.
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.failure.detail if exchange.failure else "")
        self.exchange = exchange


class Carrier(Protocol):
    """
    What sends: the client, or who passes on to it.
    """

    def send(self, request: Request, *, deadline_s: float) -> Exchange:
        """
        Send once; no retry.
        """
        ...


class ClientAdapter(BaseAdapter):
    """
    Sends prepared requests without a body, by a client that somebody else opens and closes.

    Attributes:
        latest: The exchange behind the answer that was given last, as a value.
    """

    def __init__(self, client: Carrier) -> None:
        super().__init__()
        self._client = client
        self.latest: Exchange | None = None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """
        Send once; no retry.

        Raises:
            ExchangeFailed: No whole answer came.
            ValueError: The request can't be sent: a body, or what `Client.send` refuses.
        """
        if request.body:
            raise ValueError(f"{request.method} {request.url}: a body can't be sent")
        sent = request_of(request)
        exchange = self.latest = self._client.send(sent, deadline_s=timeout)
        if exchange.response is None:
            raise ExchangeFailed(exchange)
        answer = requests.Response()
        answer.request = request
        answer.url = sent.url
        answer.status_code = exchange.response.code
        answer.headers.update(exchange.response.headers)
        answer.raw = BytesIO(exchange.response.body or b"")
        return answer

    def close(self) -> None:
        """
        Do nothing: others may send by the same client.
        """


def request_of(prepared: requests.PreparedRequest) -> Request:
    """
    What `requests` has prepared, as a value; it knows no job.
    """
    headers = tuple((str(name), _text(value)) for name, value in prepared.headers.items())
    return Request(str(prepared.method), str(prepared.url), headers)


def _text(value: str | bytes) -> str:
    # As it goes over the wire: `requests` takes both.
    return value.decode("latin-1") if isinstance(value, bytes) else value


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        # Where redirects aren't followed, `requests` still reads where one leads, and stumbles
        # over a Location that is no URL.
        return None


def new_session(adapter: ClientAdapter) -> requests.Session:
    """
    A session over `adapter` alone: no redirects, nothing from the environment.
    """
    session = _Session()
    session.trust_env = False
    for prefix in ("http://", "https://"):
        session.mount(prefix, adapter)
    return session
