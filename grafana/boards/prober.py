"""
Can the figures be trusted? The prober watching itself.
"""

from __future__ import annotations

from jobproof.grafana.boards.dashboard import Dashboard, PanelRow, Row
from jobproof.grafana.boards.panels import (
    Panel,
    Query,
    fixed_colour,
    stat,
    table,
    threshold_steps,
    timeseries,
    value_mappings,
)
from jobproof.grafana.boards.prober_inside import inside_rows
from jobproof.grafana.boards.variables import COMMON
from jobproof.grafana.promql import BOARD, quantile, ratio, sum_by

__all__ = ["board"]

# Written out: `up` isn't in the daemon's table of metrics.
JOB_AND_INSTANCE = '{job=~"$job",instance=~"$instance"}'
REASON_COLOURS = (
    fixed_colour("overlap", "red"),
    fixed_colour("budget", "orange"),
    fixed_colour("backoff", "yellow"),
    fixed_colour("throttled", "purple"),
    fixed_colour("late", "blue"),
    fixed_colour("shutdown", "#8e8e8e"),
)


def board() -> Dashboard:
    """
    The dashboard about the watcher.
    """
    return Dashboard(
        uid="jobproof-prober",
        title="jobproof: prober",
        description=(
            "Whether the prober asks on time, within its budget and with a valid token: "
            "without that, the other dashboards mean nothing."
        ),
        variables=COMMON,
        rows=(
            Row("", (PanelRow(4, _tiles()),)),
            Row(
                "On time",
                (
                    PanelRow(8, (_lag(), _missed(), _probe_rate())),
                    PanelRow(7, (_in_flight(), _budget(), _uninformative())),
                ),
            ),
            Row(
                "The way to the endpoint",
                (PanelRow(7, (_skew(), _certificates(), _versions())), PanelRow(7, (_dials(),))),
            ),
            *inside_rows(),
        ),
    )


def _tiles() -> tuple[Panel, ...]:
    return (*_liveness(), *_configuration(), _backoff())


def _liveness() -> tuple[Panel, ...]:
    last = BOARD.select("last_probe_timestamp_seconds")
    interval = BOARD.select("target_interval_seconds")
    canary = "target, canary"
    age = f"time() - max by ({canary}) ({last})"
    return (
        stat(
            "Probers up",
            "Can Prometheus scrape the probers? Red means that nothing is being watched from "
            "there.",
            Query(f"min by (instance) (up{JOB_AND_INSTANCE})", "{{instance}}", instant=True),
            unit="none",
            width=5,
            no_value="NO PROBER",
            thresholds=threshold_steps("red", (1, "green")),
            mappings=value_mappings({"1": ("UP", "green"), "0": ("DOWN", "red")}),
            background=True,
            named=False,
        ),
        stat(
            "Last probe",
            "How many of its own intervals ago did the canary that waits longest end? Up to ten in "
            "an outage that the endpoint announces.",
            Query(
                f"max by (target) (({age}) / on ({canary}) max by ({canary}) ({interval}))",
                "{{target}}",
                instant=True,
            ),
            unit="none",
            width=5,
            no_value="none yet",
            thresholds=threshold_steps("green", (3, "orange"), (11, "red")),
            limits=(0, None),
            decimals=1,
        ),
    )


def _configuration() -> tuple[Panel, ...]:
    return (
        stat(
            "Configuration",
            "Did the prober accept its configuration at the last reload? If not, the old one is "
            "still in force.",
            Query(
                f"min by (instance) ({BOARD.select('config_last_reload_successful')})",
                "{{instance}}",
                instant=True,
            ),
            unit="none",
            width=4,
            no_value="never read",
            thresholds=threshold_steps("red", (1, "green")),
            mappings=value_mappings({"1": ("ACCEPTED", "green"), "0": ("REFUSED", "red")}),
            named=False,
        ),
        stat(
            "Configuration since",
            "How long has the configuration in force been in force?",
            Query(
                "time() - max by (instance) "
                f"({BOARD.select('config_last_reload_success_timestamp_seconds')})",
                "{{instance}}",
                instant=True,
            ),
            unit="dtdurations",
            width=5,
            no_value="never read",
            limits=(0, None),
            named=False,
        ),
    )


def _backoff() -> Panel:
    backoff = BOARD.select("backoff_until_timestamp_seconds")
    return stat(
        "Held back",
        "Has the endpoint asked for rest, by 503 or 429, and for how much longer?",
        Query(f"clamp_min(max by (target) ({backoff}) - time(), 0)", "{{target}}", instant=True),
        unit="s",
        width=5,
        no_value="no targets",
        thresholds=threshold_steps("green", (1, "orange")),
        decimals=0,
    )


