"""
What an answer may cost has a cap, on both sides of it.
"""

from __future__ import annotations

import gzip
import time

import pytest
from tests.contract.client.sending import BROKEN_ON_THE_WIRE, body, failure, get
from tests.tools import PYTHON, output_of
from tests.wire import BODY, Wire, say

from jobproof.contract.client.curl import Client
from jobproof.contract.client.response_parser import Limits, ResponseParser
from jobproof.contract.model.exchange import Reason


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
            "Request('GET', sys.argv[1] + path), deadline_s=60)\n"
            "ask('ok'); before = peak(); big = ask(sys.argv[2])\n"
            "print(big.failure.reason.value, peak() - before)"
        )
        reason, grown_kib = output_of(*PYTHON, "-c", code, wire.url(), script).split()
        assert reason == BROKEN_ON_THE_WIRE[script][0]
        assert int(grown_kib) < 8 * 1024

    @pytest.mark.parametrize("bad", [{"body_bytes": 0}, {"head_bytes": -1}, {"connect_s": 0.0}])
    def test_a_limit_of_nothing_is_refused(self, bad: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must be more than 0"):
            Limits(**bad)


def test_members_cost_the_same_inside_another_coding() -> None:
    members = gzip.compress(b"") * 100_000

    def cost_s(coding: str, data: bytes) -> float:
        parser = ResponseParser(Limits(body_bytes=len(members) + 1))
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n"
        parser.lines += head.encode().splitlines(keepends=True)
        begun = time.process_time()
        for start in range(0, len(data), 16_384):
            assert parser.take_body(data[start : start + 16_384]) is None
        parser.finish()
        spent_s = time.process_time() - begun
        assert (parser.response().body, parser.undecodable) == (b"", "")
        return spent_s

    apart_s = min(cost_s("gzip", members) for _ in range(3))
    nested = gzip.compress(members)
    assert min(cost_s("gzip, gzip", nested) for _ in range(3)) < 5 * apart_s
