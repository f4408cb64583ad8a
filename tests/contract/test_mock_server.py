"""
The mocked endpoint on its socket: framing, keep-alive, bad requests, a quick stop.
"""

from __future__ import annotations

import json
import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.requests_to_mock import APIS, Raw, api_named, head_and_body, path_of
from tests.tools import PATIENCE_S, until

from jobproof.contract.errors import ConfigError
from jobproof.contract.formats.addresses.urls import read_base_url
from jobproof.contract.mock import MockServer
from jobproof.contract.mock.serving.wire import BadRequest, RequestReader


def _known(server: MockServer) -> str:
    return path_of(server.mock, server.jobs[-1].id)


def test_many_answers_come_over_one_connection(server: MockServer) -> None:
    with Raw(server.port) as raw:
        for _ in range(50):
            raw.get(_known(server), server.token)
            head, body = raw.answer()
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert json.loads(body)["job_id"] == server.jobs[-1].id


def test_requests_sent_at_once_are_answered_in_order(server: MockServer) -> None:
    ids = [job.id for job in server.jobs]
    with Raw(server.port) as raw:
        line = "GET {} HTTP/1.1\r\nAuthorization: Bearer {}\r\n\r\n"
        raw.send("".join(line.format(path_of(server.mock, i), server.token) for i in ids).encode())
        raw.send(b"GET /jobs/last HTTP/1.1\r\nConnection: close\r\n\r\n")
        bodies = raw.rest().split(b"HTTP/1.1 ")[1:]
    assert [json.loads(head_and_body(b)[1])["job_id"] for b in bodies[:-1]] == ids
    assert bodies[-1].startswith(b"401")


def test_a_connection_closes_when_the_client_wishes(server: MockServer) -> None:
    with Raw(server.port) as raw:
        raw.get(_known(server), server.token, "Connection: close")
        lines, body = head_and_body(raw.rest())
    assert b"Connection: close" in lines
    assert f"Content-Length: {len(body)}".encode() in lines


def test_http_1_0_is_answered_once(server: MockServer) -> None:
    with Raw(server.port) as raw:
        raw.send(f"GET /jobs/x HTTP/1.0\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode())
        assert raw.rest().startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_head_sends_the_length_and_not_a_byte_of_the_body(server: MockServer) -> None:
    with Raw(server.port) as raw:
        raw.get(_known(server), server.token)
        head, body = raw.answer()
    with Raw(server.port) as raw:
        raw.get(_known(server), server.token, "Connection: close", method="HEAD")
        lines, nothing = head_and_body(raw.rest())
    assert nothing == b""
    assert f"Content-Length: {len(body)}".encode() in lines
    named = {line.partition(b":")[0] for line in head.split(b"\r\n")[1:]}
    assert {line.partition(b":")[0] for line in lines[1:]} == named | {b"Connection"}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /jobs/a b HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /jobs/a HTTP/2\r\n\r\n", b"400"),
        (b"GET /jobs/a HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET /jobs/a HTTP/1.1\r\n folded: x\r\n\r\n", b"400"),
        (b"POST /jobs/a HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST /jobs/a HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /jobs/a HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", b"400"),
        (b"POST /jobs/a HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", b"413"),
        (b"POST /jobs/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST /jobs/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n", b"400"),
        (b"POST /jobs/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello", b"400"),
        (b"POST /jobs/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx", b"400"),
        (b"POST /jobs/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"413"),
        (b"GET /jobs/a HTTP/1.1\r\nA: " + b"x" * 200_000, b"431"),
    ],
)
def test_bytes_that_are_no_request_are_refused(
    server: MockServer, sent: bytes, code: bytes
) -> None:
    with Raw(server.port) as raw:
        raw.send(sent)
        data = b""
        try:
            data = raw.rest()
        except ConnectionResetError:  # the rest of a long head was never read
            assert code == b"431"
    assert data.startswith(b"HTTP/1.1 " + code) or code == b"431"


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([b"GET /jobs/a HTTP/1.1\r\n", b"\r\n", b"\r\n\r\n", b"Host: x\r\n"]),
            st.sampled_from(
                [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n"]
            ),
        ),
        max_size=8,
    )
)
def test_no_bytes_crash_the_reader(parts: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"".join(parts))
        ours.shutdown(socket.SHUT_WR)
        theirs.settimeout(5)
        reader, read, code = RequestReader(theirs), 0, 400
        try:
            while (received := reader.next()) is not None:
                assert received.request.method
                read += 1
        except BadRequest as exc:
            code = exc.code
        assert code in (400, 413, 431)
        assert read <= b"".join(parts).count(b"HTTP/1.")


