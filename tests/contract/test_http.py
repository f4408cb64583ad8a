"""
The client, against a server that does its worst on real sockets.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pycurl
import pytest
from tests.tools import tool
from tests.wire import BODY, SCRIPTS, Certificates, Line, Wire, answer, say

from jobproof.contract.client.curl import _REASONS, AddressPolicy, Client, Limits, _Line
from jobproof.contract.errors import ConfigError
from jobproof.contract.model.exchange import Exchange, Reason, Request, TransportFailure

TOKEN = "tok-4f1c8e7a-never-shown"
AUTH = ("Authorization", f"Bearer {TOKEN}")
DEADLINE_S = 0.4
SLACK_S = 0.5


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as server:
        yield server


@pytest.fixture
def client() -> Iterator[Client]:
    with Client() as asking:
        yield asking


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.new()


def get(client: Client, url: str, *headers: tuple[str, str], deadline_s: float = 5) -> Exchange:
    return client.send(Request("GET", url, headers), deadline_s=deadline_s)


def failure(exchange: Exchange) -> TransportFailure:
    assert exchange.failure is not None, exchange.answer
    return exchange.failure


def body(exchange: Exchange) -> bytes:
    assert exchange.response is not None, exchange.answer
    return exchange.response.body


def sent(client: Client, wire: Wire, request: Request) -> list[bytes]:
    """
    The lines of the head as the server read them.
    """
    wire.requests.clear()
    client.send(request, deadline_s=5)
    return wire.requests[-1].split(b"\r\n")[:-2]


class TestAnswers:
    def test_an_answer_is_whole(self, client: Client, wire: Wire) -> None:
        before = time.time()
        exchange = get(client, wire.url("ok"))
        response = exchange.response
        assert response is not None
        assert (response.code, response.body, response.raw) == (200, BODY, BODY)
        assert response.http_version == "1.1"
        assert exchange.remote_ip == "127.0.0.1"
        assert before <= exchange.started_at <= time.time()
        assert 0 < exchange.elapsed_s < 5
        assert exchange.certificate_expires_at is None

    def test_headers_keep_order_spelling_and_repeats(self, client: Client) -> None:
        given = (("X-b", "1"), ("x-A", "2"), ("X-B", " 3\t"), ("X-Empty", ""), ("X-Latin", "é"))
        with Wire({"own": answer(200, b"", *given)}) as server:
            response = get(client, server.url("own")).response
        assert response is not None
        assert response.headers == (
            ("X-b", "1"),
            ("x-A", "2"),
            ("X-B", "3"),
            ("X-Empty", ""),
            ("X-Latin", "é"),
            ("Content-Length", "0"),
        )

    def test_interim_answers_leave_no_trace(self, client: Client, wire: Wire) -> None:
        response = get(client, wire.url("interim")).response
        assert response is not None
        assert response.code == 200
        assert [name for name, _ in response.headers] == ["X-Final", "Content-Length"]
        assert response.body == BODY

    @pytest.mark.parametrize(("script", "sent"), [("trailers", BODY), ("trailers-alone", b"")])
    def test_trailers_are_no_headers(
        self, client: Client, wire: Wire, script: str, sent: bytes
    ) -> None:
        response = get(client, wire.url(script)).response
        assert response is not None
        assert response.headers == (("Transfer-Encoding", "chunked"),)
        assert response.body == sent

    @pytest.mark.parametrize(
        ("method", "script", "code", "expected"),
        [
            ("HEAD", "ok", 200, b""),
            ("GET", "no-content", 204, b""),
            ("GET", "until-close", 200, BODY),
            ("GET", "close-after", 200, BODY),
            ("GET", "chunked", 200, BODY),
            ("OPTIONS", "ok", 200, BODY),
            ("PURGE", "ok", 200, BODY),
        ],
    )
    def test_framing_that_http_allows_is_no_failure(
        self, client: Client, wire: Wire, method: str, script: str, code: int, expected: bytes
    ) -> None:
        for _ in range(2):
            exchange = client.send(Request(method, wire.url(script)), deadline_s=5)
            assert exchange.response is not None, exchange.answer
            assert (exchange.response.code, exchange.response.body) == (code, expected)

    def test_304_with_a_length_and_no_body_is_whole(self, client: Client) -> None:
        not_modified = say(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 35\r\n\r\n")
        with Wire({"same": not_modified}) as server:
            assert body(get(client, server.url("same"))) == b""

    def test_close_right_after_a_whole_answer_is_no_excess(self, client: Client) -> None:
        # No `Connection: close`: the peer just goes, as many proxies do.
        for _ in range(30):
            with Wire({"gone": answer(end="close")}) as server:
                assert body(get(client, server.url("gone"))) == BODY

    def test_redirects_are_answers(self, client: Client) -> None:
        with Wire() as server:
            loop = get(client, server.url("redirect-loop", "jobs", "7"))
            pivot = get(client, server.url("redirect-to-metadata"))
            asked = len(server.requests)
        assert loop.response is not None
        assert pivot.response is not None
        assert (loop.response.code, pivot.response.code, asked) == (302, 302, 2)
        assert pivot.response.header("location") == "http://169.254.169.254/latest/"
        assert pivot.remote_ip == "127.0.0.1"


class TestEncoding:
    @pytest.mark.parametrize("script", ["gzip", "gzip-members", "deflate", "bare-deflate"])
    def test_body_is_decoded_and_raw_kept(self, client: Client, wire: Wire, script: str) -> None:
        response = get(client, wire.url(script)).response
        assert response is not None
        assert response.body == BODY
        assert response.raw != BODY
        assert str(len(response.raw)) == response.header("Content-Length")

    def test_unknown_encoding_is_left_for_a_check(self, client: Client, wire: Wire) -> None:
        response = get(client, wire.url("unknown-encoding")).response
        assert response is not None
        assert response.body == response.raw == BODY

    @pytest.mark.parametrize("chunks", [1, 2, 3])
    def test_decoding_doesnt_depend_on_how_bytes_arrive(self, client: Client, chunks: int) -> None:
        packed = zlib.compress(BODY * 50)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n"
        parts = [packed[n : n + 1] for n in range(chunks)] + [packed[chunks:]]
        apart = say(head % len(packed), *parts, apart_s=0.02)
        with Wire({"apart": apart}) as server:
            assert body(get(client, server.url("apart"))) == BODY * 50

    @pytest.mark.parametrize(
        "script", ["gzip-lie", "gzip-cut", "gzip-trailing", "deflate-lie", "deflate-trailing"]
    )
    def test_body_that_doesnt_decode_is_an_encoding_failure(
        self, client: Client, wire: Wire, script: str
    ) -> None:
        failed = failure(get(client, wire.url(script)))
        assert failed.reason is Reason.ENCODING
        assert failed.detail.startswith(("gzip: ", "deflate: "))
        assert failed.partial is not None
        assert str(len(failed.partial.raw)) == failed.partial.header("Content-Length")

    def test_empty_body_needs_no_gzip_frame(self, client: Client) -> None:
        with Wire({"none": answer(200, b"", ("Content-Encoding", "gzip"))}) as server:
            assert body(get(client, server.url("none"))) == b""
            head = client.send(Request("HEAD", server.url("none")), deadline_s=5)
        assert head.response is not None


BROKEN_ON_THE_WIRE = {
    # script: (reason, whether the head counts as arrived)
    "silent": (Reason.TIMEOUT, False),
    "dripping-head": (Reason.TIMEOUT, False),
    "dripping-body": (Reason.TIMEOUT, True),
    "endless-interim": (Reason.TIMEOUT, False),
    "close-before-head": (Reason.PROTOCOL, False),
    "close-in-head": (Reason.PROTOCOL, False),
    "close-before-blank-line": (Reason.PROTOCOL, False),
    "reset-before-head": (Reason.PROTOCOL, False),
    "reset-in-head": (Reason.PROTOCOL, False),
    "reset-in-body": (Reason.PROTOCOL, True),
    "short-body": (Reason.PROTOCOL, True),
    "extra-bytes": (Reason.PROTOCOL, True),
    "extra-bytes-apart": (Reason.PROTOCOL, True),
    "no-content-with-body": (Reason.PROTOCOL, True),
    "truncated-chunk": (Reason.PROTOCOL, True),
    "missing-last-chunk": (Reason.PROTOCOL, True),
    "bad-chunk-size": (Reason.PROTOCOL, True),
    "overlong-chunk": (Reason.PROTOCOL, True),
    "wrong-content-length": (Reason.PROTOCOL, True),
    "negative-content-length": (Reason.PROTOCOL, True),
    "endless-content-length": (Reason.PROTOCOL, True),
    "duplicate-content-length": (Reason.PROTOCOL, True),
    "unasked-transfer-coding": (Reason.PROTOCOL, True),
    "not-http": (Reason.PROTOCOL, False),
    "wrong-version": (Reason.PROTOCOL, True),
    "long-code": (Reason.PROTOCOL, True),
    "header-without-colon": (Reason.PROTOCOL, True),
    "nul-in-header": (Reason.PROTOCOL, True),
    "huge-body": (Reason.TOO_LARGE, True),
    "gzip-bomb": (Reason.TOO_LARGE, True),
    "huge-header": (Reason.TOO_LARGE, True),
    "overlong-header": (Reason.TOO_LARGE, True),
    "many-headers": (Reason.TOO_LARGE, True),
    "flood-of-interims": (Reason.TOO_LARGE, True),
    "flood-of-trailers": (Reason.TOO_LARGE, True),
}


class TestFaults:
    @pytest.mark.parametrize("script", BROKEN_ON_THE_WIRE)
    def test_fault_has_its_reason_in_time(self, client: Client, wire: Wire, script: str) -> None:
        reason, head_arrived = BROKEN_ON_THE_WIRE[script]
        timed_out = reason is Reason.TIMEOUT
        deadline_s = DEADLINE_S if timed_out else 5
        start = time.monotonic()
        exchange = get(client, wire.url(script, "jobs", "7"), AUTH, deadline_s=deadline_s)
        took_s = time.monotonic() - start
        failed = failure(exchange)
        assert failed.reason is reason, failed.detail
        assert (failed.partial is not None) is head_arrived
        assert took_s <= deadline_s + SLACK_S
        assert exchange.elapsed_s == pytest.approx(took_s, abs=SLACK_S)
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
        exchange = client.send(Request("HEAD", wire.url("head-with-body")), deadline_s=5)
        assert failure(exchange).reason is Reason.PROTOCOL

    def test_bytes_behind_the_last_chunk_are_seen_by_exact_framing(self, wire: Wire) -> None:
        with Client(exact_framing=True) as exact:
            behind = failure(get(exact, wire.url("extra-bytes-after-chunks")))
            assert behind.reason is Reason.PROTOCOL
            assert body(get(exact, wire.url("chunked"))) == BODY

    def test_a_line_works_again_after_every_fault(self, wire: Wire) -> None:
        with Client(limits=Limits(connect_s=2)) as shared:
            for script, (reason, _) in BROKEN_ON_THE_WIRE.items():
                quick = 0.1 if reason is Reason.TIMEOUT else 5
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
        exchange = get(client, "http://nobody.invalid/", deadline_s=10)
        assert failure(exchange).reason in (Reason.DNS, Reason.TIMEOUT)
        assert exchange.phases.connect == 0.0
        assert exchange.phases.resolve == pytest.approx(exchange.elapsed_s, abs=0.05)

    def test_connect_limit_is_tighter_than_the_deadline(self) -> None:
        with Wire(mute=True) as server, Client(limits=Limits(connect_s=0.2)) as hasty:
            exchange = get(hasty, server.url(), deadline_s=5)
        assert failure(exchange).reason is Reason.TIMEOUT
        assert exchange.elapsed_s < 0.2 + SLACK_S

    def test_table_names_codes_that_libcurl_has(self) -> None:
        named = {getattr(pycurl, name) for name in dir(pycurl) if name.startswith("E_")}
        younger = {82, 83, 90, 91, 98, 100}
        assert set(_REASONS) <= named | younger

    def test_a_code_outside_the_table_says_its_name(self, client: Client) -> None:
        line = _Line("http://127.0.0.1", pycurl.Curl(), Limits(), AddressPolicy(), kept=True)
        failed = line._failure(pycurl.E_FTP_WEIRD_PASV_REPLY, "who\r\nknows")
        line.close()
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
            "Request('GET', sys.argv[1]), deadline_s=5)\n"
            "ask(); kept = [open('/dev/null')]\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (kept[0].fileno() + 1,) * 2)\n"
            "try: print(ask().answer)\n"
            "except (OSError, RuntimeError) as error: print('ours', error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, wire.url("ok")],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert done.stdout == "ours [Errno 24] Too many open files\n"

    def test_a_code_of_ours_is_raised(self) -> None:
        line = _Line("http://127.0.0.1", pycurl.Curl(), Limits(), AddressPolicy(), kept=True)
        with pytest.raises(RuntimeError, match=r"our side: libcurl error 27 \(E_OUT_OF_MEMORY\)"):
            line._raise_if_ours(pycurl.E_OUT_OF_MEMORY, "no memory")
        line.close()


class TestSlowResolver:
    """
    A resolver that hangs, as a library in front of the real one.
    """

    def test_hanging_dns_ends_in_time_and_closing_doesnt_wait(self, tmp_path: Path) -> None:
        source = tmp_path / "slow.c"
        source.write_text(
            "#include <unistd.h>\n"
            "int getaddrinfo(void *n, void *s, void *h, void **r) { sleep(15); return -2; }\n"
        )
        library = tmp_path / "slow.so"
        subprocess.run(
            [tool("cc", "gcc", "clang"), "-w", "-shared", "-fPIC", "-o", str(library), str(source)],
            check=True,
            timeout=60,
        )
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
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "LD_PRELOAD": str(library)},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        reason, took_s, closing_s, resolve_s = done.stdout.split()
        assert reason == "timeout"
        assert float(took_s) <= 0.4 + SLACK_S
        assert float(closing_s) < SLACK_S
        assert float(resolve_s) == pytest.approx(0.4, abs=SLACK_S)
        assert time.monotonic() - start < 10, "the process waited for the resolver"


class TestLimits:
    def test_body_of_exactly_the_cap_passes(self, wire: Wire) -> None:
        with Client(limits=Limits(body_bytes=len(BODY))) as exact:
            assert body(get(exact, wire.url("ok"))) == BODY
            assert body(get(exact, wire.url("chunked"))) == BODY

    @pytest.mark.parametrize("script", ["ok", "chunked", "until-close"])
    def test_one_byte_over_the_cap_is_cut(self, wire: Wire, script: str) -> None:
        cap = len(BODY) - 1
        with Client(limits=Limits(body_bytes=cap)) as small:
            failed = failure(get(small, wire.url(script)))
        assert failed.reason is Reason.TOO_LARGE
        assert failed.partial is not None
        assert failed.partial.body == failed.partial.raw == BODY[:cap]
        assert failed.detail == f"the body passed {cap} bytes"

    @pytest.mark.parametrize(("filler", "passes"), [(900, True), (1_100, False)])
    def test_a_head_without_a_body_is_capped_too(self, filler: int, passes: bool) -> None:
        bare = b"HTTP/1.1 204 Said\r\nX-Filler: %b\r\n\r\n" % (b"x" * filler)
        scripts = {"bare": say(bare)}
        with Wire(scripts) as server, Client(limits=Limits(head_bytes=1_000)) as small:
            exchange = get(small, server.url("bare"))
        if passes:
            assert exchange.response is not None
            assert exchange.response.code == 204
        else:
            failed = failure(exchange)
            assert failed.reason is Reason.TOO_LARGE
            assert failed.detail == "the head passed 1000 bytes"

    def test_decoded_bytes_count(self, client: Client, wire: Wire) -> None:
        failed = failure(get(client, wire.url("gzip-bomb")))
        assert failed.partial is not None
        assert failed.partial.body == bytes(64 * 1024)  # a sample, no more
        assert len(failed.partial.raw) < 64 * 1024
        assert failed.detail == "the decoded body passed 1048576 bytes"

    @pytest.mark.parametrize(
        "script", ["huge-body", "gzip-bomb", "flood-of-interims", "flood-of-trailers"]
    )
    def test_memory_stays_flat(self, wire: Wire, script: str) -> None:
        # A process of its own: the peak of this one holds the server's too.
        code = (
            "import resource, sys; from jobproof.contract.client.curl import Client; "
            "from jobproof.contract.model.exchange import Request\n"
            "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "client = Client(); ask = lambda path: client.send("
            "Request('GET', sys.argv[1] + path), deadline_s=20)\n"
            "ask('ok'); before = peak(); big = ask(sys.argv[2])\n"
            "print(big.failure.reason.value, peak() - before)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, wire.url(), script],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        reason, grown_kib = done.stdout.split()
        assert reason == BROKEN_ON_THE_WIRE[script][0]
        assert int(grown_kib) < 8 * 1024

    @pytest.mark.parametrize("bad", [{"body_bytes": 0}, {"head_bytes": -1}, {"connect_s": 0.0}])
    def test_a_limit_of_nothing_is_refused(self, bad: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must be more than 0"):
            Limits(**bad)


class TestRequests:
    def test_wire_carries_what_was_given_and_no_more(self, client: Client, wire: Wire) -> None:
        lines = sent(client, wire, Request("GET", wire.url("ok"), (AUTH, ("x-Trace", "a; b"))))
        assert lines[0] == b"GET /ok HTTP/1.1"
        assert sorted(lines[1:]) == sorted(
            [
                b"Host: 127.0.0.1:%d" % wire.port,
                b"User-Agent: " + _user_agent(lines),
                b"Accept: */*",
                b"Accept-Encoding: gzip, deflate",
                b"Authorization: Bearer " + TOKEN.encode(),
                b"x-Trace: a; b",
            ]
        )
        assert _user_agent(lines).startswith(b"jobproof")
        assert b"\r\n".join(lines).count(TOKEN.encode()) == 1

    def test_given_headers_win_over_ours(self, client: Client, wire: Wire) -> None:
        mine = (
            ("user-agent", "me/1"),
            ("ACCEPT", "application/json"),
            ("accept-encoding", "identity"),
            ("Host", "api.example"),
            ("X-Empty", ""),
            ("X-Twice", "1"),
            ("X-Twice", "2"),
        )
        lines = sent(client, wire, Request("GET", wire.url("ok"), mine))
        assert sorted(lines[1:]) == sorted(
            [
                b"Host: api.example",
                b"user-agent: me/1",
                b"ACCEPT: application/json",
                b"accept-encoding: identity",
                b"X-Empty:",
                b"X-Twice: 1",
                b"X-Twice: 2",
            ]
        )

    def test_user_agent_is_the_operators(self, wire: Wire) -> None:
        with Client(user_agent="acme-watch/2 (+mailto:sre@acme.example)") as named:
            lines = sent(named, wire, Request("GET", wire.url("ok")))
        assert b"User-Agent: acme-watch/2 (+mailto:sre@acme.example)" in lines

    @pytest.mark.parametrize(
        "target",
        [
            "ok/../../jobs/./x",
            "ok/%2e%2e/%2E%2e%2f",
            "ok/%00%ff%C3%a9%zz",
            "ok//a///b/",
            "ok/a;b=c,d:e@f!$&'()*+~",
            "ok?q=%2f../&x=a+b?&&",
            'ok/<>"{}|\\^`[]',
            "ok/" + "a" * 6000,
        ],
    )
    def test_path_goes_out_byte_for_byte(self, client: Client, wire: Wire, target: str) -> None:
        lines = sent(client, wire, Request("GET", wire.url() + target))
        assert lines[0] == b"GET /" + target.encode() + b" HTTP/1.1"

    @pytest.mark.parametrize(
        ("suffix", "target"),
        [("", b"/"), ("?a=1", b"/?a=1"), ("/a#part", b"/a"), ("/a?b#c?d", b"/a?b")],
    )
    def test_url_without_path_asks_the_root_and_fragments_stay(
        self, client: Client, wire: Wire, suffix: str, target: bytes
    ) -> None:
        lines = sent(client, wire, Request("GET", wire.url().rstrip("/") + suffix))
        assert lines[0] == b"GET " + target + b" HTTP/1.1"

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "BREW", "get"])
    def test_method_goes_out_as_given_without_a_body(
        self, client: Client, wire: Wire, method: str
    ) -> None:
        lines = sent(client, wire, Request(method, wire.url("ok")))
        assert lines[0] == method.encode() + b" /ok HTTP/1.1"
        assert not [
            line for line in lines if line.startswith((b"Content-", b"Expect", b"Transfer"))
        ]

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
    def test_method_that_wants_a_body_says_it_is_empty(
        self, client: Client, wire: Wire, method: str
    ) -> None:
        lines = sent(client, wire, Request(method, wire.url("ok")))
        assert lines[0] == method.encode() + b" /ok HTTP/1.1"
        assert lines.count(b"Content-Length: 0") == 1
        assert not [line for line in lines if line.startswith((b"Expect", b"Content-Type"))]

    def test_a_line_forgets_the_last_request(self, client: Client, wire: Wire) -> None:
        sent(client, wire, Request("POST", wire.url("ok"), (AUTH,)))
        sent(client, wire, Request("HEAD", wire.url("ok"), (AUTH,)))
        lines = sent(client, wire, Request("GET", wire.url("ok")))
        assert lines[0] == b"GET /ok HTTP/1.1"
        assert len(lines) == 5
        assert TOKEN.encode() not in b"".join(lines)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "jobs/7",
            "//host/x",
            "http://",
            "https:///jobs",
            "http:/host/x",
            "ftp://127.0.0.1/x",
            "file:///etc/passwd",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/a\r\nX: 1",
            "http://127.0.0.1/é",
            "http://127.0.0.1\\@evil.example/",
            "http://[::1/",
        ],
    )
    def test_url_that_cant_be_asked_is_our_mistake(self, client: Client, url: str) -> None:
        with pytest.raises(ValueError, match="URL"):
            get(client, url)

    def test_credentials_in_a_url_are_refused_unseen(self, client: Client) -> None:
        with pytest.raises(ValueError, match="Authorization header") as refused:
            get(client, f"http://me:{TOKEN}@127.0.0.1/")
        assert TOKEN not in str(refused.value)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("X-A", f"{TOKEN}\r\nX-B: 1"),
            ("X-A", f"{TOKEN}\0"),
            ("X-A", f"{TOKEN}€"),
            ("X A", TOKEN),
            ("X-A:", TOKEN),
            ("", TOKEN),
        ],
    )
    def test_header_that_cant_travel_is_refused_unseen(
        self, client: Client, wire: Wire, name: str, value: str
    ) -> None:
        with pytest.raises(ValueError, match="can't be sent") as refused:
            get(client, wire.url("ok"), (name, value))
        assert TOKEN not in str(refused.value)

    @pytest.mark.parametrize("method", ["", "GET /x", "G\r\n", "GÉT"])
    def test_method_that_cant_travel_is_refused(
        self, client: Client, wire: Wire, method: str
    ) -> None:
        with pytest.raises(ValueError, match="not a method"):
            client.send(Request(method, wire.url("ok")), deadline_s=1)

    @pytest.mark.parametrize("deadline_s", [0, -1, float("inf"), float("nan")])
    def test_deadline_must_be_a_time(self, client: Client, wire: Wire, deadline_s: float) -> None:
        with pytest.raises(ValueError, match="deadline_s"):
            get(client, wire.url("ok"), deadline_s=deadline_s)

    def test_environment_has_no_say(self, wire: Wire, tmp_path: Path) -> None:
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password hunter2\n")
        (tmp_path / ".netrc").chmod(0o600)
        (tmp_path / ".curlrc").write_text('header = "X-Curlrc: 1"\n')
        with Wire() as proxy:
            there = proxy.url()
            names = ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY")
            environment = {
                **os.environ,
                **dict.fromkeys(names, there),
                "HOME": str(tmp_path),
                "NETRC": str(tmp_path / ".netrc"),
                "CURL_HOME": str(tmp_path),
            }
            code = (
                "import sys; from jobproof.contract.client.curl import Client; "
                "from jobproof.contract.model.exchange import Request\n"
                "e = Client().send(Request('GET', sys.argv[1]), deadline_s=5)\n"
                "print(e.response.body.decode())"
            )
            done = subprocess.run(
                [sys.executable, "-c", code, wire.url("echo")],
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            assert proxy.connections == 0
        assert done.stdout.startswith("GET /echo HTTP/1.1")
        assert "Authorization" not in done.stdout
        assert "X-Curlrc" not in done.stdout


def _user_agent(lines: list[bytes]) -> bytes:
    (found,) = [line for line in lines if line.startswith(b"User-Agent: ")]
    return found.removeprefix(b"User-Agent: ")


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
        def second_time_short(line: Line) -> None:
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

        def chatter(line: Line) -> None:
            answer()(line)
            line.pause(0.1)
            line.send(b"HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\n\r\n")
            chattered.set()

        with Wire({"chatter": chatter}) as server:
            assert body(get(client, server.url("chatter"))) == BODY
            assert chattered.wait(5)
            following = get(client, server.url("ok"))
            assert server.connections == 2
        assert body(following) == BODY
        assert not following.reused

    def test_sixteen_threads_get_their_own_answers(self, client: Client) -> None:
        count = 320

        def ask(number: int) -> bool:
            path = f"echo/{number}"
            got = body(get(client, server.url(path), ("X-Number", str(number)), deadline_s=20))
            return got.startswith(f"GET /{path} HTTP/1.1\r\n".encode()) and (
                f"X-Number: {number}\r\n".encode() in got
            )

        with Wire() as server, ThreadPoolExecutor(16) as pool:
            assert all(pool.map(ask, range(count)))
            assert len(server.requests) == count
            assert server.connections <= 16

    def test_requests_in_flight_dont_wait_for_each_other(self, client: Client) -> None:
        together = threading.Barrier(32, timeout=10)

        def meet(line: Line) -> None:
            together.wait()
            answer()(line)

        with Wire({"meet": meet}) as server, ThreadPoolExecutor(32) as pool:
            asked = [pool.submit(get, client, server.url("meet"), deadline_s=15) for _ in range(32)]
            assert [body(one.result()) for one in asked] == [BODY] * 32

    def test_closed_client_hangs_up_and_refuses(self) -> None:
        hung_up = threading.Event()

        def watch(line: Line) -> None:
            answer()(line)
            line.hold()
            hung_up.set()

        with Wire({"watch": watch}) as server:
            asking = Client()
            get(asking, server.url("watch"))
            asking.close()
            asking.close()
            assert hung_up.wait(5)
            with pytest.raises(RuntimeError, match="closed"):
                get(asking, server.url("watch"))

    def test_close_while_asking_lets_the_answer_in(self) -> None:
        asked, go_on = threading.Event(), threading.Event()

        def slow(line: Line) -> None:
            asked.set()
            go_on.wait(10)
            answer()(line)

        with Wire({"slow": slow}) as server, ThreadPoolExecutor(1) as pool:
            asking = Client()
            pending = pool.submit(get, asking, server.url("slow"), deadline_s=15)
            assert asked.wait(10)
            asking.close()
            go_on.set()
            assert body(pending.result()) == BODY

    def test_no_socket_outlives_the_client(self) -> None:
        with Wire() as server:
            before = _descriptors()
            for _ in range(3):
                with Client() as asking:
                    for script in ("ok", "close-after", "short-body", "reset-before-head"):
                        get(asking, server.url(script))
            # The server's own ends go a moment later, in their threads.
            _until(lambda: _descriptors() <= before)

    def test_ipv6_is_spoken(self, client: Client) -> None:
        with Wire(family=socket.AF_INET6) as server:
            exchange = get(client, server.url("ok"))
        assert body(exchange) == BODY
        assert exchange.remote_ip == "::1"


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _until(condition: object, *, within_s: float = 10) -> None:
    assert callable(condition)
    end = time.monotonic() + within_s
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        tick.wait(0.01)


class TestPhases:
    def test_phases_sum_up_to_the_whole(self, client: Client) -> None:
        def paced(line: Line) -> None:
            line.pause(0.1)
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            line.pause(0.2)
            line.send(b"{}")

        with Wire({"paced": paced}) as server:
            exchange = get(client, server.url("paced"))
        phases = exchange.phases
        assert phases.wait == pytest.approx(0.1, abs=0.08)
        assert phases.transfer == pytest.approx(0.2, abs=0.08)
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
        assert exchange.phases.wait > 0.15
        assert exchange.phases.transfer == 0.0

    def test_wait_stays_true_beside_a_busy_thread(self, client: Client) -> None:
        # The first byte is stamped in C, so Python's own load isn't the server's fault.
        stop = threading.Event()

        def spin() -> None:
            while not stop.is_set():
                sum(range(500))

        busy = threading.Thread(target=spin)
        server = subprocess.Popen(
            [sys.executable, "-c", _PLAIN_SERVER], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            get(client, f"http://127.0.0.1:{port}/")
            busy.start()
            waits = sorted(get(client, f"http://127.0.0.1:{port}/").phases.wait for _ in range(21))
        finally:
            stop.set()
            busy.join(10)
            server.terminate()
            server.communicate(timeout=10)
        assert 0.005 <= waits[10] < 0.015


_PLAIN_SERVER = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
peer, _ = listener.accept()
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
headers = b"".join(b"X-%d: y\\r\\n" % n for n in range(10))
while peer.recv(65536):
    time.sleep(0.005)
    peer.sendall(b"HTTP/1.1 200 OK\\r\\n" + headers + b"Content-Length: 2\\r\\n\\r\\n{}")
"""


