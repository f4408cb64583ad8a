"""
An interim answer is not the answer, whatever it says and however many there are.
"""

from __future__ import annotations

import pytest
from tests.contract.client.sending import body, failure, get
from tests.tools import PATIENCE_S
from tests.wire import BODY, ServerConnection, Wire, answer, say

from jobproof.contract.client.curl import Client
from jobproof.contract.client.response_parser import Limits
from jobproof.contract.model.exchange import Reason, Request

_FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
_EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"

INTERIM = {
    "early-hints": _EARLY,
    "processing": b"HTTP/1.1 102 Processing\r\n\r\n",
    "several": b"HTTP/1.1 100 Continue\r\n\r\n" * 4 + _EARLY * 3,
    "without-a-reason": b"HTTP/1.1 103\r\n\r\nHTTP/1.1 102 \r\n\r\n",
    "odd-reason": b"HTTP/1.1 103 \xe9t\xe9: 200 OK\r\n\r\n",
    "unassigned": b"HTTP/1.1 199 Whatever\r\n\r\n",
    "with-a-length": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n",
    "with-chunks-announced": b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
    "with-a-coding": b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\n\r\n",
    "with-a-type": b"HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n",
    "says-close": b"HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n",
    "of-http-1.0": b"HTTP/1.0 103 Early Hints\r\n\r\n",
    "endless-length": b"HTTP/1.1 103 E\r\nContent-Length: 99999999999999999999999\r\n\r\n",
}
FINAL = {
    "200": (_FINAL, 200, BODY),
    "304": (b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 304, b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "401": (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", 401, b"{}"),
}


@pytest.mark.parametrize("final", sorted(FINAL))
@pytest.mark.parametrize("interim", sorted(INTERIM))
def test_the_final_answer_counts(client: Client, interim: str, final: str) -> None:
    said, code, expected = FINAL[final]
    with Wire({"early": say(INTERIM[interim] + said)}) as server:
        response = get(client, server.url("early")).response
    assert response is not None
    assert (response.code, response.body) == (code, expected)
    assert response.header("link") is None


def test_head_is_answered_by_the_final_answer_too(client: Client) -> None:
    def script(line: ServerConnection) -> None:
        line.send(_EARLY)
        answer()(line)

    with Wire({"early": script}) as server:
        for _ in range(2):
            asked = Request("HEAD", server.url("early"))
            response = client.send(asked, deadline_s=PATIENCE_S).response
            assert response is not None
            assert response.code == 200


def test_the_wait_ends_with_the_final_answer(client: Client) -> None:
    def paced(line: ServerConnection) -> None:
        line.send(_EARLY)
        line.pause(0.3)
        line.send(_FINAL)

    with Wire({"paced": paced}) as server:
        exchanges = [get(client, server.url("paced")) for _ in range(2)]
    for exchange in exchanges:
        phases = exchange.phases
        assert phases.wait > 20 * phases.transfer
        total = phases.resolve + phases.connect + phases.wait + phases.transfer
        assert total == pytest.approx(exchange.elapsed_s, abs=1e-6)


def test_a_body_that_comes_late_is_no_wait_once_a_peer_is_known_to_hint(client: Client) -> None:
    head, _, rest = _FINAL.partition(b"\r\n\r\n")

    def paced(line: ServerConnection) -> None:
        line.send(_EARLY)
        line.pause(0.1)
        line.send(head + b"\r\n\r\n")
        line.pause(0.3)
        line.send(rest)

    with Wire({"paced": paced}) as server:
        get(client, server.url("paced"))
        phases = get(client, server.url("paced")).phases
    assert phases.transfer > phases.wait > 0


def test_a_wait_for_an_answer_without_a_body_lasts_to_its_end(client: Client) -> None:
    def paced(line: ServerConnection) -> None:
        line.send(_EARLY)
        line.pause(0.2)
        line.send(b"HTTP/1.1 204 Said\r\n\r\n")

    with Wire({"paced": paced}) as server:
        phases = get(client, server.url("paced")).phases
    assert phases.wait > 20 * phases.transfer


def test_an_interim_answer_alone_is_no_answer(client: Client) -> None:
    with Wire({"early": say(_EARLY, end="close")}) as server:
        exchange = get(client, server.url("early"))
    assert failure(exchange).reason is Reason.PROTOCOL
    assert exchange.phases.transfer == 0.0


def test_a_switch_of_protocols_is_an_answer(client: Client) -> None:
    switch = say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")
    with Wire({"switch": switch}) as server:
        response = get(client, server.url("switch"), deadline_s=0.3).response
    assert response is not None
    assert response.code == 101


def test_heads_of_interim_answers_count_towards_the_cap() -> None:
    many = say(_EARLY * 30 + _FINAL)
    with Wire({"many": many}) as server, Client(limits=Limits(head_bytes=1_000)) as small:
        assert failure(get(small, server.url("many"))).detail == "the head passed 1000 bytes"
    with Wire({"many": many}) as server, Client() as usual:
        assert body(get(usual, server.url("many"))) == BODY
