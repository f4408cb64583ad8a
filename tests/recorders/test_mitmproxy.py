"""
What a real mitmproxy records before a server is judged rightly, as its own flows and as HAR.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tracemalloc
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli
import pytest
from backports import zstd
from mitmproxy import http
from mitmproxy.io import FlowWriter, tnetstring
from mitmproxy.test import tflow, tutils
from tests.contract.builders import replay
from tests.servers import QuietHandler, free_port, http_server
from tests.tools import JOBPROOF, PATIENCE_S, run_to_end, until

from jobproof.contract.errors import RecordingError
from jobproof.contract.judging.judge import Judge
from jobproof.contract.mock import MockServer
from jobproof.contract.model.finding import Kind
from jobproof.contract.model.trace import Trace
from jobproof.contract.plugins import find_api, load_checks
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.flows import FLOW_BYTES, read_flows
from jobproof.contract.recordings.packing.attachments import NoAttachments
from jobproof.contract.recordings.packing.content_coding import DECODED_BYTES
from jobproof.contract.recordings.recorded import Recorded, RecordedItem, Skipped, SkipReason

API = find_api("krea")
JOB = "4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20"
URL = f"https://api.krea.ai/jobs/{JOB}"
MITMDUMP = Path(sys.executable).with_name("mitmdump")


def _read(content: bytes) -> list[RecordedItem]:
    return list(read_flows(io.BytesIO(content), EndpointFilter(API), NoAttachments()))


def _broken(items: Iterable[RecordedItem]) -> set[str]:
    """
    The checks that find a promise broken in what was recorded.
    """
    judge, found = Judge(load_checks()), set()
    by_job: dict[str, list[Any]] = {}
    for item in items:
        assert isinstance(item, Recorded), item
        by_job.setdefault(item.exchange.request.url, []).append(API.observe(item.exchange))
    for seen in by_job.values():
        findings = replay(judge, Trace(API, seen[0]), seen)
        found |= {f.check for f in findings if f.kind is Kind.VIOLATION}
    return found


@dataclass(frozen=True)
class Recording:
    """
    What mitmproxy wrote of requests that somebody made.
    """

    flows: Path
    har: Path
    asked: int


@contextmanager
def _mitmdump(folder: Path, *options: str) -> Iterator[Callable[[str, dict[str, str]], int]]:
    """
    A proxy that records into `folder`, and what asks through it for a code.
    """
    port, log = free_port(), folder / "mitmdump.log"
    command = [str(MITMDUMP), "--listen-host", "127.0.0.1", "--listen-port", str(port)]
    command += ["--set", f"confdir={folder / 'conf'}", "--set", f"hardump={folder / 'seen.har'}"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, "-w", str(folder / "seen.flows"), *options],
            stdout=sink,
            stderr=sink,
            # Into a file it would keep to itself that it listens.
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    proxy = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{port}"})
    opener = urllib.request.build_opener(proxy)

    def ask(url: str, headers: dict[str, str]) -> int:
        try:
            request = urllib.request.Request(url, headers=headers)
            with opener.open(request, timeout=PATIENCE_S) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    try:
        until(lambda: b"listening at" in log.read_bytes() or process.poll() is not None)
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield ask
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


def _record(folder: Path, *options: str, fault: str | None = None) -> Recording:
    with MockServer(API, faults=(fault,) if fault else ()) as server:
        headers = {"Authorization": f"Bearer {server.token}", "Accept-Encoding": "gzip"}
        urls = [f"{server.url}/jobs/{job.id}" for job in server.jobs[:4]] * 3
        with _mitmdump(folder, *options) as ask:
            assert {ask(url, headers) for url in urls} == {200}
            assert ask(f"{server.url}/nothing-of-ours", headers) == 404
    return Recording(folder / "seen.flows", folder / "seen.har", len(urls))


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return _record(tmp_path_factory.mktemp("right"))


def test_flows_of_a_right_server_break_nothing(right: Recording) -> None:
    *polls, other = _read(right.flows.read_bytes())
    assert len(polls) == right.asked
    assert _broken(polls) == set()
    assert isinstance(other, Skipped)
    assert other.reason is SkipReason.OTHER_ADDRESS


def test_the_har_of_a_right_server_is_kept(right: Recording) -> None:
    done = run_to_end(*JOBPROOF, "check", "--api", "krea", right.har)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_recorded_is_what_was_said(right: Recording) -> None:
    first = _read(right.flows.read_bytes())[0]
    assert isinstance(first, Recorded)
    exchange = first.exchange
    assert exchange.response is not None
    assert exchange.response.body is not None
    assert exchange.response.body.startswith(b"{")
    assert exchange.response.http_version == "1.1"
    assert exchange.request.has_all_headers
    assert exchange.remote_ip == "127.0.0.1"
    assert exchange.is_timed
    assert 0 < exchange.elapsed_s < PATIENCE_S


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("id_of_another_job", "job_id_is_echoed"),
        ("status_unheard_of", "status_is_documented"),
    ],
)
def test_a_fault_is_found_in_flows_and_in_har(fault: str, check: str, tmp_path: Path) -> None:
    recording = _record(tmp_path, fault=fault)
    assert check in _broken(_read(recording.flows.read_bytes())[: recording.asked])
    done = run_to_end(*JOBPROOF, "check", "--api", "krea", recording.har)
    assert done.returncode == 1, done.stdout + done.stderr
    assert check in done.stdout


def test_a_streamed_body_is_unknown(tmp_path: Path) -> None:
    recording = _record(tmp_path, "--set", "stream_large_bodies=1", fault="id_of_another_job")
    polls = _read(recording.flows.read_bytes())[: recording.asked]
    for item in polls:
        assert isinstance(item, Recorded)
        assert item.exchange.response is not None
        assert item.exchange.response.body is None
    assert _broken(polls) == set()


def test_a_server_that_hangs_up_has_not_answered(tmp_path: Path) -> None:
    class HangsUp(QuietHandler):
        def do_GET(self) -> None:
            self.close_connection = True

    with http_server(HangsUp) as url, _mitmdump(tmp_path) as ask:
        assert ask(f"{url}/jobs/{JOB}", {}) == 502
    (item,) = _read((tmp_path / "seen.flows").read_bytes())
    assert isinstance(item, Skipped)
    assert item.reason is SkipReason.NO_ANSWER
    assert item.detail


def _flow(**response: Any) -> http.HTTPFlow:
    flow: http.HTTPFlow = tflow.tflow(resp=True)
    flow.request = http.Request.make("GET", URL)
    flow.request.timestamp_start = 1_790_000_000.0
    answered = tutils.tresp(headers=http.Headers(content_type="application/json"), **response)
    answered.timestamp_end = 1_790_000_000.5
    flow.response = answered
    return flow


def _written(*flows: Any) -> bytes:
    out = io.BytesIO()
    for flow in flows:
        FlowWriter(out).add(flow)
    return out.getvalue()


def _body_of(flow: http.HTTPFlow) -> bytes | None:
    (item,) = _read(_written(flow))
    assert isinstance(item, Recorded)
    assert item.exchange.response is not None
    return item.exchange.response.body


@pytest.mark.parametrize(
    ("coding", "raw", "body"),
    [
        ("br", brotli.compress(b"{}"), b"{}"),
        ("zstd", zstd.compress(b"{}"), b"{}"),
        ("deflate", zlib.compress(b"{}"), b"{}"),
        ("br", brotli.compress(b"{}" * 100)[:-2], None),
        ("zstd", zstd.compress(b"{}" * 100)[:-2], None),
        ("br", b"{}", None),
        ("zstd", b"{}", None),
        ("rot13", b"{}", None),
        ("br", b"", b""),
    ],
)
def test_a_coding_is_taken_off_or_the_body_is_unknown(
    coding: str, raw: bytes, body: bytes | None
) -> None:
    flow = _flow()
    assert flow.response is not None
    flow.response.headers["content-encoding"] = coding
    flow.response.raw_content = raw
    assert _body_of(flow) == body


@pytest.mark.parametrize("compress", [brotli.compress, zstd.compress], ids=["br", "zstd"])
def test_a_body_that_grows_beyond_all_costs_no_more_than_the_limit(
    compress: Callable[[bytes], bytes],
) -> None:
    flow = _flow()
    assert flow.response is not None
    flow.response.headers["content-encoding"] = "br" if compress is brotli.compress else "zstd"
    flow.response.raw_content = compress(bytes(8 * DECODED_BYTES))
    content = _written(flow)
    tracemalloc.start()
    try:
        (item,) = _read(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(item, Recorded)
    assert item.exchange.response is not None
    assert item.exchange.response.body is None
    assert peak < 4 * DECODED_BYTES


def test_a_flow_without_content_has_an_unknown_body() -> None:
    flow = _flow()
    assert flow.response is not None
    flow.response.raw_content = None
    assert _body_of(flow) is None


def test_an_answer_that_broke_off_has_a_head_and_no_known_body() -> None:
    flow = _flow(content=b'{"status": "comp')
    flow.error = tflow.terr()
    assert _body_of(flow) is None


def _preflight() -> http.HTTPFlow:
    flow = _flow()
    flow.request.method = "OPTIONS"
    flow.request.headers["Access-Control-Request-Method"] = "GET"
    return flow


def _page() -> http.HTTPFlow:
    flow = _flow()
    flow.request.headers["Sec-Fetch-Mode"] = "navigate"
    return flow


def _replayed() -> http.HTTPFlow:
    flow = _flow()
    flow.is_replay = "response"
    return flow


def _unanswered() -> http.HTTPFlow:
    flow = _flow()
    flow.response = None
    return flow


def _socket() -> http.HTTPFlow:
    flow: http.HTTPFlow = tflow.twebsocketflow()
    flow.request.url = URL
    return flow


@pytest.mark.parametrize(
    ("flow", "reason"),
    [
        (tflow.ttcpflow, SkipReason.NOT_FETCHED),
        (tflow.tudpflow, SkipReason.NOT_FETCHED),
        (tflow.tdnsflow, SkipReason.NOT_FETCHED),
        (_socket, SkipReason.NOT_FETCHED),
        (_preflight, SkipReason.NOT_FETCHED),
        (_page, SkipReason.NOT_FETCHED),
        (_replayed, SkipReason.FROM_CACHE),
        (_unanswered, SkipReason.NO_ANSWER),
        (lambda: tflow.tflow(resp=True), SkipReason.OTHER_ADDRESS),
    ],
)
def test_what_says_nothing_of_the_endpoint_is_skipped(
    flow: Callable[[], Any], reason: SkipReason
) -> None:
    skipped, kept = _read(_written(flow(), _flow()))
    assert isinstance(kept, Recorded)
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, skipped.where) == (reason, "flow 1")


def _state(**changes: Any) -> bytes:
    state = _flow().get_state()
    state.update(changes)
    return tnetstring.dumps(state)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_state(version=999), "flow 1 mitmproxy"),
        (_state(request={}), "flow 1 mitmproxy can't read it"),
        (_state(type="weather"), "flow 1 mitmproxy can't read it"),
        (tnetstring.dumps([1]), "flow 1 mitmproxy can't read it"),
        (b"4:2:ab}", "flow 1 mitmproxy can't read it"),
        (b"]" * 3, "no flow file of mitmproxy"),
        (b"", "the file is empty"),
        (b"9" * 40, "no flow file of mitmproxy"),
        (b"999999999999:", "flow 1: the file ends in the middle of it"),
        (b"12", "no flow file of mitmproxy"),
    ],
)
def test_a_file_without_one_flow_is_refused_in_a_line(content: bytes, said: str) -> None:
    with pytest.raises(RecordingError) as refused:
        _read(content)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_newer_format_says_what_to_do() -> None:
    with pytest.raises(RecordingError, match="format version 999, please update mitmproxy"):
        _read(_state(version=999))


def test_an_unreadable_flow_costs_no_other() -> None:
    nested = b"0:~"
    for _ in range(3_000):
        nested = b"%d:%s]" % (len(nested) - nested.index(b":") - 2 + nested.index(b":") + 2, nested)
    for wrong in (_state(request={}), nested):
        skipped, kept = _read(wrong + _written(_flow()))
        assert isinstance(kept, Recorded)
        assert isinstance(skipped, Skipped)
        assert skipped.reason is SkipReason.UNREADABLE


def test_a_flow_over_the_limit_is_left_out_and_the_rest_read() -> None:
    large = _flow(content=bytes(FLOW_BYTES))
    skipped, kept = _read(_written(large, _flow()))
    assert skipped == Skipped(SkipReason.UNREADABLE, "flow 1", "is larger than 32 MiB")
    assert isinstance(kept, Recorded)


@pytest.mark.parametrize("rest", [1, 5, 200])
def test_a_file_that_ends_within_a_flow_is_refused(rest: int) -> None:
    whole = _written(_flow())
    with pytest.raises(RecordingError, match="flow 2: the file ends in the middle of it"):
        _read(whole + whole[:rest])
    with pytest.raises(RecordingError, match="flow 2: no flow stands there"):
        _read(whole + b"x")
