"""
Connections are kept, replaced and closed without anybody noticing.
"""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.contract.client.sending import body, failure, get
from tests.tools import PATIENCE_S, until
from tests.wire import BODY, SCRIPTS, ServerConnection, Wire, answer

from jobproof.contract.client.curl import Client
from jobproof.contract.model.exchange import Reason


class TestConnections:
    def test_a_kept_connection_is_reused_and_says_so(self, client: Client) -> None:
        with Wire() as server:
            exchanges = [get(client, server.url("ok")) for _ in range(3)]
            assert server.connections == 1
        assert [e.reused for e in exchanges] == [False, True, True]
        warm = exchanges[-1]
        assert (warm.phases.resolve, warm.phases.connect, warm.phases.tls) == (0.0, 0.0, 0.0)
        assert warm.phases.wait > 0
        assert warm.remote_ip == "127.0.0.1"

    def test_without_reuse_each_request_dials(self) -> None:
        with Wire() as server, Client(reuse=False) as cold:
            exchanges = [get(cold, server.url("ok")) for _ in range(3)]
            assert server.connections == 3
        assert not any(e.reused for e in exchanges)
        assert all(e.phases.connect > 0 for e in exchanges)

    def test_stale_connection_is_replaced_once(self, client: Client) -> None:
        with Wire() as server:
            first, second = (get(client, server.url("stale-keep-alive")) for _ in range(2))
            asked, dialled = len(server.requests), server.connections
        assert (body(first), body(second)) == (BODY, BODY)
        assert not second.reused
        assert (asked, dialled) == (3, 2)

    def test_reset_on_a_new_connection_is_never_retried(self, client: Client) -> None:
        with Wire() as server:
            failure(get(client, server.url("reset-before-head")))
            assert len(server.requests) == 1

    def test_reset_after_bytes_on_a_kept_connection_is_never_retried(self, client: Client) -> None:
        def second_time_short(line: ServerConnection) -> None:
            if line.turn == 1:
                answer()(line)
            else:
                SCRIPTS["reset-in-body"](line)

        with Wire({"worse": second_time_short}) as server:
            get(client, server.url("worse"))
            again = get(client, server.url("worse"))
            assert len(server.requests) == 2
        assert failure(again).reason is Reason.PROTOCOL

    def test_excess_bytes_dont_leak_into_the_next_answer(self, client: Client) -> None:
        with Wire() as server:
            get(client, server.url("extra-bytes-apart"))
            assert body(get(client, server.url("ok"))) == BODY
            assert server.connections == 2

    def test_bytes_on_an_idle_connection_dont_leak_into_the_next_answer(
        self, client: Client
    ) -> None:
        chattered = threading.Event()

        def chatter(line: ServerConnection) -> None:
            answer()(line)
            line.pause(0.1)
            line.send(b"HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\n\r\n")
            chattered.set()

        with Wire({"chatter": chatter}) as server:
            assert body(get(client, server.url("chatter"))) == BODY
            assert chattered.wait(PATIENCE_S)
            following = get(client, server.url("ok"))
            assert server.connections == 2
        assert body(following) == BODY
        assert not following.reused

    def test_sixteen_threads_get_their_own_answers(self, client: Client) -> None:
        count = 320

        def ask(number: int) -> bool:
            path = f"echo/{number}"
            got = body(get(client, server.url(path), ("X-Number", str(number))))
            return got.startswith(f"GET /{path} HTTP/1.1\r\n".encode()) and (
                f"X-Number: {number}\r\n".encode() in got
            )

        with Wire() as server, ThreadPoolExecutor(16) as pool:
            assert all(pool.map(ask, range(count)))
            assert len(server.requests) == count
            assert server.connections <= 16

    def test_requests_in_flight_dont_wait_for_each_other(self, client: Client) -> None:
        together = threading.Barrier(32, timeout=PATIENCE_S)

        def meet(line: ServerConnection) -> None:
            together.wait()
            answer()(line)

        with Wire({"meet": meet}) as server, ThreadPoolExecutor(32) as pool:
            asked = [pool.submit(get, client, server.url("meet")) for _ in range(32)]
            assert [body(one.result()) for one in asked] == [BODY] * 32

    def test_closed_client_hangs_up_and_refuses(self) -> None:
        hung_up = threading.Event()

        def watch(line: ServerConnection) -> None:
            answer()(line)
            line.hold()
            hung_up.set()

        with Wire({"watch": watch}) as server:
            asking = Client()
            get(asking, server.url("watch"))
            asking.close()
            asking.close()
            assert hung_up.wait(PATIENCE_S)
            with pytest.raises(RuntimeError, match="closed"):
                get(asking, server.url("watch"))

    def test_close_while_asking_lets_the_answer_in(self) -> None:
        asked, go_on = threading.Event(), threading.Event()

        def slow(line: ServerConnection) -> None:
            asked.set()
            go_on.wait(PATIENCE_S)
            answer()(line)

        with Wire({"slow": slow}) as server, ThreadPoolExecutor(1) as pool:
            asking = Client()
            pending = pool.submit(get, asking, server.url("slow"))
            assert asked.wait(PATIENCE_S)
            asking.close()
            go_on.set()
            assert body(pending.result()) == BODY

    def test_a_connection_that_is_too_old_is_dialled_anew_by_the_next_request(self) -> None:
        with Wire() as server, Client(max_age_s=0.05) as ageing:
            first, _ = (get(ageing, server.url("ok")) for _ in range(2))
            time.sleep(0.06)
            third = get(ageing, server.url("ok"))
            assert len(server.requests) == 3, "no request is sent only to find out"
            assert server.connections <= 3
        assert (first.reused, third.reused) == (False, False)
        assert third.phases.resolve > 0
        assert third.phases.connect > 0

    def test_old_connections_that_nobody_needs_are_hung_up_by_the_next_request(self) -> None:
        together = threading.Barrier(8, timeout=PATIENCE_S)
        hung_up: list[int] = []

        def meet(line: ServerConnection) -> None:
            together.wait()
            answer()(line)
            line.hold()
            hung_up.append(line.turn)

        with Wire({"meet": meet}) as server, Client(max_age_s=0.5) as ageing:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _: get(ageing, server.url("meet")), range(8)))
            assert hung_up == []
            time.sleep(0.6)
            get(ageing, server.url("ok"))
            until(lambda: len(hung_up) == 8)
            assert hung_up == [1] * 8

    def test_no_age_is_too_old_unless_it_is_said(self, client: Client) -> None:
        with Wire() as server:
            get(client, server.url("ok"))
            time.sleep(0.06)
            assert get(client, server.url("ok")).reused

    def test_no_socket_outlives_the_client(self) -> None:
        with Wire() as server:
            before = _descriptors()
            for _ in range(3):
                with Client() as asking:
                    for script in ("ok", "close-after", "short-body", "reset-before-head"):
                        get(asking, server.url(script))
            # The server's own ends go a moment later, in their threads.
            until(lambda: _descriptors() <= before)
            assert _descriptors() <= before

    def test_ipv6_is_spoken(self, client: Client) -> None:
        with Wire(family=socket.AF_INET6) as server:
            exchange = get(client, server.url("ok"))
        assert body(exchange) == BODY
        assert exchange.remote_ip == "::1"


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
