"""
Waiting for an endpoint, and sending again what was lost on the way: told, and hiding no fault.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from tests.servers import free_port
from tests.tools import JOBPROOF, PATIENCE_S, run_to_end
from tests.wire import Wire

from jobproof.contract.client.curl import Client
from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Request
from jobproof.contract.plugins import find_api
from jobproof.contract.suite.running.sender import ClientSender, RetryingSender
from jobproof.contract.suite.session.readiness import wait_until_ready


def sent_again(client: Client, url: str, most: int) -> tuple[RetryingSender, int]:
    turns: list[None] = []
    sender = RetryingSender(ClientSender(client), most, wait=lambda _s: None)
    sender.turn = lambda: turns.append(None)
    sender.send(Request("GET", url), deadline_s=PATIENCE_S)
    return sender, len(turns)


class TestRetries:
    @pytest.mark.parametrize("most", [0, 3])
    def test_what_is_lost_on_the_way_is_sent_again_and_noted(self, most: int) -> None:
        with Client() as client, Wire() as server:
            sender, turns = sent_again(client, server.url("reset-before-head"), most)
            assert len(server.requests) == most + 1
            assert len(sender.retries) == turns == most
            sender, turns = sent_again(client, f"http://127.0.0.1:{free_port()}/", most)
            assert [one.reason.value for one in sender.retries] == ["connect"] * most

    @pytest.mark.parametrize(
        "script", ["ok", "short-body", "truncated-chunk", "reset-in-body", "not-http", "no-content"]
    )
    def test_whatever_came_of_an_answer_is_never_asked_for_again(self, script: str) -> None:
        with Client() as client, Wire() as server:
            sender, _ = sent_again(client, server.url(script), 3)
            assert len(server.requests) == 1
        assert sender.retries == []


class TestReadiness:
    def test_it_asks_until_there_is_an_answer(self) -> None:
        port, asked = free_port(), []
        with Client() as client:

            def ask() -> object:
                asked.append(None)
                if len(asked) < 3:
                    url = f"http://127.0.0.1:{port}/"
                    return client.send(Request("GET", url), deadline_s=PATIENCE_S)
                return client.send(Request("GET", server.url("ok")), deadline_s=PATIENCE_S)

            with Wire() as server:
                ready = wait_until_ready(ask, 60, wait=lambda _s: None)  # type: ignore[arg-type]
        assert ready.is_ready
        assert ready.tries == 3
        assert "at the request no. 3" in ready.note

    def test_it_gives_up_when_the_time_is_over(self) -> None:
        now = [0.0]

        def wait(seconds: float) -> None:
            now[0] += seconds

        with Client() as client:
            url = f"http://127.0.0.1:{free_port()}/"
            ready = wait_until_ready(
                lambda: client.send(Request("GET", url), deadline_s=PATIENCE_S),
                60,
                clock=lambda: now[0],
                wait=wait,
            )
        assert not ready.is_ready
        assert ready.note.startswith(f"not ready after 1m and {ready.tries} requests: ")
        assert now[0] == 60.0


@contextmanager
def passing_on(port: int, to: MockServer, *, resets: int) -> Iterator[None]:
    """
    Passes bytes on to the mock, and resets the first few connections that it is given.
    """
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    left = [resets]

    def serve(client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection((to.host, to.port)) as server:
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                if left[0]:
                    left[0] -= 1
                    linger = (1).to_bytes(4, "little") + bytes(4)
                    connection.recv(65_536)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    connection.close()
                    continue
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class TestPatientCommand:
    def run(self, folder: Path, mock: MockServer, url: str, *options: str) -> CompletedProcess[str]:
        job = next(job.id for job in mock.jobs if job.life == "old-image")
        return run_to_end(
            *(*JOBPROOF, "test", "--api", "krea", "--url", url, "--job", job, "--token-env", "T"),
            *("--effort", "quick", "--report", "report.json", *options),
            folder=folder,
            env={**os.environ, "T": mock.token},
        )

    def test_an_endpoint_that_comes_later_is_waited_for(self, tmp_path: Path) -> None:
        port = free_port()
        with MockServer(find_api("krea")) as mock, passing_on(port, mock, resets=2):
            done = self.run(tmp_path, mock, f"http://127.0.0.1:{port}", "--wait-ready", "60s")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "note: the endpoint was ready after" in done.stdout
        assert "at the request no. 3" in done.stdout

    def test_one_that_never_comes_is_inconclusive_with_the_reason(self, tmp_path: Path) -> None:
        with MockServer(find_api("krea")) as mock:
            url = f"http://127.0.0.1:{free_port()}"
            done = self.run(tmp_path, mock, url, "--wait-ready", "1s")
        assert done.returncode == 3, done.stdout
        (line,) = [one for one in done.stdout.splitlines() if one.startswith("verdict: ")]
        assert "not ready after 1s and" in line
        assert "Could not connect" in line
        report = json.loads((tmp_path / "report.json").read_text("utf-8"))
        assert report["requests"] > 1

    def test_requests_that_were_sent_again_are_told(self, tmp_path: Path) -> None:
        port = free_port()
        with MockServer(find_api("krea")) as mock, passing_on(port, mock, resets=2):
            url = f"http://127.0.0.1:{port}"
            done = self.run(tmp_path, mock, url, "--retry-transport", "3")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "note: 2 requests were lost on the way and sent again (2 protocol)" in done.stdout
        report = json.loads((tmp_path / "report.json").read_text("utf-8"))
        assert [one["reason"] for one in report["retries"]] == ["protocol"] * 2

    @pytest.mark.parametrize(
        ("option", "value", "says"),
        [
            ("--wait-ready", "soon", "--wait-ready "),
            ("--retry-transport", "11", "--retry-transport 11: must be 0 to 10"),
        ],
    )
    def test_a_wrong_value_is_one_line(
        self, tmp_path: Path, option: str, value: str, says: str
    ) -> None:
        with MockServer(find_api("krea")) as mock:
            done = self.run(tmp_path, mock, mock.url, option, value)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert says in line
