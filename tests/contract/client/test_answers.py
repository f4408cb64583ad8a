"""
What arrives whole is an answer, however HTTP allows it to be framed and encoded.
"""

from __future__ import annotations

import gzip
import time
import zlib

import pytest
from tests.contract.client.sending import body, failure, get
from tests.tools import PATIENCE_S
from tests.wire import BODY, Wire, answer, say

from jobproof.contract.client.curl import Client
from jobproof.contract.model.exchange import Reason, Request


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
        assert exchange.elapsed_s > 0
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
            exchange = client.send(Request(method, wire.url(script)), deadline_s=PATIENCE_S)
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

    def test_a_part_of_what_is_encoded_stays_as_it_is(self, client: Client) -> None:
        part = gzip.compress(BODY)[:8]
        coded = answer(206, part, ("Content-Encoding", "gzip"), ("Content-Range", "bytes 0-7/99"))
        with Wire({"part": coded}) as server:
            assert body(get(client, server.url("part"))) == part

    def test_empty_body_needs_no_gzip_frame(self, client: Client) -> None:
        with Wire({"none": answer(200, b"", ("Content-Encoding", "gzip"))}) as server:
            assert body(get(client, server.url("none"))) == b""
            head = client.send(Request("HEAD", server.url("none")), deadline_s=PATIENCE_S)
        assert head.response is not None


def _coded(codings: str, data: bytes) -> bytes:
    for coding in codings.replace("x-gzip", "gzip").split(", "):
        data = {"gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)(data)
    return data


class TestChainsOfCodings:
    @pytest.mark.parametrize(
        "codings",
        [
            "gzip, gzip",
            "gzip, deflate",
            "deflate, gzip",
            "deflate, x-gzip, gzip",
            "gzip, identity, deflate",
            "gzip, gzip, gzip, deflate, deflate",
        ],
    )
    def test_they_are_undone_last_to_first(self, client: Client, codings: str) -> None:
        packed = _coded(codings, BODY * 50)
        with Wire({"twice": answer(200, packed, ("Content-Encoding", codings))}) as server:
            response = get(client, server.url("twice")).response
        assert response is not None
        assert (response.body, response.raw) == (BODY * 50, packed)

    def test_two_headers_are_one_list(self, client: Client) -> None:
        packed = _coded("gzip, deflate", BODY)
        headers = (("Content-Encoding", "gzip"), ("content-encoding", "Deflate"))
        with Wire({"twice": answer(200, packed, *headers)}) as server:
            assert body(get(client, server.url("twice"))) == BODY

    def test_bytes_may_arrive_one_by_one(self, client: Client) -> None:
        packed = _coded("deflate, gzip", BODY)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate, gzip\r\nContent-Length: %d\r\n\r\n"
        parts = [packed[n : n + 1] for n in range(25)] + [packed[25:]]
        with Wire({"apart": say(head % len(packed), *parts, apart_s=0.002)}) as server:
            assert body(get(client, server.url("apart"))) == BODY

    @pytest.mark.parametrize("codings", ["gzip, zstandard", "br, gzip"])
    def test_a_chain_that_cant_be_undone_is_left_for_a_check(
        self, client: Client, codings: str
    ) -> None:
        with Wire({"odd": answer(200, BODY, ("Content-Encoding", codings))}) as server:
            assert body(get(client, server.url("odd"))) == BODY

    @pytest.mark.parametrize(
        ("sent", "detail"),
        [
            (gzip.compress(BODY), "gzip: "),
            (gzip.compress(gzip.compress(BODY)[:-6]), "gzip: the stream is cut off"),
            (gzip.compress(gzip.compress(BODY))[:-6], "gzip: the stream is cut off"),
        ],
        ids=["once", "cut within", "cut"],
    )
    def test_a_chain_that_is_a_lie_is_an_encoding_failure(
        self, client: Client, sent: bytes, detail: str
    ) -> None:
        with Wire({"lie": answer(200, sent, ("Content-Encoding", "gzip, gzip"))}) as server:
            failed = failure(get(client, server.url("lie")))
        assert failed.reason is Reason.ENCODING
        assert failed.detail.startswith(detail)

    def test_more_codings_than_anybody_has_a_reason_for_are_a_lie_all_the_same(
        self, client: Client
    ) -> None:
        codings = ("Content-Encoding", ", ".join(["gzip"] * 9))
        with Wire({"lie": answer(200, BODY, codings)}) as server:
            assert failure(get(client, server.url("lie"))).reason is Reason.ENCODING

    @pytest.mark.parametrize("layers", [2, 3])
    def test_a_bomb_in_a_bomb_stops_at_the_cap(self, client: Client, layers: int) -> None:
        bomb = bytes(64 * 1024 * 1024)
        for _ in range(layers):
            bomb = gzip.compress(bomb)
        codings = ", ".join(["gzip"] * layers)
        with Wire({"bomb": answer(200, bomb, ("Content-Encoding", codings))}) as server:
            failed = failure(get(client, server.url("bomb")))
        assert failed.reason is Reason.TOO_LARGE
        assert failed.detail == "the decoded body passed 1048576 bytes"
