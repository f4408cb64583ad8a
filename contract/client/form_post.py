"""
A form that is posted to a server beside the target, the same way: for a token.
"""

from __future__ import annotations

import pycurl

from jobproof.contract.client.curl_codes import REASONS, code_name
from jobproof.contract.client.curl_route import route_options, way_failure
from jobproof.contract.client.response_parser import one_line
from jobproof.contract.formats.addresses.urls import parse_url
from jobproof.contract.model.asking.route import Route
from jobproof.contract.model.exchange import Reason, TransportFailure

__all__ = ["post_form"]

_MOST_BYTES = 65_536


def post_form(
    url: str, form: str, headers: list[str], route: Route, *, deadline_s: float
) -> tuple[int, bytes] | TransportFailure:
    """
    What is answered to `form`: code and body; no redirect is followed, and nothing retried.

    Args:
        form: As `application/x-www-form-urlencoded` has it.
        headers: `Name: value`.
    """
    parsed = parse_url(url)
    body = bytearray()

    def take(data: bytes) -> int | None:
        body.extend(data)
        return 0 if len(body) > _MOST_BYTES else None

    curl = pycurl.Curl()
    try:
        for option, value in (
            (pycurl.URL, parsed.origin + parsed.target),
            (pycurl.NOSIGNAL, 1),
            (pycurl.NETRC, pycurl.NETRC_IGNORED),
            (pycurl.POSTFIELDS, form),
            (pycurl.HTTPHEADER, headers),
            (pycurl.WRITEFUNCTION, take),
            (pycurl.TIMEOUT_MS, round(deadline_s * 1000)),
            # Whatever the two agree on by TLS: nothing is judged here.
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS),
            *route_options(route),
        ):
            curl.setopt(option, value)
        try:
            curl.perform()
        except pycurl.error as error:
            code, message = int(error.args[0]), one_line(str(error.args[1]))
            if len(body) > _MOST_BYTES:
                return TransportFailure(Reason.TOO_LARGE, f"more than {_MOST_BYTES} bytes came")
            connect_code = curl.getinfo(pycurl.HTTP_CONNECTCODE)
            way = way_failure(route, code, message, connect_code=connect_code)
            reason, detail = way or (REASONS.get(code, Reason.PROTOCOL), message)
            return TransportFailure(reason, detail or code_name(code))
        return int(curl.getinfo(pycurl.RESPONSE_CODE)), bytes(body)
    finally:
        curl.close()