class TestTls:
    def test_trusted_server_answers_and_shows_its_expiry(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        not_after = datetime(2040, 5, 6, 7, 8, 9, tzinfo=UTC)
        trust = certificates.bundle(tmp_path)
        with (
            Wire(tls=certificates.good(not_after=not_after)) as server,
            Client(ca_file=trust) as trusting,
        ):
            cold, warm = (get(trusting, server.url("ok"), AUTH) for _ in range(2))
        assert body(cold) == body(warm) == BODY
        assert cold.certificate_expires_at == not_after.timestamp()
        assert warm.certificate_expires_at == not_after.timestamp()
        assert (cold.reused, warm.reused) == (False, True)
        assert cold.phases.tls > 0
        assert warm.phases.tls == 0.0

    @pytest.mark.parametrize(
        ("server", "says"),
        [
            ("expired", "expired"),
            ("wrong_host", "127.0.0.1"),
            ("self_signed", "self-signed certificate"),
        ],
    )
    def test_certificate_that_cant_be_trusted_is_a_tls_failure(
        self, certificates: Certificates, tmp_path: Path, server: str, says: str
    ) -> None:
        trust = certificates.bundle(tmp_path)
        context = getattr(certificates, server)()
        with Wire(tls=context) as peer, Client(ca_file=trust) as trusting:
            failed = failure(get(trusting, peer.url("ok"), AUTH))
            assert peer.requests == [], "the token must not reach a stranger"
        assert failed.reason is Reason.TLS
        assert says in failed.detail

    def test_unknown_authority_is_a_tls_failure(
        self, client: Client, certificates: Certificates
    ) -> None:
        with Wire(tls=certificates.good()) as server:
            failed = failure(get(client, server.url("ok")))
        assert failed.reason is Reason.TLS
        assert "issuer" in failed.detail

    def test_verification_can_be_switched_off(self, certificates: Certificates) -> None:
        with Wire(tls=certificates.expired()) as server, Client(verify=False) as trusting:
            exchange = get(trusting, server.url("ok"))
        assert body(exchange) == BODY
        assert exchange.certificate_expires_at is not None
        assert exchange.certificate_expires_at < time.time()

    def test_handshake_that_hangs_ends_in_time(self, client: Client) -> None:
        with Wire(mute=True) as server:
            start = time.monotonic()
            exchange = get(client, server.url("ok"), deadline_s=DEADLINE_S)
            took_s = time.monotonic() - start
        assert failure(exchange).reason is Reason.TIMEOUT
        assert took_s <= DEADLINE_S + SLACK_S
        # Before 8.22 libcurl counts an unfinished handshake as connecting.
        assert exchange.phases.connect + exchange.phases.tls > DEADLINE_S / 2

    def test_plain_http_behind_https_is_a_tls_failure(self, client: Client, wire: Wire) -> None:
        exchange = get(client, wire.url("ok", scheme="https"))
        assert failure(exchange).reason is Reason.TLS

    def test_short_body_over_tls_is_a_protocol_failure(
        self, certificates: Certificates, tmp_path: Path
    ) -> None:
        trust = certificates.bundle(tmp_path)
        with Wire(tls=certificates.good()) as server, Client(ca_file=trust) as trusting:
            for script in ("short-body", "extra-bytes", "truncated-chunk", "reset-in-body"):
                failed = failure(get(trusting, server.url(script)))
                assert failed.reason is Reason.PROTOCOL, script
                assert failed.partial is not None, script
            for script in ("ok", "chunked", "no-content", "interim", "gzip"):
                assert get(trusting, server.url(script)).response is not None, script

    def test_ca_file_that_isnt_one_is_a_config_error(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        for path in (tmp_path / "missing.pem", empty):
            with pytest.raises(ConfigError, match=path.name):
                Client(ca_file=path)


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
        assert AddressPolicy(inward=False).refusal(address)

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
        assert AddressPolicy(inward=False).refusal(address)

    @pytest.mark.parametrize(
        "address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e"]
    )
    def test_public_addresses_pass(self, address: str) -> None:
        assert AddressPolicy(inward=False).refusal(address) is None

    @pytest.mark.parametrize(
        "host",
        [
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "0.0.0.0",
        ],
    )
    def test_refused_address_is_blocked_before_a_packet(self, client: Client, host: str) -> None:
        exchange = get(client, f"http://{host}/latest/meta-data/", AUTH, deadline_s=5)
        failed = failure(exchange)
        assert failed.reason is Reason.BLOCKED
        assert failed.detail.startswith("refused to connect: ")
        assert exchange.remote_ip is None
        assert exchange.elapsed_s < 1

    def test_a_name_is_judged_by_what_it_resolves_to(self, wire: Wire) -> None:
        with Client(policy=AddressPolicy(inward=False)) as outward:
            failed = failure(get(outward, wire.url("ok", host="localhost")))
        assert failed.reason is Reason.BLOCKED
        assert "127.0.0.1 is loopback" in failed.detail

    def test_a_name_with_one_good_address_is_reached(self, client: Client, wire: Wire) -> None:
        # localhost is ::1 too, where nobody listens on this port.
        assert body(get(client, wire.url("ok", host="localhost"))) == BODY
