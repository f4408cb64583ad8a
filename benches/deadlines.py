"""
How soon after its deadline an exchange ends, and whose time a busy thread costs.

    python benches/deadlines.py [--rounds N] [--deadline S]

A server on this machine hangs in each way that has no end of its own: it never accepts
TLS, says nothing, drips its head, drips its body. `curl --max-time` and `requests` are
timed in the same run with the same number, each five deadlines at most. Then a server that
answers after 5 ms gets requests beside a thread that keeps Python busy: how long the client
says that the server took, and how long `requests` says, over the true time.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import requests

from jobproof.contract.client.curl import Client
from jobproof.contract.model.exchange import Request

__all__ = ["HANGS", "main"]

SERVER_DELAY_S = 0.005
MAX_RATIO = 1.05
"""The most that an exchange may take, over its deadline."""

Serve = Callable[[socket.socket], None]


def _silent(peer: socket.socket) -> None:
    while peer.recv(65_536):
        pass


def _drip(head: bytes) -> Serve:
    def serve(peer: socket.socket) -> None:
        peer.recv(65_536)
        peer.sendall(head)
        while True:
            time.sleep(0.05)
            # A byte at a time resets every time-out that is counted from the last one.
            peer.sendall(b"x")

    return serve


def _after(delay_s: float) -> Serve:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(10))

    def serve(peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while peer.recv(65_536):
            time.sleep(delay_s)
            peer.sendall(b"HTTP/1.1 200 OK\r\n" + headers + b"Content-Length: 2\r\n\r\n{}")

    return serve


HANGS: dict[str, tuple[str, Serve]] = {
    "no handshake": ("https", _silent),
    "silence": ("http", _silent),
    "dripping head": ("http", _drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")),
    "dripping body": ("http", _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")),
}


@contextmanager
def _serving(serve: Serve) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def run(peer: socket.socket) -> None:
        with peer, suppress(OSError, ssl.SSLError):
            serve(peer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=run, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def _time_jobproof(url: str, deadline_s: float) -> float:
    with Client(verify=False) as client:
        start = time.perf_counter()
        client.send(Request("GET", url), deadline_s=deadline_s)
        return time.perf_counter() - start


def _time_curl(url: str, deadline_s: float) -> float | None:
    program = shutil.which("curl")
    if program is None:
        return None
    command = [program, "-sk", "-o", "/dev/null", "-w", "%{time_total}"]
    done = subprocess.run(
        [*command, "--max-time", str(deadline_s), url],
        capture_output=True,
        text=True,
        timeout=deadline_s * 60,
        check=False,
    )
    return float(done.stdout)


def _time_requests(url: str, deadline_s: float) -> float:
    """
    Its time-out is between two bytes; given up after five deadlines.
    """
    elapsed_s: list[float] = []

    def send() -> None:
        start = time.perf_counter()
        with suppress(requests.RequestException):
            requests.get(url, timeout=deadline_s, verify=False)
        elapsed_s.append(time.perf_counter() - start)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(deadline_s * 5)
    return elapsed_s[0] if elapsed_s else deadline_s * 5


def _ratios(
    send: Callable[[str, float], float | None], url: str, rounds: int, deadline_s: float
) -> list[float]:
    found = (send(url, deadline_s) for _ in range(rounds))
    return [elapsed_s / deadline_s for elapsed_s in found if elapsed_s is not None]


def _describe(ratios: list[float]) -> str:
    if not ratios:
        return "not here"
    return f"{statistics.median(ratios):.3f} (worst {max(ratios):.3f})"


def _wait_ratios(port: int, rounds: int) -> tuple[float, float]:
    url = f"http://127.0.0.1:{port}/"
    # Both on a warm connection, so that no handshake is in the figure.
    with Client() as client:
        client.send(Request("GET", url), deadline_s=60)
        ours = [client.send(Request("GET", url), deadline_s=60).phases.wait for _ in range(rounds)]
    session = requests.Session()
    session.get(url, timeout=60)
    theirs = [session.get(url, timeout=60).elapsed.total_seconds() for _ in range(rounds)]
    return statistics.median(ours) / SERVER_DELAY_S, statistics.median(theirs) / SERVER_DELAY_S


@contextmanager
def _busy() -> Iterator[None]:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(500))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _serve_here(delay_s: float) -> None:
    """
    A server in a process of its own, so that it isn't slowed by what is measured.
    """
    with _serving(_after(delay_s)) as port:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        sys.stdin.read()


def main(arguments: list[str]) -> int:
    """
    Print the ratios; 1 where the median exchange takes more than `MAX_RATIO` deadlines.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--deadline", type=float, default=1.0)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve is not None:
        _serve_here(options.serve)
        return 0
    write = sys.stdout.write
    requests.packages.urllib3.disable_warnings()  # type: ignore[attr-defined]
    write(f"time over the deadline of {options.deadline:g} s, median of {options.rounds}\n")
    write(f"{'':16}{'jobproof':24}{'curl':24}requests\n")
    worst = 0.0
    for name, (scheme, serve) in HANGS.items():
        with _serving(serve) as port:
            url = f"{scheme}://127.0.0.1:{port}/"
            ours, curl, theirs = (
                _ratios(send, url, options.rounds, options.deadline)
                for send in (_time_jobproof, _time_curl, _time_requests)
            )
        worst = max(worst, statistics.median(ours))
        write(f"{name:16}{_describe(ours):24}{_describe(curl):24}{_describe(theirs)}\n")
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(SERVER_DELAY_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        write(f"\nwait over the server's own {SERVER_DELAY_S * 1000:g} ms, median of 101\n")
        for name, beside in (("quiet", suppress), ("a busy thread", _busy)):
            with beside():
                ours, theirs = _wait_ratios(port, 101)
            write(f"{name:16}jobproof {ours:.2f}   requests {theirs:.2f}\n")
    finally:
        server.communicate()
    return 1 if worst > MAX_RATIO else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