def _lag() -> Panel:
    buckets = BOARD.rate("schedule_lag_seconds", part="_bucket")
    return timeseries(
        "Schedule lag",
        "Do probes start when they are due? Lag is part of every measured latency, so it must be "
        "small beside the promised one.",
        *(Query(quantile(q, "", buckets), f"p{q * 100:g}") for q in (0.5, 0.99)),
        unit="s",
        width=8,
        thresholds=threshold_steps("transparent", (1, "red")),
        limits=(0, None),
        no_value="no probes",
    )


def _missed() -> Panel:
    return timeseries(
        "Slots missed, by reason",
        "Which probes didn't happen, and why: too many at once (overlap), the request budget, a "
        "503 with Retry-After (backoff; counted as failed), a 429 (throttled), or a shutdown?",
        Query(
            f"sum by (reason) ({BOARD.recorded('target:jobproof_slots_missed:increase1h')})",
            "{{reason}}",
        ),
        unit="short",
        width=8,
        stacked="normal",
        overrides=REASON_COLOURS,
        limits=(0, None),
        no_value="none missed",
    )


def _probe_rate() -> Panel:
    return timeseries(
        "Probes by canary",
        "How much is being asked, and by which canary? The height is the request rate that the "
        "endpoint sees from us.",
        Query(sum_by("canary", BOARD.rate("probes_total")), "{{canary}}"),
        unit="reqps",
        width=8,
        stacked="normal",
        limits=(0, None),
        no_value="no probes",
    )


def _in_flight() -> Panel:
    return timeseries(
        "Probes in flight",
        "How many probes are waiting for an answer at once? A plateau is a limit that was reached.",
        Query(f"sum by (instance) ({BOARD.select('probes_in_flight')})", "{{instance}}"),
        unit="none",
        width=8,
        limits=(0, None),
        no_value="no prober",
    )


def _budget() -> Panel:
    return timeseries(
        "Request budget used",
        "How much of the requests per minute that the key allows is used? At 100 % slots are "
        "missed for lack of budget.",
        Query(f"max by (target) ({BOARD.select('request_budget_used_ratio')})", "{{target}}"),
        unit="percentunit",
        width=8,
        thresholds=threshold_steps("transparent", (0.9, "orange")),
        limits=(0, 1),
        no_value="no targets",
    )


def _uninformative() -> Panel:
    def share(outcome: str) -> Query:
        probes = sum_by("target", BOARD.rate("probes_total", outcome=outcome))
        every = sum_by("target", BOARD.rate("probes_total"))
        return Query(ratio(probes, every), f"{{{{target}}}} {outcome}")

    return timeseries(
        "Probes that say nothing about the endpoint",
        "How many probes were wasted on a refused token, on rate limiting, or on our own "
        "faults? They count for no objective.",
        *(share(outcome) for outcome in ("auth", "rate_limited", "internal")),
        unit="percentunit",
        width=8,
        limits=(0, 1),
        no_value="no probes",
    )


def _skew() -> Panel:
    return timeseries(
        "Clock skew",
        "Do the endpoint's clock and ours agree? Ages of jobs, signed URLs and certificates "
        "depend on it; exact to half a second.",
        Query(f"avg by (target) ({BOARD.select('clock_skew_seconds')})", "{{target}}"),
        unit="s",
        width=8,
        no_value="no Date header",
    )


def _certificates() -> Panel:
    expiry = BOARD.select("tls_certificate_expiry_timestamp_seconds")
    return table(
        "TLS certificates",
        "When do the endpoints' certificates expire? Orange is three weeks, red is one. Plain "
        "HTTP has none.",
        Query(f"min by (target) ({expiry}) - time()", instant=True, format="table"),
        unit="s",
        width=8,
        no_value="plain HTTP",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {"target": 0, "Value": 1},
                    "renameByName": {"Value": "Expires in", "target": "Target"},
                },
            }
        ],
        thresholds=threshold_steps("red", (7 * 86_400, "orange"), (21 * 86_400, "semi-dark-green")),
    )


def _dials() -> Panel:
    return timeseries(
        "Connections dialled",
        "Does the way lead there? What came of looking up the name, connecting and the TLS "
        "handshake, about once a minute for each connection that is kept.",
        Query(sum_by("target, outcome", BOARD.rate("dials_total")), "{{target}} {{outcome}}"),
        unit="cps",
        width=24,
        stacked="normal",
        limits=(0, None),
        no_value="none dialled",
    )


def _versions() -> Panel:
    return table(
        "What is running",
        "Which version of the prober, on which Python, runs where?",
        Query(
            f"max by (instance, version, python_version) ({BOARD.select('build_info')})",
            instant=True,
            format="table",
        ),
        unit="none",
        width=8,
        no_value="no prober",
        transformations=[
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "Value": True},
                    "indexByName": {"instance": 0, "version": 1, "python_version": 2},
                    "renameByName": {
                        "instance": "Instance",
                        "python_version": "Python",
                        "version": "jobproof",
                    },
                },
            }
        ],
    )
