"""
503 and 429 that say when to come back, on real sockets: what every series says of the slots that
were asked, and of those that weren't.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.probes.live import Heard, running, sample, write_config
from tests.servers import QuietHandler, http_server
from tests.tools import PATIENCE_S, until

from jobproof.contract.model.exchange import Exchange, Request
from jobproof.probes.daemon import Daemon
from jobproof.probes.result import ProbeOutcome
from jobproof.probes.web.recent_results import RecentResults

KNOWN = "5f0c3f5e-8a53-4c0e-9b0e-2f6a1c7d9e11"


@dataclass
class Answers:
    """
    What a server says, as long as it says nothing else.

    Attributes:
        code: Of answers for the known job; others are 404 all the time.
        hangs: It says nothing at all.
    """

    code: int = 404
    retry_after: str | None = None
    hangs: bool = False
    seen: Counter[str] = field(default_factory=Counter)
    url: str = ""


@contextmanager
def server() -> Iterator[Answers]:
    answers, ended = Answers(), threading.Event()

    class AnnouncingHandler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if answers.hangs:
                ended.wait(PATIENCE_S)
                return
            known = KNOWN in self.path
            code = answers.code if known else 404
            answers.seen[f"{'known' if known else 'other'} {code}"] += 1
            body = b'{"error": "Job not found"}'
            self.send_response(code)
            if code != 404 and answers.retry_after is not None:
                self.send_header("Retry-After", answers.retry_after)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http_server(AnnouncingHandler) as url:
        answers.url = url
        try:
            yield answers
        finally:
            ended.set()


@contextmanager
def watched(folder: Path, answers: Answers) -> Iterator[tuple[Daemon, Heard]]:
    canaries = f"      known: {{ids: [{KNOWN}]}}\n      missing: {{}}\n"
    with running(write_config(folder, answers.url, canaries=canaries)) as both:
        yield both


def missed(daemon: Daemon, reason: str) -> float:
    return sample(daemon, "jobproof_slots_missed_total", reason=reason)


def test_slots_of_an_announced_outage_fail_in_the_count_of_probes_and_nowhere_else(
    tmp_path: Path,
) -> None:
    with server() as answers:
        answers.code, answers.retry_after = 503, "3600"
        with watched(tmp_path, answers) as (daemon, heard):
            until(lambda: missed(daemon, "backoff") >= 10)
            # The other canary's questions are answered, so none of its slots fails.
            until(lambda: answers.seen["other 404"] >= 10)
            held_until = sample(daemon, "jobproof_backoff_until_timestamp_seconds")
            assert held_until > time.time()
            assert daemon.stop(within_s=PATIENCE_S)
            sent, unasked = answers.seen["known 503"], missed(daemon, "backoff")
            known = {"target": "mocked", "canary": "known"}
            failed = sample(daemon, "jobproof_probes_total", outcome="server_error", **known)
            assert failed == sent + unasked
            assert heard.unasked == {"known": unasked}
            for seen in ("jobproof_http_responses_total", "jobproof_probe_duration_seconds_count"):
                assert sample(daemon, seen, **known) == sent
            assert sample(daemon, "jobproof_probe_success", **known) == 0.0
            missing = {"target": "mocked", "canary": "missing"}
            assert sample(daemon, "jobproof_probes_total", outcome="server_error", **missing) == 0.0
            assert sample(daemon, "jobproof_slots_missed_total", reason="throttled") == 0.0


def test_an_end_that_comes_early_is_seen_and_nothing_is_held_back_any_more(tmp_path: Path) -> None:
    with server() as answers:
        answers.code, answers.retry_after = 503, "Fri, 31 Dec 9999 23:59:59 GMT"
        with watched(tmp_path, answers) as (daemon, heard):
            until(lambda: missed(daemon, "backoff") >= 5)
            answers.code = 404
            until(lambda: heard.results[-1].outcome is ProbeOutcome.NOT_FOUND)
            until(lambda: sample(daemon, "jobproof_backoff_until_timestamp_seconds") == 0.0)
            before, asked = missed(daemon, "backoff"), answers.seen["known 404"]
            until(lambda: answers.seen["known 404"] >= asked + 10)
            assert missed(daemon, "backoff") == before


def test_whoever_asks_for_a_probe_now_is_answered_in_an_outage_too(tmp_path: Path) -> None:
    with server() as answers:
        answers.code, answers.retry_after = 503, "3600"
        with watched(tmp_path, answers) as (daemon, _):
            until(lambda: missed(daemon, "backoff") >= 2)
            for _ in range(3):
                judged = daemon.prober.probe_now("mocked", "known", timeout_s=PATIENCE_S)
                assert judged is not None
                assert judged.result.outcome is ProbeOutcome.SERVER_ERROR


def test_a_page_of_jobs_waits_as_it_is_told_to_and_no_canary_with_it(tmp_path: Path) -> None:
    with server() as answers, watched(tmp_path, answers) as (daemon, _):
        answers.code, answers.retry_after = 503, "3600"
        url = f"{answers.url}/jobs/{KNOWN}"
        got: queue.SimpleQueue[Exchange | None] = queue.SimpleQueue()
        daemon.prober.send_beside("mocked", Request("GET", url), got.put)
        first = got.get(timeout=PATIENCE_S)
        assert first is not None

        def is_refused() -> bool:
            daemon.prober.send_beside("mocked", Request("GET", url), got.put)
            return got.get(timeout=PATIENCE_S) is None

        # The schedule learns of an answer when it wakes up next.
        until(is_refused)
        asked = answers.seen["other 404"]
        until(lambda: answers.seen["other 404"] > asked + 3)


def test_a_target_that_leads_elsewhere_has_no_outage_from_before(tmp_path: Path) -> None:
    with server() as answers, server() as silent:
        answers.code, answers.retry_after, silent.hangs = 503, "3600", True
        with watched(tmp_path, answers) as (daemon, heard):
            until(lambda: missed(daemon, "backoff") >= 3)
            config = tmp_path / "jobproof.yaml"
            moved = config.read_text(encoding="utf-8").replace(answers.url, silent.url)
            config.write_text(moved, encoding="utf-8")
            assert daemon.reload().taken
            before = missed(daemon, "backoff")
            until(lambda: any(one.outcome is ProbeOutcome.TIMEOUT for one in heard.results))
            assert missed(daemon, "backoff") == before


def test_slots_after_a_429_are_in_no_count_of_probes(tmp_path: Path) -> None:
    with server() as answers:
        answers.code, answers.retry_after = 429, "1"
        with watched(tmp_path, answers) as (daemon, _):
            until(lambda: missed(daemon, "throttled") >= 20)
            assert daemon.stop(within_s=PATIENCE_S)
            known = {"target": "mocked", "canary": "known"}
            sent = answers.seen["known 429"]
            assert sample(daemon, "jobproof_probes_total", **known) == sent
            limited = sample(daemon, "jobproof_probes_total", outcome="rate_limited", **known)
            assert limited == sent
            assert missed(daemon, "backoff") == 0.0


def test_the_page_counts_slots_that_failed_unasked_among_the_probes(tmp_path: Path) -> None:
    with server() as answers, watched(tmp_path, answers) as (_, heard):
        until(lambda: len(heard.of("missing")) >= 1)
        result = heard.of("missing")[0]
    results = RecentResults()
    results.count_failed("mocked", "missing", 5)
    assert results.canary("mocked", "missing") is None
    results.record(result)
    results.count_failed("mocked", "missing", 3)
    view = results.canary("mocked", "missing")
    assert view is not None
    assert (view.probes, view.successes, len(view.points)) == (4, 1, 1)


def test_each_connection_that_is_dialled_is_counted_by_what_came_of_it(tmp_path: Path) -> None:
    with server() as answers, watched(tmp_path, answers) as (daemon, heard):
        until(lambda: len(heard.results) >= 6)
        assert daemon.stop(within_s=PATIENCE_S)
        fresh = [one for one in heard.results if one.exchange and not one.exchange.reused]
        dials = {
            outcome: sample(daemon, "jobproof_dials_total", outcome=outcome)
            for outcome in ("ok", "dns", "connect", "tls", "timeout")
        }
        assert 0 < len(fresh) < len(heard.results)
        assert dials == {"ok": len(fresh), "dns": 0, "connect": 0, "tls": 0, "timeout": 0}
        interval = sample(daemon, "jobproof_target_interval_seconds", canary="missing")
        assert interval == 0.1
