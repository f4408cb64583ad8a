"""
Recent results: what pages show is right, masked, and bounded.
"""

from __future__ import annotations

import threading
import tracemalloc
from dataclasses import replace

import pytest
from tests.probes.results import NOW, exchange, failed, finding, result

from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.model.exchange import Reason
from jobproof.contract.model.finding import Kind
from jobproof.probes.evidence.entry import fingerprint_of
from jobproof.probes.result import ProbeOutcome, ProbeResult
from jobproof.probes.web.recent_results import RecentResults


def test_a_canary_that_was_never_asked_has_no_answer() -> None:
    assert RecentResults().canary("krea", "known") is None


def test_the_latest_result_is_the_last_answer() -> None:
    results = RecentResults()
    results.record(result(at=NOW, job_status="queued"))
    results.record(failed(Reason.TIMEOUT, at=NOW + 30))
    seen = results.canary("krea", "known")
    assert seen is not None
    assert (seen.last.outcome, seen.last.code) == (ProbeOutcome.TIMEOUT, None)
    assert seen.last.detail == "no byte in 10 s"
    assert (seen.probes, seen.successes) == (2, 1)
    assert [point.outcome for point in seen.points] == [ProbeOutcome.OK, ProbeOutcome.TIMEOUT]


def test_an_older_probe_that_ends_later_is_not_the_last_answer() -> None:
    results = RecentResults()
    results.record(result(ProbeOutcome.OK, at=NOW))
    results.record(result(ProbeOutcome.SERVER_ERROR, at=NOW - 5))
    seen = results.canary("krea", "known")
    assert seen is not None
    assert seen.last.outcome is ProbeOutcome.OK
    assert len(seen.points) == 2


def test_a_clock_set_back_does_not_freeze_the_last_answer() -> None:
    results = RecentResults()
    results.record(result(ProbeOutcome.OK, at=NOW))
    results.record(result(ProbeOutcome.SERVER_ERROR, at=NOW - 3_600))
    seen = results.canary("krea", "known")
    assert seen is not None
    assert seen.last.outcome is ProbeOutcome.SERVER_ERROR


def test_a_failure_of_our_own_says_what_failed() -> None:
    results = RecentResults()
    results.record(
        ProbeResult(
            "krea", "known", ProbeOutcome.INTERNAL, NOW, 0.0, 0.0, None, error="ValueError: no"
        )
    )
    seen = results.canary("krea", "known")
    assert seen is not None
    assert seen.last.detail == "ValueError: no"


def test_charts_keep_the_latest_ninety_probes() -> None:
    results = RecentResults()
    for number in range(200):
        results.record(result(at=NOW + number))
    seen = results.canary("krea", "known")
    assert seen is not None
    assert len(seen.points) == 90
    assert seen.points[-1].at == pytest.approx(NOW + 199)
    assert seen.probes == 200


def test_jobs_are_counted_by_their_last_status() -> None:
    results = RecentResults()
    for job_id, status in [("a", "queued"), ("b", "queued"), ("a", "completed")]:
        results.record(result(seen=exchange(job_id=job_id), job_status=status))
    assert results.jobs("krea") == {"queued": 1, "completed": 1}
    assert results.jobs("other") == {}


def test_a_finding_made_again_is_counted_not_repeated() -> None:
    results = RecentResults()
    for number in range(3):
        results.record(
            result(ProbeOutcome.VIOLATION, at=NOW + number, checks=("job_id_is_echoed",))
        )
    (findings,) = results.findings()
    assert (findings.count, findings.last_at - findings.first_at) == (3, pytest.approx(2.0))
    assert findings.source == "openapi.yaml, path parameter `id`"
    assert findings.fingerprint == fingerprint_of("krea", finding(exchange()))


def test_the_latest_finding_comes_first() -> None:
    results = RecentResults()
    for number, check in enumerate(["old", "new", "old"]):
        results.record(result(ProbeOutcome.VIOLATION, at=NOW + number, checks=(check,)))
    assert [findings.check for findings in results.findings()] == ["old", "new"]


def test_violations_outlive_other_findings() -> None:
    results = RecentResults(max_bytes=40_000)
    results.record(result(ProbeOutcome.VIOLATION, at=NOW, checks=("broken",)))
    for number in range(100):
        results.record(result(at=NOW + 1 + number, checks=(f"new_{number}",), kind=Kind.DRIFT))
    names = {findings.check for findings in results.findings()}
    assert "broken" in names
    assert len(names) < 20


def test_a_secret_is_masked_before_a_text_is_cut() -> None:
    results = RecentResults(redactor=Redactor(["s3cret-token"]))
    seen = exchange(job_id="s3cret-token")
    long = "x" * 395 + "s3cret-token"
    broken = replace(finding(seen, message=long), expected="s3cret-token", found={"s3cret-token"})
    answer = result(ProbeOutcome.VIOLATION, seen=seen, job_status="s3cret-token")
    results.record(replace(answer, findings=(broken,)))
    shown = repr((results.findings(), results.canary("krea", "known"), results.jobs("krea")))
    assert "s3cre" not in shown
    assert "***" in shown


def test_foreign_text_turns_no_page_around() -> None:
    results = RecentResults()
    evil = "\u202egnp.exe\x1b[31m"
    broken = replace(finding(exchange(), message=evil), found=evil)
    results.record(replace(result(ProbeOutcome.VIOLATION), findings=(broken,)))
    (shown,) = results.findings()
    assert shown.found == shown.message == "\\u202egnp.exe\\x1b[31m"


def test_a_removed_target_leaves_nothing_behind() -> None:
    results = RecentResults()
    results.record(result(ProbeOutcome.VIOLATION, target="gone", checks=("a_check",)))
    results.record(result(target="krea"))
    results.forget_other_targets(["krea"])
    assert results.canary("gone", "known") is None
    assert results.jobs("gone") == {}
    assert results.findings() == ()
    assert results.canary("krea", "known") is not None


def test_memory_stays_near_its_bound_whatever_comes() -> None:
    results = RecentResults(max_bytes=200_000)
    tracemalloc.start()
    try:
        for number in range(3_000):
            seen = exchange(job_id=f"job-{number}-{'x' * 200}")
            results.record(
                result(
                    ProbeOutcome.VIOLATION,
                    seen=seen,
                    target=f"t{number}",
                    checks=(f"check_{number}",),
                    job_status=f"status-{number}",
                )
            )
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 500_000


def test_threads_may_record_and_read_at_once() -> None:
    results = RecentResults()

    def work() -> None:
        for number in range(200):
            results.record(result(ProbeOutcome.VIOLATION, at=NOW + number, checks=("a_check",)))
            results.findings()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (findings,) = results.findings()
    assert findings.count == 800
