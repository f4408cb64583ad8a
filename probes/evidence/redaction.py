"""
Secrets taken out of an exchange before it is written down.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote

from jobproof.contract.formats.secret import MASK
from jobproof.contract.model.exchange import Exchange, Response, TransportFailure

__all__ = ["Scrubber"]

_SIGNED = re.compile(
    rb"(?i)([?&][a-z0-9_.-]*(?:signature|sig|token|credential|secret|api-?key)=)[^&\"'\\\s<>]+"
)


class Scrubber:
    """
    Masks given secrets in every spelling, and the signatures of signed links.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = _spellings(secrets)

    def exchange(self, exchange: Exchange) -> Exchange:
        """
        The exchange without any secret: URL, headers, body and failure.
        """
        request = exchange.request
        clean = replace(
            request,
            url=self.text(request.url),
            headers=self._headers(request.headers),
            job_id=None if request.job_id is None else self.text(request.job_id),
        )
        answer = exchange.answer
        if isinstance(answer, Response):
            return replace(exchange, request=clean, answer=self._response(answer))
        partial = None if answer.partial is None else self._response(answer.partial)
        failure = TransportFailure(answer.reason, self.text(answer.detail), partial)
        return replace(exchange, request=clean, answer=failure)

    def text(self, text: str) -> str:
        """
        The text without any secret.
        """
        content = self._bytes(text.encode("utf-8", "surrogateescape"))
        return content.decode("utf-8", "surrogateescape")

    def _response(self, response: Response) -> Response:
        body = self._bytes(response.body)
        return replace(response, headers=self._headers(response.headers), body=body, raw=body)

    def _headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((self.text(name), self.text(value)) for name, value in headers)

    def _bytes(self, content: bytes) -> bytes:
        for secret in self._secrets:
            content = content.replace(secret, MASK.encode())
        # A signed link opens what it points at for whoever reads the evidence.
        return _SIGNED.sub(rb"\1" + MASK.encode(), content)


def _spellings(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """
    Every way in which a secret may stand in a URL, a header or a JSON body.
    """
    found = set()
    for secret in secrets:
        for text in (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]):
            found.add(text.encode())
    return tuple(sorted(found, key=len, reverse=True))
