"""
The host names that a daemon on loopback answers to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["Hosts"]


class Hosts:
    """
    Tells our own names from those that somebody else has pointed at this machine.

    A web page can give its own name the address 127.0.0.1 and have its visitor's browser
    ask us as if we were its site (DNS rebinding); the name in `Host` gives it away. It is a
    name of the public DNS, so it has a dot: addresses and bare machine names are ours.

    Args:
        names: Further names of ours, such as that of a proxy that passes `Host` on.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in names)

    def admits(self, host: str | None) -> bool:
        """
        Whether the `Host` of a request is one of ours; a browser always sends one.
        """
        name = _without_port(host or "").lower().rstrip(".")
        if not name or "." not in name or name.endswith(".localhost") or name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _without_port(host: str) -> str:
    # An IPv6 address without a port ends in a bracket, and its colons are no separators.
    return host if host.endswith("]") else host.rpartition(":")[0] or host
