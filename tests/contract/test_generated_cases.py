"""
Generated cases go over our own client, so that what holds for it holds for them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from tests.contract.builders import JOB, job
from tests.tools import PATIENCE_S
from tests.wire import Script, Wire, answer, say

from jobproof.contract.client.curl import Client
from jobproof.contract.client.requests_adapter import ClientAdapter, ExchangeFailed, new_session
from jobproof.contract.model.exchange import Credential, Exchange, Reason, Subject
from jobproof.contract.suite.planning.target_options import target_from
from jobproof.contract.suite.running.generated_cases import CaseSender, GeneratedCase

_BODY = json.dumps(job()).encode()
_JSON = ("Content-Type", "application/json")
_CASE = GeneratedCase(JOB, Subject.KNOWN, Credential.OWNER, {"X-A": "b"}, {}, False)


@contextmanager
def _asked(script: Script) -> Iterator[tuple[Exchange, Wire]]:
    with Wire({"": script, "jobs": script}) as server:
        values = {"url": server.url(), "job": [JOB], "token_env": "T", "timeout": 0.5}
        with Client(exact_framing=True) as client:
            sender = CaseSender(target_from(values, environ={"T": "t"}), client)
            yield sender.send(_CASE), server


@pytest.mark.parametrize("interim", [100, 102, 103, 199])
def test_an_interim_answer_is_not_the_answer(interim: int) -> None:
    early = b"HTTP/1.1 %d Early\r\nLink: </a>; rel=preload\r\n\r\n" % interim

    def script(line: object) -> None:
        line.send(early * 2)  # type: ignore[attr-defined]
        answer(200, _BODY, _JSON)(line)  # type: ignore[arg-type]

    with _asked(script) as (exchange, _):
        assert exchange.response is not None, exchange.answer
        assert (exchange.response.code, exchange.response.body) == (200, _BODY)
        assert exchange.response.header("link") is None


def test_the_exchange_is_the_client_s_own() -> None:
    packed = gzip.compress(gzip.compress(_BODY))
    coded = answer(
        200, packed, _JSON, ("Content-Encoding", "gzip, gzip"), ("X-A", "1"), ("X-A", "2")
    )
    with _asked(coded) as (exchange, server):
        assert exchange.response is not None, exchange.answer
        assert (exchange.response.body, exchange.response.raw) == (_BODY, packed)
        assert exchange.response.header_values("x-a") == ("1", "2")
        assert exchange.request.job_id == JOB
        assert exchange.remote_ip == "127.0.0.1"
        head = server.requests[-1].decode()
    assert head.startswith(f"GET /jobs/{JOB} HTTP/1.1\r\n")
    assert "X-A: b\r\n" in head
    assert "Authorization: Bearer t\r\n" in head


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (say(end="close"), Reason.PROTOCOL),
        (lambda line: line.hold(), Reason.TIMEOUT),
        (say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", end="close"), Reason.PROTOCOL),
        (answer(200, b"{}", ("Content-Encoding", "gzip")), Reason.ENCODING),
        (answer(200, bytes(2_000_000), _JSON), Reason.TOO_LARGE),
    ],
)
def test_no_answer_is_a_value_with_its_reason(script: Script, reason: Reason) -> None:
    with _asked(script) as (exchange, _):
        assert exchange.failure is not None
        assert exchange.failure.reason is reason
        assert exchange.request.credential is Credential.OWNER


@pytest.mark.parametrize("location", ["http://[", "//", "http://a:b:c/", "é", "mailto:a@b"])
def test_a_redirect_to_nowhere_is_an_answer(location: str) -> None:
    with _asked(answer(302, b"", ("Location", location))) as (exchange, _):
        assert exchange.response is not None, exchange.answer
        assert exchange.response.code == 302


def test_a_session_over_the_adapter_answers_as_requests_does() -> None:
    with Wire({"ok": answer(200, b'{"a": 1}', _JSON)}) as server:
        client = Client()
        adapter = ClientAdapter(client)
        with client, new_session(adapter) as session:
            answered = session.get(server.url("ok"), timeout=PATIENCE_S, allow_redirects=False)
            assert (answered.status_code, answered.json()) == (200, {"a": 1})
            assert answered.headers["content-type"] == "application/json"
            assert adapter.latest is not None
            with pytest.raises(ValueError, match="a body can't be sent"):
                session.post(server.url("ok"), data=b"x", timeout=PATIENCE_S)
        with pytest.raises(RuntimeError, match="the client is closed"):
            session.get(server.url("ok"), timeout=PATIENCE_S)


def test_a_failure_is_an_exception_of_requests() -> None:
    client = Client()
    with (
        Wire({"gone": say(end="close")}) as server,
        client,
        new_session(ClientAdapter(client)) as session,
        pytest.raises(requests.RequestException) as raised,
    ):
        session.get(server.url("gone"), timeout=PATIENCE_S, allow_redirects=False)
    assert isinstance(raised.value, ExchangeFailed)
    assert raised.value.exchange.failure is not None