def test_a_body_is_read_past_however_it_is_framed(server: MockServer) -> None:
    with Raw(server.port) as raw:
        raw.get("/jobs/a", server.token, "Content-Length: 5", method="POST")
        raw.send(b"hello")
        assert raw.answer()[0].startswith(b"HTTP/1.1 405")
        raw.get("/jobs/a", server.token, "Transfer-Encoding: chunked", method="PUT")
        raw.send(b"5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n")
        assert raw.answer()[0].startswith(b"HTTP/1.1 405")
        raw.get(_known(server), server.token)
        assert raw.answer()[0].startswith(b"HTTP/1.1 200")


def test_long_targets_are_answered(server: MockServer) -> None:
    with Raw(server.port) as raw:
        raw.get("/jobs/" + "x" * 60_000, server.token)
        assert raw.answer()[0].startswith(b"HTTP/1.1 404")


def test_head_and_body_leave_in_one_piece(server: MockServer) -> None:
    # In two, each waits 40 ms for an ACK: a hundred polls would take four seconds.
    with Raw(server.port) as raw:
        for _ in range(100):
            raw.get(_known(server), server.token)
            head, _, body = raw.socket.recv(65_536).partition(b"\r\n\r\n")
            assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head + b"\r\n"


def test_many_clients_are_served_at_once(server: MockServer) -> None:
    codes: list[bytes] = []

    def poll() -> None:
        with Raw(server.port) as raw:
            for _ in range(20):
                raw.get(_known(server), server.token)
                codes.append(raw.answer()[0][9:12])

    threads = [threading.Thread(target=poll) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    assert codes == [b"200"] * 320
    assert len(server.log) == 320


def test_a_silent_answer_reads_what_a_client_goes_on_to_send() -> None:
    # Left unread, the bytes keep the socket readable: the wait for its end would spin.
    with MockServer(api_named("krea"), faults=["hang"]) as server, Raw(server.port) as raw:
        raw.get(_known(server), server.token)
        raw.send(b"x" * 16 * 1024 * 1024)
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.rest() == b""


def test_stop_waits_for_nobody_whatever_goes_on_and_frees_the_port() -> None:
    server = MockServer(api_named("krea"), faults=["hang"])
    idle, hanging = Raw(server.port), Raw(server.port)
    hanging.get(_known(server), server.token)
    until(lambda: server.log, what="the question that hangs")
    server.stop()  # returns, although one hangs for good
    assert hanging.rest() == b""
    assert idle.rest() == b""
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)
    idle.socket.close()
    hanging.socket.close()
    with MockServer(api_named("krea"), port=server.port) as again:
        assert again.port == server.port


def test_a_port_that_is_taken_is_one_line(server: MockServer) -> None:
    with pytest.raises(ConfigError) as caught:
        MockServer(api_named("krea"), port=server.port)
    assert str(caught.value) == (
        f"can't listen on 127.0.0.1:{server.port}: Address already in use; choose another --port"
    )


def test_bound_to_all_addresses_it_names_one_that_can_be_asked() -> None:
    with MockServer(api_named("krea"), host="0.0.0.0") as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert read_base_url(server.url) == server.url


@pytest.mark.parametrize("name", APIS)
def test_the_base_url_has_the_path_of_the_vendors_own(name: str) -> None:
    with MockServer(api_named(name)) as server:
        path = {"krea": "", "openai-batch": "/v1"}[name]
        assert server.url == f"http://127.0.0.1:{server.port}{path}"


def test_faults_switch_while_the_server_runs(server: MockServer) -> None:
    with Raw(server.port) as raw:
        raw.get(_known(server), server.token)
        assert raw.answer()[0].startswith(b"HTTP/1.1 200")
        server.set_faults("never_found")
        raw.get(_known(server), server.token)
        assert raw.answer()[0].startswith(b"HTTP/1.1 404")
        server.set_faults()
        raw.get(_known(server), server.token, "X-Mock-Fault: media_type_missing")
        assert b"\r\nContent-Type:" not in raw.answer()[0]
