"""
An hour of everything that can go wrong at once: is every slot accounted for, does memory stay flat?

    python benches/soak.py [--seconds 3600] [--interval 0.2]

One daemon probes a mock with faults and a server that answers as an enemy would (60,000 undeclared
keys, deep nesting, a header without end, half an answer, silence, an outage that is announced for
an hour), with a plug-in whose canary, check and sink hang. It is killed twice and starts again from
its state. Every minute it reloads: a changed configuration, one that is broken, the first again.

Prints a line a sample and a verdict for each life. Ends with 1 where a canary's slots aren't those
that were due, to the last one; where the enemy's own log holds another number of requests; where
memory grew or shrank by more than 3 % over the last life, without its first quarter, or its first
five minutes; or where the daemon died, or didn't end when it was asked to.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

FAULTS = ("id_of_another_job", "crash_at_times", "not_found_at_times", "huge", "json_truncated")
TOKEN = "soak-token-0123456789"
TIMEOUT_S = 2.0
MOST_DRIFT = 0.03
WARM_UP_S = 300.0
# Where nothing hangs: one slot that is under way, and one at either end of the time.
SLACK = 3.0
UNDER_WAY = 4.0
JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
RIGHT = (
    f'{{"job_id":"{JOB}","status":"completed","created_at":"2026-01-01T00:00:00Z",'
    '"completed_at":"2026-01-01T00:01:00Z","result":{"urls":["https://gen.krea.ai/a.png"]}'
)
SAMPLE = re.compile(r"^jobproof_(\w+)(?:\{([^}]*)\})? ([0-9.e+-]+)$", re.MULTILINE)
PLUGIN = """
import time
from pydantic import BaseModel
from jobproof.contract.model.check import Facet, check
from jobproof.contract.model.exchange import Subject
from jobproof.contract.model.finding import Basis
from jobproof.probes.canaries.canary import CanaryRequest, IdOptions

__all__ = ["Hangs", "Stuck", "never_ends"]

@check(basis=Basis.INFERRED, source="nowhere", about=Facet.JOB)
def never_ends(trace):
    '''It ends.'''
    time.sleep(3600)
    return ()

class Hangs:
    Options, absence_is_right, round_size = IdOptions, False, 1
    def __init__(self, options, _context):
        self._id = options.ids[0]
    def next_request(self):
        time.sleep(3600)
    def on_result(self, _request, _outcome):
        return None

class StuckOptions(BaseModel, frozen=True):
    pass

class Stuck:
    Options = StuckOptions
    def __init__(self, options):
        pass
    def write(self, _result):
        time.sleep(3600)
    def close(self):
        pass
"""
ENTRIES = """
[jobproof.checks]
never_ends = soak_parts
[jobproof.canaries]
hangs = soak_parts:Hangs
[jobproof.sinks]
stuck = soak_parts:Stuck
"""


def answer_of(body: bytes, head: bytes = b"", code: bytes = b"200 OK") -> bytes:
    """
    A whole answer, after which the connection ends.
    """
    length = str(len(body)).encode()
    return (
        b"HTTP/1.1 " + code + b"\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: " + length + b"\r\n" + head + b"\r\n" + body
    )


def hostile_answers() -> tuple[bytes | None, ...]:
    """
    What the enemy answers, in turn; None is silence.
    """
    right = (RIGHT + "}").encode()
    keys = "".join(f',"k{number}":1' for number in range(60_000))
    texts = ",".join('"\\u001b[2J\\u202e' + "x" * 200 + '"' for _ in range(2_000))
    return (
        answer_of(right),
        answer_of((RIGHT + keys + "}").encode()),
        answer_of(b"[" * 100_000),
        answer_of((RIGHT + f',"more":[{texts}]}}').encode()),
        answer_of(right, b"".join(b"X-%d: %s\r\n" % (n, b"y" * 200) for n in range(400))),
        answer_of(right)[:-40],
        answer_of(right, b"Content-Encoding: gzip\r\n"),
        None,
        answer_of(b"{}", b"Retry-After: 3600\r\n", b"503 Service Unavailable"),
        b"",
    )


class Enemy:
    """
    A server that answers each request in another way, and counts them.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.is_calm = False
        self._answers = itertools.cycle(hostile_answers())
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.settimeout(TIMEOUT_S * 2)
            head = b""
            while b"\r\n\r\n" not in head:
                more = peer.recv(65_536)
                if not more:
                    return
                head += more
            with self._lock:
                self.asked += 1
                answer = answer_of((RIGHT + "}").encode()) if self.is_calm else next(self._answers)
            if answer is None:
                peer.recv(1)  # until the other side gives up
            else:
                peer.sendall(answer)


