"""
Where the time of an exchange went.
"""

from __future__ import annotations

import pytest
from tests.contract.client.sending import BROKEN_ON_THE_WIRE, get
from tests.wire import ServerConnection, Wire

from jobproof.contract.client.curl import Client


class TestPhases:
    def test_phases_sum_up_to_the_whole(self, client: Client) -> None:
        def paced(line: ServerConnection) -> None:
            line.pause(0.1)
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            line.pause(0.2)
            line.send(b"{}")

        with Wire({"paced": paced}) as server:
            exchange = get(client, server.url("paced"))
        phases = exchange.phases
        assert phases.wait >= 0.1
        assert phases.transfer > 0
        assert phases.wait + phases.transfer >= 0.3
        total = phases.resolve + phases.connect + phases.tls + phases.wait + phases.transfer
        assert total == pytest.approx(exchange.elapsed_s, abs=1e-6)

    @pytest.mark.parametrize("script", sorted(BROKEN_ON_THE_WIRE))
    def test_phases_of_a_failure_are_never_negative(
        self, client: Client, wire: Wire, script: str
    ) -> None:
        exchange = get(client, wire.url(script), deadline_s=0.2)
        p = exchange.phases
        lengths = [p.resolve, p.connect, p.tls, p.wait, p.transfer]
        assert min(lengths) >= 0
        assert sum(lengths) == pytest.approx(exchange.elapsed_s, abs=1e-6)

    def test_silence_is_time_spent_waiting(self, client: Client, wire: Wire) -> None:
        exchange = get(client, wire.url("silent"), deadline_s=0.2)
        assert exchange.phases.wait > 0
        assert exchange.phases.transfer == 0.0
