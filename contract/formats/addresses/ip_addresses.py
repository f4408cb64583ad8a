"""
What kind of address an IP address is, and which texts are one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from jobproof.contract.formats.digits import is_digits

__all__ = [
    "NEVER_DIALLED",
    "IpAddress",
    "address_kind",
    "ends_in_number",
    "is_loopback_address",
    "parse_address",
]

IpAddress = IPv4Address | IPv6Address

_NETWORKS: dict[str, tuple[IPv4Network | IPv6Network, ...]] = {
    kind: tuple(ip_network(network) for network in networks)
    for kind, networks in {
        "unspecified": ("0.0.0.0/8", "::/128"),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "a cloud's metadata service": (
            "100.100.100.200/32",  # Alibaba Cloud
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle Cloud
            "fd00:ec2::/32",  # AWS
            "fd20:ce::254/128",  # Google Cloud
        ),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        "reserved": ("240.0.0.0/4",),
        "loopback": ("127.0.0.0/8", "::1/128"),
        "private": (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "fc00::/7",
            "fec0::/10",  # site-local: given up by RFC 3879
        ),
        "shared by a carrier": ("100.64.0.0/10",),  # RFC 6598
        "set aside": (
            "192.0.0.0/24",  # IETF protocol assignments
            "192.0.2.0/24",  # documentation
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "100::/64",  # discarded by routers
            "2001:db8::/32",  # documentation
        ),
    }.items()
}
"""The first kind that fits is named, so the narrower stand before the wider."""

NEVER_DIALLED = frozenset(
    {"unspecified", "link-local", "a cloud's metadata service", "multicast", "reserved"}
)
"""The kinds at which no job API can be, whoever names them."""

_IPV4_EMBEDDING: tuple[tuple[IPv6Network, int], ...] = (
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

_HEX = re.compile(r"0[xX][0-9a-fA-F]*")
_NUMBER = re.compile(r"0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*")


def parse_address(text: str) -> IpAddress | None:
    """
    The address that `text` is, as libcurl and inet_aton read it (`127.1`, `0x7f.1`, octal
    parts); None for a name, or for what is nothing. IPv6 comes without brackets.
    """
    if ":" in text:
        try:
            return IPv6Address(text.partition("%")[0])
        except ValueError:
            return None
    return _parse_ipv4(text.lower())


def ends_in_number(host: str) -> bool:
    """
    Whether `host` can only be an IPv4 address, right or not: no name ends in a number.
    """
    last = host.removesuffix(".").rpartition(".")[2]
    return is_digits(last) or _HEX.fullmatch(last) is not None


def _parse_ipv4(text: str) -> IPv4Address | None:
    parts = text.removesuffix(".").split(".")
    # The length is bounded, so that int() never meets thousands of digits.
    if len(parts) > 4 or not all(len(p) <= 40 and _NUMBER.fullmatch(p) for p in parts):
        return None
    # inet_aton lets the last part stand for all bytes that are left: 127.1 is 127.0.0.1.
    *heads, tail = (
        int(part, 16 if part.startswith("0x") else 8 if part.startswith("0") else 10)
        for part in parts
    )
    if any(head > 255 for head in heads) or tail >= 256 ** (4 - len(heads)):
        return None
    return IPv4Address(sum(head << 8 * (3 - at) for at, head in enumerate(heads)) + tail)


@lru_cache(maxsize=1024)
def address_kind(address: IpAddress) -> str | None:
    """
    Why `address` isn't public, as a few words; None where it is.

    An IPv6 address that carries an IPv4 address is of that one's kind, too.
    """
    embedded = _embedded_ipv4(address)
    for kind, networks in _NETWORKS.items():
        for candidate in (address, *embedded):
            if any(candidate in network for network in networks):
                return kind
    # What the registry of special addresses has beside these.
    return None if all(one.is_global for one in embedded or (address,)) else "set aside"


def is_loopback_address(address: IpAddress) -> bool:
    """
    Whether `address` leads to this machine, in whichever family it is written.
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any(one in network for one in (address, mapped) if one for network in _LOOPBACK)


_LOOPBACK = _NETWORKS["loopback"]


def _embedded_ipv4(address: IpAddress) -> tuple[IPv4Address, ...]:
    # `::` and `::1` lie among the IPv4-compatible ones and embed no address.
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return ()
    return tuple(
        IPv4Address(int(address) >> shift & 0xFFFFFFFF)
        for network, shift in _IPV4_EMBEDDING
        if address in network
    )
