"""
`jobproof probe` as a process of its own.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.tools import PATIENCE_S, until

__all__ = ["Process", "daemon"]

_SERVING = re.compile(r"serving (http://[^;]+/);")


@dataclass
class Process:
    """
    A running `jobproof probe`.
    """

    handle: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        found = _SERVING.search(self.said)
        return found[1] if found else ""

    def get(self, path: str, accept: str = "*/*") -> str:
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())

    def count(self, name: str) -> float:
        lines = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("metrics"), re.MULTILINE)
        return sum(map(float, lines))

    @property
    def peak_bytes(self) -> int:
        """
        The most memory it has ever held.
        """
        status = Path(f"/proc/{self.handle.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def end(self, number: int = signal.SIGTERM) -> int:
        self.handle.send_signal(number)
        return self.handle.wait(PATIENCE_S)


@contextmanager
def daemon(config: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Process]:
    """
    A daemon that serves on a free port.
    """
    log = config.with_name(f"log-{time.monotonic_ns()}")
    command = [sys.executable, "-P", "-m", "jobproof", "probe", "--config", str(config)]
    with log.open("wb") as out:
        handle = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", *options], stdout=out, stderr=out, env=env
        )
    process = Process(handle, log)
    try:
        until(lambda: process.url or handle.poll() is not None)
        assert handle.poll() is None, process.said
        yield process
    finally:
        if handle.poll() is None:
            handle.kill()
            handle.wait(PATIENCE_S)
