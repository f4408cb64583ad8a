"""
Prometheus and Alertmanager as real processes, on free ports, stopped by their own handles.
"""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.tools import PATIENCE_S, tool, until

__all__ = ["Prometheus", "alertmanager", "free_port", "prometheus", "promtool"]


def promtool(*arguments: str | Path, within_s: float = PATIENCE_S) -> str:
    """
    Run promtool; what it prints, or a failure with it.
    """
    done = subprocess.run(
        [tool("promtool"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port() -> int:
    """
    A port that nobody listens on at the moment.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


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
        tool("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={data or folder / 'tsdb'}",
        "--storage.tsdb.retention.time=40d",
        "--enable-feature=exemplar-storage",
        f"--web.listen-address=127.0.0.1:{port}",
        *options,
    ]
    url = f"http://127.0.0.1:{port}"
    with _running(arguments, folder / "prometheus.log", f"{url}/-/ready"):
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
    arguments = [
        tool("prometheus-alertmanager", "alertmanager"),
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    url = f"http://127.0.0.1:{port}"
    with _running(arguments, folder / "alertmanager.log", f"{url}/-/ready"):
        yield url


@contextmanager
def _running(arguments: list[str], log: Path, ready: str) -> Iterator[None]:
    with log.open("wb") as sink:
        process = subprocess.Popen(arguments, stdout=sink, stderr=sink)
    try:
        until(lambda: _answers(ready), what=f"{arguments[0]}, see {log}")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
