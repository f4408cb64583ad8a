"""
What waits to be judged: nobody waits for another target's, and nothing is lost.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.probes.live import write_config
from tests.tools import PATIENCE_S, until

from jobproof.contract.judging.judge import Judge
from jobproof.contract.model.exchange import (
    Credential,
    Exchange,
    Request,
    Response,
    Subject,
)
from jobproof.contract.plugins import load_checks
from jobproof.probes.config.reader import load_settings
from jobproof.probes.engine.judge_queue import JudgeQueue
from jobproof.probes.engine.judge_thread import JudgeThread
from jobproof.probes.engine.judging import JudgedResult, RawResult
from jobproof.probes.engine.target_labels import labels_of
from jobproof.probes.engine.target_state import TargetState
from jobproof.probes.export.metrics import Metrics
from jobproof.probes.export.prometheus import expose, new_registry
from jobproof.probes.plugins.plugin_calls import PluginCalls

MIB = 1024 * 1024


def test_targets_take_turns_and_each_keeps_its_order() -> None:
    queue: JudgeQueue[str] = JudgeQueue()
    for item in ("a1", "a2", "a3", "b1", "c1", "b2"):
        assert queue.put(item[0], item, 10)
    assert [queue.take() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert queue.is_empty


def test_what_comes_meanwhile_stands_behind_who_waits() -> None:
    queue: JudgeQueue[str] = JudgeQueue()
    queue.put("a", "a1", 10)
    queue.put("a", "a2", 10)
    assert queue.take() == "a1"
    queue.put("b", "b1", 10)
    queue.put("a", "a3", 10)
    assert [queue.take() for _ in range(3)] == ["a2", "b1", "a3"]


def test_cheap_items_do_not_wait_for_expensive_ones_of_another_target() -> None:
    queue: JudgeQueue[str] = JudgeQueue()
    for number in range(9):
        queue.put("dear", f"dear{number}", 1)
        queue.put("cheap", f"cheap{number}", 1)
    order = []
    for _ in range(12):
        item = queue.take()
        assert item is not None
        order.append(item)
        queue.charge(item[:-1], 0.1 if item.startswith("dear") else 0.01)
    # Ten cheap ones take as long as one of the others.
    assert order == ["dear0", *(f"cheap{number}" for number in range(9)), "dear1", "dear2"]
    # Who had nothing to say saves no time up, and owes none that others took.
    queue.put("cheap", "late0", 1)
    queue.put("cheap", "late1", 1)
    assert [queue.take(), queue.take()] == ["late0", "late1"]


def test_a_target_is_bounded_in_bytes_and_costs_no_other() -> None:
    queue: JudgeQueue[str] = JudgeQueue(most_bytes=3 * MIB)
    assert [queue.put("a", "large", MIB) for _ in range(5)] == [True, True, True, False, False]
    assert not queue.is_full("a")
    assert queue.put("a", "small", 0)
    assert queue.put("b", "large", MIB)
    assert queue.put("a", "must", MIB, must=True)
    assert queue.is_full("a")
    assert not queue.is_full("b")
    queue.take()
    queue.take()
    assert not queue.is_full("a")


def test_all_together_are_bounded_and_a_little_is_always_taken() -> None:
    queue: JudgeQueue[str] = JudgeQueue(most_bytes_of_all=4 * MIB)
    assert [queue.put("a", "", 2 * MIB), queue.put("b", "", 2 * MIB)] == [True, True]
    assert not queue.put("a", "", 1)
    assert queue.put("c", "", 1_000)


def test_one_that_is_too_large_by_itself_is_judged_all_the_same() -> None:
    queue: JudgeQueue[str] = JudgeQueue(most_bytes=1_000)
    assert queue.put("a", "large", 5_000)
    assert not queue.put("a", "another", 1)


def test_the_backlog_is_told_by_bytes_and_age() -> None:
    now = [100.0]
    queue: JudgeQueue[str] = JudgeQueue(monotonic=lambda: now[0])
    queue.put("a", "a1", 10)
    now[0] += 7.0
    queue.put("a", "a2", 30)
    queue.put("b", "b1", 5)
    now[0] += 1.0
    backlog = queue.backlog()
    assert {name: (one.size_bytes, one.oldest_s) for name, one in backlog.items()} == {
        "a": (40, 8.0),
        "b": (5, 1.0),
    }
    queue.take()
    queue.take()
    assert {name: one.oldest_s for name, one in queue.backlog().items()} == {"a": 1.0}


def test_the_end_comes_after_what_waits() -> None:
    queue: JudgeQueue[str] = JudgeQueue()
    queue.put("a", "a1", 1)
    queue.end()
    queue.put("a", "late", 1)
    assert [queue.take(), queue.take()] == ["a1", None]
    assert queue.drain() == ["late"]


class Court:
    """
    A judging thread, whose targets are as many as there are names.
    """

    def __init__(
        self, folder: Path, receive: Callable[[JudgedResult], None], *names: str, most: int = MIB
    ) -> None:
        path = write_config(folder, "http://127.0.0.1:9", canaries="      missing: {}\n")
        one = path.read_text(encoding="utf-8").removeprefix("targets:\n")
        path.write_text("targets:\n" + "".join(one.replace("mocked", n) for n in names))
        settings = load_settings(path)
        self.registry = new_registry(process=False)
        checks = load_checks()
        self.metrics = Metrics(
            self.registry, [labels_of(t) for t in settings.targets], [c.id for c in checks]
        )
        self.states = {
            target.name: TargetState(target, Judge(checks), random.Random(1))
            for target in settings.targets
        }
        self.queue: JudgeQueue[object] = JudgeQueue(most_bytes=most)
        self.thread = JudgeThread(
            self.metrics,
            receive,
            PluginCalls(self.metrics),
            self.queue,  # type: ignore[arg-type]
        )

    def put(self, name: str, *, body: bytes = b'{"error": "no such job"}') -> None:
        request = Request("GET", "http://x/jobs/1", (), "1", Subject.MISSING, Credential.OWNER)
        response = Response(404, (("Content-Type", "application/json"),), body, body)
        exchange = Exchange(request, response, 1_790_000_000.0, 0.1)
        state = self.states[name]
        self.thread.put(
            state, RawResult(name, "missing", request, 1_790_000_000.0, 0.0, 0.1, exchange)
        )

    def count(self, name: str, outcome: str) -> float:
        text = expose(self.registry).body.decode()
        start = f'jobproof_probes_total{{target="{name}",canary="missing",outcome="{outcome}"}} '
        return float(next(x for x in text.splitlines() if x.startswith(start)).split()[-1])


def test_nobody_waits_for_the_answers_of_another_target(tmp_path: Path) -> None:
    order: list[str] = []
    court = Court(tmp_path, lambda judged: order.append(judged.result.target), "bad", "fine")
    for _ in range(5):
        court.put("bad")
    court.put("fine")
    court.thread.start()
    court.thread.stop(within_s=PATIENCE_S)
    assert order == ["bad", "fine", "bad", "bad", "bad", "bad"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ValueError])
def test_whatever_a_receiver_raises_the_next_result_is_judged(
    tmp_path: Path, error: type[BaseException]
) -> None:
    seen: list[str] = []

    def receive(judged: JudgedResult) -> None:
        seen.append(judged.result.target)
        raise error

    court = Court(tmp_path, receive, "one")
    court.put("one")
    court.put("one")
    court.thread.start()
    court.thread.stop(within_s=PATIENCE_S)
    assert seen == ["one", "one"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_whatever_judging_raises_the_probe_is_counted_once(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def judging(_raw: RawResult) -> JudgedResult:
        raise error

    court = Court(tmp_path, lambda _judged: None, "one")
    court.states["one"].judging = judging  # type: ignore[assignment]
    for _ in range(3):
        court.put("one")
    court.thread.start()
    court.thread.stop(within_s=PATIENCE_S)
    assert court.count("one", "internal") == 3


def test_what_is_left_at_the_end_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()
    waiting = threading.Event()

    def receive(_judged: JudgedResult) -> None:
        waiting.set()
        go_on.wait(PATIENCE_S)

    court = Court(tmp_path, receive, "one", "two")
    court.thread.start()
    court.put("one")
    assert waiting.wait(PATIENCE_S)
    for name in ("one", "one", "two"):
        court.put(name)
    court.thread.stop(within_s=0.01)
    go_on.set()
    assert (court.count("one", "ok"), court.count("one", "internal")) == (1, 2)
    assert court.count("two", "internal") == 1
    assert "target one: 2 answers are counted, and weren't judged" in caplog.text


def test_an_answer_beyond_the_bound_is_counted_without_its_body(tmp_path: Path) -> None:
    errors: list[str | None] = []
    court = Court(tmp_path, lambda judged: errors.append(judged.result.error), "one", most=300_000)
    for _ in range(3):
        court.put("one", body=b" " * 200_000)
    assert court.thread.backlog()["one"].size_bytes < 300_000
    court.thread.start()
    court.thread.stop(within_s=PATIENCE_S)
    assert sorted(map(str, errors)) == [
        "None",
        *["not judged: as much waits to be judged already as may"] * 2,
    ]
    assert court.count("one", "internal") == 2


def test_the_time_at_one_answer_is_told(tmp_path: Path) -> None:
    go_on, waiting = threading.Event(), threading.Event()

    def receive(_judged: JudgedResult) -> None:
        waiting.set()
        go_on.wait(PATIENCE_S)

    court = Court(tmp_path, receive, "one")
    assert court.thread.stuck_s == 0.0
    court.thread.start()
    court.put("one")
    assert waiting.wait(PATIENCE_S)
    assert court.thread.stuck_s > 0.0
    go_on.set()
    until(lambda: court.thread.stuck_s == 0.0)
    court.thread.stop(within_s=PATIENCE_S)
    assert not court.thread.is_alive


def test_checks_that_had_their_say_are_counted(tmp_path: Path) -> None:
    court = Court(tmp_path, lambda _judged: None, "one")
    court.thread.start()
    court.put("one")
    court.thread.stop(within_s=PATIENCE_S)
    text = expose(court.registry).body.decode()
    lines = [x for x in text.splitlines() if x.startswith("jobproof_checks_judged_total{")]
    counts = {line.split('check="')[1].split('"')[0]: float(line.split()[-1]) for line in lines}
    assert counts["body_matches_schema"] == 1.0
    assert set(counts) == {check.id for check in load_checks()}
    assert 0.0 in counts.values()
