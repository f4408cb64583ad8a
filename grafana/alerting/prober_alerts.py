"""
Alerts about the prober itself: it is gone, late, behind, or one of its parts has failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobproof.grafana.alerting.alert import RECENT, Alert, increase_or_birth, renamed
from jobproof.grafana.promql import RULES, sum_by
from jobproof.grafana.settings import DashboardSettings

__all__ = ["prober_alerts"]

_MOST_WAITING_BYTES = 8 * 1024 * 1024
"""Half of what may wait of one target before its slots are missed."""


def prober_alerts(settings: DashboardSettings) -> Iterator[Alert]:
    """
    Those about the prober itself.
    """
    yield from _unreachable(settings.scrape_job)
    yield from _degraded()
    yield from _behind(settings.scrape_job)
    yield from _parts()
    # Everything else falls silent with a broken pipeline; this one is missed when it stops.
    yield Alert(
        "JobproofWatchdog",
        "prober",
        "vector(1)",
        "none",
        "0s",
        "Alerting works.",
        "This alert always fires. Let a dead man's switch outside of this Prometheus notice "
        "when it stops.",
        "overview",
        about_a_target=False,
    )


def _unreachable(job: str) -> Iterator[Alert]:
    yield Alert(
        "JobproofProberDown",
        "prober",
        f'up{{job="{job}"}} == 0',
        "critical",
        "3m",
        "A prober can't be scraped.",
        "Prometheus can't reach {{ $labels.instance }}: nothing is being watched from there.",
        "prober",
        about_a_target=False,
    )
    yield Alert(
        "JobproofProberAbsent",
        "prober",
        f'absent(up{{job="{job}"}})',
        "critical",
        "3m",
        "No prober is known to Prometheus.",
        f"No scrape target has the job {job!r}: the scrape configuration or the service "
        "discovery lost the prober, and no other alert here can fire.",
        "prober",
        about_a_target=False,
    )


def _degraded() -> Iterator[Alert]:
    internal = RULES.increase("probes_total", RECENT, outcome="internal")
    failed = RULES.increase("plugin_failures_total", "1d", kind="canary")
    # Those of a canary that has failed are JobproofPluginFailing's.
    canaries = renamed(f"{failed} > 0", "name", "canary")
    ours = f"{internal}\nunless on (job, instance, canary)\n{canaries}"
    yield Alert(
        "JobproofProberFailing",
        "prober",
        f"{sum_by('target', ours)} > 0",
        "warning",
        "0s",
        "Probes fail by the prober's own fault.",
        '{{ $value | printf "%.0f" }} probes of {{ $labels.target }} ended with an internal error '
        "in 15 minutes; they count for no objective. The prober's log says why.",
        "prober",
    )
    lag = RULES.rate("schedule_lag_seconds", "10m", part="_bucket")
    yield Alert(
        "JobproofScheduleLagging",
        "prober",
        f"histogram_quantile(0.99, sum by (job, instance, le) ({lag})) > 1",
        "warning",
        "10m",
        "The prober starts its probes late.",
        "One probe in a hundred on {{ $labels.instance }} starts more than "
        "{{ $value | humanizeDuration }} late: the machine is overloaded, and latencies include "
        "the wait.",
        "prober",
        about_a_target=False,
    )
    yield Alert(
        "JobproofConfigReloadFailed",
        "prober",
        f"{RULES.select('config_last_reload_successful')} == 0",
        "warning",
        "5m",
        "The prober refused its configuration.",
        "The last reload on {{ $labels.instance }} changed nothing because the file is wrong; "
        "the old configuration stays in force until it is restarted.",
        "prober",
        about_a_target=False,
    )


def _behind(job: str) -> Iterator[Alert]:
    yield Alert(
        "JobproofProberRestarting",
        "prober",
        f'changes(process_start_time_seconds{{job="{job}"}}[1h]) > 2',
        "warning",
        "0s",
        "A prober starts again and again.",
        '{{ $labels.instance }} was started anew {{ $value | printf "%.0f" }} times within an '
        "hour: each time probes are missed. Exit code 4 is its watchdog's, and the log names the "
        "plug-in.",
        "prober",
        about_a_target=False,
    )
    oldest = f"max by (target) ({RULES.select('judge_oldest_seconds')}) > 60"
    waiting = f"max by (target) ({RULES.select('judge_backlog_bytes')}) > {_MOST_WAITING_BYTES}"
    yield Alert(
        "JobproofJudgingBehind",
        "prober",
        f"{oldest}\nor\n{waiting}",
        "warning",
        "5m",
        "Answers wait to be judged.",
        "Answers of {{ $labels.target }} wait to be judged: for more than a minute, or more than "
        "8 MiB of them. Figures are late, and slots will be missed.",
        "prober",
    )
    lateness = RULES.rate("followed_poll_lateness_seconds", "10m", part="_bucket")
    yield Alert(
        "JobproofFollowedPollsLate",
        "prober",
        f"histogram_quantile(0.99, {sum_by('target, le', lateness)}) > 30",
        "warning",
        "15m",
        "Followed jobs are asked for late.",
        "One poll in a hundred of followed jobs of {{ $labels.target }} is more than "
        "{{ $value | humanizeDuration }} late: moves between statuses are missed, and times of "
        "jobs are less exact.",
        "prober",
    )


def _parts() -> Iterator[Alert]:
    # A check that fails is JobproofCheckCrashing's, a sink JobproofSinkLosing's.
    failed = increase_or_birth("plugin_failures_total", "kind, name", kind="=~canary|source")
    # One that hangs fails once, and is off from then on.
    chosen = {"kind": "=~canary|source", "why": "hung"}
    off = increase_or_birth("plugin_failures_total", "kind, name", "1d", **chosen)
    yield Alert(
        "JobproofPluginFailing",
        "prober",
        f"{failed}\nor\n{off}",
        "warning",
        "0s",
        "A canary or a source of jobs fails by itself.",
        "The {{ $labels.kind }} {{ $labels.name }} raised an error or hung: what it asks, or the "
        "jobs that it finds, aren't watched. One that hangs is off until a reload.",
        "prober",
        about_a_target=False,
    )
    dropped = increase_or_birth("sink_dropped_total", "sink")
    broken = increase_or_birth("plugin_failures_total", "name", "1h", kind="sink")
    yield Alert(
        "JobproofSinkLosing",
        "prober",
        f"{dropped}\nor\n{sum_by('sink', renamed(broken, 'name', 'sink'))}",
        "warning",
        "0s",
        "A sink loses results.",
        "The sink {{ $labels.sink }} hangs, fails, or takes results more slowly than they come: "
        "some are missing in what it writes. Metrics have them all.",
        "prober",
        about_a_target=False,
    )
    # What a sink can't write is the alert before.
    unwritten = increase_or_birth("store_write_errors_total", "store", store="!=sinks")
    yield Alert(
        "JobproofStoreUnwritable",
        "prober",
        unwritten,
        "warning",
        "0s",
        "The prober can't write to its disk.",
        "Something couldn't be written to the store {{ $labels.store }} within the last 15 "
        "minutes: evidence is missing, or followed jobs won't survive a restart.",
        "prober",
        about_a_target=False,
    )
