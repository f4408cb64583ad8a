"""
What a probe costs, beside blackbox_exporter and bare libcurl on the same server.

    python benches/probes.py [--quick] [--json FILE]

Everything runs in one go on loopback, so the ratios hold on any machine; the absolute
figures are those of this one. Ends with 1 where a promise isn't kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soak import free_port

KNOWN = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
TOKEN = "bench-token-0123456789"
_WINDOW_S = 5.0  # long beside the two scrapes that it takes to count
_TICK = os.sysconf("SC_CLK_TCK")
_BODY = json.dumps(
    {
        "job_id": KNOWN,
        "status": "completed",
        "created_at": "2026-01-01T00:00:00.000Z",
        "completed_at": "2026-01-01T00:00:10.000Z",
        "result": {"urls": ["https://cdn.example.com/a.png"]},
    }
).encode()


@dataclass(frozen=True)
class Figures:
    """
    What was measured; times in microseconds and milliseconds as the names say.
    """

    blackbox_us: float | None
    libcurl_us: float
    ours_us: float
    rate_per_s: float
    missed_at_1000: int
    error_p50_ms: float
    error_p99_ms: float
    scrape_ms: float
    default_scrape_ms: float
    default_series: int

    @property
    def blackbox_ratio(self) -> float | None:
        return self.ours_us / self.blackbox_us if self.blackbox_us else None


# -- the server -------------------------------------------------------------------------


class _Endpoint(asyncio.Protocol):
    """
    Answers like the job endpoint after a delay, and writes down how long it really took.
    """

    def __init__(self, delay_s: float, truth: dict[str, float]) -> None:
        self._delay_s = delay_s
        self._truth = truth
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
            job_id = head.split(b" ", 2)[1].rpartition(b"/")[2].decode()
            received_s = time.perf_counter()
            if self._delay_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self._delay_s, self._answer, job_id, received_s)
            else:
                self._answer(job_id, received_s)

    def _answer(self, job_id: str, received_s: float) -> None:
        known = job_id == KNOWN
        body = _BODY if known else b'{"error":"Job not found"}'
        status = b"200 OK" if known else b"404 Not Found"
        self._truth[job_id] = time.perf_counter() - received_s
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


async def _serve(port: int, delay_s: float, truth_file: str) -> None:
    truth: dict[str, float] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Endpoint(delay_s, truth), "127.0.0.1", port, backlog=1024
    )
    print("ready", flush=True)
    try:
        # The parent closes our standard input when it has seen enough.
        await loop.run_in_executor(None, sys.stdin.read)
    finally:
        server.close()
        Path(truth_file).write_text(json.dumps(truth), encoding="utf-8")


# -- processes --------------------------------------------------------------------------


@contextlib.contextmanager
def _endpoint(folder: Path, delay_s: float = 0.0) -> Iterator[tuple[str, Path]]:
    port, truth = free_port(), folder / f"truth-{delay_s}.json"
    command = [sys.executable, __file__, "--serve", f"{port},{delay_s},{truth}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        try:
            yield f"http://127.0.0.1:{port}", truth
        finally:
            process.stdin.close()
            process.wait(20)


@contextlib.contextmanager
def _running(command: list[str], ready: Callable[[], bool], *, core: int | None) -> Iterator[int]:
    def pin() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})

    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=pin)  # noqa: PLW1509
        try:
            deadline = time.monotonic() + 20
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"{command[0]} didn't start: {log.read().decode()}")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            process.wait(20)


def _is_answering(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
        return True
    return False


def _get(url: str, accept: str = "*/*") -> str:
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


# -- what is measured -------------------------------------------------------------------


def _measure_blackbox(folder: Path, target: str, seconds: float) -> float | None:
    binary = shutil.which("prometheus-blackbox-exporter")
    if binary is None:
        return None
    config, port = folder / "blackbox.yml", free_port()
    config.write_text(
        "modules: {job: {prober: http, http: {preferred_ip_protocol: ip4, "
        "fail_if_body_not_matches_regexp: ['completed']}}}\n",
        encoding="utf-8",
    )
    base = f"http://127.0.0.1:{port}"
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = [binary, f"--config.file={config}", listen, "--log.level=error"]
    with _running(command, lambda: _is_answering(f"{base}/-/healthy"), core=None) as pid:
        url = f"{base}/probe?module=job&target={target}/jobs/{KNOWN}"
        assert "probe_success 1" in _get(url)

        def cpu_us_per_request() -> float:
            before, count, end = _cpu_s(pid), 0, time.monotonic() + _WINDOW_S
            while time.monotonic() < end:
                _get(url)
                count += 1
            return (_cpu_s(pid) - before) / count * 1e6

        return _best_of_windows(cpu_us_per_request, seconds)


def _measure_libcurl(target: str, seconds: float) -> float:
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"{target}/jobs/{KNOWN}")
    curl.setopt(pycurl.WRITEFUNCTION, len)
    curl.setopt(pycurl.HTTPHEADER, [f"Authorization: Bearer {TOKEN}"])

    def cpu_us_per_request() -> float:
        before, count, end = time.process_time(), 0, time.monotonic() + _WINDOW_S
        while time.monotonic() < end:
            curl.perform()
            count += 1
        return (time.process_time() - before) / count * 1e6

    return _best_of_windows(cpu_us_per_request, seconds)


def _config(folder: Path, target: str, *, rate: int, sink: bool, missing: bool) -> Path:
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    target_count = 10
    canaries = "missing: {}" if missing else f"known: {{ids: [{KNOWN}]}}"
    targets = "".join(
        f"  - name: t{number}\n    api: krea\n    url: {target}\n    token_file: token\n"
        f"    interval: {1000 * target_count // rate}ms\n    timeout: 5s\n"
        f"    requests_per_minute: unlimited\n    canaries: {{{canaries}}}\n"
        for number in range(target_count)
    )
    sinks = f"sinks: [{{sink: jsonl, path: {folder / 'results.jsonl'}, max_bytes: 1000000000}}]\n"
    path = folder / "jobproof.yaml"
    path.write_text(f"targets:\n{targets}{sinks if sink else ''}", encoding="utf-8")
    return path


@contextlib.contextmanager
def _daemon(config: Path, *, core: int | None = None) -> Iterator[tuple[int, str]]:
    port = free_port()
    command = [sys.executable, "-P", "-m", "jobproof", "probe", "--config", str(config)]
    command += ["--listen", f"127.0.0.1:{port}", "--log-level", "warning"]
    base = f"http://127.0.0.1:{port}"
    with _running(command, lambda: _is_answering(f"{base}/-/healthy"), core=core) as pid:
        yield pid, base


def _sum(base: str, name: str) -> float:
    text = _get(f"{base}/metrics")
    return sum(map(float, re.findall(rf"^{name}{{[^}}]*}} (\S+)$", text, re.MULTILINE)))


def _measure_jobproof(folder: Path, target: str, seconds: float) -> tuple[float, float, int]:
    config = _config(folder, target, rate=1000, sink=False, missing=False)
    core = max(os.sched_getaffinity(0))
    with _daemon(config, core=core) as (pid, base):
        time.sleep(3.0)  # the first answers of every target are written as evidence
        began_s, start = time.monotonic(), _sum(base, "jobproof_probes_total")
        missed = _sum(base, "jobproof_slots_missed_total")

        def cpu_us_per_probe() -> float:
            cpu, count = _cpu_s(pid), _sum(base, "jobproof_probes_total")
            time.sleep(_WINDOW_S)
            spent = _cpu_s(pid) - cpu
            return spent / (_sum(base, "jobproof_probes_total") - count) * 1e6

        best_us = _best_of_windows(cpu_us_per_probe, seconds)
        passed = time.monotonic() - began_s
        done = _sum(base, "jobproof_probes_total") - start
        missed = _sum(base, "jobproof_slots_missed_total") - missed
    return best_us, done / passed, int(missed)


def _best_of_windows(measure: Callable[[], float], seconds: float) -> float:
    """
    The best of several windows: whatever else runs here can only add to a cost.
    """
    return min(measure() for _ in range(max(2, round(seconds / _WINDOW_S))))


def _latency_errors(folder: Path, seconds: float) -> tuple[float, float, float]:
    """
    Measured minus true latency, in ms: median and 99th percentile; and a scrape's time.
    """
    with _endpoint(folder, 0.02) as (target, truth_file):
        config = _config(folder, target, rate=500, sink=True, missing=True)
        scrapes = []
        with _daemon(config) as (_pid, base):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                began_s = time.monotonic()
                _get(f"{base}/metrics", "application/openmetrics-text")
                scrapes.append(time.monotonic() - began_s)
                time.sleep(max(0.0, 1.0 - scrapes[-1]))
    truth: dict[str, float] = json.loads(truth_file.read_text(encoding="utf-8"))
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    results: list[dict[str, Any]] = [json.loads(line) for line in lines]
    errors = sorted(
        1e3 * (result["duration_seconds"] - truth[result["job_id"]])
        # The first second, at 500 a second, holds the cold connections.
        for result in results[500:]
        if result["job_id"] in truth
    )
    return (
        errors[len(errors) // 2],
        errors[len(errors) * 99 // 100],
        1e3 * sorted(scrapes)[len(scrapes) // 2],
    )


def _default_scrape(folder: Path, target: str) -> tuple[float, int]:
    """
    What a configuration with every canary and followed jobs costs: median ms, and series.
    """
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    config = folder / "default.yaml"
    config.write_text(
        f"targets:\n  - name: krea\n    api: krea\n    url: {target}\n    token_file: token\n"
        "    interval: 30s\n    timeout: 10s\n    requests_per_minute: 12\n"
        "    slo: {availability: 0.995, latency: 1s}\n    canaries:\n"
        f"      known: {{ids: [{KNOWN}]}}\n      missing: {{}}\n      malformed: {{}}\n"
        "      anonymous: {}\n      foreign: {ids: [a-job-of-others]}\n"
        "    follow: [{source: pushed}]\n",
        encoding="utf-8",
    )
    with _daemon(config) as (_pid, base):
        durations_s = []
        for _ in range(30):
            began_s = time.monotonic()
            text = _get(f"{base}/metrics", "application/openmetrics-text")
            durations_s.append(time.monotonic() - began_s)
        series = sum(line.startswith("jobproof_") for line in text.splitlines())
    return 1e3 * sorted(durations_s)[len(durations_s) // 2], series


def _measure(*, quick: bool) -> Figures:
    seconds = 5.0 if quick else 15.0
    with tempfile.TemporaryDirectory(prefix="jobproof-bench-") as name:
        folder = Path(name)
        with _endpoint(folder) as (target, _truth):
            default = _default_scrape(folder, target)
            blackbox = _measure_blackbox(folder, target, seconds)
            libcurl = _measure_libcurl(target, seconds / 2)
            ours, rate, missed = _measure_jobproof(folder, target, seconds)
        p50, p99, scrape = _latency_errors(folder, seconds)
    return Figures(blackbox, libcurl, ours, rate, missed, p50, p99, scrape, *default)


def _promises(figures: Figures) -> Iterator[tuple[str, str, bool]]:
    ratio = figures.blackbox_ratio
    if ratio is not None and figures.blackbox_us is not None:
        text = f"{ratio:.2f} of blackbox_exporter's {figures.blackbox_us:.0f} µs"
        yield "CPU per probe, sent, judged and counted", text, ratio <= 1 / 3
    beside = f"{figures.ours_us / figures.libcurl_us:.1f} times bare libcurl's"
    yield "", f"{beside} {figures.libcurl_us:.0f} µs: {figures.ours_us:.0f} µs", True
    text = f"{figures.rate_per_s:.0f}/s on one core, {figures.missed_at_1000} slots missed"
    yield "1,000 probes a second", text, figures.missed_at_1000 == 0 and figures.rate_per_s > 990
    text = f"p50 {figures.error_p50_ms:+.2f} ms, p99 {figures.error_p99_ms:+.2f} ms"
    yield "error of the measured latency at 500/s", text, figures.error_p99_ms <= 5.0
    text = f"{figures.default_scrape_ms:.1f} ms, {figures.default_series} series"
    is_kept = figures.default_scrape_ms < 10.0 and figures.default_series < 1000
    yield "scrape of the default configuration", text, is_kept
    yield "scrape of ten targets", f"{figures.scrape_ms:.1f} ms", True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0].strip())
    parser.add_argument("--quick", action="store_true", help="Shorter, and less exact.")
    parser.add_argument("--json", metavar="FILE", help="Write the figures there too.")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        port, delay_s, truth = arguments.serve.split(",")
        asyncio.run(_serve(int(port), float(delay_s), truth))
        return 0
    figures = _measure(quick=arguments.quick)
    all_kept = True
    for name, text, is_kept in _promises(figures):
        print(f"{'ok ' if is_kept else 'NOT'} {name:42} {text}")
        all_kept = all_kept and is_kept
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(asdict(figures), indent=2), encoding="utf-8")
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
