"""
Servers that tests ask: real Prometheus and its kin, jobproof itself, a few lines of HTTP;
on free ports, stopped by their own handles.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.tools import PATIENCE_S, run_to_end, tool, until

__all__ = [
    "Prometheus",
    "QuietHandler",
    "alertmanager",
    "free_port",
    "http_server",
    "prometheus",
    "promtool",
    "serving",
]


def promtool(*arguments: str | Path) -> str:
    """
    Run promtool; what it prints, or a failure with it.
    """
    done = run_to_end(tool("promtool"), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port() -> int:
    """
    A port that nobody listens on at the moment.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving(
    *command: str, log: Path, ready: str, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """
    A server as a process of its own, from when it answers until the block ends; its URL.

    Args:
        ready: The port that it was told to listen on, and the path that says 503 until it is ready.
    """
    port = ready.partition("/")[0]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=env)
    try:
        until(
            lambda: _answers(f"http://127.0.0.1:{ready}") or process.poll() is not None,
            what=f"{command[0]}, see {log}",
        )
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refused:
        return refused.code < 500  # 401: it is ready for those who have the password
    except OSError:
        return False


class QuietHandler(BaseHTTPRequestHandler):
    """
    Answers, and writes no line about it to the terminal.
    """

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def http_server(handler: type[QuietHandler]) -> Iterator[str]:
    """
    A server of this process, a thread a request; its URL.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Prometheus:
    """
    Asks a running Prometheus.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str) -> Any:
        """
        The `data` of an answer of the HTTP API; its error fails the test.
        """
        form = urllib.parse.urlencode(parameters).encode()
        method = "POST" if path.startswith("query") else "GET"
        url = f"{self.url}/api/v1/{path}" + (f"?{form.decode()}" if method == "GET" else "")
        request = urllib.request.Request(url, form if method == "POST" else None, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as exc:
            raise AssertionError(f"{path} {parameters}: {exc.read().decode()}") from None

    def instant(self, expression: str, at: float | None = None) -> list[Any]:
        """
        Result of an instant query.
        """
        when = {} if at is None else {"time": str(at)}
        return list(self.ask("query", query=expression, **when)["result"])

    def values(self, expression: str) -> dict[str, float]:
        """
        Value by the labels that the expression leaves, joined by commas.
        """
        rows = self.instant(expression)
        return {",".join(row["metric"].values()): float(row["value"][1]) for row in rows}

    def over(self, expression: str, *, start: float, end: float, step: float) -> list[Any]:
        """
        Result of a range query.
        """
        span = {"start": str(start), "end": str(end), "step": str(step)}
        return list(self.ask("query_range", query=expression, **span)["result"])

    def alerts(self) -> list[Any]:
        """
        What is pending or firing.
        """
        return list(self.ask("alerts")["alerts"])


@contextmanager
def prometheus(
    folder: Path, config: str = "global: {}\n", *options: str, data: Path | None = None
) -> Iterator[Prometheus]:
    """
    A Prometheus of its own, with this configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "prometheus.yml"
    file.write_text(config, encoding="utf-8")
    port = free_port()
    arguments = [
        f"--config.file={file}",
        f"--storage.tsdb.path={data or folder / 'tsdb'}",
        "--storage.tsdb.retention.time=40d",
        "--enable-feature=exemplar-storage",
        f"--web.listen-address=127.0.0.1:{port}",
        *options,
    ]
    log = folder / "prometheus.log"
    with serving(tool("prometheus"), *arguments, log=log, ready=f"{port}/-/ready") as url:
        yield Prometheus(url)


@contextmanager
def alertmanager(folder: Path, config: str) -> Iterator[str]:
    """
    An Alertmanager of its own; its URL.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "alertmanager.yml"
    file.write_text(config, encoding="utf-8")
    port = free_port()
    program = tool("prometheus-alertmanager", "alertmanager")
    arguments = [
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    log = folder / "alertmanager.log"
    with serving(program, *arguments, log=log, ready=f"{port}/-/ready") as url:
        yield url
