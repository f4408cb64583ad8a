"""
Requests that `requests` has prepared, as values of our own.
"""

from __future__ import annotations

from requests import PreparedRequest

from jobproof.contract.model.exchange import Request

__all__ = ["request_of"]


def request_of(prepared: PreparedRequest) -> Request:
    """
    What was sent, or is about to be; it knows no job.
    """
    headers = tuple((str(name), _text(value)) for name, value in prepared.headers.items())
    return Request(str(prepared.method), str(prepared.url), headers)


def _text(value: str | bytes) -> str:
    # As it goes over the wire: `requests` takes both.
    return value.decode("latin-1") if isinstance(value, bytes) else value
