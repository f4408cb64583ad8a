"""
The daemon against the mocked endpoint: what the mock did is what the metrics say.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.probes.live import made, running, sample, write_config
from tests.tools import PATIENCE_S, until

from jobproof.contract.mock import MockServer
from jobproof.contract.model.exchange import Credential, Subject
from jobproof.contract.model.finding import Kind
from jobproof.probes.config.reader import load_settings
from jobproof.probes.following.watch_list import WatchList
from jobproof.probes.result import MissReason, ProbeOutcome

_INTERVAL_S = 0.1


def ended_job(server: MockServer) -> str:
    return next(job.id for job in server.jobs if job.life.startswith("old"))


def every_canary(server: MockServer) -> str:
    foreign = server.foreign_jobs[0].id
    return (
        f"      known: {{ids: [{ended_job(server)}]}}\n"
        "      missing: {}\n"
        "      malformed: {}\n"
        "      anonymous: {}\n"
        f"      foreign: {{ids: [{foreign}]}}\n"
    )


def test_a_right_endpoint_gives_nothing_but_successes(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock, canaries=every_canary(mock))
    with running(config) as (daemon, heard):
        until(lambda: all(len(heard.of(name)) >= 8 for name in ("known", "foreign", "anonymous")))
        assert {result.outcome for result in heard.results} == {ProbeOutcome.OK}
        found = [finding for result in heard.results for finding in result.findings]
        assert {finding.kind for finding in found} <= {Kind.GAP}
        assert sample(daemon, "jobproof_slots_missed_total") == 0.0
    assert heard.subjects("anonymous") == {Subject.KNOWN, Subject.MISSING}
    assert heard.subjects("foreign") == {Subject.FOREIGN}


def test_metrics_count_what_the_mock_answered(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock, canaries=every_canary(mock))
    with running(config) as (daemon, heard):
        until(lambda: len(heard.results) >= 40)
    asked = len(mock.log)
    assert sample(daemon, "jobproof_probes_total") == asked
    assert sample(daemon, "jobproof_probe_duration_seconds_count") == asked
    for code in (200, 401, 404):
        answered = sum(one.code == code for one in mock.log)
        assert sample(daemon, "jobproof_http_responses_total", code=str(code)) == answered


def test_a_wave_of_false_404_is_told_from_the_right_ones(mock: MockServer, tmp_path: Path) -> None:
    with running(write_config(tmp_path, mock)) as (daemon, heard):
        until(lambda: len(heard.results) >= 6)
        assert sample(daemon, "jobproof_not_found_total", expected="false") == 0.0
        mock.set_faults("never_found")
        until(lambda: sum(r.outcome is ProbeOutcome.NOT_FOUND for r in heard.of("known")) >= 5)
    right = sample(daemon, "jobproof_not_found_total", expected="true")
    wrong = sample(daemon, "jobproof_not_found_total", expected="false")
    assert right == len(heard.of("missing"))
    assert wrong == sum(result.outcome is ProbeOutcome.NOT_FOUND for result in heard.of("known"))


def test_a_broken_promise_is_a_violation_and_names_the_check(
    mock: MockServer, tmp_path: Path
) -> None:
    mock.set_faults("status_unheard_of")
    with running(write_config(tmp_path, mock)) as (daemon, heard):
        until(lambda: len(heard.of("known")) >= 3)
    assert {result.outcome for result in heard.of("known")} == {ProbeOutcome.VIOLATION}
    name = "jobproof_contract_findings_total"
    found = sample(daemon, name, check="status_is_documented", kind="violation")
    assert found == len(heard.of("known"))
    seen = sample(daemon, "jobproof_job_status_observations_total", job_status="unknown")
    assert seen == len(heard.of("known"))


def test_a_job_that_is_shown_to_anybody_is_a_violation(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(
        tmp_path, mock, canaries=f"      anonymous: {{ids: [{ended_job(mock)}]}}\n"
    )
    mock.set_faults("token_not_needed")
    with running(config) as (_daemon, heard):
        until(lambda: any(result.outcome is ProbeOutcome.VIOLATION for result in heard.results))
    shown = next(r for r in heard.results if r.outcome is ProbeOutcome.VIOLATION)
    assert shown.exchange is not None
    assert shown.exchange.request.credential in (Credential.NONE, Credential.INVALID)
    assert shown.exchange.request.header("authorization") != f"Bearer {mock.token}"


def test_followed_jobs_are_asked_for_until_they_end(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(
        tmp_path,
        mock,
        canaries="      missing: {interval: 10s}\n",
        more=f"    follow: [{{source: static, ids: [{ended_job(mock)}]}}, {{source: pushed}}]\n",
    )
    watchlist = WatchList(None)
    with running(config, watchlist=watchlist) as (daemon, heard):
        until(lambda: len(heard.of("followed")) >= 1)
        assert daemon.follow("mocked", mock.jobs[0].id)
        assert not daemon.follow("mocked", mock.jobs[0].id)
        until(lambda: len(heard.of("followed")) >= 2)
        assert sample(daemon, "jobproof_probes_total", canary="followed", outcome="ok") >= 2


def test_reload_swaps_targets_and_touches_no_other(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    with running(config) as (daemon, heard):
        until(lambda: len(heard.results) >= 4)
        before = daemon.prober.state("mocked")
        text = config.read_text(encoding="utf-8")
        other = text.split("targets:\n")[1].replace("name: mocked", "name: second")
        config.write_text(text + other, encoding="utf-8")
        report = daemon.reload()
        assert (report.taken, report.added, report.unchanged) == (True, ("second",), 1)
        assert daemon.prober.state("mocked") is before
        until(lambda: any(result.target == "second" for result in heard.results))
        config.write_text(text, encoding="utf-8")
        assert daemon.reload().removed == ("second",)
        assert daemon.prober.state("mocked") is before
        assert sample(daemon, "jobproof_probes_total", target="second") == 0.0


def test_a_broken_file_changes_nothing(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    with running(config) as (daemon, heard):
        good = config.read_text(encoding="utf-8")
        config.write_text(good.replace("interval", "intervall"), encoding="utf-8")
        report = daemon.reload()
        assert report.error is not None
        assert "Did you mean 'interval'?" in report.error
        assert sample(daemon, "jobproof_config_last_reload_successful") == 0.0
        count = len(heard.results)
        until(lambda: len(heard.results) > count + 4)
        config.write_text(good, encoding="utf-8")
        assert daemon.reload().taken
        assert sample(daemon, "jobproof_config_last_reload_successful") == 1.0


def test_a_thousand_reloads_leave_no_slot_unaccounted(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    good = config.read_text(encoding="utf-8")
    with running(config) as (daemon, heard):
        assert daemon.follow("mocked", ended_job(mock)) in (True, False)
        for turn in range(500):
            config.write_text(good + f"# {turn}\n", encoding="utf-8")
            assert daemon.reload().taken
            config.write_text(good + "nonsense: 1\n", encoding="utf-8")
            assert not daemon.reload().taken
        until(lambda: len(heard.results) >= 20)
        assert daemon.stop(within_s=PATIENCE_S)
        asked = sorted(result.intended_at for result in heard.of("missing"))
        slots = round((asked[-1] - asked[0]) / _INTERVAL_S) + 1
        missed = sample(daemon, "jobproof_slots_missed_total")
        assert len(asked) <= slots <= len(asked) + missed
        # A machine that is too busy may cost a slot, and the end does; reloads don't.
        assert missed == sum(
            sample(daemon, "jobproof_slots_missed_total", reason=reason)
            for reason in (MissReason.LATE, MissReason.SHUTDOWN)
        )


def test_stopping_lets_what_is_under_way_end(mock: MockServer, tmp_path: Path) -> None:
    config = write_config(tmp_path, mock)
    with running(config) as (daemon, heard):
        until(lambda: len(heard.results) >= 2)
        assert daemon.stop(within_s=PATIENCE_S)
        assert daemon.prober.in_flight == 0
        asked, judged = len(mock.log), len(heard.results)
        assert judged == asked


@pytest.mark.parametrize("how", ["throttled_without_hint", "throttles_politely"])
def test_429_holds_the_whole_key_back(mock: MockServer, tmp_path: Path, how: str) -> None:
    if how == "throttles_politely":
        mock.set_variants(how)
    else:
        mock.set_faults(how)
    with running(write_config(tmp_path, mock)) as (daemon, heard):
        until(lambda: any(r.outcome is ProbeOutcome.RATE_LIMITED for r in heard.results))
        until(lambda: sample(daemon, "jobproof_backoff_until_timestamp_seconds") > 0)
        until(lambda: daemon.prober.in_flight == 0)
        refused = len(mock.log)
        rests_until = sample(daemon, "jobproof_backoff_until_timestamp_seconds")
        rested = sample(daemon, "jobproof_slots_missed_total", reason="throttled")
        until(
            lambda: sample(daemon, "jobproof_slots_missed_total", reason="throttled") >= rested + 4
        )
        # A busy machine may look only after the rest.
        assert not [one for one in mock.log[refused:] if one.at < rests_until]


def test_a_plug_in_canary_that_crashes_is_counted_as_internal(
    mock: MockServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from jobproof.probes.canaries.missing import MissingCanary

    class CrashingCanary(MissingCanary):
        def ask(self) -> None:  # type: ignore[override]
            raise RuntimeError("no idea what to ask")

    settings = load_settings(write_config(tmp_path, mock))
    assert settings.targets[0].canaries[1].make is MissingCanary
    monkeypatch.setattr(MissingCanary, "next_request", CrashingCanary.ask)
    with running(write_config(tmp_path, mock)) as (_daemon, heard):
        until(lambda: len(heard.of("missing")) >= 5)
        # Several a second, and one line a minute.
        said = [record.message for record in caplog.records if "outcome internal" in record.message]
        assert said[0].startswith("target mocked: missing: our own mistake, outcome internal: ")
        assert "no idea what to ask" in said[0]
        assert len(said) < len(heard.of("missing")) / 2
        assert {result.outcome for result in heard.of("missing")} == {ProbeOutcome.INTERNAL}
        assert "no idea what to ask" in str(heard.of("missing")[0].error)
        until(lambda: len(heard.of("known")) >= 2)
        assert {result.outcome for result in heard.of("known")} == {ProbeOutcome.OK}


def test_a_daemon_is_well_once_all_of_it_runs(mock: MockServer, tmp_path: Path) -> None:
    daemon = made(write_config(tmp_path, mock))
    try:
        assert daemon.failures() == ("it has not started yet",)
        daemon.prober.start()
        assert daemon.failures() == ("it has not started yet",)
    finally:
        daemon.stop(within_s=PATIENCE_S)
    with running(write_config(tmp_path, mock)) as (well, _):
        assert well.failures() == ()
        well.following.stop()
        assert well.failures() == ("following has ended",)
    # It ended as it was told to.
    assert well.failures() == ()


def test_a_sink_that_can_t_write_is_counted(
    mock: MockServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Every write to it fails as on a disk without room.
    config = write_config(tmp_path, mock)
    good = config.read_text(encoding="utf-8")
    config.write_text(good + "sinks: [{sink: jsonl, path: /dev/full}]\n", encoding="utf-8")
    with running(config) as (daemon, heard):
        name = "jobproof_store_write_errors_total"
        until(lambda: sample(daemon, name, store="sinks") >= 5)
        assert sample(daemon, name, store="evidence") == 0
        assert len(heard.results) >= 5
    said = [record for record in caplog.records if "No space left" in record.message]
    assert [bool(record.exc_info) for record in said] == [False]


def test_no_thread_outlives_the_daemon(mock: MockServer, tmp_path: Path) -> None:
    with running(write_config(tmp_path, mock)) as (_daemon, heard):
        until(lambda: len(heard.results) >= 4)
    ours = ("schedule", "judge", "follow", "probe-")

    def left() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name.startswith(ours)]

    until(lambda: not left())
    assert left() == []
