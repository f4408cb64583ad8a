"""
Which addresses may be dialled, judged on the one that a name really led to.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["AddressPolicy"]

_NEVER: tuple[tuple[str, IPv4Network | IPv6Network], ...] = tuple(
    (what, ip_network(network))
    for what, networks in {
        "unspecified": ("0.0.0.0/8", "::/128"),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "a cloud's metadata service": (
            "100.100.100.200/32",
            "168.63.129.16/32",
            "192.0.0.192/32",
            "fd00:ec2::/32",
            "fd20:ce::254/128",
        ),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        "reserved": ("240.0.0.0/4",),
    }.items()
    for network in networks
)
_INWARD: tuple[tuple[str, IPv4Network | IPv6Network], ...] = tuple(
    (what, ip_network(network))
    for what, networks in {
        "loopback": ("127.0.0.0/8", "::1/128"),
        "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
        "shared by a carrier": ("100.64.0.0/10",),
        "set aside": (
            "192.0.0.0/24",
            "192.0.2.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "100::/64",
            "2001:db8::/32",
        ),
    }.items()
    for network in networks
)
_CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated
    (IPv6Network("::/96"), 0),  # IPv4-compatible
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64, local
    (IPv6Network("2002::/16"), 80),  # 6to4: bits 16 to 47
)
"""
IPv6 networks that carry an IPv4 address, and how many bits stand right of it.
"""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """
    Which addresses may be connected to, judged on the one really dialled.

    A name's owner decides what it resolves to, so a host name proves nothing.
    Link-local, metadata, multicast and unspecified addresses are refused
    always, in every IPv6 dress that carries IPv4.

    Attributes:
        inward: Whether loopback and private networks are allowed: yes for a
            target that the operator wrote down, no for an address that came
            out of an answer.
    """

    inward: bool = True

    def refusal(self, address: str) -> str | None:
        """
        Why `address` (numeric) is refused, as a few words; None lets it pass.
        """
        try:
            dialled = ip_address(address.partition("%")[0])
        except ValueError:
            return "not an IP address"
        for candidate in (dialled, *_carried(dialled)):
            for what, network in _NEVER if self.inward else _NEVER + _INWARD:
                if candidate.version == network.version and candidate in network:
                    return what
        return None


def _carried(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return ()
    return tuple(
        IPv4Address(int(address) >> shift & 0xFFFFFFFF)
        for network, shift in _CARRIERS
        if address in network
    )