class Slots(Counter[str]):
    """
    What is accounted for: probes by `target/canary`, missed slots by target.
    """

    def take(self, name: str, label: Mapping[str, str], value: float) -> None:
        """
        Count one sample of a scrape, if it tells of slots.
        """
        target = label.get("target", "")
        if name == "probes_in_flight":
            self["in-flight"] += value
        elif name == "judge_backlog_bytes":
            self["waiting"] += value
        elif name == "probes_total":
            self[f"{target}/{label['canary']}"] += value
            if (target, label["canary"]) == ("enemy", "known"):
                self["asked"] += value
        elif name == "slots_missed_total":
            self[f"{target} {label['reason']}"] += value
            # These are in both: slots of an announced outage count as failed probes.
            if label["reason"] != "backoff":
                self[target] += value
            elif target == "enemy":
                self["asked"] -= value

    def canaries(self) -> dict[str, int]:
        """
        How many each target has.
        """
        return dict(Counter(name.partition("/")[0] for name in self if "/" in name))

    def accounted(self, target: str) -> float:
        """
        Its slots that were probed or missed.
        """
        return self[target] + sum(self[name] for name in self if name.startswith(f"{target}/"))


@dataclass
class Life:
    """
    One process of the daemon, from its first scrape to its last.

    Attributes:
        memory: Seconds since the start of all, and MiB.
    """

    process: subprocess.Popen[bytes]
    url: str
    first: Slots = field(default_factory=Slots)
    ahead: dict[str, float] = field(default_factory=dict)
    asked_before: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)

    def scrape(self) -> Slots:
        """
        How many slots of each canary are accounted for, and of the enemy's how many were asked.
        """
        # Where the machine is too busy to read a request in time, it is hung up, and asked again.
        text = None
        while text is None:
            if self.process.poll() is not None:
                raise SystemExit(f"the daemon has ended with {self.process.returncode}")
            text = get(f"{self.url}/metrics")
        found = Slots()
        for name, labels, value in SAMPLE.findall(text):
            found.take(name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value))
        return found


