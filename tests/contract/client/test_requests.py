"""
What goes out is what was given, and no more.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.contract.client.sending import AUTH, TOKEN, get, sent
from tests.tools import PYTHON, output_of
from tests.wire import Wire

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.addresses.urls import UrlError
from jobproof.contract.model.exchange import Request


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
            "http://0.0.0.0/x",
            "http://127.0.0.1\\@evil.example/",
            "http://[::1/",
        ],
    )
    def test_url_that_cant_be_asked_is_our_mistake(self, client: Client, url: str) -> None:
        with pytest.raises(UrlError):
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
                "e = Client().send(Request('GET', sys.argv[1]), deadline_s=60)\n"
                "print(e.response.body.decode())"
            )
            printed = output_of(*PYTHON, "-c", code, wire.url("echo"), env=environment)
            assert proxy.connections == 0
        assert printed.startswith("GET /echo HTTP/1.1")
        assert "Authorization" not in printed
        assert "X-Curlrc" not in printed


def _user_agent(lines: list[bytes]) -> bytes:
    (found,) = [line for line in lines if line.startswith(b"User-Agent: ")]
    return found.removeprefix(b"User-Agent: ")
