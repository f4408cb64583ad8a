"""
A canary, a source or a sink that fails or hangs: itself alone, counted, and named once.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.probes.results import TOKEN, exchange, finding, result
from tests.tools import PATIENCE_S, until

from jobproof.contract.errors import PluginError
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.judging.limited_calls import PluginKind
from jobproof.contract.model.exchange import Reason, Response, TransportFailure
from jobproof.probes.canaries.missing import MissingCanary
from jobproof.probes.export.jsonl import JsonLines, JsonLinesOptions
from jobproof.probes.plugins.held_interpreter import labels_in, silence_in, turns_of
from jobproof.probes.plugins.interpreter_watch import InterpreterWatch
from jobproof.probes.plugins.plugin_calls import PluginCalls
from jobproof.probes.plugins.sink_thread import SinkThread
from jobproof.probes.result import ProbeResult


class Counts:
    """
    What was counted.
    """

    def __init__(self) -> None:
        self.failures: Counter[tuple[str, str, str]] = Counter()
        self.dropped: Counter[str] = Counter()
        self.unwritten: Counter[str] = Counter()

    def plugin_failed(self, kind: str, name: str, why: str) -> None:
        self.failures[kind, name, why] += 1

    def sink_dropped(self, sink: str, count: int = 1) -> None:
        self.dropped[sink] += count

    def write_failed(self, store: str) -> None:
        self.unwritten[store] += 1


def test_one_that_hangs_is_off_until_it_is_revived(caplog: pytest.LogCaptureFixture) -> None:
    counts, calls = Counts(), []
    plugins = PluginCalls(counts, limit_s=0.05)
    guarded = plugins.guard(PluginKind.CANARY, "slow", object())
    with pytest.raises(PluginError, match=r"canary slow failed: no end within 0\.05 s"):
        guarded.call(lambda: time.sleep(60))
    with pytest.raises(PluginError, match="canary slow is off until a reload: no end within"):
        guarded.call(lambda: calls.append(1))
    assert (calls, dict(counts.failures)) == ([], {("canary", "slow", "hung"): 1})
    plugins.revive()
    guarded.call(lambda: calls.append(1))
    assert calls == [1]
    assert caplog.text.count("canary slow: it hangs: no end within 0.05 s; it is off") == 1


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_one_that_raises_is_counted_each_time_and_named_once(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> None:
        raise error

    counts = Counts()
    guarded = PluginCalls(counts).guard(PluginKind.SOURCE, "mine", object())
    for _ in range(3):
        with pytest.raises(PluginError, match=type(error).__name__):
            guarded.call(fails)
    assert dict(counts.failures) == {("source", "mine", "raised"): 3}
    assert caplog.text.count("source mine: it failed: ") == 1
    assert guarded.call(lambda: 5) == 5


def test_our_own_canaries_take_no_other_thread_and_others_do() -> None:
    plugins = PluginCalls()
    own = plugins.guard(PluginKind.CANARY, "missing", MissingCanary.__new__(MissingCanary))
    other = plugins.guard(PluginKind.CANARY, "mine", object())
    here = threading.current_thread()
    assert own.call(threading.current_thread) is here
    assert other.call(threading.current_thread) is not here
    plugins.calls.close()


def test_what_is_called_is_written_down_as_it_may_be_shown() -> None:
    with InterpreterWatch() as watch:
        numbers = [watch.enter(label) for label in ("sink \x1b[2J\u202e", "canary mine")]
        assert set(labels_in(watch._page[:])) == {r"sink \x1b[2J\u202e", "canary mine"}
        for number in numbers:
            watch.leave(number)
        assert labels_in(watch._page[:]) == []


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ((0, 0), (500, 0), 1.0),  # it runs
        ((100, 100), (100, 100), 1.0),  # it sleeps, and has the interpreter all the same
        ((100, 100), (200, 1_000), 0.1),  # it hardly gets a processor
        ((500, 900), (100, 100), 1.0),  # threads of before have ended
    ],
)
def test_what_waits_for_a_processor_does_not_hold_the_interpreter(
    before: tuple[int, int], after: tuple[int, int], share: float
) -> None:
    assert silence_in(before, after) == pytest.approx(share)


def test_the_turns_of_a_process_are_those_of_its_threads() -> None:
    before = turns_of(os.getpid())
    until(lambda: turns_of(os.getpid())[0] > before[0])
    assert turns_of(2**22 + 1) == (0, 0)


HALF = TransportFailure(
    Reason.TIMEOUT, "no end in 10 s", partial=Response(200, (), b"x" * 40_000, None)
)


class Pipe:
    """
    A sink that nobody drains, until somebody does.
    """

    def __init__(self) -> None:
        self.drained = threading.Event()
        self.begun = threading.Event()
        self.written: list[float] = []
        self.closed = False
        self.error: BaseException | None = None

    def write(self, one: ProbeResult) -> None:
        self.begun.set()
        self.drained.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        self.written.append(one.intended_at)

    def close(self) -> None:
        self.closed = True


@contextmanager
def opened(pipe: Pipe, counts: Counts, now: list[float], **bounds: int) -> Iterator[SinkThread]:
    plugins = PluginCalls(counts, monotonic=lambda: now[0])
    sink = SinkThread("pipe", pipe, plugins, counts, **bounds)  # type: ignore[arg-type]
    try:
        yield sink
    finally:
        pipe.drained.set()
        sink.close(within_s=PATIENCE_S)


def test_what_a_sink_does_not_take_is_dropped_and_counted() -> None:
    pipe, counts = Pipe(), Counts()
    with opened(pipe, counts, [0.0], most_results=3) as sink:
        sink.write(result(at=0.0))
        assert pipe.begun.wait(PATIENCE_S)
        for number in range(1, 6):
            sink.write(result(at=float(number)))
        assert counts.dropped == {"pipe": 2}
    assert pipe.written == [result(at=float(number)).intended_at for number in range(4)]
    assert pipe.closed


def test_a_sink_is_bounded_in_bytes() -> None:
    pipe, counts = Pipe(), Counts()
    with opened(pipe, counts, [0.0], most_bytes=1_500) as sink:
        sink.write(result(at=0.0))
        assert pipe.begun.wait(PATIENCE_S)
        for number in range(1, 4):
            sink.write(result(at=float(number)))
        assert counts.dropped["pipe"] == 2


def test_a_sink_that_hangs_is_named_once_and_goes_on_when_it_can(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    pipe, counts, now = Pipe(), Counts(), [0.0]
    with opened(pipe, counts, now) as sink:
        sink.write(result(at=0.0))
        assert pipe.begun.wait(PATIENCE_S)
        sink.look()
        assert (sink.stuck_s, counts.failures) == (0.0, {})
        now[0] = 8.0
        sink.look()
        sink.look()
        assert (sink.stuck_s, counts.failures) == (8.0, {("sink", "pipe", "hung"): 1})
        pipe.drained.set()
        until(lambda: sink.stuck_s == 0.0)
        until(lambda: "sink pipe works again" in caplog.text)
    assert caplog.text.count("sink pipe: it hangs: no end of a write") == 1


def test_of_two_sinks_of_one_kind_each_is_told_of_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    counts = Counts()
    plugins, pipes = PluginCalls(counts), (Pipe(), Pipe())
    pipes[0].error = ValueError("disk")
    sinks = [SinkThread("pipe", pipe, plugins, counts) for pipe in pipes]  # type: ignore[arg-type]
    for pipe in pipes:
        pipe.drained.set()
    for number in range(5):
        for sink in sinks:
            sink.write(result(at=float(number)))
        until(lambda number=number: len(pipes[1].written) > number)  # type: ignore[misc]
    until(lambda: counts.failures == {("sink", "pipe", "raised"): 5})
    assert caplog.text.count("sink pipe: it failed: ValueError: disk") == 1
    assert "works again" not in caplog.text
    for sink in sinks:
        sink.close(within_s=PATIENCE_S)


@pytest.mark.parametrize("error", [ValueError("disk"), SystemExit(1), KeyboardInterrupt()])
def test_a_sink_that_raises_whatever_goes_on_and_is_named(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    pipe, counts = Pipe(), Counts()
    pipe.error = error
    with opened(pipe, counts, [0.0]) as sink:
        for number in range(3):
            sink.write(result(at=float(number)))
    assert counts.failures == {("sink", "pipe", "raised"): 3}
    assert caplog.text.count(f"sink pipe: it failed: {type(error).__name__}") == 1
    assert pipe.closed


@pytest.mark.parametrize(
    "large",
    [
        result(seen=exchange(body=b"x" * 40_000)),
        # As it came, where it came packed.
        result(seen=replace(exchange(), answer=Response(200, (), b"{}", b"x" * 40_000))),
        result(seen=exchange(headers=(("X-Long", "x" * 40_000),))),
        result(seen=replace(exchange(), answer=HALF)),
        replace(result(), findings=(finding(exchange(body=b"x" * 40_000)),)),
        replace(result(), findings=(finding(exchange(), message="x" * 20_000),)),
    ],
    ids=["body", "packed body", "head", "half an answer", "an earlier answer", "finding"],
)
def test_whatever_waits_for_a_sink_is_bounded_in_bytes(large: ProbeResult) -> None:
    pipe, counts = Pipe(), Counts()
    with opened(pipe, counts, [0.0], most_bytes=150_000) as sink:
        sink.write(result())
        assert pipe.begun.wait(PATIENCE_S)
        for _ in range(10):
            sink.write(large)
        assert counts.dropped["pipe"] == 7


def test_an_earlier_answer_is_masked_once_for_all_that_is_found_of_it() -> None:
    now, earlier = exchange(), exchange(body=TOKEN.encode() * 9)
    found = tuple(finding(earlier, message=f"finding {number}") for number in range(50))
    clean = replace(result(seen=now), findings=found).redacted(Redactor([TOKEN]))
    assert len({id(one.exchange) for one in clean.findings}) == 1
    assert TOKEN not in repr(clean.findings[0].exchange.response)


def test_the_end_does_not_wait_for_a_sink_that_hangs() -> None:
    pipe, counts = Pipe(), Counts()
    sink = SinkThread("pipe", pipe, PluginCalls(counts), counts)  # type: ignore[arg-type]
    for number in range(4):
        sink.write(result(at=float(number)))
    assert pipe.begun.wait(PATIENCE_S)
    sink.close(within_s=0.01)
    assert counts.dropped == {"pipe": 3}
    sink.write(result(at=9.0))
    assert counts.dropped == {"pipe": 4}
    pipe.drained.set()


def test_a_pipe_that_nobody_drains_stops_neither_the_start_nor_the_end(tmp_path: Path) -> None:
    pipe = tmp_path / "out.jsonl"
    os.mkfifo(pipe)
    counts = Counts()
    sink = SinkThread(
        "jsonl",
        JsonLines(JsonLinesOptions(path=str(pipe))),
        PluginCalls(counts),
        counts,
        most_results=50,
    )
    sink.write(result())
    reader = os.open(pipe, os.O_RDONLY)
    until(lambda: sink.stuck_s == 0.0)
    assert os.read(reader, 20).startswith(b'{"format"')
    # More than a pipe holds, and more than may wait.
    for _ in range(2_000):
        sink.write(result())
    assert counts.dropped["jsonl"] > 0
    sink.close(within_s=0.05)
    assert counts.dropped["jsonl"] > 50
    os.close(reader)