def main() -> int:
    """
    Run the soak and say how it went.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--interval", type=float, default=0.2, help="of each of four canaries")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobproof-soak-")))
        mock_info = stack.enter_context(mock())
        return Soak(folder, mock_info, chosen.seconds, chosen.interval).run()


class Soak:
    """
    The lives of one daemon, one after the other.
    """

    def __init__(
        self, folder: Path, mock_info: Mapping[str, object], seconds: float, interval_s: float
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._interval_s = interval_s
        self._mock = mock_info
        self._enemy = Enemy()
        self._config = folder / "jobproof.yaml"
        self._began = time.monotonic()
        self._wrong: list[str] = []
        (folder / "mock-token").write_text(str(mock_info["token"]))
        (folder / "enemy-token").write_text(TOKEN)
        site = folder / "site"
        info = site / "soak_parts-0.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: soak-parts\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(ENTRIES)
        (site / "soak_parts.py").write_text(PLUGIN)
        self._site = site

    def run(self) -> int:
        """
        Two lives that end by `kill -9`, and one that is asked to end.
        """
        # The last one is the longest: what memory does needs time to show.
        for share, ending in (
            (0.15, signal.SIGKILL),
            (0.15, signal.SIGKILL),
            (0.7, signal.SIGTERM),
        ):
            self._live(self._seconds * share, ending)
        for text in self._wrong:
            print(f"wrong: {text}")
        print("every slot is accounted for" if not self._wrong else "not as it should be")
        return int(bool(self._wrong))

    def _live(self, seconds: float, ending: signal.Signals) -> None:
        self._configure(TIMEOUT_S)
        life = self._born()
        try:
            self._live_on(life, seconds)
            if life.process.poll() is None:
                self._close(life, ending)
        except SystemExit:
            print((self._folder / "log").read_text(errors="replace")[-4_000:])
            raise
        finally:
            life.process.kill()
            life.process.wait()

    def _live_on(self, life: Life, seconds: float) -> None:
        until = time.monotonic() + seconds
        step_s = max(2.0, min(30.0, seconds / 40))
        turns = itertools.cycle((self._changed, self._broken, lambda: self._configure(TIMEOUT_S)))
        reload_at = time.monotonic() + min(60.0, seconds / 10)
        while time.monotonic() < until:
            time.sleep(step_s)
            if life.process.poll() is not None:
                self._wrong.append(f"the daemon ended by itself, with {life.process.returncode}")
                return
            if time.monotonic() >= reload_at:
                next(turns)()
                life.process.send_signal(signal.SIGHUP)
                reload_at = time.monotonic() + min(60.0, seconds / 10)
            self._sample(life)

    def _born(self) -> Life:
        port = free_port()
        command = [sys.executable, "-P", "-m", "jobproof", "probe", "--config", str(self._config)]
        command += ["--listen", f"127.0.0.1:{port}", "--state", str(self._folder / "state")]
        paths = [str(self._site), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        life = Life(process, f"http://127.0.0.1:{port}")
        wait_for(lambda: get(f"{life.url}/-/healthy") is not None, what="the daemon was healthy")
        self._rest(life)
        life.ahead = self._ahead(life)
        life.first, life.asked_before = life.scrape(), self._enemy.asked
        self._enemy.is_calm = False
        return life

    def _rest(self, life: Life) -> None:
        """
        Until nothing hangs any more and all is judged, so that each slot has come to its end.
        """
        self._enemy.is_calm = True
        time.sleep(TIMEOUT_S * 4)
        wait_for(lambda: life.scrape()["waiting"] < 10_000, what="all was judged", within_s=900.0)

    def _sample(self, life: Life) -> None:
        found, mib = life.scrape(), rss_mib(life.process.pid)
        passed = time.monotonic() - self._began
        life.memory.append((passed, mib))
        canaries = [f"{name} {found[name]:.0f}" for name in sorted(found) if "/" in name]
        missed = [f"{name} {found[name]:.0f}" for name in sorted(found) if " " in name]
        shown = ", ".join(text for text in (*canaries, *missed) if not text.endswith(" 0"))
        print(f"{passed:7.0f} s  {mib:6.1f} MiB  {shown}", flush=True)

    def _close(self, life: Life, ending: signal.Signals) -> None:
        self._rest(life)
        last, asked = life.scrape(), self._enemy.asked
        if get(f"{life.url}/-/healthy") is None:
            self._wrong.append("it isn't healthy")
        self._count(life, last, asked)
        life.process.send_signal(ending)
        try:
            code = life.process.wait(60)
        except subprocess.TimeoutExpired:
            life.process.kill()
            code = life.process.wait()
        if code != (0 if ending is signal.SIGTERM else -ending):
            self._wrong.append(f"it ended with {code} after {ending.name}")
        if ending is signal.SIGTERM:
            self._weigh(life)

    def _ahead(self, life: Life) -> dict[str, float]:
        """
        How many slots of each target are accounted for beyond an even count by the clock.

        A schedule that is behind for a moment is behind in some of these, and not in the best;
        where a server is slow, what it was asked is looked at again when it has answered.
        """
        best: dict[str, float] = {}
        until = time.monotonic() + TIMEOUT_S * 30
        samples = 0
        while samples < 10 and time.monotonic() < until:
            found, now = life.scrape(), time.monotonic()
            samples += found["in-flight"] <= UNDER_WAY
            for target, canaries in found.canaries().items():
                slots = found.accounted(target) - now / self._interval_s * canaries
                best[target] = max(best.get(target, slots), slots)
            time.sleep(0.5)
        return best

    def _count(self, life: Life, last: Slots, asked: int) -> None:
        ahead = self._ahead(life)
        for target, canaries in sorted(last.canaries().items()):
            text = (
                f"{target}: {last.accounted(target):.0f} slots, {last[target]:.0f} of them missed; "
                f"{ahead[target] - life.ahead[target]:+.1f} against those that were due"
            )
            print(text)
            if abs(ahead[target] - life.ahead[target]) > SLACK * canaries:
                self._wrong.append(text)
        logged = asked - life.asked_before
        counted = last["asked"] - life.first["asked"]
        text = f"enemy: it has logged {logged} requests, and {counted:.0f} are counted"
        print(text)
        if abs(logged - counted) > SLACK:
            self._wrong.append(text)

    def _weigh(self, life: Life) -> None:
        # Caches, pools and what is known of jobs still fill at first, which is no leak.
        began, end = life.memory[0][0], life.memory[-1][0]
        settled_at = max(began + WARM_UP_S, began + (end - began) / 4)
        settled = [sample for sample in life.memory if sample[0] >= settled_at]
        if end - settled_at < WARM_UP_S:
            print("memory: too short a life to tell")
            return
        drift = slope(settled) * (settled[-1][0] - settled[0][0])
        share = drift / (sum(mib for _, mib in settled) / len(settled))
        text = f"memory: {share:+.1%} over {settled[-1][0] - settled[0][0]:.0f} s"
        print(text)
        if abs(share) > MOST_DRIFT:
            self._wrong.append(text)

    def _configure(self, timeout_s: float) -> None:
        jobs = json.dumps(list(self._mock["jobs"])[:3])  # type: ignore[call-overload]
        shared = (
            f"    interval: {self._interval_s * 1000:.0f}ms\n    requests_per_minute: unlimited\n"
        )
        mock = f"    api: {self._mock['api']}\n    url: {self._mock['url']}\n"
        self._config.write_text(
            f"targets:\n  - name: mock\n{mock}"
            f"    token_file: mock-token\n{shared}    timeout: 2s\n"
            f"    canaries:\n      known: {{ids: {jobs}}}\n      missing: {{}}\n"
            f"  - name: enemy\n    api: krea\n    url: {self._enemy.url}\n"
            f"    token_file: enemy-token\n{shared}    timeout: {timeout_s * 1000:.0f}ms\n"
            f"    canaries:\n      known: {{ids: [{JOB}]}}\n      hangs: {{ids: [{JOB}]}}\n"
            "sinks: [{sink: stuck}]\n"
        )

    def _changed(self) -> None:
        self._configure(TIMEOUT_S * 0.9)

    def _broken(self) -> None:
        self._config.write_text("a0: &a0 [1]\n" + "targets: " + "[" * 5_000)


def slope(samples: list[tuple[float, float]]) -> float:
    """
    MiB a second, by least squares.
    """
    mean_t = sum(t for t, _ in samples) / len(samples)
    mean_m = sum(m for _, m in samples) / len(samples)
    above = sum((t - mean_t) * (m - mean_m) for t, m in samples)
    return above / (sum((t - mean_t) ** 2 for t, _ in samples) or 1.0)


def rss_mib(pid: int) -> float:
    """
    Resident memory of a process, in MiB.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


@contextmanager
def mock() -> Iterator[dict[str, object]]:
    """
    The mocked endpoint with faults, as a process of its own.
    """
    arguments = [part for name in FAULTS for part in ("--fault", name)]
    command = [sys.executable, "-P", "-m", "jobproof", "mock", *arguments]
    child = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())
        child.stdout.close()
    finally:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(30)
        child.kill()


def free_port() -> int:
    """
    A port that nobody listens on now.
    """
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def get(url: str) -> str | None:
    """
    What a page of the daemon says; None where it doesn't answer, or not with 200.
    """
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return str(answer.read(), "utf-8")
    except OSError:
        return None


def wait_for(is_so: Callable[[], bool], *, what: str, within_s: float = 300.0) -> None:
    """
    Until it is so, which takes long where the machine is busy.
    """
    until = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit(f"{within_s:g} s went by before {what}")
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
