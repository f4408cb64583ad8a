"""
Which addresses are dialled, judged on the one that a name really led to.
"""

from __future__ import annotations

import pytest
from tests.contract.client.sending import AUTH, body, failure, get
from tests.wire import BODY, Wire

from jobproof.contract.client.address_policy import AddressPolicy
from jobproof.contract.client.curl import Client
from jobproof.contract.model.exchange import Reason


class TestAddressPolicy:
    @pytest.mark.parametrize(
        "address",
        [
            "169.254.169.254",
            "169.254.170.2",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fe80::1",
            "fe80::1%eth0",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "not-an-address",
        ],
    )
    def test_never_dialled(self, address: str) -> None:
        assert AddressPolicy().refusal(address)
        assert AddressPolicy(allow_private=False).refusal(address)

    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.9",
            "172.16.0.1",
            "100.64.0.1",
            "fd12:3456::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ],
    )
    def test_inward_addresses_are_for_configured_targets_only(self, address: str) -> None:
        assert AddressPolicy().refusal(address) is None
        assert AddressPolicy(allow_private=False).refusal(address)

    @pytest.mark.parametrize(
        "address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e"]
    )
    def test_public_addresses_pass(self, address: str) -> None:
        assert AddressPolicy(allow_private=False).refusal(address) is None

    @pytest.mark.parametrize(
        "host",
        [
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "0.0.0.1",
        ],
    )
    def test_refused_address_is_blocked_before_a_packet(self, client: Client, host: str) -> None:
        exchange = get(client, f"http://{host}/latest/meta-data/", AUTH)
        failed = failure(exchange)
        assert failed.reason is Reason.BLOCKED
        assert failed.detail.startswith("refused to connect: ")
        assert exchange.remote_ip is None

    def test_a_name_is_judged_by_what_it_resolves_to(self, wire: Wire) -> None:
        with Client(policy=AddressPolicy(allow_private=False)) as outward:
            failed = failure(get(outward, wire.url("ok", host="localhost")))
        assert failed.reason is Reason.BLOCKED
        assert "127.0.0.1 is loopback" in failed.detail

    def test_a_name_with_one_good_address_is_reached(self, client: Client, wire: Wire) -> None:
        # localhost is ::1 too, where nobody listens on this port.
        assert body(get(client, wire.url("ok", host="localhost"))) == BODY
