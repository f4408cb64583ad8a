"""
Is the prober itself sound? Rows of its dashboard: judging, plug-ins, files, the process.
"""

from __future__ import annotations

from jobproof.grafana.boards.dashboard import PanelRow, Row
from jobproof.grafana.boards.panels import Panel, Query, threshold_steps, timeseries
from jobproof.grafana.promql import BOARD, sum_by

__all__ = ["inside_rows"]

# Written out: the process metrics aren't in the daemon's table of metrics.
JOB_AND_INSTANCE = '{job=~"$job",instance=~"$instance"}'
MEBIBYTE = 1024 * 1024


def inside_rows() -> tuple[Row, ...]:
    """
    What goes on inside of the prober.
    """
    return (
        Row(
            "Judging and following",
            (
                PanelRow(7, (_backlog(), _oldest(), _checks_at_work())),
                PanelRow(7, (_left_out(), _lateness())),
            ),
        ),
        Row(
            "Plug-ins, sinks and files",
            (PanelRow(7, (_plugin_failures(), _sink_dropped(), _write_errors())),),
        ),
        Row(
            "Process",
            (PanelRow(7, (_cpu(), _memory(), _open_files(), _uptime())),),
            collapsed=True,
        ),
    )


def _backlog() -> Panel:
    return timeseries(
        "Answers waiting to be judged",
        "Does judging keep up? From 16 MiB on slots of that target are missed (overlap); other "
        "targets aren't held up.",
        Query(f"max by (target) ({BOARD.select('judge_backlog_bytes')})", "{{target}}"),
        unit="bytes",
        width=8,
        thresholds=threshold_steps("transparent", (8 * MEBIBYTE, "orange"), (16 * MEBIBYTE, "red")),
        limits=(0, None),
        no_value="no targets",
    )


def _oldest() -> Panel:
    return timeseries(
        "Oldest answer that waits",
        "How late are these figures? Above 30 s the prober isn't ready; at one answer for two "
        "minutes it isn't healthy, and has to be started anew.",
        Query(f"max by (target) ({BOARD.select('judge_oldest_seconds')})", "{{target}}"),
        unit="s",
        width=8,
        thresholds=threshold_steps("transparent", (30, "orange"), (60, "red")),
        limits=(0, None),
        no_value="no targets",
    )


def _checks_at_work() -> Panel:
    return timeseries(
        "Checks that judged, last hour",
        "How many checks had their say about an answer? A step down is a check that crashes or "
        "is off, a canary less, or an endpoint that answers nothing.",
        Query(BOARD.recorded("target:jobproof_checks_at_work:count1h"), "{{target}}"),
        unit="none",
        width=8,
        limits=(0, None),
        no_value="no rules loaded",
    )


def _left_out() -> Panel:
    return timeseries(
        "Findings left out",
        "Does an answer break so many promises that not all are kept? The last that is kept says "
        "how many there were; look at the answer itself.",
        Query(sum_by("target", BOARD.increase("findings_dropped_total")), "{{target}}"),
        unit="none",
        width=12,
        limits=(0, None),
        no_value="no targets",
    )


def _plugin_failures() -> Panel:
    return timeseries(
        "Plug-ins that failed",
        "Which check, canary, source or sink raised an error or hung? The log says how, and which "
        "package brings it; one that hangs is off until a reload.",
        Query(
            sum_by("kind, name", BOARD.increase("plugin_failures_total")),
            "{{kind}} {{name}}",
        ),
        unit="none",
        width=8,
        limits=(0, None),
        no_value="no plug-ins",
    )


def _sink_dropped() -> Panel:
    return timeseries(
        "Results that sinks dropped",
        "Does a sink take results as fast as they come? What it drops is in the metrics alone.",
        Query(sum_by("sink", BOARD.increase("sink_dropped_total")), "{{sink}}"),
        unit="none",
        width=8,
        limits=(0, None),
        no_value="no sinks",
    )


def _lateness() -> Panel:
    buckets = BOARD.rate("followed_poll_lateness_seconds", part="_bucket")
    return timeseries(
        "Lateness of followed jobs, p95",
        "Are followed jobs asked for when they are due? They wait while the key's budget is "
        "spent, or while known jobs fail too: raise the budget, or follow fewer.",
        Query(f"histogram_quantile(0.95, {sum_by('target, le', buckets)})", "{{target}}"),
        unit="s",
        width=12,
        limits=(0, None),
        no_value="nothing followed",
    )


def _write_errors() -> Panel:
    return timeseries(
        "What couldn't be written down",
        "Is a disk full, or a sink's file gone? What these lose is in the metrics alone: make "
        "room, and look into the log for the reason.",
        Query(
            sum_by("instance, store", BOARD.increase("store_write_errors_total")),
            "{{store}} of {{instance}}",
        ),
        unit="none",
        width=8,
        limits=(0, None),
        no_value="no prober",
    )


def _cpu() -> Panel:
    return timeseries(
        "CPU",
        "How much of a core does the prober use? Python has one to give: near 1, lag grows.",
        Query(
            f"rate(process_cpu_seconds_total{JOB_AND_INSTANCE}[$__rate_interval])", "{{instance}}"
        ),
        unit="percentunit",
        width=6,
        limits=(0, 1),
        no_value="not exported",
    )


def _memory() -> Panel:
    return timeseries(
        "Memory",
        "Does the prober leak? A line that only climbs for days is one.",
        Query(f"process_resident_memory_bytes{JOB_AND_INSTANCE}", "{{instance}}"),
        unit="bytes",
        width=6,
        limits=(0, None),
        no_value="not exported",
    )


def _open_files() -> Panel:
    return timeseries(
        "Open files",
        "Is the prober running out of sockets? At 100 % no probe can connect.",
        Query(
            f"process_open_fds{JOB_AND_INSTANCE}\n/\nprocess_max_fds{JOB_AND_INSTANCE}",
            "{{instance}}",
        ),
        unit="percentunit",
        width=6,
        limits=(0, 1),
        no_value="not exported",
    )


def _uptime() -> Panel:
    return timeseries(
        "Time since the start",
        "Does the prober run through? Teeth are restarts: a deployment, or the watchdog, which "
        "ends it with exit code 4 where a plug-in holds the interpreter.",
        Query(f"time() - process_start_time_seconds{JOB_AND_INSTANCE}", "{{instance}}"),
        unit="s",
        width=6,
        limits=(0, None),
        no_value="not exported",
    )
