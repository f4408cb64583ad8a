"""
Why a target can't be reached, as the setting that would cure it.
"""

from __future__ import annotations

import re

from jobproof.contract.model.asking.route import Route
from jobproof.contract.reaching.setting import SettingsPlace

__all__ = ["remedy_of"]

_UNTRUSTED = re.compile(r"self-signed|self signed|local issuer certificate")
"""How OpenSSL calls the chain of a certificate that nobody whom it trusts has signed."""
_NO_TLS = re.compile(r"wrong version number|packet length too long|http request\b")
"""How OpenSSL calls what answers it with something else than TLS."""
_REFUSED_CLIENT = re.compile(
    r"alert (?:certificate required|handshake failure|bad certificate|unknown ca)"
)
_UNRESOLVED_HOST = re.compile(r"[Cc]ould not resolve host")


def remedy_of(detail: str, route: Route, place: SettingsPlace) -> str:
    """
    What to do about it, in words; "" where no setting of the route would help.

    Args:
        detail: Of the transport failure.
    """
    named = place.named
    if _UNTRUSTED.search(detail):
        return _about_trust(route, named("ca_file"))
    if _REFUSED_CLIENT.search(detail):
        return _about_client(route, named("client_cert"))
    if "the proxy" in detail or (route.proxy and "timed out" in detail):
        return _about_proxy(detail, route, named("proxy"))
    if _UNRESOLVED_HOST.search(detail):
        return f"{named('resolve')} HOST:PORT:ADDRESS says which address a name stands for"
    return _about_protocol(detail, route, place)


def _about_protocol(detail: str, route: Route, place: SettingsPlace) -> str:
    version = place.named("http_version")
    if "no application protocol" in detail or "HTTP/2 alone" in detail or "no HTTP/2" in detail:
        return f"{version} {'1.1' if route.http_version == '2' else '2'} is what the server speaks"
    if "HTTP/0.9" in detail:  # in clear nobody can ask whether HTTP/2 is understood
        return f"{version} 2, if it speaks HTTP/2 alone"
    if _NO_TLS.search(detail):
        return f"there is no TLS: {place.named('url')} http://… asks in clear"
    return ""


def _about_trust(route: Route, option: str) -> str:
    if route.ca_file is None:
        return f"{option} FILE.pem names certificates to trust"
    # It may be an option that has named it, or the usual variable.
    return f"no CA in {route.ca_file} has signed its certificate: {option} FILE.pem names others"


def _about_client(route: Route, option: str) -> str:
    if route.client_cert is None:
        return f"{option} FILE.pem shows the server a certificate"
    return f"it doesn't take the certificate of {option} {route.client_cert}"


def _about_proxy(detail: str, route: Route, option: str) -> str:
    if "timed out" in detail:
        return f"is {option} a proxy that may reach it?"
    if "answers 407" not in detail:
        return f"{option} says which proxy to go through"
    if route.proxy_credentials is None:
        return f"USER:PASSWORD@ before the host in {option} tells it who asks"
    return f"it doesn't take user and password of {option}"
