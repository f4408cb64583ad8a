"""
Which addresses may be dialled, judged on the one that a name really led to.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from jobproof.contract.formats.addresses.ip_addresses import NEVER_DIALLED, address_kind

__all__ = ["AddressPolicy"]


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """
    Which addresses may be connected to, judged on the one really dialled.

    A name's owner decides what it resolves to, so a host name proves nothing.
    Link-local, metadata, multicast and unspecified addresses are refused
    always, also as the IPv4 part of an IPv6 address.

    Attributes:
        allow_private: Whether loopback and private networks are allowed: yes for a
            target that the operator wrote down, no for an address that came
            out of an answer.
    """

    allow_private: bool = True

    def refusal(self, address: str) -> str | None:
        """
        Why `address` (numeric) is refused, as a few words; None lets it pass.
        """
        try:
            # A link-local peer comes with its zone, such as `fe80::1%eth0`.
            dialled = ip_address(address.partition("%")[0])
        except ValueError:
            return "not an IP address"
        kind = address_kind(dialled)
        return None if self.allow_private and kind not in NEVER_DIALLED else kind
