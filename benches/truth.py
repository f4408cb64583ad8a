"""
Ways to be down, and what the exported metrics make of each, beside the server's own log.

    python benches/truth.py [--slots 600] [--interval 0.1] [--write]

One daemon watches one server for each world, all at once, on real sockets. Each server is up, is
down in its own way for a fifth of the time, and is up again; it logs since when it was down, and
each request and what became of it. `--write` keeps the figures in docs/truth.csv, from which
`python docs/generate.py` makes the table in docs/metrics.md. Ends with 1 where a share of failures
is further than 0.01 (or a slot and a half, of few slots) from the truth, or where a count isn't the
server's.

The name that is gone needs an /etc/hosts of one's own (`unshare`); without, that world is left out.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import os
import random
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.mock import MockServer
from jobproof.contract.plugins import find_api, load_checks
from jobproof.probes.config.reader import load_settings
from jobproof.probes.daemon import Daemon
from jobproof.probes.export.prometheus import expose, new_registry
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.service import connect

FIGURES = Path(__file__).parent.parent / "docs" / "truth.csv"
DOWN_SHARE = 0.2
TOLERANCE = 0.01
HOSTS, SWITCH = Path("/etc/hosts"), Path("/etc/nsswitch.conf")
_OWN_HOSTS = "JOBPROOF_BENCH_OWN_HOSTS"
_UNSEEN = ("dns", "connect", "protocol")
"""Outcomes of probes that no server has logged."""
_SAMPLE = re.compile(r'^jobproof_(\w+)\{target="([\w-]+)"[^}]*(?:outcome|reason)="(\w+)"\} (\S+)$')


@dataclass(frozen=True)
class World:
    """
    A way to be down.

    Attributes:
        code: What is answered; 0 where nothing is.
        retry_after: What is said of the end, at Unix seconds.
        way: `answers`, `hangs`, `refuses` or `vanishes`.
    """

    name: str
    code: int = 0
    retry_after: Callable[[float], str] | None = None
    way: str = "answers"

    @property
    def fails(self) -> bool:
        """
        Whether whoever asks is failed; one that is asked too often says nothing of itself.
        """
        return self.code != 429


WORLDS = (
    World("hangs", way="hangs"),
    World("500", 500),
    World("503", 503),
    World("503, Retry-After: 3", 503, lambda _now: "3"),
    World("503, Retry-After: 30", 503, lambda _now: "30"),
    World("503, Retry-After: 3600", 503, lambda _now: "3600"),
    World("503, Retry-After: a date", 503, lambda now: formatdate(now + 30, usegmt=True)),
    World("503, Retry-After: garbage", 503, lambda _now: "soon"),
    World("503, Retry-After: -5", 503, lambda _now: "-5"),
    World("refuses connections", way="refuses"),
    World("the name is gone", way="vanishes"),
    World("429, Retry-After: 3", 429, lambda _now: "3"),
)


class Endpoint:
    """
    A server of one world, and its log.

    Attributes:
        log: Requests by what they were answered with, `hung` where with nothing.
        down_s: How long it was down.
    """

    def __init__(self, world: World, number: int, right: bytes) -> None:
        self.world = world
        self.target = f"w{number}"
        self.host = "127.0.0.1" if world.way != "vanishes" else f"{self.target}.test"
        self.log: Counter[str] = Counter()
        self.down_s = 0.0
        self._right = right
        self._down_since: float | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._accept_from(self._listener)

    def go_down(self) -> None:
        """
        Be as its world says from now on.
        """
        with self._lock:
            self._down_since = time.monotonic()
            if self.world.way == "refuses":
                # Shut down as well: a thread that waits in accept() would keep it open.
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
            if self.world.way == "vanishes":
                _write_hosts(HOSTS.read_text().replace(f"127.0.0.1 {self.host}\n", ""))
            if self.world.way in ("refuses", "vanishes"):
                self._hang_up()

    def come_back(self) -> None:
        """
        Be up again.
        """
        with self._lock:
            assert self._down_since is not None
            self.down_s = time.monotonic() - self._down_since
            self._down_since = None
            if self.world.way == "refuses":
                self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
                self._accept_from(self._listener)
            if self.world.way == "vanishes":
                _write_hosts(f"{HOSTS.read_text()}127.0.0.1 {self.host}\n")

    def close(self) -> None:
        """
        End it, connections and all.
        """
        with self._lock:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._hang_up()

    def _hang_up(self) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept_from(self, listener: socket.socket) -> None:
        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=self._serve, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
        with connection, suppress(OSError):
            head = b""
            while data := connection.recv(65_536):
                head += data
                while b"\r\n\r\n" in head:
                    head = head.partition(b"\r\n\r\n")[2]
                    self._answer(connection)
        with self._lock:
            self._open.discard(connection)

    def _answer(self, connection: socket.socket) -> None:
        # Under the lock: what is logged as answered is sent before the world changes.
        with self._lock:
            if self._down_since is None:
                connection.sendall(self._right)
                self.log["200"] += 1
            elif self.world.way == "hangs":
                self.log["hung"] += 1
            elif self.world.way == "answers":
                connection.sendall(self._wrong())
                self.log[str(self.world.code)] += 1

    def _wrong(self) -> bytes:
        lines = [f"HTTP/1.1 {self.world.code} ", "Content-Length: 0"]
        if self.world.retry_after is not None:
            lines.append(f"Retry-After: {self.world.retry_after(time.time())}")
        return "\r\n".join((*lines, "", "")).encode()


@dataclass
class Row:
    """
    A world, by its server's log and by the metrics.

    Attributes:
        logged: Requests in the server's log.
        probed: The same by the metrics.
        unasked: Slots that count as failed without a request.
        neither: Slots and probes that say nothing of the server.
        late: Slots that this machine has missed.
        differs: Counts that aren't the server's.
    """

    world: str
    true: float
    measured: float
    slots: int
    logged: int
    probed: int
    unasked: int
    neither: int
    late: int
    differs: list[str] = field(default_factory=list)

    @property
    def is_true(self) -> bool:
        """
        Whether it says what was.
        """
        near = abs(self.measured - self.true) <= max(TOLERANCE, 1.5 / self.slots)
        return near and not self.differs


def row_of(endpoint: Endpoint, text: str, interval_s: float) -> Row:
    """
    What the metrics say of one server, beside what it says itself.
    """
    probes, missed = (
        counts(text, "probes_total", endpoint),
        counts(text, "slots_missed_total", endpoint),
    )
    unasked, throttled = missed["backoff"], missed["throttled"]
    late = missed.total() - unasked - throttled
    limited, right = probes["rate_limited"], probes["ok"]
    failed = probes.total() - right - limited
    log = endpoint.log
    pairs = {
        "ok": (right, log["200"]),
        "server_error": (probes["server_error"] - unasked, log["500"] + log["503"]),
        "rate_limited": (limited, log["429"]),
        "timeout": (probes["timeout"], log["hung"]),
    }
    slots = right + failed + limited + throttled
    down = endpoint.down_s / (interval_s * (slots + late)) if endpoint.world.fails else 0.0
    return Row(
        endpoint.world.name,
        down,
        failed / (right + failed),
        slots,
        log.total(),
        probes.total() - unasked - sum(probes[one] for one in _UNSEEN),
        unasked,
        limited + throttled,
        late,
        [
            f"{name}: {ours} for {theirs}"
            for name, (ours, theirs) in pairs.items()
            if ours != theirs
        ],
    )


def counts(text: str, metric: str, endpoint: Endpoint) -> Counter[str]:
    """
    A metric's values for this server's target, by outcome or reason.
    """
    found: Counter[str] = Counter()
    for line in text.splitlines():
        sample = _SAMPLE.match(line)
        if sample is not None and sample[1] == metric and sample[2] == endpoint.target:
            found[sample[3]] += round(float(sample[4]))
    return found


def measure(slots: int, interval_s: float) -> list[Row]:
    """
    Let every world be down for a fifth of the time, and the daemon watch.
    """
    known = WORLDS if os.environ.get(_OWN_HOSTS) else [w for w in WORLDS if w.way != "vanishes"]
    with MockServer(find_api("krea")) as mock, TemporaryDirectory() as folder:
        job = next(job.id for job in mock.jobs if job.life.startswith("old"))
        right = _right_answer(mock, job)
        endpoints = [Endpoint(world, number, right) for number, world in enumerate(known)]
        names = [f"127.0.0.1 {one.host}\n" for one in endpoints if one.world.way == "vanishes"]
        if names:
            _write_hosts(HOSTS.read_text() + "".join(names))
        with _daemon(Path(folder), endpoints, mock.token, job, interval_s) as daemon:
            began = time.monotonic()
            time.sleep(slots * interval_s * (1 - DOWN_SHARE) / 2)
            for endpoint in endpoints:
                endpoint.go_down()
            time.sleep(slots * interval_s * DOWN_SHARE)
            for endpoint in endpoints:
                endpoint.come_back()
            time.sleep(max(0.0, began + slots * interval_s - time.monotonic()))
            daemon.stop(within_s=30.0)
            text = expose(daemon.registry).body.decode()
        for endpoint in endpoints:
            endpoint.close()
    return [row_of(endpoint, text, interval_s) for endpoint in endpoints]


def _right_answer(mock: MockServer, job: str) -> bytes:
    """
    The mock's answer for a job that is over, byte by byte, with a length.
    """
    asking = http.client.HTTPConnection(mock.url.removeprefix("http://"))
    asking.request("GET", f"/jobs/{job}", headers={"Authorization": f"Bearer {mock.token}"})
    answer = asking.getresponse()
    body = answer.read()
    left_out = {"content-length", "transfer-encoding", "connection", "date"}
    lines = [f"{k}: {v}" for k, v in answer.getheaders() if k.lower() not in left_out]
    asking.close()
    head = ["HTTP/1.1 200 OK", *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


@contextmanager
def _daemon(
    folder: Path, endpoints: Sequence[Endpoint], token: str, job: str, interval_s: float
) -> Iterator[Daemon]:
    (folder / "token").write_text(token, encoding="utf-8")
    config = folder / "jobproof.yaml"
    config.write_text(
        "targets:\n"
        + "".join(
            f"  - name: {one.target}\n    api: krea\n    url: http://{one.host}:{one.port}\n"
            f"    token_file: token\n    interval: {interval_s * 1000:.0f}ms\n"
            f"    timeout: {interval_s * 3000:.0f}ms\n    requests_per_minute: unlimited\n"
            f"    canaries: {{known: {{ids: [{job}]}}}}\n"
            for one in endpoints
        ),
        encoding="utf-8",
    )
    daemon = Daemon(
        load_settings(config),
        make_client=connect,
        checks=load_checks(),
        watchlist=WatchList(None),
        registry=new_registry(process=False),
        redactor=Redactor(),
        rng=random.Random(3),
    )
    daemon.start()
    yield daemon


def _write_hosts(text: str) -> None:
    # In place: another file of the same name would not be the one that is bound.
    HOSTS.write_text(text, encoding="utf-8")


def with_own_hosts() -> None:
    """
    Begin again where /etc/hosts is ours alone, if the kernel lets us.
    """
    unshare = shutil.which("unshare")
    if unshare is None or os.environ.get(_OWN_HOSTS):
        return
    with TemporaryDirectory() as folder:
        hosts, switch = Path(folder, "hosts"), Path(folder, "nsswitch.conf")
        hosts.write_text("127.0.0.1 localhost\n", encoding="utf-8")
        # Else a name that isn't in the file would be asked of the network.
        switch.write_text("hosts: files\n", encoding="utf-8")
        mounts = f"mount --bind {hosts} {HOSTS} && mount --bind {switch} {SWITCH}"
        within = [unshare, "--user", "--map-root-user", "--mount", "sh", "-c"]
        if subprocess.run([*within, mounts], capture_output=True, check=False).returncode:
            return
        again = [*within, f'{mounts} && exec "$@"', "sh", sys.executable, *sys.argv]
        done = subprocess.run(again, env={**os.environ, _OWN_HOSTS: "1"}, check=False)
        sys.exit(done.returncode)


def write(rows: Sequence[Row], command: str) -> None:
    """
    Keep the figures for the documentation.
    """
    with FIGURES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = ("world", "slots", "true", "measured", "logged", "probed", "unasked", "neither")
        writer.writerow((*head, "by"))
        for row in rows:
            shares = f"{row.true:.3f}", f"{row.measured:.3f}"
            figures = row.logged, row.probed, row.unasked, row.neither
            writer.writerow((row.world, row.slots, *shares, *figures, command))


def main() -> int:
    """
    Print the table; 1 where a figure isn't the truth.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0].strip())
    parser.add_argument("--slots", type=int, default=600)
    parser.add_argument("--interval", type=float, default=0.1, help="seconds")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/truth.csv")
    arguments = parser.parse_args()
    with_own_hosts()
    rows = measure(arguments.slots, arguments.interval)
    for row in rows:
        label = "ok " if row.is_true else "NOT"
        print(
            f"{label} {row.world:26} true {row.true:.3f}  measured {row.measured:.3f}  of "
            f"{row.slots:4} slots; requests: server's log {row.logged:4}, metrics {row.probed:4}; "
            f"failed unasked {row.unasked:3}, neither {row.neither:3}, late {row.late}"
            + "".join(f"; {one}" for one in row.differs)
        )
    if not os.environ.get(_OWN_HOSTS):
        print("not measured: the name is gone (there is no /etc/hosts of one's own here)")
    if arguments.write:
        write(rows, shlex.join(["python", "benches/truth.py", *sys.argv[1:]]))
    return 0 if all(row.is_true for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
