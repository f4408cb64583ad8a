"""
What goes wrong on the wire has its reason, and ends.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pycurl
import pytest
from tests.contract.client.sending import AUTH, BROKEN_ON_THE_WIRE, TOKEN, body, failure, get
from tests.tools import PATIENCE_S, PYTHON, output_of, tool
from tests.wire import BODY, SCRIPTS, Wire

from jobproof.contract.client.address_policy import AddressPolicy
from jobproof.contract.client.curl import Client
from jobproof.contract.client.curl_codes import REASONS
from jobproof.contract.client.handle import Handle
from jobproof.contract.client.response_parser import Limits
from jobproof.contract.model.exchange import Reason, Request

DEADLINE_S = 0.4
HANG_S = 90
"""Longer than any machine takes for the rest of a test; a hang is told by it."""


class TestFaults:
    @pytest.mark.parametrize("script", BROKEN_ON_THE_WIRE)
    def test_fault_has_its_reason(self, client: Client, wire: Wire, script: str) -> None:
        reason, head_arrived = BROKEN_ON_THE_WIRE[script]
        timed_out = reason is Reason.TIMEOUT
        deadline_s = DEADLINE_S if timed_out else PATIENCE_S
        start = time.monotonic()
        exchange = get(client, wire.url(script, "jobs", "7"), AUTH, deadline_s=deadline_s)
        took_s = time.monotonic() - start
        failed = failure(exchange)
        assert failed.reason is reason, failed.detail
        assert (failed.partial is not None) is head_arrived
        # The server goes on for good: only the deadline ends a silence, and nothing else waits
        # for it. How close to the deadline is a figure, in `benches/deadlines.py`.
        assert (exchange.elapsed_s >= 0.9 * deadline_s) is timed_out
        assert 0 < exchange.elapsed_s <= took_s + 0.001
        assert failed.detail
        assert "\n" not in failed.detail
        assert "libcurl error" not in failed.detail, "a code that the table doesn't know"
        assert TOKEN not in failed.detail

    def test_every_failing_script_is_judged(self) -> None:
        encoded = {"gzip-lie", "gzip-cut", "gzip-trailing", "deflate-lie", "deflate-trailing"}
        fine = {
            *("ok", "echo", "chunked", "trailers", "trailers-alone"),
            *("no-content", "until-close", "close-after"),
            *("gzip", "gzip-members", "deflate", "bare-deflate", "unknown-encoding", "interim"),
            *("redirect-loop", "redirect-to-metadata", "stale-keep-alive"),
        }
        apart = {"head-with-body", "extra-bytes-after-chunks"}
        assert set(SCRIPTS) == set(BROKEN_ON_THE_WIRE) | encoded | fine | apart

    def test_partial_holds_what_came(self, client: Client, wire: Wire) -> None:
        short = failure(get(client, wire.url("short-body"))).partial
        dripped = failure(get(client, wire.url("dripping-body"), deadline_s=DEADLINE_S)).partial
        assert short is not None
        assert (short.code, short.body) == (200, BODY[:10])
        assert dripped is not None
        assert set(dripped.body) == {ord("x")}
        assert 1 < len(dripped.body) < 100

    def test_head_with_a_body_is_a_violation(self, client: Client, wire: Wire) -> None:
        exchange = client.send(Request("HEAD", wire.url("head-with-body")), deadline_s=PATIENCE_S)
        assert failure(exchange).reason is Reason.PROTOCOL

    def test_bytes_behind_the_last_chunk_are_seen_by_exact_framing(self, wire: Wire) -> None:
        with Client(exact_framing=True) as exact:
            behind = failure(get(exact, wire.url("extra-bytes-after-chunks")))
            assert behind.reason is Reason.PROTOCOL
            assert body(get(exact, wire.url("chunked"))) == BODY

    def test_a_line_works_again_after_every_fault(self, wire: Wire) -> None:
        with Client(limits=Limits(connect_s=2)) as shared:
            for script, (reason, _) in BROKEN_ON_THE_WIRE.items():
                quick = 0.1 if reason is Reason.TIMEOUT else PATIENCE_S
                get(shared, wire.url(script), deadline_s=quick)
                assert body(get(shared, wire.url("ok"))) == BODY, script

    def test_nobody_listens(self, client: Client) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        exchange = get(client, f"http://127.0.0.1:{port}/")
        assert failure(exchange).reason is Reason.CONNECT
        assert exchange.remote_ip is None
        assert not exchange.reused

    def test_name_that_doesnt_resolve(self, client: Client) -> None:
        exchange = get(client, "http://nobody.invalid/", deadline_s=PATIENCE_S)
        assert failure(exchange).reason in (Reason.DNS, Reason.TIMEOUT)
        assert exchange.phases.connect == 0.0
        assert exchange.phases.resolve == pytest.approx(exchange.elapsed_s, rel=1e-6)

    def test_connect_limit_is_tighter_than_the_deadline(self) -> None:
        with Wire(mute=True) as server, Client(limits=Limits(connect_s=0.2)) as hasty:
            exchange = get(hasty, server.url(), deadline_s=PATIENCE_S)
        assert failure(exchange).reason is Reason.TIMEOUT
        assert exchange.elapsed_s < PATIENCE_S / 2

    def test_table_names_codes_that_libcurl_has(self) -> None:
        named = {getattr(pycurl, name) for name in dir(pycurl) if name.startswith("E_")}
        younger = {82, 83, 90, 91, 98, 100}
        assert set(REASONS) <= named | younger

    def test_a_code_outside_the_table_says_its_name(self, client: Client) -> None:
        handle = Handle("http://127.0.0.1", pycurl.Curl(), Limits(), AddressPolicy(), reuse=True)
        failed = handle._failure(pycurl.E_FTP_WEIRD_PASV_REPLY, "who\r\nknows")
        handle.close()
        assert failed.reason is Reason.PROTOCOL
        assert failed.detail == "libcurl error 13 (E_FTP_WEIRD_PASV_REPLY): who knows"


class TestOurSide:
    """
    What isn't the endpoint's doing is an exception, never an answer.
    """

    def test_no_descriptors_left_is_our_failure(self, wire: Wire) -> None:
        code = (
            "import resource, sys; from jobproof.contract.client.curl import Client; "
            "from jobproof.contract.model.exchange import Request\n"
            "client = Client(reuse=False); ask = lambda: client.send("
            "Request('GET', sys.argv[1]), deadline_s=60)\n"
            "ask(); kept = [open('/dev/null')]\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (kept[0].fileno() + 1,) * 2)\n"
            "try: print(ask().answer)\n"
            "except (OSError, RuntimeError) as error: print('ours', error)"
        )
        printed = output_of(*PYTHON, "-c", code, wire.url("ok"))
        assert printed == "ours [Errno 24] Too many open files\n"

    def test_a_code_of_ours_is_raised(self) -> None:
        handle = Handle("http://127.0.0.1", pycurl.Curl(), Limits(), AddressPolicy(), reuse=True)
        with pytest.raises(RuntimeError, match=r"our side: libcurl error 27 \(E_OUT_OF_MEMORY\)"):
            handle._raise_if_local(pycurl.E_OUT_OF_MEMORY, "no memory")
        handle.close()


class TestSlowResolver:
    """
    A resolver that hangs, as a library in front of the real one.
    """

    def test_hanging_dns_ends_in_time_and_closing_doesnt_wait(self, tmp_path: Path) -> None:
        source = tmp_path / "slow.c"
        source.write_text(
            "#include <unistd.h>\n"
            "int getaddrinfo(void *n, void *s, void *h, void **r) "
            f"{{ sleep({HANG_S}); return -2; }}\n"
        )
        library = tmp_path / "slow.so"
        output_of(tool("cc", "gcc", "clang"), "-w", "-shared", "-fPIC", "-o", library, source)
        code = (
            "import time; from jobproof.contract.client.curl import Client; "
            "from jobproof.contract.model.exchange import Request\n"
            "client = Client(); start = time.monotonic()\n"
            "e = client.send(Request('GET', 'http://slow.example/'), deadline_s=0.4)\n"
            "sent = time.monotonic(); client.close()\n"
            "print(e.failure.reason.value, sent - start, time.monotonic() - sent, "
            "e.phases.resolve)"
        )
        start = time.monotonic()
        preloaded = {**os.environ, "LD_PRELOAD": str(library)}
        printed = output_of(*PYTHON, "-c", code, env=preloaded)
        reason, took_s, closing_s, resolve_s = printed.split()
        assert reason == "timeout"
        assert float(took_s) < HANG_S
        assert float(closing_s) < HANG_S
        assert 0.36 < float(resolve_s) <= float(took_s)
        assert time.monotonic() - start < HANG_S, "the process waited for the resolver"
